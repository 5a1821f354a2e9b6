//! Messages of one megabyte, in the worst shapes that there are.

use std::time::Duration;

use super::*;
use support::checked::findings;
use support::punctuality::processor_time;

/// `head`, as many of the items as fit into one megabyte, and `tail`.
fn filled(head: &str, item: impl Fn(usize) -> String, tail: &str) -> String {
    let mut text = head.to_owned();
    for n in 0.. {
        let item = item(n);
        if text.len() + item.len() + tail.len() + 2 > 1024 * 1024 {
            break;
        }
        text.push_str(if n == 0 { "" } else { "," });
        text.push_str(&item);
    }
    text + tail
}

/// A megabyte of problems takes time and memory in proportion, however they are arranged: each of
/// these would take minutes or many gigabytes otherwise. All are counted, and the first hundred
/// told. (`checked::report` holds each report to 64 KiB, and `tests/hosts` the time and memory.)
#[test]
fn absurd_messages_are_checked_in_linear_time() {
    let button =
        |id: usize| format!(r#"{{"type":"reply","reply":{{"id":"{id}","title":"{id}"}}}}"#);
    let buttons = r#"{"recipient":"1","phone_id":"1","interactive":{"type":"button","body":{"text":"a"},"action":{"buttons":["#;
    let long_key = "k".repeat(512 * 1024);
    let before = processor_time();
    for (text, at_least) in [
        // Items of the wrong type; the same IDs and titles; different ones.
        (filled(buttons, |_| "1".to_owned(), "]}}}"), 500_000),
        (filled(buttons, |n| button(n % 2), "]}}}"), 20_000),
        (filled(buttons, button, "]}}}"), 1),
        (filled(buttons, |_| "{}".to_owned(), "]}}}"), 600_000),
        // The same keys, and different ones, known and unknown.
        (filled("{", |n| format!("\"{}\":1", n / 2), "}"), 40_000),
        (filled("{", |n| format!("\"{n}\":1"), "}"), 3),
        (filled("{", |_| "\"recipient\":1".to_owned(), "}"), 70_000),
        (filled("{", |n| format!("\"\\n{}\":1", n / 2), "}"), 40_000),
        // Problems inside of a key that is half of the text, and of one that is long to spell.
        (
            filled(
                &format!("{{\"{long_key}\":["),
                |_| r#"{"":1,"":1}"#.to_owned(),
                "]}",
            ),
            40_000,
        ),
        (
            filled(
                &format!("{{\"new\":{{\"{}\":[", "\\u0001".repeat(15)),
                |_| r#"{"\"\"\"":1,"\"\"\"":1}"#.to_owned(),
                "]}}",
            ),
            40_000,
        ),
    ] {
        assert!(text.len() > 1024 * 1024 - 100, "{}", text.len());
        let problems = problems(&text);
        let more = problems.last().and_then(|problem| {
            let more = problem.message.strip_prefix("has ")?;
            more.strip_suffix(" more of them")?.parse().ok()
        });
        let count = more.map_or(problems.len(), |more: usize| problems.len() - 1 + more);
        assert!(count >= at_least, "{count}");
        assert_eq!(problems.len() > 100, more.is_some());
        assert!(problems.len() <= 101);
    }
    let took = processor_time() - before;
    assert!(took < Duration::from_secs(120), "{took:?}");
}

#[test]
fn a_hundred_problems_are_told_and_of_more_the_number() {
    let with_buttons = |count: usize| with(BUTTONS, vec![json!(1); count].into());
    // One for each, and one for their number.
    let problems_of = |count| report(&with_buttons(count).to_string());
    let report = problems_of(99);
    assert_eq!(findings(&report, "problems").len(), 100);
    assert!(report["message"].to_string().contains("has 100 problems"));
    for (count, more) in [(100, 1), (300, 201)] {
        let report = problems_of(count);
        let problems = findings(&report, "problems");
        assert_eq!(problems.len(), 101);
        assert_eq!(problems[99].path, format!("{BUTTONS}/99"));
        assert_eq!(problems[100].path, "");
        assert_eq!(problems[100].message, format!("has {more} more of them"));
        let all = format!("has {} problems", count + 1);
        assert!(report["message"].to_string().contains(&all), "{report}");
    }
}

/// What is wrong with keys is gathered apart from what is wrong with values.
#[test]
fn problems_of_every_kind_are_counted() {
    let mut message = with(BUTTONS, vec![json!(1); 70].into()).to_string();
    let keys: String = (0..70).map(|n| format!("\"k{n}\":0,\"k{n}\":0,")).collect();
    message.insert_str(1, &keys);
    let report = report(&message);
    assert!(
        report["message"].to_string().contains("has 141 problems"),
        "{report}"
    );
    let problems = findings(&report, "problems");
    assert_eq!(problems.len(), 101);
    assert_eq!(problems[100].message, "has 41 more of them");
}
