//! Every rule of a message: a case that breaks just it, and a case exactly at its limit.

#[path = "support/checked.rs"]
mod checked;

use checked::{problems, valid};
use serde_json::{Value, json};

const RECIPIENT: &str = "/recipient";
const HEADER: &str = "/interactive/header";
const BODY: &str = "/interactive/body/text";
const FOOTER: &str = "/interactive/footer/text";
const BUTTONS: &str = "/interactive/action/buttons";
const ID: &str = "/interactive/action/buttons/0/reply/id";
const TITLE: &str = "/interactive/action/buttons/0/reply/title";

/// The valid message with something else at `path`.
fn with(path: &str, value: Value) -> Value {
    let mut message = valid();
    let (parent, key) = path.rsplit_once('/').expect("a path below the root");
    match message.pointer_mut(parent).expect("a parent") {
        Value::Array(items) => items[key.parse::<usize>().expect("an index")] = value,
        parent => parent[key] = value,
    }
    message
}

fn without(path: &str) -> Value {
    let (parent, key) = path.rsplit_once('/').expect("a path below the root");
    let mut message = valid();
    let parent = message.pointer_mut(parent).and_then(Value::as_object_mut);
    parent
        .expect("an object")
        .remove(key)
        .expect("a member to leave out");
    message
}

#[track_caller]
fn assert_passes(message: &Value) {
    assert_eq!(problems(&message.to_string()), [], "{message}");
}

/// One problem, at that path, with a message that holds these words.
#[track_caller]
fn assert_breaks(message: &Value, path: &str, words: &str) {
    assert_text_breaks(&message.to_string(), path, words);
}

#[track_caller]
fn assert_text_breaks(text: &str, path: &str, words: &str) {
    let problems = problems(text);
    let [problem] = problems.as_slice() else {
        panic!("one problem was expected: {problems:?}");
    };
    assert_eq!(problem.path, path, "{problem:?}");
    assert!(problem.message.contains(words), "{problem:?}");
}

#[test]
fn a_message_with_every_field_passes() {
    assert_passes(&valid());
}

#[test]
fn a_required_field_that_is_missing_null_or_of_another_type_is_a_problem() {
    let required = [
        ("/recipient", "a string"),
        ("/phone_id", "a string"),
        ("/interactive", "an object"),
        ("/interactive/type", "a string"),
        ("/interactive/header/text", "a string"),
        ("/interactive/body", "an object"),
        ("/interactive/body/text", "a string"),
        ("/interactive/footer/text", "a string"),
        ("/interactive/action", "an object"),
        ("/interactive/action/buttons", "an array"),
        ("/interactive/action/buttons/0/type", "a string"),
        ("/interactive/action/buttons/0/reply", "an object"),
        ("/interactive/action/buttons/0/reply/id", "a string"),
        ("/interactive/action/buttons/0/reply/title", "a string"),
    ];
    for (path, wanted) in required {
        assert_breaks(&without(path), path, "is missing");
        let wanted = format!("it must be {wanted}");
        assert_breaks(
            &with(path, json!(null)),
            path,
            &format!("is null; {wanted}"),
        );
        assert_breaks(
            &with(path, json!(true)),
            path,
            &format!("is a boolean; {wanted}"),
        );
        assert_breaks(
            &with(path, json!(1.5)),
            path,
            &format!("is a number; {wanted}"),
        );
    }
    for (path, wanted) in required
        .into_iter()
        .filter(|(_, wanted)| *wanted == "a string")
    {
        let wanted = format!("it must be {wanted}");
        assert_breaks(
            &with(path, json!([])),
            path,
            &format!("is an array; {wanted}"),
        );
        assert_breaks(
            &with(path, json!({})),
            path,
            &format!("is an object; {wanted}"),
        );
    }
    let button = format!("{BUTTONS}/0");
    assert_breaks(
        &with(&button, json!("Yes")),
        &button,
        "is a string; it must be an object",
    );
}

