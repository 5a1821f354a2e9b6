//! The library's descriptors: none is that of a standard stream, and a child of a fork closes those of its
//! parent's connections.
//!
//! Else a child would keep each connection open, however often its parent closes it, and pass it on to
//! its own children; the server would never see the parent's end, and the descriptors would run out. But
//! it must never close one of the host's own, whatever the host's threads open and close while one of
//! them forks. So what is noted here was opened before, and is closed after, each while no fork begins.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::path::Path;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};

use super::lock::while_forks_wait;

/// A bit for each. A process that has a million others open has to bear that a child keeps ours.
static NOTED: [AtomicU64; 1024 * 1024 / 64] = [const { AtomicU64::new(0) }; 1024 * 1024 / 64];
/// The highest that was ever noted.
static HIGHEST: AtomicI32 = AtomicI32::new(-1);

/// Opens a file, to read it.
pub(crate) fn open_file(path: &Path) -> io::Result<File> {
    above_standard_streams(File::open(path)?.into()).map(File::from)
}

/// Where a host has closed its standard streams, what it writes to them must not go to the API.
pub(super) fn above_standard_streams(opened: OwnedFd) -> io::Result<OwnedFd> {
    if opened.as_raw_fd() > libc::STDERR_FILENO {
        return Ok(opened);
    }
    // Which takes none of theirs.
    opened.try_clone()
}

/// Opens a descriptor, and notes it.
pub(super) fn open<T: Into<OwnedFd>>(open: impl FnOnce() -> io::Result<T>) -> io::Result<OwnedFd> {
    while_forks_wait(|| {
        let opened = above_standard_streams(open()?.into())?;
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
