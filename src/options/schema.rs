//! Renders the table of options as a JSON Schema, in the table's order, as a form would show it.

use serde::ser::{Serialize, Serializer};
use serde_json::{Value, json};

use super::table::{Kind, OPTIONS, Row};

/// The JSON Schema (draft 2020-12) of `zx_client_new`'s options.
pub(crate) fn schema() -> String {
    let schema = Schema {
        schema: "https://json-schema.org/draft/2020-12/schema",
        title: "Options of a client",
        description: "What zx_client_new() takes. An option with x-per-call can also be given to \
                      zx_send_reply_buttons_with(), for that call alone; one with x-environment \
                      comes from there where it is not given. What a schema cannot say: no option may \
                      be given twice, and a base_url with http:// needs a loopback host or \
                      allow_plain_http.",
        r#type: "object",
        properties: Properties,
        additional_properties: false,
    };
    // Only a key that is no string could fail to be written.
    serde_json::to_string(&schema).unwrap_or_default()
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Schema {
    #[serde(rename = "$schema")]
    schema: &'static str,
    title: &'static str,
    description: &'static str,
    r#type: &'static str,
    properties: Properties,
    additional_properties: bool,
}

struct Properties;

impl Serialize for Properties {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(OPTIONS.iter().map(|row| (row.name, Property::of(row))))
    }
}

/// What is left out does not apply.
#[derive(serde::Serialize, Default)]
#[serde(rename_all = "camelCase")]
struct Property {
    title: &'static str,
    description: &'static str,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    minimum: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    r#enum: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_length: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pattern: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    examples: Vec<&'static str>,
    #[serde(rename = "x-environment", skip_serializing_if = "<[_]>::is_empty")]
    environment: &'static [&'static str],
    #[serde(rename = "x-per-call")]
    per_call: bool,
}

impl Property {
    fn of(row: &Row) -> Self {
        let common = Property {
            title: row.title,
            description: row.description,
            per_call: row.is_for_calls(),
            ..Property::default()
        };
        match &row.kind {
            Kind::Flag(default, _) => Property {
                r#type: "boolean",
                default: Some(json!(default)),
                ..common
            },
            Kind::Whole {
                least,
                most,
                default,
                ..
            } => Property {
                r#type: "integer",
                default: Some(json!(default)),
                minimum: Some(json!(least)),
                maximum: Some(json!(most)),
                ..common
            },
            Kind::Number { least, most, .. } => Property {
                r#type: "number",
                minimum: Some(json!(least)),
                maximum: Some(json!(most)),
                ..common
            },
            Kind::Word(words) => Property {
                r#type: "string",
                default: words.first().map(|(word, _)| json!(word)),
                r#enum: words.iter().map(|(word, _)| *word).collect(),
                ..common
            },
            Kind::Text {
                format,
                default,
                variables,
                ..
            } => Property {
                r#type: "string",
                default: default.map(|default| json!(default)),
                max_length: format.most_bytes,
                pattern: Some(format.pattern),
                examples: vec![format.example],
                environment: variables,
                ..common
            },
        }
    }
}
