//! The ledger's file, opened once in a process, however many clients use it.
//!
//! SQLite keeps, for a process, what it has locked in a file. A child of a fork inherits that without
//! the locks, and would write where others do. So a process whose ancestor had a ledger open uses none;
//! and nothing here opens the file but SQLite: closing a descriptor of it would drop SQLite's locks. (It
//! has none in its log, `-wal`.)
//!
//! Threads that write at the same time share a transaction: who finds that others wait for the database
//! leaves it open to them, and the last one commits it for all, within microseconds. What has to be on the
//! disk is then synced: those who come while one syncs share the next sync. No lock is held while a call
//! waits for anything else.

use std::cell::RefCell;
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rusqlite::Connection;

use super::entry::Call;
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
    /// The calls that live: each has a byte locked, beside the ledger, which goes with its process.
    locks: LockFile,
    own_calls: Mutex<HashSet<Call>>,
    /// What SQLite writes first. (Before the connection, for SQLite removes it as that is closed.)
    log: File,
    database: Mutex<Database>,
    /// How many threads wait for it to write.
    joining: AtomicUsize,
    /// Up to which transaction all is on the disk.
    synced: Mutex<Result<u64, Failure>>,
}

struct Database {
    connection: Connection,
    /// The one that is open, or was.
    transaction: Arc<Transaction>,
    committed: u64,
    /// The calls that are over as soon as it is committed what became of them.
    over: Vec<Call>,
}

#[derive(Default)]
struct Transaction {
    number: u64,
    is_committed: AtomicBool,
}

/// Keeps a call alive in the eyes of all others.
pub(super) struct Alive<'a> {
    pub(super) call: Call,
    open: &'a Open,
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
            own_calls: Mutex::default(),
            log: open_to_sync(&beside("-wal"))?,
            database: Mutex::new(Database {
                connection,
                transaction: Arc::default(),
                committed: 0,
                over: Vec::new(),
            }),
            joining: AtomicUsize::new(0),
            synced: Mutex::new(Ok(0)),
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

    /// Reads, with what tells which calls live.
    ///
    /// A call writes what became of it, and lives no more: perhaps after its entry was read. So one that
    /// is found gone counts as gone only where all is read again.
    pub(super) fn read<T>(
        &self,
        limits: &Limits,
        work: impl Fn(&Connection, &dyn Fn(Call) -> bool) -> rusqlite::Result<T>,
    ) -> Result<T, Reply> {
        let gone = RefCell::new(HashSet::new());
        loop {
            let known = gone.borrow().len();
            let is_live = |call| self.is_live(call) || gone.borrow_mut().insert(call);
            let read = patiently(limits, || {
                self.check()?;
                Ok(work(&self.database.lock().connection, &is_live)?)
            });
            let value = read.map_err(|failure| failure.reply(&self.path))?;
            if gone.borrow().len() == known {
                return Ok(value);
            }
        }
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
            self.joining.fetch_add(1, Ordering::SeqCst);
            let mut database = self.database.lock();
            self.joining.fetch_sub(1, Ordering::SeqCst);
            database.begin()?;
            let own = Arc::clone(&database.transaction);
            let value = work(&database.connection);
            if self.joining.load(Ordering::SeqCst) == 0 {
                self.commit(&mut database)?;
            }
            drop(database);
            let value = value?;
            if is_durable {
                self.sync(&own)?;
            }
            Ok(value)
        });
        written.map_err(|failure| failure.reply(&self.path))
    }

    /// A disk that cannot keep something tells that once, and forgets it: nothing is sure from then on.
    fn sync(&self, own: &Arc<Transaction>) -> Result<(), Failure> {
        let mut synced = self.synced.lock();
        let mut database = self.database.lock();
        if Arc::ptr_eq(own, &database.transaction) {
            self.commit(&mut database)?;
        }
        let committed = database.committed;
        drop(database);
        if !own.is_committed.load(Ordering::SeqCst) {
            return Err(Failure::rolled_back());
        }
        if synced.as_ref().is_ok_and(|synced| *synced < own.number) {
            *synced = match self.log.sync_data() {
                Ok(()) => Ok(committed),
                Err(error) => Err(Failure::permanent(format!(
                    "could not be kept by its disk ({error}): restart this program"
                ))),
            };
        }
        synced.clone().map(|_| ())
    }

    /// Nothing is open where it is committed already, or was rolled back with a statement that failed.
    fn commit(&self, database: &mut Database) -> rusqlite::Result<()> {
        let committed = match database.connection.is_autocommit() {
            true => Ok(()),
            false => database.commit(),
        };
        for call in database.over.drain(..) {
            self.forget(call);
        }
        committed
    }

    /// A call lives no more.
    fn forget(&self, call: Call) {
        self.locks.unlock(call);
        self.own_calls.lock().remove(&call);
    }

    /// In doubt it lives: who waits for it may wait in vain, but nobody sends.
    pub(super) fn is_live(&self, call: Call) -> bool {
        self.own_calls.lock().contains(&call) || self.locks.is_locked(call).unwrap_or(true)
    }
}

