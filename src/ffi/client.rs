//! Clients: making one, sending with it, its statistics, its end.

use std::ffi::c_char;
use std::ptr::{null, null_mut};

use super::arguments::{self, text};
use super::boundary::{Out, export, export_reply, export_text, guarded};
use super::registry;
use super::types::{zx_cancel, zx_client, zx_status};
use crate::client::{Client, Request};
use crate::options::{self, ClientOptions};
use crate::reply::Reply;

/// Makes a client. Nothing is sent: wrong credentials show at the first message.
///
/// The options, of which those marked "also per call" can be given to zx_send_reply_buttons_with(),
/// too:
///
/// - base_url: Scheme, host, port and an optional path prefix of the API; http:// only for a
///   loopback host. At most 8000 bytes. Default: `ZIXFLOW_BASE_URL` in the environment, else
///   `https://api-ai.zixflow.com`.
/// - allow_plain_http: Allows http:// for any host, such as a gateway in your own network.
///   Default: false.
/// - timeout_ms (also per call): Timeout of the whole call, retries and pauses included, in
///   milliseconds. 1 to 86400000. Default: 30000.
/// - connect_timeout_ms (also per call): Timeout of connecting (name look-up, TCP, proxy and
///   TLS together), in milliseconds. 1 to 86400000. Default: 5000.
/// - max_retries (also per call): Maximum number of retries; 0 disables them. 0 to 100.
///   Default: 2.
/// - validation (also per call): How much of a message is checked; "basic": only the presence
///   and types of the outermost fields. Default: `"strict"`.
/// - max_idle_connections: Maximum number of connections that are kept open for later calls. 0
///   to 10000. Default: 1000.
/// - idle_timeout_ms: How long an idle connection is kept, in milliseconds; it is closed when
///   the client is next used. 0 to 86400000. Default: 15000.
/// - proxy: URL of a proxy (http://, socks5:// or socks5h://), user and password
///   percent-encoded; "" for none. The proxy resolves names. Plain http:// to a loopback host
///   never uses the environment's, and this one only with allow_plain_http. Default: from
///   `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY` in the environment.
/// - tls_roots: Which CAs are trusted: "bundled" (Mozilla's, built in) or "system" (the
///   machine's own). Default: `"bundled"`.
/// - ca_file: PEM file of additional CAs to trust; every certificate in it must be usable. At
///   most 4096 bytes. Default: `ZIXFLOW_CA_FILE` in the environment, else none.
/// - ledger: File that remembers what was sent, over crashes, for calls with an idempotency_key;
///   on a local disk, made where there is none. At most 4096 bytes. Default: none.
/// - ledger_days: How long the ledger remembers what is settled, in days; 0: for ever. 0 to 3650.
///   Default: 60.
/// - idempotency_key (per call only): Names the message in the ledger, which never sends it
///   twice; not empty; can only be given to a call. At most 256 bytes. Default: none.
/// - user_agent: Suffix of the user-agent header, for the program that sends, in visible ASCII.
///   At most 256 bytes. Default: none.
/// - tries (also per call): Adds details of each attempt (`tries`) to the reply. Default:
///   false.
/// - messages_per_second: Rate limit for the client's attempts across all threads; calls queue,
///   at most until timeout_ms. 0.01 to 10000. Default: none.
///
/// The environment is read here and nowhere else, and not in a process that runs with other rights
/// than its caller's (set-user-ID).
///
/// @param api_key       The API key. Required.
/// @param workspace_id  The workspace ID. Required.
/// @param options_json  NULL, or a JSON object with any of the options, such as
///                      {"timeout_ms": 10000}, at most 64 KiB. See zx_client_options_schema().
/// @param error_json    On failure: a reply that says what was wrong. Release it with zx_free().
/// @return              The client, or NULL. Any number of threads may use it at once. Release it
///                      with zx_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zx_client_new(
    api_key: *const c_char,
    workspace_id: *const c_char,
    options_json: *const c_char,
    error_json: *mut *mut c_char,
) -> *mut zx_client {
    // SAFETY: rule 2 of the header.
    let out = unsafe { Out::new(error_json) };
    export(&out, null_mut(), || {
        // SAFETY: rule 1 of the header.
        match unsafe { new_client(api_key, workspace_id, options_json) } {
            Ok(client) => (client, None),
            Err(reply) => (null_mut(), Some(reply.to_json())),
        }
    })
}

