//! What every reply has to be.

use std::ffi::{CStr, c_char};
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use zixflow::ffi::Status::*;
use zixflow::ffi::*;

use super::API_KEY;

const KEYS: [&str; 11] = [
    "success",
    "status",
    "message",
    "request_id",
    "http_status",
    "attempts",
    "retryable",
    "retry_after_ms",
    "problems",
    "response",
    "warnings",
];

/// However long what it is about.
const MAX_REPLY_BYTES: usize = 64 * 1024;

const MAX_RESPONSE_BYTES: usize = 4096;

#[derive(Debug)]
pub struct Reply {
    pub status: Status,
    /// In the order in which they came.
    members: Vec<(String, Value)>,
}

impl Reply {
    /// Reads, judges and releases what an export handed out.
    pub fn take(pointer: *mut c_char) -> Self {
        assert!(!pointer.is_null(), "no reply");
        // SAFETY: a string that the library handed out, and that was not yet released.
        let bytes = unsafe { CStr::from_ptr(pointer) }.to_bytes().to_vec();
        assert!(bytes.len() < MAX_REPLY_BYTES, "{} bytes", bytes.len());
        zx_free(pointer.cast());
        let text = String::from_utf8(bytes).expect("UTF-8");
        let Members(members) = serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("not one JSON object ({error}): {text}"));
        let name = members
            .iter()
            .find_map(|(key, value)| (key == "status").then(|| value.as_str())?)
            .unwrap_or_else(|| panic!("no status: {text}"));
        let status = (0..)
            .map_while(Status::from_repr)
            .find(|status| name_of(*status as zx_status) == name)
            .unwrap_or_else(|| panic!("no such status: {text}"));
        let reply = Reply { status, members };
        reply.check();
        reply
    }

    pub fn get(&self, key: &str) -> Option<&Value> {
        self.members
            .iter()
            .find_map(|(name, value)| (name == key).then_some(value))
    }

    pub fn text(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(Value::as_str)
    }

    pub fn number(&self, key: &str) -> Option<u64> {
        self.get(key).and_then(Value::as_u64)
    }

    pub fn retryable(&self) -> Option<bool> {
        self.get("retryable").and_then(Value::as_bool)
    }

    fn check(&self) {
        let places: Vec<_> = self
            .members
            .iter()
            .map(|(key, _)| KEYS.iter().position(|known| known == key))
            .collect();
        assert!(places.iter().all(Option::is_some), "unknown key: {self:?}");
        assert!(places.is_sorted_by(|a, b| a < b), "keys' order: {self:?}");

        assert_ne!(self.status, ZX_INTERNAL, "a panic: {self:?}");
        let is_ok = self.status == ZX_OK;
        assert_eq!(self.get("success"), Some(&Value::Bool(is_ok)), "{self:?}");
        assert_eq!(self.retryable().is_none(), is_ok, "{self:?}");
        assert!(self.text("message").is_some(), "{self:?}");
        assert!(self.number("attempts").is_some(), "{self:?}");
        assert_eq!(
            self.get("problems").is_some(),
            self.status == ZX_INVALID_MESSAGE,
            "{self:?}"
        );
        let response = self.text("response").unwrap_or_default();
        assert!(response.len() <= MAX_RESPONSE_BYTES, "{self:?}");
        let leaks = self.members.iter().any(|(_, value)| has_key(value));
        assert!(!leaks, "a leak: {self:?}");
    }
}

/// Whether a text in it has the API key in it, as a host reads it: not as JSON, where a tab is `\t`,
/// which makes the key of what begins with its second letter.
fn has_key(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains(API_KEY),
        Value::Array(items) => items.iter().any(has_key),
        Value::Object(members) => members.values().any(has_key),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// The status's name in a reply.
fn name_of(status: zx_status) -> String {
    // SAFETY: a constant string.
    let name = unsafe { CStr::from_ptr(zx_status_name(status)) };
    let name = name.to_str().expect("ASCII");
    name.strip_prefix("ZX_")
        .expect("each begins so")
        .to_ascii_lowercase()
}

/// The members of an object, in their order.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Object)
    }
}
