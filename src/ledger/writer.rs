//! One transaction, and one fsync, for all who write at the same time.
//!
//! Whoever finds that nobody leads, leads: it writes what is in the queue, for all who wait, until its own
//! is written; then the next one that waits leads. Only the leader touches the connection. Who leaves
//! the queue in time has changed nothing; who leaves later has to take back what may be written.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::failure::Failure;
use crate::sys::Interrupt;
use crate::transport::{self, Limits};

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long the leader leaves another process alone that writes: at first, and at most.
const PAUSES: [Duration; 2] = [Duration::from_micros(500), Duration::from_millis(8)];

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

struct Job {
    /// Done again, alone, where the transaction that it was in fails.
    work: Box<dyn Fn(&Connection) -> rusqlite::Result<()> + Send + Sync>,
    /// Whether it is on the disk when it is done.
    is_durable: bool,
    /// Whom to wake, if anybody waits for it.
    waiter: Option<Arc<Interrupt>>,
    result: OnceLock<Result<(), Failure>>,
}

/// Why something was not written, or not in time.
pub(super) enum Unwritten {
    Stopped(transport::Failure),
    Failed(Failure),
}

impl From<Failure> for Unwritten {
    fn from(failure: Failure) -> Self {
        Unwritten::Failed(failure)
    }
}

/// What has to hold before something is written.
type Check<'a> = &'a dyn Fn() -> Result<(), Failure>;

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

    /// Waits until it is on the disk.
    pub(super) fn write<T: Send + 'static>(
        &self,
        limits: &Limits,
        check: Check<'_>,
        work: impl Fn(&Connection) -> rusqlite::Result<T> + Send + Sync + 'static,
    ) -> Result<T, Unwritten> {
        let value = Arc::new(Mutex::new(None));
        let result = Arc::clone(&value);
        let job = Arc::new(Job {
            work: Box::new(move |database| {
                *lock(&result) = Some(work(database)?);
                Ok(())
            }),
            is_durable: true,
            waiter: Some(Arc::clone(&limits.interrupt)),
            result: OnceLock::new(),
        });
        self.queue().jobs.push(Arc::clone(&job));
        while job.result.get().is_none() {
            let waited = if self.begin_to_lead() {
                self.lead(&job, limits, check)
            } else {
                let is_over = || job.result.get().is_some() || !self.queue().is_led;
                let waited = limits.wait_while_not(is_over);
                waited.map_err(Unwritten::Stopped)
            };
            if waited.is_err() {
                self.leave(&job, limits, check);
                waited?;
            }
        }
        job.result.get().cloned().unwrap_or(Ok(()))?;
        let value = lock(&value).take();
        value.ok_or_else(|| Failure::permanent("lost what was read").into())
    }

    /// Leaves it to whoever leads, if anybody does, and does not wait for the disk.
    pub(super) fn write_soon(
        &self,
        limits: &Limits,
        check: Check<'_>,
        work: impl Fn(&Connection) -> rusqlite::Result<()> + Send + Sync + 'static,
    ) {
        let job = Arc::new(Job {
            work: Box::new(work),
            is_durable: false,
            waiter: None,
            result: OnceLock::new(),
        });
        self.queue().jobs.push(Arc::clone(&job));
        if self.begin_to_lead() {
            // What is not written now is written with what comes next.
            let _ = self.lead(&job, limits, check);
        }
    }

    /// What is left is written now or never.
    pub(super) fn close(&self) {
        let now = Limits {
            deadline: Instant::now(),
            interrupt: Arc::default(),
        };
        let first = self.queue().jobs.first().map(Arc::clone);
        if let Some(first) = first {
            let _ = self.lead(&first, &now, &|| Ok(()));
        }
        *lock(&self.database) = None;
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        lock(&self.queue)
    }

    fn begin_to_lead(&self) -> bool {
        !mem::replace(&mut self.queue().is_led, true)
    }

    /// Writes until a job is done, and then what nobody waits for.
    fn lead(&self, own: &Job, limits: &Limits, check: Check<'_>) -> Result<(), Unwritten> {
        let mut lead = Lead {
            writer: self,
            is_over: false,
        };
        let [mut pause, longest] = PAUSES;
        loop {
            let written = self.write_queue(check);
            let is_done = own.result.get().is_some();
            match written {
                Ok(()) if is_done && lead.is_left_to_another() => return Ok(()),
                Ok(()) => {}
                Err(_) if is_done => return Ok(()),
                Err(busy) => {
                    let waited = limits.sleep_until(Instant::now() + pause);
                    waited.map_err(|stop| match stop {
                        // What it waited for says more than that it waited.
                        transport::Failure::Deadline => Unwritten::Failed(busy),
                        stop => Unwritten::Stopped(stop),
                    })?;
                    pause = longest.min(2 * pause);
                }
            }
        }
    }

    /// Writes what is in the queue. The error is that somebody else writes.
    fn write_queue(&self, check: Check<'_>) -> Result<(), Failure> {
        let mut database = lock(&self.database);
        let is_durable = self.queue().jobs.iter().any(|job| job.is_durable);
        let begun = check().and_then(|()| match &mut *database {
            Some(database) => database.begin(is_durable).map(|()| database),
            None => Err(Failure::permanent("is closed")),
        });
        if let Err(failure) = &begun
            && failure.is_busy
        {
            return Err(failure.clone());
        }
        let batch = self.queue().take(is_durable);
        match begun {
            Err(failure) => finish(&batch, &Err(failure)),
            Ok(database) => match database.write(&batch) {
                // One that cannot be written must not keep the others from it.
                Err(failure) if batch.len() > 1 && !failure.is_transient => {
                    for job in batch.chunks(1) {
                        let begun = database.begin(true);
                        finish(job, &begun.and_then(|()| database.write(job)));
                    }
                }
                written => finish(&batch, &written),
            },
        }
        Ok(())
    }

    /// Takes a job back that nobody has begun.
    fn leave(&self, job: &Arc<Job>, limits: &Limits, check: Check<'_>) {
        let mut queue = self.queue();
        queue.jobs.retain(|it| !Arc::ptr_eq(it, job));
        // It may have been the one that was to lead.
        let rest = (!queue.is_left_to_another()).then(|| queue.jobs.first().cloned());
        drop(queue);
        if let Some(first) = rest.flatten()
            && self.begin_to_lead()
        {
            let _ = self.lead(&first, limits, check);
        }
        self.wake_next();
    }

    fn wake_next(&self) {
        let next = self.queue().jobs.iter().find_map(|job| job.waiter.clone());
        if let Some(next) = next {
            next.wake();
        }
    }
}

