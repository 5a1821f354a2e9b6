//! Linux, and the systems that are like it: macOS, FreeBSD.

mod clock;
mod descriptors;
mod environment;
pub(crate) mod fork;
mod lock;
#[cfg(feature = "ledger")]
mod lock_file;
mod poll;
mod socket;
mod threads;

use std::io;

pub(crate) use clock::time_since_boot;
pub(crate) use descriptors::open_file;
pub(crate) use environment::is_environment_trusted;
#[cfg(feature = "ledger")]
pub(crate) use lock_file::{
    FileId, LockFile, is_open_here, is_remote, make_private_file, open_to_sync,
};
pub(crate) use poll::{Event, Polled};
pub(crate) use socket::TcpSocket;
pub(crate) use threads::{without_cancellation, without_signals};

/// Whether the process, or the machine, has no descriptor left.
pub(crate) fn is_out_of_descriptors(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
}

/// Linked so that it is never unloaded (build.rs), or, on macOS, for its thread-locals.
pub(crate) fn keep_loaded() {}
