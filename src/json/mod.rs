//! JSON as the whole library reads it: the types of values, the members of an object, and one value
//! of any text by its JSON Pointer.

mod pointer;

use std::borrow::Cow;
use std::fmt::{self, Display};

use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

pub(crate) use pointer::{escape, get};

/// Values nested deeper are refused, so that reading them needs little stack: ours, and a host's.
pub(crate) const MAX_DEPTH: usize = 32;

/// The types of JSON.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Null,
    Boolean,
    Number,
    String,
    Array,
    Object,
}

impl Type {
    /// What a value is, by its first character.
    pub(crate) fn of(value: &RawValue) -> Self {
        match value.get().as_bytes().first() {
            Some(b'n') => Type::Null,
            Some(b't' | b'f') => Type::Boolean,
            Some(b'"') => Type::String,
            Some(b'[') => Type::Array,
            Some(b'{') => Type::Object,
            _ => Type::Number,
        }
    }
}

impl Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Type::Null => "null",
            Type::Boolean => "a boolean",
            Type::Number => "a number",
            Type::String => "a string",
            Type::Array => "an array",
            Type::Object => "an object",
        })
    }
}

/// A string, which is copied only where something in it is escaped. Half of a surrogate pair, which
/// whoever cuts a text by its UTF-16 units leaves at its end, is replaced: it costs a character, and
/// not the whole.
struct Text<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_bytes(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Text<'de>, E> {
        Ok(Text(String::from_utf8_lossy(bytes).into_owned().into()))
    }

    fn visit_borrowed_bytes<E>(self, bytes: &'de [u8]) -> Result<Text<'de>, E> {
        Ok(Text(String::from_utf8_lossy(bytes)))
    }
}

/// A string's text; `None` if the value is none.
pub(crate) fn text(value: &RawValue) -> Option<Cow<'_, str>> {
    let text: Text = serde_json::from_str(value.get()).ok()?;
    Some(text.0)
}

/// Calls `take` with each member of the object that the text is: in their order, and a key that is
/// given twice both times. An error says where, too.
pub(crate) fn members<'a>(
    text: &'a str,
    take: impl FnMut(Cow<'a, str>, &'a RawValue),
) -> serde_json::Result<()> {
    let mut json = serde_json::Deserializer::from_str(text);
    json.deserialize_map(Members(take))?;
    json.end()
}

/// The same of an array's items as well, with an index for a key.
fn members_or_items<'a>(
    text: &'a str,
    take: impl FnMut(Cow<'a, str>, &'a RawValue),
) -> serde_json::Result<()> {
    serde_json::Deserializer::from_str(text).deserialize_any(Members(take))
}

struct Members<F>(F);

impl<'de, F> Visitor<'de> for Members<F>
where
    F: FnMut(Cow<'de, str>, &'de RawValue),
{
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut object: A) -> Result<(), A::Error> {
        while let Some(Text(key)) = object.next_key()? {
            (self.0)(key, object.next_value()?);
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut array: A) -> Result<(), A::Error> {
        let mut index = 0_usize;
        while let Some(item) = array.next_element()? {
            (self.0)(index.to_string().into(), item);
            index += 1;
        }
        Ok(())
    }
}

/// A JSON object that is being written, in the order of its members.
#[derive(Default)]
pub(crate) struct Object(String);

impl Object {
    /// Adds a member whose value is JSON already.
    pub(crate) fn add_json(&mut self, key: &str, json: &str) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        self.0.push_str(&written(key));
        self.0.push(':');
        self.0.push_str(json);
    }

    pub(crate) fn add(&mut self, key: &str, value: impl Serialize) {
        self.add_json(key, &written(value));
    }

    pub(crate) fn end(mut self) -> String {
        self.0.push_str(if self.0.is_empty() { "{}" } else { "}" });
        self.0
    }
}

/// The JSON of a value.
pub(crate) fn written(value: impl Serialize) -> String {
    // What the usual reply takes.
    let mut json = Vec::with_capacity(256);
    // Only a map with keys that are no text could fail to be written, and here is none.
    let _ = serde_json::to_writer(&mut json, &value);
    String::from_utf8(json).unwrap_or_default()
}

/// The text behind a byte order mark, which some writers begin with.
pub(crate) fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// How deep the arrays and objects of a value go: 0 for one that is neither.
pub(crate) fn depth(value: &RawValue) -> usize {
    let mut depth = 0_usize;
    let mut deepest = 0;
    for (character, is_in_string) in characters(value.get()) {
        match character {
            _ if is_in_string => {}
            '[' | '{' => depth += 1,
            ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// A text that is no JSON only for some characters of its strings, so that it is: U+FFFD for each
/// that is not UTF-8, and a space for a control character.
pub(crate) fn repaired(text: &[u8]) -> String {
    characters(&String::from_utf8_lossy(text))
        .map(|(character, is_in_string)| {
            if is_in_string && character.is_ascii_control() {
                ' '
            } else {
                character
            }
        })
        .collect()
}

/// The characters of a JSON text, and of each whether it is in a string.
fn characters(text: &str) -> impl Iterator<Item = (char, bool)> {
    let mut is_in_string = false;
    let mut is_escaped = false;
    text.chars().map(move |character| {
        let is_quote = character == '"' && !is_escaped;
        is_in_string ^= is_quote;
        is_escaped = is_in_string && character == '\\' && !is_escaped;
        (character, is_in_string && !is_quote)
    })
}
