//! The descriptors that a child of a fork closes.
//!
//! Else it would keep each connection of its parent open, however often the parent closes it, and
//! pass it on to its own children; the server would never see the parent's end, and the child's
//! descriptors would run out. It must never close one of the host's own, whatever the host's threads
//! open and close while one forks. So what is noted here was opened before it was, and is closed after
//! it no longer is, each while no fork begins.

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};

use super::lock::while_forks_wait;

/// A bit for each. A process that has a million others open has to bear that a child keeps ours.
static NOTED: [AtomicU64; 1024 * 1024 / 64] = [const { AtomicU64::new(0) }; 1024 * 1024 / 64];
/// The highest that was ever noted.
static HIGHEST: AtomicI32 = AtomicI32::new(-1);

/// Opens a descriptor, and notes it.
pub(super) fn open<T: AsRawFd>(open: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    while_forks_wait(|| {
        let opened = open()?;
        let descriptor = opened.as_raw_fd();
        if let Some((word, bit)) = place(descriptor) {
            word.fetch_or(bit, Ordering::Relaxed);
            HIGHEST.fetch_max(descriptor, Ordering::Relaxed);
        }
        Ok(opened)
    })
}

/// Closes a descriptor, unless that happened when this process was forked: by now it may be one of the
/// host's own.
pub(super) fn close(descriptor: RawFd) {
    while_forks_wait(|| close_noted(descriptor));
}

/// Closes those that a child inherited.
pub(super) fn close_all() {
    (0..=HIGHEST.load(Ordering::Relaxed)).for_each(close_noted);
}

fn close_noted(descriptor: RawFd) {
    let is_open = place(descriptor)
        .is_none_or(|(word, bit)| word.fetch_and(!bit, Ordering::Relaxed) & bit != 0);
    if is_open {
        // SAFETY: it is ours, and nobody else closes it from now on.
        unsafe { libc::close(descriptor) };
    }
}

fn place(descriptor: RawFd) -> Option<(&'static AtomicU64, u64)> {
    let descriptor = usize::try_from(descriptor).ok()?;
    Some((NOTED.get(descriptor / 64)?, 1 << (descriptor % 64)))
}
