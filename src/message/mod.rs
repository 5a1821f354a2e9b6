//! The reply-buttons message: checked, composed and described by one table of rules.

mod check;
mod compose;
mod distinct;
mod path;
mod rules;
mod schema;

use serde::Serialize;

pub(crate) use check::check;
pub(crate) use compose::{Button, Composition, compose};
pub(crate) use schema::schema;

/// A longer text is refused by the caller, unread.
pub(crate) const MAX_TEXT_BYTES: usize = 1024 * 1024;

/// How much of a message is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum Validation {
    /// Every rule of the table.
    #[default]
    Strict,
    /// What the endpoint's own page says: the presence and types of the outermost fields.
    Basic,
}

/// One thing that is wrong with a message.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Problem {
    /// A JSON Pointer (RFC 6901).
    pub(crate) path: String,
    /// Completes the sentence that the path begins: "`/recipient` is missing".
    pub(crate) message: String,
}
