//! Walks a message by the table of rules and gathers every problem.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::{self, Display, Formatter};
use std::slice;

use super::document::{Document, Element, Value};
use super::rules::{self, Field, Limit, Rule, TextRule};
use super::{Problem, Validation};

/// Everything that is wrong with a message; nothing, if nothing is.
pub(crate) fn check(text: &str, validation: Validation) -> Vec<Problem> {
    let document = match Document::parse(text) {
        Ok(document) => document,
        Err(error) => return vec![unreadable(&error)],
    };
    let mut check = Check {
        validation,
        problems: Vec::new(),
        texts: Vec::new(),
    };
    for message in document.elements() {
        check.value(message, Some(&rules::MESSAGE.rule), &Path::Root);
    }
    check.problems
}

/// The error names line and column, and never what stands there.
fn unreadable(error: &serde_json::Error) -> Problem {
    let message = if error.is_data() {
        error.to_string()
    } else {
        format!("is not JSON: {error}")
    };
    Problem {
        path: String::new(),
        message,
    }
}

struct Check<'d> {
    validation: Validation,
    problems: Vec<Problem>,
    /// Where texts are laid side by side to be compared; kept, so that it is allocated once.
    texts: Vec<Option<&'d str>>,
}

impl<'d> Check<'d> {
    /// A value that the table does not know, of no `rule`, may be anything.
    fn value(&mut self, element: Element<'d, '_>, rule: Option<&'static Rule>, path: &Path) {
        let value = &element.node.value;
        let fitting = rule.filter(|rule| rule.json_type() == value.json_type());
        if let (Some(rule), None) = (rule, fitting) {
            let is = with_article(value.json_type());
            let wanted = with_article(rule.json_type());
            self.report(path, Some(format!("is {is}; it must be {wanted}")));
        }
        match value {
            Value::Text(text) => self.text(text, fitting, path),
            Value::Array => self.array(element, fitting, path),
            Value::Object => self.object(element, fitting, path),
            Value::Null | Value::Bool | Value::Number => {}
        }
    }

    fn text(&mut self, text: &str, rule: Option<&Rule>, path: &Path) {
        match rule {
            Some(Rule::Constant(constant)) if text != *constant => {
                self.report(path, Some(format!("must be \"{constant}\"")));
            }
            Some(Rule::Text(rules)) => {
                for rule in *rules {
                    self.report(path, rule.complaint(text));
                }
            }
            _ => {}
        }
    }

    fn array(&mut self, array: Element<'d, '_>, rule: Option<&'static Rule>, path: &Path) {
        let Some(Rule::Array(limit, item, unique)) = rule else {
            return self.items(array, None, path);
        };
        self.report(path, limit.complaint(array.children.count(), "item"));
        self.items(array, Some(&item.rule), path);
        self.unique(array, unique, path);
    }

    fn items(&mut self, array: Element<'d, '_>, rule: Option<&'static Rule>, path: &Path) {
        for (index, item) in array.children.enumerate() {
            self.value(item, rule, &Path::Index(path, index));
        }
    }

    fn object(&mut self, object: Element<'d, '_>, rule: Option<&'static Rule>, path: &Path) {
        self.repeated_keys(object, path);
        match rule {
            Some(Rule::Object(fields)) => self.members(object, fields, path),
            Some(Rule::ExactlyOne(fields)) => self.exactly_one(object, fields, path),
            Some(Rule::ByType(kinds)) => self.by_type(object, kinds, path),
            _ => self.members(object, &[], path),
        }
    }

    fn members(&mut self, object: Element<'d, '_>, fields: &'static [Field], path: &Path) {
        let mut found = 0_u32;
        for member in object.children {
            let key = member.node.key.as_ref();
            let path = Path::Key(path, key);
            match (0..).zip(fields).find(|(_, field)| field.name == key) {
                Some((index, field)) => {
                    found |= 1 << index;
                    self.field(member, field, &path);
                }
                None => self.value(member, None, &path),
            }
        }
        for (index, field) in (0..).zip(fields) {
            if field.required && found & (1 << index) == 0 {
                self.missing(field.name, path);
            }
        }
    }

    fn field(&mut self, member: Element<'d, '_>, field: &'static Field, path: &Path) {
        let value = &member.node.value;
        if matches!(value, Value::Null) && !field.required {
            self.report(path, Some("is null; leave it out instead".to_owned()));
        } else if self.validation == Validation::Basic
            && value.json_type() == field.rule.json_type()
        {
            self.value(member, None, path);
        } else {
            self.value(member, Some(&field.rule), path);
        }
    }

    fn exactly_one(&mut self, object: Element<'d, '_>, fields: &'static [Field], path: &Path) {
        self.members(object, fields, path);
        let is_given = |field: &&Field| object.member(field.name).is_some();
        if fields.iter().filter(is_given).count() != 1 {
            let message = format!("must hold exactly one of {}", names(fields));
            self.report(path, Some(message));
        }
    }

