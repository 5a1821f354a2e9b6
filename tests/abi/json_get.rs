//! `zx_json_get`: what a host without a JSON library reads, at the C ABI.

use std::ffi::{CStr, CString, c_char};
use std::ptr::{self, null};
use std::thread;

use zixflow::ffi::{self, zx_json_get};

/// The value as a host gets it; it is released as anything that the library hands out.
fn get(json: &str, pointer: &str) -> Option<String> {
    let json = CString::new(json).expect("no NUL");
    let pointer = CString::new(pointer).expect("no NUL");
    // SAFETY: both end in NUL.
    take(unsafe { zx_json_get(json.as_ptr(), pointer.as_ptr()) })
}

fn take(value: *mut c_char) -> Option<String> {
    if value.is_null() {
        return None;
    }
    // SAFETY: the library hands out strings that end in NUL.
    let text = unsafe { CStr::from_ptr(value) }.to_str().expect("UTF-8");
    let text = text.to_owned();
    ffi::zx_free(value.cast());
    // A second one does nothing.
    ffi::zx_free(value.cast());
    Some(text)
}

#[track_caller]
fn assert_is(json: &str, pointer: &str, expected: &str) {
    assert_eq!(get(json, pointer).as_deref(), Some(expected), "{pointer}");
}

#[test]
fn a_reply_is_read_key_by_key() {
    let mut reply = ptr::null_mut();
    let message = c"{\"recipient\":\"+1\",\"phone_id\":7}";
    // SAFETY: a string that ends in NUL, and a place for the reply.
    unsafe { ffi::zx_check_reply_buttons(message.as_ptr(), &mut reply) };
    // SAFETY: the report is always set.
    let report = unsafe { CStr::from_ptr(reply) };
    let report = report.to_str().expect("UTF-8").to_owned();
    ffi::zx_free(reply.cast());

    assert_is(&report, "/success", "false");
    assert_is(&report, "/status", "invalid_message");
    assert_is(&report, "/attempts", "0");
    assert_is(&report, "/problems/1/path", "/phone_id");
    let wrong = "is a number; it must be a string";
    assert_is(&report, "/problems/1/message", wrong);
    assert_is(&report, "", &report);
    for nothing in ["/request_id", "/problems/3", "/problems/3/path"] {
        assert_eq!(get(&report, nothing), None, "{nothing}");
    }
}

#[test]
fn a_number_keeps_all_its_digits() {
    let post_back = r#"{"message_id": 604132581490819100, "price":1.10, "huge":1E+400}"#;
    assert_is(post_back, "/message_id", "604132581490819100");
    assert_is(post_back, "/price", "1.10");
    assert_is(post_back, "/huge", "1E+400");
}

#[test]
fn a_string_comes_decoded_and_nothing_in_it_ends_it() {
    let json = r#"{"text":"a\u0000b\n\"\u00e9\ud83d\ude00 \/","raw":["\u0000"]}"#;
    assert_is(json, "/text", "a\u{fffd}b\n\"é😀 /");
    assert_is(json, "/raw", r#"["\u0000"]"#);
    assert_is(r#"{"":""}"#, "/", "");
}

#[test]
fn what_cannot_be_read_is_null() {
    let json = c"{\"a\":1,\"none\":null}".as_ptr();
    let not_utf8 = c"{\"a\":\"\xff\"}".as_ptr();
    let a = c"/a".as_ptr();
    for (json, pointer) in [
        (null(), a),
        (json, null()),
        (null(), null()),
        (not_utf8, a),
        (json, c"/\xff".as_ptr()),
        (json, c"a".as_ptr()),
        (json, c"/none".as_ptr()),
        (c"null".as_ptr(), c"".as_ptr()),
        (c"".as_ptr(), c"".as_ptr()),
        (c"{\"a\":1".as_ptr(), a),
        (c"{\"a\":1}}".as_ptr(), a),
    ] {
        // SAFETY: each is NULL or ends in NUL.
        assert_eq!(take(unsafe { zx_json_get(json, pointer) }), None);
    }
    // SAFETY: the same.
    let found = take(unsafe { zx_json_get(json, a) });
    assert_eq!(found.as_deref(), Some("1"));
}

/// Neither a length nor a depth is too much, on the smallest stack that the header names.
#[test]
fn any_text_is_read() {
    const MANY: usize = 1024 * 1024;
    let long = format!(r#"{{"first":"{}","last":"x"}}"#, "é".repeat(MANY));
    let open = "[".repeat(MANY);
    let deep = format!(r#"{{"deep":{open}{},"last":"x"}}"#, "]".repeat(MANY));
    thread::Builder::new()
        .stack_size(64 * 1024)
        .spawn(move || {
            assert_is(&long, "/last", "x");
            assert_eq!(get(&long, "/first").map(|text| text.len()), Some(2 * MANY));
            assert_is(&deep, "/last", "x");
            assert_eq!(
                get(&deep, "/deep/0/0").map(|text| text.len()),
                Some(2 * MANY - 4)
            );
            assert_eq!(get(&open, "/0"), None);
        })
        .expect("a thread")
        .join()
        .expect("no panic");
}
