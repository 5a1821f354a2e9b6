//! Input: the text of options, for a client and for a single call.

use std::ffi::CStr;
use std::sync::LazyLock;

use serde_json::Value;
use zixflow::ffi::Status::*;
use zixflow::ffi::*;

use super::reply::Reply;
use super::{API_KEY, VALID_MESSAGE, c_string, new_client, reply_of};

const CALL_OPTIONS: [&str; 4] = [
    "timeout_ms",
    "connect_timeout_ms",
    "max_retries",
    "validation",
];
const CLIENT_OPTIONS: [&str; 8] = [
    "base_url",
    "allow_plain_http",
    "max_idle_connections",
    "idle_timeout_ms",
    "proxy",
    "tls_roots",
    "ca_file",
    "user_agent",
];

/// A proxy's password in the corpus: no reply may hold it.
const PASSWORD: &str = "hush-hush-hush";

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
            assert_known(options.as_ref(), &[&CLIENT_OPTIONS[..], &CALL_OPTIONS]);
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
        ZX_NOT_SENT => assert_known(options.as_ref(), &[&CALL_OPTIONS]),
        _ => assert_refused(&reply, options.as_ref(), &text),
    }
}

/// A client that answers at once, however long the options let it take.
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

fn assert_known(options: Option<&Value>, known: &[&[&str]]) {
    let options = options.and_then(Value::as_object);
    for (key, value) in options.expect("what was accepted is an object") {
        assert!(known.concat().contains(&key.as_str()), "{key}");
        let is_fitting = match key.as_str() {
            "timeout_ms" | "connect_timeout_ms" => value.as_u64().is_some_and(|it| it > 0),
            "max_retries" | "max_idle_connections" | "idle_timeout_ms" => value.is_u64(),
            "allow_plain_http" => value.is_boolean(),
            "validation" => value == "strict" || value == "basic",
            "tls_roots" => value == "bundled" || value == "system",
            _ => value.is_string(),
        };
        assert!(is_fitting, "{key}: {value}");
    }
}

/// A refusal names the option that is to blame, and repeats no password.
fn assert_refused(reply: &Reply, options: Option<&Value>, text: &CStr) {
    assert_eq!(reply.status, ZX_INVALID_ARGUMENT, "{reply:?}");
    let message = reply.text("message").expect("a message");
    let options = options.and_then(Value::as_object);
    let names_an_option = options.into_iter().flatten().any(|(key, _)| {
        // An unknown one is quoted, with escapes.
        message.contains(key.as_str()) || message.contains(&format!("{key:?}"))
    });
    assert!(
        names_an_option || message.contains("options_json"),
        "{message}"
    );
    let is_in_proxy_alone = options
        .and_then(|options| options.get("proxy")?.as_str())
        .is_some_and(|proxy| proxy.contains(PASSWORD))
        && text.to_string_lossy().matches(PASSWORD).count() == 1;
    assert!(
        !(is_in_proxy_alone && message.contains(PASSWORD)),
        "{message}"
    );
}
