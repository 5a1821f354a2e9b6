//! Waiting: for a socket, for another thread, or for time to pass, always with a deadline, and
//! never past a shut-down or a cancellation.
//!
//! Every wait of the library is one of this file's, which is why signals, shut-downs and
//! cancellations need no further thought elsewhere.

use std::sync::Arc;
use std::time::Instant;

use super::failure::Failure;
use crate::sys::{Event, Interrupt};

/// Until when to wait, and what else ends it.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    pub(crate) deadline: Instant,
    pub(crate) interrupt: Arc<Interrupt>,
}

impl Limits {
    /// Which nothing interrupts so far.
    pub(crate) fn until(deadline: Instant) -> Self {
        Limits {
            deadline,
            interrupt: Arc::default(),
        }
    }

    /// Waits until one of `events` has happened.
    pub(crate) fn wait_for(&self, events: &mut [Event<'_>]) -> Result<(), Failure> {
        self.wait_until(events, self.deadline)
    }

    /// Waits until one of `events` has happened, or until `pause`, which may be earlier than the
    /// deadline.
    pub(crate) fn wait_until(
        &self,
        events: &mut [Event<'_>],
        pause: Instant,
    ) -> Result<(), Failure> {
        loop {
            self.check()?;
            if pause < self.deadline && Instant::now() >= pause {
                return Ok(());
            }
            self.interrupt
                .poll(events, pause.min(self.deadline))
                .map_err(|error| Failure::Machine("wait for the network", error))?;
            // The interrupt makes them happen, too.
            if events.iter().any(Event::happened) && self.interrupt.raised().is_none() {
                return Ok(());
            }
        }
    }

    /// Waits until `is_over`, which is asked again when the interrupt wakes.
    pub(crate) fn wait_while_not(&self, is_over: impl Fn() -> bool) -> Result<(), Failure> {
        self.interrupt.wait(self.deadline, &is_over);
        self.reached(is_over())
    }

    /// Lets time pass until `pause`.
    pub(crate) fn sleep_until(&self, pause: Instant) -> Result<(), Failure> {
        self.interrupt.wait(pause.min(self.deadline), || false);
        self.reached(Instant::now() >= pause)
    }

    /// What a wait came to. An interrupt counts even where what was waited for came at the same time.
    fn reached(&self, is_over: bool) -> Result<(), Failure> {
        match self.interrupt.raised() {
            None if is_over => Ok(()),
            _ => self.check(),
        }
    }

    /// Whether there is time left.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        match self.interrupt.raised() {
            Some(cause) => Err(Failure::Stopped(cause)),
            None if Instant::now() >= self.deadline => Err(Failure::Deadline),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Failure, Limits};
    use crate::sys::Cause;

    #[test]
    fn cancelled_wait_is_cancelled_even_where_what_it_waited_for_has_come() {
        let now = Instant::now();
        let limits = Limits::until(now + Duration::from_secs(20));
        assert!(limits.wait_while_not(|| true).is_ok());
        assert!(limits.sleep_until(now).is_ok());
        limits.interrupt.raise(Cause::Cancelled);
        for waited in [limits.wait_while_not(|| true), limits.sleep_until(now)] {
            assert!(matches!(waited, Err(Failure::Stopped(Cause::Cancelled))));
        }
    }
}
