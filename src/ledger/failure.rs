//! Why the ledger could not be read or written, in words for the person who reads them.

use std::io;
use std::path::Path;

use rusqlite::ErrorCode;

use crate::reply::Reply;
use crate::status::Status;

/// The reason ends a sentence that begins with the ledger's name.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) reason: String,
    /// Whether the same may work later.
    pub(super) is_transient: bool,
    /// Somebody else writes: it may work in a moment.
    pub(super) is_busy: bool,
}

impl Failure {
    pub(super) fn permanent(reason: impl Into<String>) -> Self {
        Failure {
            reason: reason.into(),
            is_transient: false,
            is_busy: false,
        }
    }

    pub(super) fn transient(reason: impl Into<String>) -> Self {
        Failure {
            is_transient: true,
            ..Failure::permanent(reason)
        }
    }

    /// The reply of a call that did nothing because of it.
    pub(super) fn reply(&self, path: &Path) -> Reply {
        let verdict = match self.is_transient {
            true => Status::ZX_NOT_SENT.retryable(),
            false => Status::ZX_NOT_SENT.definite(),
        };
        let reason = &self.reason;
        Reply::new(
            verdict,
            format!(
                "nothing was sent or changed: the ledger {} {reason}",
                path.display()
            ),
        )
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        let code = error.sqlite_error_code();
        let is_busy = matches!(
            code,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
        );
        // Another disk, more rights or another file need a person, and a process that starts anew.
        let may_pass = matches!(
            code,
            Some(ErrorCode::DiskFull | ErrorCode::OutOfMemory | ErrorCode::SystemIoFailure)
        );
        let reason = match is_busy {
            true => "is locked by another program".to_owned(),
            false => format!("cannot be used ({error})"),
        };
        Failure {
            reason,
            is_transient: is_busy || may_pass,
            is_busy,
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        let is_transient = crate::sys::is_out_of_descriptors(&error)
            || matches!(
                error.kind(),
                io::ErrorKind::StorageFull | io::ErrorKind::OutOfMemory
            );
        Failure {
            is_transient,
            ..Failure::permanent(format!("cannot be used ({error})"))
        }
    }
}
