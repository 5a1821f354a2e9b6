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
    passes: Passes,
}

/// When the same may work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Passes {
    Never,
    Later,
    /// Nothing is wrong with the file: another program writes.
    Soon,
}

impl Failure {
    fn new(passes: Passes, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Failure { reason, passes }
    }

    pub(super) fn permanent(reason: impl Into<String>) -> Self {
        Failure::new(Passes::Never, reason)
    }

    pub(super) fn is_transient(&self) -> bool {
        self.passes != Passes::Never
    }

    /// The reply of a call that did nothing because of it.
    pub(super) fn reply(&self, path: &Path) -> Reply {
        let (path, reason) = (path.display(), &self.reason);
        let message = format!("nothing was sent or changed: the ledger {path} {reason}");
        let verdict = Verdict {
            status: Status::ZX_NOT_SENT,
            retryable: self.is_transient(),
        };
        Reply::new(verdict, message)
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        let unusable = format!("cannot be used ({error})");
        match error.sqlite_error_code() {
            Some(DatabaseBusy | DatabaseLocked) => {
                Failure::new(Passes::Soon, "is locked by another program")
            }
            Some(DiskFull | OutOfMemory | SystemIoFailure) => Failure::new(Passes::Later, unusable),
            // Another disk, more rights or another file need a person.
            _ => Failure::permanent(unusable),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        let is_full = error.kind() == io::ErrorKind::StorageFull;
        let passes = match is_full || is_out_of_descriptors(&error) {
            true => Passes::Later,
            false => Passes::Never,
        };
        Failure::new(passes, format!("cannot be used ({error})"))
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
            Err(busy) if busy.passes == Passes::Soon => busy,
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
