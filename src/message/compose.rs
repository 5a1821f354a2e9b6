//! Writes a message's JSON for a host that has none at hand.

use serde::Serialize;

use super::rules::after_web_scheme;

/// What the host gave. What is `None` is left out, for the check to name.
#[derive(Debug, Default)]
pub(crate) struct Composition<'a> {
    pub(crate) recipient: Option<&'a str>,
    pub(crate) phone_id: Option<&'a str>,
    /// `text`, `image`, `video` or `document`.
    pub(crate) header_type: Option<&'a str>,
    /// The text; or a link, if it begins as one does, else a media ID.
    pub(crate) header: Option<&'a str>,
    pub(crate) body: Option<&'a str>,
    pub(crate) footer: Option<&'a str>,
    pub(crate) buttons: Vec<Button<'a>>,
    pub(crate) post_back_url: Option<&'a str>,
    pub(crate) post_back_data: Option<&'a str>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Button<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) title: Option<&'a str>,
}

/// The JSON of a message that may yet break rules: the caller has to check it.
pub(crate) fn compose(composition: &Composition) -> String {
    let reply = |reply| ReplyButton {
        r#type: "reply",
        reply,
    };
    let message = Message {
        recipient: composition.recipient,
        phone_id: composition.phone_id,
        interactive: Interactive {
            r#type: "button",
            header: header(composition.header_type, composition.header),
            body: composition.body.map(|text| Text { text }),
            footer: composition.footer.map(|text| Text { text }),
            action: Action {
                buttons: composition.buttons.iter().map(reply).collect(),
            },
        },
        post_back_url: composition.post_back_url,
        post_back_data: composition.post_back_data,
    };
    // Only a key that is no string could fail to be written.
    serde_json::to_string(&message).unwrap_or_default()
}

fn header<'a>(kind: Option<&'a str>, content: Option<&'a str>) -> Option<Header<'a>> {
    kind.or(content)?;
    let media = content.map(|content| match after_web_scheme(content) {
        Some(_) => Media::Link(content),
        None => Media::Id(content),
    });
    let none = Header {
        r#type: kind,
        text: None,
        image: None,
        video: None,
        document: None,
    };
    Some(match kind {
        Some("text") => Header {
            text: content,
            ..none
        },
        Some("image") => Header {
            image: media,
            ..none
        },
        Some("video") => Header {
            video: media,
            ..none
        },
        Some("document") => Header {
            document: media,
            ..none
        },
        // The check names a type that there is not, or that none was given.
        _ => none,
    })
}

/// The keys, in this order.
#[derive(Serialize)]
struct Message<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    recipient: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone_id: Option<&'a str>,
    interactive: Interactive<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    post_back_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    post_back_data: Option<&'a str>,
}

#[derive(Serialize)]
struct Interactive<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    header: Option<Header<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    footer: Option<Text<'a>>,
    action: Action<'a>,
}

#[derive(Serialize)]
struct Header<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<Media<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    video: Option<Media<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<Media<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Media<'a> {
    Link(&'a str),
    Id(&'a str),
}

#[derive(Serialize)]
struct Text<'a> {
    text: &'a str,
}

#[derive(Serialize)]
struct Action<'a> {
    buttons: Vec<ReplyButton<'a>>,
}

#[derive(Serialize)]
struct ReplyButton<'a> {
    r#type: &'static str,
    reply: &'a Button<'a>,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::{Validation, check};
    use super::*;

    fn composition<'a>(header_type: Option<&'a str>, header: Option<&'a str>) -> Composition<'a> {
        Composition {
            recipient: Some("919876543210"),
            phone_id: Some("1"),
            header_type,
            header,
            body: Some("\"\\\n\u{1}\u{2028}😀"),
            footer: Some("f"),
            buttons: vec![Button {
                id: Some("a"),
                title: Some("b"),
            }],
            post_back_url: Some("u"),
            post_back_data: Some("d"),
        }
    }

    fn problems(composition: &Composition) -> Vec<(String, String)> {
        let problems = check(&compose(composition), Validation::Strict).into_iter();
        problems
            .map(|problem| (problem.path, problem.message))
            .collect()
    }

    #[test]
    fn every_field_goes_where_it_belongs_in_the_documented_order() {
        let mut composition = composition(None, None);
        composition.buttons.push(Button {
            id: Some("c"),
            title: Some("d"),
        });
        let expected = concat!(
            r#"{"recipient":"919876543210","phone_id":"1","interactive":{"type":"button","#,
            r#""body":{"text":"\"\\\n\u0001\u{2028}😀"},"footer":{"text":"f"},"action":{"buttons":["#,
            r#"{"type":"reply","reply":{"id":"a","title":"b"}},"#,
            r#"{"type":"reply","reply":{"id":"c","title":"d"}}]}},"#,
            r#""post_back_url":"u","post_back_data":"d"}"#,
        );
        assert_eq!(
            compose(&composition),
            expected.replace(r"\u{2028}", "\u{2028}")
        );
        assert_eq!(problems(&composition), []);
    }

    #[test]
    fn a_header_is_a_text_a_link_or_a_media_id() {
        for (kind, content, expected) in [
            (
                "text",
                "https://a",
                json!({ "type": "text", "text": "https://a" }),
            ),
            (
                "image",
                "http://a",
                json!({ "type": "image", "image": { "link": "http://a" } }),
            ),
            (
                "video",
                "HTTPS://a",
                json!({ "type": "video", "video": { "link": "HTTPS://a" } }),
            ),
            (
                "document",
                "42",
                json!({ "type": "document", "document": { "id": "42" } }),
            ),
        ] {
            let composition = composition(Some(kind), Some(content));
            let composed: Value = serde_json::from_str(&compose(&composition)).unwrap();
            assert_eq!(composed["interactive"]["header"], expected);
            assert_eq!(problems(&composition), []);
        }
    }

    #[test]
    fn the_check_names_half_a_header() {
        for (kind, content, path) in [
            (Some("text"), None, "/interactive/header/text"),
            (Some("image"), None, "/interactive/header/image"),
            (Some("image"), Some(""), "/interactive/header/image/id"),
            (Some("audio"), Some("1"), "/interactive/header/type"),
            (None, Some("1"), "/interactive/header/type"),
        ] {
            let problems = problems(&composition(kind, content));
            let paths: Vec<_> = problems.iter().map(|(path, _)| path.as_str()).collect();
            assert_eq!(paths, [path]);
        }
    }

    #[test]
    fn the_check_names_what_was_left_out() {
        let empty = Composition {
            buttons: vec![Button {
                id: None,
                title: None,
            }],
            ..Composition::default()
        };
        let problems = problems(&empty);
        let expected = [
            "/interactive/action/buttons/0/reply/id",
            "/interactive/action/buttons/0/reply/title",
            "/interactive/body",
            "/recipient",
            "/phone_id",
        ];
        assert_eq!(
            problems,
            expected.map(|path| (path.to_owned(), "is missing".to_owned()))
        );
    }
}
