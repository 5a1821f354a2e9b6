//! What is valid in a message, but probably not intended.

use std::fmt::{self, Display, Formatter};

use super::rule::Field;
use super::texts::TextKind;
use crate::misspelling::distance;

/// A key that is none of those that are known. What it may be meant for is looked up only where it
/// is shown.
pub(super) struct UnknownKey<'a>(pub(super) &'a str, pub(super) &'a [Field]);

impl Display for UnknownKey<'_> {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        let UnknownKey(key, known) = self;
        let close = known
            .iter()
            .filter_map(|field| Some((distance(key, field.name)?, field.name)));
        match close.min() {
            Some((_, name)) => write!(f, "is not known here; did you mean \"{name}\"?"),
            None => f.write_str("is not known here, and may go unread"),
        }
    }
}

pub(super) fn of_text(text: &str, kind: TextKind) -> Vec<String> {
    if !text.is_empty() && text.trim().is_empty() {
        return vec!["is nothing but white space".to_owned()];
    }
    let mut warnings = Vec::from_iter(kind.warning(text).map(str::to_owned));
    if kind.is_plain() && text.contains(['\n', '\r', '\u{2028}', '\u{2029}']) {
        warnings.push("has a line break, which WhatsApp may not show".to_owned());
    }
    let mut marks = ['*', '_', '~', '`'].into_iter();
    if let Some(mark) = marks.find(|mark| kind.is_plain() && is_marked(text, *mark)) {
        warnings.push(format!(
            "has markdown, but is shown as it is, with each {mark}"
        ));
    }
    warnings
}

/// Whether WhatsApp would take the marks for markdown: one before a word, and one behind a word.
fn is_marked(text: &str, mark: char) -> bool {
    let is_outside = |it: Option<char>| it.is_none_or(|it| !it.is_alphanumeric());
    let is_inside = |it: Option<char>| it.is_some_and(|it| !it.is_whitespace());
    let mut is_open = false;
    let mut parts = text.split(mark);
    let mut last = parts.next().unwrap_or_default();
    parts.any(|part| {
        let (before, after) = (last.chars().next_back(), part.chars().next());
        let closes = is_inside(before) && is_outside(after);
        let is_closed = is_open && closes;
        is_open |= is_outside(before) && is_inside(after);
        last = part;
        is_closed
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::rule::{Presence::Optional, Rule::Anything, field};

    #[test]
    fn the_nearest_key_is_suggested() {
        let fields =
            ["post_back_url", "post_back_data"].map(|name| field(name, Optional, Anything));
        for (key, name) in [
            ("POST_BACK_DATA", "post_back_data"),
            ("postback_url", "post_back_url"),
        ] {
            let warning = UnknownKey(key, &fields).to_string();
            assert!(warning.contains(&format!("\"{name}\"")), "{key}: {warning}");
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
