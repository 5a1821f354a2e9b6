//! The wake-up of a waiting call.

use std::io;
use std::sync::Condvar;
use std::time::Instant;

use super::{Event, Polled};
use crate::mutex::Mutex;

/// What ends a call's waits from another thread, at once and for good.
///
/// A wait for sockets ends as the system can end one ([`Polled`]), any other by a condition variable. A
/// client at rest takes no descriptor for it.
#[derive(Debug, Default)]
pub(crate) struct Interrupt {
    state: Mutex<State>,
    changed: Condvar,
}

/// Why a call has to end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Cause {
    ShutDown,
    Cancelled,
}

#[derive(Debug, Default)]
struct State {
    raised: Option<Cause>,
    polled: Polled,
}

impl Interrupt {
    /// The first cause counts.
    pub(crate) fn raise(&self, cause: Cause) {
        let mut state = self.state.lock();
        state.raised.get_or_insert(cause);
        state.polled.wake();
        self.changed.notify_all();
    }

    pub(crate) fn raised(&self) -> Option<Cause> {
        self.state.lock().raised
    }

    /// Waits until one of `events` happened, until a time, or until the interrupt is raised; or not so
    /// long.
    pub(crate) fn poll(&self, events: &mut [Event<'_>], until: Instant) -> io::Result<()> {
        let mut state = self.state.lock();
        if state.raised.is_some() {
            return Ok(());
        }
        let poll = state.polled.begin(events)?;
        drop(state);
        let result = poll.until(until);
        self.state.lock().polled.end();
        result
    }

    /// Waits until a time, until `is_over`, which is asked again after each [`wake`](Self::wake), or
    /// until the interrupt is raised.
    pub(crate) fn wait(&self, until: Instant, is_over: impl Fn() -> bool) {
        let left = until.saturating_duration_since(Instant::now());
        let goes_on = |state: &mut State| state.raised.is_none() && !is_over();
        let state = self.state.lock();
        drop(self.changed.wait_timeout_while(state, left, goes_on));
    }

    /// Lets a [`wait`](Self::wait) look again. Not to be called with a lock held that its `is_over`
    /// takes.
    pub(crate) fn wake(&self) {
        // Not between its last look and its wait.
        drop(self.state.lock());
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;
    use std::time::{Duration, Instant};

    use super::Interrupt;

    #[test]
    fn wake_between_a_look_and_the_wait_is_not_lost() {
        let interrupt = Interrupt::default();
        let is_over = AtomicBool::new(false);
        let until = Instant::now() + Duration::from_secs(20);
        let has_looked = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !has_looked.load(Ordering::SeqCst) {
                    thread::yield_now();
                }
                is_over.store(true, Ordering::SeqCst);
                interrupt.wake();
            });
            interrupt.wait(until, || {
                let was_over = is_over.load(Ordering::SeqCst);
                has_looked.store(true, Ordering::SeqCst);
                thread::sleep(Duration::from_millis(50));
                was_over
            });
        });
        assert!(Instant::now() < until);
    }
}
