//! Keys given twice, and the pointers that tell of them.

use serde_json::{Value, json};

use super::*;

#[test]
fn a_key_given_twice_is_a_problem_wherever_it_stands() {
    let valid = valid().to_string();
    let again = |anchor: &str, extra: &str| {
        assert!(valid.contains(anchor));
        valid.replacen(anchor, &format!("{extra},{anchor}"), 1)
    };
    assert_text_breaks(
        &again(r#""recipient":"#, r#""recipient":"1234567""#),
        "/recipient",
        "is given twice",
    );
    // Three times is still one problem; an escape makes no other key.
    let thrice = r#""recipient":"1234567","\u0072ecipient":"1234567""#;
    assert_text_breaks(
        &again(r#""recipient":"#, thrice),
        "/recipient",
        "is given twice",
    );
    let title = again(r#""title":"Later""#, r#""title":"Sooner""#);
    assert_text_breaks(
        &title,
        &format!("{BUTTONS}/2/reply/title"),
        "is given twice",
    );
    // What has to differ differs from others, not from itself.
    assert_text_breaks(
        &again(r#""title":"Later""#, r#""title":"Later""#),
        &format!("{BUTTONS}/2/reply/title"),
        "is given twice",
    );
    // In a field that the rules do not know; its path is escaped as RFC 6901 has it.
    let unknown = again(r#""recipient":"#, r#""a/b~c":[0,{"":1,"":2,"":3}]"#);
    assert_text_breaks(&unknown, "/a~1b~0c/1/", "is given twice");
    // Among many keys, and two of them.
    let keys: String = (0..1000).map(|n| format!("\"k{}\":0,", n % 998)).collect();
    let many = format!(
        "{{\"new\":{{{}}},{}",
        keys.trim_end_matches(','),
        &valid[1..]
    );
    let paths: Vec<_> = problems(&many)
        .into_iter()
        .map(|problem| problem.path)
        .collect();
    assert_eq!(paths, ["/new/k0", "/new/k1"]);
    // The same key in two objects is not twice in one.
    assert_passes_with_a_note(&with("/new", json!([{ "a": 1 }, { "a": { "a": 1 } }])));
}

/// Some parsers would take it for the known one: Go's, which folds case as Unicode does.
#[test]
fn a_known_key_in_another_case_is_a_problem() {
    for (path, name) in [
        ("/Recipient", "recipient"),
        ("/PHONE_ID", "phone_id"),
        ("/poſt_bac\u{212a}_url", "post_back_url"),
        ("/interactive/Header", "header"),
        ("/interactive/header/Type", "type"),
        ("/interactive/header/TEXT", "text"),
        ("/interactive/body/Text", "text"),
        ("/interactive/action/buttons/2/reply/ID", "id"),
    ] {
        let words = format!("must be spelt \"{name}\"");
        assert_breaks(&with(path, json!("1")), path, &words);
        assert_breaks(&with(path, json!(null)), path, &words);
    }
    // Below what the rules know, and where it is another word, it is only unknown.
    for path in ["/Recipients", "/new_recipient", "/interactive/Recipient"] {
        assert_passes_with_a_note(&with(path, json!(1)));
    }
    assert_passes_with_a_note(&with("/new", json!({ "Recipient": 1, "recipient": 2 })));
    // Given twice, it is told once of each.
    let valid = valid().to_string();
    let twice = format!(
        r#"{{"Recipient":1,"RECIPIENT":2,"Recipient":3,{}"#,
        &valid[1..]
    );
    let paths: Vec<_> = problems(&twice).into_iter().map(|it| it.path).collect();
    assert_eq!(paths, ["/Recipient", "/RECIPIENT", "/Recipient"]);
}

/// What is not of a header's type counts for nothing, but for keys given twice in it.
#[test]
fn a_key_given_twice_is_a_problem_in_what_a_header_does_not_use() {
    let header = |members: &str| {
        let header = format!(r#"{{"type":"text","text":"a",{members}}}"#);
        let valid = valid().to_string();
        let (before, after) = valid
            .split_once(r#"{"text":"Your order","type":"text"}"#)
            .expect("a header");
        format!("{before}{header}{after}")
    };
    assert_eq!(
        problems(&header(r#""image":{"link":"","id":7},"video":[]"#)),
        []
    );
    for (members, path) in [
        (r#""image":{"a":1,"a":2}"#, "/image/a"),
        (r#""image":{"link":1,"link":2}"#, "/image/link"),
        (r#""image":1,"image":2"#, "/image"),
        (r#""video":[{"":1,"":2}]"#, "/video/0/"),
    ] {
        let path = format!("{HEADER}{path}");
        assert_text_breaks(&header(members), &path, "is given twice");
    }
}

/// Where a key is too long to be told, the pointer ends before it, and the message says so.
#[test]
fn a_pointer_points_however_long_a_key_is() {
    let twice = |key: &str, value: &str| {
        let valid = valid().to_string();
        format!(r#"{{"new":{{"{key}":{value}}},{}"#, &valid[1..])
    };
    let told = "é".repeat(64);
    let pointer = format!("/new/{told}/a");
    assert_text_breaks(
        &twice(&told, r#"{"a":1,"a":1}"#),
        &pointer,
        "is given twice",
    );
    let words = "holds something that is given twice; its pointer is too long to be shown";
    for long in [
        "é".repeat(100),
        "k".repeat(1000),
        "\\n".repeat(100),
        "~".repeat(100),
    ] {
        assert_text_breaks(&twice(&long, r#"{"a":1,"a":1}"#), "/new", words);
        assert_text_breaks(&twice(&long, r#"[{"a":[0,{"b":1,"b":1}]}]"#), "/new", words);
        let itself = format!(r#"1,"{long}":2"#);
        assert_text_breaks(&twice(&long, &itself), "/new", words);
    }
    // Of many short keys, too.
    let deep = format!(
        "{}{}{}",
        r#"{"abcdef":"#.repeat(28),
        r#"{"a":1,"a":1}"#,
        "}".repeat(28)
    );
    let problems = problems(&twice("b", &deep));
    let [problem] = problems.as_slice() else {
        panic!("one problem was expected: {problems:?}");
    };
    assert!(problem.message.contains(words), "{problem:?}");
    let message: Value = serde_json::from_str(&twice("b", &deep)).expect("JSON");
    assert!(message.pointer(&problem.path).is_some(), "{problem:?}");
    assert!(problem.path.len() > 100, "{problem:?}");
}
