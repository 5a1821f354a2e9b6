//! Input: the text of a message.

use std::collections::HashSet;

use serde_json::Value;
use zixflow::ffi::Status::*;
use zixflow::ffi::*;

use super::{API_KEY, c_string, reply_of};

pub fn check(input: &[u8]) {
    // No client has part in a check: what looks like its key is the host's own text.
    if input
        .windows(API_KEY.len())
        .any(|part| part == API_KEY.as_bytes())
    {
        return;
    }
    let text = c_string(input);
    // SAFETY: the text ends with NUL, and the report has a place.
    let report = reply_of(|report| unsafe { zx_check_reply_buttons(text.as_ptr(), report) });
    assert_eq!(report.number("attempts"), Some(0));

    let list = |key| report.get(key).and_then(Value::as_array);
    for list in [list("problems"), list("warnings")].into_iter().flatten() {
        assert!(!list.is_empty() && list.len() <= MOST_TOLD, "{report:?}");
    }
    let is_utf8 = text.to_str().is_ok();
    assert_eq!(report.status == ZX_INVALID_ARGUMENT, !is_utf8, "{report:?}");
    let message: Option<Value> = serde_json::from_slice(text.to_bytes()).ok();
    match report.status {
        ZX_OK => assert_obeys_the_rules(&message.expect("what was accepted is JSON")),
        ZX_INVALID_MESSAGE => {
            let problems = list("problems").expect("it says what is wrong");
            // Of two fields with one name, the general reader drops the first.
            let is_ambiguous = problems
                .iter()
                .any(|problem| problem["message"].to_string().contains("is given twice"));
            let is_ambiguous = is_ambiguous || problems.len() == MOST_TOLD;
            for problem in problems
                .iter()
                .chain(list("warnings").into_iter().flatten())
            {
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

/// A hundred, and one that says how many more there are.
const MOST_TOLD: usize = 101;

/// The rules of a message, read once more from what a general reader of JSON makes of it.
fn assert_obeys_the_rules(message: &Value) {
    let text = |pointer: &str| message.pointer(pointer).and_then(Value::as_str);
    let given = |pointer: &str| message.pointer(pointer).filter(|value| !value.is_null());
    let characters = |pointer: &str| text(pointer).expect(pointer).chars().count();

    let members = message.as_object().expect("an object");
    for name in ["recipient", "phone_id", "interactive", "post_back_url"] {
        let is_so_spelt = |key: &&String| key.eq_ignore_ascii_case(name);
        assert!(members.keys().filter(is_so_spelt).all(|key| key == name));
    }
    let recipient = text("/recipient").expect("recipient");
    assert!(recipient.bytes().all(|byte| byte.is_ascii_digit()));
    assert!((7..=15).contains(&recipient.len()) && !recipient.starts_with('0'));
    assert_ne!(text("/phone_id").expect("phone_id"), "");
    for optional in ["/post_back_url", "/post_back_data"] {
        assert_eq!(given(optional).is_some(), text(optional).is_some());
    }
    text("/post_back_url")
        .into_iter()
        .for_each(assert_can_be_fetched);
    assert_eq!(text("/interactive/type"), Some("button"));
    assert!((1..=1024).contains(&characters("/interactive/body/text")));
    if given("/interactive/footer").is_some() {
        assert!((0..=60).contains(&characters("/interactive/footer/text")));
    }
    if let Some(header) = given("/interactive/header") {
        let kind = text("/interactive/header/type").expect("a type");
        match kind {
            "text" => assert!((1..=60).contains(&characters("/interactive/header/text"))),
            "image" | "video" | "document" => {
                assert!(header[kind].is_object(), "an object of that name");
                assert!(header[kind]["link"].is_string() != header[kind]["id"].is_string());
                header[kind]["link"]
                    .as_str()
                    .into_iter()
                    .for_each(assert_can_be_fetched);
                if kind == "document" {
                    assert_ne!(header[kind]["filename"], "");
                }
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
            assert!(field != "id" || text.trim_matches(' ') == text, "{text:?}");
        }
    }
}

/// Enough of what a URL is to see that another reading of it was not far off.
fn assert_can_be_fetched(url: &str) {
    let (scheme, rest) = url.split_once("://").expect("a scheme");
    assert!(
        ["http", "https"].contains(&&*scheme.to_ascii_lowercase()),
        "{url}"
    );
    assert!(!url.contains(char::is_whitespace), "{url}");
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let host_and_port = rest[..end].rsplit('@').next().unwrap_or_default();
    let (host, port) = match host_and_port.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (host_and_port, ""),
    };
    assert!(
        port.is_empty() || port.parse::<u16>().is_ok_and(|port| port > 0),
        "{url}"
    );
    assert!(!host.is_empty(), "{url}");
    assert_eq!(host.contains('['), host.contains(']'), "{url}");
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