impl Database {
    fn begin(&mut self) -> rusqlite::Result<()> {
        if self.connection.is_autocommit() {
            self.execute("BEGIN IMMEDIATE")?;
            self.transaction = Arc::new(Transaction {
                number: self.transaction.number + 1,
                is_committed: AtomicBool::new(false),
            });
        }
        Ok(())
    }

    fn commit(&mut self) -> rusqlite::Result<()> {
        let committed = self.execute("COMMIT");
        if committed.is_ok() {
            self.committed = self.transaction.number;
            let is_committed = &self.transaction.is_committed;
            is_committed.store(true, Ordering::SeqCst);
        } else if !self.connection.is_autocommit() {
            self.execute("ROLLBACK")?;
        }
        committed
    }

    fn execute(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(|_| ())
    }
}

impl<'a> Alive<'a> {
    /// No two calls have the same place, not even after a crash.
    pub(super) fn begin(open: &'a Open) -> Result<Self, Reply> {
        let place = || {
            let random = getrandom::u64();
            let random = random.map_err(|error| Failure::permanent(error.to_string()))?;
            let call = (random >> 2).cast_signed();
            open.locks.lock(call)?;
            Ok(call)
        };
        let call = place().map_err(|failure: Failure| failure.reply(&open.path))?;
        open.own_calls.lock().insert(call);
        Ok(Alive { call, open })
    }
}

impl Drop for Alive<'_> {
    fn drop(&mut self) {
        let mut database = self.open.database.lock();
        match database.connection.is_autocommit() {
            true => self.open.forget(self.call),
            false => database.over.push(self.call),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn what_another_thread_rolls_back_is_done_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ledger");
        let path = make(path.to_str().expect("UTF-8")).expect("a file");
        let open = Open::get(&path).expect("a ledger");
        let limits = Limits::until(Instant::now() + Duration::from_secs(60));
        let table = |database: &Connection| database.execute_batch("CREATE TABLE t (x INTEGER)");
        assert!(open.write(&limits, true, table).is_ok());
        // As where the disk is full.
        let fails = |number: i32| number % 7 == 0;
        thread::scope(|scope| {
            for first in (0..800).step_by(100) {
                let (open, limits) = (&open, &limits);
                scope.spawn(move || {
                    for number in first..first + 100 {
                        let written = open.write(limits, true, |database| {
                            database.execute("INSERT INTO t VALUES (?1)", [number])?;
                            match fails(number) {
                                true => Err(database.execute_batch("ROLLBACK").map_or_else(
                                    |error| error,
                                    |()| rusqlite::Error::InvalidQuery,
                                )),
                                false => Ok(()),
                            }
                        });
                        assert_eq!(written.is_err(), fails(number));
                    }
                });
            }
        });
        let written: Result<Vec<i32>, _> = open.read(&limits, |database, _| {
            let mut rows = database.prepare("SELECT x FROM t ORDER BY x")?;
            rows.query_map([], |row| row.get(0))?.collect()
        });
        let expected: Vec<i32> = (0..800).filter(|number| !fails(*number)).collect();
        assert!(written.is_ok_and(|written| written == expected));
        drop(open);
        close_unused();
    }
}
