//! What a check tells of a text, within bounds: a megabyte can hold half a million problems.

use std::fmt::Display;

use serde::{Serialize, Serializer};

use super::path::Path;

/// How many are kept; the others are counted.
const MAX_SHOWN: usize = 100;

/// What is wrong with a message or a post-back, or what is hardly meant in it.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    shown: Vec<Finding>,
    omitted: usize,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// A JSON Pointer (RFC 6901).
    pub(crate) path: String,
    /// Completes the sentence that the path begins: "`/recipient` is missing".
    pub(crate) message: String,
}

impl Findings {
    /// One, of the text as a whole.
    pub(crate) fn of_all(message: impl Into<String>) -> Self {
        let mut findings = Self::default();
        findings.add("", message.into());
        findings
    }

    pub(crate) fn add(&mut self, path: impl Into<String>, message: String) {
        if self.is_full() {
            self.omitted += 1;
        } else {
            self.shown.push(Finding {
                path: path.into(),
                message,
            });
        }
    }

    /// Writes path and message only where they are kept.
    pub(super) fn add_at(&mut self, path: &Path, message: impl Display) {
        if self.is_full() {
            self.omitted += 1;
            return;
        }
        let (pointer, is_whole) = path.pointer();
        let message = if is_whole {
            message.to_string()
        } else {
            format!("holds something that {message}; its pointer is too long to be shown")
        };
        self.add(pointer, message);
    }

    pub(super) fn is_full(&self) -> bool {
        self.shown.len() == MAX_SHOWN
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.shown.is_empty()
    }

    pub(crate) fn count(&self) -> usize {
        self.shown.len() + self.omitted
    }

    pub(crate) fn shown(&self) -> &[Finding] {
        &self.shown
    }
}

/// A list. Where not all are shown, its last entry says how many more there are.
impl Serialize for Findings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rest = (self.omitted > 0).then(|| Finding {
            path: String::new(),
            message: format!("has {} more of them", self.omitted),
        });
        serializer.collect_seq(self.shown.iter().chain(&rest))
    }
}
