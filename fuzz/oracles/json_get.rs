//! Input: a JSON Pointer, a line break, and the text that it leads into.

use std::ffi::CStr;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use zixflow::ffi::*;

use super::{c_string, take};

pub fn check(input: &[u8]) {
    let end = input.iter().position(|byte| *byte == b'\n');
    let (pointer, json) = input.split_at(end.unwrap_or_default());
    let (pointer, json) = (c_string(pointer), c_string(json));
    // SAFETY: both end with NUL.
    let found = unsafe { zx_json_get(json.as_ptr(), pointer.as_ptr()) };
    let found = (!found.is_null()).then(|| take(found));
    assert_eq!(found, expected(&json, &pointer), "{pointer:?} in {json:?}");
    if let (Ok(json), Ok(pointer)) = (json.to_str(), pointer.to_str()) {
        assert_as_serde_json_finds_it(found.as_deref(), json, pointer);
    }
}

/// The same as the general reader's own look-up, where that reads the text at all, drops no member
/// and takes the pointer for one.
fn assert_as_serde_json_finds_it(found: Option<&str>, json: &str, pointer: &str) {
    let Ok(whole) = serde_json::from_str::<Value>(json) else {
        return;
    };
    if members(&whole) != colons(json) || pointer.split('/').any(|it| unescape(it).is_none()) {
        return;
    }
    let expected = whole.pointer(pointer).filter(|value| !value.is_null());
    let found = found.map(|found| match expected {
        Some(Value::String(_)) => Value::from(found),
        _ => serde_json::from_str(found).expect("JSON"),
    });
    let expected = expected.map(|value| match value {
        Value::String(text) => Value::from(text.replace('\0', "\u{fffd}")),
        value => value.clone(),
    });
    assert_eq!(found, expected, "{pointer:?} in {json:?}");
}

fn members(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(members).sum(),
        Value::Object(object) => object.len() + object.values().map(members).sum::<usize>(),
        _ => 0,
    }
}

/// How many members a text has: each has a colon outside of any string.
fn colons(json: &str) -> usize {
    let mut characters = json.chars();
    let (mut colons, mut is_in_string) = (0, false);
    while let Some(character) = characters.next() {
        match character {
            '\\' => drop(characters.next()),
            '"' => is_in_string = !is_in_string,
            ':' if !is_in_string => colons += 1,
            _ => {}
        }
    }
    colons
}

/// What is there, found the slow way: every value on the way is read as a whole.
fn expected(json: &CStr, pointer: &CStr) -> Option<String> {
    let (json, pointer) = (json.to_str().ok()?, pointer.to_str().ok()?);
    let mut value: &RawValue = serde_json::from_str(json).ok()?;
    let mut tokens = pointer.split('/');
    if tokens.next() != Some("") {
        return None;
    }
    for token in tokens {
        value = enter(value, &unescape(token)?)?;
    }
    match value.get() {
        "null" => None,
        text if text.starts_with('"') => {
            let text: String = serde_json::from_str(text).ok()?;
            Some(text.replace('\0', "\u{fffd}"))
        }
        text => Some(text.to_owned()),
    }
}

fn unescape(token: &str) -> Option<String> {
    let mut unescaped = String::new();
    let mut characters = token.chars();
    while let Some(character) = characters.next() {
        unescaped.push(match character {
            '~' => match characters.next()? {
                '0' => '~',
                '1' => '/',
                _ => return None,
            },
            other => other,
        });
    }
    Some(unescaped)
}

fn enter<'a>(value: &'a RawValue, token: &str) -> Option<&'a RawValue> {
    let Children(children) = serde_json::from_str(value.get()).ok()?;
    let is_array = value.get().starts_with('[');
    let mut children = children.into_iter().enumerate();
    let (_, (_, child)) = children.find(|(index, (key, _))| match key {
        _ if is_array => index.to_string() == token,
        // Half of a surrogate pair makes a key that no pointer names.
        Some(key) => serde_json::from_str::<String>(key.get()).is_ok_and(|key| key == token),
        None => false,
    })?;
    Some(child)
}

/// An object's members or an array's items, in their order.
struct Children<'a>(Vec<(Option<&'a RawValue>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Children<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;

        impl<'de> Visitor<'de> for All {
            type Value = Children<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object or an array")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut children = Vec::new();
                while let Some((key, value)) = map.next_entry()? {
                    children.push((Some(key), value));
                }
                Ok(Children(children))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
                let mut children = Vec::new();
                while let Some(value) = items.next_element()? {
                    children.push((None, value));
                }
                Ok(Children(children))
            }
        }

        deserializer.deserialize_any(All)
    }
}
