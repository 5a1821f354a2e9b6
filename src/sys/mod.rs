//! What an operating system gives, each with an interface that is safe to call.
//!
//! With [`ffi`](crate::ffi) the only place of `unsafe`, and the only one that asks which system it is.
//! Below is the list of what one has to give; a folder for each gives it under these names.
//!
//! | name | |
//! | --- | --- |
//! | [`TcpSocket`] | a TCP connection that never blocks, and that no child of a fork keeps |
//! | [`open_file`] | a file to read, whose descriptor is no standard stream's |
//! | [`Event`], [`Polled`] | waiting for sockets, and ending that from another thread |
//! | [`fork`] | how a child notices that it is one, and what a fork waits for |
//! | [`time_since_boot`] | a clock that goes on while the machine is suspended |
//! | [`environment`] | the environment, as far as a process may trust it |
//! | [`without_signals`], [`without_cancellation`] | what a host's threads expect of ours, and ours of theirs |
//! | [`keep_loaded`] | what keeps the library's code for a thread of its own |
//! | [`LockFile`], [`FileId`] and their kin | files that processes share: the ledger's |
//! | [`is_out_of_descriptors`] | which errors say that closing something would help |
//!
//! [`Interrupt`] and [`is_transient`] are the same everywhere.

#![allow(unsafe_code)]

pub(crate) mod environment;
mod interrupt;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::io;

#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

pub(crate) use interrupt::{Cause, Interrupt};
use system::Polled;
pub(crate) use system::{
    Event, TcpSocket, fork, is_environment_trusted, is_out_of_descriptors, keep_loaded, open_file,
    time_since_boot, without_cancellation, without_signals,
};
#[cfg(feature = "ledger")]
pub(crate) use system::{
    FileId, LockFile, is_open_here, is_remote, make_private_file, open_to_sync,
};

/// How many sockets one wait may be for. Windows' `select` takes no more than 64.
pub(crate) const MAX_POLLED: usize = 16;

/// Whether the same system call may do better in a moment.
pub(crate) fn is_transient(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}
