//! What is allowed in a message, but hardly meant.

use std::collections::BTreeMap;

use super::findings::Findings;
use super::path::Path;
use super::rule::{Field, TextRule};

/// A longer key is like none that is known.
const LONGEST_KEY: usize = 64;

#[derive(Default)]
pub(super) struct Notes {
    pub(super) findings: Findings,
    /// Texts that have to differ, by the name of their field and without what hardly differs; and
    /// the index of their item.
    alike: BTreeMap<(&'static str, String), usize>,
}

impl Notes {
    pub(super) fn unknown_key(&mut self, key: &str, fields: &[Field], path: &Path) {
        // Where no key is known, none is wrong.
        if fields.is_empty() {
            return;
        }
        // What is only counted is not looked into.
        let known = if self.findings.is_full() { &[] } else { fields };
        match known.iter().find(|field| is_close(key, field.name)) {
            Some(field) => self.findings.add_at(
                path,
                format_args!("is not known here; did you mean \"{}\"?", field.name),
            ),
            None => self
                .findings
                .add_at(path, "is not known here, and may go unread"),
        }
    }

    pub(super) fn text(&mut self, text: &str, rule: &TextRule, name: &'static str, path: &Path) {
        if !text.is_empty() && text.trim().is_empty() {
            self.findings.add_at(path, "is nothing but white space");
        } else if rule.is_plain {
            self.plain_text(text, path);
            if rule.is_distinct {
                self.alike(text, name, path);
            }
        }
    }

    fn plain_text(&mut self, text: &str, path: &Path) {
        if text.contains(['\n', '\r', '\u{2028}', '\u{2029}']) {
            self.findings
                .add_at(path, "has a line break, which WhatsApp may not show");
        }
        if let Some(mark) = ['*', '_', '~', '`']
            .into_iter()
            .find(|mark| is_marked(text, *mark))
        {
            let note = format_args!("has markdown, but is shown as it is, with each {mark}");
            self.findings.add_at(path, note);
        }
    }

    fn alike(&mut self, text: &str, name: &'static str, path: &Path) {
        let index = path.index();
        let folded = text.trim_end().to_lowercase();
        let earlier = *self.alike.entry((name, folded)).or_insert(index);
        if earlier != index {
            self.findings.add_at(
                path,
                format_args!(
                    "differs from that at index {earlier} only in upper and lower case, or in \
                     white space at the end"
                ),
            );
        }
    }
}

/// Whether a key is likely meant to be this one: a third of it may be wrong, and any letter's case.
fn is_close(key: &str, name: &str) -> bool {
    key.len() <= LONGEST_KEY && 3 * strsim::osa_distance(&key.to_lowercase(), name) <= name.len()
}

/// Whether WhatsApp would take the marks for markdown: one before a word, and one behind a word.
fn is_marked(text: &str, mark: char) -> bool {
    let mut is_open = false;
    let mut before = None;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let after = characters.peek().copied();
        if character == mark {
            let [opens, closes] = [(before, after), (after, before)].map(|(outside, inside)| {
                let is_outside = outside.is_none_or(|it: char| !it.is_alphanumeric());
                is_outside && inside.is_some_and(|it| !it.is_whitespace() && it != mark)
            });
            if is_open && closes {
                return true;
            }
            is_open |= opens;
        }
        before = Some(character);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_close_to_what_it_was_meant_to_be() {
        for (key, name) in [
            ("Footer", "footer"),
            ("footr", "footer"),
            ("fotoer", "footer"),
            ("postBackUrl", "post_back_url"),
            ("phoneId", "phone_id"),
            ("tilte", "title"),
            ("ID", "id"),
            ("file_name", "filename"),
        ] {
            assert!(is_close(key, name), "{key} is {name}");
        }
        let long = "footer".repeat(1000);
        for (key, name) in [
            ("to", "id"),
            ("ids", "id"),
            ("new", "text"),
            ("", "id"),
            ("url", "reply"),
            (&*long, "footer"),
        ] {
            assert!(!is_close(key, name), "{key} is not {name}");
        }
    }

    #[test]
    fn markdown_is_a_mark_before_and_one_behind_a_word() {
        for (text, mark) in [
            ("*Yes*", '*'),
            ("a *b c*, d", '*'),
            ("_now_", '_'),
            ("~10~", '~'),
            ("```code```", '`'),
            ("`code`", '`'),
            ("(*so*)", '*'),
        ] {
            assert!(is_marked(text, mark), "{text}");
        }
        for (text, mark) in [
            ("5*3*2", '*'),
            ("2 * 3 * 4", '*'),
            ("*", '*'),
            ("**", '*'),
            ("****", '*'),
            ("*required", '*'),
            ("4* or 5*", '*'),
            ("snake_case_name", '_'),
            ("~10 min", '~'),
            ("* a *", '*'),
            ("", '*'),
        ] {
            assert!(!is_marked(text, mark), "{text}");
        }
    }
}
