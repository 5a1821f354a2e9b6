//! The ledger's file, opened once in a process, however many clients use it.
//!
//! SQLite keeps, for a process, what it has locked in a file. A child of a fork inherits that without
//! the locks, and would write where others do. So a process whose ancestor had a ledger open uses none;
//! and nothing here opens the file but SQLite: closing a descriptor of it would drop SQLite's locks.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::{fs, thread};

use rusqlite::Connection;

use super::entry::Call;
use super::failure::Failure;
use super::schema;
use super::writer::{Writer, lock};
use crate::per_process::PerProcess;
use crate::sys::fork::generation;
use crate::sys::{FileId, LockFile, is_open_here, is_remote, make_private_file};
use crate::transport::Limits;

/// A ledger that this process has open, until nobody uses it any more.
pub(super) struct Open {
    path: PathBuf,
    id: FileId,
    /// What the digests in the file are made with.
    pub(super) secret: Vec<u8>,
    /// The calls that live: each has a byte locked, beside the ledger, which goes with its process.
    locks: LockFile,
    own_calls: Mutex<HashSet<Call>>,
    /// `None` when it is closed.
    reader: Mutex<Option<Connection>>,
    writer: Writer,
}

/// Keeps a call alive in the eyes of all others.
pub(super) struct Alive {
    pub(super) call: Call,
    open: Arc<Open>,
}

type Ledgers = Vec<(PathBuf, Weak<Open>)>;

/// Those of this process.
static LEDGERS: PerProcess<Mutex<Ledgers>> = PerProcess::new();

/// One more than the generation of the process that has a ledger open; 0: none. A child inherits it.
static OPENED_IN: AtomicU32 = AtomicU32::new(0);

fn ledgers() -> MutexGuard<'static, Ledgers> {
    lock(LEDGERS.get_or_make(Mutex::default))
}

/// The file itself, wherever the process's working directory goes, and whatever link leads to it.
pub(super) fn resolve(path: &Path) -> Result<PathBuf, Failure> {
    let found = fs::canonicalize(path);
    found.or_else(|_| match (path.parent(), path.file_name()) {
        (Some(folder), Some(name)) => {
            // Of a bare name it is empty.
            let folder = fs::canonicalize(Path::new(".").join(folder))?;
            Ok(folder.join(name))
        }
        _ => Err(Failure::permanent("must name a file")),
    })
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
            let Some((_, open)) = ledgers.iter().find(|ledger| ledger.0 == path) else {
                let open = Arc::new(Open::new(path)?);
                ledgers.push((path.to_owned(), Arc::downgrade(&open)));
                return Ok(open);
            };
            if let Some(open) = open.upgrade() {
                return Ok(open);
            }
            // Another thread is about to close it.
            drop(ledgers);
            thread::yield_now();
        }
    }

    fn new(path: &Path) -> Result<Self, Failure> {
        if is_remote(path.parent().unwrap_or(path))? {
            return Err(Failure::permanent(
                "is on a network or FUSE file system: put it on a local disk",
            ));
        }
        make_private_file(path)?;
        let (id, names) = FileId::of(path)?;
        if !fs::metadata(path)?.is_file() || names > 1 {
            return Err(Failure::permanent("must be a regular file with one name"));
        }
        if is_open_here(id) {
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
        Ok(Open {
            path: path.to_owned(),
            id,
            secret,
            locks: LockFile::open(Path::new(&locks))?,
            own_calls: Mutex::default(),
            reader: Mutex::new(Some(reader)),
            writer: Writer::new(writer),
        })
    }

    /// Whether the file is still the one that was opened: what is written into another is lost.
    fn check(&self) -> Result<(), Failure> {
        match FileId::of(&self.path) {
            Ok((id, _)) if id == self.id => Ok(()),
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
            _ => Err(Failure::permanent("was moved or removed while in use")),
        }
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

    pub(super) fn write<T: Send + 'static>(
        &self,
        limits: &Limits,
        is_durable: bool,
        work: impl Fn(&Connection) -> rusqlite::Result<T> + Send + Sync + 'static,
    ) -> Result<T, Failure> {
        let check = || self.check();
        self.writer.write(limits, is_durable, &check, work)
    }

    /// In doubt it lives: who waits for it may wait in vain, but nobody sends.
    pub(super) fn is_live(&self, call: Call) -> bool {
        lock(&self.own_calls).contains(&call) || self.locks.is_locked(call).unwrap_or(true)
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

impl Alive {
    /// No two calls have the same place, not even after a crash.
    pub(super) fn begin(open: &Arc<Open>) -> Result<Self, Failure> {
        let random = getrandom::u64();
        let random = random.map_err(|error| Failure::permanent(error.to_string()))?;
        let call = (random >> 2).cast_signed();
        open.locks.lock(call)?;
        lock(&open.own_calls).insert(call);
        Ok(Alive {
            call,
            open: Arc::clone(open),
        })
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.open.locks.unlock(self.call);
        lock(&self.open.own_calls).remove(&self.call);
    }
}
