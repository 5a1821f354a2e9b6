//! Writes a message's JSON for a host that has none at hand.

use serde_json::{Value, json};

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

#[derive(Debug)]
pub(crate) struct Button<'a> {
    pub(crate) id: Option<&'a str>,
    pub(crate) title: Option<&'a str>,
}

/// The JSON of a message that may yet break rules: the caller has to check it.
pub(crate) fn compose(composition: &Composition) -> String {
    let buttons: Vec<_> = composition.buttons.iter().map(button).collect();
    let interactive = object([
        ("type", Some(json!("button"))),
        ("header", header(composition)),
        ("body", composition.body.map(|text| json!({ "text": text }))),
        (
            "footer",
            composition.footer.map(|text| json!({ "text": text })),
        ),
        ("action", Some(json!({ "buttons": buttons }))),
    ]);
    let message = object([
        ("recipient", composition.recipient.map(Value::from)),
        ("phone_id", composition.phone_id.map(Value::from)),
        ("interactive", Some(interactive)),
        ("post_back_url", composition.post_back_url.map(Value::from)),
        (
            "post_back_data",
            composition.post_back_data.map(Value::from),
        ),
    ]);
    message.to_string()
}

fn header(composition: &Composition) -> Option<Value> {
    let &Composition {
        header_type,
        header,
        ..
    } = composition;
    header_type.or(header)?;
    let content = |kind| match (kind, header?) {
        ("text", text) => Some(json!(text)),
        ("image" | "video" | "document", link) if after_web_scheme(link).is_some() => {
            Some(json!({ "link": link }))
        }
        ("image" | "video" | "document", id) => Some(json!({ "id": id })),
        // The check names a type that there is not.
        _ => None,
    };
    Some(match header_type {
        Some(kind) => object([("type", Some(json!(kind))), (kind, content(kind))]),
        None => json!({}),
    })
}

fn button(button: &Button) -> Value {
    let reply = object([
        ("id", button.id.map(Value::from)),
        ("title", button.title.map(Value::from)),
    ]);
    json!({ "type": "reply", "reply": reply })
}

fn object<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    let given = members
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)));
    Value::Object(given.collect())
}
