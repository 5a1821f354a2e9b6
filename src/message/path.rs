//! Where a value stands: on the stack, and written out only for a problem.

use std::fmt::{self, Display, Formatter, Write};

pub(super) enum Path<'p> {
    Root,
    Key(&'p Path<'p>, &'p str),
    Index(&'p Path<'p>, usize),
}

impl Path<'_> {
    pub(super) fn depth(&self) -> usize {
        match self {
            Path::Root => 0,
            Path::Key(parent, _) | Path::Index(parent, _) => parent.depth() + 1,
        }
    }

    /// Of the item that the value is or is inside of, in the innermost array.
    pub(super) fn index(&self) -> usize {
        match self {
            Path::Root => 0,
            Path::Key(parent, _) => parent.index(),
            Path::Index(_, index) => *index,
        }
    }
}

/// No key of the API is longer. A problem inside of a field with a key of half a megabyte must not
/// cost half a megabyte, or a message of nothing but problems would cost all memory.
const MAX_KEY_CHARACTERS: usize = 64;

/// Writes a JSON Pointer.
impl Display for Path<'_> {
    fn fmt(&self, formatter: &mut Formatter) -> fmt::Result {
        match self {
            Path::Root => Ok(()),
            Path::Index(parent, index) => write!(formatter, "{parent}/{index}"),
            Path::Key(parent, key) => {
                write!(formatter, "{parent}/")?;
                let mut characters = key.chars();
                for character in characters.by_ref().take(MAX_KEY_CHARACTERS) {
                    match character {
                        '~' => formatter.write_str("~0"),
                        '/' => formatter.write_str("~1"),
                        other => formatter.write_char(other),
                    }?;
                }
                match characters.next() {
                    Some(_) => formatter.write_char('…'),
                    None => Ok(()),
                }
            }
        }
    }
}
