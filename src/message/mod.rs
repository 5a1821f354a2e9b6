//! The reply-buttons message: checked, composed and described by one table of rules.

mod check;
mod compose;
mod formats;
mod rule;
mod rules;
mod schema;
mod warnings;

pub(crate) use check::{check, check_with_warnings};
pub(crate) use compose::{Button, Composition, compose};
pub(crate) use schema::schema;

use serde::{Deserialize, Serialize};

use crate::findings::Findings;

/// A longer text is refused by the caller, unread.
pub(crate) const MAX_TEXT_BYTES: usize = 1024 * 1024;

/// How much of a message is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Validation {
    /// Every rule of the table.
    Strict,
    /// What the endpoint's own page says: the presence and types of the outermost fields.
    Basic,
}

/// What is wrong with a text that is refused unread.
pub(crate) fn too_long() -> Findings {
    Findings::of_all("is longer than 1 MiB")
}
