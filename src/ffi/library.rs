//! What is the whole library's: releasing what it handed out, names of statuses, its version.

use std::ffi::{CStr, CString, c_char, c_void};

use once_cell::race::OnceBox;
use strum::VariantArray;

use super::boundary::guarded;
use super::registry;
use super::types::zx_status;
use crate::status::Status;

/// Releases a client, a token or a string that the library handed out. Anything else is ignored: NULL,
/// what was released before, a constant string, a pointer from elsewhere.
///
/// Calls in flight on a client that is released go on to their end.
///
/// @param ptr  What to release.
#[unsafe(no_mangle)]
pub extern "C" fn zx_free(ptr: *mut c_void) {
    guarded((), || registry::release(ptr.addr()));
}

/// The name of a status: such as "ZX_OK".
///
/// @param status  Any number.
/// @return        A constant string; for a number that is no status, "(no zx_status)". Never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn zx_status_name(status: zx_status) -> *const c_char {
    static NAMES: OnceBox<Vec<CString>> = OnceBox::new();
    const NONE: &CStr = c"(no zx_status)";

    guarded(NONE.as_ptr(), || {
        let names = NAMES.get_or_init(|| {
            let names = Status::VARIANTS.iter().map(|status| status.name());
            let names = names.map(|name| format!("ZX_{}", name.to_ascii_uppercase()));
            Box::new(names.flat_map(CString::new).collect())
        });
        let name = usize::try_from(status).ok().and_then(|it| names.get(it));
        name.map_or(NONE.as_ptr(), |name| name.as_ptr())
    })
}

/// The version of the library, such as "0.3.0".
///
/// @return  A constant string.
#[unsafe(no_mangle)]
pub extern "C" fn zx_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    VERSION.as_ptr().cast()
}
