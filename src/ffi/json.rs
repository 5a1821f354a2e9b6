//! Reads JSON for a host that has nothing else to read it with.

use std::ffi::{CStr, c_char};

use super::boundary::guarded;
use super::registry;

/// Reads one value of a JSON text: of a reply, or of any other, of any length.
///
/// A string comes decoded, with U+FFFD for each U+0000 in it, so that it ends where it ends. Any
/// other value comes as its JSON text, exactly as spelt: a number keeps all its digits. Of members
/// with the same key, the first counts.
///
/// @param json     The JSON text.
/// @param pointer  A JSON Pointer (RFC 6901), such as "/problems/0/path"; "" for the whole.
/// @return         The value, to be released with zx_free(). NULL where there is nothing or `null`,
///                 where the text is no JSON, where the value is a string that is no Unicode, and
///                 where an argument is NULL or not UTF-8.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zx_json_get(json: *const c_char, pointer: *const c_char) -> *mut c_char {
    guarded(std::ptr::null_mut(), || {
        // SAFETY: both are NULL or strings that end in NUL.
        let (json, pointer) = unsafe { (text(json), text(pointer)) };
        let value = json
            .zip(pointer)
            .and_then(|(json, pointer)| crate::json::get(json, pointer))
            .map(|value| registry::keep_text(value.replace('\0', "\u{fffd}")).cast());
        value.unwrap_or(std::ptr::null_mut())
    })
}

/// # Safety
///
/// `pointer` is NULL or a NUL-terminated string that stays as it is for as long as `'a`.
unsafe fn text<'a>(pointer: *const c_char) -> Option<&'a str> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(pointer) }.to_str().ok()
}
