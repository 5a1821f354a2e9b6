//! The header, and the media in it.

use serde_json::{Value, json};

use super::*;

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
            "must not be empty",
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
    assert_passes_with_a_note(&with(
        HEADER,
        json!({ "type": "text", "text": "x", "image": 5 }),
    ));
}

#[test]
fn null_beside_a_link_or_an_id_is_as_good_as_none() {
    let media = |media: Value| with(HEADER, json!({ "type": "image", "image": media }));
    let path = format!("{HEADER}/image");
    let one_of = "exactly one of \"link\", \"id\"";
    assert_passes(&media(
        json!({ "link": "https://example.com/a", "id": null }),
    ));
    assert_passes(&media(json!({ "link": null, "id": "1" })));
    assert_breaks(&media(json!({ "link": null, "id": null })), &path, one_of);
    assert_breaks(&media(json!({ "id": null })), &path, one_of);
}

#[test]
fn a_document_may_have_a_file_name() {
    let header = |kind: &str, name: Value| {
        let media = json!({ "id": "1", "filename": name });
        with(HEADER, json!({ "type": kind, kind: media }))
    };
    let path = format!("{HEADER}/document/filename");
    for name in [json!("Menu.pdf"), json!("é"), json!(null)] {
        assert_passes(&header("document", name));
    }
    assert_breaks(&header("document", json!("")), &path, "must not be empty");
    assert_breaks(&header("document", json!(7)), &path, "must be a string");
    let alone = json!({ "type": "document", "document": { "filename": "a" } });
    assert_breaks(
        &with(HEADER, alone),
        &format!("{HEADER}/document"),
        "exactly one of \"link\", \"id\"",
    );
    // What is no document has none that the rules know.
    assert_passes_with_a_note(&header("image", json!(7)));
}

#[test]
fn a_link_and_a_post_back_url_are_absolute_web_addresses() {
    let header = |link: &str| {
        with(
            HEADER,
            json!({ "type": "image", "image": { "link": link } }),
        )
    };
    let post_back_url = |url: &str| with("/post_back_url", json!(url));
    for url in [
        "http://a",
        "HTTPS://Example.com",
        "https://[2001:db8::]:8/a?b#c",
        "https://[2001:db8::1:2]",
        "https://[::ffff:192.0.2.1]/",
        "http://bücher.de/ü",
        "http://a_b-c.example.:65535?q",
        "http://a:1#",
        "http://a:/",
        "http://a:0080/",
        "http://192.0.2.1:8080/hook",
        "http://255.249.99.0./",
        "https://user:pass%40word@example.com/",
        "https://1a.2b.3c/",
        "https://example.com/a//b?c=[d]&e=é",
    ] {
        assert_passes(&header(url));
        assert_passes(&post_back_url(url));
    }
    for url in [
        "",
        "example.com",
        "//example.com",
        "ftp://example.com",
        "https:/example.com",
        "https://",
        "https:///a",
        "https://?",
        "https://?a",
        "https://#a",
        "https://:80",
        "https://@",
        "https://@a",
        " https://a",
        "https://a ",
        "https://a b",
        "https://a\n",
        "https://a\u{7f}",
        "https://a\u{85}",
        "https://a\u{a0}b",
        "https://a/\u{2003}",
        "https://a/\u{3000}b",
        "xhttps://a",
        "http://[",
        "http://[]",
        "http://[]/",
        "http://[::1",
        "http://[::1]a",
        "http://[::1]8",
        "http://[1:2:3]/",
        "http://[::g]/",
        "http://[127.0.0.1]/",
        "http://a[::1]/",
        "http://::1/",
        "http://a:99999/",
        "http://a:65536",
        "http://a:0",
        "http://a:-1",
        "http://a:+1",
        "http://a:8o",
        "http://a:1:2",
        "http://.",
        "http://..",
        "http://.a",
        "http://a..b",
        "http://a..",
        "http://1",
        "http://1.2.3",
        "http://256.1.1.1/",
        "http://1.2.3.4.5/",
        "http://a.1/",
        "http://01.2.3.4/",
        "http://{{host}}/a",
        "http://<host>/",
        "http://a\\b",
        "http://a%20b/",
        "http://a,b/",
        "http://u@v@a/",
    ] {
        let words = "absolute http or https URL";
        assert_breaks(&header(url), &format!("{HEADER}/image/link"), words);
        assert_breaks(&post_back_url(url), "/post_back_url", words);
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
    assert_text_breaks(&with_header(empty).0, &path, "must not be empty");

    let twice = r#"{"type":"text","text":"a","type":"text"}"#;
    let path = format!("{HEADER}/type");
    assert_text_breaks(&with_header(twice).0, &path, "is given twice");

    let (text, start) = with_header(r#"{"text":"a", type:"text"}"#);
    let place = format!("line 1, column {}: key must be a string", start + 14);
    assert_text_breaks(&text, "", &place);
}
