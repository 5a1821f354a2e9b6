//! The ledger: what was sent, remembered over threads, processes and crashes: while an entry is kept, its
//! key never sends a second time what may have been queued.
//!
//! A call *takes* its key: it locks a byte of a file beside the ledger, which another process sees, and
//! which goes with its own. While another call has the key, it waits. Then it looks for an entry, and
//! returns what that says, or *begins*: that is on the disk before an attempt takes a connection. How it
//! *ends* is written, and not waited for, before the key is let go. Whatever happens in between, the entry
//! then reads as unknown, and never as not sent.
//!
//! Each module uses only modules listed below it:
//!
//! | module | what it is |
//! | --- | --- |
//! | `file` | opens the file once in a process; reads, writes and syncs it; who has which key |
//! | `table`, `schema` | entries in the database; the database itself |
//! | `digest` | what the ledger holds in place of a message |
//! | `failure` | why the ledger could not be used |
//! | `entry` | what an entry says: the rules, without a disk |

mod digest;
mod entry;
mod failure;
mod file;
mod schema;
mod table;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rusqlite::Connection;
use serde_json::json;

use crate::per_process::PerProcess;
use crate::post_back::PostBack;
use crate::reply::Reply;
use crate::status::{Status, Verdict};
use crate::sys::fork::hold_up;
use crate::transport::Limits;
use entry::{Digest, Entry, Outcome, Standing};
use failure::patiently;
use file::{Held, Open, close_unused, is_inherited};
use table::{Sender, prune};

/// How many entries a list has at most.
const MAX_LISTED: usize = 1000;

/// The ledger of a client.
pub(crate) struct Ledger {
    path: PathBuf,
    days: u32,
    sender: Sender,
    /// Open from the first call with a key on.
    open: PerProcess<OnceLock<Arc<Open>>>,
}

/// A call that has its key, and found nothing that stands against sending.
pub(crate) struct KeyedCall<'a> {
    ledger: &'a Ledger,
    key: &'a str,
    message: Digest,
    post_back_data: Option<Digest>,
    held: Held<'a>,
    /// Whether its entry may be written, and says that it is under way.
    has_begun: bool,
}

impl Ledger {
    /// Opens the file, checks it, and closes it. The error ends a sentence that begins with its name.
    pub(crate) fn new(
        path: &str,
        days: u32,
        base_url: &str,
        workspace_id: &str,
    ) -> Result<Self, String> {
        let path = file::make(path).map_err(|failure| failure.reason)?;
        if !is_inherited() {
            // A child would inherit it.
            let checked = hold_up(|| {
                let checked = Open::get(&path).map(drop);
                close_unused();
                checked
            });
            // Who has it locked now may be done when it is needed, and a full disk empty.
            if let Err(failure) = checked
                && !failure.is_transient()
            {
                return Err(failure.reason);
            }
        }
        Ok(Ledger {
            path,
            days,
            sender: Sender {
                base_url: base_url.to_owned(),
                workspace_id: workspace_id.to_owned(),
            },
            open: PerProcess::new(),
        })
    }

