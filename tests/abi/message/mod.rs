//! Every rule of a message: a case that breaks just it, and a case exactly at its limit.

mod bounds;
mod fields;
mod header;
mod json;
mod keys;
mod texts;
mod warnings;

use serde_json::{Value, json};
use support::checked::{self, problems, report, valid};

const RECIPIENT: &str = "/recipient";
const HEADER: &str = "/interactive/header";
const BODY: &str = "/interactive/body/text";
const FOOTER: &str = "/interactive/footer/text";
const BUTTONS: &str = "/interactive/action/buttons";
const ID: &str = "/interactive/action/buttons/0/reply/id";
const TITLE: &str = "/interactive/action/buttons/0/reply/title";

/// The valid message with something else at `path`.
fn with(path: &str, value: Value) -> Value {
    let mut message = valid();
    let (parent, key) = path.rsplit_once('/').expect("a path below the root");
    match message.pointer_mut(parent).expect("a parent") {
        Value::Array(items) => items[key.parse::<usize>().expect("an index")] = value,
        parent => parent[key] = value,
    }
    message
}

fn without(path: &str) -> Value {
    let (parent, key) = path.rsplit_once('/').expect("a path below the root");
    let mut message = valid();
    let parent = message.pointer_mut(parent).and_then(Value::as_object_mut);
    parent
        .expect("an object")
        .remove(key)
        .expect("a member to leave out");
    message
}

/// A message that breaks no rule, and that nothing is to be said of.
#[track_caller]
fn assert_passes(message: &Value) {
    assert_eq!(findings(message), ([].into(), [].into()), "{message}");
}

/// A message that breaks no rule, but is hardly meant.
#[track_caller]
fn assert_passes_with_a_note(message: &Value) {
    let (problems, warnings) = findings(message);
    assert_eq!(problems, [], "{message}");
    assert_eq!(warnings.len(), 1, "{message}: {warnings:?}");
}

fn findings(message: &Value) -> (Vec<checked::Finding>, Vec<checked::Finding>) {
    let report = report(&message.to_string());
    let [problems, warnings] = ["problems", "warnings"].map(|key| checked::findings(&report, key));
    (problems, warnings)
}

/// One problem, at that path, with a message that holds these words.
#[track_caller]
fn assert_breaks(message: &Value, path: &str, words: &str) {
    assert_text_breaks(&message.to_string(), path, words);
}

#[track_caller]
fn assert_text_breaks(text: &str, path: &str, words: &str) {
    let problems = problems(text);
    let [problem] = problems.as_slice() else {
        panic!("one problem was expected: {problems:?}");
    };
    assert_eq!(problem.path, path, "{problem:?}");
    assert!(problem.message.contains(words), "{problem:?}");
}
