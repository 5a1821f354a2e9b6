//! One attempt at one message, and the fact that this library exists to establish: whether its request was sent.
//!
//! ureq drives. The connection under it reports here what it did. In the order of ureq's calls:
//!
//! | | ureq calls | the connection | [`Progress`] afterwards |
//! | --- | --- | --- | --- |
//! | 1 | `connect`, or `is_open` of a kept connection | is there | `Head` |
//! | 2 | `output`, then `transmit_output` with the head | adds the library's header fields | `Body` |
//! | 3 | `tmp_and_output`, then `transmit_output` with a part of the body | sends only where its buffer is full | `Body`, with less left |
//! | 4 | the same with the last part | has the whole request in its buffer, and sends it | `Written` |
//! | 5 | (inside of 4) | has given the kernel the last byte, over TLS that of the last record | `Sent` |
//! | or | (inside of 3 or 4) | the peer responded, closed or broke first: what is left is dropped | `Aborted` |
//! | 6 | `await_input`, `input`, `input_consume` | receives the response | as before |
//! | or | (inside of 6) | is told that the TLS handshake failed for the server, which read no request | `Aborted` |
//! | 7 | `is_open`, to keep the connection | says yes only after `Sent` | as before |
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

impl Progress {
    pub(super) fn head_written(self) -> Self {
        match self {
            Progress::Head { body } => Progress::Body { left: body }.body_written(0),
            other => other,
        }
    }

    pub(super) fn body_written(self, bytes: usize) -> Self {
        match self {
            Progress::Body { left } if left <= bytes => Progress::Written,
            Progress::Body { left } => Progress::Body { left: left - bytes },
            other => other,
        }
    }

    /// The kernel has taken all that was written.
    fn flushed(self) -> Self {
        match self {
            Progress::Written => Progress::Sent,
            other => other,
        }
    }

    pub(super) fn aborted(self) -> Self {
        match self {
            Progress::Sent => Progress::Sent,
            _ => Progress::Aborted,
        }
    }

    /// The server said that it read none of the request: all that undoes `Sent`.
    pub(super) fn unread(self) -> Self {
        Progress::Aborted
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

    pub(super) fn proceed(&self, step: impl FnOnce(Progress) -> Progress) -> Progress {
        let mut attempt = self.lock();
        attempt.progress = step(attempt.progress);
        attempt.progress
    }

    pub(super) fn flushed(&self) {
        if self.proceed(Progress::flushed) == Progress::Sent
            && let Some(trace) = &mut self.lock().trace
        {
            trace.sent = Some(Instant::now());
        }
    }

    /// A connection was opened for it, or a kept one found open.
    pub(super) fn connected(&self, connection: &'static str, socket: &Socket) {
        let mut attempt = self.lock();
        attempt.has_connection = true;
        if let Some(trace) = &mut attempt.trace {
            trace.connection = Some(connection);
            trace.address = socket.peer_addr().ok();
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
    use super::Progress::{self, *};

    #[test]
    fn each_step_leads_where_the_table_says() {
        let body = |left| Body { left };
        let head = |body| Head { body };
        let head_written: fn(Progress) -> Progress = Progress::head_written;
        let some_written: fn(Progress) -> Progress = |it| it.body_written(20);
        let rest_written: fn(Progress) -> Progress = |it| it.body_written(30);
        for (step, from_head, from_body, from_written) in [
            (head_written, body(30), body(30), Written),
            (some_written, head(30), body(10), Written),
            (rest_written, head(30), Written, Written),
            (Progress::flushed, head(30), body(30), Sent),
            (Progress::aborted, Aborted, Aborted, Aborted),
        ] {
            assert_eq!(step(head(30)), from_head);
            assert_eq!(step(body(30)), from_body);
            assert_eq!(step(Written), from_written);
            // Neither becomes anything else by what is written.
            assert_eq!(step(Sent), Sent);
            assert_eq!(step(Aborted), Aborted);
        }
        assert_eq!(Sent.unread(), Aborted);
        assert_eq!(head(0).head_written(), Written);
        // More than all is all: what may have been sent is not called unsent.
        assert_eq!(body(1).body_written(2), Written);
    }
}
