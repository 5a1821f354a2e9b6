//! What Zixflow posts to a `post_back_url`, read through the C ABI.

use std::ffi::{CStr, CString, c_char};
use std::ptr;
use std::thread;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use support::punctuality::processor_time;
use zixflow::ffi;
use zixflow::ffi::Status::{self, *};

/// The example of the API's own page.
const EXAMPLE: &str = r#"{"workspace_id":"69614209f51dfafb2231a6fe","type":"delivery_status",
    "message_id":604132581490819100,"request_id":"65ca1d21-8854-4d39-a0bd-64f1cd7b8db1",
    "channel":"whatsapp","recipient":"919090909090","status":"delivered","remark":"",
    "status_at":"2026-01-28T17:17:59.254174911Z","post_back_data":"somedata"}"#;

const MIB: usize = 1024 * 1024;

fn status_of(number: ffi::zx_status) -> Status {
    Status::from_repr(number).expect("one of them")
}

fn call(body: *const c_char) -> (Status, String) {
    let mut text = ptr::null_mut();
    // SAFETY: NULL or a string that ends in NUL, and a place for what comes.
    let status = unsafe { ffi::zx_read_post_back(body, &mut text) };
    assert!(!text.is_null());
    // SAFETY: the library hands out strings that end in NUL.
    let owned = unsafe { CStr::from_ptr(text) }.to_str().expect("UTF-8");
    let owned = owned.to_owned();
    ffi::zx_free(text.cast());
    (status_of(status), owned)
}

fn read_text(body: &str) -> (Status, String) {
    let body = CString::new(body).expect("a text without NUL");
    call(body.as_ptr())
}

/// The text that is handed out for a body in which nothing is wrong.
#[track_caller]
fn accepted_text(body: &str) -> String {
    let (status, text) = read_text(body);
    assert_eq!(status, ZX_OK, "{text}");
    text
}

#[track_caller]
fn accepted(body: &Value) -> Value {
    serde_json::from_str(&accepted_text(&body.to_string())).expect("JSON")
}

/// The problems of a body that is refused, each with its path.
#[track_caller]
fn problems(body: &str) -> Vec<(String, String)> {
    let (status, report) = read_text(body);
    assert_eq!(status, ZX_INVALID_MESSAGE, "{report}");
    let report: Value = serde_json::from_str(&report).expect("JSON");
    assert_eq!(report["success"], false);
    assert_eq!(report["status"], "invalid_message");
    assert_eq!(report["attempts"], 0);
    assert_eq!(report["retryable"], false);
    let message = report["message"].as_str().expect("a sentence");
    assert!(message.contains("post-back"), "{message}");
    let text = |problem: &Value, key| problem[key].as_str().expect("text").to_owned();
    let problems = report["problems"].as_array().expect("problems");
    problems
        .iter()
        .map(|problem| (text(problem, "path"), text(problem, "message")))
        .collect()
}

#[track_caller]
fn refused(body: &str, path: &str, words: &str) {
    let problems = problems(body);
    let [problem] = problems.as_slice() else {
        panic!("one problem was expected of {body}: {problems:?}");
    };
    assert_eq!(problem.0, path, "{body}");
    assert!(problem.1.contains(words), "{words:?} is not in {problem:?}");
}

fn example() -> Value {
    serde_json::from_str(EXAMPLE).expect("JSON")
}

fn with(key: &str, value: Value) -> Value {
    let mut body = example();
    body[key] = value;
    body
}

fn without(key: &str) -> Value {
    let mut body = example();
    body.as_object_mut().expect("an object").remove(key);
    body
}

