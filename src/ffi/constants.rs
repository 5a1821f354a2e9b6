//! Statuses and versions, as C sees them.

use std::ffi::{CStr, c_char};

/// The outcome of a call: ZX_OK, which is 0, to ZX_INTERNAL.
pub type zx_status = i32;

/// The message was accepted and queued. (Delivery is reported later, to its post_back_url.)
pub const ZX_OK: zx_status = 0;
/// Not queued: a NULL, stale or foreign pointer, text that is not UTF-8, a credential that no
/// header can carry, or a bad option. Fix the program.
pub const ZX_INVALID_ARGUMENT: zx_status = 1;
/// Not queued: the message breaks a rule; nothing was sent. The reply lists every problem.
pub const ZX_INVALID_MESSAGE: zx_status = 2;
/// Not queued: the API refused the credentials (HTTP 401 or 403).
pub const ZX_UNAUTHORIZED: zx_status = 3;
/// Not queued: the API answered that it did not queue it.
pub const ZX_REJECTED: zx_status = 4;
/// Not queued: the API turned it away for now. Try later.
pub const ZX_BUSY: zx_status = 5;
/// Not queued: the API cannot have received the whole request.
pub const ZX_NOT_SENT: zx_status = 6;
/// Perhaps queued: the request went out, and no answer settles whether it was. Do not send it
/// again before you know.
pub const ZX_OUTCOME_UNKNOWN: zx_status = 7;
/// Perhaps queued: a bug in this library.
pub const ZX_INTERNAL: zx_status = 8;

/// The version of this header; zx_version() is that of the library that was loaded.
pub const ZX_VERSION_MAJOR: u32 = 0;
/// See ZX_VERSION_MAJOR.
pub const ZX_VERSION_MINOR: u32 = 2;
/// See ZX_VERSION_MAJOR.
pub const ZX_VERSION_PATCH: u32 = 0;

/// The name of a status: such as "ZX_OK".
///
/// @param status  Any number.
/// @return        A constant string; for a number that is no status, "(no zx_status)". Never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn zx_status_name(status: zx_status) -> *const c_char {
    let name: &CStr = match status {
        ZX_OK => c"ZX_OK",
        ZX_INVALID_ARGUMENT => c"ZX_INVALID_ARGUMENT",
        ZX_INVALID_MESSAGE => c"ZX_INVALID_MESSAGE",
        ZX_UNAUTHORIZED => c"ZX_UNAUTHORIZED",
        ZX_REJECTED => c"ZX_REJECTED",
        ZX_BUSY => c"ZX_BUSY",
        ZX_NOT_SENT => c"ZX_NOT_SENT",
        ZX_OUTCOME_UNKNOWN => c"ZX_OUTCOME_UNKNOWN",
        ZX_INTERNAL => c"ZX_INTERNAL",
        _ => c"(no zx_status)",
    };
    name.as_ptr()
}

/// The version of the library, such as "0.2.0".
///
/// @return  A constant string.
#[unsafe(no_mangle)]
pub extern "C" fn zx_version() -> *const c_char {
    const VERSION: &CStr =
        match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
            Ok(version) => version,
            Err(_) => c"",
        };
    VERSION.as_ptr()
}
