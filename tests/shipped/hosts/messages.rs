//! A host whose messages are made by someone who means no good.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::hosts::{host, run};

const MIB: usize = 1024 * 1024;

/// What a message of one megabyte may cost beyond its own text. Alone it takes 70 ms of processor time
/// at most, beside other work a few times that; what grows with the square of a text takes minutes.
const MOST_MS: usize = 1000;
const MOST_KIB: usize = 16 * 1024;
const MOST_REPORT_BYTES: usize = 64 * 1024;

#[test]
fn no_message_costs_much() {
    let buttons = r#"{"interactive":{"type":"button","action":{"buttons":["#;
    let no_end = |_| r#"{"a":"#.to_owned();
    let long_key = format!(r#"{{"{}":["#, "k".repeat(MIB / 2));
    let headers = r#"{"interactive":{"header":{"#;
    let shapes: Vec<(&str, String)> = vec![
        ("a million brackets", "[".repeat(MIB)),
        ("objects without end", filled("", no_end, "", "")),
        (
            "empty buttons",
            filled(buttons, |_| "{}".to_owned(), ",", "]}}}"),
        ),
        (
            "buttons that are none",
            filled(buttons, |_| "1".to_owned(), ",", "]}}}"),
        ),
        ("different buttons", filled(buttons, button, ",", "]}}}")),
        (
            "the same buttons",
            filled(buttons, |_| button(1), ",", "]}}}"),
        ),
        (
            "unknown keys",
            filled("{", |n| format!("\"{n}\":1"), ",", "}"),
        ),
        (
            "tiny keys",
            filled("{", |n| format!("\"{}\":1", tiny(n)), ",", "}"),
        ),
        (
            "keys with an escape",
            filled("{", |n| format!("\"\\n{}\":1", tiny(n)), ",", "}"),
        ),
        (
            "keys of a header",
            filled(headers, |n| format!("\"{}\":1", tiny(n)), ",", "}}}"),
        ),
        (
            "a header's text again and again",
            filled(headers, |_| "\"text\":1".to_owned(), ",", "}}}"),
        ),
        (
            "keys close to known ones",
            filled("{", |n| format!("\"phone_{n}\":1"), ",", "}"),
        ),
        (
            "a key again and again",
            filled("{", |_| "\"a\":1".to_owned(), ",", "}"),
        ),
        (
            "a known key again and again",
            filled("{", |_| "\"recipient\":1".to_owned(), ",", "}"),
        ),
        (
            "each key twice",
            filled("{", |n| format!("\"{}\":1", n / 2), ",", "}"),
        ),
        (
            "objects",
            filled("{\"a\":[", |_| r#"{"":1,"":1}"#.to_owned(), ",", "]}"),
        ),
        (
            "a long key",
            filled(&long_key, |_| r#"{"":1,"":1}"#.to_owned(), ",", "]}"),
        ),
        ("one key", format!("{{\"{}\":1}}", "k".repeat(MIB - 6))),
        (
            "nested as deep as may be",
            filled("{\"a\":[", |_| deep(29), ",", "]}"),
        ),
        (
            "a string of escapes",
            filled("{\"recipient\":\"", |_| "\\u00e9".to_owned(), "", "\"}"),
        ),
        (
            "a title of escapes",
            filled(&title(), |_| "\\n".to_owned(), "", "\"}}]}}}"),
        ),
        (
            "a title of marks",
            filled(&title(), |_| "*a ".to_owned(), "", "\"}}]}}}"),
        ),
        (
            "numbers",
            filled("{\"a\":[", |_| "1e9".to_owned(), ",", "]}"),
        ),
        (
            "a long number",
            format!("{{\"a\":{}}}", "1".repeat(MIB - 6)),
        ),
        (
            "long pointers",
            filled(
                "{",
                |n| format!("\"{}{:03}\":1", "\\\"".repeat(85), n / 2),
                ",",
                "}",
            ),
        ),
        (
            "a broken end",
            filled("{", |n| format!("\"{n}\":1"), ",", "]"),
        ),
        ("line breaks", "\n".repeat(MIB)),
    ];
    let host = host("message");
    for (shape, text) in shapes {
        assert!(
            (MIB - 200..=MIB).contains(&text.len()),
            "{shape}: {}",
            text.len()
        );
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("message.json");
        fs::write(&file, text).expect("the target directory is writable");
        let printed = run(Command::new(&host).arg(&file)).stdout;
        let figures: Vec<usize> = printed
            .lines()
            .map(|line| line.parse().expect("a number"))
            .collect();
        println!("{shape}: {figures:?}");
        let [ms, kib, bytes] = figures[..] else {
            panic!("{shape}: {printed}");
        };
        assert!(ms < MOST_MS, "{shape}: {ms} ms");
        assert!(kib < MOST_KIB, "{shape}: {kib} KiB");
        assert!(bytes < MOST_REPORT_BYTES, "{shape}: {bytes} bytes");
    }
}

/// `head`, as many of the items as fit into one megabyte, and `tail`.
fn filled(head: &str, item: impl Fn(usize) -> String, between: &str, tail: &str) -> String {
    let mut text = head.to_owned();
    for n in 0.. {
        let item = item(n);
        if text.len() + between.len() + item.len() + tail.len() > MIB {
            break;
        }
        if n > 0 {
            text.push_str(between);
        }
        text.push_str(&item);
    }
    text + tail
}

fn button(n: usize) -> String {
    format!(r#"{{"type":"reply","reply":{{"id":"{n}","title":"{n}"}}}}"#)
}

fn title() -> String {
    r#"{"interactive":{"action":{"buttons":[{"type":"reply","reply":{"title":""#.to_owned()
}

fn deep(levels: usize) -> String {
    "[".repeat(levels) + &"]".repeat(levels)
}

/// The shortest keys there are.
fn tiny(mut n: usize) -> String {
    const DIGITS: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_+*.,:;";
    let mut key = String::new();
    loop {
        key.push(char::from(DIGITS[n % DIGITS.len()]));
        n /= DIGITS.len();
        if n == 0 {
            return key;
        }
    }
}
