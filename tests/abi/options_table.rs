//! Each option is written down once: the README and the header say what `zx_client_options_schema()`
//! says, and `zx_client_new()` takes what it says.

use std::ffi::CStr;
use std::fs;

use serde_json::{Value, json};
use support::api::{Client, client, message};
use support::c::root;

const HEADER: &str = include_str!("../../include/zixflow.h");

fn schema_text() -> &'static str {
    // SAFETY: a constant string.
    let schema = unsafe { CStr::from_ptr(zixflow::ffi::zx_client_options_schema()) };
    schema.to_str().expect("UTF-8")
}

fn schema() -> Value {
    serde_json::from_str(schema_text()).expect("JSON")
}

/// Names and schemas, in the schema's order.
fn options() -> Vec<(String, Value)> {
    let Value::Object(properties) = schema()["properties"].take() else {
        panic!("no properties");
    };
    let place = |name: &str| schema_text().find(&format!("\n    \"{name}\": {{"));
    let mut options: Vec<_> = properties.into_iter().collect();
    options.sort_by_key(|(name, _)| place(name));
    options
}

fn is_per_call(option: &Value) -> bool {
    option["x-per-call"].as_bool().expect("a flag")
}

/// What holds where an option is not given.
fn default(option: &Value) -> String {
    let default = match (&option["default"], option.get("enum")) {
        (Value::Null, _) => "none".to_owned(),
        (Value::String(text), None) => format!("`{text}`"),
        (Value::String(text), Some(_)) => format!("`\"{text}\"`"),
        (value, _) => value.to_string(),
    };
    let variables: Vec<_> = option["x-environment"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|name| format!("`{}`", name.as_str().expect("a name")))
        .collect();
    match variables.as_slice() {
        [] => default,
        [variable] => format!("{variable} in the environment, else {default}"),
        variables => format!("from {} in the environment", variables.join(", ")),
    }
}

/// What an option is for, and its range.
fn description(option: &Value) -> String {
    let description = option["description"].as_str().expect("a description");
    match (&option["minimum"], &option["maximum"]) {
        (Value::Null, Value::Null) => match option["maxLength"].as_u64() {
            Some(length) => format!("{description} At most {length} bytes."),
            None => description.to_owned(),
        },
        (least, most) => {
            let [least, most] = [least, most].map(|edge| edge.as_f64().expect("a number"));
            format!("{description} {least} to {most}.")
        }
    }
}

fn is_call_alone(option: &Value) -> bool {
    option["x-call-alone"] == true
}

fn star(option: &Value) -> &str {
    if is_per_call(option) { " *" } else { "" }
}

#[test]
fn the_readme_lists_every_option() {
    let mut table = "| option | default | |\n| --- | --- | --- |\n".to_owned();
    for (name, option) in &options() {
        let (star, default, description) = (star(option), default(option), description(option));
        table += &format!("| `{name}`{star} | {default} | {description} |\n");
    }
    let readme = fs::read_to_string(root().join("README.md")).expect("a README");
    assert!(
        readme.contains(&(table.clone() + "\n")),
        "put this into the README:\n{table}"
    );
}

#[test]
fn the_header_lists_every_option() {
    let (before, _) = HEADER
        .split_once("*zx_client_new(const")
        .expect("its declaration");
    let comment = before.rsplit("/**").next().expect("its comment");
    let words: Vec<&str> = comment
        .split([' ', '\n'])
        .filter(|it| !["", "*"].contains(it))
        .collect();
    let words = words.join(" ");
    let mut listed = 0;
    for (name, option) in &options() {
        let (default, description) = (default(option), description(option));
        let star = match (is_per_call(option), is_call_alone(option)) {
            (_, true) => " (per call only)",
            (true, false) => " (also per call)",
            (false, false) => "",
        };
        let entry = format!("- {name}{star}: {description} Default: {default}.");
        assert!(
            words.contains(&entry),
            "put this into the comment of zx_client_new:\n{entry}"
        );
        listed += 1;
    }
    assert_eq!(comment.matches("\n * - ").count(), listed, "{comment}");
}

