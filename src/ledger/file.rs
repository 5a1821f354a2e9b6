//! The ledger's file, opened once in a process, however many clients use it.
//!
//! SQLite keeps, for a process, what it has locked in a file. A child of a fork inherits that without
//! the locks, and would write where others do. So a process whose ancestor had a ledger open uses none;
//! and nothing here opens the file but SQLite: closing a descriptor of it would drop SQLite's locks. (It
//! has none in its log, `-wal`.)
//!
//! What has to be on the disk is synced after its transaction, and those who come while one syncs share
//! the next sync. No lock is held while a call waits for anything else.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, PoisonError};

use rusqlite::{Connection, TransactionBehavior};

use super::failure::{Failure, patiently};
use super::schema;
use crate::mutex::Mutex;
use crate::per_process::PerProcess;
use crate::reply::Reply;
use crate::sys::{FileId, LockFile, is_open_here, is_remote, make_private_file, open_to_sync};
use crate::transport::Limits;

/// A ledger that this process has open.
pub(super) struct Open {
    path: PathBuf,
    id: FileId,
    /// What the digests in the file are made with.
    pub(super) secret: Vec<u8>,
    /// The keys that calls have: each is a byte locked beside the ledger, which goes with its process.
    locks: LockFile,
    /// Those that calls of this process have.
    held: Mutex<HashSet<i64>>,
    /// What SQLite writes first. (Before the connection, for SQLite removes it as that is closed.)
    log: File,
    connection: Mutex<Connection>,
    /// How many transactions were committed here.
    committed: AtomicU64,
    disk: Mutex<Disk>,
    was_synced: Condvar,
}

struct Disk {
    /// How many transactions are on it. One that cannot keep something tells that once, and forgets it:
    /// nothing is sure from then on.
    synced: Result<u64, Failure>,
    is_syncing: bool,
}

/// Keeps a key from other calls.
pub(super) struct Held<'a> {
    pub(super) place: i64,
    pub(super) open: &'a Open,
}

/// Those of this process, from before they are opened until nobody uses them any more.
static LEDGERS: PerProcess<Ledgers> = PerProcess::new();

#[derive(Default)]
struct Ledgers {
    open: Mutex<Vec<Arc<Open>>>,
    are_any: AtomicBool,
}

/// Makes the file where there is none. Its path, wherever the process's working directory goes, and
/// whatever link leads to it.
pub(super) fn make(path: &str) -> Result<PathBuf, Failure> {
    make_private_file(Path::new(path))?;
    Ok(fs::canonicalize(path)?)
}

/// Whether this process inherited what an ancestor had open.
pub(super) fn is_inherited() -> bool {
    let mut inherited = LEDGERS.inherited();
    inherited.any(|ledgers| ledgers.are_any.load(Ordering::Relaxed))
}

/// Closes what nobody uses any more.
pub(super) fn close_unused() {
    let ledgers = LEDGERS.get_or_make(Ledgers::default);
    let mut open = ledgers.open.lock();
    open.retain(|open| Arc::strong_count(open) > 1);
    ledgers.are_any.store(!open.is_empty(), Ordering::Relaxed);
}

impl Open {
    pub(super) fn get(path: &Path) -> Result<Arc<Self>, Failure> {
        if is_inherited() {
            return Err(Failure::permanent(
                "cannot be used in this process: it was forked after its parent had opened a ledger. \
                 Fork before the first call with an idempotency_key, or start another program (exec)",
            ));
        }
        let ledgers = LEDGERS.get_or_make(Ledgers::default);
        let mut open = ledgers.open.lock();
        if let Some(open) = open.iter().find(|open| open.path == path) {
            return Ok(Arc::clone(open));
        }
        ledgers.are_any.store(true, Ordering::Relaxed);
        let new = Open::new(path).map(Arc::new);
        open.extend(new.clone());
        ledgers.are_any.store(!open.is_empty(), Ordering::Relaxed);
        new
    }

    fn new(path: &Path) -> Result<Self, Failure> {
        if is_remote(path)? {
            return Err(Failure::permanent(
                "is on a network or FUSE file system: put it on a local disk",
            ));
        }
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
        let (connection, secret) = schema::open(path)?;
        let beside = |suffix| {
            let mut path = path.as_os_str().to_owned();
            path.push(suffix);
            PathBuf::from(path)
        };
        Ok(Open {
            path: path.to_owned(),
            id,
            secret,
            locks: LockFile::open(&beside("-calls"))?,
            held: Mutex::default(),
            log: open_to_sync(&beside("-wal"))?,
            connection: Mutex::new(connection),
            committed: AtomicU64::new(0),
            disk: Mutex::new(Disk {
                synced: Ok(0),
                is_syncing: false,
            }),
            was_synced: Condvar::new(),
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
        limits: &Limits,
        work: impl Fn(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Reply> {
        let read = patiently(limits, || {
            self.check()?;
            Ok(work(&self.connection.lock())?)
        });
        read.map_err(|failure| failure.reply(&self.path))
    }

    /// Does it in a transaction, which is then on the disk if it has to be.
    pub(super) fn write<T>(
        &self,
        limits: &Limits,
        is_durable: bool,
        work: impl Fn(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Reply> {
        let written = patiently(limits, || {
            self.check()?;
            let mut connection = self.connection.lock();
            let behavior = TransactionBehavior::Immediate;
            let transaction = connection.transaction_with_behavior(behavior)?;
            let value = work(&transaction)?;
            transaction.commit()?;
            let own = self.committed.fetch_add(1, Ordering::SeqCst) + 1;
            drop(connection);
            if is_durable {
                self.sync(own)?;
            }
            Ok(value)
        });
        written.map_err(|failure| failure.reply(&self.path))
    }

    fn sync(&self, own: u64) -> Result<(), Failure> {
        let mut disk = self.disk.lock();
        loop {
            match &disk.synced {
                Ok(synced) if *synced < own => {}
                done => return done.clone().map(|_| ()),
            }
            if disk.is_syncing {
                let woken = self.was_synced.wait(disk);
                disk = woken.unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            disk.is_syncing = true;
            drop(disk);
            let committed = self.committed.load(Ordering::SeqCst);
            let synced = self.log.sync_data();
            disk = self.disk.lock();
            disk.is_syncing = false;
            disk.synced = synced.map(|()| committed).map_err(|error| {
                Failure::permanent(format!(
                    "could not be kept by its disk ({error}): restart this program"
                ))
            });
            self.was_synced.notify_all();
        }
    }

    /// Takes a key, unless another call has it.
    pub(super) fn hold(&self, place: i64) -> Result<Option<Held<'_>>, Reply> {
        let mut held = self.held.lock();
        if held.contains(&place) {
            return Ok(None);
        }
        match self.locks.try_lock(place) {
            Ok(true) => {
                held.insert(place);
                Ok(Some(Held { place, open: self }))
            }
            Ok(false) => Ok(None),
            Err(error) => Err(Failure::from(error).reply(&self.path)),
        }
    }

    /// Whether a call has a key. In doubt it does: who waits for it may wait in vain, but nobody sends.
    pub(super) fn is_held(&self, place: i64) -> bool {
        self.held.lock().contains(&place) || self.locks.is_locked(place).unwrap_or(true)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let mut held = self.open.held.lock();
        self.open.locks.unlock(self.place);
        held.remove(&self.place);
    }
}
