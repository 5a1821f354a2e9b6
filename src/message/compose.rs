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
