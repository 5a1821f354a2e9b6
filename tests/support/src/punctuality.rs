//! Whether a call came back in time, on a machine that may itself be late.

use std::fs;
use std::panic::Location;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How much later than its `timeout_ms` a call may return: rule 7 of the header.
pub const GRACE: Duration = Duration::from_millis(100);

/// Runs `work`, which has to be done in `limit`; longer only by as much as this machine kept it
/// waiting for a processor meanwhile.
#[track_caller]
pub fn within<R>(limit: Duration, work: impl FnOnce() -> R) -> R {
    let watch = Watch::start();
    let alarm = (watch.started + limit + HANG, Location::caller());
    lock(&ALARMS).push(alarm);
    let result = work();
    let mut alarms = lock(&ALARMS);
    let position = alarms.iter().position(|it| *it == alarm);
    alarms.swap_remove(position.expect("nobody else removes it"));
    drop(alarms);
    watch.assert_at_most(limit, watch.elapsed());
    result
}

/// What is overdue by this much will not come any more, and nothing can interrupt it: the test
/// program ends.
const HANG: Duration = Duration::from_secs(60);

static ALARMS: Mutex<Vec<(Instant, &Location<'_>)>> = Mutex::new(Vec::new());

fn end_if_hung(now: Instant) {
    let alarms = lock(&ALARMS);
    if let Some((_, place)) = alarms.iter().find(|(due, _)| now > *due) {
        eprintln!("{place}: it hangs");
        std::process::abort();
    }
}

/// Watches what the machine does to this thread, for a time that is taken elsewhere.
pub struct Watch {
    started: Instant,
    delayed_before: Duration,
}

impl Watch {
    pub fn start() -> Self {
        start_metronome();
        Watch {
            started: Instant::now(),
            delayed_before: run_delay(),
        }
    }

    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// How long the machine let this thread, or any other that woke up, wait for a processor.
    pub fn excuse(&self) -> Duration {
        let delayed = run_delay().saturating_sub(self.delayed_before);
        delayed + lateness_since(self.started)
    }

    /// Something since the start took so long, and was allowed `limit`.
    #[track_caller]
    pub fn assert_at_most(&self, limit: Duration, took: Duration) {
        if took > limit {
            let excuse = self.excuse();
            assert!(
                took <= limit + excuse,
                "took {took:?}, where {limit:?} are allowed (and the machine was {excuse:?} late)"
            );
        }
    }
}

/// How long this thread could have run and did not, in all its life. Zero where the kernel does
/// not tell.
fn run_delay() -> Duration {
    let statistics = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = statistics.split_whitespace().nth(1);
    Duration::from_nanos(nanoseconds.map_or(0, |it| it.parse().expect("a number")))
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
                end_if_hung(now);
                let mut beats = lock(&BEATS);
                beats.last = Some(now);
                beats.late.push((now, now.duration_since(due)));
            }
        });
    });
}

fn lateness_since(start: Instant) -> Duration {
    let beats = lock(&BEATS);
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
