//! Reads a message once, by the table of rules, and gathers every problem on the way.

use std::borrow::Cow;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashSet};
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::findings::Findings;
use super::path::Path;
use super::rule::{Field, Limit, Presence, Rule, TextRule, Type};
use super::rules::{ANY_OBJECT, ANYTHING, MESSAGE, OUTERMOST};
use super::warnings::Warnings;
use super::{MAX_DEPTH, Validation};
use crate::json_pointer::{self, Key};

/// Everything that is wrong with a message; nothing, if nothing is.
pub(crate) fn check(text: &str, validation: Validation) -> Findings {
    let message = match validation {
        Validation::Strict => &MESSAGE,
        Validation::Basic => &OUTERMOST,
    };
    run(text, message, None).0
}

/// Everything that is wrong with a message, and what is allowed in it but hardly meant.
pub(crate) fn check_with_notes(text: &str) -> (Findings, Findings) {
    let (problems, notes) = run(text, &MESSAGE, Some(Warnings::default()));
    (problems, notes.unwrap_or_default().findings)
}

fn run(
    text: &str,
    message: &'static Field,
    notes: Option<Warnings>,
) -> (Findings, Option<Warnings>) {
    let mut check = Check::new(notes);
    match check.read(text, message) {
        Ok(()) => (check.problems, check.notes),
        // Some of it was read apart from the rest: where the fault is, one reading of all tells.
        Err(error) => {
            let error = Check::new(None)
                .read(text, &ANYTHING)
                .err()
                .unwrap_or(error);
            (Findings::of_all(describe(text, &error)), None)
        }
    }
}

struct Check<'de> {
    problems: Findings,
    notes: Option<Warnings>,
    /// The texts that have to differ, by the name of their field; and the index of their item.
    distinct: BTreeMap<(&'static str, Cow<'de, str>), usize>,
}

/// A value to be read by a field's rule, which gives its type.
struct Value<'c, 'de> {
    check: &'c mut Check<'de>,
    field: &'static Field,
    path: &'c Path<'c>,
}

/// No object of the table has more.
const MOST_FIELDS: usize = 5;

/// How an object gives a field that the rules know.
#[derive(Clone, Copy, Default)]
struct Given {
    times: usize,
    is_null: bool,
}

/// An object's keys that the rules do not know: all, and those that were given twice.
type UnknownKeys<'de> = [HashSet<Cow<'de, str>>; 2];

impl<'de> Check<'de> {
    fn new(notes: Option<Warnings>) -> Self {
        Self {
            problems: Findings::default(),
            notes,
            distinct: BTreeMap::new(),
        }
    }

    fn read(&mut self, text: &'de str, message: &'static Field) -> serde_json::Result<()> {
        let mut json = serde_json::Deserializer::from_str(text);
        self.value(message, &Path::Root).deserialize(&mut json)?;
        json.end()
    }

