//! Name look-ups.
//!
//! The system's look-up blocks and cannot be interrupted, so it runs on a thread of its own, which
//! the caller waits for as it waits for everything else. However many calls wait, and however long
//! a name server is silent, a process has at most [`MAX_THREADS`] such threads; they end when there
//! is nothing left to look up.

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use once_cell::race::OnceBox;

use super::authority::Authority;
use super::deadline::Limits;
use super::failure::Failure;
use super::give_way::{are_lacking, with_descriptors};
use crate::panics;
use crate::per_process::PerProcess;
use crate::sys::{self, Interrupt, fork};

/// Enough that names which a silent name server is asked for do not hold up those that another one, or
/// `/etc/hosts`, knows.
const MAX_THREADS: usize = 32;

/// The system's look-up takes modules of the machine's own choice (LDAP, mDNS): more than the
/// 64 KiB that the library itself is content with.
const STACK_BYTES: usize = 512 * 1024;

type Addresses = Result<Arc<[SocketAddr]>, Arc<io::Error>>;

#[derive(Default)]
struct LookUps {
    unfinished: Vec<Arc<LookUp>>,
    /// Those of them that wait for a thread.
    untaken: VecDeque<Arc<LookUp>>,
    threads: usize,
    /// Which call waits for which.
    waiting: Vec<(Arc<LookUp>, Arc<Interrupt>)>,
}

/// One host, for however many calls that ask for it at the same time.
struct LookUp {
    host: String,
    addresses: OnceBox<Addresses>,
}

/// Those of this process.
fn look_ups() -> MutexGuard<'static, LookUps> {
    static LOOK_UPS: PerProcess<Mutex<LookUps>> = PerProcess::new();

    let look_ups = LOOK_UPS.get_or_make(Mutex::default);
    look_ups.lock().unwrap_or_else(PoisonError::into_inner)
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
    let look_up = join_or_start(&host.name, &limits.interrupt)?;
    match look_up.await_end(limits)? {
        Ok(addresses) => {
            let mut addresses = addresses.to_vec();
            addresses.iter_mut().for_each(|it| it.set_port(host.port));
            Ok(addresses)
        }
        Err(error) => Err(Failure::Name {
            host: host.name.clone(),
            error,
        }),
    }
}

impl LookUp {
    /// Waits for the end of it, on behalf of a call, which is known no longer than that.
    fn await_end(&self, limits: &Limits) -> Result<Addresses, Failure> {
        let waited = limits.wait_while_not(|| self.addresses.get().is_some());
        let is_other = |it: &Arc<Interrupt>| !Arc::ptr_eq(it, &limits.interrupt);
        look_ups().waiting.retain(|(_, call)| is_other(call));
        let addresses = self.addresses.get().cloned();
        addresses.ok_or_else(|| waited.err().unwrap_or(Failure::Deadline))
    }
}

fn join_or_start(host: &str, call: &Arc<Interrupt>) -> Result<Arc<LookUp>, Failure> {
    let mut look_ups = look_ups();
    let unfinished = look_ups.unfinished.iter().find(|it| it.host == host);
    let look_up = match unfinished.map(Arc::clone) {
        Some(unfinished) => unfinished,
        None => start(&mut look_ups, host)?,
    };
    let waiting = (Arc::clone(&look_up), Arc::clone(call));
    look_ups.waiting.push(waiting);
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
        addresses: OnceBox::new(),
    });
    look_ups.unfinished.push(Arc::clone(&look_up));
    look_ups.untaken.push_back(Arc::clone(&look_up));
    Ok(look_up)
}

/// Starts a thread that works until nothing waits. It takes no signal: the host's handlers expect
/// the host's threads.
fn start_thread() -> io::Result<()> {
    sys::keep_loaded();
    let _blocked = sys::block_all_signals();
    thread::Builder::new()
        .name("zixflow-names".to_owned())
        .stack_size(STACK_BYTES)
        .spawn(|| {
            fork::thread_looks_names_up();
            while let Some(look_up) = next() {
                let addresses =
                    panics::catch(|| ask_system(&look_up.host)).unwrap_or_else(|place| {
                        let bug = format!("a bug in libzixflow, {place}");
                        Err(Arc::new(io::Error::other(bug)))
                    });
                finish(&look_up, addresses);
            }
        })
        .map(|_| ())
}

/// The next look-up that no thread has taken; `None` ends the thread.
fn next() -> Option<Arc<LookUp>> {
    let mut look_ups = look_ups();
    let next = look_ups.untaken.pop_front();
    if next.is_none() {
        look_ups.threads -= 1;
    }
    next
}

fn ask_system(host: &str) -> Addresses {
    let addresses = with_descriptors(|| (host, 0).to_socket_addrs(), are_lacking);
    addresses.map(Iterator::collect).map_err(Arc::new)
}

fn finish(look_up: &Arc<LookUp>, addresses: Addresses) {
    let _ = look_up.addresses.set(Box::new(addresses));
    let mut look_ups = look_ups();
    let is_this = |it: &Arc<LookUp>| Arc::ptr_eq(it, look_up);
    look_ups.unfinished.retain(|it| !is_this(it));
    for (_, call) in look_ups.waiting.iter().filter(|(it, _)| is_this(it)) {
        call.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Instant;

    use once_cell::race::OnceBox;

    use super::{LookUp, look_ups};
    use crate::transport::Limits;

    #[test]
    fn call_that_gave_up_is_kept_by_no_look_up() {
        let limits = Limits {
            deadline: Instant::now(),
            interrupt: Arc::default(),
        };
        let other = Arc::default();
        let look_up = Arc::new(LookUp {
            host: "api.example".to_owned(),
            addresses: OnceBox::new(),
        });
        for call in [&other, &limits.interrupt] {
            let waiting = (Arc::clone(&look_up), Arc::clone(call));
            look_ups().waiting.push(waiting);
        }
        assert!(look_up.await_end(&limits).is_err());
        let waiting = &look_ups().waiting;
        let calls = waiting.iter().filter(|(it, _)| Arc::ptr_eq(it, &look_up));
        let calls: Vec<_> = calls.map(|(_, call)| call).collect();
        assert!(calls.len() == 1 && Arc::ptr_eq(calls[0], &other));
    }
}
