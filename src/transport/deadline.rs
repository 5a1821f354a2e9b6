//! Waiting: for a socket, for another thread, or for time to pass, always with a deadline, and
//! never past a shut-down or a cancellation.
//!
//! Every wait of the library is one of this file's, which is why signals, shut-downs and
//! cancellations need no further thought elsewhere.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::sys::{Cause, Event, Interrupt};

/// Why a wait ended without what it waited for.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The call's `timeout_ms` ran out.
    Deadline,
    /// The turn under the rate limit comes after the deadline: so long from now.
    RateLimit(Duration),
    /// The client was shut down, or the call cancelled.
    Raised(Cause),
    /// The operating system did not wait (out of memory).
    Os(io::Error),
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stop::Deadline => f.write_str("timed out (timeout_ms)"),
            Stop::RateLimit(_) => f.write_str(
                "rate limit: the next slot under messages_per_second is after timeout_ms",
            ),
            Stop::Raised(Cause::ShutDown) => f.write_str("the client was shut down"),
            Stop::Raised(Cause::Cancelled) => f.write_str("the call was cancelled"),
            Stop::Os(error) => write!(f, "the machine could not wait for the network ({error})"),
        }
    }
}

/// Until when to wait, and what else ends it.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    pub(crate) deadline: Instant,
    pub(crate) interrupt: Arc<Interrupt>,
}

impl Limits {
    /// Waits until one of `events` has happened.
    pub(crate) fn wait_for(&self, events: &mut [Event<'_>]) -> Result<(), Stop> {
        self.wait_until(events, self.deadline).map(|_| ())
    }

    /// Waits until one of `events` has happened (`true`) or until `pause`, which may be earlier
    /// than the deadline (`false`).
    pub(crate) fn wait_until(
        &self,
        events: &mut [Event<'_>],
        pause: Instant,
    ) -> Result<bool, Stop> {
        loop {
            self.check()?;
            if pause < self.deadline && Instant::now() >= pause {
                return Ok(false);
            }
            self.interrupt
                .poll(events, pause.min(self.deadline))
                .map_err(Stop::Os)?;
            // The interrupt makes them happen, too.
            if events.iter().any(Event::happened) && self.interrupt.raised().is_none() {
                return Ok(true);
            }
        }
    }

    /// Waits until `is_over`, which is asked again when the interrupt wakes.
    pub(crate) fn wait_while_not(&self, is_over: impl Fn() -> bool) -> Result<(), Stop> {
        self.interrupt.wait(self.deadline, &is_over);
        self.reached(is_over())
    }

    /// Lets time pass until `pause`.
    pub(crate) fn sleep_until(&self, pause: Instant) -> Result<(), Stop> {
        self.interrupt.wait(pause.min(self.deadline), || false);
        self.reached(Instant::now() >= pause)
    }

    /// What a wait came to. An interrupt counts even where what was waited for came at the same time.
    fn reached(&self, is_over: bool) -> Result<(), Stop> {
        if is_over && self.interrupt.raised().is_none() {
            Ok(())
        } else {
            self.check()
        }
    }

    /// Whether there is time left.
    pub(crate) fn check(&self) -> Result<(), Stop> {
        if let Some(cause) = self.interrupt.raised() {
            Err(Stop::Raised(cause))
        } else if Instant::now() >= self.deadline {
            Err(Stop::Deadline)
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use super::{Limits, Stop};
    use crate::sys::Cause;

    #[test]
    fn cancelled_wait_is_cancelled_even_where_what_it_waited_for_has_come() {
        let now = Instant::now();
        let limits = Limits {
            deadline: now + Duration::from_secs(20),
            interrupt: Arc::default(),
        };
        assert!(limits.wait_while_not(|| true).is_ok());
        assert!(limits.sleep_until(now).is_ok());
        limits.interrupt.raise(Cause::Cancelled);
        for waited in [limits.wait_while_not(|| true), limits.sleep_until(now)] {
            assert!(matches!(waited, Err(Stop::Raised(Cause::Cancelled))));
        }
    }
}