    fn value<'c>(&'c mut self, field: &'static Field, path: &'c Path<'c>) -> Value<'c, 'de> {
        Value {
            check: self,
            field,
            path,
        }
    }

    fn members<A: MapAccess<'de>>(
        &mut self,
        mut object: A,
        fields: &'static [Field],
        path: &Path,
    ) -> Result<(), A::Error> {
        let mut given = [Given::default(); MOST_FIELDS];
        let mut unknown: Option<Box<UnknownKeys>> = None;

        while let Some(Key(key)) = object.next_key()? {
            let path = &Path::Key(path, &key);
            if let Some((field, given)) = fields.iter().zip(&mut given).find(|it| it.0.name == key)
            {
                given.times += 1;
                if given.times == 2 {
                    self.problems.add_at(path, "is given twice");
                }
                let found = object.next_value_seed(self.value(field, path))?;
                given.is_null = found == Type::Null;
            } else {
                let [all, twice] = &mut **unknown.get_or_insert_default();
                if all.insert(key.clone()) {
                    self.note(|notes| notes.unknown_key(&key, fields, path));
                } else if twice.insert(key.clone()) {
                    self.problems.add_at(path, "is given twice");
                }
                object.next_value_seed(self.value(&ANYTHING, path))?;
            }
        }

        let mut choices = 0;
        let mut chosen = 0;
        for (field, given) in fields.iter().zip(given) {
            if field.presence == Presence::Required && given.times == 0 {
                let path = Path::Key(path, field.name);
                self.problems.add_at(&path, "is missing");
            } else if field.presence == Presence::Either {
                choices += 1;
                chosen += usize::from(given.times > 0 && !given.is_null);
            }
        }
        if choices > 0 && chosen != 1 {
            let is_choice = |field: &&Field| field.presence == Presence::Either;
            let names = names(fields.iter().filter(is_choice));
            let complaint = format_args!("must hold exactly one of {names}");
            self.problems.add_at(path, complaint);
        }
        Ok(())
    }

    fn items<A: SeqAccess<'de>>(
        &mut self,
        mut array: A,
        item: &'static Field,
        path: &Path,
    ) -> Result<usize, A::Error> {
        let mut count = 0;
        loop {
            let path = &Path::Index(path, count);
            if array.next_element_seed(self.value(item, path))?.is_none() {
                return Ok(count);
            }
            count += 1;
        }
    }

    /// Which of the kinds an object's `type` names, wherever in it that stands.
    fn kind(
        &mut self,
        object: &'de RawValue,
        kinds: &'static [Field],
        path: &Path,
    ) -> &'static Field {
        let path = &Path::Key(path, "type");
        let Some(name) = json_pointer::find(object, "/type") else {
            self.problems.add_at(path, "is missing");
            return &ANY_OBJECT;
        };
        let name = serde_json::from_str(name.get()).map(|Key(name)| name).ok();
        let kind = kinds.iter().find(|kind| name.as_deref() == Some(kind.name));
        kind.unwrap_or_else(|| {
            let complaint = format!("must be one of {}", names(kinds));
            self.problems.add_at(path, complaint);
            &ANY_OBJECT
        })
    }

    fn text(&mut self, text: Cow<'de, str>, rule: &TextRule, name: &'static str, path: &Path) {
        let problems_before = self.problems.count();
        if !rule.length.holds_for(&text) {
            let complaint = rule.length.complaint(text.chars().count(), "character");
            self.problems.add_at(path, complaint);
        }
        if let Some(complaint) = rule.format.and_then(|format| (format.complaint)(&text)) {
            self.problems.add_at(path, complaint);
        }
        if rule.is_distinct {
            match self.distinct.entry((name, text.clone())) {
                Entry::Vacant(entry) => drop(entry.insert(path.index())),
                // That it is given twice in one item is told already.
                Entry::Occupied(earlier) if *earlier.get() == path.index() => {}
                Entry::Occupied(earlier) => {
                    let index = earlier.get();
                    let complaint =
                        format!("is the same as at index {index}; each must be different");
                    self.problems.add_at(path, complaint);
                }
            }
        }
        if self.problems.count() == problems_before {
            self.note(|notes| notes.text(&text, rule, name, path));
        }
    }

    fn note(&mut self, note: impl FnOnce(&mut Warnings)) {
        if let Some(notes) = &mut self.notes {
            note(notes);
        }
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_, 'de> {
    type Value = Type;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Type, D::Error> {
        let Rule::ByType(kinds) = self.field.rule else {
            return json.deserialize_any(self);
        };
        let value = <&RawValue>::deserialize(json)?;
        let field = if value.get().starts_with('{') {
            self.check.kind(value, kinds, self.path)
        } else {
            self.field
        };
        let mut json = serde_json::Deserializer::from_str(value.get());
        json.deserialize_any(Value { field, ..self })
            .map_err(Error::custom)
    }
}

