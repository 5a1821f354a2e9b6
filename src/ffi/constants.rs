//! Statuses and versions, as C sees them.

use std::ffi::{CStr, CString, c_char};

use once_cell::race::OnceBox;
use strum::VariantArray;

use super::boundary::{Out, export};
use crate::status::Status;

/// The outcome of a call: ZX_OK, which is 0, to ZX_INTERNAL.
pub type zx_status = i32;

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
    static NAMES: OnceBox<Vec<CString>> = OnceBox::new();
    const NONE: &CStr = c"(no zx_status)";

    export(&Out::NONE, NONE.as_ptr(), || {
        let names = NAMES.get_or_init(|| {
            let names = Status::VARIANTS.iter().map(<&str>::from);
            Box::new(names.flat_map(CString::new).collect())
        });
        let name = usize::try_from(status).ok().and_then(|it| names.get(it));
        (name.map_or(NONE.as_ptr(), |name| name.as_ptr()), None)
    })
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
