//! Walks a message by the table of rules and gathers every problem.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::{self, Display, Formatter};
use std::slice;

use super::document::{Document, Element, Value};
use super::rules::{Field, Limit, MESSAGE, Rule, TextRule, Type};
use super::{Problem, Validation};

/// Everything that is wrong with a message; nothing, if nothing is.
pub(crate) fn check(text: &str, validation: Validation) -> Vec<Problem> {
    let document = match Document::parse(text) {
        Ok(document) => document,
        Err(message) => {
            return vec![Problem {
                path: String::new(),
                message,
            }];
        }
    };
    let mut check = Check {
        validation,
        problems: Vec::new(),
    };
    for message in document.elements() {
        check.value(message, Some(&MESSAGE.rule), &Path::Root);
    }
    check.problems
}

struct Check {
    validation: Validation,
    problems: Vec<Problem>,
}

impl Check {
    /// A value that the table does not know, of no `rule`, may be anything.
    fn value(&mut self, element: Element<'_, '_>, rule: Option<&'static Rule>, path: &Path) {
        let value = &element.node.value;
        let fitting = rule.filter(|rule| rule.json_type() == value.json_type());
        if let (Some(rule), None) = (rule, fitting) {
            let is = with_article(value.json_type());
            let wanted = with_article(rule.json_type());
            self.report(path, format!("is {is}; it must be {wanted}"));
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
                self.report(path, format!("must be \"{constant}\""));
            }
            Some(Rule::Text(rules)) => {
                for message in rules.iter().filter_map(|rule| rule.complaint(text)) {
                    self.report(path, message);
                }
            }
            _ => {}
        }
    }

    fn array(&mut self, array: Element<'_, '_>, rule: Option<&'static Rule>, path: &Path) {
        let Some(Rule::Array(limit, item, unique)) = rule else {
            return self.items(array, None, path);
        };
        if let Some(message) = limit.complaint(array.children.count(), "item") {
            self.report(path, message);
        }
        self.items(array, Some(&item.rule), path);
        self.unique(array, unique, path);
    }

    fn items(&mut self, array: Element<'_, '_>, rule: Option<&'static Rule>, path: &Path) {
        for (index, item) in array.children.enumerate() {
            self.value(item, rule, &Path::Index(path, index));
        }
    }

    fn object(&mut self, object: Element<'_, '_>, rule: Option<&'static Rule>, path: &Path) {
        self.repeated_keys(object, path);
        match rule {
            Some(Rule::Object(fields)) => self.members(object, fields, path),
            Some(Rule::ExactlyOne(fields)) => self.exactly_one(object, fields, path),
            Some(Rule::ByType(kinds)) => self.by_type(object, kinds, path),
            _ => self.members(object, &[], path),
        }
    }

    fn members(&mut self, object: Element<'_, '_>, fields: &'static [Field], path: &Path) {
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

    fn field(&mut self, member: Element<'_, '_>, field: &'static Field, path: &Path) {
        let value = &member.node.value;
        if matches!(value, Value::Null) && !field.required {
            self.report(path, "is null; leave it out instead".to_owned());
        } else if self.validation == Validation::Basic
            && value.json_type() == field.rule.json_type()
        {
            self.value(member, None, path);
        } else {
            self.value(member, Some(&field.rule), path);
        }
    }

    fn exactly_one(&mut self, object: Element<'_, '_>, fields: &'static [Field], path: &Path) {
        self.members(object, fields, path);
        let is_given = |field: &&Field| object.member(field.name).is_some();
        if fields.iter().filter(is_given).count() != 1 {
            let message = format!("must hold exactly one of {}", names(fields));
            self.report(path, message);
        }
    }

    fn by_type(&mut self, object: Element<'_, '_>, kinds: &'static [Field], path: &Path) {
        let kind = object.member("type");
        let name = kind.and_then(Element::text);
        let named = kinds.iter().find(|field| name == Some(field.name));
        match (kind, named) {
            (None, _) => self.missing("type", path),
            (Some(kind), None) => {
                let is = with_article(kind.node.value.json_type());
                let message = format!("is {is}; it must be one of {}", names(kinds));
                self.report(&Path::Key(path, "type"), message);
            }
            (Some(_), Some(_)) => {}
        }
        self.members(object, named.map_or(&[], slice::from_ref), path);
    }

    fn unique<'d, 'a>(&mut self, array: Element<'d, 'a>, members: &[[&str; 2]], path: &Path) {
        for [outer, inner] in members {
            let text = |item: Element<'d, 'a>| item.member(outer)?.member(inner)?.text();
            for Repeat { later, earlier, .. } in repeats(array.children.map(text)) {
                let path = Path::Index(path, later);
                let path = Path::Key(&path, outer);
                let message = format!("is the same as at index {earlier}; each must be different");
                self.report(&Path::Key(&path, inner), message);
            }
        }
    }

    fn repeated_keys(&mut self, object: Element<'_, '_>, path: &Path) {
        let keys = object.children.map(|member| Some(member.node.key.as_ref()));
        let mut repeats = repeats(keys);
        // A key that is given three times is one problem, not two.
        repeats.sort_by_key(|repeat| repeat.earlier);
        repeats.dedup_by_key(|repeat| repeat.earlier);
        for Repeat { text, .. } in repeats {
            self.report(&Path::Key(path, text), "is given twice".to_owned());
        }
    }

    fn missing(&mut self, key: &str, path: &Path) {
        self.report(&Path::Key(path, key), "is missing".to_owned());
    }

    #[cold]
    fn report(&mut self, path: &Path, message: String) {
        self.problems.push(Problem {
            path: path.to_string(),
            message,
        });
    }
}