#[test]
fn the_apis_own_example_is_read() {
    let expected = concat!(
        r#"{"workspace_id":"69614209f51dfafb2231a6fe","type":"delivery_status","#,
        r#""message_id":"604132581490819100","#,
        r#""request_id":"65ca1d21-8854-4d39-a0bd-64f1cd7b8db1","#,
        r#""channel":"whatsapp","recipient":"919090909090","status":"delivered","remark":"","#,
        r#""status_at":"2026-01-28T17:17:59.254174911Z","post_back_data":"somedata","#,
        r#""status_at_ms":1769620679254,"rank":2,"is_failure":false,"#,
        r#""key":"65ca1d21-8854-4d39-a0bd-64f1cd7b8db1/delivered/2026-01-28T17:17:59.254174911Z"}"#,
    );
    assert_eq!(accepted_text(EXAMPLE), expected);
    let marked = format!("\u{feff}{EXAMPLE}");
    assert_eq!(accepted_text(&marked), expected);
    let spaced = format!(" \r\n\t{EXAMPLE}\n ");
    assert_eq!(accepted_text(&spaced), expected);
}

#[test]
fn each_status_has_its_rank_and_an_unknown_one_none() {
    for (status, rank, is_failure) in [
        ("sent", json!(1), false),
        ("delivered", json!(2), false),
        ("read", json!(3), false),
        ("clicked", json!(4), false),
        ("failed", Value::Null, true),
        ("Delivered", Value::Null, false),
        ("expired", Value::Null, false),
        ("délivré \"🌍\"", Value::Null, false),
    ] {
        let read = accepted(&with("status", json!(status)));
        assert_eq!(read["status"], status);
        assert_eq!(read["rank"], rank, "{status}");
        assert_eq!(read.get("rank").is_some(), !rank.is_null(), "{status}");
        assert_eq!(read["is_failure"], is_failure, "{status}");
        let key = read["key"].as_str().expect("text");
        assert!(key.contains(&format!("/{status}/")), "{key}");
    }
    let other = accepted(&with("type", json!("something new")));
    assert_eq!(other["type"], "something new");
}

#[test]
fn a_message_id_keeps_its_spelling() {
    let long = "9".repeat(400);
    for number in [
        "0",
        "604132581490819100",
        "9007199254740993",
        "18446744073709551616",
        "-604132581490819101",
        "6.0413258149081910e17",
        "1E400",
        "-0",
        long.as_str(),
    ] {
        let body = EXAMPLE.replace("604132581490819100", number);
        let text = accepted_text(&body);
        assert!(
            text.contains(&format!(r#""message_id":"{number}","#)),
            "{text}"
        );
        let as_text = EXAMPLE.replace("604132581490819100", &format!("\"{number}\""));
        assert_eq!(accepted_text(&as_text), text);
    }
    let of_another_kind = accepted(&with("message_id", json!("wamid.HBgL=")));
    assert_eq!(of_another_kind["message_id"], "wamid.HBgL=");
}

#[test]
fn the_time_is_read_where_it_is_one() {
    for (status_at, milliseconds) in [
        ("2026-01-28T17:17:59.254174911Z", 1_769_620_679_254_i64),
        ("2026-01-28T17:17:59.254999999Z", 1_769_620_679_254),
        ("2026-01-28T17:17:59Z", 1_769_620_679_000),
        ("2026-01-28T17:17:59.2Z", 1_769_620_679_200),
        ("2026-01-28T22:47:59.254174911+05:30", 1_769_620_679_254),
        ("2026-01-28T09:17:59-08:00", 1_769_620_679_000),
        ("1969-12-31T23:59:59.9991Z", -1),
        ("0000-01-01T00:00:00Z", -62_167_219_200_000),
        ("9999-12-31T23:59:59.999999999Z", 253_402_300_799_999),
    ] {
        let read = accepted(&with("status_at", json!(status_at)));
        assert_eq!(read["status_at_ms"], milliseconds, "{status_at}");
        assert_eq!(read["status_at"], status_at);
    }
    for no_time in [
        "",
        "soon",
        "1769620679",
        "2026-01-28",
        "2026-01-28T17:17:59",
        "2026-02-30T17:17:59Z",
        "2026-01-28T25:17:59Z",
        "2026-01-28T17:17:59Z and more",
        "2026-01-28T17:17:59+99:00",
    ] {
        let read = accepted(&with("status_at", json!(no_time)));
        assert_eq!(read.get("status_at_ms"), None, "{no_time}");
        assert_eq!(read["status_at"], no_time);
        let key = read["key"].as_str().expect("text");
        assert!(key.ends_with(&format!("/delivered/{no_time}")), "{key}");
    }
}

#[test]
fn only_request_id_and_status_have_to_be_there() {
    let least = r#"{"status":"read","request_id":"r"}"#;
    assert_eq!(
        accepted_text(least),
        r#"{"status":"read","request_id":"r","rank":3,"is_failure":false,"key":"r/read/"}"#
    );
    let optional = [
        "workspace_id",
        "type",
        "message_id",
        "channel",
        "recipient",
        "remark",
        "status_at",
        "post_back_data",
    ];
    for key in optional {
        assert_eq!(accepted(&without(key)).get(key), None, "{key}");
        let null = accepted(&with(key, Value::Null));
        assert_eq!(null.get(key), Some(&Value::Null), "{key}");
        for (value, kind) in [
            (json!(true), "a boolean"),
            (json!([]), "an array"),
            (json!({}), "an object"),
        ] {
            refused(
                &with(key, value).to_string(),
                &format!("/{key}"),
                &format!("is {kind}; it must be a"),
            );
        }
        if key != "message_id" {
            refused(
                &with(key, json!(1.5)).to_string(),
                &format!("/{key}"),
                "is a number; it must be a string",
            );
        }
    }
    for key in ["request_id", "status"] {
        let path = format!("/{key}");
        refused(&without(key).to_string(), &path, "is missing");
        for (value, words) in [
            (Value::Null, "is null; it must be a string"),
            (json!(7), "is a number; it must be a string"),
            (json!(""), "must not be empty"),
        ] {
            refused(&with(key, value).to_string(), &path, words);
        }
    }
}

#[test]
fn every_problem_is_told() {
    let body = r#"{"type":1,"recipient":[],"status":{},"message_id":true}"#;
    let problems = problems(body);
    let paths: Vec<&str> = problems.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "/type",
            "/recipient",
            "/status",
            "/message_id",
            "/request_id"
        ]
    );
}

