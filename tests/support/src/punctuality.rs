//! Whether a call came back in time, on a machine that may itself be late.
//!
//! How late a call is, is measured by the benchmarks. Here a call is late where no machine is so busy.

use std::panic::Location;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// How late a machine may be that does a lot else.
const BUSY: Duration = Duration::from_secs(10);

/// What is overdue by this much will not come any more, and nothing can interrupt it: the test
/// program ends.
const HANG: Duration = Duration::from_secs(120);

/// Runs `work`, which has to take at least as long as `limit`, and not much longer.
#[track_caller]
pub fn ends_at<R>(limit: Duration, work: impl FnOnce() -> R) -> R {
    let started = Instant::now();
    let result = within(limit, work);
    let took = started.elapsed();
    assert!(took >= limit, "took {took:?}, and not {limit:?}");
    result
}

/// Runs `work`, which has to be done in `limit`, if the machine is not busy.
#[track_caller]
pub fn within<R>(limit: Duration, work: impl FnOnce() -> R) -> R {
    let place = Location::caller();
    let (done, is_done) = mpsc::channel::<()>();
    thread::spawn(move || {
        if is_done.recv_timeout(limit + HANG) == Err(RecvTimeoutError::Timeout) {
            eprintln!("{place}: it hangs");
            std::process::abort();
        }
    });
    let started = Instant::now();
    let result = work();
    let took = started.elapsed();
    drop(done);
    assert!(
        took <= limit + BUSY,
        "took {took:?}, where {limit:?} are allowed"
    );
    result
}

/// Runs `work`, which has to be done at once: far sooner than anything that it might wait for.
#[track_caller]
pub fn at_once<R>(work: impl FnOnce() -> R) -> R {
    within(Duration::ZERO, work)
}

/// Runs `work` with more and more time, until it comes as far as it should: a busy machine may need
/// longer to get there. The last result counts, whatever it is. `is_there` is false of nothing but what
/// its time may have ended on the way: what is wrong must not pass the second time.
pub fn patiently<R>(work: impl Fn(Duration) -> R, is_there: impl Fn(&R) -> bool) -> R {
    for moment in [150, 1500].map(Duration::from_millis) {
        let result = work(moment);
        if is_there(&result) {
            return result;
        }
    }
    work(Duration::from_secs(10))
}

/// What this thread has spent: unlike the time that has passed, the same on a busy machine.
#[cfg(unix)]
pub fn processor_time() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: a place for the time.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    assert_eq!(failed, 0);
    Duration::new(
        time.tv_sec.unsigned_abs(),
        time.tv_nsec.unsigned_abs() as u32,
    )
}

#[cfg(windows)]
pub fn processor_time() -> Duration {
    use windows_sys::Win32::System::Threading::{GetCurrentThread, GetThreadTimes};

    let [mut begun, mut ended, mut in_system, mut in_program] = Default::default();
    // SAFETY: this thread, and a place for each of its times.
    let succeeded = unsafe {
        GetThreadTimes(
            GetCurrentThread(),
            &mut begun,
            &mut ended,
            &mut in_system,
            &mut in_program,
        )
    };
    assert_ne!(succeeded, 0);
    let ticks = [in_system, in_program]
        .map(|it| u64::from(it.dwHighDateTime) << 32 | u64::from(it.dwLowDateTime));
    Duration::from_nanos(100 * ticks.iter().sum::<u64>())
}
