//! Reads a message once, by the table of rules, and gathers every problem on the way.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::mem;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::Validation;
use super::rule::{Field, Length, Presence, Rule};
use super::rules::{ANYTHING, MESSAGE, OUTERMOST};
use super::texts::TextKind;
use super::warnings::{self, UnknownKey};
use crate::findings::{Findings, Path};
use crate::json::{MAX_DEPTH, Type};

/// Everything that is wrong with a message; nothing, if nothing is.
pub(crate) fn check(text: &str, validation: Validation) -> Findings {
    let message = match validation {
        Validation::Strict => &MESSAGE,
        Validation::Basic => &OUTERMOST,
    };
    run(text, message, false).problems
}

/// The same, and what is valid in a message, but probably not intended.
pub(crate) fn check_with_warnings(text: &str) -> Found {
    run(text, &MESSAGE, true)
}

fn run(text: &str, message: &'static Field, wants_warnings: bool) -> Found {
    let mut check = Check {
        wants_warnings,
        // Those of three buttons.
        distinct: Vec::with_capacity(6),
        ..Check::default()
    };
    let mut json = serde_json::Deserializer::from_str(text);
    let read = check.value(message, &Path::Root).deserialize(&mut json);
    match read.and_then(|_| json.end()) {
        Ok(()) => {
            check.found.problems.append(check.wrong_keys);
            check.found
        }
        Err(error) => Found {
            problems: Findings::of_all(describe(text, &error)),
            ..Found::default()
        },
    }
}

#[derive(Default)]
pub(crate) struct Found {
    pub(crate) problems: Findings,
    pub(crate) warnings: Findings,
}

#[derive(Default)]
struct Check<'de> {
    depth: usize,
    found: Found,
    /// Keys that are wrong wherever they stand.
    wrong_keys: Findings,
    /// The texts that have to differ, each with the name of its field, and the index of the first item
    /// that has it.
    distinct: Vec<(Cow<'de, str>, &'static str, usize)>,
    wants_warnings: bool,
    /// The same of titles, without what a reader may not see.
    alike: BTreeMap<String, usize>,
}

/// Where there are so many texts, which is too many anyway, no more are compared.
const MAX_COMPARED: usize = 200;

/// A value to be read by a field's rule.
struct Value<'c, 'de> {
    check: &'c mut Check<'de>,
    field: &'static Field,
    path: &'c Path<'c>,
}

/// What the object around a value has to know of it.
enum Seen {
    Null,
    /// What a [`Rule::OneOf`] allows.
    Name(&'static str),
    Other,
}

/// No object of the table has more.
const MOST_FIELDS: usize = 5;

/// A key, which is copied only where something in it is escaped.
#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

/// How an object gives a field that the rules know.
#[derive(Clone, Copy, Default)]
struct Given {
    times: usize,
    is_null: bool,
}

/// An object's keys that the rules do not know, and how many times it gives each.
type UnknownKeys<'de> = BTreeMap<Cow<'de, str>, usize>;

impl<'de> Check<'de> {
    fn value<'c>(&'c mut self, field: &'static Field, path: &'c Path<'c>) -> Value<'c, 'de> {
        Value {
            check: self,
            field,
            path,
        }
    }