    fn by_type(&mut self, object: Element<'d, '_>, kinds: &'static [Field], path: &Path) {
        let kind = object.member("type");
        let name = kind.and_then(Element::text);
        let named = kinds.iter().find(|field| name == Some(field.name));
        match (kind, named) {
            (None, _) => self.missing("type", path),
            (Some(kind), None) => {
                let is = with_article(kind.node.value.json_type());
                let message = format!("is {is}; it must be one of {}", names(kinds));
                self.report(&Path::Key(path, "type"), Some(message));
            }
            (Some(_), Some(_)) => {}
        }
        self.members(object, named.map_or(&[], slice::from_ref), path);
    }

    fn unique(&mut self, array: Element<'d, '_>, members: &[[&str; 2]], path: &Path) {
        for [outer, inner] in members {
            let text = |item: Element<'d, '_>| item.member(outer)?.member(inner)?.text();
            for (later, earlier) in self.repeats(array.children.map(text)) {
                let path = Path::Index(path, later);
                let path = Path::Key(&path, outer);
                let message = format!("is the same as at index {earlier}; each must be different");
                self.report(&Path::Key(&path, inner), Some(message));
            }
        }
    }

    fn repeated_keys(&mut self, object: Element<'d, '_>, path: &Path) {
        let keys = object.children.map(|member| Some(member.node.key.as_ref()));
        let mut repeats = self.repeats(keys);
        // A key that is given three times is one problem, not two.
        repeats.sort_unstable_by_key(|&(_, first)| first);
        repeats.dedup_by_key(|&mut (_, first)| first);
        for (_, first) in repeats {
            if let Some(key) = self.texts.get(first).copied().flatten() {
                self.report(&Path::Key(path, key), Some("is given twice".to_owned()));
            }
        }
    }

    /// The positions of each text that was there before, and of its first occurrence.
    fn repeats(&mut self, texts: impl Iterator<Item = Option<&'d str>>) -> Vec<(usize, usize)> {
        /// As many texts are compared pair by pair faster than they are hashed.
        const FEW: usize = 16;

        self.texts.clear();
        self.texts.extend(texts);
        let texts = (0..)
            .zip(&self.texts)
            .filter_map(|(position, text)| Some((position, (*text)?)));
        if self.texts.len() <= FEW {
            let first = |(position, text)| {
                let mut earlier = self.texts.iter().take(position);
                Some((position, earlier.position(|other| *other == Some(text))?))
            };
            return texts.filter_map(first).collect();
        }
        let mut first = HashMap::new();
        texts
            .filter_map(|(position, text)| match first.entry(text) {
                Entry::Occupied(entry) => Some((position, *entry.get())),
                Entry::Vacant(entry) => {
                    entry.insert(position);
                    None
                }
            })
            .collect()
    }

    fn missing(&mut self, key: &str, path: &Path) {
        self.report(&Path::Key(path, key), Some("is missing".to_owned()));
    }

    fn report(&mut self, path: &Path, message: Option<String>) {
        if let Some(message) = message {
            self.problems.push(Problem {
                path: path.to_string(),
                message,
            });
        }
    }
}

impl TextRule {
    fn complaint(&self, text: &str) -> Option<String> {
        match self {
            TextRule::NotEmpty => text.is_empty().then(|| "is empty".to_owned()),
            TextRule::Characters(limit) => limit.complaint(text.chars().count(), "character"),
            TextRule::Matches(format) => (!(format.holds)(text)).then(|| format.wanted.to_owned()),
        }
    }
}

impl Limit {
    fn complaint(&self, count: usize, unit: &str) -> Option<String> {
        let Limit {
            at_least, at_most, ..
        } = self;
        let plural = if count == 1 { "" } else { "s" };
        if count < *at_least {
            Some(format!(
                "has {count} {unit}{plural}; at least {at_least} must be there"
            ))
        } else if count > *at_most {
            Some(format!(
                "has {count} {unit}{plural}; at most {at_most} are allowed"
            ))
        } else {
            None
        }
    }
}

fn with_article(json_type: &str) -> String {
    match json_type {
        "null" => "null".to_owned(),
        "array" | "object" => format!("an {json_type}"),
        _ => format!("a {json_type}"),
    }
}

/// The fields' names as a person lists them.
fn names(fields: &[Field]) -> String {
    let names: Vec<_> = fields
        .iter()
        .map(|field| format!("\"{}\"", field.name))
        .collect();
    names.join(", ")
}

/// Where a value stands: on the stack, and written out only for a problem.
enum Path<'p> {
    Root,
    Key(&'p Path<'p>, &'p str),
    Index(&'p Path<'p>, usize),
}

/// Writes a JSON Pointer.
impl Display for Path<'_> {
    fn fmt(&self, formatter: &mut Formatter) -> fmt::Result {
        match self {
            Path::Root => Ok(()),
            Path::Key(parent, key) => {
                let escaped = key.replace('~', "~0").replace('/', "~1");
                write!(formatter, "{parent}/{escaped}")
            }
            Path::Index(parent, index) => write!(formatter, "{parent}/{index}"),
        }
    }
}
