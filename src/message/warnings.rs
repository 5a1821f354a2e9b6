//! What is allowed in a message, but hardly meant.

use std::collections::BTreeMap;

use super::findings::Findings;
use super::path::Path;
use super::rule::{Field, TextRule};
use crate::misspelling::distance;

#[derive(Default)]
pub(super) struct Warnings {
    pub(super) findings: Findings,
    /// Texts that have to differ, by the name of their field and without what hardly differs; and
    /// the index of their item.
    alike: BTreeMap<(&'static str, String), usize>,
}

impl Warnings {
    pub(super) fn unknown_key(&mut self, key: &str, fields: &[Field], path: &Path) {
        // Where no key is known, none is wrong.
        if fields.is_empty() {
            return;
        }
        // What is only counted is not looked into.
        let known = if self.findings.is_full() { &[] } else { fields };
        let close = known
            .iter()
            .filter_map(|field| Some((distance(key, field.name)?, field.name)));
        match close.min() {
            Some((_, name)) => self.findings.add_at(
                path,
                format_args!("is not known here; did you mean \"{name}\"?"),
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
    use crate::message::rule::{Rule::Anything, optional};

    #[test]
    fn the_nearest_key_is_suggested() {
        let fields = ["post_back_url", "post_back_data"].map(|name| optional(name, Anything));
        for (key, name) in [
            ("POST_BACK_DATA", "post_back_data"),
            ("postback_url", "post_back_url"),
        ] {
            let mut notes = Warnings::default();
            notes.unknown_key(key, &fields, &Path::Root);
            let told = &notes.findings.shown()[0].message;
            assert!(told.contains(&format!("\"{name}\"")), "{key}: {told}");
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
