//! The ledger: what was sent, remembered over threads, processes and crashes: while an entry is kept, its key never
//! sends a second time what may have been queued.
//!
//! A call with a key *looks* for an entry, and returns what it says, or waits for the call that is under
//! way. Where nothing stands against it, it *claims* the key (only where it then waits for its turn),
//! *begins*, which is on the disk before an attempt takes a connection, and *ends*, which is not waited
//! for. Whatever happens in between, the entry then reads as unknown, and never as not sent.
//!
//! Each module uses those below it alone:
//!
//! | module | what it is |
//! | --- | --- |
//! | `file` | opens the file once in a process; knows which calls live |
//! | `writer` | one transaction for all who write at the same time |
//! | `table`, `schema` | entries in the database; the database itself |
//! | `digest` | what the ledger holds in place of a message |
//! | `failure` | why the ledger could not be used |
//! | `entry` | the states of an entry: the rules, without a disk |

mod digest;
mod entry;
mod failure;
mod file;
mod schema;
mod table;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rusqlite::Connection;
use serde::Serialize;

use crate::json;
use crate::per_process::PerProcess;
use crate::reply::Reply;
use crate::status::Status;
use crate::sys::fork::HoldUp;
use crate::transport::{self, Limits};
use digest::Digester;
use entry::{Call, Entry, Found, Outcome, Standing, State, find};
use failure::Failure;
use file::{Alive, Open, resolve};
use table::{Sender, prune};
use writer::{Unwritten, lock};

/// How long a call leaves another one with its key alone: at first, and at most.
const PAUSES: [Duration; 2] = [Duration::from_millis(2), Duration::from_millis(50)];

/// How many entries a list has at most.
const MAX_LISTED: usize = 1000;

/// The ledger of a client.
pub(crate) struct Ledger {
    path: PathBuf,
    days: u32,
    sender: Arc<Sender>,
    /// Open from the first call with a key on.
    open: PerProcess<Mutex<Option<Arc<Open>>>>,
}

/// A call with a key.
pub(crate) struct KeyedCall<'a> {
    ledger: &'a Ledger,
    open: Arc<Open>,
    key: Arc<str>,
    message: Digester<'a>,
    /// From when the key is claimed until its outcome is written.
    alive: Option<Arc<Alive>>,
}

impl Ledger {
    /// Opens the file, checks it, and closes it. The error ends a sentence that begins with the option.
    pub(crate) fn new(
        path: &str,
        days: u32,
        base_url: &str,
        workspace_id: &str,
    ) -> Result<Self, String> {
        let path = resolve(Path::new(path)).map_err(|failure| failure.reason)?;
        if !file::is_inherited() {
            // A child would inherit it.
            let _hold_up = HoldUp::begin();
            match Open::get(&path) {
                Err(failure) if !failure.is_busy => return Err(failure.reason),
                // Who has it locked now may be done when it is needed.
                _ => {}
            }
        }
        Ok(Ledger {
            path,
            days,
            sender: Arc::new(Sender {
                base_url: base_url.to_owned(),
                workspace_id: workspace_id.to_owned(),
            }),
            open: PerProcess::new(),
        })
    }

