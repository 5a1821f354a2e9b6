//! What a host passes in, read once and never kept.

use std::ffi::c_char;
use std::sync::Arc;

use super::registry;
use super::types::{zx_cancel, zx_client};
use crate::cancel::CancelToken;
use crate::client::Client;
use crate::message::{self, MAX_TEXT_BYTES};
use crate::options;
use crate::reply::Reply;

/// A text that may be NULL. `too_long` is the reply to a longer one than `max_bytes`.
///
/// # Safety
///
/// `pointer` is NULL or a NUL-terminated string that stays as it is for as long as `'a`.
unsafe fn bounded_text<'a>(
    name: &str,
    pointer: *const c_char,
    max_bytes: usize,
    too_long: impl FnOnce() -> Reply,
) -> Result<Option<&'a str>, Reply> {
    if pointer.is_null() {
        return Ok(None);
    }
    // SAFETY: the string ends with a NUL, at which this stops.
    let length = unsafe { libc::strnlen(pointer, max_bytes + 1) };
    if length > max_bytes {
        return Err(too_long());
    }
    // SAFETY: `length` bytes of it were just read.
    let bytes = unsafe { std::slice::from_raw_parts(pointer.cast::<u8>(), length) };
    std::str::from_utf8(bytes).map(Some).map_err(|error| {
        Reply::invalid_argument(format!(
            "{name} is not UTF-8 from byte {} on (counted from 0): convert it first",
            error.valid_up_to()
        ))
    })
}

fn required<T>(name: &str, text: Option<T>) -> Result<T, Reply> {
    text.ok_or_else(|| {
        Reply::invalid_argument(format!("{name} is NULL: pass a NUL-terminated string"))
    })
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
    let too_long = || Reply::invalid_argument(format!("{name} is longer than 1 MiB"));
    // SAFETY: the caller's promise.
    unsafe { bounded_text(name, pointer, MAX_TEXT_BYTES, too_long) }
}

/// A text that must be there.
///
/// # Safety
///
/// As for [`bounded_text`].
pub(super) unsafe fn text<'a>(name: &str, pointer: *const c_char) -> Result<&'a str, Reply> {
    // SAFETY: the caller's promise.
    required(name, unsafe { optional_text(name, pointer)? })
}

/// The text of options, which may be NULL, and has a limit of its own.
///
/// # Safety
///
/// As for [`bounded_text`].
pub(super) unsafe fn options<'a>(pointer: *const c_char) -> Result<Option<&'a str>, Reply> {
    let too_long = || Reply::invalid_argument("options_json is longer than 64 KiB");
    // SAFETY: the caller's promise.
    unsafe { bounded_text("options_json", pointer, options::MAX_TEXT_BYTES, too_long) }
}

/// A text that is checked: one that is too long is a bad message or post-back, not a bad argument.
///
/// # Safety
///
/// As for [`bounded_text`].
pub(super) unsafe fn checked_text<'a>(
    name: &str,
    what: &str,
    pointer: *const c_char,
) -> Result<&'a str, Reply> {
    let too_long = || Reply::invalid(what, message::too_long());
    // SAFETY: the caller's promise.
    let text = unsafe { bounded_text(name, pointer, MAX_TEXT_BYTES, too_long)? };
    required(name, text)
}

/// The client that a host's pointer stands for. The pointer is looked up, not followed.
pub(super) fn client(pointer: *const zx_client) -> Result<Arc<Client>, Reply> {
    let maker = "zx_client_new()";
    if pointer.is_null() {
        let reason = format!("client is NULL: {maker} returns NULL when it fails");
        return Err(Reply::invalid_argument(reason));
    }
    registry::client(pointer.addr()).map_err(|found| bad_handle("client", maker, found))
}

/// The token that a host's pointer stands for; `None` for NULL, which is no token.
pub(super) fn cancel(pointer: *const zx_cancel) -> Result<Option<Arc<CancelToken>>, Reply> {
    if pointer.is_null() {
        return Ok(None);
    }
    let token = registry::cancel(pointer.addr()).map(Some);
    token.map_err(|found| bad_handle("cancel", "zx_cancel_new()", found))
}

fn bad_handle(parameter: &str, maker: &str, found: Option<&str>) -> Reply {
    Reply::invalid_argument(match found {
        Some(what) => format!("{parameter} is a {what}, and must come from {maker}"),
        None => format!("{parameter} is not a valid handle: already freed, or not from {maker}"),
    })
}
