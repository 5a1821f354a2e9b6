//! The ledger: what was sent, remembered over threads, processes and crashes: while an entry is kept, its key never
//! sends a second time what may have been queued.
//!
//! A call with a key *looks* for an entry, and returns what it says, or waits for the call that is under
//! way. Where nothing stands against it, it *claims* the key (only where it then waits for its turn),
//! *begins*, which is on the disk before an attempt takes a connection, and *ends*, which is not waited
//! for. Whatever happens in between, the entry then reads as unknown, and never as not sent.
//!
//! Each module uses only modules listed below it:
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

use serde_json::json;

use crate::per_process::PerProcess;
use crate::post_back::PostBack;
use crate::reply::Reply;
use crate::status::{Status, Verdict};
use crate::sys::fork::hold_up;
use crate::transport::Limits;
use entry::{Call, Digest, Entry, Found, Outcome, Standing, State, find};
use failure::{Failure, patiently};
use file::{Alive, Open, is_inherited, resolve};
use table::{Sender, prune};
use writer::lock;

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
    message: Digest,
    post_back_data: Option<Digest>,
    /// From when the key is claimed until its outcome is written.
    alive: Option<Arc<Alive>>,
}

impl Ledger {
    /// Opens the file, checks it, and closes it. The error ends a sentence that begins with its name.
    pub(crate) fn new(
        path: &str,
        days: u32,
        base_url: &str,
        workspace_id: &str,
    ) -> Result<Self, String> {
        let path = resolve(Path::new(path)).map_err(|failure| failure.reason)?;
        if !is_inherited() {
            // A child would inherit it.
            match hold_up(|| Open::get(&path).map(drop)) {
                Err(failure) if !failure.is_transient => return Err(failure.reason),
                // Who has it locked now may be done when it is needed, and a full disk empty.
                _ => {}
            }
        }
        let (base_url, workspace_id) = (base_url.to_owned(), workspace_id.to_owned());
        Ok(Ledger {
            path,
            days,
            sender: Arc::new(Sender {
                base_url,
                workspace_id,
            }),
            open: PerProcess::new(),
        })
    }