#[test]
fn an_optional_field_may_be_left_out_but_not_null_or_of_another_type() {
    for path in [
        "/post_back_url",
        "/post_back_data",
        "/interactive/header",
        "/interactive/footer",
    ] {
        assert_passes(&without(path));
        assert_breaks(&with(path, json!(null)), path, "leave it out");
        assert_breaks(&with(path, json!(7)), path, "is a number; it must be");
    }
    for member in ["link", "id"] {
        let other = if member == "link" {
            json!("1")
        } else {
            json!("https://example.com")
        };
        let mut image = json!({ "link": other, "id": other });
        image[member] = json!(null);
        let header = with(HEADER, json!({ "type": "image", "image": image }));
        let paths: Vec<_> = problems(&header.to_string())
            .into_iter()
            .map(|p| p.path)
            .collect();
        assert!(
            paths.contains(&format!("{HEADER}/image/{member}")),
            "{paths:?}"
        );
    }
}

#[test]
fn the_message_is_an_object() {
    for (text, is) in [
        ("[]", "an array"),
        ("null", "null"),
        ("\"{}\"", "a string"),
        ("7", "a number"),
    ] {
        assert_text_breaks(text, "", &format!("is {is}; it must be an object"));
    }
}

#[test]
fn the_recipient_is_of_digits_only() {
    for number in ["1", "919876543210", "00000000000000000000000000000"] {
        assert_passes(&with(RECIPIENT, json!(number)));
    }
    for number in [
        "",
        "+919876543210",
        "91 98765",
        "91-98765",
        "(91)",
        "९१",
        "91a",
        "91\n",
    ] {
        assert_breaks(
            &with(RECIPIENT, json!(number)),
            RECIPIENT,
            "digits only, country code first",
        );
    }
}

#[test]
fn the_phone_id_is_not_empty_and_the_post_back_texts_may_be_anything() {
    assert_passes(&with("/phone_id", json!("x")));
    assert_breaks(
        &with("/phone_id", json!("")),
        "/phone_id",
        "has 0 characters; at least 1",
    );
    for path in ["/post_back_url", "/post_back_data"] {
        assert_passes(&with(path, json!("")));
        assert_passes(&with(path, json!("any \u{1}\n text")));
    }
}

#[test]
fn the_types_are_constants() {
    for (path, constant) in [
        ("/interactive/type", "button"),
        ("/interactive/action/buttons/0/type", "reply"),
    ] {
        for other in ["", "list", "Button", "REPLY"] {
            let words = format!("must be \"{constant}\"");
            assert_breaks(&with(path, json!(other)), path, &words);
        }
    }
}

#[test]
fn lengths_are_counted_in_code_points() {
    let at_most = [
        ("/interactive/header/text", 60),
        (BODY, 1024),
        (FOOTER, 60),
        (ID, 256),
        (TITLE, 20),
    ];
    // One to four bytes each, and a combining mark, which counts by itself.
    for character in ["a", "ç", "€", "😀", "\u{301}"] {
        for (path, limit) in at_most {
            assert_passes(&with(path, json!(character)));
            assert_passes(&with(path, json!(character.repeat(limit))));
            let words = format!("has {} characters; at most {limit}", limit + 1);
            assert_breaks(
                &with(path, json!(character.repeat(limit + 1))),
                path,
                &words,
            );
        }
    }
    for (path, _) in at_most {
        assert_breaks(&with(path, json!("")), path, "has 0 characters; at least 1");
    }
}

#[test]
fn there_are_one_to_three_buttons() {
    let buttons = |count: usize| {
        let button = |n| json!({ "type": "reply", "reply": { "id": format!("{n}"), "title": format!("{n}") } });
        with(BUTTONS, (0..count).map(button).collect())
    };
    for count in 1..=3 {
        assert_passes(&buttons(count));
    }
    assert_breaks(&buttons(0), BUTTONS, "has 0 items; at least 1");
    assert_breaks(&buttons(4), BUTTONS, "has 4 items; at most 3");
}

#[test]
fn an_id_has_no_white_space_at_either_end() {
    for space in (0..=0x10_ffff)
        .filter_map(char::from_u32)
        .filter(|c| c.is_whitespace())
    {
        assert_passes(&with(ID, json!(format!("a{space}b"))));
        for id in [format!("{space}a"), format!("a{space}"), space.to_string()] {
            assert_breaks(&with(ID, json!(id)), ID, "white space");
        }
        assert_passes(&with(TITLE, json!(format!("{space}a{space}"))));
    }
}

