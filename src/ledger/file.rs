//! The ledger's file, opened once in a process, however many clients use it.
//!
//! SQLite keeps, for a process, what it has locked in a file. A child of a fork inherits that without
//! the locks, and would write where others do. So a process whose ancestor had a ledger open uses none;
//! and nothing here opens the file but SQLite: closing a descriptor of it would drop SQLite's locks.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, Weak};
use std::thread;

use rusqlite::Connection;

use super::entry::Call;
use super::failure::Failure;
use super::schema;
use super::writer::{Writer, lock};
use crate::per_process::PerProcess;
use crate::sys::fork::generation;
use crate::sys::{self, FileId, LockFile};

/// A ledger that this process has open, until nobody uses it any more.
pub(super) struct Open {
    pub(super) path: PathBuf,
    files: [(PathBuf, FileId); 2],
    pub(super) calls: Arc<Calls>,
    /// What the digests in the file are made with.
    pub(super) secret: Vec<u8>,
    /// Both are there until it is closed.
    reader: Mutex<Option<Connection>>,
    pub(super) writer: Writer,
}

/// The calls that live: each has a byte of a file locked, beside the ledger, which goes with its process.
pub(super) struct Calls {
    file: LockFile,
    own: Mutex<HashSet<Call>>,
}

/// Keeps a call alive in the eyes of all others.
pub(super) struct Alive {
    pub(super) call: Call,
    calls: Arc<Calls>,
}

/// Those of this process.
static LEDGERS: PerProcess<Mutex<Vec<(PathBuf, Weak<Open>)>>> = PerProcess::new();

/// One more than the generation of the process that has a ledger open; 0: none. A child inherits it.
static OPENED_IN: AtomicU32 = AtomicU32::new(0);

fn ledgers() -> MutexGuard<'static, Vec<(PathBuf, Weak<Open>)>> {
    lock(LEDGERS.get_or_make(Mutex::default))
}

/// The file itself, wherever the process's working directory goes, and whatever link leads to it.
pub(super) fn resolve(path: &Path) -> Result<PathBuf, Failure> {
    if let Ok(path) = fs::canonicalize(path) {
        return Ok(path);
    }
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    let folder = fs::canonicalize(folder.unwrap_or(Path::new("."))).map_err(|error| {
        Failure::permanent(format!("is in a folder that cannot be used ({error})"))
    })?;
    let name = path.file_name();
    let name = name.ok_or_else(|| Failure::permanent("is not the name of a file"))?;
    Ok(folder.join(name))
}

/// Whether this process inherited what an ancestor had open.
pub(super) fn is_inherited() -> bool {
    let opened_in = OPENED_IN.load(Ordering::Relaxed);
    opened_in != 0 && opened_in != generation().wrapping_add(1)
}

impl Open {
    pub(super) fn get(path: &Path) -> Result<Arc<Self>, Failure> {
        if is_inherited() {
            return Err(Failure::permanent(
                "cannot be used in this process: it was forked after its parent had opened a ledger. \
                 Fork before the first call with an idempotency_key, or start another program (exec)",
            ));
        }
        loop {
            let mut ledgers = ledgers();
            match ledgers.iter().find(|ledger| ledger.0 == path) {
                None => {
                    let open = Arc::new(Open::new(path)?);
                    ledgers.push((path.to_owned(), Arc::downgrade(&open)));
                    return Ok(open);
                }
                Some((_, open)) => match open.upgrade() {
                    Some(open) => return Ok(open),
                    // Another thread is about to close it.
                    None => drop(ledgers),
                },
            }
            thread::yield_now();
        }
    }

    fn new(path: &Path) -> Result<Self, Failure> {
        let folder = path.parent().unwrap_or(Path::new("."));
        if sys::is_remote(folder)? {
            return Err(Failure::permanent(
                "is on a network or FUSE file system: put it on a local disk",
            ));
        }
        sys::make_private_file(path)?;
        if !fs::metadata(path)?.is_file() || sys::has_other_names(path)? {
            return Err(Failure::permanent("must be a regular file with one name"));
        }
        let id = FileId::of(path)?;
        if sys::is_open_here(id) {
            return Err(Failure::permanent(
                "is open in this process already, by SQLite or another copy of libzixflow, and each \
                 would drop the other's locks",
            ));
        }
        OPENED_IN.store(generation().wrapping_add(1), Ordering::Relaxed);
        let (writer, secret) = schema::open(path)?;
        let (reader, _) = schema::open(path)?;
        let mut locks = path.as_os_str().to_owned();
        locks.push("-calls");
        let locks = PathBuf::from(locks);
        let file = LockFile::open(&locks)?;
        let id_of_locks = FileId::of(&locks)?;
        Ok(Open {
            path: path.to_owned(),
            files: [(path.to_owned(), id), (locks, id_of_locks)],
            calls: Arc::new(Calls {
                file,
                own: Mutex::default(),
            }),
            secret,
            reader: Mutex::new(Some(reader)),
            writer: Writer::new(writer),
        })
    }

    /// Whether the file is still the one that was opened: what is written into another is lost.
    pub(super) fn check(&self) -> Result<(), Failure> {
        let is_there = |(path, id): &(PathBuf, FileId)| FileId::of(path).is_ok_and(|it| it == *id);
        if self.files.iter().all(is_there) {
            return Ok(());
        }
        Err(Failure::permanent("was moved or removed while in use"))
    }

    pub(super) fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Failure> {
        self.check()?;
        match &*lock(&self.reader) {
            Some(reader) => Ok(work(reader)?),
            None => Err(Failure::permanent("is closed")),
        }
    }
}

/// Closes it before another thread can open it again.
impl Drop for Open {
    fn drop(&mut self) {
        let mut ledgers = ledgers();
        self.writer.close();
        *lock(&self.reader) = None;
        ledgers.retain(|(path, open)| *path != self.path || open.strong_count() > 0);
        if ledgers.is_empty() {
            OPENED_IN.store(0, Ordering::Relaxed);
        }
    }
}

impl Calls {
    /// Begins a call. No two have the same place, not even after a crash.
    pub(super) fn begin(self: &Arc<Self>) -> Result<Alive, Failure> {
        let random = getrandom::u64().map_err(|error| Failure::transient(error.to_string()))?;
        let call = (random >> 2).cast_signed();
        self.file.lock(call)?;
        lock(&self.own).insert(call);
        Ok(Alive {
            call,
            calls: Arc::clone(self),
        })
    }

    /// In doubt it lives: who waits for it may wait in vain, but nobody sends.
    pub(super) fn is_live(&self, call: Call) -> bool {
        lock(&self.own).contains(&call) || self.file.is_locked(call).unwrap_or(true)
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.calls.file.unlock(self.call);
        lock(&self.calls.own).remove(&self.call);
    }
}
