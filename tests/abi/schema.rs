//! The JSON Schema says what the check says, as a validator that knows nothing of it reads it: all
//! of it, but for what the schema's own description calls beyond it.

use std::cell::Cell;

use jsonschema::Validator;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use support::checked::{Finding, problems, schema, valid};

fn validator() -> Validator {
    jsonschema::draft202012::new(&schema()).expect("a schema that compiles")
}

/// The rules that the schema's description lists as beyond it.
fn is_beyond_a_schema(problem: &Finding) -> bool {
    [
        "is given twice",
        "must be spelt",
        "each must be different",
        "nested deeper",
    ]
    .iter()
    .any(|words| problem.message.contains(words))
}

#[test]
fn the_schema_is_valid_and_says_which_draft_it_is() {
    let schema = schema();
    assert_eq!(
        schema["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
    jsonschema::draft202012::meta::validate(&schema).expect("a valid schema");
}

#[test]
fn the_schema_has_what_a_form_needs() {
    fn assert_described(schema: &Value, path: &str) {
        assert!(schema["title"].is_string(), "no title at {path}");
        let properties = schema["properties"].as_object();
        for (name, property) in properties.into_iter().flatten() {
            assert_described(property, &format!("{path}/{name}"));
            let is_told = property["description"].is_string() || property.get("const").is_some();
            assert!(is_told, "no description at {path}/{name}");
            let is_text = [json!("string"), json!(["string", "null"])].contains(&property["type"]);
            let is_free_text = is_text && property.get("const").is_none();
            assert_eq!(
                is_free_text,
                property.get("examples").is_some(),
                "{path}/{name}"
            );
        }
        for kind in schema["oneOf"].as_array().into_iter().flatten() {
            if kind["required"] == json!(["link"]) || kind["required"] == json!(["id"]) {
                assert!(kind["title"].is_string(), "no title at {path}");
            } else {
                assert_described(kind, path);
            }
        }
        if let Some(items) = schema.get("items") {
            assert_described(items, &format!("{path}/items"));
        }
    }
    let schema = schema();
    assert_described(&schema, "");

    let title = "/properties/interactive/properties/action/properties/buttons/items/properties/reply/properties/title";
    assert_eq!(schema.pointer(title).expect("a title")["maxLength"], 20);
    let kinds = schema.pointer("/properties/interactive/properties/header/oneOf");
    let kinds: Vec<_> = kinds
        .and_then(Value::as_array)
        .expect("kinds of header")
        .iter()
        .map(|kind| {
            kind.pointer("/properties/type/const")
                .unwrap_or(&kind["type"])
        })
        .collect();
    assert_eq!(kinds, ["text", "image", "video", "document", "null"]);
}

/// Every example of a text passes where it stands.
#[test]
fn the_examples_pass() {
    fn assert_examples(schema: &Value, seen: &mut usize) {
        for example in schema["examples"].as_array().into_iter().flatten() {
            let validator = jsonschema::draft202012::new(schema).expect("a schema");
            assert!(validator.is_valid(example), "{example} against {schema}");
            *seen += 1;
        }
        match schema {
            Value::Object(members) => members
                .values()
                .for_each(|inner| assert_examples(inner, seen)),
            Value::Array(items) => items.iter().for_each(|inner| assert_examples(inner, seen)),
            _ => {}
        }
    }
    let mut seen = 0;
    assert_examples(&schema(), &mut seen);
    assert!(seen > 8, "{seen}");
}

#[test]
fn the_description_lists_what_is_beyond_the_schema() {
    let schema = schema();
    let description = schema["description"].as_str().expect("a description");
    for words in [
        "give a key twice",
        "IDs of the buttons",
        "titles",
        "deeper than 32 levels",
        "upper and lower case",
        "host and port",
    ] {
        assert!(description.contains(words), "{description}");
    }
}

/// White space is the same to schema and check at the ends of an ID; and what passes as a URL fits.
#[test]
fn white_space_is_the_same_to_schema_and_check() {
    let validator = validator();
    let mut refused = [0; 2];
    let near_space = |code: &u32| matches!(code, 0x1..0x300 | 0x1600..0x1900 | 0x2000..0x2100 | 0x3000..0x3010 | 0xfe00..0x1_0010);
    for character in (0..0x2_0000).filter(near_space).filter_map(char::from_u32) {
        let mut messages = Vec::new();
        for id in [
            format!("{character}a"),
            format!("a{character}"),
            format!("a{character}a"),
        ] {
            let mut message = valid();
            message["interactive"]["action"]["buttons"][0]["reply"]["id"] = json!(id);
            messages.push(message);
        }
        for url in [
            format!("http://a{character}"),
            format!("http://a/{character}"),
            format!("http://{character}@a"),
        ] {
            let mut message = valid();
            message["post_back_url"] = json!(url);
            messages.push(message);
        }
        for (index, message) in messages.iter().enumerate() {
            let passes = problems(&message.to_string()).is_empty();
            let fits = validator.is_valid(message);
            let is_url = index >= 3;
            assert!(fits == passes || is_url && fits, "{message}");
            refused[index / 3] += usize::from(!passes);
        }
    }
    let [ids, urls] = refused;
    assert_eq!(ids, 2, "a space in front, and one behind");
    assert!(urls > 3 * 25, "{urls}: at least what is White_Space");
}

/// Each URL that the check is sure of, in pieces put together anew.
fn url() -> impl Strategy<Value = String> {
    let host = prop_oneof![
        "[a-zA-Z0-9_é-]{0,4}([.][a-z0-9]{0,3}){0,3}",
        "([0-9]{1,3}[.]){3}[0-9]{1,3}[.]?",
        "(0|25[0-9]|[01]?[0-9]{1,2})([.]2[0-9]{2}){3}",
        "[a-z]{1,4}([.][a-z]{1,3}){0,2}",
        select(vec!["[::1]", "[1:2]:", "[", "[]", "[::1", "a[::1]"]).prop_map(str::to_owned),
        "[!-~]{0,4}",
    ];
    let port =
        prop_oneof![3 => Just(String::new()), 1 => ":[0-9]{0,6}", 1 => ":(65[0-9]{3}|[+-]1|0+)"];
    let user = prop_oneof![4 => Just(String::new()), 1 => "[a-z:%]{0,4}@", 1 => "[!-~]{0,4}@"];
    let rest =
        prop_oneof![2 => Just(String::new()), 2 => "[/?#][!-~é]{0,6}", 1 => "[!-~ \u{a0}]{0,3}"];
    (user, host, port, rest)
        .prop_map(|(user, host, port, rest)| format!("https://{user}{host}{port}{rest}"))
}

#[test]
fn a_url_that_passes_fits_the_schema() {
    const CASES: u32 = 8000;
    let pattern = schema()["properties"]["post_back_url"].clone();
    let validator = jsonschema::draft202012::new(&pattern).expect("a schema that compiles");
    for no_url in [
        "",
        "example.com",
        "//example.com",
        "ftp://example.com",
        "https:/example.com",
        "https://",
        "https:///a",
        "https://?a",
        "https://#a",
        " https://a",
        "https://a b",
        "https://a\n",
    ] {
        assert!(!validator.is_valid(&json!(no_url)), "{no_url:?}");
    }
    let [accepted, refused] = [const { Cell::new(0) }; 2];
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new(config)
        .run(&url(), |url| {
            let mut message = valid();
            message["post_back_url"] = json!(url);
            let passes = problems(&message.to_string()).is_empty();
            let fits = validator.is_valid(&json!(url));
            prop_assert!(fits || !passes, "{url} passes, and does not fit");
            let outcome = if passes { &accepted } else { &refused };
            outcome.set(outcome.get() + 1);
            Ok(())
        })
        .expect("whatever passes fits");
    let outcomes = [accepted.get(), refused.get()];
    assert!(
        outcomes.iter().all(|count| *count > CASES / 10),
        "{outcomes:?}"
    );
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,25}",
        "[ \\t\\n\u{85}\u{a0}\u{feff}]{0,2}[aç€😀\u{301}]{0,3}[ \\n\u{2003}]{0,2}",
        "[0-9+ -]{0,6}",
        "[0-9]{5,17}",
        select(vec![
            19, 20, 21, 59, 60, 61, 255, 256, 257, 1023, 1024, 1025
        ])
        .prop_flat_map(|length| select(vec!["a", "ç", "😀"]).prop_map(move |c| c.repeat(length))),
        "(http|https|HTTP|ftp|)(://|:/|)[a-z:/?#@ \u{7f}ü]{0,5}",
        select(vec![
            "text", "image", "video", "document", "audio", "button", "reply"
        ])
        .prop_map(str::to_owned),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        6 => text().prop_map(Value::from),
        1 => Just(json!(null)),
        1 => any::<bool>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => Just(json!({})),
        1 => Just(json!([])),
        1 => header().boxed(),
        1 => media().boxed(),
    ]
}

