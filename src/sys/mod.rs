//! What is the operating system's own, each with an interface that is safe to call.
//!
//! With [`ffi`](crate::ffi) the only place of `unsafe`, and the only one that names `libc`. Another
//! operating system is one more file here.

#![allow(unsafe_code)]

mod address_space;
mod cancellation;
pub(crate) mod environment;
pub(crate) mod fork;
mod interrupt;
mod poll;
mod signals;

use std::io;

pub(crate) use address_space::reserve_addresses;
pub(crate) use cancellation::hold_off_cancellation;
pub(crate) use interrupt::{Cause, Interrupt};
pub(crate) use poll::Event;
pub(crate) use signals::block_all_signals;

/// Whether a connect goes on in the background.
pub(crate) fn is_in_progress(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EINPROGRESS) || error.kind() == io::ErrorKind::Interrupted
}

/// Whether the process, or the machine, has no descriptor left.
pub(crate) fn is_out_of_descriptors(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
}
