//! Waiting: for a socket, for another thread, or for time to pass, always with a deadline, and
//! never past a shut-down or a cancellation.
//!
//! Every wait of the library is one of this file's, which is why signals, shut-downs and
//! cancellations need no further thought elsewhere.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Instant;

use super::failure::Failure;
use super::socket::Socket;
use crate::sys::{Cause, Event, Interrupt};

/// Why a wait ended without what it waited for.
#[derive(Debug)]
pub(crate) enum Interrupted {
    Deadline,
    Raised(Cause),
    /// The machine refused to wait (out of memory).
    Refused(io::Error),
}

/// Until when to wait, and what else ends it.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    pub(crate) deadline: Instant,
    pub(crate) interrupt: Arc<Interrupt>,
}

impl Limits {
    /// Waits until one of `events` has happened.
    pub(crate) fn wait_for(&self, events: &mut [Event<'_>]) -> Result<(), Interrupted> {
        self.wait_until(events, self.deadline).map(|_| ())
    }

    /// Waits until one of `events` has happened (`true`) or until `pause`, which may be earlier
    /// than the deadline (`false`).
    pub(crate) fn wait_until(
        &self,
        events: &mut [Event<'_>],
        pause: Instant,
    ) -> Result<bool, Interrupted> {
        loop {
            self.check()?;
            if Instant::now() >= pause {
                return Ok(false);
            }
            self.interrupt
                .poll(events, pause.min(self.deadline))
                .map_err(Interrupted::Refused)?;
            // The interrupt makes them happen, too.
            if events.iter().any(Event::happened) && self.interrupt.raised().is_none() {
                return Ok(true);
            }
        }
    }

    /// Waits until `is_over`, which is asked again when the interrupt wakes.
    pub(crate) fn wait_while_not(&self, is_over: impl Fn() -> bool) -> Result<(), Interrupted> {
        self.interrupt.wait(self.deadline, &is_over);
        self.reached(is_over())
    }

    /// Lets time pass until `pause`.
    pub(crate) fn sleep_until(&self, pause: Instant) -> Result<(), Interrupted> {
        self.interrupt.wait(pause.min(self.deadline), || false);
        self.reached(Instant::now() >= pause)
    }

    /// What a wait came to. An interrupt counts even where what was waited for came at the same time.
    fn reached(&self, is_over: bool) -> Result<(), Interrupted> {
        if is_over && self.interrupt.raised().is_none() {
            Ok(())
        } else {
            self.check()
        }
    }

    /// Whether there is time left.
    pub(crate) fn check(&self) -> Result<(), Interrupted> {
        if let Some(cause) = self.interrupt.raised() {
            Err(Interrupted::Raised(cause))
        } else if Instant::now() >= self.deadline {
            Err(Interrupted::Deadline)
        } else {
            Ok(())
        }
    }
}

/// A socket with limits: reads and writes that wait, for code that speaks [`io::Read`] and
/// [`io::Write`] (a TLS handshake, a proxy's greeting).
pub(crate) struct Limited<'a> {
    pub(crate) socket: &'a Socket,
    pub(crate) limits: &'a Limits,
}

impl Limited<'_> {
    /// Tries until there is no need to wait for `event`.
    fn retry(
        &self,
        mut event: Event<'_>,
        mut step: impl FnMut() -> io::Result<usize>,
    ) -> io::Result<usize> {
        let failed = |interrupted| io::Error::other(Failure::from(interrupted));
        loop {
            // Each time: a peer that always has something to say must not keep a call from its
            // deadline.
            self.limits.check().map_err(failed)?;
            match step() {
                Err(error) if is_transient(&error) => self
                    .limits
                    .wait_for(std::slice::from_mut(&mut event))
                    .map_err(failed)?,
                result => return result,
            }
        }
    }
}

impl Read for Limited<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut socket = self.socket;
        self.retry(Event::readable(self.socket), || socket.read(into))
    }
}

impl Write for Limited<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut socket = self.socket;
        self.retry(Event::writable(self.socket), || socket.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether the same system call may do better in a moment.
pub(crate) fn is_transient(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::net::{TcpListener, TcpStream};
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use super::{Limited, Limits};
    use crate::transport::socket::Socket;

    #[test]
    fn what_will_not_do_better_in_a_moment_is_not_tried_again() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let address = listener.local_addr().expect("an address");
        let stream = TcpStream::connect(address).expect("a listener");
        let socket = Socket::new(stream.into(), Arc::default());
        socket.end_sending();
        let limits = Limits {
            deadline: Instant::now() + Duration::from_secs(2),
            interrupt: Arc::default(),
        };
        let mut limited = Limited {
            socket: &socket,
            limits: &limits,
        };
        let error = limited.write(b"more").expect_err("no more can be sent");
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }
}
