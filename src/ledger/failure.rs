//! Why the ledger could not be read or written, in words for the person who reads them.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked, DiskFull, OutOfMemory, SystemIoFailure};

use crate::reply::Reply;
use crate::status::{Status, Verdict};
use crate::sys::is_out_of_descriptors;
use crate::transport::{self, Limits};

/// The reason ends a sentence that begins with the ledger's name.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) reason: String,
    /// Whether the same may work later.
    pub(super) is_transient: bool,
    /// Another program writes: nothing is wrong with the file.
    is_busy: bool,
}

impl Failure {
    pub(super) fn permanent(reason: impl Into<String>) -> Self {
        Failure {
            reason: reason.into(),
            is_transient: false,
            is_busy: false,
        }
    }

    /// What was done went with another's, who failed: it is to be done again.
    pub(super) fn rolled_back() -> Self {
        Failure {
            is_transient: true,
            is_busy: true,
            ..Failure::permanent("could not be written by another call")
        }
    }

    /// The reply of a call that did nothing because of it.
    pub(super) fn reply(&self, path: &Path) -> Reply {
        let (path, reason) = (path.display(), &self.reason);
        let message = format!("nothing was sent or changed: the ledger {path} {reason}");
        let verdict = Verdict {
            status: Status::ZX_NOT_SENT,
            retryable: self.is_transient,
        };
        Reply::new(verdict, message)
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        let code = error.sqlite_error_code();
        let is_busy = matches!(code, Some(DatabaseBusy | DatabaseLocked));
        // Another disk, more rights or another file need a person.
        let may_pass = matches!(code, Some(DiskFull | OutOfMemory | SystemIoFailure));
        Failure {
            is_transient: is_busy || may_pass,
            is_busy,
            ..Failure::permanent(match is_busy {
                true => "is locked by another program".to_owned(),
                false => format!("cannot be used ({error})"),
            })
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure {
            is_transient: is_out_of_descriptors(&error)
                || error.kind() == io::ErrorKind::StorageFull,
            ..Failure::permanent(format!("cannot be used ({error})"))
        }
    }
}

/// Does it again for as long as another program has the file locked.
pub(super) fn patiently<T>(
    limits: &Limits,
    work: impl Fn() -> Result<T, Failure>,
) -> Result<T, Failure> {
    let mut pause = Duration::from_micros(500);
    loop {
        let busy = match work() {
            Err(busy) if busy.is_busy => busy,
            done => return done,
        };
        match limits.sleep_until(Instant::now() + pause) {
            Ok(()) => pause = Duration::from_millis(8).min(2 * pause),
            // What it waited for says more than that it waited.
            Err(transport::Failure::Deadline) => return Err(busy),
            Err(stop) => return Err(Failure::permanent(format!("was not waited for: {stop}"))),
        }
    }
}
