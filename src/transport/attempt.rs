//! One attempt at one message: the limits it was given, and how far its request came.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::deadline::Limits;
use super::trace::{Milliseconds, Origin, Phases, Trace};
use crate::sys::Interrupt;

/// Shared between the caller of ureq, who sets the limits, and the connection under ureq, which
/// keeps them and counts. Used for one attempt after the other.
#[derive(Debug)]
pub(crate) struct Attempt(Mutex<State>);

#[derive(Debug)]
struct State {
    limits: Limits,
    connect_timeout: Duration,
    /// The request's size: its body is known at once, its head when ureq has written it.
    body_bytes: usize,
    head_bytes: Option<usize>,
    /// What ureq has handed down so far.
    handed_bytes: usize,
    progress: Progress,
    has_connection: bool,
    /// Where the call wants to be told.
    trace: Option<Trace>,
}

/// What became of the request so far: the one thing that tells a message that was not sent from
/// one that may have been.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Progress {
    /// The kernel has not yet taken the last byte.
    Incomplete,
    /// The connection failed, or the peer answered, before that: the rest was not sent, and never
    /// will be.
    Aborted,
    /// The kernel has taken the last byte: the whole request may have reached the API.
    Sent,
}

impl Attempt {
    /// None yet.
    pub(crate) fn new() -> Self {
        let limits = Limits {
            deadline: Instant::now(),
            interrupt: Arc::new(Interrupt::default()),
        };
        Attempt(Mutex::new(State {
            limits,
            connect_timeout: Duration::ZERO,
            body_bytes: 0,
            head_bytes: None,
            handed_bytes: 0,
            progress: Progress::Incomplete,
            has_connection: false,
            trace: None,
        }))
    }

    pub(crate) fn begin(
        &self,
        limits: &Limits,
        connect_timeout: Duration,
        body_bytes: usize,
        is_traced: bool,
    ) {
        let mut state = self.lock();
        *state = State {
            limits: limits.clone(),
            connect_timeout,
            body_bytes,
            head_bytes: None,
            handed_bytes: 0,
            progress: Progress::Incomplete,
            has_connection: state.has_connection,
            trace: is_traced.then(Trace::default),
        };
    }

    pub(super) fn limits(&self) -> Limits {
        self.lock().limits.clone()
    }

    pub(super) fn connect_timeout(&self) -> Duration {
        self.lock().connect_timeout
    }

    pub(crate) fn progress(&self) -> Progress {
        self.lock().progress
    }

    /// Whether nothing of the request has been handed down yet.
    pub(super) fn is_fresh(&self) -> bool {
        self.lock().handed_bytes == 0
    }

    /// ureq is about to write of the body: what it handed down until the first time was the head.
    /// Returns whether this is the first time.
    pub(super) fn begin_body(&self) -> bool {
        let mut state = self.lock();
        let is_first = state.head_bytes.is_none();
        if is_first {
            state.head_bytes = Some(state.handed_bytes);
        }
        is_first
    }

    /// ureq hands down `count` more bytes. Returns whether the request is now complete.
    pub(super) fn record_written(&self, count: usize) -> bool {
        let mut state = self.lock();
        state.handed_bytes += count;
        state.is_complete()
    }

    /// The kernel has taken all that was handed down, none of which was dropped.
    pub(super) fn flushed(&self) {
        let mut state = self.lock();
        if state.progress == Progress::Incomplete && state.is_complete() {
            state.progress = Progress::Sent;
            if let Some(trace) = &mut state.trace {
                trace.sent();
            }
        }
    }

    /// What was not taken yet is dropped, and so will be what ureq hands down from now on.
    pub(super) fn abort(&self) {
        let mut state = self.lock();
        if state.progress == Progress::Incomplete {
            state.progress = Progress::Aborted;
        }
    }

    /// What the attempt did, for a call that wants to be told.
    pub(crate) fn take_trace(&self) -> Option<Trace> {
        self.lock().trace.take()
    }

    /// Does `work`, and notes how long a phase took by it.
    pub(super) fn timed<R>(
        &self,
        phase: fn(&mut Phases) -> &mut Option<Milliseconds>,
        work: impl FnOnce() -> R,
    ) -> R {
        let began = self.lock().trace.as_ref().map(|_| Instant::now());
        let result = work();
        if let (Some(trace), Some(began)) = (&mut self.lock().trace, began) {
            let time = phase(&mut trace.phases).get_or_insert_default();
            time.0 += began.elapsed();
        }
        result
    }

    pub(super) fn record_connection(&self, origin: Origin, address: Option<SocketAddr>) {
        if let Some(trace) = &mut self.lock().trace {
            trace.record_connection(origin, address);
        }
    }

    pub(super) fn received(&self) {
        if let Some(trace) = &mut self.lock().trace {
            trace.received();
        }
    }

    /// Whether there is a connection, in use or kept for the next attempt.
    pub(super) fn has_connection(&self) -> bool {
        self.lock().has_connection
    }

