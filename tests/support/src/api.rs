//! The C ABI as a Rust program would like to call it.

use std::ffi::{CStr, CString, c_char};
use std::ptr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use zixflow::ffi;

pub const API_KEY: &str = "zx-live-9f8e7d6c5b4a";
pub const WORKSPACE_ID: &str = "workspace-4711";

/// A message that breaks no rule. `tag` comes back to its sender: the servers of these tests give
/// it as the `request_id`.
pub fn message(tag: &str) -> String {
    json!({
        "recipient": "919876543210",
        "phone_id": "1042",
        "interactive": {
            "type": "button",
            "body": { "text": "Shall we?" },
            "action": { "buttons": [
                { "type": "reply", "reply": { "id": "yes", "title": "Yes" } },
            ] },
        },
        "post_back_data": tag,
    })
    .to_string()
}

/// The same with so many bytes more, in a field that no rule knows.
pub fn message_with_more(tag: &str, bytes: usize) -> String {
    let more = format!(r#"{{"more":"{}","#, "x".repeat(bytes));
    message(tag).replacen('{', &more, 1)
}

/// A client, freed when it is dropped.
pub struct Client(*mut ffi::zx_client);

// SAFETY: rule 4 of the header: a client serves any number of threads at once.
unsafe impl Send for Client {}
// SAFETY: the same.
unsafe impl Sync for Client {}

impl Client {
    pub fn new(options: &Value) -> Result<Self, Reply> {
        Self::with_credentials(API_KEY, WORKSPACE_ID, options)
    }

    pub fn with_credentials(
        api_key: &str,
        workspace_id: &str,
        options: &Value,
    ) -> Result<Self, Reply> {
        let (api_key, workspace_id) = (c_string(api_key), c_string(workspace_id));
        let options = c_string(&options.to_string());
        let mut error = ptr::null_mut();
        // SAFETY: three strings that end in NUL, and a place for the error.
        let client = unsafe {
            ffi::zx_client_new(
                api_key.as_ptr(),
                workspace_id.as_ptr(),
                options.as_ptr(),
                &mut error,
            )
        };
        match (client.is_null(), error.is_null()) {
            (false, true) => Ok(Client(client)),
            (true, false) => Err(Reply::take(error)),
            (_, _) => panic!("either a client or an error, and not both"),
        }
    }

    pub fn send(&self, message: &str) -> Reply {
        let message = c_string(message);
        let mut reply = ptr::null_mut();
        // SAFETY: a string that ends in NUL, and a place for the reply.
        let status = unsafe { ffi::zx_send_reply_buttons(self.0, message.as_ptr(), &mut reply) };
        Reply::of(status, reply)
    }

    /// Sends with options for this call alone.
    pub fn send_with(&self, message: &str, options: &Value) -> Reply {
        self.send_until(message, options, ptr::null())
    }

    /// Sends with a token that can end the call.
    pub fn send_cancellable(&self, message: &str, cancel: &Cancel) -> Reply {
        self.send_until(message, &json!({}), cancel.0)
    }

    pub fn send_until(
        &self,
        message: &str,
        options: &Value,
        cancel: *const ffi::zx_cancel,
    ) -> Reply {
        let (message, options) = (c_string(message), c_string(&options.to_string()));
        let mut reply = ptr::null_mut();
        // SAFETY: two strings that end in NUL, and a place for the reply.
        let status = unsafe {
            ffi::zx_send_reply_buttons_with(
                self.0,
                message.as_ptr(),
                options.as_ptr(),
                cancel,
                &mut reply,
            )
        };
        Reply::of(status, reply)
    }

    /// Sends a message with an idempotency key.
    pub fn send_once(&self, key: &str, message: &str) -> Reply {
        self.send_with(message, &json!({ "idempotency_key": key }))
    }

    /// Settles an entry of the ledger; `Err` is a reply that says why not.
    pub fn settle(&self, post_back: &str) -> Result<Value, Reply> {
        let post_back = c_string(post_back);
        let mut text = ptr::null_mut();
        // SAFETY: a string that ends in NUL, and a place for the reply.
        let status = unsafe { ffi::zx_client_settle(self.0, post_back.as_ptr(), &mut text) };
        result(status, text)
    }

    /// The keys of the ledger's unknown entries, from the one after a key on.
    pub fn unsettled(&self, after: Option<&str>) -> Result<Vec<String>, Reply> {
        let after = after.map(c_string);
        let after = after.as_ref().map_or(ptr::null(), |after| after.as_ptr());
        let mut text = ptr::null_mut();
        // SAFETY: NULL or a string that ends in NUL, and a place for the list.
        let status = unsafe { ffi::zx_client_unsettled(self.0, after, &mut text) };
        let list = result(status, text)?;
        let entries = list["entries"].as_array().expect("a list");
        let mut began_at = 0;
        let mut keys = Vec::new();
        for entry in entries {
            let at = entry["began_at_ms"].as_i64().expect("a time");
            assert!(at >= began_at, "oldest first: {list}");
            began_at = at;
            keys.push(entry["idempotency_key"].as_str().expect("a key").to_owned());
        }
        Ok(keys)
    }

    pub fn forget(&self, key: &str) -> Reply {
        let key = c_string(key);
        let mut reply = ptr::null_mut();
        // SAFETY: a string that ends in NUL, and a place for the reply.
        let status = unsafe { ffi::zx_client_forget(self.0, key.as_ptr(), &mut reply) };
        Reply::of(status, reply)
    }

    /// What the client counts.
    pub fn stats(&self) -> Value {
        let mut stats = ptr::null_mut();
        // SAFETY: the stats have a place.
        let status = unsafe { ffi::zx_client_stats(self.0, &mut stats) };
        assert_eq!(status, ffi::Status::ZX_OK as i32);
        // SAFETY: with ZX_OK they are set, and end in NUL.
        let json = serde_json::from_slice(unsafe { CStr::from_ptr(stats) }.to_bytes());
        ffi::zx_free(stats.cast());
        json.expect("stats are JSON")
    }

    pub fn shut_down(&self) {
        ffi::zx_client_shutdown(self.0);
    }

    pub fn as_ptr(&self) -> *const ffi::zx_client {
        self.0
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        ffi::zx_free(self.0.cast());
    }
}

/// A cancel token, freed when it is dropped.
pub struct Cancel(pub *mut ffi::zx_cancel);

// SAFETY: one token serves any number of threads.
unsafe impl Send for Cancel {}
// SAFETY: the same.
unsafe impl Sync for Cancel {}

impl Cancel {
    pub fn new() -> Self {
        let cancel = ffi::zx_cancel_new();
        assert!(!cancel.is_null());
        Cancel(cancel)
    }

    pub fn now(&self) {
        ffi::zx_cancel_now(self.0);
    }
}

impl Drop for Cancel {
    fn drop(&mut self) {
        ffi::zx_free(self.0.cast());
    }
}

/// A client that must come to be.
pub fn client(options: &Value) -> Client {
    Client::new(options).unwrap_or_else(|refusal| panic!("{options}: {refusal:?}"))
}

/// A reply, as it came and as it reads.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    pub text: String,
    pub json: Value,
}

