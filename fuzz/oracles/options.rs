//! Input: the text of options, for a client and for a single call.

use std::ffi::CStr;
use std::sync::LazyLock;

use serde_json::{Map, Value};
use zixflow::ffi::Status::*;
use zixflow::ffi::*;

use super::reply::Reply;
use super::{API_KEY, VALID_MESSAGE, c_string, new_client, reply_of};

/// More is refused unread.
const MAX_OPTIONS_BYTES: usize = 64 * 1024;

/// Longer than any path, and what else a refusal says, six bytes a character.
const MAX_REPLY_BYTES: usize = 6 * 5000;

/// A proxy's password in the corpus: no reply may hold it.
const PASSWORD: &str = "hush-hush-hush";

/// What `zx_client_options_schema()` says of each option.
static SCHEMA: LazyLock<Map<String, Value>> = LazyLock::new(|| {
    // SAFETY: a constant string.
    let schema = unsafe { CStr::from_ptr(zx_client_options_schema()) };
    let schema: Value = serde_json::from_slice(schema.to_bytes()).expect("JSON");
    schema["properties"].as_object().expect("an object").clone()
});

pub fn check(input: &[u8]) {
    let text = c_string(input);
    // A host that writes the key where it does not belong is told which option that is.
    if text.to_string_lossy().contains(API_KEY) {
        return;
    }
    let options: Option<Value> = serde_json::from_slice(text.to_bytes()).ok();

    match new_client(&text) {
        Ok(client) => {
            zx_free(client.cast());
            assert_known(options.as_ref(), &text, |_| true);
        }
        Err(reply) => assert_refused(&reply, options.as_ref(), &text),
    }

    let reply = reply_of(|reply| {
        // SAFETY: the texts end with NUL, and the reply has a place.
        unsafe {
            zx_send_reply_buttons_with(
                SHUT_DOWN.0,
                VALID_MESSAGE.as_ptr(),
                text.as_ptr(),
                std::ptr::null(),
                reply,
            )
        }
    });
    match reply.status {
        ZX_NOT_SENT => assert_known(options.as_ref(), &text, |option| {
            option["x-per-call"] == true
        }),
        _ => assert_refused(&reply, options.as_ref(), &text),
    }
}

/// A client whose calls end at once, however long the options let it take.
static SHUT_DOWN: LazyLock<Client> = LazyLock::new(|| {
    let client = new_client(c"{}").expect("the defaults are fine");
    zx_client_shutdown(client);
    Client(client)
});

struct Client(*const zx_client);

// SAFETY: rule 4 of the header: a client serves any number of threads.
unsafe impl Send for Client {}
// SAFETY: the same.
unsafe impl Sync for Client {}

/// What was accepted is what the schema allows.
fn assert_known(options: Option<&Value>, text: &CStr, is_allowed: fn(&Value) -> bool) {
    assert!(text.count_bytes() <= MAX_OPTIONS_BYTES);
    let options = options.and_then(Value::as_object);
    for (key, value) in options.expect("what was accepted is an object") {
        let option = SCHEMA.get(key).filter(|option| is_allowed(option));
        let option = option.unwrap_or_else(|| panic!("{key} is no option"));
        let is_in_range = |number: f64| {
            let edge = |name: &str| option[name].as_f64().expect("a number has a range");
            (edge("minimum")..=edge("maximum")).contains(&number)
        };
        let is_fitting = match option["type"].as_str() {
            Some("boolean") => value.is_boolean(),
            Some("integer") => value
                .as_f64()
                .is_some_and(|number| number.fract() == 0.0 && is_in_range(number)),
            Some("number") => value.as_f64().is_some_and(is_in_range),
            _ => match option["enum"].as_array() {
                Some(words) => words.contains(value),
                None => value
                    .as_str()
                    .is_some_and(|text| is_fitting_text(key, text)),
            },
        };
        assert!(is_fitting, "{key}: {value}");
    }
}

fn is_fitting_text(key: &str, text: &str) -> bool {
    let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    match key {
        "base_url" => is_visible && !text.contains(['?', '#', '"', '\\', '^', '`', '{', '|', '}']),
        "proxy" => {
            let behind_scheme = text.split_once("://").map_or(text, |(_, rest)| rest);
            let behind_scheme = behind_scheme.strip_suffix('/').unwrap_or(behind_scheme);
            is_visible && !behind_scheme.contains(['?', '#', '/']) && text.matches('@').count() < 2
        }
        "user_agent" => !text.is_empty() && text.trim() == text,
        _ => true,
    }
}

/// A refusal names the option that is to blame, is short, and repeats no password.
fn assert_refused(reply: &Reply, options: Option<&Value>, text: &CStr) {
    assert_eq!(reply.status, ZX_INVALID_ARGUMENT, "{reply:?}");
    let message = reply.text("message").expect("a message");
    assert!(message.len() < MAX_REPLY_BYTES, "{}", message.len());
    if text.count_bytes() > MAX_OPTIONS_BYTES {
        assert!(message.contains("longer than 64 KiB"), "{message}");
        return;
    }
    let options = options.and_then(Value::as_object);
    // Which also holds where the general reader refuses a number that is out of its range.
    let names_an_option = SCHEMA.keys().any(|name| message.contains(name.as_str()))
        || options
            .into_iter()
            .flatten()
            .any(|(key, _)| message.contains(key.as_str()));
    assert!(
        names_an_option || message.contains("options_json"),
        "{message}"
    );
    // Where it may be told: a path, and what is taken for the name of an option.
    let may_hold = |(key, value): (&String, &Value)| {
        key.contains(PASSWORD) || key == "ca_file" && value.to_string().contains(PASSWORD)
    };
    let is_told_rightly = options.is_some_and(|options| options.iter().any(may_hold));
    assert!(is_told_rightly || !message.contains(PASSWORD), "{message}");
}