    pub(super) fn set_connection(&self, has_connection: bool) {
        self.lock().has_connection = has_connection;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_complete(&self) -> bool {
        self.head_bytes
            .is_some_and(|head| self.handed_bytes == head + self.body_bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::{Attempt, Progress};
    use crate::sys::Interrupt;
    use crate::transport::deadline::Limits;

    /// What ureq and the connection may do to an attempt.
    #[derive(Clone, Copy, Debug)]
    enum Step {
        Begin { body_bytes: usize },
        BeginBody,
        HandDown(usize),
        Flushed,
        Aborted,
    }

    /// Few bytes, so that many a request becomes complete, and many more than complete.
    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            1 => (0..4_usize).prop_map(|body_bytes| Step::Begin { body_bytes }),
            2 => Just(Step::BeginBody),
            6 => (0..4_usize).prop_map(Step::HandDown),
            4 => Just(Step::Flushed),
            1 => Just(Step::Aborted),
        ]
    }

    fn begin(attempt: &Attempt, body_bytes: usize) {
        let limits = Limits {
            deadline: Instant::now(),
            interrupt: Arc::new(Interrupt::default()),
        };
        attempt.begin(&limits, Duration::ZERO, body_bytes, false);
    }

    fn do_step(attempt: &Attempt, step: Step) {
        match step {
            Step::Begin { body_bytes } => begin(attempt, body_bytes),
            Step::BeginBody => drop(attempt.begin_body()),
            Step::HandDown(count) => drop(attempt.record_written(count)),
            Step::Flushed => attempt.flushed(),
            Step::Aborted => attempt.abort(),
        }
    }

    /// Whether head and body, and no more, were handed down in these steps of one attempt.
    fn is_all_handed_down(steps: &[Step], body_bytes: usize) -> bool {
        let handed = |steps: &[Step]| -> usize {
            steps
                .iter()
                .map(|step| match step {
                    Step::HandDown(count) => *count,
                    _ => 0,
                })
                .sum()
        };
        steps
            .iter()
            .position(|step| matches!(step, Step::BeginBody))
            .is_some_and(|body| handed(&steps[body..]) == body_bytes)
    }

    proptest! {
        #[test]
        fn in_any_order_sent_is_what_was_all_handed_down_and_flushed_and_never_cut_short(
            body_bytes in 0..4_usize,
            steps in prop::collection::vec(step(), 0..40),
        ) {
            let attempt = Attempt::new();
            begin(&attempt, body_bytes);
            let (mut first, mut body_bytes) = (0, body_bytes);
            for (index, step) in steps.iter().enumerate() {
                let before = attempt.progress();
                do_step(&attempt, *step);
                let after = attempt.progress();
                if let Step::Begin { body_bytes: bytes } = step {
                    (first, body_bytes) = (index + 1, *bytes);
                    prop_assert_eq!(after, Progress::Incomplete);
                    continue;
                }
                let expected = match (before, step) {
                    // Neither becomes anything else.
                    (Progress::Aborted | Progress::Sent, _) => before,
                    (Progress::Incomplete, Step::Aborted) => Progress::Aborted,
                    (Progress::Incomplete, Step::Flushed)
                        if is_all_handed_down(&steps[first..index], body_bytes) =>
                    {
                        Progress::Sent
                    }
                    (Progress::Incomplete, _) => Progress::Incomplete,
                };
                prop_assert_eq!(after, expected, "step {}", index);
            }
        }
    }

    /// As ureq does it: head, body in two parts, and the last flush.
    #[test]
    fn request_is_complete_with_its_last_byte_and_sent_with_the_flush_after_it() {
        let attempt = Attempt::new();
        for _ in 0..2 {
            begin(&attempt, 30);
            assert!(attempt.is_fresh());
            assert!(!attempt.record_written(100));
            assert!(!attempt.is_fresh());
            assert!(attempt.begin_body());
            assert!(!attempt.begin_body());
            assert!(!attempt.record_written(20));
            attempt.flushed();
            assert_eq!(attempt.progress(), Progress::Incomplete);
            assert!(attempt.record_written(10));
            assert_eq!(attempt.progress(), Progress::Incomplete);
            attempt.flushed();
            assert_eq!(attempt.progress(), Progress::Sent);
        }
    }

    #[test]
    fn next_attempt_has_its_own_limits_and_keeps_the_connection_and_nothing_else() {
        let attempt = Attempt::new();
        assert!(!attempt.has_connection());
        attempt.set_connection(true);
        begin(&attempt, 0);
        attempt.record_written(5);
        attempt.begin_body();
        attempt.abort();
        let limits = Limits {
            deadline: Instant::now() + Duration::from_secs(9),
            interrupt: Arc::new(Interrupt::default()),
        };
        attempt.begin(&limits, Duration::from_secs(7), 0, false);
        assert_eq!(attempt.connect_timeout(), Duration::from_secs(7));
        assert_eq!(attempt.limits().deadline, limits.deadline);
        assert!(Arc::ptr_eq(&attempt.limits().interrupt, &limits.interrupt));
        assert!(attempt.has_connection() && attempt.is_fresh());
        assert_eq!(attempt.progress(), Progress::Incomplete);
        assert!(attempt.begin_body());
    }
}
