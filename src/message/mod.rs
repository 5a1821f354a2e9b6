//! The reply-buttons message: checked, composed and described by one table of rules.

mod check;
mod compose;
mod findings;
mod formats;
mod path;
mod rule;
mod rules;
mod schema;
mod warnings;

pub(crate) use check::{check, check_with_notes};
pub(crate) use compose::{Button, Composition, compose};
pub(crate) use findings::Findings;
pub(crate) use schema::schema;

/// A longer text is refused by the caller, unread.
pub(crate) const MAX_TEXT_BYTES: usize = 1024 * 1024;

/// Values nested deeper are refused, so that reading them needs little stack.
const MAX_DEPTH: usize = 32;

/// How much of a message is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum Validation {
    /// Every rule of the table.
    #[default]
    Strict,
    /// What the endpoint's own page says: the presence and types of the outermost fields.
    Basic,
}

/// What is wrong with a text that is refused unread.
pub(crate) fn too_long() -> Findings {
    Findings::of_all("is longer than 1 MiB")
}
