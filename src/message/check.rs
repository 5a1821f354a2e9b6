//! Reads a message once, by the table of rules, and gathers every problem on the way.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::distinct::Distinct;
use super::path::Path;
use super::rules::{Field, Limit, MESSAGE, OUTERMOST, Rule, TextRule};
use super::{Problem, Validation};
use crate::json::{Fault, MAX_DEPTH, Reader, Type};

/// Everything that is wrong with a message; nothing, if nothing is.
pub(crate) fn check(text: &str, validation: Validation) -> Vec<Problem> {
    let message = match validation {
        Validation::Strict => &MESSAGE,
        Validation::Basic => &OUTERMOST,
    };
    let mut check = Check::new(Reader::new(text));
    match check.message(message) {
        Ok(()) => check.problems,
        Err(fault) => vec![Problem {
            path: String::new(),
            message: check.reader.describe(fault),
        }],
    }
}

struct Check<'a> {
    reader: Reader<'a>,
    problems: Vec<Problem>,
    distinct: Distinct<'a>,
    /// The keys that the table does not know, with the place of their object in the text; and
    /// whether each was given again.
    unknown_keys: BTreeMap<(usize, Cow<'a, str>), bool>,
}

impl<'a> Check<'a> {
    fn new(reader: Reader<'a>) -> Self {
        Self {
            reader,
            problems: Vec::new(),
            distinct: Distinct::default(),
            unknown_keys: BTreeMap::new(),
        }
    }

    fn message(&mut self, message: &'static Field) -> Result<(), Fault> {
        self.value(message, &Path::Root)?;
        self.reader.end()
    }

    // Inlined where it recurs: a text needs no call.
    #[inline(always)]
    fn value(&mut self, field: &'static Field, path: &Path) -> Result<(), Fault> {
        if !self.reader.is_at(field.opening) {
            return self.misfit(field, path);
        }
        match &field.rule {
            Rule::Constant(constant) => {
                if self.reader.takes_string(constant) {
                    return Ok(());
                }
                self.other_constant(constant, path)
            }
            Rule::Text(rule) => {
                let text = self.reader.string()?;
                self.text(text, rule, field.name, path);
                Ok(())
            }
            Rule::Object(fields) => self.members(fields, path).map(drop),
            Rule::ExactlyOne(fields) => self.exactly_one(fields, path),
            Rule::ByType(kinds) => self.by_type(kinds, path),
            Rule::Array(limit, item) => self.items(limit, item, path),
        }
    }

    #[cold]
    fn misfit(&mut self, field: &Field, path: &Path) -> Result<(), Fault> {
        let found = self.reader.next_type()?;
        if found == Type::Null && !field.required {
            self.report(path, "is null; leave it out instead".to_owned());
        } else {
            let [is, wanted] = [found, field.rule.json_type()].map(with_article);
            self.report(path, format!("is {is}; it must be {wanted}"));
        }
        self.anything(path)
    }

    #[cold]
    fn other_constant(&mut self, constant: &str, path: &Path) -> Result<(), Fault> {
        if self.reader.string()? != constant {
            self.report(path, format!("must be \"{constant}\""));
        }
        Ok(())
    }

    #[inline(always)]
    fn text(&mut self, text: Cow<'a, str>, rule: &TextRule, name: &'static str, path: &Path) {
        if !rule.length.holds_for(&text) {
            let message = rule.length.complaint(text.chars().count(), "character");
            self.report(path, message);
        }
        if let Some(format) = rule.format
            && !(format.holds)(&text)
        {
            self.report(path, format.wanted.to_owned());
        }
        if rule.is_distinct {
            self.distinct(text, name, path);
        }
    }

    fn distinct(&mut self, text: Cow<'a, str>, name: &'static str, path: &Path) {
        if let Some(earlier) = self.distinct.insert((text, name), path.index()) {
            let message = format!("is the same as at index {earlier}; each must be different");
            self.report(path, message);
        }
    }

    fn items(&mut self, limit: &Limit, item: &'static Field, path: &Path) -> Result<(), Fault> {
        let mut count = 0;
        let mut more = self.reader.enter(b']')?;
        while more {
            self.value(item, &Path::Index(path, count))?;
            count += 1;
            more = self.reader.another(b']')?;
        }
        if !limit.holds(count) {
            self.report(path, limit.complaint(count, "item"));
        }
        Ok(())
    }

    /// Which of the `fields` there are: bit 0 is for the first of them.
    fn members(&mut self, fields: &'static [Field], path: &Path) -> Result<u32, Fault> {
        let object = self.reader.position();
        let mut given = 0_u32;
        let mut given_again = 0_u32;

        let mut more = self.reader.enter(b'}')?;
        while more {
            let start = self.reader.key_start();
            let mut alike = (0..)
                .zip(fields)
                .filter(|(_, field)| field.spelling.may_be(start));
            let known = match alike.find(|(_, field)| self.reader.takes_key(&field.spelling)) {
                None => self.other_key(fields, object, path)?,
                known => known,
            };
            if let Some((index, field)) = known {
                let path = &Path::Key(path, field.name);
                let bit = 1 << index;
                if given & !given_again & bit != 0 {
                    given_again |= bit;
                    self.given_twice(path);
                }
                given |= bit;
                self.value(field, path)?;
            }
            more = self.reader.another(b'}')?;
        }

        for (index, field) in (0..).zip(fields) {
            if field.required && given & (1 << index) == 0 {
                self.missing(field.name, path);
            }
        }
        Ok(given)
    }

