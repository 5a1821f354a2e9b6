//! What a text may hold.

use serde_json::json;

use super::*;

#[test]
fn the_recipient_is_of_digits_only() {
    for number in ["1234567", "919876543210", "123456789012345"] {
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

/// E.164: no country code begins with 0, and no number has more than 15 digits.
#[test]
fn the_recipient_is_a_number_that_there_can_be() {
    let thirty = "123456789".repeat(4)[..30].to_owned();
    for (number, words) in [
        ("0612345678", "never begins with 0"),
        ("00919876543210", "never begins with 0"),
        ("0", "never begins with 0"),
        ("00000000000000000000000000000", "never begins with 0"),
        ("1", "must have 7 to 15 digits"),
        ("123456", "must have 7 to 15 digits"),
        ("1234567890123456", "must have 7 to 15 digits"),
        (&*thirty, "must have 7 to 15 digits"),
    ] {
        assert_breaks(&with(RECIPIENT, json!(number)), RECIPIENT, words);
    }
}

#[test]
fn the_phone_id_is_not_empty_and_the_post_back_data_may_be_anything() {
    assert_passes(&with("/phone_id", json!("x")));
    assert_breaks(
        &with("/phone_id", json!("")),
        "/phone_id",
        "must not be empty",
    );
    assert_passes(&with("/post_back_data", json!("")));
    assert_passes(&with("/post_back_data", json!("any \u{1}\n text")));
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
            let words = format!("is {} characters long; the limit is {limit}", limit + 1);
            assert_breaks(
                &with(path, json!(character.repeat(limit + 1))),
                path,
                &words,
            );
        }
    }
    for (path, _) in at_most.into_iter().filter(|(path, _)| *path != FOOTER) {
        assert_breaks(&with(path, json!("")), path, "must not be empty");
    }
    assert_passes(&with(FOOTER, json!("")));
}

/// Of other white space WhatsApp says nothing.
#[test]
fn an_id_has_no_space_at_either_end() {
    for id in [" a", "a ", " ", "  ", " a b "] {
        assert_breaks(&with(ID, json!(id)), ID, "begin or end with a space");
    }
    for space in (0..=0x10_ffff)
        .filter_map(char::from_u32)
        .filter(|c| c.is_whitespace())
    {
        assert_passes(&with(ID, json!(format!("a{space}b"))));
        let title = with(TITLE, json!(format!("{space}a{space}")));
        if ['\n', '\r', '\u{2028}', '\u{2029}'].contains(&space) {
            assert_passes_with_a_note(&title);
        } else {
            assert_passes(&title);
        }
        if space != ' ' {
            assert_passes(&with(ID, json!(format!("{space}a{space}"))));
        }
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
        match member {
            "title" => assert_passes_with_a_note(&message),
            _ => assert_passes(&message),
        }

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
            format!("{BUTTONS} has 100 items; the limit is 3"),
        ]
    );
}
