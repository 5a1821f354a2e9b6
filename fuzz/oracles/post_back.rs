//! Input: the body of a post-back.

use std::collections::BTreeMap;
use std::ptr;

use serde_json::Value;
use serde_json::value::RawValue;
use zixflow::ffi::Status::*;
use zixflow::ffi::*;

use super::reply::Reply;
use super::{API_KEY, c_string, take};

const TEXTS: [&str; 9] = [
    "workspace_id",
    "type",
    "request_id",
    "channel",
    "recipient",
    "status",
    "remark",
    "status_at",
    "post_back_data",
];
const DERIVED: [&str; 4] = ["status_at_ms", "rank", "is_failure", "key"];

type Members = BTreeMap<String, Box<RawValue>>;

pub fn check(input: &[u8]) {
    // No key is at work here: a body that happens to hold the one of the other oracles is told as any.
    if input
        .windows(API_KEY.len())
        .any(|it| it == API_KEY.as_bytes())
    {
        return;
    }
    let body = c_string(input);
    let mut handed_out = ptr::null_mut();
    // SAFETY: the text ends with NUL, and what comes has a place.
    let status = unsafe { zx_read_post_back(body.as_ptr(), &mut handed_out) };
    if status != ZX_OK as zx_status {
        let reply = Reply::take(handed_out);
        assert_eq!(reply.status as zx_status, status, "{reply:?}");
        let is_utf8 = body.to_str().is_ok();
        assert_eq!(reply.status == ZX_INVALID_ARGUMENT, !is_utf8, "{reply:?}");
        assert!(
            matches!(reply.status, ZX_INVALID_ARGUMENT | ZX_INVALID_MESSAGE),
            "{reply:?}"
        );
        return;
    }
    let body = body.to_str().expect("what was accepted is UTF-8");
    let body = body.strip_prefix('\u{feff}').unwrap_or(body);
    let read: Members = serde_json::from_str(&take(handed_out)).expect("an object");
    match serde_json::from_str(body) {
        Ok(came) => assert_all_was_passed_on(&came, &read),
        // Only half of a surrogate pair in a key keeps serde_json from reading it.
        Err(error) => assert!(error.to_string().contains("hex escape"), "{error}"),
    }
    assert_well_derived(&read);
}

fn assert_all_was_passed_on(came: &Members, read: &Members) {
    for (key, value) in came {
        if DERIVED.contains(&key.as_str()) {
            continue;
        }
        let passed_on = read.get(key).unwrap_or_else(|| panic!("{key} is lost"));
        let (value, passed_on) = (value.get(), passed_on.get());
        let is_number = !value.starts_with(['"', 'n', 't', 'f', '[', '{']);
        if key == "message_id" && is_number {
            assert_eq!(passed_on, format!("\"{value}\""), "digits were lost");
        } else if value.starts_with('"') {
            let text: String = serde_json::from_str(passed_on).expect("a text stays one");
            // Only halves of a surrogate pair keep serde_json from reading it.
            if let Ok(original) = serde_json::from_str::<String>(value) {
                assert_eq!(text, original, "{key}");
            }
        } else {
            assert_eq!(value, passed_on, "{key}");
        }
    }
    for key in read.keys() {
        assert!(
            came.contains_key(key) || DERIVED.contains(&key.as_str()),
            "{key} came from nowhere"
        );
    }
}

fn assert_well_derived(read: &Members) {
    let value = |key: &str| -> Option<Value> {
        let value = read.get(key)?;
        Some(serde_json::from_str(value.get()).expect(key))
    };
    let text = |key: &str| match value(key) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text,
        Some(other) => panic!("{key} is {other}"),
    };
    for key in TEXTS {
        text(key);
    }
    let (request_id, status, status_at) = (text("request_id"), text("status"), text("status_at"));
    assert!(!request_id.is_empty() && !status.is_empty());
    assert_eq!(text("key"), format!("{request_id}/{status}/{status_at}"));
    assert_eq!(value("is_failure"), Some(Value::Bool(status == "failed")));
    let ranks = ["sent", "delivered", "read", "clicked"];
    let rank = ranks.iter().position(|known| *known == status);
    assert_eq!(value("rank"), rank.map(|rank| Value::from(rank + 1)));
    if let Some(milliseconds) = value("status_at_ms") {
        assert!(milliseconds.is_i64() || milliseconds.is_u64());
        assert!(status_at.is_ascii() && status_at.len() >= "2026-01-28T17:17:59Z".len());
    }
}
