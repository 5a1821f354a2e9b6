//! Reads what Zixflow posts, for a host's web server.

use std::ffi::c_char;

use super::arguments;
use super::boundary::{Out, export_text};
use super::types::zx_status;
use crate::post_back;

/// Reads the body of what Zixflow posts to a message's `post_back_url`.
///
/// With ZX_OK it hands out one flat JSON object with the API's own names and values, of which only
/// `request_id` and `status` are sure to be there: `workspace_id`, `type`, `message_id`,
/// `request_id`, `channel`, `recipient`, `status`, `remark`, `status_at` and `post_back_data`, each a
/// string or null, and whatever else came. `message_id`, a number beyond 2^53, is a string with all
/// of its digits. An unknown `type` or `status` is passed on. To these it adds:
///
///   status_at_ms  `status_at` as Unix time in milliseconds, where that can be read
///   rank          sent 1, delivered 2, read 3, clicked 4; none for another status. Post-backs come
///                 in any order: take one only if its rank is higher than the last one's
///   is_failure    whether the status is `failed`
///   key           request_id/status/status_at: what to remember against a post-back that comes
///                 twice
///
/// Post-backs are not signed: put a secret into the path of your post_back_url, and compare it first.
///
/// @param body            The body, at most 1 MiB.
/// @param post_back_json  With ZX_OK: the object. Otherwise: a reply that says what was wrong.
///                        Release either with zx_free().
/// @return                ZX_OK, ZX_INVALID_MESSAGE, ZX_INVALID_ARGUMENT or ZX_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zx_read_post_back(
    body: *const c_char,
    post_back_json: *mut *mut c_char,
) -> zx_status {
    // SAFETY: rule 2 of the header.
    let out = unsafe { Out::new(post_back_json) };
    export_text(&out, || {
        // SAFETY: rule 1 of the header.
        let body = unsafe { arguments::checked_text("body", "post-back", body)? };
        Ok(post_back::read(body)?.object.end())
    })
}
