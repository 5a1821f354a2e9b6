//! A JSON text as a flat list of its values, with every key that it gives.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};

use super::rules::MAX_DEPTH;

/// The values in the order in which they begin. Unlike a map, it keeps a key that is given twice.
pub(super) struct Document<'a>(Vec<Node<'a>>);

pub(super) struct Node<'a> {
    /// Empty where the value is not an object's member.
    pub(super) key: Cow<'a, str>,
    pub(super) value: Value<'a>,
    /// How many of the nodes that follow are inside this one.
    descendants: usize,
}

pub(super) enum Value<'a> {
    Null,
    Bool,
    Number,
    Text(Cow<'a, str>),
    Array,
    Object,
}

impl<'a> Document<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, serde_json::Error> {
        // One allocation is enough: a message has no more than a value in eight bytes.
        let mut nodes = Vec::with_capacity(text.len() / 8);
        let mut json = serde_json::Deserializer::from_str(text);
        let root = Builder {
            nodes: &mut nodes,
            key: Cow::Borrowed(""),
            depth: 0,
        };
        root.deserialize(&mut json)?;
        json.end()?;
        Ok(Self(nodes))
    }

    /// The outermost value, of which there is one.
    pub(super) fn elements(&self) -> Elements<'_, 'a> {
        Elements(&self.0)
    }
}

/// Values side by side, each with what is inside it.
#[derive(Clone, Copy)]
pub(super) struct Elements<'d, 'a>(&'d [Node<'a>]);

#[derive(Clone, Copy)]
pub(super) struct Element<'d, 'a> {
    pub(super) node: &'d Node<'a>,
    /// The items of an array, the members of an object.
    pub(super) children: Elements<'d, 'a>,
}

impl<'d, 'a> Iterator for Elements<'d, 'a> {
    type Item = Element<'d, 'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let (node, following) = self.0.split_first()?;
        let (inside, after) = following.split_at_checked(node.descendants)?;
        self.0 = after;
        Some(Element {
            node,
            children: Elements(inside),
        })
    }
}

impl<'d, 'a> Element<'d, 'a> {
    /// The member of that name; the last, where the key is given twice, as most readers take it.
    pub(super) fn member(self, key: &str) -> Option<Self> {
        self.children.filter(|member| member.node.key == key).last()
    }

    pub(super) fn text(self) -> Option<&'d str> {
        match &self.node.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl Value<'_> {
    pub(super) fn json_type(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool => "boolean",
            Value::Number => "number",
            Value::Text(_) => "string",
            Value::Array => "array",
            Value::Object => "object",
        }
    }
}

/// Appends one value, and what is inside it, to the list.
struct Builder<'n, 'a> {
    nodes: &'n mut Vec<Node<'a>>,
    key: Cow<'a, str>,
    /// How many arrays and objects are around it.
    depth: usize,
}

impl<'a> Builder<'_, 'a> {
    fn append<E>(self, value: Value<'a>) -> Result<(), E> {
        self.nodes.push(Node {
            key: self.key,
            value,
            descendants: 0,
        });
        Ok(())
    }

    /// Appends an array or object, whose inside `read` then appends.
    fn append_around<E: Error>(
        self,
        value: Value<'a>,
        read: impl FnOnce(&mut Vec<Node<'a>>, usize) -> Result<(), E>,
    ) -> Result<(), E> {
        let Self { nodes, key, depth } = self;
        if depth == MAX_DEPTH {
            return Err(E::custom(format_args!(
                "is nested deeper than {MAX_DEPTH} levels"
            )));
        }
        let position = nodes.len();
        nodes.push(Node {
            key,
            value,
            descendants: 0,
        });
        read(nodes, depth + 1)?;
        let descendants = nodes.len() - position - 1;
        if let Some(node) = nodes.get_mut(position) {
            node.descendants = descendants;
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Builder<'_, 'de> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Builder<'_, 'de> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.append(Value::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        self.append(Value::Bool)
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        self.append(Value::Number)
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        self.append(Value::Number)
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        self.append(Value::Number)
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<(), E> {
        self.append(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.append(Value::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.append_around(Value::Array, |nodes, depth| {
            loop {
                let item = Builder {
                    nodes,
                    key: Cow::Borrowed(""),
                    depth,
                };
                if items.next_element_seed(item)?.is_none() {
                    return Ok(());
                }
            }
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        self.append_around(Value::Object, |nodes, depth| {
            while let Some(key) = members.next_key_seed(Key)? {
                members.next_value_seed(Builder { nodes, key, depth })?;
            }
            Ok(())
        })
    }
}

/// Borrows a key from the text, or owns it where it has escapes.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Cow<'de, str>;

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = Cow<'de, str>;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(key))
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(key.to_owned()))
    }
}
