//! What Zixflow posts to a `post_back_url`, read for a host: typed, with what a host would have to
//! work out by itself, and without a number that went through a double.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::Display;

use serde::ser::{SerializeMap, Serializer};
use serde_json::Error;
use serde_json::value::RawValue;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::findings::{Findings, Path};
use crate::json::{self, MAX_DEPTH, Type};

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

/// How far a message has got: an update with no higher rank than the last one came late.
fn rank(status: &str) -> Option<u8> {
    match status {
        "sent" => Some(1),
        "delivered" => Some(2),
        "read" => Some(3),
        "clicked" => Some(4),
        _ => None,
    }
}

/// Unix time. What is finer than a millisecond is cut off.
fn milliseconds(status_at: &str) -> Option<i64> {
    let time = OffsetDateTime::parse(status_at, &Rfc3339).ok()?;
    i64::try_from(time.unix_timestamp_nanos().div_euclid(1_000_000)).ok()
}

/// The flat object for a host, or everything that is wrong with the body.
pub(crate) fn read(body: &str) -> Result<String, Findings> {
    let not_json = |error| Findings::of_all(format_args!("is not JSON: {error}"));

    let whole: &RawValue = serde_json::from_str(json::without_mark(body)).map_err(not_json)?;
    let found = Type::of(whole);
    if found != Type::Object {
        let complaint = format_args!("is {found}; it must be an object");
        return Err(Findings::of_all(complaint));
    }
    let mut json = Vec::new();
    let problems = pass_on(whole, &mut json).map_err(not_json)?;
    if problems.is_empty() {
        Ok(String::from_utf8(json).unwrap_or_default())
    } else {
        Err(problems)
    }
}

fn pass_on(whole: &RawValue, json: &mut Vec<u8>) -> Result<Findings, Error> {
    let mut serializer = serde_json::Serializer::new(json);
    let mut reading = Reading {
        object: serializer.serialize_map(None)?,
        problems: Findings::default(),
        seen: BTreeSet::new(),
        twice: BTreeSet::new(),
        request_id: String::new(),
        status: String::new(),
        status_at: String::new(),
    };
    json::members(whole.get(), |key, value| reading.member(key, value))?;
    reading.end()
}

/// One reading of a post-back, which passes each member on as it comes to it.
struct Reading<'a, M> {
    object: M,
    problems: Findings,
    seen: BTreeSet<Cow<'a, str>>,
    /// The known fields that were given twice, and `None` for all others.
    twice: BTreeSet<Option<&'static str>>,
    request_id: String,
    status: String,
    status_at: String,
}

impl<'a, M: SerializeMap<Error = Error>> Reading<'a, M> {
    fn member(&mut self, key: Cow<'a, str>, value: &RawValue) -> Result<(), Error> {
        let field = FIELDS.into_iter().find(|name| *name == key);
        if self.seen.contains(&key) {
            self.given_twice(field, &key);
        } else {
            match field {
                Some(field) => self.known(field, value)?,
                None => self.unknown(&key, value)?,
            }
            self.seen.insert(key);
        }
        Ok(())
    }

    /// Once for each known field, and for one other: a body can hold a hundred thousand such keys.
    fn given_twice(&mut self, field: Option<&'static str>, key: &str) {
        if self.twice.insert(field) {
            self.complain(key, "is given twice");
        }
    }

    fn known(&mut self, name: &'static str, value: &RawValue) -> Result<(), Error> {
        let is_required = REQUIRED.contains(&name);
        match Type::of(value) {
            Type::String => {
                let text = json::text(value)?;
                self.object.serialize_entry(name, &text)?;
                if is_required && text.is_empty() {
                    self.complain(name, "must not be empty");
                }
                match name {
                    "request_id" => self.request_id = text,
                    "status" => self.status = text,
                    "status_at" => self.status_at = text,
                    _ => {}
                }
            }
            Type::Number if name == MESSAGE_ID => {
                self.object.serialize_entry(name, value.get())?;
            }
            Type::Null if !is_required => self.object.serialize_entry(name, &())?,
            found => {
                let or_number = if name == MESSAGE_ID {
                    "a number or "
                } else {
                    ""
                };
                let complaint = format_args!("is {found}; it must be {or_number}a string");
                self.complain(name, complaint);
            }
        }
        Ok(())
    }

    /// The API may grow.
    fn unknown(&mut self, key: &str, value: &RawValue) -> Result<(), Error> {
        if DERIVED.contains(&key) {
            return Ok(());
        }
        if Type::of(value) == Type::String {
            return self.object.serialize_entry(key, &json::text(value)?);
        }
        if json::depth(value) > MAX_DEPTH {
            self.complain(
                key,
                format_args!("is nested deeper than {MAX_DEPTH} levels"),
            );
            return Ok(());
        }
        self.object.serialize_entry(key, value)
    }

    fn complain(&mut self, key: &str, complaint: impl Display) {
        self.problems.add(&Path::Key(&Path::Root, key), complaint);
    }

    /// Everything that was wrong.
    fn end(mut self) -> Result<Findings, Error> {
        for name in REQUIRED {
            if !self.seen.contains(name) {
                self.complain(name, "is missing");
            }
        }
        if let Some(milliseconds) = milliseconds(&self.status_at) {
            self.object.serialize_entry("status_at_ms", &milliseconds)?;
        }
        if let Some(rank) = rank(&self.status) {
            self.object.serialize_entry("rank", &rank)?;
        }
        let is_failure = self.status == "failed";
        self.object.serialize_entry("is_failure", &is_failure)?;
        let key = [self.request_id, self.status, self.status_at].join("/");
        self.object.serialize_entry("key", &key)?;
        self.object.end()?;
        Ok(self.problems)
    }
}
