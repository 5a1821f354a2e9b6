//! Writes a message's JSON for a host that has none at hand.

use serde::{Serialize, Serializer};

use super::check::check;
use super::formats::after_web_scheme;
use super::{MAX_TEXT_BYTES, Validation, too_long};
use crate::findings::{Findings, Path};

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

#[derive(Debug)]
pub(crate) struct Button<'a> {
    pub(crate) id: Option<&'a str>,
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
        let interactive = Path::Key(&Path::Root, "interactive");
        problems.add(&Path::Key(&interactive, "header"), complaint);
    }
    if problems.is_empty() {
        Ok(json)
    } else {
        Err(problems)
    }
}

const DOCUMENT: &str = "document";

fn write(composition: &Composition) -> String {
    let message = object([
        ("recipient", text(composition.recipient)),
        ("phone_id", text(composition.phone_id)),
        (
            "interactive",
            object([
                ("type", text(Some("button"))),
                ("header", header(composition)),
                ("body", text_object(composition.body)),
                ("footer", text_object(composition.footer)),
                ("action", object([("buttons", buttons(composition))])),
            ]),
        ),
        ("post_back_url", text(composition.post_back_url)),
        ("post_back_data", text(composition.post_back_data)),
    ]);
    // Only a key that is no string could fail to be written.
    serde_json::to_string(&message).unwrap_or_default()
}

fn header<'a>(composition: &Composition<'a>) -> Option<Json<'a>> {
    let kind = composition.header_type;
    let content = composition.header;
    kind.or(content)?;
    let member = match kind {
        Some("text") => text(content),
        Some("image" | "video") => content.and_then(|content| media(content, None)),
        Some(DOCUMENT) => content.and_then(|it| media(it, composition.header_filename)),
        // The check names a type that there is not, or that none was given.
        _ => None,
    };
    object([("type", text(kind)), (kind.unwrap_or_default(), member)])
}

fn media<'a>(content: &'a str, filename: Option<&'a str>) -> Option<Json<'a>> {
    let key = if after_web_scheme(content).is_some() {
        "link"
    } else {
        "id"
    };
    object([(key, text(Some(content))), ("filename", text(filename))])
}

fn buttons<'a>(composition: &Composition<'a>) -> Option<Json<'a>> {
    let button = |button: &Button<'a>| {
        let reply = [("id", text(button.id)), ("title", text(button.title))];
        object([("type", text(Some("reply"))), ("reply", object(reply))])
    };
    let buttons = composition.buttons.iter().filter_map(button);
    Some(Json::Array(buttons.collect()))
}

/// JSON in the order in which it is to be written; what is `None` is left out.
enum Json<'a> {
    Text(&'a str),
    Array(Vec<Json<'a>>),
    Object(Vec<(&'a str, Option<Json<'a>>)>),
}

fn text(text: Option<&str>) -> Option<Json<'_>> {
    text.map(Json::Text)
}

fn text_object(content: Option<&str>) -> Option<Json<'_>> {
    content.and_then(|content| object([("text", text(Some(content)))]))
}

fn object<'a, const N: usize>(members: [(&'a str, Option<Json<'a>>); N]) -> Option<Json<'a>> {
    Some(Json::Object(members.into()))
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Json::Text(text) => serializer.serialize_str(text),
            Json::Array(items) => serializer.collect_seq(items),
            Json::Object(members) => {
                let given = members.iter();
                serializer.collect_map(given.filter_map(|(key, it)| Some((key, it.as_ref()?))))
            }
        }
    }
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
        let told = problems.shown().iter();
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