    /// Reads a key that is spelled in another way. Where the table does not know it, reads its value
    /// too.
    #[cold]
    fn other_key(
        &mut self,
        fields: &'static [Field],
        object: usize,
        path: &Path,
    ) -> Result<Option<(u32, &'static Field)>, Fault> {
        let key = self.reader.key()?;
        let known = (0..).zip(fields).find(|(_, field)| field.name == key);
        if known.is_none() {
            self.unknown(object, key, path)?;
        }
        Ok(known)
    }

    fn exactly_one(&mut self, fields: &'static [Field], path: &Path) -> Result<(), Fault> {
        let given = self.members(fields, path)?;
        if given.count_ones() != 1 {
            let message = format!("must hold exactly one of {}", names(fields));
            self.report(path, message);
        }
        Ok(())
    }

    fn by_type(&mut self, kinds: &'static [Field], path: &Path) -> Result<(), Fault> {
        // What cannot be read is found when it is read in earnest.
        let name = type_ahead(self.reader).unwrap_or_default();
        let kind = kinds.iter().find(|kind| name.as_deref() == Some(kind.name));
        match kind.map(|kind| &kind.rule) {
            Some(Rule::Object(fields)) => return self.members(fields, path).map(drop),
            _ if name.is_none() => self.missing("type", path),
            _ => {
                let message = format!("must be one of {}", names(kinds));
                self.report(&Path::Key(path, "type"), message);
            }
        }
        self.members(&[], path).map(drop)
    }

    #[cold]
    fn unknown(&mut self, object: usize, key: Cow<'a, str>, path: &Path) -> Result<(), Fault> {
        let path = &Path::Key(path, &key);
        match self.unknown_keys.entry((object, key.clone())) {
            Entry::Vacant(entry) => {
                entry.insert(false);
            }
            Entry::Occupied(mut entry) => {
                if !entry.insert(true) {
                    self.given_twice(path);
                }
            }
        }
        self.anything(path)
    }

    /// A value that the table does not know.
    #[cold]
    fn anything(&mut self, path: &Path) -> Result<(), Fault> {
        match self.reader.next_type()? {
            Type::Null | Type::Boolean => self.reader.word().map(drop),
            Type::Number => self.reader.number(),
            Type::String => self.reader.string().map(drop),
            Type::Array | Type::Object if path.depth() == MAX_DEPTH => Err(Fault::TooDeep),
            Type::Object => self.members(&[], path).map(drop),
            Type::Array => {
                let mut count = 0;
                let mut more = self.reader.enter(b']')?;
                while more {
                    self.anything(&Path::Index(path, count))?;
                    count += 1;
                    more = self.reader.another(b']')?;
                }
                Ok(())
            }
        }
    }

    #[cold]
    fn given_twice(&mut self, path: &Path) {
        self.report(path, "is given twice".to_owned());
    }

    #[cold]
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

/// What the `type` of the object says that begins here, wherever in it that stands. One that is no
/// string is as good as an empty one.
fn type_ahead<'a>(mut ahead: Reader<'a>) -> Result<Option<Cow<'a, str>>, Fault> {
    let mut more = ahead.enter(b'}')?;
    while more {
        if ahead.key()? == "type" {
            return match ahead.next_type()? {
                Type::String => ahead.string().map(Some),
                _ => Ok(Some(Cow::Borrowed(""))),
            };
        }
        ahead.skip(MAX_DEPTH)?;
        more = ahead.another(b'}')?;
    }
    Ok(None)
}

impl Limit {
    fn holds(&self, count: usize) -> bool {
        (self.at_least..=self.at_most).contains(&count)
    }

    fn holds_for(&self, text: &str) -> bool {
        // A code point takes one to four bytes: mostly their number says enough.
        let bytes = text.len();
        bytes <= self.at_most && bytes + 3 >= 4 * self.at_least || self.holds(text.chars().count())
    }

    #[cold]
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
    fn basic_wants_the_fields_that_strict_wants() {
        fn outermost(message: &Field) -> Vec<(&str, bool)> {
            let Rule::Object(fields) = &message.rule else {
                panic!("a message is an object");
            };
            let fields = fields.iter();
            fields.map(|field| (field.name, field.required)).collect()
        }
        assert_eq!(outermost(&OUTERMOST), outermost(&MESSAGE));
    }

    #[test]
    fn basic_finds_a_key_given_twice_wherever_it_stands() {
        let text =
            r#"{"recipient":"","phone_id":"","interactive":{"a":[{"b":1,"b":1}]},"phone_id":""}"#;
        assert_eq!(paths(text), ["/interactive/a/0/b", "/phone_id"]);
    }
}
