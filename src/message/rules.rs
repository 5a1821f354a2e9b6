//! The rules of a message, as one table. `schema.json` says the same to a form; a test holds the two
//! together.
//!
//! The outermost fields are the endpoint's own: its page states their names, types and presence.
//! What is inside `interactive` is WhatsApp's, from the Cloud API's reference of interactive
//! reply-buttons messages.

use super::rule::Presence::{Either, OfType, Optional, Required};
use super::rule::Rule::{Anything, Array, Constant, Object, OneOf, Text};
use super::rule::{ANY, Field, NOT_EMPTY, field, unnamed};
use super::texts::TextKind::{ButtonId, ButtonTitle, Free, Headline, PhoneNumber, WebUrl};

pub(super) static MESSAGE: Field = unnamed(Object(&[
    field("recipient", Required, Text(ANY, PhoneNumber)),
    field("phone_id", Required, Text(NOT_EMPTY, Free)),
    field("interactive", Required, Object(INTERACTIVE)),
    field("post_back_url", Optional, Text(ANY, WebUrl)),
    field("post_back_data", Optional, Text(ANY, Free)),
]));

/// The same fields, of which no more is known than the endpoint's own page says.
pub(super) static OUTERMOST: Field = unnamed(Object(&[
    field("recipient", Required, Text(ANY, Free)),
    field("phone_id", Required, Text(ANY, Free)),
    field("interactive", Required, Object(&[])),
    field("post_back_url", Optional, Text(ANY, Free)),
    field("post_back_data", Optional, Text(ANY, Free)),
]));

/// What the rules do not know.
pub(super) static ANYTHING: Field = unnamed(Anything);

static INTERACTIVE: &[Field] = &[
    field("type", Required, Constant("button")),
    field("header", Optional, Object(HEADER)),
    field("body", Required, Object(BODY)),
    field("footer", Optional, Object(FOOTER)),
    field("action", Required, Object(ACTION)),
];

static HEADER: &[Field] = &[
    field("type", Required, OneOf(HEADER_TYPES)),
    field("text", OfType, Text(1..=60, Headline)),
    field("image", OfType, Object(MEDIA)),
    field("video", OfType, Object(MEDIA)),
    field("document", OfType, Object(DOCUMENT)),
];

const HEADER_TYPES: &[&str] = &["text", "image", "video", "document"];

static MEDIA: &[Field] = &[LINK, MEDIA_ID];
static DOCUMENT: &[Field] = &[LINK, MEDIA_ID, FILENAME];

const LINK: Field = field("link", Either, Text(ANY, WebUrl));
const MEDIA_ID: Field = field("id", Either, Text(NOT_EMPTY, Free));
const FILENAME: Field = field("filename", Optional, Text(NOT_EMPTY, Free));

static BODY: &[Field] = &[field("text", Required, Text(1..=1024, Free))];
static FOOTER: &[Field] = &[field("text", Required, Text(0..=60, Free))];

static ACTION: &[Field] = &[field("buttons", Required, Array(1..=3, &BUTTON))];

static BUTTON: Field = unnamed(Object(&[
    field("type", Required, Constant("reply")),
    field("reply", Required, Object(REPLY)),
]));

static REPLY: &[Field] = &[
    field("id", Required, Text(1..=256, ButtonId)),
    field("title", Required, Text(1..=20, ButtonTitle)),
];

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::SCHEMA;
    use super::super::rule::{Field, Length, Presence, Rule};
    use super::{ButtonId, MESSAGE, PhoneNumber, WebUrl};
    use crate::json::Type;

    /// A field as a schema says it, without what is for a person alone.
    fn described(field: &Field) -> Value {
        let mut schema = match &field.rule {
            Rule::Anything => json!({}),
            Rule::Constant(constant) => json!({ "const": constant, "default": constant }),
            Rule::OneOf(names) => json!({ "enum": names }),
            Rule::Text(length, kind) => {
                let mut schema = limited(length, ["minLength", "maxLength"]);
                if matches!(kind, PhoneNumber | WebUrl | ButtonId) {
                    schema["pattern"] = json!("");
                }
                schema
            }
            Rule::Array(length, item) => {
                let mut schema = limited(length, ["minItems", "maxItems"]);
                schema["items"] = described(item);
                schema
            }
            Rule::Object(fields) => object(fields),
        };
        let json_type = match field.rule.json_type() {
            Some(Type::String) => "string",
            Some(Type::Array) => "array",
            Some(Type::Object) => "object",
            _ => panic!("{} has no type", field.name),
        };
        schema["type"] = match field.presence.allows_null() {
            true => json!([json_type, "null"]),
            false => json!(json_type),
        };
        // An object whose type chooses what it holds can be one of these, or not be there.
        if let (true, Some(choices)) = (
            field.presence.allows_null(),
            schema.get_mut("oneOf").and_then(Value::as_array_mut),
        ) {
            choices.push(json!({ "type": "null" }));
        }
        schema
    }

    fn object(fields: &[Field]) -> Value {
        if let [r#type, contents @ ..] = fields
            && let Rule::OneOf(_) = r#type.rule
        {
            let choice = |content: &Field| {
                let (name, schema) = (content.name, described(content));
                let constant = json!({ "type": "string", "const": name, "default": name });
                json!({
                    "type": "object",
                    "properties": { "type": constant, name: schema },
                    "required": ["type", name],
                })
            };
            return json!({ "oneOf": contents.iter().map(choice).collect::<Vec<_>>() });
        }
        let names = |presence| {
            let fields = fields
                .iter()
                .filter(move |field| field.presence == presence);
            fields.map(|field| field.name).collect::<Vec<_>>()
        };
        let properties = fields
            .iter()
            .map(|field| (field.name.to_owned(), described(field)));
        let mut schema = json!({
            "properties": Value::Object(properties.collect()),
            "required": names(Presence::Required),
        });
        let given = |name: &str| {
            let property = json!({ name: { "not": { "type": "null" } } });
            json!({ "properties": property, "required": [name] })
        };
        let choices: Vec<Value> = names(Presence::Either).into_iter().map(given).collect();
        if !choices.is_empty() {
            schema["oneOf"] = json!(choices);
        }
        schema
    }

    fn limited(length: &Length, [at_least, at_most]: [&str; 2]) -> Value {
        let mut schema = json!({});
        if *length.start() > 0 {
            schema[at_least] = json!(length.start());
        }
        if *length.end() < usize::MAX {
            schema[at_most] = json!(length.end());
        }
        schema
    }

    /// Takes out of a schema what is for a person, and what a pattern says.
    fn strip(schema: &mut Value) {
        let Some(schema) = schema.as_object_mut() else {
            return;
        };
        for text in ["$schema", "$comment", "title", "description", "examples"] {
            schema.remove(text);
        }
        if let Some(pattern) = schema.get_mut("pattern") {
            *pattern = json!("");
        }
        let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
        properties
            .into_iter()
            .flat_map(|it| it.values_mut())
            .for_each(strip);
        let choices = schema.get_mut("oneOf").and_then(Value::as_array_mut);
        choices.into_iter().flatten().for_each(strip);
        schema.get_mut("items").into_iter().for_each(strip);
    }

    #[test]
    fn the_schema_says_what_the_table_says() {
        let schema = SCHEMA.trim_end_matches('\0');
        let mut schema = serde_json::from_str(schema).expect("JSON");
        strip(&mut schema);
        assert_eq!(schema, described(&MESSAGE));
    }
}
