//! Windows 10 and newer.

mod environment;
pub(crate) mod fork;
#[cfg(feature = "ledger")]
mod lock_file;
mod module;
mod poll;
mod socket;
mod threads;

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;

use windows_sys::Win32::Networking::WinSock::{WSAEMFILE, WSAENOBUFS};
use windows_sys::Win32::System::SystemInformation::GetTickCount64;

pub(crate) use environment::is_environment_trusted;
#[cfg(feature = "ledger")]
pub(crate) use lock_file::{
    FileId, LockFile, is_open_here, is_remote, make_private_file, open_to_sync,
};
pub(crate) use module::keep_loaded;
pub(crate) use poll::{Event, Polled};
pub(crate) use socket::TcpSocket;
pub(crate) use threads::{without_cancellation, without_signals};

/// Opens a file, to read it. No child process inherits it.
pub(crate) fn open_file(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// How long ago the machine started, in steps of some 16 ms.
pub(crate) fn time_since_boot() -> Duration {
    // SAFETY: the call takes nothing and cannot fail.
    Duration::from_millis(unsafe { GetTickCount64() })
}

/// Whether the process, or the machine, has no socket or port left.
pub(crate) fn is_out_of_descriptors(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(WSAEMFILE | WSAENOBUFS))
}