    /// A call with a key, for which the file is opened for good.
    pub(crate) fn call<'a>(
        &'a self,
        key: &str,
        message: &'a str,
        limits: &Limits,
    ) -> Result<KeyedCall<'a>, Reply> {
        let open = self.open(limits)?;
        *lock(self.open.get_or_make(Mutex::default)) = Some(Arc::clone(&open));
        Ok(KeyedCall {
            ledger: self,
            message: Digester::new(&open.secret, message),
            open,
            key: key.into(),
            alive: None,
        })
    }

    fn open(&self, limits: &Limits) -> Result<Arc<Open>, Reply> {
        self.patiently(limits, || Open::get(&self.path))
    }

    /// Does it again for as long as another program has the file locked.
    fn patiently<T>(
        &self,
        limits: &Limits,
        work: impl Fn() -> Result<T, Failure>,
    ) -> Result<T, Reply> {
        let [mut pause, longest] = PAUSES;
        loop {
            match work() {
                Err(failure) if failure.is_busy => {
                    limits
                        .sleep_until(Instant::now() + pause)
                        .map_err(|stop| match stop {
                            // What it waited for says more than that it waited.
                            transport::Failure::Deadline => failure.reply(&self.path),
                            stop => Reply::not_sent(&stop),
                        })?;
                    pause = longest.min(2 * pause);
                }
                done => return done.map_err(|failure| failure.reply(&self.path)),
            }
        }
    }

    fn read<T>(
        &self,
        open: &Open,
        limits: &Limits,
        work: impl Fn(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Reply> {
        self.patiently(limits, || open.read(&work))
    }

    fn write<T: Send + 'static>(
        &self,
        open: &Open,
        limits: &Limits,
        work: impl Fn(&Connection) -> rusqlite::Result<T> + Send + Sync + 'static,
    ) -> Result<T, Reply> {
        let written = open.writer.write(limits, &|| open.check(), work);
        written.map_err(|unwritten| match unwritten {
            Unwritten::Stopped(stop) => Reply::not_sent(&stop),
            Unwritten::Failed(failure) => failure.reply(&self.path),
        })
    }

    /// What was settled before is forgotten.
    fn forgets_before(&self) -> i64 {
        const DAY: i64 = 24 * 60 * 60 * 1000;
        match self.days {
            0 => i64::MIN,
            days => now() - i64::from(days) * DAY,
        }
    }

    /// Settles the entry that a post-back is about, and adds to it what became of that.
    pub(crate) fn settle(&self, post_back: String, limits: &Limits) -> Result<String, Reply> {
        let field = |pointer| json::get(&post_back, pointer);
        let request_id = field("/request_id").unwrap_or_default();
        let status = field("/status").unwrap_or_default();
        let status_at = field("/status_at_ms").and_then(|it| it.parse::<i64>().ok());
        let is_own = field("/workspace_id").is_none_or(|id| id == self.sender.workspace_id);
        let found = if is_own {
            let open = self.open(limits)?;
            let data = field("/post_back_data").map(|data| digest::of_data(&open.secret, &data));
            let (sender, calls) = (Arc::clone(&self.sender), Arc::clone(&open.calls));
            self.write(&open, limits, move |database| {
                let mut found = sender.find_by_request_id(database, &request_id)?;
                if let (None, Some(data), Some(at)) = (&found, data, status_at) {
                    let by_data = sender.find_by_post_back_data(database, &data)?;
                    found = by_data.filter(|(_, entry)| entry.can_be_of(at));
                }
                let Some((key, mut entry)) = found else {
                    return Ok(None);
                };
                let settled = entry.settle(&request_id, now(), |call| calls.is_live(call));
                sender.save(database, &key, &entry)?;
                sender.note_post_back(database, &key, (&status, status_at))?;
                Ok(Some((settled, key)))
            })?
        } else {
            None
        };
        #[derive(Serialize)]
        struct Settled {
            settled: bool,
            #[serde(skip_serializing_if = "Option::is_none")]
            idempotency_key: Option<String>,
        }
        let settled = Settled {
            settled: found.as_ref().is_some_and(|(settled, _)| *settled),
            idempotency_key: found.map(|(_, key)| key),
        };
        let more = serde_json::to_string(&settled).unwrap_or_default();
        // One object of two.
        let more = more.strip_prefix('{').unwrap_or_default();
        Ok(format!(
            "{},{more}",
            post_back.strip_suffix('}').unwrap_or_default()
        ))
    }

    /// The entries whose outcome is unknown, oldest first, from the one after a key on.
    pub(crate) fn unsettled(&self, after: Option<&str>, limits: &Limits) -> Result<String, Reply> {
        #[derive(Serialize)]
        struct Unsettled {
            idempotency_key: String,
            began_at_ms: i64,
        }
        #[derive(Serialize)]
        struct List {
            entries: Vec<Unsettled>,
        }
        let open = self.open(limits)?;
        let is_unknown =
            |entry: &Entry| entry.standing(|call| open.calls.is_live(call)) == Standing::Unknown;
        let mut found = self.read(&open, limits, |database| {
            self.sender
                .unsettled(database, after, MAX_LISTED, is_unknown)
        })?;
        // A call writes what became of it, and lives no more: perhaps after it was read.
        found.retain(|(key, entry)| {
            matches!(entry.state, State::Ended(_))
                || self
                    .read(&open, limits, |database| self.sender.find(database, key))
                    .is_ok_and(|now| now.as_ref() == Some(entry))
        });
        let entries = found.into_iter().map(|(idempotency_key, entry)| Unsettled {
            idempotency_key,
            began_at_ms: entry.began_at,
        });
        let list = List {
            entries: entries.collect(),
        };
        Ok(serde_json::to_string(&list).unwrap_or_default())
    }

    /// Drops an unknown entry, so that the next call with its key sends.
    pub(crate) fn forget(&self, key: &str, limits: &Limits) -> Result<Reply, Reply> {
        let open = self.open(limits)?;
        let (sender, calls) = (Arc::clone(&self.sender), Arc::clone(&open.calls));
        let key = key.to_owned();
        let standing = self.write(&open, limits, move |database| {
            let Some(mut entry) = sender.find(database, &key)? else {
                return Ok(Standing::Free);
            };
            let standing = entry.forget(now(), |call| calls.is_live(call));
            if standing == Standing::Unknown {
                sender.save(database, &key, &entry)?;
            }
            Ok(standing)
        })?;
        let free = "the next call with this idempotency_key sends its message";
        Ok(match standing {
            Standing::Free | Standing::Unknown => Reply::new(Status::ZX_OK.definite(), free),
            Standing::Live(_) => Reply::new(
                Status::ZX_BUSY.retryable(),
                "a call with this idempotency_key is under way: wait for its outcome",
            ),
            Standing::Queued => Reply::invalid_argument(
                "the message with this idempotency_key was queued: sent again, it would arrive twice",
            ),
        })
    }
}

