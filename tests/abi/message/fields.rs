//! The fields of a message: whether they have to be there, and of which type.

use serde_json::json;

use super::*;

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
fn an_optional_field_may_be_left_out_or_null_but_not_of_another_type() {
    for path in [
        "/post_back_url",
        "/post_back_data",
        "/interactive/header",
        "/interactive/footer",
    ] {
        assert_passes(&without(path));
        assert_passes(&with(path, json!(null)));
        assert_breaks(&with(path, json!(7)), path, "is a number; it must be");
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
fn there_are_one_to_three_buttons() {
    let buttons = |count: usize| {
        let button = |n| json!({ "type": "reply", "reply": { "id": format!("{n}"), "title": format!("{n}") } });
        with(BUTTONS, (0..count).map(button).collect())
    };
    for count in 1..=3 {
        assert_passes(&buttons(count));
    }
    assert_breaks(&buttons(0), BUTTONS, "must not be empty");
    assert_breaks(&buttons(4), BUTTONS, "has 4 items; the limit is 3");
}

#[test]
fn every_problem_is_told_and_not_only_the_first() {
    let mut message = with(RECIPIENT, json!("+91 98765"));
    message["phone_id"] = json!(12);
    message["interactive"]["body"] = json!({});
    message["interactive"]["footer"] = json!(7);
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
        assert_passes_with_a_note(&with(
            &format!("{path}/new"),
            json!([null, { "type": 1, "text": [] }, 1e300, false]),
        ));
    }
}