/// A text that was there before.
struct Repeat<'t> {
    text: &'t str,
    later: usize,
    /// Where it was first.
    earlier: usize,
}

fn repeats<'t>(texts: impl Iterator<Item = Option<&'t str>> + Clone) -> Vec<Repeat<'t>> {
    if all_differ_at_a_glance(texts.clone().flatten()) {
        return Vec::new();
    }
    let mut first = HashMap::new();
    let mut repeats = Vec::new();
    for (position, text) in texts.enumerate() {
        let Some(text) = text else { continue };
        match first.entry(text) {
            Entry::Vacant(entry) => {
                entry.insert(position);
            }
            Entry::Occupied(entry) => repeats.push(Repeat {
                text,
                later: position,
                earlier: *entry.get(),
            }),
        }
    }
    repeats
}

/// True only if no two are the same; false also where it takes a closer look to tell.
///
/// It spares nearly every object a table of its keys.
fn all_differ_at_a_glance<'t>(mut texts: impl Iterator<Item = &'t str>) -> bool {
    let mut seen = 0_u64;
    texts.all(|text| {
        let bytes = text.as_bytes();
        let [first, last] =
            [bytes.first(), bytes.last()].map(|byte| byte.map_or(0, |byte| u32::from(*byte)));
        let bit = 1_u64.rotate_left(first * 7 + last + text.len() as u32 * 5);
        let is_new = seen & bit == 0;
        seen |= bit;
        is_new
    })
}

impl TextRule {
    fn complaint(&self, text: &str) -> Option<String> {
        match self {
            TextRule::NotEmpty => text.is_empty().then(|| "is empty".to_owned()),
            TextRule::Characters(limit) => {
                // A code point takes one to four bytes: mostly their number says enough.
                let surely_fits =
                    text.len().div_ceil(4) >= limit.at_least && text.len() <= limit.at_most;
                if surely_fits {
                    return None;
                }
                limit.complaint(text.chars().count(), "character")
            }
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

fn with_article(json_type: Type) -> &'static str {
    match json_type {
        Type::Null => "null",
        Type::Boolean => "a boolean",
        Type::Number => "a number",
        Type::String => "a string",
        Type::Array => "an array",
        Type::Object => "an object",
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

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &str) -> Vec<String> {
        let problems = check(text, Validation::Basic).into_iter();
        problems.map(|problem| problem.path).collect()
    }

    #[test]
    fn basic_knows_no_rule_of_what_is_inside_a_field() {
        let text = r#"{"recipient":"+1","phone_id":"","interactive":{"type":7,"header":null}}"#;
        assert_eq!(paths(text), [""; 0]);
        assert!(check(text, Validation::Strict).len() > 3);
    }

    #[test]
    fn basic_wants_the_outermost_fields_by_presence_and_type() {
        assert_eq!(paths("{}"), ["/recipient", "/phone_id", "/interactive"]);
        let text = r#"{"recipient":1,"phone_id":null,"interactive":[],"post_back_url":null,"post_back_data":{}}"#;
        let wrong = [
            "/recipient",
            "/phone_id",
            "/interactive",
            "/post_back_url",
            "/post_back_data",
        ];
        assert_eq!(paths(text), wrong);
        assert_eq!(paths("[]"), [""]);
        assert_eq!(paths("{"), [""]);
    }

    #[test]
    fn basic_finds_a_key_given_twice_wherever_it_stands() {
        let text =
            r#"{"recipient":"","phone_id":"","interactive":{"a":[{"b":1,"b":1}]},"phone_id":""}"#;
        assert_eq!(paths(text), ["/phone_id", "/interactive/a/0/b"]);
    }
}
