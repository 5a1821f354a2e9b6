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

#[cfg(test)]
mod tests {
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
    fn every_field_goes_where_it_belongs() {
        let mut composition = composition(None, None);
        composition.buttons.push(Button {
            id: Some("c"),
            title: Some("d"),
        });
        let expected = json!({
            "recipient": "919876543210",
            "phone_id": "1",
            "interactive": {
                "type": "button",
                "body": { "text": "\"\\\n\u{1}\u{2028}😀" },
                "footer": { "text": "f" },
                "action": { "buttons": [
                    { "type": "reply", "reply": { "id": "a", "title": "b" } },
                    { "type": "reply", "reply": { "id": "c", "title": "d" } },
                ] },
            },
            "post_back_url": "u",
            "post_back_data": "d",
        });
        let composed: Value = serde_json::from_str(&compose(&composition)).unwrap();
        assert_eq!(composed, expected);
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