    /// A call with a key, for which the file is opened for good.
    pub(crate) fn call(
        &self,
        key: &str,
        message: &str,
        limits: &Limits,
    ) -> Result<KeyedCall<'_>, Reply> {
        let open = self.open(limits)?;
        *lock(self.open.get_or_make(Mutex::default)) = Some(Arc::clone(&open));
        let (message, post_back_data) = digest::of_message(&open.secret, message);
        Ok(KeyedCall {
            ledger: self,
            open,
            key: key.into(),
            message,
            post_back_data,
            alive: None,
        })
    }

    fn open(&self, limits: &Limits) -> Result<Arc<Open>, Reply> {
        patiently(limits, || Open::get(&self.path)).map_err(|failure| self.reply(&failure))
    }

    fn reply(&self, failure: &Failure) -> Reply {
        failure.reply(&self.path)
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
    pub(crate) fn settle(&self, post_back: PostBack, limits: &Limits) -> Result<String, Reply> {
        let PostBack {
            mut object,
            workspace_id,
            request_id,
            status,
            status_at_ms,
            post_back_data,
        } = post_back;
        let is_own = workspace_id.is_none_or(|id| id == self.sender.workspace_id);
        let mut settled = None;
        if is_own {
            let open = self.open(limits)?;
            let data = post_back_data.map(|data| digest::of_data(&open.secret, &data));
            let (sender, calls) = (Arc::clone(&self.sender), Arc::clone(&open));
            let written = open.write(limits, true, move |database| {
                let mut found = sender.find(database, "request_id", &request_id)?;
                if let (true, Some(data), Some(at)) = (found.is_empty(), data, status_at_ms) {
                    found = sender.find(database, "post_back_data", &data)?;
                    let is_only = found.len() == 1;
                    found.retain(|(_, entry)| is_only && entry.can_be_of(at));
                }
                let Some((key, mut entry)) = found.into_iter().next() else {
                    return Ok(None);
                };
                let before = entry.clone();
                let settled = entry.settle(&request_id, now(), |call| calls.is_live(call));
                if entry != before {
                    sender.save(database, &key, &entry)?;
                }
                sender.note_post_back(database, &key, &status, status_at_ms)?;
                Ok(Some((settled, key)))
            });
            settled = written.map_err(|failure| self.reply(&failure))?;
        }
        let is_settled = settled.as_ref().is_some_and(|(settled, _)| *settled);
        object.add("settled", is_settled);
        if let Some((_, key)) = settled {
            object.add("idempotency_key", key);
        }
        Ok(object.end())
    }

    /// The entries whose outcome is unknown, oldest first, from the one after a key on.
    pub(crate) fn unsettled(&self, after: Option<&str>, limits: &Limits) -> Result<String, Reply> {
        let open = self.open(limits)?;
        let is_unknown =
            |entry: &Entry| entry.standing(|call| open.is_live(call)) == Standing::Unknown;
        let found = patiently(limits, || {
            let listed = |database: &_| {
                let sender = &self.sender;
                sender.unsettled(database, after, MAX_LISTED, is_unknown)
            };
            let mut found = open.read(listed)?;
            // A call writes what became of it, and lives no more: perhaps after it was read.
            let now = open.read(listed)?;
            found.retain(|entry| now.contains(entry));
            Ok(found)
        });
        let found = found.map_err(|failure| self.reply(&failure))?;
        let entry = |(key, entry): &(String, Entry)| json!({ "idempotency_key": key, "began_at_ms": entry.began_at });
        let entries: Vec<_> = found.iter().map(entry).collect();
        Ok(json!({ "entries": entries }).to_string())
    }

    /// Drops an unknown entry, so that the next call with its key sends.
    pub(crate) fn forget(&self, key: &str, limits: &Limits) -> Result<Reply, Reply> {
        let open = self.open(limits)?;
        let (sender, calls, key) = (Arc::clone(&self.sender), Arc::clone(&open), key.to_owned());
        let standing = open.write(limits, true, move |database| {
            let Some(mut entry) = sender.get(database, &key)? else {
                return Ok(Standing::Free);
            };
            let standing = entry.forget(now(), |call| calls.is_live(call));
            if standing == Standing::Unknown {
                sender.save(database, &key, &entry)?;
            }
            Ok(standing)
        });
        Ok(match standing.map_err(|failure| self.reply(&failure))? {
            Standing::Free | Standing::Unknown => Reply::new(
                Status::ZX_OK.not_retryable(),
                "the next call with this idempotency_key sends its message",
            ),
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
        let forgets_before = self.ledger.forgets_before();
        let mut pause = Duration::from_millis(2);
        let mut doubted = None;
        loop {
            let read = || {
                self.open
                    .read(|database| self.ledger.sender.get(database, &self.key))
            };
            let found = patiently(limits, read).map_err(|failure| self.ledger.reply(&failure))?;
            let Some(entry) = found.filter(|entry| is_kept(entry, forgets_before)) else {
                return Ok(());
            };
            let is_live = |call| self.open.is_live(call);
            let standing = match find(Some(&entry), &self.message, is_live) {
                Found::Same(standing) => standing,
                Found::Another(standing) => return Err(another(standing)),
            };
            match (standing, &entry.state) {
                (Standing::Queued, State::Ended(outcome)) => {
                    let request_id = entry.request_id;
                    return Err(Reply {
                        request_id,
                        ..ended(outcome)
                    });
                }
                (Standing::Free, State::Ended(outcome)) if awaited.is_some() => {
                    return Err(ended(outcome));
                }
                (Standing::Free, _) => return Ok(()),
                (Standing::Live(call), _) => awaited = Some(call),
                // A call writes what became of it, and lives no more: perhaps after it was read.
                (_, State::UnderWay(call)) if doubted != Some(*call) => {
                    doubted = Some(*call);
                    continue;
                }
                _ => {
                    return Err(unknown(
                        "the message may have been queued by an earlier call with this idempotency_key: \
                         its post-back settles that (zx_client_settle), or you decide that it may be \
                         sent again (zx_client_forget)",
                    ));
                }
            }
            if let Err(stop) = limits.sleep_until(Instant::now() + pause) {
                return Err(unknown(format!(
                    "the message may be queued: another call with this idempotency_key is under way, \
                     and this one did not wait for its outcome ({stop})"
                )));
            }
            pause = Duration::from_millis(50).min(pause * 3 / 2);
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
            let alive = match self.alive.take() {
                Some(alive) => Ok(alive),
                None => Alive::begin(&self.open).map(Arc::new),
            };
            let alive = alive.map_err(|failure| self.ledger.reply(&failure))?;
            self.alive = Some(Arc::clone(&alive));
            let (message, post_back_data) = (self.message, self.post_back_data);
            let (sender, calls) = (Arc::clone(&self.ledger.sender), Arc::clone(&self.open));
            let (key, forgets_before) = (Arc::clone(&self.key), self.ledger.forgets_before());
            let written = self.open.write(limits, true, move |database| {
                // It lives for as long as this may be written.
                let own = alive.call;
                prune(database, forgets_before)?;
                let entry = sender.get(database, &key)?;
                let entry = entry.filter(|entry| is_kept(entry, forgets_before));
                let is_live = |call| call != own && calls.is_live(call);
                let found = find(entry.as_ref(), &message, is_live);
                if found == Found::Same(Standing::Free) {
                    let entry = Entry::new(message, post_back_data, now(), state(own));
                    sender.save(database, &key, &entry)?;
                }
                Ok(found)
            });
            let awaited = match written {
                Ok(Found::Same(Standing::Free)) => return Ok(()),
                Ok(Found::Same(Standing::Live(other))) => Some(other),
                Ok(_) => None,
                Err(failure) => {
                    let reply = self.ledger.reply(&failure);
                    // It may be written all the same.
                    self.end(&reply, limits);
                    return Err(reply);
                }
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
        let moment = Instant::now() + Duration::from_millis(20);
        let limits = Limits {
            deadline: limits
                .check()
                .map_or(moment, |()| limits.deadline.max(moment)),
            interrupt: Arc::default(),
        };
        // Where it is lost, the outcome is unknown.
        let _ = self.open.write(&limits, false, move |database| {
            let Some(mut entry) = sender.get(database, &key)? else {
                return Ok(());
            };
            let before = entry.clone();
            entry.end(alive.call, outcome.clone(), request_id.clone());
            match entry == before {
                true => Ok(()),
                false => sender.save(database, &key, &entry),
            }
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
    let (status, retryable) = (outcome.status, outcome.retryable);
    let verdict = Verdict { status, retryable };
    let message = match status {
        Status::ZX_OK => "an earlier call with this idempotency_key queued the message".to_owned(),
        _ => format!(
            "another call with this idempotency_key ended as {}",
            status.name()
        ),
    };
    repeated(Reply {
        http_status: outcome.http_status,
        ..Reply::new(verdict, message)
    })
}

fn unknown(message: impl Into<String>) -> Reply {
    let verdict = Status::ZX_OUTCOME_UNKNOWN.not_retryable();
    repeated(Reply::new(verdict, message))
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
