//! What a rule can say, and the words in which the table says it.

use std::ops::RangeInclusive;

use super::texts::TextKind;
use crate::json::Type;

/// A value that has a name in the object around it, or none: the message itself, an array's item.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) presence: Presence,
    pub(super) rule: Rule,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    Required,
    Optional,
    /// Exactly one of an object's fields of this kind is there.
    Either,
    /// There if the object's `type` is its name, and else as good as unknown.
    OfType,
}

pub(super) enum Rule {
    Constant(&'static str),
    /// The name of one of the fields beside it, those that are [`Presence::OfType`].
    OneOf(&'static [&'static str]),
    /// How many Unicode code points (WhatsApp was measured to count characters, not bytes), and what
    /// the text is for.
    Text(Length, TextKind),
    Object(&'static [Field]),
    /// How many items, and what each of them is.
    Array(Length, &'static Field),
    /// What the rules do not know.
    Anything,
}

/// An upper limit is WhatsApp's.
pub(super) type Length = RangeInclusive<usize>;

pub(super) const ANY: Length = 0..=usize::MAX;
pub(super) const NOT_EMPTY: Length = 1..=usize::MAX;

pub(super) const fn field(name: &'static str, presence: Presence, rule: Rule) -> Field {
    Field {
        name,
        presence,
        rule,
    }
}

pub(super) const fn unnamed(rule: Rule) -> Field {
    field("", Presence::Required, rule)
}

impl Presence {
    /// Whether `null` is as good as none.
    pub(super) fn allows_null(self) -> bool {
        matches!(self, Presence::Optional | Presence::Either)
    }
}

impl Rule {
    /// `None` if any will do.
    pub(super) fn json_type(&self) -> Option<Type> {
        match self {
            Rule::Constant(_) | Rule::OneOf(_) | Rule::Text(..) => Some(Type::String),
            Rule::Object(_) => Some(Type::Object),
            Rule::Array(..) => Some(Type::Array),
            Rule::Anything => None,
        }
    }
}
