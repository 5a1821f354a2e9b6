//! Writes a message's JSON for a host that has none at hand.

use serde::Serialize;

use super::check::check;
use super::findings::Findings;
use super::formats::after_web_scheme;
use super::{MAX_TEXT_BYTES, Validation, too_long};

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
    /// A document's.
    pub(crate) header_filename: Option<&'a str>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Button<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) title: Option<&'a str>,
}

/// The JSON of a message, or everything that is wrong with it.
pub(crate) fn compose(composition: &Composition) -> Result<String, Findings> {
    let json = write(composition);
    if json.len() > MAX_TEXT_BYTES {
        return Err(too_long());
    }
    let mut problems = check(&json, Validation::Strict);
    if composition.header_filename.is_some() && composition.header_type != Some(DOCUMENT) {
        let complaint = "has a file name (header_filename), which only a document can have";
        problems.add("/interactive/header", complaint.to_owned());
    }
    if problems.is_empty() {
        Ok(json)
    } else {
        Err(problems)
    }
}

const DOCUMENT: &str = "document";

fn write(composition: &Composition) -> String {
    let reply = |reply| ReplyButton {
        r#type: "reply",
        reply,
    };
    let message = Message {
        recipient: composition.recipient,
        phone_id: composition.phone_id,
        interactive: Interactive {
            r#type: "button",
            header: header(composition),
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

fn header<'a>(composition: &Composition<'a>) -> Option<Header<'a>> {
    let Composition {
        header_type: kind,
        header: content,
        header_filename: filename,
        ..
    } = *composition;
    kind.or(content)?;
    let is_link = content.is_some_and(|content| after_web_scheme(content).is_some());
    let media = content.map(|_| Media {
        link: content.filter(|_| is_link),
        id: content.filter(|_| !is_link),
        filename: None,
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
        Some(DOCUMENT) => Header {
            document: media.map(|media| Media { filename, ..media }),
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
struct Media<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filename: Option<&'a str>,
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
            post_back_url: Some("https://u"),
            post_back_data: Some("d"),
            header_filename: None,
        }
    }

    fn problems(composition: &Composition) -> Vec<(String, String)> {
        let problems = compose(composition).err().unwrap_or_default();
        let told = problems.told().iter();
        told.map(|problem| (problem.path.clone(), problem.message.clone()))
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
            r#""post_back_url":"https://u","post_back_data":"d"}"#,
        );
        let composed = compose(&composition).expect("a message");
        assert_eq!(composed, expected.replace(r"\u{2028}", "\u{2028}"));
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
            let composed = compose(&composition).expect("a message");
            let composed: Value = serde_json::from_str(&composed).unwrap();
            assert_eq!(composed["interactive"]["header"], expected);
        }
    }

    #[test]
    fn only_a_document_has_a_file_name() {
        let named = |kind, content| Composition {
            header_filename: Some("Menu.pdf"),
            ..composition(kind, content)
        };
        let composed = compose(&named(Some("document"), Some("42"))).expect("a message");
        let composed: Value = serde_json::from_str(&composed).unwrap();
        let expected = json!({ "id": "42", "filename": "Menu.pdf" });
        assert_eq!(composed["interactive"]["header"]["document"], expected);
        for (kind, content) in [
            (Some("image"), Some("42")),
            (Some("video"), Some("42")),
            (Some("text"), Some("42")),
            (None, None),
        ] {
            let complaint = "has a file name (header_filename), which only a document can have";
            let expected = ("/interactive/header".to_owned(), complaint.to_owned());
            assert_eq!(problems(&named(kind, content)), [expected]);
        }
        let unnamed = Composition {
            header_filename: Some(""),
            ..composition(Some("document"), Some("42"))
        };
        let [(path, _)] = problems(&unnamed).try_into().expect("one problem");
        assert_eq!(path, "/interactive/header/document/filename");
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
