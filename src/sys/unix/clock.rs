//! A clock that goes on while the machine is suspended.

use std::time::Duration;

#[cfg(any(target_os = "linux", target_os = "android"))]
const CLOCK: libc::clockid_t = libc::CLOCK_BOOTTIME;
/// Which goes on there, unlike Linux's.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const CLOCK: libc::clockid_t = libc::CLOCK_MONOTONIC;

/// How long ago the machine started. Rust's own clock stops in a suspend, and what has been idle since
/// before it would count as fresh. No system call on a kernel since Linux 5.3.
pub(crate) fn time_since_boot() -> Duration {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: a clock that there is, and a place for the time, which stays zero if the call fails.
    unsafe { libc::clock_gettime(CLOCK, &mut now) };
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}