    /// Stops before what is nested too deep needs stack.
    fn go_in<E: Error>(&mut self) -> Result<(), E> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let reason = format_args!("it is nested deeper than {MAX_DEPTH} levels");
            return Err(E::custom(reason));
        }
        Ok(())
    }

    fn members<A: MapAccess<'de>>(
        &mut self,
        mut object: A,
        fields: &'static [Field],
        path: &Path,
    ) -> Result<(), A::Error> {
        let mut given = [Given::default(); MOST_FIELDS];
        let mut unknown: Option<UnknownKeys> = None;
        // The object's type, and what was found in the fields of which it chooses one.
        let mut chosen = None;
        let mut found_apart = Vec::new();

        while let Some(Key(key)) = object.next_key()? {
            let path = &Path::Key(path, &key);
            let mut known = fields.iter().zip(&mut given);
            let Some((field, given)) = known.find(|it| it.0.name == key) else {
                let times = unknown.get_or_insert_default().entry(key.clone());
                self.unknown_key(&key, times.or_default(), fields, path);
                object.next_value_seed(self.value(&ANYTHING, path))?;
                continue;
            };
            given.times += 1;
            if given.times == 2 {
                self.wrong_keys.add(path, "is given twice");
            }
            let seen = if field.presence == Presence::OfType {
                let found_before = mem::take(&mut self.found);
                let seen = object.next_value_seed(self.value(field, path))?;
                let found = mem::replace(&mut self.found, found_before);
                let is_empty = found.problems.is_empty() && found.warnings.is_empty();
                if given.times == 1 && !is_empty {
                    found_apart.push((field.name, found));
                }
                seen
            } else {
                object.next_value_seed(self.value(field, path))?
            };
            match seen {
                Seen::Null => given.is_null = true,
                Seen::Name(name) => chosen = Some(name),
                Seen::Other => {}
            }
        }

        for (name, found) in found_apart {
            if chosen == Some(name) {
                self.found.problems.append(found.problems);
                self.found.warnings.append(found.warnings);
            }
        }
        self.presence(fields, &given, chosen, path);
        Ok(())
    }

    fn unknown_key(&mut self, key: &str, times: &mut usize, fields: &[Field], path: &Path) {
        *times += 1;
        let meant = fields.iter().find(|field| is_but_for_case(key, field.name));
        match (*times, meant) {
            (1, Some(field)) => {
                let complaint = format_args!(
                    "must be spelt \"{}\": some parsers take it for that, and others do not",
                    field.name
                );
                self.wrong_keys.add(path, complaint);
            }
            // Where no key is known, none is wrong.
            (1, None) if self.wants_warnings && !fields.is_empty() => {
                self.found.warnings.add(path, UnknownKey(key, fields));
            }
            (2, _) => self.wrong_keys.add(path, "is given twice"),
            _ => {}
        }
    }

    /// Judges which of its fields an object has.
    fn presence(&mut self, fields: &[Field], given: &[Given], chosen: Option<&str>, path: &Path) {
        let mut has_choices = false;
        for (field, given) in fields.iter().zip(given) {
            let is_used = match field.presence {
                Presence::Required => true,
                Presence::OfType => chosen == Some(field.name),
                Presence::Optional => continue,
                Presence::Either => {
                    has_choices = true;
                    continue;
                }
            };
            let is_given = given.times > 0;
            if is_used && !is_given {
                let path = &Path::Key(path, field.name);
                self.found.problems.add(path, "is missing");
            } else if !is_used && is_given && chosen.is_some() && self.wants_warnings {
                let path = &Path::Key(path, field.name);
                self.found.warnings.add(path, UnknownKey(field.name, &[]));
            }
        }
        let fields = fields.iter().zip(given);
        let choices = fields.filter(|(field, _)| field.presence == Presence::Either);
        let is_made = |(_, given): &(_, &Given)| given.times > 0 && !given.is_null;
        if has_choices && choices.clone().filter(is_made).count() != 1 {
            let names = quoted(choices.map(|(field, _)| &field.name));
            let complaint = format_args!("must hold exactly one of {names}");
            self.found.problems.add(path, complaint);
        }
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_, 'de> {
    type Value = Seen;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Seen, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_, 'de> {
    type Value = Seen;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(mut self) -> Result<Seen, E> {
        Ok(self.of_type(Type::Null))
    }

    fn visit_bool<E>(mut self, _: bool) -> Result<Seen, E> {
        Ok(self.of_type(Type::Boolean))
    }

    fn visit_i64<E>(mut self, _: i64) -> Result<Seen, E> {
        Ok(self.of_type(Type::Number))
    }

    fn visit_u64<E>(mut self, _: u64) -> Result<Seen, E> {
        Ok(self.of_type(Type::Number))
    }

    fn visit_f64<E>(mut self, _: f64) -> Result<Seen, E> {
        Ok(self.of_type(Type::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Seen, E> {
        Ok(self.string(Cow::Owned(text.to_owned())))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Seen, E> {
        Ok(self.string(Cow::Borrowed(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut array: A) -> Result<Seen, A::Error> {
        self.of_type(Type::Array);
        self.check.go_in()?;
        let item = match self.field.rule {
            Rule::Array(_, item) => item,
            _ => &ANYTHING,
        };
        let mut count = 0;
        while array
            .next_element_seed(self.check.value(item, &Path::Index(self.path, count)))?
            .is_some()
        {
            count += 1;
        }
        if let Rule::Array(length, _) = &self.field.rule
            && !length.contains(&count)
        {
            let has = format_args!("has {count} items");
            self.complain(wrong_length(length, count, has));
        }
        self.check.depth -= 1;
        Ok(Seen::Other)
    }

    fn visit_map<A: MapAccess<'de>>(mut self, object: A) -> Result<Seen, A::Error> {
        self.of_type(Type::Object);
        self.check.go_in()?;
        let fields = match self.field.rule {
            Rule::Object(fields) => fields,
            _ => &[],
        };
        self.check.members(object, fields, self.path)?;
        self.check.depth -= 1;
        Ok(Seen::Other)
    }
}

impl<'de> Value<'_, 'de> {
    fn of_type(&mut self, found: Type) -> Seen {
        if let Some(wanted) = self.field.rule.json_type()
            && found != wanted
            && !(found == Type::Null && self.field.presence.allows_null())
        {
            let wanted = match self.field.rule {
                Rule::OneOf(names) => format!("one of {}", quoted(names)),
                _ => wanted.to_string(),
            };
            self.complain(format_args!("is {found}; it must be {wanted}"));
        }
        match found {
            Type::Null => Seen::Null,
            _ => Seen::Other,
        }
    }

    fn string(mut self, text: Cow<'de, str>) -> Seen {
        match &self.field.rule {
            Rule::Constant(constant) if text == *constant => {}
            Rule::Constant(constant) => self.complain(format_args!("must be \"{constant}\"")),
            Rule::OneOf(names) => match names.iter().find(|name| text == **name) {
                Some(name) => return Seen::Name(name),
                None => self.complain(format_args!("must be one of {}", quoted(*names))),
            },
            Rule::Text(length, kind) => self.text(text, length, *kind),
            _ => return self.of_type(Type::String),
        }
        Seen::Other
    }

    fn text(&mut self, text: Cow<'de, str>, length: &Length, kind: TextKind) {
        let problems_before = self.check.found.problems.count();
        if !has_length(&text, length) {
            let count = text.chars().count();
            let is = format_args!("is {count} characters long");
            self.complain(wrong_length(length, count, is));
        }
        if let Some(complaint) = kind.complaint(&text) {
            self.complain(complaint);
        }
        if kind.is_distinct() {
            self.compare(text.clone());
        }
        if self.check.wants_warnings && self.check.found.problems.count() == problems_before {
            self.warn_of_text(&text, kind);
        }
    }

    fn compare(&mut self, text: Cow<'de, str>) {
        let (name, index) = (self.field.name, self.path.index());
        let mut texts = self.check.distinct.iter();
        match texts.find(|it| it.1 == name && it.0 == text).map(|it| it.2) {
            // The same item may give its key twice, which is shown already.
            Some(first) if first != index => {
                let complaint =
                    format_args!("is the same as at index {first}; each must be different");
                self.complain(complaint);
            }
            None if self.check.distinct.len() < MAX_COMPARED => {
                self.check.distinct.push((text, name, index));
            }
            _ => {}
        }
    }

    fn warn_of_text(&mut self, text: &str, kind: TextKind) {
        for warning in warnings::of_text(text, kind) {
            self.warn(warning);
        }
        if kind == TextKind::ButtonTitle {
            let index = self.path.index();
            let folded = text.trim_end().to_lowercase();
            let first = *self.check.alike.entry(folded).or_insert(index);
            if first != index {
                self.warn(format_args!(
                    "differs from that at index {first} only in upper and lower case, or in white \
                     space at the end"
                ));
            }
        }
    }

    fn complain(&mut self, complaint: impl Display) {
        self.check.found.problems.add(self.path, complaint);
    }

    fn warn(&mut self, warning: impl Display) {
        self.check.found.warnings.add(self.path, warning);
    }
}

fn has_length(text: &str, length: &Length) -> bool {
    // No character has less than a byte: mostly that is all there is to know.
    let is_short = text.len() <= *length.end() && *length.start() <= text.len().min(1);
    is_short || length.contains(&text.chars().count())
}

/// Such as "is 34 characters long; the limit is 20".
fn wrong_length(length: &Length, count: usize, is: impl Display) -> String {
    if count < *length.start() {
        "must not be empty".to_owned()
    } else {
        format!("{is}; the limit is {}", length.end())
    }
}

/// Whether a key is the name of a field but for upper and lower case, as Go's parser folds them.
fn is_but_for_case(key: &str, name: &str) -> bool {
    let upper = key.chars().flat_map(char::to_uppercase);
    upper.flat_map(char::to_lowercase).eq(name.chars())
}

/// Names as a person lists them.
fn quoted<'n>(names: impl IntoIterator<Item = &'n &'n str>) -> String {
    let names = names.into_iter().map(|name| format!("\"{name}\""));
    names.collect::<Vec<_>>().join(", ")
}

/// Says why the text cannot be read, and where; none of the reasons repeats what stands there.
fn describe(text: &str, error: &serde_json::Error) -> String {
    let (line, bytes) = (error.line(), error.column());
    let reason = error.to_string();
    let reason = reason.split(" at line ").next().unwrap_or_default();
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
                Rule::Object(fields) => fields,
                Rule::Array(_, item) => std::slice::from_ref(*item),
                Rule::Constant(_) | Rule::OneOf(_) | Rule::Text(..) | Rule::Anything => &[],
            };
            assert!(inner.len() <= MOST_FIELDS, "{}", field.name);
            inner.iter().for_each(assert_few);
        }
        [&MESSAGE, &OUTERMOST].into_iter().for_each(assert_few);
    }

    #[test]
    fn an_object_has_a_field_for_each_of_its_types() {
        let mut of_type = Vec::new();
        let mut names = Vec::new();
        fn gather(field: &Field, of_type: &mut Vec<&str>, names: &mut Vec<&str>) {
            let inner = match &field.rule {
                Rule::Object(fields) => fields,
                Rule::Array(_, item) => std::slice::from_ref(*item),
                Rule::OneOf(types) => return names.extend(*types),
                Rule::Constant(_) | Rule::Text(..) | Rule::Anything => return,
            };
            let fields = inner.iter().filter(|it| it.presence == Presence::OfType);
            of_type.extend(fields.map(|field| field.name));
            inner.iter().for_each(|field| gather(field, of_type, names));
        }
        gather(&MESSAGE, &mut of_type, &mut names);
        assert!(!names.is_empty());
        assert_eq!(of_type, names);
    }

    #[test]
    fn basic_finds_a_key_given_twice_wherever_it_stands() {
        let text =
            r#"{"recipient":"","phone_id":"","interactive":{"a":[{"b":1,"b":1}]},"phone_id":""}"#;
        assert_eq!(paths(text), ["/interactive/a/0/b", "/phone_id"]);
    }
}