#[test]
fn ids_and_titles_are_unique() {
    for member in ["id", "title"] {
        let path = |index| format!("{BUTTONS}/{index}/reply/{member}");
        let mut message = with(&path(0), json!("same"));
        *message.pointer_mut(&path(2)).expect("a third button") = json!("same");
        assert_breaks(&message, &path(2), "index 0");

        *message.pointer_mut(&path(2)).expect("a third button") = json!("Same");
        assert_passes(&message);

        // Escaped in the text, and yet the same.
        let text = message
            .to_string()
            .replacen("\"Same\"", r#""\u0073ame""#, 1);
        assert_text_breaks(&text, &path(2), "index 0");
    }
    // Between buttons only: an id may be what another button, or the same, has as its title.
    assert_passes(&with(ID, json!("Later")));
    assert_passes(&with(ID, json!("Yes, please")));
}

#[test]
fn many_buttons_are_compared_as_three_are() {
    let id = |n: usize| if n < 98 { n } else { n - 8 };
    let button = |n: usize| json!({ "type": "reply", "reply": { "id": id(n).to_string(), "title": n.to_string() } });
    let message = with(BUTTONS, (0..100).map(button).collect());
    let problems: Vec<_> = problems(&message.to_string())
        .into_iter()
        .map(|problem| format!("{} {}", problem.path, problem.message))
        .collect();
    assert_eq!(
        problems,
        [
            format!("{BUTTONS}/98/reply/id is the same as at index 90; each must be different"),
            format!("{BUTTONS}/99/reply/id is the same as at index 91; each must be different"),
            format!("{BUTTONS} has 100 items; at most 3 are allowed"),
        ]
    );
}

#[test]
fn a_header_holds_what_its_type_says() {
    for kind in ["image", "video", "document"] {
        let media = |media: Value| with(HEADER, json!({ "type": kind, kind: media }));
        let path = format!("{HEADER}/{kind}");
        assert_passes(&media(json!({ "link": "https://example.com/a" })));
        assert_passes(&media(json!({ "id": "1" })));
        assert_breaks(
            &media(json!({ "id": "" })),
            &format!("{path}/id"),
            "has 0 characters; at least 1",
        );
        assert_breaks(&media(json!({})), &path, "exactly one of \"link\", \"id\"");
        let both = json!({ "link": "https://example.com/a", "id": "1" });
        assert_breaks(&media(both), &path, "exactly one of \"link\", \"id\"");
        assert_breaks(
            &media(json!("1")),
            &path,
            "is a string; it must be an object",
        );
        assert_breaks(&with(HEADER, json!({ "type": kind })), &path, "is missing");
        assert_breaks(
            &with(HEADER, json!({ "type": kind, "text": "x" })),
            &path,
            "is missing",
        );
    }
    let kinds = "must be one of \"text\", \"image\", \"video\", \"document\"";
    let type_path = format!("{HEADER}/type");
    assert_breaks(&without(&type_path), &type_path, "is missing");
    for other in [
        json!("audio"),
        json!(""),
        json!("Text"),
        json!(null),
        json!(1),
    ] {
        assert_breaks(&with(&type_path, other), &type_path, kinds);
    }
    // What belongs to another type is a field that the rules do not know.
    assert_passes(&with(
        HEADER,
        json!({ "type": "text", "text": "x", "image": 5 }),
    ));
}

#[test]
fn a_link_is_an_absolute_web_address() {
    let header = |link: &str| {
        with(
            HEADER,
            json!({ "type": "image", "image": { "link": link } }),
        )
    };
    for link in [
        "http://a",
        "HTTPS://Example.com",
        "https://[::1]:8/a?b#c",
        "http://bücher.de/ü",
    ] {
        assert_passes(&header(link));
    }
    for link in [
        "",
        "example.com",
        "//example.com",
        "ftp://example.com",
        "https:/example.com",
        "https://",
        "https:///a",
        "https://?a",
        "https://#a",
        "https://:80",
        "https://@",
        " https://a",
        "https://a ",
        "https://a b",
        "https://a\n",
        "https://a\u{7f}",
        "xhttps://a",
    ] {
        assert_breaks(
            &header(link),
            &format!("{HEADER}/image/link"),
            "absolute http or https URL",
        );
    }
}

#[test]
fn every_problem_is_told_and_not_only_the_first() {
    let mut message = with(RECIPIENT, json!("+91 98765"));
    message["phone_id"] = json!(12);
    message["interactive"]["body"] = json!({});
    message["interactive"]["footer"] = json!(null);
    message["interactive"]["action"]["buttons"][1]["reply"]["title"] = json!("x".repeat(21));
    let mut paths: Vec<_> = problems(&message.to_string())
        .into_iter()
        .map(|p| p.path)
        .collect();
    paths.sort();
    assert_eq!(
        paths,
        [
            "/interactive/action/buttons/1/reply/title",
            "/interactive/body/text",
            "/interactive/footer",
            "/phone_id",
            "/recipient",
        ]
    );
}

#[test]
fn a_problem_does_not_repeat_the_value() {
    for (path, value) in [
        (RECIPIENT, "+91private"),
        ("/interactive/type", "private"),
        ("/interactive/header/type", "private"),
    ] {
        let problems = problems(&with(path, json!(value)).to_string());
        assert!(!format!("{problems:?}").contains("private"), "{problems:?}");
    }
}

#[test]
fn fields_that_the_rules_do_not_know_pass() {
    let object_paths = [
        "",
        "/interactive",
        HEADER,
        "/interactive/body",
        "/interactive/footer",
        "/interactive/action",
        "/interactive/action/buttons/0",
        "/interactive/action/buttons/0/reply",
    ];
    for path in object_paths {
        assert_passes(&with(
            &format!("{path}/new"),
            json!([null, { "type": 1, "text": [] }, 1e300, false]),
        ));
    }
}

#[test]
fn a_key_given_twice_is_a_problem_wherever_it_stands() {
    let valid = valid().to_string();
    let again = |anchor: &str, extra: &str| {
        assert!(valid.contains(anchor));
        valid.replacen(anchor, &format!("{extra},{anchor}"), 1)
    };
    assert_text_breaks(
        &again(r#""recipient":"#, r#""recipient":"1""#),
        "/recipient",
        "is given twice",
    );
    // Three times is still one problem; an escape makes no other key.
    let thrice = r#""recipient":"1","\u0072ecipient":"1""#;
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
    // A path is readable, however long a key that the rules do not know.
    let long = "é".repeat(100);
    let unknown = again(r#""recipient":"#, &format!(r#""{long}":{{"a":1,"a":1}}"#));
    assert_text_breaks(
        &unknown,
        &format!("/{}…/a", "é".repeat(64)),
        "is given twice",
    );
    // The same key in two objects is not twice in one.
    assert_passes(&with("/new", json!([{ "a": 1 }, { "a": { "a": 1 } }])));
}

#[test]
fn nesting_is_limited() {
    let nested = |levels: usize| {
        let value = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
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

/// The `type` decides what the rest is, also when it comes last.
#[test]
fn the_type_of_a_header_may_stand_anywhere() {
    let valid = valid().to_string();
    let with_header = |header: &str| {
        let start = valid.find(r#""header":{"#).expect("a header") + r#""header":"#.len();
        let end = start + valid[start..].find('}').expect("its end") + 1;
        let text = format!("{}{header}{}", &valid[..start], &valid[end..]);
        (text, start)
    };
    let passes = r#"{"new":[{}],"image":{"id":"1"},"type":"image"}"#;
    assert_eq!(problems(&with_header(passes).0), []);

    let empty = r#"{"new":[{}],"image":{"id":""},"type":"image"}"#;
    let path = format!("{HEADER}/image/id");
    assert_text_breaks(&with_header(empty).0, &path, "has 0 characters");

    let twice = r#"{"type":"text","text":"a","type":"text"}"#;
    let path = format!("{HEADER}/type");
    assert_text_breaks(&with_header(twice).0, &path, "is given twice");

    let (text, start) = with_header(r#"{"text":"a", type:"text"}"#);
    let place = format!("line 1, column {}: a key", start + 14);
    assert_text_breaks(&text, "", &place);
}

/// A megabyte of problems takes time and memory in proportion, however they are arranged: each of
/// these would take minutes or many gigabytes otherwise.
#[test]
fn absurd_messages_are_checked_in_linear_time() {
    let filled = |head: &str, each: &dyn Fn(usize) -> String, tail: &str| {
        let mut text = head.to_owned();
        for n in 0.. {
            let item = each(n);
            if text.len() + item.len() + tail.len() + 2 > 1024 * 1024 {
                break;
            }
            text.push_str(if n == 0 { "" } else { "," });
            text.push_str(&item);
        }
        text + tail
    };
    let button =
        |id: usize| format!(r#"{{"type":"reply","reply":{{"id":"{id}","title":"{id}"}}}}"#);
    let buttons = r#"{"recipient":"1","phone_id":"1","interactive":{"type":"button","body":{"text":"a"},"action":{"buttons":["#;
    let long_key = "k".repeat(512 * 1024);
    let started = std::time::Instant::now();
    for (text, at_least) in [
        // Items of the wrong type; the same IDs and titles; different ones.
        (filled(buttons, &|_| "1".to_owned(), "]}}}"), 500_000),
        (filled(buttons, &|n| button(n % 2), "]}}}"), 20_000),
        (filled(buttons, &button, "]}}}"), 1),
        // The same keys, and different ones, known and unknown.
        (filled("{", &|n| format!("\"{}\":1", n / 2), "}"), 40_000),
        (filled("{", &|n| format!("\"{n}\":1"), "}"), 3),
        (filled("{", &|_| "\"recipient\":1".to_owned(), "}"), 70_000),
        // Problems inside of a key that is half of the text.
        (
            filled(
                &format!("{{\"{long_key}\":["),
                &|_| r#"{"":1,"":1}"#.to_owned(),
                "]}",
            ),
            40_000,
        ),
    ] {
        assert!(text.len() > 1024 * 1024 - 100, "{}", text.len());
        let problems = problems(&text).len();
        assert!(problems >= at_least, "{problems}");
    }
    assert!(started.elapsed().as_secs() < 120, "{:?}", started.elapsed());
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
        ("'a': 1", 11, "a key in double quotes"),
        ("a: 1", 11, "a key in double quotes"),
        ("\"a\" 1", 15, "a colon"),
        ("\"a\": ", 1, "a value"),
        ("\"a\": nul", 16, "a value"),
        ("\"a\": True", 16, "a value"),
        ("\"a\": +1", 16, "a value"),
        ("\"a\": 01", 16, "the number"),
        ("\"a\": 1.", 16, "the number"),
        ("\"a\": -", 16, "the number"),
        ("\"a\": 1e999", 16, "the number"),
        ("\"a\": \"\\ud800\"", 16, "the string"),
        ("\"a\": \"\\udc00\\ud800\"", 16, "the string"),
        ("\"a\": \"\\x41\"", 16, "the string"),
        ("\"a\": \"\t\"", 16, "the string"),
        ("\"a\": \"open", 16, "the string"),
        ("\"a\": [1 2]", 19, "a comma or a closing bracket"),
        ("\"a\": [1,]", 19, "a value"),
        ("\"a\": 1 \"b\"", 18, "a comma or a closing brace"),
        ("\"a\": 1,", 1, "a key in double quotes"),
        ("\"a\": 1 // no", 18, "a comma or a closing brace"),
        ("\"a\": 1}}", 18, "nothing may follow"),
    ] {
        let text = message(member);
        let line = if column == 1 { 3 } else { 2 };
        let place = format!("line {line}, column {column}: ");
        assert_text_breaks(&text, "", &place);
        assert_text_breaks(&text, "", words);
    }
    assert_text_breaks("", "", "ends too early");
    assert_text_breaks(" \n", "", "line 2, column 1: the text ends too early");
    assert_text_breaks("\u{feff}{}", "", "column 1: a value");
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
