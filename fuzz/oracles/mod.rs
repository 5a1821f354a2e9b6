//! What has to hold whatever a host or the network says. The fuzz targets try new input on it, and
//! `tests/abi/fuzz_corpus.rs` the input that they kept.

#![allow(dead_code, reason = "each fuzz target uses one of them")]

pub mod compose;
pub mod handles;
pub mod json_get;
pub mod ledger;
pub mod message;
pub mod options;
pub mod post_back;
mod reply;
pub mod response;

use std::ffi::{CStr, CString, c_char};
use std::ptr;

use zixflow::ffi::{self, zx_client, zx_status};

use reply::Reply;

/// No reply may hold it.
const API_KEY: &str = "the-key-that-no-reply-may-hold";

const VALID_MESSAGE: &CStr = cr#"{"recipient":"919876543210","phone_id":"1","interactive":{
    "type":"button","body":{"text":"Shall we?"},
    "action":{"buttons":[{"type":"reply","reply":{"id":"a","title":"Yes"}}]}}}"#;

/// The input as a host would pass it: it ends at the first NUL.
fn c_string(input: &[u8]) -> CString {
    let text = input.split(|byte| *byte == 0).next().unwrap_or_default();
    CString::new(text).expect("no NUL is in it")
}

/// Reads and releases what was handed out.
fn take(pointer: *mut c_char) -> String {
    assert!(!pointer.is_null(), "nothing was handed out");
    // SAFETY: a string that the library handed out, and that was not yet released.
    let text = unsafe { CStr::from_ptr(pointer) }.to_str().expect("UTF-8");
    let text = text.to_owned();
    ffi::zx_free(pointer.cast());
    text
}

/// Calls an export that hands out a reply, and judges the reply.
fn reply_of(call: impl FnOnce(*mut *mut c_char) -> zx_status) -> Reply {
    let mut text = ptr::null_mut();
    let status = call(&mut text);
    let reply = Reply::take(text);
    assert_eq!(reply.status as zx_status, status, "{reply:?}");
    reply
}

/// A client, or the reply that says why there is none.
fn new_client(options: &CStr) -> Result<*mut zx_client, Reply> {
    let api_key = CString::new(API_KEY).expect("no NUL is in it");
    let mut error = ptr::null_mut();
    // SAFETY: the texts end with NUL, and the error has a place.
    let client = unsafe {
        ffi::zx_client_new(
            api_key.as_ptr(),
            c"workspace".as_ptr(),
            options.as_ptr(),
            &mut error,
        )
    };
    match client.is_null() {
        true => Err(Reply::take(error)),
        false => {
            assert!(error.is_null(), "an error beside a client");
            Ok(client)
        }
    }
}
