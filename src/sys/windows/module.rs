//! The library as a module of its process.

use std::ptr;

use windows_sys::Win32::System::LibraryLoader::{
    GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, GET_MODULE_HANDLE_EX_FLAG_PIN, GetModuleHandleExW,
};

/// Keeps the library loaded for as long as the process lives: `FreeLibrary` would take away the code
/// that a thread of its own runs.
pub(crate) fn keep_loaded() {
    let within: fn() = keep_loaded;
    let mut module = ptr::null_mut();
    // SAFETY: an address inside of this module, and a place for its handle, which is not one to close.
    // What has no room to be noted here has none for a thread either.
    unsafe {
        GetModuleHandleExW(
            GET_MODULE_HANDLE_EX_FLAG_PIN | GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS,
            within as *const u16,
            &mut module,
        );
    }
}
