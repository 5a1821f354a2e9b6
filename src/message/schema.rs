//! Renders the table of rules as a JSON Schema, in the table's order, as a form would show it.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::json;

use super::rules::{Field, MAX_DEPTH, MESSAGE, Rule, TextRule, required};

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
        Rule::Text(rules) => rules.iter().try_for_each(|rule| text_rule(schema, rule)),
        Rule::Object(fields) => members(schema, fields.iter()),
        Rule::ExactlyOne(fields) => {
            members(schema, fields.iter())?;
            let choice = |field: &Field| json!({ "title": field.title, "required": [field.name] });
            schema.serialize_entry("oneOf", &fields.iter().map(choice).collect::<Vec<_>>())
        }
        Rule::ByType(kinds) => {
            schema.serialize_entry("oneOf", &kinds.iter().map(Kind).collect::<Vec<_>>())
        }
        Rule::Array(limit, item, _) => {
            schema.serialize_entry("minItems", &limit.at_least)?;
            schema.serialize_entry("maxItems", &limit.at_most)?;
            schema.serialize_entry("$comment", limit.source)?;
            schema.serialize_entry("items", item)
        }
    }
}

fn text_rule<M: SerializeMap>(schema: &mut M, rule: &TextRule) -> Result<(), M::Error> {
    match rule {
        TextRule::NotEmpty => schema.serialize_entry("minLength", &1),
        TextRule::Characters(limit) => {
            schema.serialize_entry("minLength", &limit.at_least)?;
            schema.serialize_entry("maxLength", &limit.at_most)?;
            schema.serialize_entry("$comment", limit.source)
        }
        TextRule::Matches(format) => schema.serialize_entry("pattern", format.pattern),
    }
}

/// One alternative of an object whose `type` says which field it holds.
struct Kind(&'static Field);

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(content) = self;
        let kind = required("type", Rule::Constant(content.name)).says("Type", "", &[]);
        let mut schema = serializer.serialize_map(None)?;
        schema.serialize_entry("title", content.title)?;
        members(&mut schema, [&kind, content].into_iter())?;
        schema.end()
    }
}

fn members<'a, M: SerializeMap>(
    schema: &mut M,
    fields: impl Iterator<Item = &'a Field> + Clone,
) -> Result<(), M::Error> {
    let required = fields.clone().filter(|field| field.required);
    schema.serialize_entry("properties", &Properties(fields.collect()))?;
    let required: Vec<_> = required.map(|field| field.name).collect();
    schema.serialize_entry("required", &required)
}

struct Properties<'a>(Vec<&'a Field>);

impl Serialize for Properties<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|field| (field.name, field)))
    }
}