impl<'de> Visitor<'de> for Value<'_, 'de> {
    type Value = Type;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Type, E> {
        Ok(self.is(Type::Null))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Type, E> {
        Ok(self.is(Type::Boolean))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Type, E> {
        Ok(self.is(Type::Number))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Type, E> {
        Ok(self.is(Type::Number))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Type, E> {
        Ok(self.is(Type::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Type, E> {
        Ok(self.string(Cow::Owned(text.to_owned())))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Type, E> {
        Ok(self.string(Cow::Borrowed(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, array: A) -> Result<Type, A::Error> {
        self.go_in()?;
        if let Rule::Array(length, item) = &self.field.rule {
            let count = self.check.items(array, item, self.path)?;
            if !length.holds(count) {
                let complaint = length.complaint(count, "item");
                self.check.problems.add_at(self.path, complaint);
            }
        } else {
            self.check_type(Type::Array);
            self.check.items(array, &ANYTHING, self.path)?;
        }
        Ok(Type::Array)
    }

    fn visit_map<A: MapAccess<'de>>(mut self, object: A) -> Result<Type, A::Error> {
        self.go_in()?;
        if let Rule::Object(fields) = self.field.rule {
            self.check.members(object, fields, self.path)?;
        } else {
            self.check_type(Type::Object);
            self.check.members(object, &[], self.path)?;
        }
        Ok(Type::Object)
    }
}

impl<'de> Value<'_, 'de> {
    fn is(mut self, found: Type) -> Type {
        self.check_type(found);
        found
    }

    fn check_type(&mut self, found: Type) {
        let Some(wanted) = self.field.rule.json_type() else {
            return;
        };
        let is_none = found == Type::Null && self.field.presence != Presence::Required;
        if found != wanted && !is_none {
            let complaint = format_args!("is {found}; it must be {wanted}");
            self.check.problems.add_at(self.path, complaint);
        }
    }

    fn string(mut self, text: Cow<'de, str>) -> Type {
        match &self.field.rule {
            Rule::Constant(constant) if text == *constant => {}
            Rule::Constant(constant) => {
                let complaint = format_args!("must be \"{constant}\"");
                self.check.problems.add_at(self.path, complaint);
            }
            Rule::Text(rule) => self.check.text(text, rule, self.field.name, self.path),
            _ => self.check_type(Type::String),
        }
        Type::String
    }

    /// Stops before what is nested too deep needs stack.
    fn go_in<E: Error>(&self) -> Result<(), E> {
        if self.path.depth() < MAX_DEPTH {
            Ok(())
        } else {
            Err(E::custom(format_args!(
                "it is nested deeper than {MAX_DEPTH} levels"
            )))
        }
    }
}

impl Limit {
    fn holds(&self, count: usize) -> bool {
        (self.at_least..=self.at_most).contains(&count)
    }

    fn holds_for(&self, text: &str) -> bool {
        // No character has less than a byte: mostly that is all there is to know.
        let is_short = text.len() <= self.at_most && self.at_least <= text.len().min(1);
        is_short || self.holds(text.chars().count())
    }

    fn complaint(&self, count: usize, unit: &str) -> String {
        let plural = if count == 1 { "" } else { "s" };
        let limit = if count < self.at_least {
            format!("at least {} must be there", self.at_least)
        } else {
            format!("at most {} are allowed", self.at_most)
        };
        format!("has {count} {unit}{plural}; {limit}")
    }
}

/// The fields' names as a person lists them.
fn names<'f>(fields: impl IntoIterator<Item = &'f Field>) -> String {
    let names = fields
        .into_iter()
        .map(|field| format!("\"{}\"", field.name));
    names.collect::<Vec<_>>().join(", ")
}

/// Says why the text cannot be read, and where; none of the reasons repeats what stands there.
fn describe(text: &str, error: &serde_json::Error) -> String {
    let (line, bytes) = (error.line(), error.column());
    let reason = error.to_string();
    let reason = reason
        .strip_suffix(&format!(" at line {line} column {bytes}"))
        .unwrap_or(&reason);
    // A person counts characters.
    let start = text
        .split('\n')
        .nth(line.saturating_sub(1))
        .unwrap_or_default();
    let start = start
        .get(..start.ceil_char_boundary(bytes))
        .unwrap_or_default();
    let column = start.chars().count().max(1);
    format!("cannot be read at line {line}, column {column}: {reason}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &str) -> Vec<String> {
        let problems = check(text, Validation::Basic);
        let told = problems.shown().iter();
        told.map(|problem| problem.path.clone()).collect()
    }

    #[test]
    fn basic_knows_no_rule_of_what_is_inside_a_field() {
        let text = r#"{"recipient":"+1","phone_id":"","interactive":{"type":7,"header":null}}"#;
        assert_eq!(paths(text), [""; 0]);
        assert!(check(text, Validation::Strict).count() > 3);
    }

    #[test]
    fn basic_wants_the_outermost_fields_by_presence_and_type() {
        assert_eq!(paths("{}"), ["/recipient", "/phone_id", "/interactive"]);
        let text = r#"{"recipient":1,"phone_id":null,"interactive":[],"post_back_url":7,"post_back_data":{}}"#;
        let wrong = [
            "/recipient",
            "/phone_id",
            "/interactive",
            "/post_back_url",
            "/post_back_data",
        ];
        assert_eq!(paths(text), wrong);
        let text = r#"{"recipient":"","phone_id":"","interactive":{},"post_back_url":null,"post_back_data":null}"#;
        assert_eq!(paths(text), [""; 0]);
        assert_eq!(paths("[]"), [""]);
        assert_eq!(paths("{"), [""]);
    }

    #[test]
    fn basic_wants_the_fields_that_strict_wants() {
        fn outermost(message: &Field) -> Vec<(&str, bool)> {
            let Rule::Object(fields) = &message.rule else {
                panic!("a message is an object");
            };
            let is_required = |field: &Field| field.presence == Presence::Required;
            let fields = fields.iter();
            fields
                .map(|field| (field.name, is_required(field)))
                .collect()
        }
        assert_eq!(outermost(&OUTERMOST), outermost(&MESSAGE));
    }

    #[test]
    fn no_object_has_more_fields_than_are_counted() {
        fn assert_few(field: &Field) {
            let inner = match &field.rule {
                Rule::Object(fields) | Rule::ByType(fields) => fields,
                Rule::Array(_, item) => std::slice::from_ref(*item),
                Rule::Constant(_) | Rule::Text(_) | Rule::Anything => &[],
            };
            assert!(inner.len() <= MOST_FIELDS, "{}", field.name);
            inner.iter().for_each(assert_few);
        }
        [&MESSAGE, &OUTERMOST].into_iter().for_each(assert_few);
    }

    #[test]
    fn basic_finds_a_key_given_twice_wherever_it_stands() {
        let text =
            r#"{"recipient":"","phone_id":"","interactive":{"a":[{"b":1,"b":1}]},"phone_id":""}"#;
        assert_eq!(paths(text), ["/interactive/a/0/b", "/phone_id"]);
    }
}
