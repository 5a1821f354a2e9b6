//! What is wrong with a text, or probably not intended in it, and where: within bounds, as a megabyte
//! can hold half a million problems.

use std::fmt::Display;

use serde::{Serialize, Serializer};

use crate::json;

/// How many are kept; the others are counted.
const MAX_SHOWN: usize = 100;

/// The longest pointer that is shown, as JSON spells it. Those to what the rules know are shorter
/// than a third of it; but a key may be half a megabyte long, and have a hundred problems inside.
const MAX_POINTER_BYTES: usize = 192;

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

/// Where a value stands: on the stack, and written out only for what is shown of it.
pub(crate) enum Path<'p> {
    Root,
    Key(&'p Path<'p>, &'p str),
    Index(&'p Path<'p>, usize),
}

impl Findings {
    /// One, of the text as a whole.
    pub(crate) fn of_all(message: impl Display) -> Self {
        let mut findings = Self::default();
        findings.add(&Path::Root, message);
        findings
    }

    /// Writes path and message only where they are kept.
    pub(crate) fn add(&mut self, path: &Path, message: impl Display) {
        if self.shown.len() == MAX_SHOWN {
            self.omitted += 1;
            return;
        }
        let (path, is_whole) = path.pointer();
        let message = if is_whole {
            message.to_string()
        } else {
            format!("holds something that {message}; its pointer is too long to be shown")
        };
        self.shown.push(Finding { path, message });
    }

    /// Adds those of a part of the text.
    pub(crate) fn append(&mut self, part: Findings) {
        let room = MAX_SHOWN - self.shown.len();
        self.omitted += part.omitted + part.shown.len().saturating_sub(room);
        self.shown.extend(part.shown.into_iter().take(room));
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

impl Path<'_> {
    /// Of the item that the value is or is inside of, in the innermost array.
    pub(crate) fn index(&self) -> usize {
        match self {
            Path::Root => 0,
            Path::Key(parent, _) => parent.index(),
            Path::Index(_, index) => *index,
        }
    }

    /// A JSON Pointer (RFC 6901), and whether it is whole: one that would be too long ends early,
    /// at a value around this one.
    fn pointer(&self) -> (String, bool) {
        let (parent, token) = match self {
            Path::Root => return (String::new(), true),
            Path::Key(parent, key) => (parent, json::escape(key)),
            Path::Index(parent, index) => (parent, index.to_string()),
        };
        let (pointer, is_whole) = parent.pointer();
        let longer = format!("{pointer}/{token}");
        if is_whole && json::written(&longer).len() <= MAX_POINTER_BYTES {
            (longer, true)
        } else {
            (pointer, false)
        }
    }
}