impl KeyedCall<'_> {
    /// Finds nothing that stands against sending; else the error is the call's reply.
    pub(crate) fn look(&self, limits: &Limits) -> Result<(), Reply> {
        self.look_past(None, limits)
    }

    /// The same, where a call was found under way, whose outcome is then this call's.
    fn look_past(&self, mut awaited: Option<Call>, limits: &Limits) -> Result<(), Reply> {
        let [mut pause, longest] = PAUSES;
        let mut doubted = None;
        loop {
            let found = self.ledger.read(&self.open, limits, |database| {
                self.ledger.sender.find(database, &self.key)
            })?;
            let Some(entry) = found.filter(|entry| is_kept(entry, self.ledger.forgets_before()))
            else {
                return Ok(());
            };
            let calls = &self.open.calls;
            let standing = match find(Some(&entry), self.message.get(), |call| calls.is_live(call))
            {
                Found::Same(standing) => standing,
                Found::Another(standing) => return Err(another(standing)),
            };
            match (standing, &entry.state) {
                (Standing::Free, State::Ended(outcome)) if awaited.is_some() => {
                    return Err(ended(outcome));
                }
                (Standing::Free, _) => return Ok(()),
                (Standing::Queued, State::Ended(outcome)) => {
                    return Err(Reply {
                        request_id: entry.request_id,
                        ..ended(outcome)
                    });
                }
                // A call writes what became of it, and lives no more: perhaps after it was read.
                (Standing::Unknown, State::UnderWay(call)) if doubted != Some(*call) => {
                    doubted = Some(*call);
                    continue;
                }
                (Standing::Queued | Standing::Unknown, _) => return Err(unknown()),
                (Standing::Live(call), _) => awaited = Some(call),
            }
            if let Err(stop) = limits.sleep_until(Instant::now() + pause) {
                let reason = format!(
                    "the message may be queued: another call with this idempotency_key is under way, \
                     and this one did not wait for its outcome ({stop})"
                );
                return Err(repeated(Reply::new(
                    Status::ZX_OUTCOME_UNKNOWN.definite(),
                    reason,
                )));
            }
            pause = longest.min(pause * 3 / 2);
        }
    }

    /// Keeps other calls with the key waiting, while this one waits for its turn. If it dies, nothing
    /// was sent.
    pub(crate) fn claim(&mut self, limits: &Limits) -> Result<(), Reply> {
        self.enter(limits, State::Waiting)
    }

    /// From here on the message may be sent.
    pub(crate) fn begin(&mut self, limits: &Limits) -> Result<(), Reply> {
        self.enter(limits, State::UnderWay)
    }

    fn enter(&mut self, limits: &Limits, state: fn(Call) -> State) -> Result<(), Reply> {
        loop {
            let alive = match &self.alive {
                Some(alive) => Arc::clone(alive),
                None => {
                    let alive = self.open.calls.begin();
                    Arc::new(alive.map_err(|failure| failure.reply(&self.ledger.path))?)
                }
            };
            self.alive = Some(Arc::clone(&alive));
            let call = alive.call;
            let (message, data) = (*self.message.get(), self.message.post_back_data());
            let (sender, calls) = (
                Arc::clone(&self.ledger.sender),
                Arc::clone(&self.open.calls),
            );
            let (key, forgets_before) = (Arc::clone(&self.key), self.ledger.forgets_before());
            let written = self.ledger.write(&self.open, limits, move |database| {
                // It lives for as long as this may be written.
                let own = alive.call;
                prune(database, forgets_before)?;
                let entry = sender.find(database, &key)?;
                let entry = entry.filter(|entry| is_kept(entry, forgets_before));
                let is_live = |call| call != own && calls.is_live(call);
                let found = find(entry.as_ref(), &message, is_live);
                if found == Found::Same(Standing::Free) {
                    let entry = Entry::new(message, data, now(), state(own));
                    sender.save(database, &key, &entry)?;
                }
                Ok(found)
            });
            let found = match written {
                Ok(found) => found,
                Err(reply) => {
                    // It may be written all the same.
                    self.end(&reply, limits);
                    return Err(reply);
                }
            };
            let awaited = match found {
                Found::Same(Standing::Free) => return Ok(()),
                Found::Same(Standing::Live(other)) if other != call => Some(other),
                _ => None,
            };
            self.alive = None;
            self.look_past(awaited, limits)?;
        }
    }

    /// Writes what became of the call, and no longer keeps anybody waiting.
    pub(crate) fn end(&mut self, reply: &Reply, limits: &Limits) {
        let Some(alive) = self.alive.take() else {
            return;
        };
        let (sender, key) = (Arc::clone(&self.ledger.sender), Arc::clone(&self.key));
        let request_id = reply.request_id.clone();
        let outcome = Outcome {
            status: reply.status,
            retryable: reply.is_retryable(),
            http_status: reply.http_status,
            at: now(),
        };
        // A call that is over has a moment left for this.
        const MOMENT: Duration = Duration::from_millis(20);
        let limits = Limits {
            deadline: match limits.check() {
                Ok(()) => limits.deadline.max(Instant::now() + MOMENT),
                Err(_) => Instant::now() + MOMENT,
            },
            interrupt: Arc::default(),
        };
        let open = &self.open;
        open.writer
            .write_soon(&limits, &|| open.check(), move |database| {
                let Some(mut entry) = sender.find(database, &key)? else {
                    return Ok(());
                };
                let before = entry.clone();
                entry.end(alive.call, outcome.clone(), request_id.clone());
                if entry == before {
                    return Ok(());
                }
                sender.save(database, &key, &entry)
            });
    }
}

