//! What is allowed in a message but hardly meant: each kind beside what is not told.

use serde_json::{Value, json};

use super::*;
use support::checked::{Finding, report};

/// The warnings of a message that breaks no rule.
#[track_caller]
fn warnings(message: &Value) -> Vec<Finding> {
    let report = report(&message.to_string());
    assert_eq!(report["status"], "ok", "{report}");
    let warnings = checked::findings(&report, "warnings");
    assert_eq!(
        report.get("warnings").is_some(),
        !warnings.is_empty(),
        "{report}"
    );
    warnings
}

#[track_caller]
fn assert_nothing_is_noted(message: &Value) {
    assert_eq!(warnings(message), [], "{message}");
}

/// One warning, at that path, with a message that holds these words.
#[track_caller]
fn assert_noted(message: &Value, path: &str, words: &str) {
    let warnings = warnings(message);
    let [warning] = warnings.as_slice() else {
        panic!("one warning was expected: {warnings:?}");
    };
    assert_eq!(warning.path, path, "{warning:?}");
    assert!(warning.message.contains(words), "{warning:?}");
}

#[test]
fn no_example_of_whatsapps_own_documentation_gets_one() {
    let examples: Value =
        serde_json::from_str(include_str!("../../fixtures/whatsapp_examples.json")).expect("JSON");
    let examples = examples.as_array().expect("a list");
    assert!(examples.len() >= 5);
    for example in examples {
        println!("{}", example["page"]);
        assert_nothing_is_noted(&with("/interactive", example["interactive"].clone()));
    }
}

#[test]
fn what_the_documentation_allows_gets_none() {
    assert_nothing_is_noted(&valid());
    for header in [
        json!({ "type": "text", "text": "Your order 🎉" }),
        json!({ "type": "image", "image": { "link": "https://example.com/a.png" } }),
        json!({ "type": "image", "image": { "id": "2762702990552401" } }),
        json!({ "type": "video", "video": { "link": "https://example.com/a.mp4" } }),
        json!({ "type": "document", "document": { "id": "1", "filename": "Menu.pdf" } }),
    ] {
        assert_nothing_is_noted(&with(HEADER, header));
    }
    assert_nothing_is_noted(&with(
        BODY,
        json!(
            "Hi Pablo! *Your* gardening workshop is scheduled for 9am tomorrow.\n\n_Use_ the buttons"
        ),
    ));
    assert_nothing_is_noted(&with(FOOTER, json!("")));
    assert_nothing_is_noted(&with(
        FOOTER,
        json!("Lucky Shrub: *Your* gateway to succulents™"),
    ));
}

#[test]
fn a_key_that_is_not_known_is_noted_with_the_one_it_is_close_to() {
    for (path, close_to) in [
        ("/phoneId", "phone_id"),
        ("/postback_url", "post_back_url"),
        ("/interactive/footr", "footer"),
        ("/interactive/header/txt", "text"),
        ("/interactive/action/button", "buttons"),
        ("/interactive/action/buttons/0/replay", "reply"),
        ("/interactive/action/buttons/2/reply/tilte", "title"),
    ] {
        let words = format!("is not known here; did you mean \"{close_to}\"?");
        assert_noted(&with(path, json!(1)), path, &words);
    }
    for path in ["/new", "/interactive/to", "/interactive/header/image"] {
        let words = "is not known here, and may go unread";
        assert_noted(&with(path, json!({ "new": [{ "newer": 1 }] })), path, words);
    }
    let long = format!("/{}", "k".repeat(1000));
    assert_noted(
        &with(&long, json!(1)),
        "",
        "holds something that is not known",
    );
    let image = json!({ "type": "image", "image": { "id": "1", "filename": "a.png" } });
    let path = format!("{HEADER}/image/filename");
    assert_noted(&with(HEADER, image), &path, "is not known here");
}

#[test]
fn a_url_that_cannot_be_meant_is_noted() {
    let image = |url: &str| {
        let media = json!({ "link": url });
        with(HEADER, json!({ "type": "image", "image": media }))
    };
    let link = format!("{HEADER}/image/link");
    let assert_url_noted = |url: &str, words: &str| {
        assert_noted(&image(url), &link, words);
        assert_noted(&with("/post_back_url", json!(url)), "/post_back_url", words);
    };
    for host in [
        "localhost",
        "LOCALHOST.",
        "api.localhost:8080",
        "user@localhost",
        "127.0.0.1",
        "127.9.9.9.",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.178.20",
        "169.254.169.254",
        "[::1]",
        "[::]",
        "[fd00::1]",
        "[fe80::1]:443",
        "[::ffff:192.168.0.1]",
    ] {
        assert_url_noted(
            &format!("http://{host}/hook"),
            "cannot be reached from outside",
        );
    }
    assert_url_noted("https://example.com/?a=1&amp;b=2", "has &amp;");
    for url in ["https://example.com/{{1}}", "https://example.com/}"] {
        assert_url_noted(url, "has { or }");
    }
    for url in [
        "https://localhost.example.com",
        "https://notlocalhost",
        "https://example.com/localhost?u=http://127.0.0.1",
        "https://172.32.0.1",
        "https://11.0.0.1",
        "https://[2001:db8::1]",
        "https://example.com/?a=1&b=2&amp",
        "https://example.com/%7B",
    ] {
        assert_nothing_is_noted(&image(url));
        assert_nothing_is_noted(&with("/post_back_url", json!(url)));
    }
}