    /// Takes a key, for which the file is opened for good, and finds nothing that stands against sending;
    /// else the error is the call's reply.
    pub(crate) fn call<'a>(
        &'a self,
        key: &'a str,
        message: &str,
        limits: &Limits,
    ) -> Result<KeyedCall<'a>, Reply> {
        let open = self.open(limits)?;
        let (message, post_back_data) = digest::of_message(&open.secret, message);
        let place = self.place(open, key);
        let mut at_first = None;
        let mut pause = Duration::from_millis(2);
        loop {
            let held = open.hold(place)?;
            let entry = open.read(limits, |database| self.get(database, key))?;
            if let Some(entry) = &entry {
                check(entry, &message, held.is_none())?;
            }
            if let Some(held) = held {
                return match entry.as_ref().and_then(|entry| entry.outcome.as_ref()) {
                    // Of the call that this one waited for.
                    Some(outcome) if at_first.as_ref().is_some_and(|it| *it != entry) => {
                        Err(ended(outcome))
                    }
                    _ => Ok(KeyedCall {
                        ledger: self,
                        key,
                        message,
                        post_back_data,
                        held,
                        has_begun: false,
                    }),
                };
            }
            at_first.get_or_insert(entry);
            if let Err(stop) = limits.sleep_until(Instant::now() + pause) {
                return Err(unknown(format!(
                    "the message may be queued: another call with this idempotency_key is under way, \
                     and this one did not wait for its outcome ({stop})"
                )));
            }
            pause = Duration::from_millis(50).min(pause * 3 / 2);
        }
    }

    /// Where a key is locked.
    fn place(&self, open: &Open, key: &str) -> i64 {
        digest::of_key(&open.secret, &self.sender, key)
    }

    /// The entry of a key, while it is kept.
    fn get(&self, database: &Connection, key: &str) -> rusqlite::Result<Option<Entry>> {
        let forgets_before = self.forgets_before();
        let is_kept = |entry: &Entry| entry.settled_at().is_none_or(|at| at >= forgets_before);
        Ok(self.sender.get(database, key)?.filter(is_kept))
    }

    fn open(&self, limits: &Limits) -> Result<&Open, Reply> {
        let place = self.open.get_or_make(OnceLock::new);
        if let Some(open) = place.get() {
            return Ok(open);
        }
        let open = patiently(limits, || Open::get(&self.path));
        let open = open.map_err(|failure| failure.reply(&self.path))?;
        Ok(place.get_or_init(|| open))
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
        let sender = &self.sender;
        let mut settled = None;
        let workspace_id = post_back.workspace_id.as_ref();
        if workspace_id.is_none_or(|id| *id == sender.workspace_id) {
            let open = self.open(limits)?;
            let data = post_back.post_back_data.as_ref();
            let data = data.map(|data| digest::of_data(&open.secret, data));
            settled = open.write(limits, true, |database| {
                let (request_id, status_at) = (&post_back.request_id, post_back.status_at_ms);
                let mut found = sender.find(database, "request_id", request_id)?;
                if let (true, Some(data), Some(at)) = (found.is_empty(), data, status_at) {
                    found = sender.find(database, "post_back_data", &data)?;
                    let is_only = found.len() == 1;
                    found.retain(|(_, entry)| is_only && entry.can_be_of(at));
                }
                let Some((key, mut entry)) = found.into_iter().next() else {
                    return Ok(None);
                };
                let told = (post_back.status.clone(), status_at);
                let is_live = open.is_held(self.place(open, &key));
                let settled = entry.settle(request_id, told, now(), is_live);
                sender.save(database, &key, &entry)?;
                Ok(Some((settled, key)))
            })?;
        }
        let is_settled = settled.as_ref().is_some_and(|(settled, _)| *settled);
        let mut object = post_back.object;
        object.add("settled", is_settled);
        if let Some((_, key)) = settled {
            object.add("idempotency_key", key);
        }
        Ok(object.end())
    }

    /// The entries whose outcome is unknown, oldest first, from the one after a key on.
    pub(crate) fn unsettled(&self, after: Option<&str>, limits: &Limits) -> Result<String, Reply> {
        let open = self.open(limits)?;
        // Nobody writes meanwhile: a call does that before it lets its key go.
        let found = open.write(limits, false, |database| {
            let is_unknown = |key: &str, entry: &Entry| {
                entry.standing(open.is_held(self.place(open, key))) == Standing::Unknown
            };
            self.sender
                .unsettled(database, after, MAX_LISTED, is_unknown)
        })?;
        let entry = |(key, entry): &(String, Entry)| json!({ "idempotency_key": key, "began_at_ms": entry.began_at });
        let entries: Vec<_> = found.iter().map(entry).collect();
        Ok(json!({ "entries": entries }).to_string())
    }

    /// Drops an unknown entry, so that the next call with its key sends.
    pub(crate) fn forget(&self, key: &str, limits: &Limits) -> Result<Reply, Reply> {
        let (sender, open) = (&self.sender, self.open(limits)?);
        let standing = open.write(limits, true, |database| {
            let is_live = open.is_held(self.place(open, key));
            let entry = sender.get(database, key)?;
            let standing = entry.map_or(Standing::Free, |entry| entry.standing(is_live));
            if standing == Standing::Unknown {
                sender.forget(database, key, now())?;
            }
            Ok(standing)
        });
        Ok(match standing? {
            Standing::Free | Standing::Unknown => Reply::new(
                Status::ZX_OK.not_retryable(),
                "the next call with this idempotency_key sends its message",
            ),
            Standing::Live => Reply::new(
                Status::ZX_BUSY.retryable(),
                "a call with this idempotency_key is under way: wait for its outcome",
            ),
            Standing::Queued => Reply::invalid_argument(
                "the message with this idempotency_key was queued: sent again, it would arrive twice",
            ),
        })
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.open = PerProcess::new();
        close_unused();
    }
}