fn is_kept(entry: &Entry, forgets_before: i64) -> bool {
    entry.settled_at().is_none_or(|at| at >= forgets_before)
}

/// Unix time in milliseconds, by the machine's clock.
fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| now.as_millis() as i64)
}

fn repeated(reply: Reply) -> Reply {
    Reply {
        repeated: true,
        ..reply
    }
}

/// The reply that another call with the key had.
fn ended(outcome: &Outcome) -> Reply {
    let (verdict, message) = match (outcome.status, outcome.retryable) {
        (Status::ZX_OK, _) => (
            outcome.status.definite(),
            "an earlier call with this idempotency_key queued the message".to_owned(),
        ),
        (status, retryable) => (
            if retryable {
                status.retryable()
            } else {
                status.definite()
            },
            format!(
                "the call with this idempotency_key that this one waited for ended as {}",
                status.name()
            ),
        ),
    };
    repeated(Reply {
        http_status: outcome.http_status,
        ..Reply::new(verdict, message)
    })
}

fn unknown() -> Reply {
    repeated(Reply::new(
        Status::ZX_OUTCOME_UNKNOWN.definite(),
        "the message may have been queued by an earlier call with this idempotency_key: its post-back \
         settles that (zx_client_settle), or you decide that it may be sent again (zx_client_forget)",
    ))
}

fn another(standing: Standing) -> Reply {
    let what = match standing {
        Standing::Queued => "was queued",
        Standing::Live(_) => "is being sent",
        Standing::Unknown | Standing::Free => "may have been queued",
    };
    Reply::invalid_argument(format!(
        "idempotency_key names one message, and the one with this key, which is another, {what}: give \
         each message a key of its own"
    ))
}
