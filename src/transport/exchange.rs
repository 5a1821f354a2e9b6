//! One attempt at one message: the limits it was given, and how far it came.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Shared between the caller of ureq, who sets the limits, and the connection under ureq, which
/// keeps them and counts.
#[derive(Debug)]
pub(crate) struct Exchange(Mutex<State>);

#[derive(Clone, Copy, Debug)]
pub(crate) struct State {
    /// When the whole call must be over.
    pub(crate) deadline: Instant,
    pub(crate) connect_timeout: Duration,
    /// The request's size: its body is known at once, its head when ureq has written it.
    body_bytes: usize,
    head_bytes: Option<usize>,
    /// What ureq has handed down so far.
    handed_bytes: usize,
    pub(crate) progress: Progress,
}

/// What became of the request so far: the one thing that tells a message that was not sent from
/// one that may have been.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Progress {
    /// The kernel has not yet taken the last byte.
    Incomplete,
    /// The peer answered or closed before that, so the rest was not sent and never will be.
    CutShort,
    /// The kernel has taken the last byte: the whole request may have reached the API.
    Sent,
}

impl Exchange {
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        Exchange(Mutex::new(State::new(now, Duration::ZERO, 0)))
    }

    pub(crate) fn begin(&self, deadline: Instant, connect_timeout: Duration, body_bytes: usize) {
        *self.lock() = State::new(deadline, connect_timeout, body_bytes);
    }

    pub(crate) fn state(&self) -> State {
        *self.lock()
    }

    /// ureq is about to write of the body: what it handed down until the first time was the head.
    /// Returns whether this is the first time.
    pub(crate) fn begin_body(&self) -> bool {
        let mut state = self.lock();
        let is_first = state.head_bytes.is_none();
        if is_first {
            state.head_bytes = Some(state.handed_bytes);
        }
        is_first
    }

    /// ureq hands down `count` more bytes. Returns whether the request is now complete.
    pub(crate) fn hand_down(&self, count: usize) -> bool {
        let mut state = self.lock();
        state.handed_bytes += count;
        state
            .head_bytes
            .is_some_and(|head| state.handed_bytes == head + state.body_bytes)
    }

    pub(crate) fn set_progress(&self, progress: Progress) {
        self.lock().progress = progress;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn new(deadline: Instant, connect_timeout: Duration, body_bytes: usize) -> Self {
        State {
            deadline,
            connect_timeout,
            body_bytes,
            head_bytes: None,
            handed_bytes: 0,
            progress: Progress::Incomplete,
        }
    }

    /// Whether nothing of the request has been handed down yet.
    pub(crate) fn is_fresh(&self) -> bool {
        self.handed_bytes == 0
    }
}
