//! Renders the table of rules as a JSON Schema, in the table's order, as a form would show it.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::json;

use super::rules::{Field, Limit, MESSAGE, Rule};
use crate::json::MAX_DEPTH;

/// The JSON Schema (draft 2020-12) of a message.
///
/// It accepts exactly what a strict check does, but for the rules that a schema cannot say:
/// a key may be given once only, the IDs and the titles of the buttons all differ, and values are
/// nested no deeper than [`MAX_DEPTH`].
pub(crate) fn schema() -> String {
    // Only a key that is no string could fail to be written.
    serde_json::to_string(&Message).unwrap_or_default()
}

struct Message;

impl Serialize for Message {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let description = format!(
            "{} Beyond this schema: no object may give a key twice, the IDs of the buttons must \
             differ from each other and so must their titles, and nothing may be nested deeper \
             than {MAX_DEPTH} levels.",
            MESSAGE.description
        );
        let mut schema = serializer.serialize_map(None)?;
        schema.serialize_entry("$schema", "https://json-schema.org/draft/2020-12/schema")?;
        schema.serialize_entry("title", MESSAGE.title)?;
        schema.serialize_entry("description", &description)?;
        rule(&mut schema, &MESSAGE.rule)?;
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
        rule(&mut schema, &self.rule)?;
        schema.end()
    }
}

fn rule<M: SerializeMap>(schema: &mut M, rule: &Rule) -> Result<(), M::Error> {
    schema.serialize_entry("type", &rule.json_type())?;
    match rule {
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
        Rule::Object(fields) => members(schema, fields),
        Rule::ExactlyOne(fields) => {
            members(schema, fields)?;
            let choice = |field: &Field| json!({ "title": field.title, "required": [field.name] });
            schema.serialize_entry("oneOf", &fields.iter().map(choice).collect::<Vec<_>>())
        }
        Rule::ByType(kinds) => schema.serialize_entry("oneOf", kinds),
        Rule::Array(length, item) => {
            limit(schema, ["minItems", "maxItems"], length)?;
            schema.serialize_entry("items", item)
        }
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
    let required = fields.iter().filter(|field| field.required);
    let required: Vec<_> = required.map(|field| field.name).collect();
    schema.serialize_entry("required", &required)
}

struct Properties<'a>(&'a [Field]);

impl Serialize for Properties<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|field| (field.name, field)))
    }
}