/// Whoever leads, until the next one does.
struct Lead<'a> {
    writer: &'a Writer,
    is_over: bool,
}

impl Lead<'_> {
    /// Ends it, unless something is left that nobody would write.
    fn is_left_to_another(&mut self) -> bool {
        let mut queue = self.writer.queue();
        self.is_over = queue.is_left_to_another();
        queue.is_led = !self.is_over;
        self.is_over
    }
}

/// The next one that waits leads, even where this one panics.
impl Drop for Lead<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.writer.queue().is_led = false;
        }
        self.writer.wake_next();
    }
}

impl Queue {
    /// Whether nothing is left to write, or somebody waits, and will lead.
    fn is_left_to_another(&self) -> bool {
        self.jobs.is_empty() || self.jobs.iter().any(|job| job.waiter.is_some())
    }

    /// All, or those that need not wait for the disk.
    fn take(&mut self, is_durable: bool) -> Vec<Arc<Job>> {
        let (batch, rest) = mem::take(&mut self.jobs)
            .into_iter()
            .partition(|job| is_durable || !job.is_durable);
        self.jobs = rest;
        batch
    }
}

fn finish(batch: &[Arc<Job>], result: &Result<(), Failure>) {
    for job in batch {
        let _ = job.result.set(result.clone());
        if let Some(waiter) = &job.waiter {
            waiter.wake();
        }
    }
}

impl Database {
    fn begin(&mut self, is_durable: bool) -> Result<(), Failure> {
        if is_durable != self.is_durable {
            let level = if is_durable { "FULL" } else { "NORMAL" };
            self.connection
                .execute_batch(&format!("PRAGMA synchronous = {level}"))?;
            self.is_durable = is_durable;
        }
        Ok(self.execute("BEGIN IMMEDIATE")?)
    }

    fn write(&mut self, batch: &[Arc<Job>]) -> Result<(), Failure> {
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