/// # Safety
///
/// The texts are NULL or NUL-terminated strings.
unsafe fn new_client(
    api_key: *const c_char,
    workspace_id: *const c_char,
    options_json: *const c_char,
) -> Result<*mut zx_client, Reply> {
    // SAFETY: the caller's promise.
    let api_key = unsafe { text("api_key", api_key) }?;
    // SAFETY: the same.
    let workspace_id = unsafe { text("workspace_id", workspace_id) }?;
    // SAFETY: the same.
    let options_json = unsafe { arguments::options(options_json) }?;
    let options = ClientOptions::parse(options_json).map_err(Reply::invalid_argument)?;
    let client = Client::new(api_key, workspace_id, options).map_err(Reply::invalid_argument)?;
    Ok(registry::keep_client(client).cast())
}

/// Sends a message. Blocks until its outcome is known, at most for the client's `timeout_ms`.
///
/// @param client        The client. Any number of threads may send with it at once.
/// @param message_json  The message: see zx_reply_buttons_schema(). It is checked first, and then
///                      sent byte for byte as it is.
/// @param reply_json    The reply. Release it with zx_free().
/// @return              Any status.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zx_send_reply_buttons(
    client: *const zx_client,
    message_json: *const c_char,
    reply_json: *mut *mut c_char,
) -> zx_status {
    // SAFETY: the same promises, and no options.
    unsafe { zx_send_reply_buttons_with(client, message_json, null(), null(), reply_json) }
}

/// zx_send_reply_buttons() with options for this call alone, and a token that can end it.
///
/// @param client        The client.
/// @param message_json  The message.
/// @param options_json  NULL, or a JSON object with any of the options that zx_client_new() lists
///                      as "also per call". What it leaves out is as for the client.
/// @param cancel        NULL, or a token: zx_cancel_now() ends the call.
/// @param reply_json    The reply. Release it with zx_free().
/// @return              Any status.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zx_send_reply_buttons_with(
    client: *const zx_client,
    message_json: *const c_char,
    options_json: *const c_char,
    cancel: *const zx_cancel,
    reply_json: *mut *mut c_char,
) -> zx_status {
    // SAFETY: rule 2 of the header.
    let out = unsafe { Out::new(reply_json) };
    export_reply(&out, || {
        let client = arguments::client(client)?;
        // SAFETY: rule 1 of the header.
        Ok(client.send(|| unsafe { request(message_json, options_json, cancel) }))
    })
}

/// # Safety
///
/// The texts are NULL or NUL-terminated strings that stay as they are for as long as `'a`.
unsafe fn request<'a>(
    message_json: *const c_char,
    options_json: *const c_char,
    cancel: *const zx_cancel,
) -> Result<Request<'a>, Reply> {
    let cancel = arguments::cancel(cancel)?;
    // SAFETY: the caller's promise.
    let options_json = unsafe { arguments::options(options_json) }?;
    // SAFETY: the same.
    let message = unsafe { arguments::checked_text("message_json", "message", message_json) }?;
    Ok(Request {
        message,
        options_json,
        cancel,
    })
}

/// What a client has counted since it was made in this process, such as
/// {"calls":17,"calls_ok":16,…}: the header's preface lists the keys.
///
/// @param client      The client.
/// @param stats_json  With ZX_OK: the counts, one flat JSON object. Otherwise: a reply that says what
///                    was wrong. Release either with zx_free().
/// @return            ZX_OK, ZX_INVALID_ARGUMENT or ZX_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zx_client_stats(
    client: *const zx_client,
    stats_json: *mut *mut c_char,
) -> zx_status {
    // SAFETY: rule 2 of the header.
    let out = unsafe { Out::new(stats_json) };
    export_text(&out, || Ok(arguments::client(client)?.stats()))
}

/// Ends the calls in flight on a client at once, each with ZX_NOT_SENT or ZX_OUTCOME_UNKNOWN as is
/// true of it. Later calls with it return ZX_NOT_SENT. The client still has to be freed.
///
/// @param client  The client. One that is NULL, stale or foreign is ignored.
#[unsafe(no_mangle)]
pub extern "C" fn zx_client_shutdown(client: *const zx_client) {
    guarded((), || {
        if let Ok(client) = arguments::client(client) {
            client.shut_down();
        }
    });
}

/// The JSON Schema (draft 2020-12) of the options of zx_client_new(), with titles, descriptions,
/// defaults and ranges, such as a form can be made from. The options whose `x-per-call` is true are
/// those of zx_send_reply_buttons_with().
///
/// @return  A constant string.
#[unsafe(no_mangle)]
pub extern "C" fn zx_client_options_schema() -> *const c_char {
    options::SCHEMA.as_ptr().cast()
}