fn media() -> impl Strategy<Value = Value> {
    let member = |name: &'static str, good: &'static str| {
        prop_oneof![
            4 => Just(json!({})),
            3 => Just(json!({ name: good })),
            1 => text().prop_map(move |text| json!({ name: text })),
            1 => Just(json!({ name: null })),
        ]
    };
    (
        member("link", "https://example.com/a.jpg"),
        member("id", "42"),
        member("filename", "a.pdf"),
    )
        .prop_map(|(mut link, id, filename)| {
            let members = link.as_object_mut().expect("an object");
            for more in [id, filename] {
                members.extend(more.as_object().expect("an object").clone());
            }
            link
        })
}

fn header() -> impl Strategy<Value = Value> {
    let kinds = vec!["text", "image", "video", "document"];
    (
        select(kinds.clone()),
        select(kinds),
        any::<bool>(),
        "[a-z]{1,3}",
        media(),
    )
        .prop_map(|(kind, other, swapped, text, media)| {
            let member = if swapped { other } else { kind };
            let content = if member == "text" { json!(text) } else { media };
            json!({ "type": kind, member: content })
        })
}

/// A message that passes, but for a header that may not.
fn message() -> impl Strategy<Value = Value> {
    let buttons = prop::collection::vec(("[a-c]{1,2}", "[A-C]{1,2}"), 1..=3);
    let header = prop::option::of(header());
    (
        header,
        "\\PC{1,30}",
        prop::option::of("\\PC{1,30}"),
        buttons,
        any::<bool>(),
    )
        .prop_map(|(header, body, footer, buttons, post_back)| {
            let mut message = valid();
            let interactive = &mut message["interactive"];
            match header {
                Some(header) => interactive["header"] = header,
                None => drop(
                    interactive
                        .as_object_mut()
                        .expect("an object")
                        .remove("header"),
                ),
            }
            interactive["body"]["text"] = json!(body);
            if let Some(footer) = footer {
                interactive["footer"]["text"] = json!(footer);
            }
            interactive["action"]["buttons"] = buttons
                .into_iter()
                .map(
                    |(id, title)| json!({ "type": "reply", "reply": { "id": id, "title": title } }),
                )
                .collect();
            if !post_back {
                message
                    .as_object_mut()
                    .expect("an object")
                    .remove("post_back_url");
            }
            message
        })
}

