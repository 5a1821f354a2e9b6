//! One attempt at one message, and the fact that this library exists to establish: whether its request was sent.
//!
//! ureq drives. The connection under it reports here what it did. In the order of ureq's calls:
//!
//! | | ureq calls | the connection | [`Step`] | [`Progress`] afterwards |
//! | --- | --- | --- | --- | --- |
//! | 1 | `connect`, or `is_open` of a kept connection | is there | | `Head` |
//! | 2 | `output`, then `transmit_output` with the head | adds the library's header fields | `HeadWritten` | `Body` |
//! | 3 | `tmp_and_output`, then `transmit_output` with a part of the body | sends only where its buffer is full | `BodyWritten` | `Body`, with less left |
//! | 4 | the same with the last part | has the whole request in its buffer, and sends it | `BodyWritten` | `Written` |
//! | 5 | (inside of 4) | has given the kernel the last byte, over TLS that of the last record | `Flushed` | `Sent` |
//! | or | (inside of 3 or 4) | the peer responded, closed or broke first: what is left is dropped | `Aborted` | `Aborted` |
//! | 6 | `await_input`, `input`, `input_consume` | receives the response | | as before |
//! | or | (inside of 6) | is told that the TLS handshake failed for the server, which read no request | `Unread` | `Aborted` |
//! | 7 | `is_open`, to keep the connection | says yes only after `Sent` | | as before |
//!
//! A deadline, a shut-down or a cancel in 3 or 4 goes up to ureq as an error, which drops the
//! connection and what is in its buffer: `Body` and `Written` are not `Sent`, and never will be.

use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use super::deadline::Limits;
use super::socket::Socket;
use super::trace::{Milliseconds, Trace};
use crate::mutex::Mutex;

/// How far a request came. Whether a message may have been queued depends on this alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Progress {
    /// The head is not complete; a body of so many bytes comes behind it.
    Head { body: usize },
    /// So many bytes of the body are not written yet.
    Body { left: usize },
    /// The request is complete, and the kernel has not taken the last byte.
    Written,
    /// The kernel has taken the last byte: the whole request may have reached the API.
    Sent,
    /// The rest was dropped before the kernel took it, and never leaves; or the server said that it read none of it.
    Aborted,
}

/// What the connection did, or was told: what changes the progress, and nothing else does.
#[derive(Clone, Copy)]
pub(super) enum Step {
    HeadWritten,
    /// So many bytes of it.
    BodyWritten(usize),
    /// The kernel has taken all that was written.
    Flushed,
    /// What the kernel has not taken was dropped.
    Aborted,
    /// The server said that it read none of the request: all that undoes `Sent`.
    Unread,
}

impl Progress {
    fn after(self, step: Step) -> Self {
        match (self, step) {
            (Progress::Head { body: 0 }, Step::HeadWritten) => Progress::Written,
            (Progress::Head { body }, Step::HeadWritten) => Progress::Body { left: body },
            (Progress::Body { left }, Step::BodyWritten(bytes)) if left > bytes => {
                Progress::Body { left: left - bytes }
            }
            (Progress::Body { .. }, Step::BodyWritten(_)) => Progress::Written,
            (Progress::Written, Step::Flushed) => Progress::Sent,
            (Progress::Sent, Step::Aborted) => Progress::Sent,
            (_, Step::Aborted | Step::Unread) => Progress::Aborted,
            (unchanged, _) => unchanged,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Attempt {
    limits: Limits,
    pub(super) connect_timeout: Duration,
    progress: Progress,
    /// Whether it has, or left, a connection.
    pub(super) has_connection: bool,
    /// Where the call asks for it.
    trace: Option<Trace>,
}

impl Attempt {
    pub(crate) fn new(
        limits: &Limits,
        connect_timeout: Duration,
        body_bytes: usize,
        trace: Option<Trace>,
    ) -> Self {
        Attempt {
            limits: limits.clone(),
            connect_timeout,
            progress: Progress::Head { body: body_bytes },
            has_connection: false,
            trace,
        }
    }
}

/// The attempt that is being made, shared between the caller of ureq and the connection under it: ureq
/// hands nothing down to a kept connection.
#[derive(Clone, Debug)]
pub(crate) struct CurrentAttempt(Arc<Mutex<Attempt>>);

impl CurrentAttempt {
    pub(super) fn new(first: Attempt) -> Self {
        CurrentAttempt(Arc::new(Mutex::new(first)))
    }

    pub(super) fn limits(&self) -> Limits {
        self.lock().limits.clone()
    }

    pub(super) fn progress(&self) -> Progress {
        self.lock().progress
    }

    /// Whether the request was sent; and what the attempt did, for a call that asks for it.
    pub(crate) fn result(&self) -> (bool, Option<Trace>) {
        let mut attempt = self.lock();
        (attempt.progress == Progress::Sent, attempt.trace.take())
    }

    pub(super) fn proceed(&self, step: Step) -> Progress {
        let mut attempt = self.lock();
        attempt.progress = attempt.progress.after(step);
        if let (Progress::Sent, Step::Flushed, Some(trace)) =
            (attempt.progress, step, &mut attempt.trace)
        {
            trace.sent = Some(Instant::now());
        }
        attempt.progress
    }

    /// A connection was opened for it, or a kept one found open.
    pub(super) fn connected(&self, connection: &'static str, socket: &Socket) {
        let mut attempt = self.lock();
        attempt.has_connection = true;
        if let Some(trace) = &mut attempt.trace {
            trace.connection = Some(connection);
            trace.address = socket.stream.peer_addr().ok();
        }
    }

    pub(super) fn received(&self) {
        if let Some(trace) = &mut self.lock().trace {
            trace.response_ms = trace.sent.map(|sent| Milliseconds(sent.elapsed()));
        }
    }

    /// Takes a step, and adds its time to the trace.
    pub(super) fn timed<R>(&self, step: &'static str, work: impl FnOnce() -> R) -> R {
        let began = self.lock().trace.as_ref().map(|_| Instant::now());
        let result = work();
        if let Some(began) = began
            && let Some(trace) = &mut self.lock().trace
        {
            trace.add(step, began.elapsed());
        }
        result
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Attempt> {
        self.0.lock()
    }
}

#[cfg(test)]
mod tests {
    use super::Progress::*;
    use super::Step;

    #[test]
    fn each_step_leads_where_the_table_says() {
        let body = |left| Body { left };
        let head = |body| Head { body };
        for (step, from_head, from_body, from_written) in [
            (Step::HeadWritten, body(30), body(30), Written),
            (Step::BodyWritten(20), head(30), body(10), Written),
            (Step::BodyWritten(30), head(30), Written, Written),
            (Step::Flushed, head(30), body(30), Sent),
            (Step::Aborted, Aborted, Aborted, Aborted),
        ] {
            assert_eq!(head(30).after(step), from_head);
            assert_eq!(body(30).after(step), from_body);
            assert_eq!(Written.after(step), from_written);
            // Neither becomes anything else by what is written.
            assert_eq!(Sent.after(step), Sent);
            assert_eq!(Aborted.after(step), Aborted);
        }
        assert_eq!(Sent.after(Step::Unread), Aborted);
        assert_eq!(head(0).after(Step::HeadWritten), Written);
        // More than all is all: what may have been sent is not called unsent.
        assert_eq!(body(1).after(Step::BodyWritten(2)), Written);
    }
}
