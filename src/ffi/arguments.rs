//! What a host passes in, read once and never kept.

use std::ffi::c_char;
use std::sync::Arc;

use super::registry::{self, BadHandle};
use super::types::{zx_cancel, zx_client};
use crate::cancel::CancelToken;
use crate::client::Client;
use crate::message::{self, MAX_TEXT_BYTES};
use crate::options;
use crate::reply::Reply;

/// Why a text cannot be used.
pub(super) enum BadText {
    Null,
    TooLong,
    NotUtf8 { valid_bytes: usize },
}

impl BadText {
    pub(super) fn describe(&self, name: &str) -> String {
        match self {
            BadText::Null => format!("{name} is NULL: pass a NUL-terminated string"),
            BadText::TooLong => format!("{name} is longer than 1 MiB"),
            BadText::NotUtf8 { valid_bytes } => format!(
                "{name} is not UTF-8 from byte {valid_bytes} on (counted from 0): convert it first"
            ),
        }
    }
}

/// # Safety
///
/// `pointer` is NULL or a NUL-terminated string that stays as it is for as long as `'a`.
pub(super) unsafe fn bounded_text<'a>(pointer: *const c_char) -> Result<&'a str, BadText> {
    if pointer.is_null() {
        return Err(BadText::Null);
    }
    // SAFETY: the string ends with a NUL, at which this stops.
    let length = unsafe { libc::strnlen(pointer, MAX_TEXT_BYTES + 1) };
    if length > MAX_TEXT_BYTES {
        return Err(BadText::TooLong);
    }
    // SAFETY: `length` bytes of it were just read.
    let bytes = unsafe { std::slice::from_raw_parts(pointer.cast::<u8>(), length) };
    std::str::from_utf8(bytes).map_err(|error| BadText::NotUtf8 {
        valid_bytes: error.valid_up_to(),
    })
}

/// The text of options, which may be NULL.
///
/// # Safety
///
/// As for [`bounded_text`].
pub(super) unsafe fn options<'a>(pointer: *const c_char) -> Result<Option<&'a str>, Reply> {
    // SAFETY: the caller's promise.
    match unsafe { bounded_text(pointer) } {
        Ok(text) => Ok(Some(text)),
        Err(BadText::Null) => Ok(None),
        // Longer still than what the options' own reader takes.
        Err(BadText::TooLong) => Err(Reply::invalid_argument(options::TOO_LONG)),
        Err(bad) => Err(Reply::invalid_argument(bad.describe("options_json"))),
    }
}

/// A text that must be there.
///
/// # Safety
///
/// As for [`bounded_text`].
pub(super) unsafe fn text<'a>(name: &str, pointer: *const c_char) -> Result<&'a str, Reply> {
    // SAFETY: the caller's promise.
    unsafe { bounded_text(pointer) }.map_err(|bad| Reply::invalid_argument(bad.describe(name)))
}

/// A text that may be NULL.
///
/// # Safety
///
/// As for [`bounded_text`].
pub(super) unsafe fn optional_text<'a>(
    name: &str,
    pointer: *const c_char,
) -> Result<Option<&'a str>, Reply> {
    if pointer.is_null() {
        return Ok(None);
    }
    // SAFETY: the caller's promise.
    unsafe { text(name, pointer) }.map(Some)
}

/// A message's text. One that is too long is a bad message, not a bad argument.
///
/// # Safety
///
/// As for [`bounded_text`].
pub(super) unsafe fn message<'a>(pointer: *const c_char) -> Result<&'a str, Reply> {
    // SAFETY: the caller's promise.
    unsafe { bounded_text(pointer) }.map_err(|bad| match bad {
        BadText::TooLong => Reply::invalid_message(message::too_long()),
        bad => Reply::invalid_argument(bad.describe("message_json")),
    })
}

/// The body of a post-back, of which the same is true.
///
/// # Safety
///
/// As for [`bounded_text`].
pub(super) unsafe fn post_back<'a>(pointer: *const c_char) -> Result<&'a str, Reply> {
    // SAFETY: the caller's promise.
    unsafe { bounded_text(pointer) }.map_err(|bad| match bad {
        BadText::TooLong => Reply::invalid_post_back(message::too_long()),
        bad => Reply::invalid_argument(bad.describe("body")),
    })
}

/// The client that a host's pointer stands for. The pointer is looked up, not followed.
pub(super) fn client(pointer: *const zx_client) -> Result<Arc<Client>, Reply> {
    registry::client(pointer.addr())
        .map_err(|mistaken| mistaken.describe("client", "zx_client_new()"))
}

/// The token that a host's pointer stands for; `None` for NULL, which is no token.
pub(super) fn cancel(pointer: *const zx_cancel) -> Result<Option<Arc<CancelToken>>, Reply> {
    match registry::cancel(pointer.addr()) {
        Ok(token) => Ok(Some(token)),
        Err(BadHandle::Null) => Ok(None),
        Err(mistaken) => Err(mistaken.describe("cancel", "zx_cancel_new()")),
    }
}

impl BadHandle {
    fn describe(self, parameter: &str, maker: &str) -> Reply {
        Reply::invalid_argument(match self {
            BadHandle::Null => format!("{parameter} is NULL: {maker} returns NULL when it fails"),
            BadHandle::Client => format!("{parameter} is a client, and must come from {maker}"),
            BadHandle::Cancel => {
                format!("{parameter} is a cancel token, and must come from {maker}")
            }
            BadHandle::Text => format!(
                "{parameter} is a string that this library handed out, and must come from {maker}"
            ),
            BadHandle::Unknown => {
                format!("{parameter} is not a valid handle: already freed, or not from {maker}")
            }
        })
    }
}
