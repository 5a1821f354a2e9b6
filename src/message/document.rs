//! A JSON text as a flat list of its values, with every key that it gives.

use std::borrow::Cow;

use super::rules::{MAX_DEPTH, Type};

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
    /// The error says what is wrong and where.
    pub(super) fn parse(text: &'a str) -> Result<Self, String> {
        let mut reader = Reader {
            text,
            at: 0,
            // One allocation is enough: a message has fewer values than one in eight bytes.
            nodes: Vec::with_capacity(text.len() / 8),
        };
        match reader.message() {
            Ok(()) => Ok(Self(reader.nodes)),
            Err(fault) => Err(reader.describe(&fault)),
        }
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
    /// The member of that name.
    pub(super) fn member(self, key: &str) -> Option<Self> {
        {
            let mut members = self.children;
            members.find(|member| member.node.key == key)
        }
    }

    pub(super) fn text(self) -> Option<&'d str> {
        match &self.node.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl Value<'_> {
    pub(super) fn json_type(&self) -> Type {
        match self {
            Value::Null => Type::Null,
            Value::Bool => Type::Boolean,
            Value::Number => Type::Number,
            Value::Text(_) => Type::String,
            Value::Array => Type::Array,
            Value::Object => Type::Object,
        }
    }
}

/// Why a text cannot be read any further.
enum Fault {
    Value,
    Key,
    Colon,
    CommaOrBrace,
    CommaOrBracket,
    Number,
    String,
    Depth,
    Trailing,
}

impl Fault {
    fn describe(&self) -> String {
        match self {
            Fault::Value => "a value must stand here".to_owned(),
            Fault::Key => "a key in double quotes must stand here".to_owned(),
            Fault::Colon => "a colon must stand here".to_owned(),
            Fault::CommaOrBrace => "a comma or a closing brace must stand here".to_owned(),
            Fault::CommaOrBracket => "a comma or a closing bracket must stand here".to_owned(),
            Fault::Number => "the number is malformed or too large".to_owned(),
            Fault::String => "the string that begins here has no end, a broken escape, \
                              or a control character that is not escaped"
                .to_owned(),
            Fault::Depth => format!("it is nested deeper than {MAX_DEPTH} levels"),
            Fault::Trailing => "nothing may follow the message".to_owned(),
        }
    }
}

/// Reads the structure and plain strings; what is rare, serde_json reads for it.
///
/// A visitor of serde_json's could do all of it, at a quarter more instructions.
struct Reader<'a> {
    text: &'a str,
    at: usize,
    nodes: Vec<Node<'a>>,
}

