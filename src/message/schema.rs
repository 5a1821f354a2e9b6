//! Renders the table of rules as a JSON Schema, in the table's order, as a form would show it.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::json;

use super::rule::{Field, Limit, Presence, Rule};
use super::rules::MESSAGE;
use crate::json::{MAX_DEPTH, Type};

/// The JSON Schema (draft 2020-12) of a message.
///
/// It accepts whatever a strict check does, and little else: what a schema cannot say in a few
/// words, its description says.
pub(crate) fn schema() -> String {
    // Only a key that is no string could fail to be written.
    serde_json::to_string(&Message).unwrap_or_default()
}

struct Message;

impl Serialize for Message {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let description = format!(
            "{} Beyond this schema: no object may give a key twice, or a known one in other upper \
             and lower case; the IDs of the buttons must differ from each other, and so must their \
             titles; nothing may be nested deeper than {MAX_DEPTH} levels; and the host and port of \
             a URL must be such that it can be fetched.",
            MESSAGE.description
        );
        let mut schema = serializer.serialize_map(None)?;
        schema.serialize_entry("$schema", "https://json-schema.org/draft/2020-12/schema")?;
        schema.serialize_entry("title", MESSAGE.title)?;
        schema.serialize_entry("description", &description)?;
        rule(&mut schema, &MESSAGE)?;
        schema.end()
    }
}

impl Serialize for Field {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut schema = serializer.serialize_map(None)?;
        schema.serialize_entry("title", self.title)?;
        if !self.description.is_empty() {
            schema.serialize_entry("description", self.description)?;
        }
        if !self.examples.is_empty() {
            schema.serialize_entry("examples", self.examples)?;
        }
        rule(&mut schema, self)?;
        schema.end()
    }
}

fn rule<M: SerializeMap>(schema: &mut M, field: &Field) -> Result<(), M::Error> {
    let json_type = field.rule.json_type();
    if field.presence.allows_null() {
        schema.serialize_entry("type", &[json_type, Some(Type::Null)])?;
    } else {
        schema.serialize_entry("type", &json_type)?;
    }
    match &field.rule {
        Rule::Anything => Ok(()),
        Rule::Constant(constant) => {
            schema.serialize_entry("const", constant)?;
            schema.serialize_entry("default", constant)
        }
        Rule::Text(text) => {
            limit(schema, ["minLength", "maxLength"], &text.length)?;
            match text.format {
                Some(format) => schema.serialize_entry("pattern", format.pattern),
                None => Ok(()),
            }
        }
        Rule::OneOf(names) => schema.serialize_entry("enum", names),
        Rule::Object(
            [
                r#type @ Field {
                    rule: Rule::OneOf(_),
                    ..
                },
                contents @ ..,
            ],
        ) => {
            let none = field.presence.allows_null().then_some(Choice::None);
            let of_type = |content| Choice::OfType(r#type, content);
            let choices = contents.iter().map(of_type).chain(none);
            schema.serialize_entry("oneOf", &choices.collect::<Vec<_>>())
        }
        Rule::Object(fields) => members(schema, fields),
        Rule::Array(length, item) => {
            limit(schema, ["minItems", "maxItems"], length)?;
            schema.serialize_entry("items", item)
        }
    }
}

/// What an object can be that says its type.
enum Choice<'a> {
    OfType(&'a Field, &'a Field),
    None,
}

impl Serialize for Choice<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut schema = serializer.serialize_map(None)?;
        let Choice::OfType(r#type, content) = self else {
            schema.serialize_entry("title", "None")?;
            schema.serialize_entry("type", &Type::Null)?;
            return schema.end();
        };
        schema.serialize_entry("title", content.title)?;
        schema.serialize_entry("description", content.description)?;
        schema.serialize_entry("type", &Type::Object)?;
        let r#type = Field {
            rule: Rule::Constant(content.name),
            ..**r#type
        };
        let content = Field {
            presence: Presence::Required,
            ..**content
        };
        members(&mut schema, &[r#type, content])?;
        schema.end()
    }
}

fn limit<M: SerializeMap>(
    schema: &mut M,
    [at_least, at_most]: [&'static str; 2],
    limit: &Limit,
) -> Result<(), M::Error> {
    if limit.at_least > 0 {
        schema.serialize_entry(at_least, &limit.at_least)?;
    }
    if limit.at_most < usize::MAX {
        schema.serialize_entry(at_most, &limit.at_most)?;
        schema.serialize_entry("$comment", "WhatsApp's limit")?;
    }
    Ok(())
}

fn members<M: SerializeMap>(schema: &mut M, fields: &[Field]) -> Result<(), M::Error> {
    schema.serialize_entry("properties", &Properties(fields))?;
    let of = |presence| {
        fields
            .iter()
            .filter(move |field| field.presence == presence)
    };
    let required: Vec<_> = of(Presence::Required).map(|field| field.name).collect();
    schema.serialize_entry("required", &required)?;
    let choices: Vec<_> = of(Presence::Either)
        .map(|field| {
            json!({
                "title": field.title,
                "properties": { field.name: { "not": { "type": Type::Null } } },
                "required": [field.name],
            })
        })
        .collect();
    if choices.is_empty() {
        return Ok(());
    }
    schema.serialize_entry("oneOf", &choices)
}

struct Properties<'a>(&'a [Field]);

impl Serialize for Properties<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|field| (field.name, field)))
    }
}