#[test]
fn markdown_is_noted_where_it_is_not_shown() {
    let header = format!("{HEADER}/text");
    for (marked, mark) in [
        ("*Yes*", '*'),
        ("_now_ or later", '_'),
        ("not ~this~", '~'),
        ("`code`", '`'),
        ("```code```", '`'),
    ] {
        let words = format!("has markdown, but is shown as it is, with each {mark}");
        assert_noted(&with(TITLE, json!(marked)), TITLE, &words);
        assert_noted(&with(&header, json!(marked)), &header, &words);
        for elsewhere in [BODY, FOOTER, ID, "/post_back_data"] {
            assert_nothing_is_noted(&with(elsewhere, json!(marked)));
        }
    }
    for plain in [
        "5*3*2",
        "snake_case_name",
        "* a *",
        "~10 min",
        "*",
        "4* or 5*",
        "*a * b",
        "*a*b",
        "'quoted'",
    ] {
        assert_nothing_is_noted(&with(TITLE, json!(plain)));
        assert_nothing_is_noted(&with(&header, json!(plain)));
    }
}

#[test]
fn a_line_break_is_noted_where_there_is_one_line() {
    let header = format!("{HEADER}/text");
    for text in ["two\nlines", "two\r\nlines", "end\n", "two\u{2028}lines"] {
        let words = "has a line break, which WhatsApp may not show";
        assert_noted(&with(TITLE, json!(text)), TITLE, words);
        assert_noted(&with(&header, json!(text)), &header, words);
        assert_nothing_is_noted(&with(BODY, json!(text)));
        assert_nothing_is_noted(&with(FOOTER, json!(text)));
    }
    assert_nothing_is_noted(&with(TITLE, json!("one\ttab")));
}

#[test]
fn a_text_of_nothing_but_white_space_is_noted() {
    let header = format!("{HEADER}/text");
    for path in [
        &*header,
        BODY,
        FOOTER,
        TITLE,
        "/phone_id",
        "/post_back_data",
    ] {
        for text in [" ", "\t", " \n\u{a0}\u{3000}"] {
            assert_noted(&with(path, json!(text)), path, "is nothing but white space");
        }
        assert_nothing_is_noted(&with(path, json!(" . ")));
    }
    assert_noted(&with(ID, json!("\t")), ID, "is nothing but white space");
    assert_nothing_is_noted(&with("/post_back_data", json!("")));
}

#[test]
fn titles_that_differ_in_little_are_noted() {
    let title = |index| format!("{BUTTONS}/{index}/reply/title");
    for like_the_first in [
        "YES, PLEASE",
        "yes, please",
        "Yes, please ",
        "Yes, please\t\u{a0}",
    ] {
        let message = with(&title(2), json!(like_the_first));
        assert_noted(
            &message,
            &title(2),
            "from that at index 0 only in upper and lower case",
        );
    }
    for other in [" Yes, please", "Yes please", "Yes, pleas"] {
        assert_nothing_is_noted(&with(&title(2), json!(other)));
    }
    let id = |index| format!("{BUTTONS}/{index}/reply/id");
    assert_nothing_is_noted(&with(&id(2), json!("BRING")));
    // The same is a problem, and no warning besides.
    let same = report(&with(&title(2), json!("Yes, please")).to_string());
    assert_eq!(same["status"], "invalid_message");
    assert!(same.get("warnings").is_none(), "{same}");
}

#[test]
fn warnings_come_last_and_beside_problems() {
    let mut message = with("/new", json!(1));
    message["phone_id"] = json!("");
    let report = report(&message.to_string());
    assert_eq!(checked::findings(&report, "problems")[0].path, "/phone_id");
    assert_eq!(checked::findings(&report, "warnings")[0].path, "/new");
    // What is no JSON has no warnings.
    let report = super::report(&format!("{message},"));
    assert!(report.get("warnings").is_none(), "{report}");
}

#[test]
fn the_first_hundred_are_told_and_the_others_counted() {
    let mut message = valid();
    for index in 0..250 {
        message[format!("new{index:03}")] = json!(1);
    }
    let warnings = warnings(&message);
    assert_eq!(warnings.len(), 101);
    assert_eq!(warnings[99].path, "/new099");
    assert_eq!(warnings[100].path, "");
    assert!(
        warnings[100].message.contains("150 more"),
        "{:?}",
        warnings[100]
    );
}
