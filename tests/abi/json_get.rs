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

const ODD: &str = concat!(
    r#" {"success": false, "n": 604132581490819100, "huge":1E+400, "none": null,"#,
    "\n\"list\" :[ {\"path\":\"/a~1b\"} , {\"path\":\"\\u0000\\ud83d\\ude00\"}],\r\n",
    r#""text":"a\u0000b\n\"\u00e9 \/","a/b":1,"m~n":-1.50e+1,"":{"":[ 1 , [2] ]},"\u0061b":"x","#,
    r#""twice":1,"twice":2,"~1":3,"\ud800":1,"half":"\udc00","last":""} "#,
);

#[test]
fn a_string_comes_decoded_and_anything_else_as_it_is_spelt() {
    for (pointer, expected) in [
        ("/success", "false"),
        ("/n", "604132581490819100"),
        ("/huge", "1E+400"),
        ("/m~0n", "-1.50e+1"),
        ("/a~1b", "1"),
        ("/list/0", r#"{"path":"/a~1b"}"#),
        ("/list/0/path", "/a~1b"),
        ("/list/1/path", "\u{fffd}😀"),
        ("/list/1", r#"{"path":"\u0000\ud83d\ude00"}"#),
        ("/text", "a\u{fffd}b\n\"é /"),
        ("/", r#"{"":[ 1 , [2] ]}"#),
        ("//", "[ 1 , [2] ]"),
        ("///1/0", "2"),
        ("/ab", "x"),
        ("/twice", "1"),
        ("/~01", "3"),
        ("/last", ""),
        ("", ODD.trim()),
    ] {
        assert_is(ODD, pointer, expected);
    }
    assert_is("\"\\\"\"", "", "\"");
    assert_is(" 1e999 ", "", "1e999");
}

#[test]
fn where_there_is_nothing_nothing_comes() {
    for pointer in [
        "/none",
        "/missing",
        "/success/0",
        "/text/0",
        "/half",
        "/list/2",
        "/list/-",
        "/list/00",
        "/list/01",
        "/list/+1",
        "/list/1 ",
        "/list/",
        "/list/18446744073709551616",
        "/list/path",
        "list",
        "#/list",
        "/m~n",
        "/m~2n",
        "/m~",
        "/Success",
        "/a/b",
    ] {
        assert_eq!(get(ODD, pointer), None, "{pointer}");
    }
    for text in [
        "",
        " ",
        "null",
        "nul",
        "{\"a\":1}}",
        "{\"a\":1",
        "{\"a\":1} 2",
        "{\"a\":1,}",
        "{'a':1}",
        "{\"a\":01}",
        "[1,{\"a\"}]",
    ] {
        for pointer in ["", "/a"] {
            assert_eq!(get(text, pointer), None, "{text}");
        }
    }
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