impl<'a> Reader<'a> {
    fn message(&mut self) -> Result<(), Fault> {
        self.value(Cow::Borrowed(""), 0)?;
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(Fault::Trailing),
        }
    }

    fn value(&mut self, key: Cow<'a, str>, depth: usize) -> Result<(), Fault> {
        match self.peek() {
            Some(b'"') => {
                let text = self.string()?;
                self.append(key, Value::Text(text));
                Ok(())
            }
            Some(b'{') => self.around(key, Value::Object, depth, Self::members),
            Some(b'[') => self.around(key, Value::Array, depth, Self::items),
            Some(b'-' | b'0'..=b'9') => {
                self.number()?;
                self.append(key, Value::Number);
                Ok(())
            }
            Some(b't') => self.literal("true", key, Value::Bool),
            Some(b'f') => self.literal("false", key, Value::Bool),
            Some(b'n') => self.literal("null", key, Value::Null),
            _ => Err(Fault::Value),
        }
    }

    fn append(&mut self, key: Cow<'a, str>, value: Value<'a>) {
        self.nodes.push(Node {
            key,
            value,
            descendants: 0,
        });
    }

    /// Appends an array or object and what `inside` reads of it.
    fn around(
        &mut self,
        key: Cow<'a, str>,
        value: Value<'a>,
        depth: usize,
        inside: impl FnOnce(&mut Self, usize) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        if depth == MAX_DEPTH {
            return Err(Fault::Depth);
        }
        let position = self.nodes.len();
        self.append(key, value);
        self.at += 1;
        inside(self, depth + 1)?;
        let descendants = self.nodes.len() - position - 1;
        if let Some(node) = self.nodes.get_mut(position) {
            node.descendants = descendants;
        }
        Ok(())
    }

    fn members(&mut self, depth: usize) -> Result<(), Fault> {
        if self.take(b'}') {
            return Ok(());
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(Fault::Key);
            }
            let key = self.string()?;
            if !self.take(b':') {
                return Err(Fault::Colon);
            }
            self.value(key, depth)?;
            match self.peek() {
                Some(b',') => {}
                Some(b'}') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(Fault::CommaOrBrace),
            }
            self.at += 1;
        }
    }

    fn items(&mut self, depth: usize) -> Result<(), Fault> {
        if self.take(b']') {
            return Ok(());
        }
        loop {
            self.value(Cow::Borrowed(""), depth)?;
            match self.peek() {
                Some(b',') => {}
                Some(b']') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(Fault::CommaOrBracket),
            }
            self.at += 1;
        }
    }

    fn literal(&mut self, word: &str, key: Cow<'a, str>, value: Value<'a>) -> Result<(), Fault> {
        if !self.rest().starts_with(word.as_bytes()) {
            return Err(Fault::Value);
        }
        self.at += word.len();
        self.append(key, value);
        Ok(())
    }

    #[inline(never)]
    fn number(&mut self) -> Result<(), Fault> {
        let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
        let length = self.rest().iter().take_while(|byte| is_part(byte)).count();
        let number = self.text.get(self.at..self.at + length);
        match number.map(serde_json::from_str::<f64>) {
            Some(Ok(_)) => {
                self.at += length;
                Ok(())
            }
            _ => Err(Fault::Number),
        }
    }

    #[inline(always)]
    fn string(&mut self) -> Result<Cow<'a, str>, Fault> {
        let start = self.at + 1;
        let end = start + plain_length(self.text.as_bytes().get(start..).unwrap_or_default());
        match self.text.as_bytes().get(end) {
            Some(b'"') => {
                self.at = end + 1;
                Ok(Cow::Borrowed(self.text.get(start..end).unwrap_or_default()))
            }
            _ => self.escaped_string(),
        }
    }

    #[cold]
    #[inline(never)]
    fn escaped_string(&mut self) -> Result<Cow<'a, str>, Fault> {
        let mut strings =
            serde_json::Deserializer::from_str(self.text.get(self.at..).unwrap_or_default())
                .into_iter::<String>();
        match strings.next() {
            Some(Ok(string)) => {
                self.at += strings.byte_offset();
                Ok(Cow::Owned(string))
            }
            _ => Err(Fault::String),
        }
    }

    /// The next byte that is no white space.
    #[inline(always)]
    fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = *self.text.as_bytes().get(self.at)?;
            // One comparison for nearly every byte.
            if byte > b' ' || !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    #[inline(always)]
    fn take(&mut self, wanted: u8) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// Says what is wrong at the place that was reached, without what stands there.
    #[cold]
    fn describe(&self, fault: &Fault) -> String {
        let read = self.text.get(..self.at).unwrap_or(self.text);
        let line = read.matches('\n').count() + 1;
        let column = read.chars().rev().take_while(|&c| c != '\n').count() + 1;
        let reason = if self.at == self.text.len() {
            "the text ends too early".to_owned()
        } else {
            fault.describe()
        };
        format!("cannot be read at line {line}, column {column}: {reason}")
    }
}

/// How many bytes stand before the first that is a quote, a backslash or a control character.
fn plain_length(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHS: u64 = u64::from_ne_bytes([0x80; 8]);

    // Eight bytes at a time: subtracting borrows into the high bit of each byte that is too small.
    // A borrow may spoil the bytes above the first hit, never those below it.
    let (chunks, rest) = bytes.as_chunks::<8>();
    for (index, chunk) in chunks.iter().enumerate() {
        let chunk = u64::from_le_bytes(*chunk);
        let quote = (chunk ^ (ONES * u64::from(b'"'))).wrapping_sub(ONES);
        let backslash = (chunk ^ (ONES * u64::from(b'\\'))).wrapping_sub(ONES);
        let control = chunk.wrapping_sub(ONES * 0x20);
        let hits = (quote | backslash | control) & !chunk & HIGHS;
        if hits != 0 {
            return index * 8 + hits.trailing_zeros() as usize / 8;
        }
    }
    let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    let within = rest.iter().position(is_special).unwrap_or(rest.len());
    chunks.len() * 8 + within
}
