//! What Zixflow posts to a `post_back_url`, read for a host: typed, with what a host would have to
//! work out by itself, and without a number that went through a double.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Display;

use serde_json::value::RawValue;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::findings::{Findings, Path};
use crate::json::{self, MAX_DEPTH, Type};
use crate::reply::Reply;

/// The fields that the API documents. Each is a string, or null.
const FIELDS: [&str; 10] = [
    "workspace_id",
    "type",
    MESSAGE_ID,
    "request_id",
    "channel",
    "recipient",
    "status",
    "remark",
    "status_at",
    "post_back_data",
];

/// These have to be there, and to say something.
const REQUIRED: [&str; 2] = ["request_id", "status"];

/// A number there is beyond 2^53, so it is passed on as text.
const MESSAGE_ID: &str = "message_id";

/// What is worked out for the host. Should the API come to use one of these keys, its value gives
/// way.
const DERIVED: [&str; 4] = ["status_at_ms", "rank", "is_failure", "key"];

/// How far a message has got, in this order: an update with no higher rank than the last one came late.
const RANKS: [&str; 4] = ["sent", "delivered", "read", "clicked"];

/// Unix time. What is finer than a millisecond is cut off.
fn milliseconds(status_at: &str) -> Option<i64> {
    let time = OffsetDateTime::parse(status_at, &Rfc3339).ok()?;
    i64::try_from(time.unix_timestamp_nanos().div_euclid(1_000_000)).ok()
}

/// What a post-back tells: a host, and the ledger.
#[cfg_attr(not(feature = "ledger"), expect(dead_code))]
pub(crate) struct PostBack {
    /// The flat object for a host.
    pub(crate) object: json::Object,
    pub(crate) workspace_id: Option<String>,
    pub(crate) request_id: String,
    pub(crate) status: String,
    pub(crate) status_at_ms: Option<i64>,
    pub(crate) post_back_data: Option<String>,
}

/// Else the reply says everything that is wrong with the body.
pub(crate) fn read(body: &str) -> Result<PostBack, Reply> {
    reading(body).map_err(|problems| Reply::invalid("post-back", problems))
}

fn reading(body: &str) -> Result<PostBack, Findings> {
    let not_json = |error| Findings::of_all(format_args!("is not JSON: {error}"));

    let whole: &RawValue = serde_json::from_str(json::without_mark(body)).map_err(not_json)?;
    let found = Type::of(whole);
    if found != Type::Object {
        let complaint = format_args!("is {found}; it must be an object");
        return Err(Findings::of_all(complaint));
    }
    let mut reading = Reading::default();
    json::members(whole.get(), |key, value| reading.member(key, value)).map_err(not_json)?;
    reading.end()
}

/// One reading of a post-back, which passes each member on as it comes to it.
#[derive(Default)]
struct Reading<'a> {
    object: json::Object,
    problems: Findings,
    /// The keys, and those of their values that are strings.
    given: HashMap<Cow<'a, str>, Option<String>>,
}

impl<'a> Reading<'a> {
    fn member(&mut self, key: Cow<'a, str>, value: &RawValue) {
        if self.given.contains_key(&key) {
            return self.complain(&key, "is given twice");
        }
        let text = json::text(value).map(Cow::into_owned);
        if !DERIVED.contains(&&*key) {
            self.field(&key, value, text.as_deref());
        }
        self.given.insert(key, text);
    }

    fn field(&mut self, name: &str, value: &RawValue, text: Option<&str>) {
        let is_required = REQUIRED.contains(&name);
        match (Type::of(value), text) {
            (_, Some("")) if is_required => self.complain(name, "must not be empty"),
            (_, Some(text)) => self.object.add(name, text),
            (Type::Number, _) if name == MESSAGE_ID => self.object.add(name, value.get()),
            (Type::Null, _) if !is_required => self.object.add(name, ()),
            (found, _) if name == MESSAGE_ID => {
                let complaint = format_args!("is {found}; it must be a number or a string");
                self.complain(name, complaint);
            }
            (found, _) if FIELDS.contains(&name) => {
                self.complain(name, format_args!("is {found}; it must be a string"));
            }
            // The API may grow.
            _ if json::depth(value) > MAX_DEPTH => {
                let complaint = format_args!("is nested deeper than {MAX_DEPTH} levels");
                self.complain(name, complaint);
            }
            _ => self.object.add_json(name, value.get()),
        }
    }

    fn complain(&mut self, key: &str, complaint: impl Display) {
        self.problems.add(&Path::Key(&Path::Root, key), complaint);
    }

    fn end(mut self) -> Result<PostBack, Findings> {
        for name in REQUIRED {
            if !self.given.contains_key(name) {
                self.complain(name, "is missing");
            }
        }
        if !self.problems.is_empty() {
            return Err(self.problems);
        }
        let mut text = |name| self.given.remove(name).flatten();
        let [request_id, status, status_at] =
            ["request_id", "status", "status_at"].map(|name| text(name).unwrap_or_default());
        let status_at_ms = milliseconds(&status_at);
        if let Some(milliseconds) = status_at_ms {
            self.object.add("status_at_ms", milliseconds);
        }
        if let Some(index) = RANKS.iter().position(|rank| *rank == status) {
            self.object.add("rank", index + 1);
        }
        self.object.add("is_failure", status == "failed");
        let key = [&*request_id, &status, &status_at].join("/");
        self.object.add("key", key);
        Ok(PostBack {
            workspace_id: text("workspace_id"),
            post_back_data: text("post_back_data"),
            object: self.object,
            request_id,
            status,
            status_at_ms,
        })
    }
}
