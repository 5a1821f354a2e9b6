//! Cancel tokens.

use super::arguments;
use super::boundary::guarded;
use super::registry;
use super::types::zx_cancel;
use crate::cancel::CancelToken;
use crate::sys::Cause;

/// Makes a cancel token, for any number of calls of zx_send_reply_buttons_with(), on any number of
/// clients and threads.
///
/// @return  The token; NULL only where the machine has nothing left. Release it with zx_free(), also
///          while calls run with it: they go on to their end, and cannot be cancelled any more.
#[unsafe(no_mangle)]
pub extern "C" fn zx_cancel_new() -> *mut zx_cancel {
    guarded(std::ptr::null_mut(), || {
        registry::keep_cancel(CancelToken::new(Cause::Cancelled)).cast()
    })
}

/// Ends every call that was given the token, those in flight within 50 ms and those that come at
/// once, each with ZX_NOT_SENT or ZX_OUTCOME_UNKNOWN as is true of it, not retryable. It cannot be
/// undone: make another token for what comes after.
///
/// @param cancel  The token. One that is NULL, stale or foreign is ignored.
#[unsafe(no_mangle)]
pub extern "C" fn zx_cancel_now(cancel: *const zx_cancel) {
    guarded((), || {
        if let Ok(Some(token)) = arguments::cancel(cancel) {
            token.raise();
        }
    });
}
