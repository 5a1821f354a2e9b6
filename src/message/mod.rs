//! The reply-buttons message: its rules, checking and composing one, its JSON Schema.

mod check;
mod compose;
mod rule;
mod rules;
mod texts;
mod warnings;

pub(crate) use check::{check, check_with_warnings};
pub(crate) use compose::{Button, Composition, compose};

use serde::{Deserialize, Serialize};

use crate::findings::Findings;

/// The JSON Schema (draft 2020-12) of a message, and NUL, for a host.
///
/// It accepts whatever a strict check does, and little else: what a schema cannot say in a few
/// words, its description says.
pub(crate) const SCHEMA: &str = concat!(include_str!("schema.json"), "\0");

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