impl KeyedCall<'_> {
    /// From here on the message may be sent: that is on the disk.
    pub(crate) fn begin(&mut self, limits: &Limits) -> Result<(), Reply> {
        // It may be even where the reply says that it could not be written.
        self.has_begun = true;
        self.held.open.write(limits, true, |database| {
            // A post-back may have come since.
            let entry = self.ledger.get(database, self.key)?;
            let found = entry.map_or(Ok(()), |entry| check(&entry, &self.message, false));
            if found.is_ok() {
                let entry = Entry {
                    message: self.message,
                    post_back_data: self.post_back_data,
                    began_at: now(),
                    outcome: None,
                    request_id: None,
                    post_back: None,
                };
                self.ledger.sender.save(database, self.key, &entry)?;
            }
            Ok(found)
        })?
    }

    /// Writes what became of the call, and lets its key go.
    pub(crate) fn end(self, reply: &Reply, limits: &Limits) {
        if !self.has_begun {
            return;
        }
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
        let sender = &self.ledger.sender;
        // Where it is lost, the outcome is unknown.
        let _ = self.held.open.write(&limits, false, |database| {
            // One key in many does it for all.
            if self.held.place % 64 == 0 {
                prune(database, self.ledger.forgets_before())?;
            }
            let Some(mut entry) = sender.get(database, self.key)? else {
                return Ok(());
            };
            entry.end(outcome.clone(), reply.request_id.clone());
            sender.save(database, self.key, &entry)
        });
    }
}

/// Finds that an entry says nothing against sending; else the error is the call's reply.
fn check(entry: &Entry, message: &Digest, is_live: bool) -> Result<(), Reply> {
    match (entry.find(message, is_live), &entry.outcome) {
        (Err(standing), _) => Err(another(standing)),
        (Ok(Standing::Queued), Some(outcome)) => Err(Reply {
            request_id: entry.request_id.clone(),
            ..ended(outcome)
        }),
        (Ok(Standing::Unknown), _) => Err(unknown(
            "the message may have been queued by an earlier call with this idempotency_key: \
             its post-back settles that (zx_client_settle), or you decide that it may be \
             sent again (zx_client_forget)",
        )),
        _ => Ok(()),
    }
}

/// Unix time in milliseconds, by the machine's clock.
fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| now.as_millis() as i64)
}

/// The reply that another call with the key had.
fn ended(outcome: &Outcome) -> Reply {
    let (status, retryable) = (outcome.status, outcome.retryable);
    let message = match status {
        Status::ZX_OK => "an earlier call with this idempotency_key queued the message".to_owned(),
        _ => format!(
            "another call with this idempotency_key ended as {}",
            status.name()
        ),
    };
    Reply {
        http_status: outcome.http_status,
        ..repeated(Verdict { status, retryable }, message)
    }
}

fn unknown(message: impl Into<String>) -> Reply {
    repeated(Status::ZX_OUTCOME_UNKNOWN.not_retryable(), message)
}

fn repeated(verdict: Verdict, message: impl Into<String>) -> Reply {
    Reply {
        repeated: true,
        ..Reply::new(verdict, message)
    }
}

fn another(standing: Standing) -> Reply {
    let what = match standing {
        Standing::Queued => "was queued",
        Standing::Live => "is being sent",
        Standing::Unknown | Standing::Free => "may have been queued",
    };
    Reply::invalid_argument(format!(
        "idempotency_key names one message, and the one with this key, which is another, {what}: give \
         each message a key of its own"
    ))
}
