//! What Zixflow posts to a `post_back_url`, read for a host: typed, with what a host would have to
//! work out by itself, and without a number that went through a double.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde_json::Error;
use serde_json::value::RawValue;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::json_pointer::Key;
use crate::message::Findings;

/// What the API may send besides is passed on, but no deeper: hosts may read it by recursion.
const MAX_DEPTH: usize = 32;

/// No key of the API is longer. One that is cannot be told in a problem's path.
const MAX_KEY_CHARACTERS: usize = 64;

const BYTE_ORDER_MARK: char = '\u{feff}';

struct Field {
    name: &'static str,
    is_required: bool,
    /// A number there is beyond 2^53, so it is passed on as text.
    may_be_number: bool,
}

const FIELDS: [Field; 10] = [
    optional("workspace_id"),
    optional("type"),
    Field {
        may_be_number: true,
        ..optional("message_id")
    },
    required("request_id"),
    optional("channel"),
    optional("recipient"),
    required("status"),
    optional("remark"),
    optional("status_at"),
    optional("post_back_data"),
];

const fn required(name: &'static str) -> Field {
    Field {
        name,
        is_required: true,
        may_be_number: false,
    }
}

const fn optional(name: &'static str) -> Field {
    Field {
        is_required: false,
        ..required(name)
    }
}

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
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    let not_json = |error| Findings::of_all(format!("is not JSON: {error}"));

    let whole: &RawValue = serde_json::from_str(body).map_err(not_json)?;
    let kind = Kind::of(whole);
    if kind != Kind::Object {
        let message = format!("is {kind}; it must be an object");
        return Err(Findings::of_all(message));
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
    serde_json::Deserializer::from_str(whole.get()).deserialize_map(&mut reading)?;
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
        let field = FIELDS.iter().find(|field| field.name == key);
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

    /// Told once of each known field, and of one other: a body can hold a hundred thousand such keys.
    fn given_twice(&mut self, field: Option<&Field>, key: &str) {
        if self.twice.insert(field.map(|field| field.name)) {
            self.problems.add(pointer(key), "is given twice".to_owned());
        }
    }

    fn known(&mut self, field: &Field, value: &RawValue) -> Result<(), Error> {
        match Kind::of(value) {
            Kind::String => {
                let text = text(value)?;
                self.object.serialize_entry(field.name, &text)?;
                if field.is_required && text.is_empty() {
                    self.problems
                        .add(pointer(field.name), "must not be empty".to_owned());
                }
                match field.name {
                    "request_id" => self.request_id = text,
                    "status" => self.status = text,
                    "status_at" => self.status_at = text,
                    _ => {}
                }
            }
            Kind::Number if field.may_be_number => {
                self.object.serialize_entry(field.name, value.get())?;
            }
            Kind::Null if !field.is_required => self.object.serialize_entry(field.name, &())?,
            kind => {
                let wanted = if field.may_be_number {
                    "a number or a string"
                } else {
                    "a string"
                };
                self.problems.add(
                    pointer(field.name),
                    format!("is {kind}; it must be {wanted}"),
                );
            }
        }
        Ok(())
    }

    /// The API may grow.
    fn unknown(&mut self, key: &str, value: &RawValue) -> Result<(), Error> {
        if DERIVED.contains(&key) {
            return Ok(());
        }
        if Kind::of(value) == Kind::String {
            return self.object.serialize_entry(key, &text(value)?);
        }
        if depth(value) > MAX_DEPTH {
            const MESSAGE: &str = "is nested deeper than 32 levels";
            self.problems.add(pointer(key), MESSAGE.to_owned());
            return Ok(());
        }
        self.object.serialize_entry(key, value)
    }

    /// Everything that was wrong.
    fn end(mut self) -> Result<Findings, Error> {
        for field in &FIELDS {
            if field.is_required && !self.seen.contains(field.name) {
                self.problems
                    .add(pointer(field.name), "is missing".to_owned());
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

impl<'de, M: SerializeMap<Error = Error>> Visitor<'de> for &mut Reading<'de, M> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(Key(key)) = members.next_key()? {
            let value = members.next_value()?;
            self.member(key, value).map_err(de::Error::custom)?;
        }
        Ok(())
    }
}

/// A string's text. Half of a surrogate pair, which whoever cuts a text by its UTF-16 units leaves
/// at its end, is replaced: it costs a character, and not the whole post-back.
fn text(string: &RawValue) -> Result<String, Error> {
    struct Text;

    impl Visitor<'_> for Text {
        type Value = String;

        fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
            formatter.write_str("a string")
        }

        fn visit_bytes<E>(self, bytes: &[u8]) -> Result<String, E> {
            Ok(String::from_utf8_lossy(bytes).into_owned())
        }
    }

    serde_json::Deserializer::from_str(string.get()).deserialize_bytes(Text)
}

/// How deep the arrays and objects of a value go: 0 for one that is neither.
fn depth(value: &RawValue) -> usize {
    let mut depth = 0_usize;
    let mut deepest = 0;
    let mut is_in_string = false;
    let mut is_escaped = false;
    for byte in value.get().bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => is_in_string = !is_in_string,
            _ if is_in_string => {}
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// A JSON Pointer to a member, or to the whole where its key is too long to be told.
fn pointer(key: &str) -> String {
    if key.chars().nth(MAX_KEY_CHARACTERS).is_some() {
        return String::new();
    }
    format!("/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// What a value is, by its first character.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Null,
    Boolean,
    Number,
    String,
    Array,
    Object,
}

impl Kind {
    fn of(value: &RawValue) -> Self {
        match value.get().as_bytes().first() {
            Some(b'n') => Kind::Null,
            Some(b't' | b'f') => Kind::Boolean,
            Some(b'"') => Kind::String,
            Some(b'[') => Kind::Array,
            Some(b'{') => Kind::Object,
            _ => Kind::Number,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(match self {
            Kind::Null => "null",
            Kind::Boolean => "a boolean",
            Kind::Number => "a number",
            Kind::String => "a string",
            Kind::Array => "an array",
            Kind::Object => "an object",
        })
    }
}
