//! What is JSON, and what is told of a text that is none.

use serde_json::{Value, json};

use super::*;

#[test]
fn nesting_is_limited() {
    let nested = |levels: usize| {
        let value = format!("{}0{}", "[".repeat(levels), "]".repeat(levels));
        valid()
            .to_string()
            .replacen('{', &format!("{{\"new\":{value},"), 1)
    };
    assert_eq!(problems(&nested(31)), []);
    for levels in [32, 200, 100_000] {
        assert_text_breaks(
            &nested(levels),
            "",
            "line 1, column 39: it is nested deeper than 32 levels",
        );
    }
    for open in ["[", "{\"a\":", "[{\"a\":"] {
        assert_text_breaks(&open.repeat(100_000), "", "nested deeper than 32 levels");
    }
}

#[test]
fn a_text_cut_short_anywhere_is_a_problem() {
    let mut message = with(BODY, json!("ç\n\u{1f600}\"\\"));
    message["new"] = json!([1, -2.5e3, true, false, null, {}]);
    let text = message.to_string().replacen('ç', r"\u00e7\ud83d\ude00", 1);
    assert_eq!(problems(&text), []);
    for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
        assert_text_breaks(&text[..end], "", "cannot be read at line 1, column ");
    }
}

#[test]
fn what_is_no_json_is_told_with_its_place() {
    let message = |member: &str| format!("{{\n  \"é\": 0, {member}\n}}");
    for (member, column, words) in [
        ("'a': 1", 11, "key must be a string"),
        ("a: 1", 11, "key must be a string"),
        ("\"a\" 1", 15, "expected `:`"),
        ("\"a\": ", 1, "expected value"),
        ("\"a\": nul", 1, "expected ident"),
        ("\"a\": True", 16, "expected value"),
        ("\"a\": +1", 16, "expected value"),
        ("\"a\": 01", 17, "invalid number"),
        ("\"a\": 1.", 1, "invalid number"),
        ("\"a\": -", 1, "invalid number"),
        ("\"a\": 1e999", 20, "number out of range"),
        ("\"a\": \"\\ud800\"", 23, "unexpected end of hex escape"),
        ("\"a\": \"\\udc00\\ud800\"", 22, "lone leading surrogate"),
        ("\"a\": \"\\x41\"", 18, "invalid escape"),
        ("\"a\": \"\t\"", 17, "control character"),
        ("\"a\": \"open", 1, "control character"),
        ("\"a\": [1 2]", 19, "expected `,` or `]`"),
        ("\"a\": [1,]", 19, "trailing comma"),
        ("\"a\": 1 \"b\"", 18, "expected `,` or `}`"),
        ("\"a\": 1,", 1, "trailing comma"),
        ("\"a\": 1 // no", 18, "expected `,` or `}`"),
        ("\"a\": 1}}", 18, "trailing characters"),
    ] {
        let text = message(member);
        let line = if column == 1 { 3 } else { 2 };
        let place = format!("cannot be read at line {line}, column {column}: {words}");
        assert_text_breaks(&text, "", &place);
    }
    assert_text_breaks("", "", "line 1, column 1: EOF");
    assert_text_breaks(" \n", "", "line 2, column 1: EOF");
    assert_text_breaks("\u{feff}{}", "", "column 1: expected value");
}

/// A header is read apart from the rest.
#[test]
fn the_place_of_a_fault_is_told_within_a_header_too() {
    let message = |header: &str| format!("{{\n\"interactive\": {{\"header\":\n  {header}}}}}");
    for (header, column) in [
        (r#"{"type":"text","text":"a\ud800"}"#, 33),
        (r#"{"text":1e999,"type":"text"}"#, 15),
        (r#"{"type":"text","new":[1 2]}"#, 27),
        (r#"{"type":"text""#, 18),
    ] {
        let place = format!("cannot be read at line 3, column {column}: ");
        assert_text_breaks(&message(header), "", &place);
    }
    let deep = format!(r#"{{"new":{}"#, "[".repeat(100));
    let place = "cannot be read at line 3, column 39: it is nested deeper than 32 levels";
    assert_text_breaks(&message(&deep), "", place);
}

#[test]
fn what_is_no_json_is_told_without_what_stands_there() {
    for text in [
        r#"{"private":"private" "private"}"#,
        r#"{"private":private}"#,
        r#"{"recipient":"private\x"}"#,
        r#"["private"] private"#,
        r#"{"interactive":{"header":{"type":"private\ud800"}}}"#,
    ] {
        let report = report(text).to_string();
        assert!(report.contains("cannot be read"), "{report}");
        assert!(!report.contains("private"), "{report}");
    }
}

/// Byte by byte, what is JSON to us is what is JSON to a reader that was not written for this.
#[test]
fn what_is_json_is_what_serde_json_says() {
    let is_json = |text: &str| {
        problems(text)
            .iter()
            .all(|p| !p.message.contains("cannot be read"))
    };
    let text = r#"{"a\n":[1,-0.5e+3,true,null,"ç\ud83d\ude00"] , "b":{}}"#;
    let mut broken = 0;
    for position in (0..text.len()).filter(|at| text.is_char_boundary(*at)) {
        let width = text[position..].chars().next().map_or(0, char::len_utf8);
        for replacement in [
            "", "\"", "\\", "{", "}", "[", "]", ",", ":", "0", "e", "-", ".", " ", "\n", "\u{1}",
            "u", "é", "1 1",
        ] {
            let text = format!(
                "{}{replacement}{}",
                &text[..position],
                &text[position + width..]
            );
            let expected = serde_json::from_str::<Value>(&text).is_ok();
            assert_eq!(is_json(&text), expected, "{text}");
            broken += usize::from(!expected);
        }
    }
    assert!(broken > 100, "{broken}");
}