/// One change to one place of a message.
#[derive(Clone, Debug)]
enum Change {
    Replace(Value),
    Remove,
    /// Adds a member to an object or an item to an array.
    Add(&'static str, Value),
    /// Repeats what stands there: in an array of buttons, one too many or one twice.
    Repeat,
}

fn change() -> impl Strategy<Value = Change> {
    let name = select(vec![
        "new", "type", "text", "id", "link", "image", "footer", "header", "title", "filename",
    ]);
    prop_oneof![
        5 => value().prop_map(Change::Replace),
        2 => Just(Change::Remove),
        2 => (name, value()).prop_map(|(name, value)| Change::Add(name, value)),
        1 => Just(Change::Repeat),
    ]
}

fn paths(value: &Value, path: String, all: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                let key = key.replace('~', "~0").replace('/', "~1");
                paths(member, format!("{path}/{key}"), all);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                paths(item, format!("{path}/{index}"), all);
            }
        }
        _ => {}
    }
    all.push(path);
}

fn apply(message: &mut Value, place: Index, change: Change) {
    let mut all = Vec::new();
    paths(message, String::new(), &mut all);
    let path = place.get(&all);
    match change {
        Change::Replace(value) => *message.pointer_mut(path).expect("a value") = value,
        Change::Add(name, value) => match message.pointer_mut(path).expect("a value") {
            Value::Object(members) => drop(members.insert(name.to_owned(), value)),
            Value::Array(items) => items.push(value),
            _ => {}
        },
        Change::Remove | Change::Repeat => {
            let Some((parent, key)) = path.rsplit_once('/') else {
                return;
            };
            match (message.pointer_mut(parent).expect("a parent"), change) {
                (Value::Object(members), Change::Remove) => drop(members.remove(key)),
                (Value::Array(items), Change::Remove) => {
                    drop(items.remove(key.parse().expect("an index")))
                }
                (Value::Array(items), _) => {
                    items.push(items[key.parse::<usize>().expect("an index")].clone())
                }
                _ => {}
            }
        }
    }
}

#[test]
fn a_validator_accepts_what_the_check_accepts() {
    const CASES: u32 = 4000;
    let validator = validator();
    let [accepted, refused, beyond] = [const { Cell::new(0) }; 3];
    let changes = prop::collection::vec((any::<Index>(), change()), 0..3);
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new(config)
        .run(&(message(), changes), |(mut message, changes)| {
            for (place, change) in changes {
                apply(&mut message, place, change);
            }
            let problems = problems(&message.to_string());
            // Of what a URL is, the schema says a part.
            let is_url = |problem: &Finding| problem.message.contains("http or https URL");
            let is_sayable = |it: &&Finding| !is_beyond_a_schema(it) && !is_url(it);
            let sayable: Vec<_> = problems.iter().filter(is_sayable).collect();
            let fits = validator.is_valid(&message);
            prop_assert!(
                fits == sayable.is_empty() || !fits && problems.iter().any(is_url),
                "{}\n{:?}\n{:?}",
                &message,
                sayable,
                validator.validate(&message)
            );
            let outcome = match (problems.is_empty(), sayable.is_empty()) {
                (true, _) => &accepted,
                (false, true) => &beyond,
                (false, false) => &refused,
            };
            outcome.set(outcome.get() + 1);
            Ok(())
        })
        .expect("schema and check agree");
    let outcomes = [accepted.get(), refused.get(), beyond.get()];
    assert!(accepted.get() > CASES / 10, "{outcomes:?}");
    assert!(refused.get() > CASES / 10, "{outcomes:?}");
    assert!(beyond.get() > CASES / 200, "{outcomes:?}");
}
