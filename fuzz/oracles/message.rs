//! Input: the text of a message.

use std::collections::HashSet;

use serde_json::Value;
use zixflow::ffi::Status::*;
use zixflow::ffi::*;

use super::{c_string, reply_of};

pub fn check(input: &[u8]) {
    let text = c_string(input);
    // SAFETY: the text ends with NUL, and the report has a place.
    let report = reply_of(|report| unsafe { zx_check_reply_buttons(text.as_ptr(), report) });
    assert_eq!(report.number("attempts"), Some(0));

    let is_utf8 = text.to_str().is_ok();
    assert_eq!(report.status == ZX_INVALID_ARGUMENT, !is_utf8, "{report:?}");
    let message: Option<Value> = serde_json::from_slice(text.to_bytes()).ok();
    match report.status {
        ZX_OK => assert_obeys_the_rules(&message.expect("what was accepted is JSON")),
        ZX_INVALID_MESSAGE => {
            let problems = report.get("problems").and_then(Value::as_array);
            let problems = problems.expect("it says what is wrong");
            assert!(!problems.is_empty());
            // Of two fields with one name, the general reader drops the first.
            let is_ambiguous = problems
                .iter()
                .any(|problem| problem["message"] == "is given twice");
            for problem in problems {
                assert!(problem["message"].is_string(), "{problem}");
                let path = problem["path"].as_str().expect("a path");
                if let Some(message) = message.as_ref().filter(|_| !is_ambiguous) {
                    assert_leads_somewhere(message, path);
                }
            }
        }
        status => assert_eq!(status, ZX_INVALID_ARGUMENT),
    }
}

/// The rules of a message, read once more from what a general reader of JSON makes of it.
fn assert_obeys_the_rules(message: &Value) {
    let text = |pointer: &str| message.pointer(pointer).and_then(Value::as_str);
    let characters = |pointer: &str| text(pointer).expect(pointer).chars().count();

    let recipient = text("/recipient").expect("recipient");
    assert!(!recipient.is_empty() && recipient.bytes().all(|byte| byte.is_ascii_digit()));
    assert_ne!(text("/phone_id").expect("phone_id"), "");
    for optional in ["/post_back_url", "/post_back_data"] {
        assert_eq!(
            message.pointer(optional).is_some(),
            text(optional).is_some()
        );
    }
    assert_eq!(text("/interactive/type"), Some("button"));
    assert!((1..=1024).contains(&characters("/interactive/body/text")));
    if message.pointer("/interactive/footer").is_some() {
        assert!((1..=60).contains(&characters("/interactive/footer/text")));
    }
    if let Some(header) = message.pointer("/interactive/header") {
        let kind = text("/interactive/header/type").expect("a type");
        match kind {
            "text" => assert!((1..=60).contains(&characters("/interactive/header/text"))),
            "image" | "video" | "document" => {
                let media = header[kind].as_object().expect("an object of that name");
                assert!(media.contains_key("link") != media.contains_key("id"));
            }
            _ => panic!("no header has the type {kind}"),
        }
    }
    let buttons = message.pointer("/interactive/action/buttons");
    let buttons = buttons.and_then(Value::as_array).expect("buttons");
    assert!((1..=3).contains(&buttons.len()));
    for (field, longest) in [("id", 256), ("title", 20)] {
        let texts: HashSet<&str> = buttons
            .iter()
            .map(|button| button["reply"][field].as_str().expect(field))
            .collect();
        assert_eq!(texts.len(), buttons.len(), "each {field} is unique");
        for text in texts {
            assert!((1..=longest).contains(&text.chars().count()), "{text:?}");
        }
    }
}

/// A problem's path leads to something in the message, or to where something is missing.
fn assert_leads_somewhere(message: &Value, path: &str) {
    let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
    let leads = |path| message.pointer(path).is_some();
    assert!(
        leads(path) || leads(parent),
        "{path} leads nowhere in {message}"
    );
}
