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

/// Those of this process that are under way or waiting for a thread.
fn look_ups() -> MutexGuard<'static, LookUps> {
    static LOOK_UPS: PerProcess<Mutex<LookUps>> = PerProcess::new();

    lock(LOOK_UPS.get_or_make(Mutex::default))
}

#[derive(Default)]
struct LookUps {
    unfinished: VecDeque<Arc<LookUp>>,
    threads: usize,
}

/// One host, for however many calls that ask for it at the same time.
struct LookUp {
    host: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    is_taken: bool,
    addresses: Option<Addresses>,
    waiting: Vec<Arc<Interrupt>>,
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
        Ok(addresses) => Ok(addresses
            .iter()
            .map(|address| {
                let mut address = *address;
                address.set_port(host.port);
                address
            })
            .collect()),
        Err(error) => Err(Failure::Name {
            host: host.name.clone(),
            error,
        }),
    }
}

impl LookUp {
    /// Waits for the end of it, on behalf of a call, which it knows no longer than that.
    fn await_end(&self, limits: &Limits) -> Result<Addresses, Failure> {
        let waited = limits.wait_while_not(|| lock(&self.state).addresses.is_some());
        let mut state = lock(&self.state);
        state
            .waiting
            .retain(|waiting| !Arc::ptr_eq(waiting, &limits.interrupt));
        let addresses = state.addresses.clone();
        addresses.ok_or_else(|| waited.err().unwrap_or(Failure::Deadline))
    }
}

fn join_or_start(host: &str, waiting: &Arc<Interrupt>) -> Result<Arc<LookUp>, Failure> {
    let mut look_ups = look_ups();
    for unfinished in look_ups.unfinished.iter().filter(|it| it.host == host) {
        let mut state = lock(&unfinished.state);
        if state.addresses.is_none() {
            state.waiting.push(Arc::clone(waiting));
            return Ok(Arc::clone(unfinished));
        }
    }
    let look_up = Arc::new(LookUp {
        host: host.to_owned(),
        state: Mutex::new(State {
            waiting: vec![Arc::clone(waiting)],
            ..State::default()
        }),
    });
    if look_ups.threads < MAX_THREADS {
        match start_thread() {
            Ok(()) => look_ups.threads += 1,
            // Another thread will come to it.
            Err(_) if look_ups.threads > 0 => {}
            Err(error) => return Err(Failure::Machine("start a thread for a name look-up", error)),
        }
    }
    look_ups.unfinished.push_back(Arc::clone(&look_up));
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
    let next = look_ups
        .unfinished
        .iter()
        .find(|look_up| !std::mem::replace(&mut lock(&look_up.state).is_taken, true))
        .map(Arc::clone);
    if next.is_none() {
        look_ups.threads -= 1;
    }
    next
}

fn ask_system(host: &str) -> Addresses {
    match with_descriptors(|| (host, 0).to_socket_addrs(), are_lacking) {
        Ok(addresses) => Ok(addresses.collect()),
        Err(error) => Err(Arc::new(error)),
    }
}

fn finish(look_up: &Arc<LookUp>, addresses: Addresses) {
    look_ups()
        .unfinished
        .retain(|unfinished| !Arc::ptr_eq(unfinished, look_up));
    let mut state = lock(&look_up.state);
    state.addresses = Some(addresses);
    let waiting = std::mem::take(&mut state.waiting);
    drop(state);
    for interrupt in waiting {
        interrupt.wake();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Instant;

    use super::{LookUp, State, lock};
    use crate::transport::Limits;

    #[test]
    fn call_that_gave_up_is_kept_by_no_look_up() {
        let limits = Limits {
            deadline: Instant::now(),
            interrupt: Arc::default(),
        };
        let other = Arc::default();
        let look_up = LookUp {
            host: "api.example".to_owned(),
            state: Mutex::new(State {
                waiting: vec![Arc::clone(&other), Arc::clone(&limits.interrupt)],
                ..State::default()
            }),
        };
        assert!(look_up.await_end(&limits).is_err());
        let waiting = &lock(&look_up.state).waiting;
        assert!(waiting.len() == 1 && Arc::ptr_eq(&waiting[0], &other));
    }
}
