//! Name look-ups.
//!
//! The system's look-up blocks and cannot be interrupted, so it runs on a thread of its own, which
//! the caller waits for as it waits for everything else. However many calls wait, and however long
//! a name server is silent, a process has at most [`MAX_THREADS`] such threads; they end when there
//! is nothing left to look up.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, MutexGuard};
use std::thread;

use once_cell::race::OnceBox;

use super::authority::Authority;
use super::deadline::Limits;
use super::failure::Failure;
use super::give_way::{are_lacking, with_descriptors};
use crate::mutex::Mutex;
use crate::panics;
use crate::per_process::PerProcess;
use crate::sys::{self, Interrupt, fork};

/// Enough that names which a silent name server is asked for do not hold up those that another one, or
/// `/etc/hosts`, knows.
const MAX_THREADS: usize = 32;

/// The system's look-up takes modules of the machine's own choice (LDAP, mDNS): more than the
/// 64 KiB that the library itself is content with.
const STACK_BYTES: usize = 512 * 1024;

type Addresses = Result<Vec<SocketAddr>, Arc<io::Error>>;

#[derive(Default)]
struct LookUps {
    unfinished: Vec<Arc<LookUp>>,
    threads: usize,
}

/// One host, for however many calls that ask for it at the same time.
#[derive(Default)]
struct LookUp {
    host: String,
    /// Whether a thread works on it.
    is_taken: AtomicBool,
    addresses: OnceBox<Addresses>,
    /// The calls that wait for it.
    waiting: Mutex<Vec<Arc<Interrupt>>>,
}

/// Those of this process.
fn look_ups() -> MutexGuard<'static, LookUps> {
    static LOOK_UPS: PerProcess<Mutex<LookUps>> = PerProcess::new();
    LOOK_UPS.get_or_make(Mutex::default).lock()
}

/// The addresses of a host, which is a name or an IP address, in the system's order of preference.
pub(super) fn look_up(host: &Authority, limits: &Limits) -> Result<Vec<SocketAddr>, Failure> {
    if let Some(address) = host.address() {
        return Ok(vec![SocketAddr::new(address, host.port)]);
    }
    if host.is_localhost() {
        let addresses = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        return Ok(addresses.map(|it| SocketAddr::new(it, host.port)).to_vec());
    }
    let found = join_or_start(&host.name, &limits.interrupt)?.await_end(limits)?;
    let mut addresses = found.map_err(|error| Failure::Name {
        host: host.name.clone(),
        error,
    })?;
    addresses.iter_mut().for_each(|it| it.set_port(host.port));
    Ok(addresses)
}

impl LookUp {
    /// Waits for the end of it, on behalf of a call, which is known no longer than that.
    fn await_end(&self, limits: &Limits) -> Result<Addresses, Failure> {
        let waited = limits.wait_while_not(|| self.addresses.get().is_some());
        let is_other = |call: &Arc<Interrupt>| !Arc::ptr_eq(call, &limits.interrupt);
        self.waiting.lock().retain(is_other);
        waited?;
        self.addresses.get().cloned().ok_or(Failure::Deadline)
    }
}

fn join_or_start(host: &str, call: &Arc<Interrupt>) -> Result<Arc<LookUp>, Failure> {
    let mut look_ups = look_ups();
    let unfinished = look_ups.unfinished.iter().find(|it| it.host == host);
    let look_up = match unfinished.map(Arc::clone) {
        Some(unfinished) => unfinished,
        None => start(&mut look_ups, host)?,
    };
    look_up.waiting.lock().push(Arc::clone(call));
    Ok(look_up)
}

fn start(look_ups: &mut LookUps, host: &str) -> Result<Arc<LookUp>, Failure> {
    if look_ups.threads < MAX_THREADS {
        match start_thread() {
            Ok(()) => look_ups.threads += 1,
            // Another thread will come to it.
            Err(_) if look_ups.threads > 0 => {}
            Err(error) => return Err(Failure::Machine("start a thread for a name look-up", error)),
        }
    }
    let look_up = Arc::new(LookUp {
        host: host.to_owned(),
        ..LookUp::default()
    });
    look_ups.unfinished.push(Arc::clone(&look_up));
    Ok(look_up)
}

/// Starts a thread that works until nothing is left to take. It takes no signal: the host's handlers
/// expect the host's threads.
fn start_thread() -> io::Result<()> {
    let thread = thread::Builder::new().name("zixflow-names".to_owned());
    let work = || {
        fork::thread_looks_names_up();
        while let Some(look_up) = take() {
            finish(&look_up, ask_system(&look_up.host));
        }
    };
    sys::keep_loaded();
    sys::without_signals(|| thread.stack_size(STACK_BYTES).spawn(work).map(|_| ()))
}

/// The first look-up that no thread works on; `None` ends the thread.
fn take() -> Option<Arc<LookUp>> {
    let mut look_ups = look_ups();
    let mut unfinished = look_ups.unfinished.iter();
    let taken = unfinished.find(|it| !it.is_taken.swap(true, Ordering::Relaxed));
    let taken = taken.map(Arc::clone);
    if taken.is_none() {
        look_ups.threads -= 1;
    }
    taken
}

fn ask_system(host: &str) -> Addresses {
    let ask = || with_descriptors(|| (host, 0).to_socket_addrs(), are_lacking);
    let addresses = panics::catch(ask).unwrap_or_else(|place| {
        let bug = format!("a bug in libzixflow, {place}");
        Err(io::Error::other(bug))
    });
    addresses.map(Iterator::collect).map_err(Arc::new)
}

fn finish(look_up: &Arc<LookUp>, addresses: Addresses) {
    let _ = look_up.addresses.set(Box::new(addresses));
    let is_other = |it: &Arc<LookUp>| !Arc::ptr_eq(it, look_up);
    look_ups().unfinished.retain(is_other);
    for call in look_up.waiting.lock().iter() {
        call.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Instant;

    use super::LookUp;
    use crate::transport::Limits;

    #[test]
    fn call_that_gave_up_is_kept_by_no_look_up() {
        let limits = Limits::until(Instant::now());
        let other = Arc::default();
        let look_up = LookUp::default();
        for call in [&other, &limits.interrupt] {
            look_up.waiting.lock().push(Arc::clone(call));
        }
        assert!(look_up.await_end(&limits).is_err());
        let waiting = look_up.waiting.lock();
        assert!(waiting.len() == 1 && Arc::ptr_eq(&waiting[0], &other));
    }
}
