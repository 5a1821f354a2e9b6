//! Whether a call came back in time, on a machine that may itself be late.

use std::sync::{Mutex, Once, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How much later than its `timeout_ms` a call may return: rule 7 of the header.
pub const GRACE: Duration = Duration::from_millis(100);

/// Runs `work`, which has to be done in `limit`; longer only by as much as this machine was late
/// in waking up a thread meanwhile.
#[track_caller]
pub fn within<R>(limit: Duration, work: impl FnOnce() -> R) -> R {
    let watch = Watch::start();
    let result = work();
    watch.assert_at_most(limit, watch.started.elapsed());
    result
}

/// Watches the machine, for a time that is taken elsewhere.
pub struct Watch {
    started: Instant,
}

impl Watch {
    pub fn start() -> Self {
        start_metronome();
        Watch {
            started: Instant::now(),
        }
    }

    /// Something since the start took so long, and was allowed `limit`.
    #[track_caller]
    pub fn assert_at_most(&self, limit: Duration, took: Duration) {
        if took > limit {
            let excuse = lateness_since(self.started);
            assert!(
                took <= limit + excuse,
                "took {took:?}, where {limit:?} are allowed (and the machine was {excuse:?} late)"
            );
        }
    }
}

/// When the metronome last woke up, and how late it was each time in the past.
static BEATS: Mutex<Beats> = Mutex::new(Beats {
    last: None,
    late: Vec::new(),
});

struct Beats {
    last: Option<Instant>,
    late: Vec<(Instant, Duration)>,
}

const INTERVAL: Duration = Duration::from_millis(5);

/// A thread that does nothing but wake up, and notes when it was late.
fn start_metronome() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        thread::spawn(|| {
            loop {
                let due = Instant::now() + INTERVAL;
                thread::sleep(INTERVAL);
                let now = Instant::now();
                let mut beats = BEATS.lock().unwrap_or_else(PoisonError::into_inner);
                beats.last = Some(now);
                beats.late.push((now, now.duration_since(due)));
            }
        });
    });
}

fn lateness_since(start: Instant) -> Duration {
    let beats = BEATS.lock().unwrap_or_else(PoisonError::into_inner);
    // It may be late this very moment.
    let overdue = beats.last.map_or(Duration::ZERO, |last| {
        last.elapsed().saturating_sub(INTERVAL)
    });
    beats
        .late
        .iter()
        .rev()
        .take_while(|(beat, _)| *beat >= start)
        .map(|(_, late)| *late)
        .chain([overdue])
        .max()
        .unwrap_or_default()
}