#[test]
fn the_schema_is_valid_and_has_what_a_form_needs() {
    let schema = schema();
    assert_eq!(
        schema["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
    jsonschema::draft202012::meta::validate(&schema).expect("a valid schema");
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(options().len(), 17);
    for (name, option) in options() {
        for text in ["title", "description", "type"] {
            assert!(
                option[text].as_str().is_some_and(|text| !text.is_empty()),
                "{name}: {text}"
            );
        }
        let one = jsonschema::draft202012::new(&option).expect("a schema");
        let examples = option["examples"].as_array().into_iter().flatten();
        for value in examples.chain(option.get("default")) {
            assert!(one.is_valid(value), "{name}: {value}");
        }
        let is_bounded = option.get("minimum").is_some() && option.get("maximum").is_some();
        let is_number = ["integer", "number"].contains(&option["type"].as_str().expect("a type"));
        assert_eq!(is_bounded, is_number, "{name}");
        let is_free_text = option["type"] == "string" && option.get("enum").is_none();
        assert_eq!(is_free_text, option.get("examples").is_some(), "{name}");
    }
}

/// Values at the edges of what a schema allows, and beyond.
fn values(option: &Value) -> Vec<Value> {
    let mut values = vec![
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(1),
        json!(-1),
        json!(0.5),
        json!(1.0),
        json!(1000.0),
        json!(-0.0),
        json!("1"),
        json!("none"),
        json!("STRICT"),
        json!([]),
        json!({}),
        json!(u64::MAX),
    ];
    values.extend(option.get("default").cloned());
    values.extend(option["enum"].as_array().into_iter().flatten().cloned());
    for edge in [&option["minimum"], &option["maximum"]] {
        if let Some(edge) = edge.as_i64() {
            values.extend([json!(edge - 1), json!(edge), json!(edge + 1)]);
        } else if let Some(edge) = edge.as_f64() {
            values.extend([json!(edge * 0.99), json!(edge), json!(edge * 1.01)]);
        }
    }
    values
}

#[test]
fn what_the_schema_says_is_what_is_taken() {
    let whole = jsonschema::draft202012::new(&schema()).expect("a schema");
    let (mut taken, mut refused) = (0, 0);
    for (name, option) in options() {
        // What a text says is judged by what it is used for.
        let is_free_text = option["type"] == "string" && option.get("enum").is_none();
        let values = values(&option).into_iter();
        for value in values.filter(|value| !(is_free_text && value.is_string())) {
            let given = json!({ &name: value });
            // A client has none that is a call's alone, whatever its value.
            let expected = whole.is_valid(&given) && !is_call_alone(&option);
            let result = Client::new(&given);
            assert_eq!(result.is_ok(), expected, "{given}");
            match result {
                Ok(_) => taken += 1,
                Err(refusal) => {
                    assert!(
                        refusal.message().starts_with(&format!("{name} must be ")),
                        "{refusal:?}"
                    );
                    refused += 1;
                }
            }
        }
    }
    assert!(
        taken > 30 && refused > 100,
        "{taken} taken, {refused} refused"
    );
}

#[test]
fn a_url_is_the_same_to_schema_and_parser() {
    let whole = jsonschema::draft202012::new(&schema()).expect("a schema");
    for (name, urls, is_taken) in [
        (
            "base_url",
            &[
                "https://a",
                "HTTPS://A.example:00443/",
                "https://[::1]:8443/a/b",
                "https://a_b.example./%7e/~!$&'()*+,;=:@",
            ][..],
            true,
        ),
        (
            "base_url",
            &[
                "",
                "https://",
                "https:///a",
                "ftp://a",
                "https://a:0",
                "https://a:b",
                "https://é",
                "https://a b",
                "https://u@a",
                "https://a?q",
                "https://a/?q",
                "https://a/#f",
                "https://a/%zz",
                "https://a/%2",
                "https://a/[x]",
                "https://a/\"",
                "https://a/<",
                "https://a/\\",
                "https://a/é",
                "https://a/ ",
            ],
            false,
        ),
        (
            "proxy",
            &[
                "",
                "proxy.example",
                "http://proxy.example:3128/",
                "Socks5h://u:p%40@[::1]",
                "u:p@proxy.example:1",
            ],
            true,
        ),
        (
            "proxy",
            &[
                "ftp://x",
                "https://a",
                "socks4://a",
                "http://a/x",
                "http://a:0",
                "http://u:p@",
                "http://u:p#@a",
                "http://u:%@a",
                "http://u@p@a",
                "http://é",
            ],
            false,
        ),
    ] {
        for url in urls {
            let given = json!({ name: url });
            assert_eq!(whole.is_valid(&given), is_taken, "{given}");
            assert_eq!(Client::new(&given).is_ok(), is_taken, "{given}");
        }
    }
}

#[test]
fn a_call_takes_the_options_that_the_schema_says() {
    let client =
        client(&json!({ "base_url": "http://127.0.0.1:1", "proxy": "", "max_retries": 0 }));
    client.shut_down();
    for (name, option) in options() {
        let example = option.get("default").or(option.get("minimum")).cloned();
        let value = example.unwrap_or_else(|| option["examples"][0].clone());
        let reply = client.send_with(&message("tag"), &json!({ &name: value }));
        if is_call_alone(&option) {
            // It needs a ledger.
            reply.assert_status("invalid_argument");
            assert!(reply.message().contains("option ledger"), "{reply:?}");
            let Err(refusal) = Client::new(&json!({ &name: value })) else {
                panic!("a client takes {name}");
            };
            let expected = format!("{name} is an option of a call");
            assert!(refusal.message().contains(&expected), "{refusal:?}");
        } else if is_per_call(&option) {
            reply.assert_status("not_sent");
        } else {
            reply.assert_status("invalid_argument");
            let expected = format!("{name} is an option of the client");
            assert!(reply.message().contains(&expected), "{reply:?}");
        }
    }
}

#[test]
fn a_misspelt_option_is_told_what_there_is() {
    let of_clients = options().into_iter().filter(|it| !is_call_alone(&it.1));
    let mut names: Vec<String> = of_clients.map(|(name, _)| name).collect();
    names.sort();
    let Err(refusal) = Client::new(&json!({ "time_out": 1 })) else {
        panic!("it is taken");
    };
    assert!(
        refusal.message().ends_with(&names.join(", ")),
        "{refusal:?}"
    );
}