#[test]
fn what_is_no_object_is_refused() {
    for (body, words) in [
        ("", "is not JSON"),
        (" ", "is not JSON"),
        ("\u{feff}", "is not JSON"),
        ("status=delivered&request_id=r", "is not JSON"),
        ("<html>", "is not JSON"),
        (r#"{"status":"read","request_id":"r""#, "is not JSON"),
        (r#"{"status":"read","request_id":"r",}"#, "is not JSON"),
        (r#"{"status":"read","request_id":"r"} {}"#, "is not JSON"),
        ("null", "is null; it must be an object"),
        ("[]", "is an array; it must be an object"),
        (r#""status""#, "is a string; it must be an object"),
        ("7", "is a number; it must be an object"),
        ("true", "is a boolean; it must be an object"),
    ] {
        refused(body, "", words);
    }
}

#[test]
fn a_key_that_is_given_twice_is_a_problem() {
    let start = r#"{"status":"read","request_id":"r""#;
    for (member, path) in [
        (r#""status":"failed""#, "/status"),
        (r#""st\u0061tus":"read""#, "/status"),
        (r#""new":1,"new":2"#, "/new"),
        (r#""a/b~c":1,"a/b~c":1"#, "/a~1b~0c"),
    ] {
        refused(&format!("{start},{member}}}"), path, "is given twice");
    }
}

#[test]
fn what_the_api_adds_is_passed_on() {
    let start = r#"{"status":"read","request_id":"r""#;
    let more =
        r#","a":1e999,"b":[1, {"c":null}],"d":"\u00e9\/","e":true,"f":12345678901234567890123"#;
    let text = accepted_text(&format!("{start}{more}}}"));
    assert_eq!(
        text,
        concat!(
            r#"{"status":"read","request_id":"r","a":1e999,"b":[1, {"c":null}],"d":"é/","#,
            r#""e":true,"f":12345678901234567890123,"rank":3,"is_failure":false,"key":"r/read/"}"#,
        )
    );
    // Except where the library has the key for itself.
    let taken = r#","key":"theirs","rank":"high","is_failure":"maybe","status_at_ms":1"#;
    assert_eq!(
        accepted_text(&format!("{start}{taken}}}")),
        accepted_text(&format!("{start}}}"))
    );
}

#[test]
fn a_text_that_was_cut_within_a_character_costs_that_character() {
    let body =
        r#"{"status":"read","request_id":"r","remark":"ok \ud83d","new":"\udc00 \ud83d\ude00"}"#;
    let read: Value = serde_json::from_str(&accepted_text(body)).expect("JSON");
    let remark = read["remark"].as_str().expect("text");
    assert!(remark.starts_with("ok \u{fffd}"), "{remark}");
    let new = read["new"].as_str().expect("text");
    assert!(new.ends_with(" 😀"), "{new}");
    let key = accepted_text(r#"{"status":"read","request_id":"r","\ud800":1}"#);
    assert!(key.contains("\u{fffd}\":1,"), "{key}");
}

#[test]
fn control_characters_stay_escaped() {
    let body = r#"{"status":"read","request_id":"r","remark":"\u0000\u001b\n\"\\"}"#;
    let text = accepted_text(body);
    assert!(text.contains(r#""remark":"\u0000\u001b\n\"\\""#), "{text}");
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| {
        let (open, close) = (r#"{"[":["#.repeat(depth / 2), "]}".repeat(depth / 2));
        format!(r#"{{"status":"read","request_id":"r","new":{open}{close}}}"#)
    };
    accepted_text(&nested(32));
    refused(&nested(34), "/new", "nested deeper than 32");
}

#[test]
fn arguments_that_are_no_text_are_refused() {
    for (body, words) in [
        (ptr::null(), "body is NULL"),
        (c"\xff{}".as_ptr(), "body is not UTF-8"),
    ] {
        let (status, reply) = call(body);
        assert_eq!(status, ZX_INVALID_ARGUMENT, "{reply}");
        assert!(reply.contains(words), "{reply}");
    }
    let body = CString::new(EXAMPLE).expect("no NUL");
    // SAFETY: the text ends in NUL, and no place for the rest is as good as one.
    let status = unsafe { ffi::zx_read_post_back(body.as_ptr(), ptr::null_mut()) };
    assert_eq!(status_of(status), ZX_OK);
}

#[test]
fn a_body_is_at_most_a_mebibyte() {
    let mut body = EXAMPLE.to_owned();
    body += &" ".repeat(MIB - body.len());
    accepted_text(&body);
    body.push(' ');
    refused(&body, "", "is longer than 1 MiB");
}

/// A mebibyte in the worst shape of each kind.
fn hostile_bodies() -> Vec<String> {
    let fill = |start: &str, unit: &str, end: &str| {
        let count = (MIB - start.len() - end.len()) / unit.len();
        format!("{start}{}{end}", unit.repeat(count))
    };
    let start = r#"{"status":"read","request_id":"r","#;
    let mut distinct = start.to_owned();
    for number in 0.. {
        let member = format!("\"{number:x}\":0,");
        if distinct.len() + member.len() > MIB - 8 {
            break;
        }
        distinct += &member;
    }
    let in_pairs = distinct.replace(":0,", ":0,\"0\":0,");
    let cut =
        |text: &str| text[..text[..MIB.min(text.len()) - 8].rfind(',').unwrap_or(0)].to_owned();
    vec![
        fill("", "[", ""),
        fill("{\"a\":", "[", ""),
        fill("", "{\"a\":", ""),
        "[".repeat(MIB / 2) + &"]".repeat(MIB / 2),
        format!(
            "{start}\"a\":{}{}}}",
            "[".repeat(MIB / 2 - 40),
            "]".repeat(MIB / 2 - 40)
        ),
        fill(start, "\"\":0,", "\"z\":0}"),
        fill(start, "\"status\":0,", "\"z\":0}"),
        fill("{", "\"message_id\":[],", "\"z\":0}"),
        distinct.clone() + "\"z\":0}",
        cut(&in_pairs) + "}",
        fill("{\"", "k", "\":0}"),
        fill("{\"request_id\":\"r\",\"status\":\"", "s", "\"}"),
        fill("{\"request_id\":\"r\",\"status\":\"", "\\u0001", "\"}"),
        fill(
            "{\"request_id\":\"r\",\"status\":\"s\",\"remark\":\"",
            "\\ud800",
            "\"}",
        ),
        fill(
            "{\"request_id\":\"r\",\"status\":\"s\",\"message_id\":",
            "9",
            "}",
        ),
        fill(
            "{\"request_id\":\"r\",\"status\":\"s\",\"status_at\":\"",
            "2",
            "\"}",
        ),
        fill(
            "{\"request_id\":\"r\",\"status\":\"s\",\"message_id\":1e",
            "9",
            "}",
        ),
        fill("{\"request_id\":\"r\",\"status\":\"", "\\u0000", "\"}"),
        fill("{\"\\u0000", "\\ud800\\udc00", "\":0}"),
        alike_keys(start),
        fill("\"", "x", "\""),
    ]
}

/// Keys that differ only at their ends, which makes comparing them as dear as can be.
fn alike_keys(start: &str) -> String {
    let prefix = "k".repeat(1000);
    let mut body = start.to_owned();
    for number in 0..1000 {
        body += &format!("\"{prefix}{number:03}\":0,");
    }
    body + "\"z\":0}"
}

#[test]
fn hostile_bodies_are_dealt_with_at_once_and_on_a_small_stack() {
    for body in hostile_bodies() {
        assert!(body.len() <= MIB);
        let shape: String = body.chars().take(60).collect();
        let body = CString::new(body).expect("no NUL");
        // Of a debug build, which needs more than the library as it ships.
        let small = thread::Builder::new().stack_size(64 * 1024);
        let length = body.as_bytes().len();
        let call = small.spawn(move || {
            let started = processor_time();
            (call(body.as_ptr()), processor_time() - started)
        });
        let ((status, text), took) = call.expect("a thread").join().expect("no panic");
        println!("{took:?}, {} bytes: {shape}", text.len());
        if status == ZX_OK {
            // The request id, status and time are in it twice.
            assert!(text.len() <= 2 * length + 1024, "{} of {shape}", text.len());
        } else {
            assert_eq!(status, ZX_INVALID_MESSAGE, "{shape}");
            assert!(text.len() < 64 * 1024, "{} of {shape}", text.len());
        }
        // Far above what a debug build takes, and far below what anything quadratic would.
        assert!(took < Duration::from_secs(1), "{took:?} for {shape}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Whatever the texts are, each arrives as it was.
    #[test]
    fn every_text_arrives(
        request_id in "\\PC{1,8}|[\"\\\\/\u{0}-\u{1f}]{1,4}",
        status in "sent|delivered|read|clicked|failed|\\PC{1,6}",
        remark in "\\PC{0,12}|[\"\\\\/\u{0}-\u{1f}]{0,4}",
        message_id in "-?(0|[1-9][0-9]{0,40})",
        spaced in any::<bool>(),
    ) {
        let body = json!({
            "request_id": request_id, "status": status, "remark": remark, "message_id": 0,
        });
        let text = if spaced {
            serde_json::to_string_pretty(&body).expect("JSON").replace(": 0", &format!(": {message_id}"))
        } else {
            body.to_string().replace("\"message_id\":0", &format!("\"message_id\":{message_id}"))
        };
        let read: Value = serde_json::from_str(&accepted_text(&text)).expect("JSON");
        prop_assert_eq!(&read["request_id"], &json!(request_id));
        prop_assert_eq!(&read["status"], &json!(status));
        prop_assert_eq!(&read["remark"], &json!(remark));
        prop_assert_eq!(&read["message_id"], &json!(message_id));
        prop_assert_eq!(&read["key"], &json!(format!("{request_id}/{status}/")));
    }
}
