//! One transaction, and one fsync, for all who write at the same time.
//!
//! Whoever finds that nobody leads, leads: it writes what is in the queue, for all who wait, and then the
//! next one that waits leads. Only the leader touches the connection. Who leaves the queue in time has
//! changed nothing. Who would leave later waits for the disk; but what need not be on the disk, such as
//! the outcome of a call that is over, is left to whoever leads.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use std::{mem, thread};

use rusqlite::Connection;

use super::failure::{Failure, patiently};
use crate::sys::Interrupt;
use crate::transport::Limits;

pub(super) struct Writer {
    queue: Mutex<Queue>,
    /// `None` when it is closed.
    database: Mutex<Option<Database>>,
}

#[derive(Default)]
struct Queue {
    jobs: Vec<Arc<Job>>,
    is_led: bool,
}

struct Database {
    connection: Connection,
    /// Whether a commit waits for the disk.
    is_durable: bool,
}

type Work = dyn Fn(&Connection) -> rusqlite::Result<()> + Send + Sync;

struct Job {
    work: Box<Work>,
    /// Whether it has to be on the disk.
    is_durable: bool,
    waiter: Arc<Interrupt>,
    /// Whether the waiter has gone, and left it to others.
    is_left: AtomicBool,
    result: OnceLock<Result<(), Failure>>,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Writer {
    pub(super) fn new(connection: Connection) -> Self {
        Writer {
            queue: Mutex::default(),
            database: Mutex::new(Some(Database {
                connection,
                is_durable: true,
            })),
        }
    }

    /// Waits until it is written. `check` has to hold then.
    pub(super) fn write<T: Send + 'static>(
        &self,
        limits: &Limits,
        is_durable: bool,
        check: &dyn Fn() -> Result<(), Failure>,
        work: impl Fn(&Connection) -> rusqlite::Result<T> + Send + Sync + 'static,
    ) -> Result<T, Failure> {
        let value = Arc::new(Mutex::new(None));
        let place = Arc::clone(&value);
        let job = Arc::new(Job {
            work: Box::new(move |database| {
                *lock(&place) = Some(work(database)?);
                Ok(())
            }),
            is_durable,
            waiter: Arc::clone(&limits.interrupt),
            is_left: AtomicBool::new(false),
            result: OnceLock::new(),
        });
        self.queue().jobs.push(Arc::clone(&job));
        let result = loop {
            if let Some(result) = job.result.get() {
                break result.clone();
            }
            let waited = match self.begin_to_lead() {
                Some(lead) => lead.write_queue(limits, check),
                // What need not be on the disk is left to whoever leads.
                None if !is_durable => {
                    self.leave(&job);
                    break Ok(());
                }
                None => {
                    let is_over = || job.result.get().is_some() || !self.queue().is_led;
                    limits.wait_while_not(is_over).map_err(Failure::from)
                }
            };
            if let Err(failure) = waited
                && job.result.get().is_none()
                && self.leave(&job)
            {
                break Err(failure);
            }
        };
        result?;
        let value = lock(&value).take();
        value.ok_or_else(|| Failure::permanent("lost what was read"))
    }

    /// Whether the waiter of a job may go. What is just being written is over as soon as the disk
    /// has responded.
    fn leave(&self, job: &Arc<Job>) -> bool {
        let mut queue = self.queue();
        if !queue.jobs.iter().any(|it| Arc::ptr_eq(it, job)) {
            drop(queue);
            thread::sleep(Duration::from_millis(1));
            return false;
        }
        job.is_left.store(true, Ordering::Relaxed);
        queue
            .jobs
            .retain(|it| !it.is_durable || !Arc::ptr_eq(it, job));
        drop(queue);
        // It may have been the one that was to lead.
        self.wake_next();
        true
    }

    /// What was left to others is written now or never.
    pub(super) fn close(&self) {
        let now = Limits {
            deadline: Instant::now(),
            interrupt: Arc::default(),
        };
        if !self.queue().jobs.is_empty()
            && let Some(lead) = self.begin_to_lead()
        {
            let _ = lead.write_queue(&now, &|| Ok(()));
        }
        *lock(&self.database) = None;
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        lock(&self.queue)
    }

    fn begin_to_lead(&self) -> Option<Lead<'_>> {
        let is_led = mem::replace(&mut self.queue().is_led, true);
        (!is_led).then(|| Lead(self))
    }

    fn wake_next(&self) {
        let next = self.queue().next();
        if let Some(next) = next {
            next.wake();
        }
    }
}

/// Whoever leads.
struct Lead<'a>(&'a Writer);

impl Queue {
    /// Who waits, and will lead.
    fn next(&self) -> Option<Arc<Interrupt>> {
        let mut waiting = self
            .jobs
            .iter()
            .filter(|job| !job.is_left.load(Ordering::Relaxed));
        waiting.next().map(|job| Arc::clone(&job.waiter))
    }
}

impl Lead<'_> {
    /// Writes what is in the queue once no other process writes, until nothing is in it that nobody
    /// waits for.
    fn write_queue(
        &self,
        limits: &Limits,
        check: &dyn Fn() -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        loop {
            self.write_once(limits, check)?;
            let queue = self.0.queue();
            if queue.jobs.is_empty() || queue.next().is_some() {
                return Ok(());
            }
        }
    }

    fn write_once(
        &self,
        limits: &Limits,
        check: &dyn Fn() -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut database = lock(&self.0.database);
        let Some(database) = &mut *database else {
            return Err(Failure::permanent("is closed"));
        };
        let is_durable = self.0.queue().jobs.iter().any(|job| job.is_durable);
        let begun = patiently(limits, || check().and_then(|()| database.begin(is_durable)));
        if begun.as_ref().is_err_and(|failure| failure.is_busy) {
            return begun;
        }
        let mut queue = self.0.queue();
        // What came meanwhile may want more of the disk.
        let (batch, rest) = mem::take(&mut queue.jobs)
            .into_iter()
            .partition(|job| is_durable || !job.is_durable);
        queue.jobs = rest;
        drop(queue);
        let batch: Vec<Arc<Job>> = batch;
        let written = begun.and_then(|()| database.write(&batch));
        for job in batch {
            let _ = job.result.set(written.clone());
            job.waiter.wake();
        }
        Ok(())
    }
}

/// The next one that waits leads, even where this one panics.
impl Drop for Lead<'_> {
    fn drop(&mut self) {
        self.0.queue().is_led = false;
        self.0.wake_next();
    }
}

impl Database {
    fn begin(&mut self, is_durable: bool) -> Result<(), Failure> {
        if is_durable != self.is_durable {
            let level = if is_durable { "FULL" } else { "NORMAL" };
            let level = format!("PRAGMA synchronous = {level}");
            self.connection.execute_batch(&level)?;
            self.is_durable = is_durable;
        }
        Ok(self.execute("BEGIN IMMEDIATE")?)
    }

    fn write(&self, batch: &[Arc<Job>]) -> Result<(), Failure> {
        let works = batch
            .iter()
            .try_for_each(|job| (job.work)(&self.connection));
        works
            .and_then(|()| self.execute("COMMIT"))
            .map_err(|error| {
                if !self.connection.is_autocommit() {
                    let _ = self.execute("ROLLBACK");
                }
                error.into()
            })
    }

    fn execute(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(|_| ())
    }
}
