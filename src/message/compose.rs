//! Writes a message's JSON for a host that has none at hand.

use super::check::check;
use super::texts::after_web_scheme;
use super::{MAX_TEXT_BYTES, Validation, too_long};
use crate::findings::{Findings, Path};
use crate::json;

/// What the host gave. What is `None` is left out, for the check to name.
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
    if composition.header_filename.is_some() && composition.header_type != Some("document") {
        let complaint = "has a file name (header_filename), which only a document can have";
        let interactive = Path::Key(&Path::Root, "interactive");
        problems.add(&Path::Key(&interactive, "header"), complaint);
    }
    match problems.is_empty() {
        true => Ok(json),
        false => Err(problems),
    }
}

fn write(composition: &Composition) -> String {
    let buttons: Vec<String> = composition.buttons.iter().map(button).collect();
    let action = format!(r#"{{"buttons":[{}]}}"#, buttons.join(","));
    let interactive = object([
        ("type", text(Some("button"))),
        ("header", header(composition)),
        ("body", text_object(composition.body)),
        ("footer", text_object(composition.footer)),
        ("action", Some(action)),
    ]);
    object([
        ("recipient", text(composition.recipient)),
        ("phone_id", text(composition.phone_id)),
        ("interactive", Some(interactive)),
        ("post_back_url", text(composition.post_back_url)),
        ("post_back_data", text(composition.post_back_data)),
    ])
}

fn header(composition: &Composition) -> Option<String> {
    let kind = composition.header_type;
    let content = composition.header;
    kind.or(content)?;
    // The check names a type that there is not, or that none was given.
    let member = match kind {
        None | Some("text") => text(content),
        Some(_) => content.map(|content| media(content, composition.header_filename)),
    };
    Some(object([
        ("type", text(kind)),
        (kind.unwrap_or_default(), member),
    ]))
}

fn media(content: &str, filename: Option<&str>) -> String {
    let key = match after_web_scheme(content) {
        Some(_) => "link",
        None => "id",
    };
    object([(key, text(Some(content))), ("filename", text(filename))])
}

fn button(button: &Button) -> String {
    let reply = object([("id", text(button.id)), ("title", text(button.title))]);
    object([("type", text(Some("reply"))), ("reply", Some(reply))])
}

fn text_object(content: Option<&str>) -> Option<String> {
    content.map(|content| object([("text", text(Some(content)))]))
}

fn text(text: Option<&str>) -> Option<String> {
    text.map(json::written)
}

/// The JSON of an object. A member that is `None` is left out.
fn object<const N: usize>(members: [(&str, Option<String>); N]) -> String {
    let mut object = json::Object::default();
    for (key, value) in members {
        if let Some(value) = value {
            object.add_json(key, &value);
        }
    }
    object.end()
}
