//! What a rule can say, and the words in which the table says it.

use super::formats::Format;
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
    Text(TextRule),
    Object(&'static [Field]),
    /// How many items, and what each of them is.
    Array(Limit, &'static Field),
    /// What the rules do not know.
    Anything,
}

pub(super) struct TextRule {
    /// Counts Unicode code points: WhatsApp was measured to count characters, not bytes.
    pub(super) length: Limit,
    pub(super) format: Option<Format>,
    /// Differs from the texts in the same field of an array's other items.
    pub(super) is_distinct: bool,
    /// Shown without WhatsApp's markdown, and perhaps in one line.
    pub(super) is_plain: bool,
}

/// WhatsApp's, where there is an upper one.
pub(super) struct Limit {
    pub(super) at_least: usize,
    pub(super) at_most: usize,
}

pub(super) const ANY_TEXT: TextRule = characters(0, usize::MAX);
pub(super) const NOT_EMPTY: TextRule = characters(1, usize::MAX);

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

pub(super) const fn characters(at_least: usize, at_most: usize) -> TextRule {
    TextRule {
        length: Limit { at_least, at_most },
        format: None,
        is_distinct: false,
        is_plain: false,
    }
}

impl TextRule {
    pub(super) const fn in_format(self, format: Format) -> Self {
        Self {
            format: Some(format),
            ..self
        }
    }

    pub(super) const fn distinct(self) -> Self {
        Self {
            is_distinct: true,
            ..self
        }
    }

    pub(super) const fn plain(self) -> Self {
        Self {
            is_plain: true,
            ..self
        }
    }
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
            Rule::Constant(_) | Rule::OneOf(_) | Rule::Text(_) => Some(Type::String),
            Rule::Object(_) => Some(Type::Object),
            Rule::Array(..) => Some(Type::Array),
            Rule::Anything => None,
        }
    }
}