impl Reply {
    /// Takes over, and frees, a string that the library handed out.
    pub fn take(text: *mut c_char) -> Self {
        assert!(!text.is_null(), "a reply is set on every outcome");
        // SAFETY: the library hands out strings that end in NUL.
        let owned = unsafe { CStr::from_ptr(text) }.to_str().expect("UTF-8");
        let text_of_reply = owned.to_owned();
        ffi::zx_free(text.cast());
        let json = serde_json::from_str(&text_of_reply).expect("a reply is JSON");
        assert!(
            !text_of_reply.contains(API_KEY),
            "the API key is in {text_of_reply}"
        );
        Reply {
            text: text_of_reply,
            json,
        }
    }

    /// The reply to a call that returned `status`, which must agree.
    pub fn of(status: ffi::zx_status, text: *mut c_char) -> Self {
        let reply = Self::take(text);
        // SAFETY: a constant string.
        let name = unsafe { CStr::from_ptr(ffi::zx_status_name(status)) };
        let name = name.to_str().expect("ASCII").to_ascii_lowercase();
        assert_eq!(format!("zx_{}", reply.status()), name, "{reply:?}");
        assert_eq!(
            reply.json["success"],
            json!(status == ffi::Status::ZX_OK as i32)
        );
        reply
    }

    /// The status's name, such as `not_sent`.
    pub fn status(&self) -> &str {
        self.json["status"].as_str().expect("a status")
    }

    /// Whether it is the ledger's.
    pub fn is_repeated(&self) -> bool {
        self.json["repeated"] == json!(true)
    }

    pub fn message(&self) -> &str {
        self.json["message"].as_str().expect("a message")
    }

    pub fn request_id(&self) -> Option<&str> {
        self.json["request_id"].as_str()
    }

    pub fn attempts(&self) -> u64 {
        self.json["attempts"].as_u64().expect("attempts")
    }

    pub fn retryable(&self) -> Option<bool> {
        self.json["retryable"].as_bool()
    }

    pub fn retry_after(&self) -> Option<Duration> {
        self.json["retry_after_ms"]
            .as_u64()
            .map(Duration::from_millis)
    }

    /// The keys in the order in which they stand.
    pub fn keys(&self) -> Vec<String> {
        let places = self.json.as_object().expect("an object").keys();
        let mut keys: Vec<_> = places
            .map(|key| (self.text.find(&format!("\"{key}\":")), key.clone()))
            .collect();
        keys.sort();
        keys.into_iter().map(|(_, key)| key).collect()
    }

    #[track_caller]
    pub fn assert_status(&self, status: &str) {
        assert_eq!(self.status(), status, "{self:?}");
    }
}

/// What came with `ZX_OK`, or the reply that says why nothing did.
fn result(status: ffi::zx_status, text: *mut c_char) -> Result<Value, Reply> {
    if status != ffi::Status::ZX_OK as i32 {
        return Err(Reply::of(status, text));
    }
    // SAFETY: the library hands out strings that end in NUL.
    let json = serde_json::from_slice(unsafe { CStr::from_ptr(text) }.to_bytes());
    ffi::zx_free(text.cast());
    Ok(json.expect("JSON"))
}

pub fn timed<R>(work: impl FnOnce() -> R) -> (R, Duration) {
    let started = Instant::now();
    let result = work();
    (result, started.elapsed())
}

fn c_string(text: &str) -> CString {
    CString::new(text).expect("a text without NUL")
}
