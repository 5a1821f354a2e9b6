//! What a client's ledger remembers, for a host that restarts or is told what became of a message.

use std::ffi::c_char;

use super::arguments::{self, optional_text, text};
use super::boundary::{Out, export_reply, export_text};
use super::types::{zx_client, zx_status};

/// Reads the body of a post-back, as zx_read_post_back() does, and settles the entry of the client's
/// ledger that it is about: its message was queued, whatever the status.
///
/// That is the entry with its `request_id`; else the one with its `post_back_data`, if exactly one has
/// that, has no `request_id`, and began before its `status_at`. So `post_back_data` must differ for
/// each message that the workspace sends, with an idempotency_key or without. A post-back of another
/// workspace settles nothing. It is on the disk when the call returns.
///
/// @param client      A client with the option ledger; one that was shut down will do.
/// @param post_back   The body, at most 1 MiB.
/// @param reply_json  With ZX_OK: what zx_read_post_back() hands out, then `settled` (whether an
///                    unknown outcome became known by it) and `idempotency_key` (where an entry was
///                    found). Otherwise: a reply that says what was wrong. Release either with
///                    zx_free().
/// @return            ZX_OK, ZX_INVALID_MESSAGE, ZX_INVALID_ARGUMENT, ZX_NOT_SENT where the ledger
///                    could not be written, or ZX_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zx_client_settle(
    client: *const zx_client,
    post_back: *const c_char,
    reply_json: *mut *mut c_char,
) -> zx_status {
    // SAFETY: rule 2 of the header.
    let out = unsafe { Out::new(reply_json) };
    export_text(&out, || {
        let client = arguments::client(client)?;
        // SAFETY: rule 1 of the header.
        client.settle(unsafe { arguments::checked_text("post_back", "post-back", post_back)? })
    })
}

/// Lists the messages of the client's ledger whose outcome is unknown, oldest first: what a host asks
/// when it restarts.
///
/// @param client     A client with the option ledger; one that was shut down will do.
/// @param after      NULL, or the last idempotency_key of the list before: a list has at most 1,000.
/// @param list_json  With ZX_OK: {"entries":[{"idempotency_key":"…","began_at_ms":…},…]}, the time in
///                   Unix milliseconds. Otherwise: a reply that says what was wrong. Release either
///                   with zx_free().
/// @return           ZX_OK, ZX_INVALID_ARGUMENT, ZX_NOT_SENT where the ledger could not be read, or
///                   ZX_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zx_client_unsettled(
    client: *const zx_client,
    after: *const c_char,
    list_json: *mut *mut c_char,
) -> zx_status {
    // SAFETY: rule 2 of the header.
    let out = unsafe { Out::new(list_json) };
    export_text(&out, || {
        let client = arguments::client(client)?;
        // SAFETY: rule 1 of the header.
        client.unsettled(unsafe { optional_text("after", after)? })
    })
}

/// Drops an entry whose outcome is unknown, so that the next call with its key sends: a host, or a
/// person, decided that it may. It is on the disk when the call returns.
///
/// @param client           A client with the option ledger; one that was shut down will do.
/// @param idempotency_key  The key.
/// @param reply_json       The reply. Release it with zx_free().
/// @return                 ZX_OK, also where there is none; ZX_BUSY where a call with the key is under
///                         way; ZX_INVALID_ARGUMENT where its message was queued; ZX_NOT_SENT where the
///                         ledger could not be written; or ZX_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zx_client_forget(
    client: *const zx_client,
    idempotency_key: *const c_char,
    reply_json: *mut *mut c_char,
) -> zx_status {
    // SAFETY: rule 2 of the header.
    let out = unsafe { Out::new(reply_json) };
    export_reply(&out, || {
        let client = arguments::client(client)?;
        // SAFETY: rule 1 of the header.
        client.forget(unsafe { text("idempotency_key", idempotency_key)? })
    })
}
