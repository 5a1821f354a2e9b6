//! JSON as a message, an answer and a reply need it: read from beginning to end, one token after the
//! other, and strings written.
//!
//! Structure and plain strings are dealt with here, which costs each send less than half of what
//! serde_json would; numbers and escapes, serde_json reads and writes.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;

/// Values nested deeper are refused, so that reading them needs little stack.
pub(crate) const MAX_DEPTH: usize = 32;

/// The types of JSON, by the names that JSON Schema has for them.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Type {
    Null,
    Boolean,
    Number,
    String,
    Array,
    Object,
}

/// Why the text cannot be read any further.
#[derive(Clone, Copy)]
pub(crate) enum Fault {
    NoValue,
    NoKey,
    NoColon,
    NoCommaInObject,
    NoCommaInArray,
    BadString,
    BadNumber,
    TooDeep,
    NoEnd,
}

/// A copy of it looks ahead.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    text: &'a str,
    /// How many bytes of it were read.
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// How many bytes have been read: tells one object from the next.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// The type of the value that begins here, by its first character.
    pub(crate) fn next_type(&mut self) -> Result<Type, Fault> {
        match self.peek() {
            Some(b'"') => Ok(Type::String),
            Some(b'{') => Ok(Type::Object),
            Some(b'[') => Ok(Type::Array),
            Some(b'-' | b'0'..=b'9') => Ok(Type::Number),
            Some(b't' | b'f') => Ok(Type::Boolean),
            Some(b'n') => Ok(Type::Null),
            _ => Err(Fault::NoValue),
        }
    }

    /// Whether the value that begins here begins with this character.
    #[inline(always)]
    pub(crate) fn is_at(&mut self, opening: u8) -> bool {
        self.peek() == Some(opening)
    }

    /// Goes into an array or object. False if there is nothing in it.
    #[inline(always)]
    pub(crate) fn enter(&mut self, closing: u8) -> Result<bool, Fault> {
        self.at += 1;
        if self.is_at(closing) {
            self.at += 1;
            return Ok(false);
        }
        Ok(true)
    }

    /// Goes on behind an item or member. False if it was the last, and the array or object ends.
    #[inline(always)]
    pub(crate) fn another(&mut self, closing: u8) -> Result<bool, Fault> {
        let next = self.peek();
        if next == Some(b',') {
            self.at += 1;
            Ok(true)
        } else if next == Some(closing) {
            self.at += 1;
            Ok(false)
        } else if closing == b'}' {
            Err(Fault::NoCommaInObject)
        } else {
            Err(Fault::NoCommaInArray)
        }
    }

    /// A member's key, and the colon behind it.
    pub(crate) fn key(&mut self) -> Result<Cow<'a, str>, Fault> {
        if !self.is_at(b'"') {
            return Err(Fault::NoKey);
        }
        let key = self.string()?;
        if !self.is_at(b':') {
            return Err(Fault::NoColon);
        }
        self.at += 1;
        Ok(key)
    }

    /// How the key that stands here starts, for [`Spelling::may_be`]; 0 at the end of a text.
    #[inline(always)]
    pub(crate) fn key_start(&mut self) -> u64 {
        self.peek();
        let rest = self.text.as_bytes().get(self.at..);
        match rest.and_then(<[u8]>::first_chunk::<9>) {
            Some([b'"', start @ ..]) => u64::from_le_bytes(*start),
            _ => 0,
        }
    }

    /// Reads a member's key and the colon behind it if the key, which starts like this one, is it.
    #[inline(always)]
    pub(crate) fn takes_key(&mut self, key: &Spelling) -> bool {
        let is_it = key.is(self.behind_quote());
        if is_it {
            self.at += 1 + key.length;
        }
        is_it
    }

    /// Reads the string that stands here if it is this one, and nothing in it is escaped.
    #[inline(always)]
    pub(crate) fn takes_string(&mut self, string: &str) -> bool {
        let rest = self.behind_quote().strip_prefix(string.as_bytes());
        let is_it = matches!(rest, Some([b'"', ..]));
        if is_it {
            self.at += string.len() + 2;
        }
        is_it
    }

    #[inline(always)]
    pub(crate) fn string(&mut self) -> Result<Cow<'a, str>, Fault> {
        let start = self.at + 1;
        let end = start + plain_length(self.behind_quote());
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
        let mut strings = serde_json::Deserializer::from_slice(self.rest()).into_iter::<String>();
        match strings.next() {
            Some(Ok(string)) => {
                self.at += strings.byte_offset();
                Ok(Cow::Owned(string))
            }
            _ => Err(Fault::BadString),
        }
    }

    #[cold]
    pub(crate) fn number(&mut self) -> Result<(), Fault> {
        let is_part = |byte: &&u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
        let length = self.rest().iter().take_while(is_part).count();
        let number = self.rest().get(..length).unwrap_or_default();
        match serde_json::from_slice::<f64>(number) {
            Ok(_) => {
                self.at += length;
                Ok(())
            }
            Err(_) => Err(Fault::BadNumber),
        }
    }

    /// `true`, `false` or `null`.
    pub(crate) fn word(&mut self) -> Result<Option<bool>, Fault> {
        let words = [("true", Some(true)), ("false", Some(false)), ("null", None)];
        match words
            .into_iter()
            .find(|(word, _)| self.rest().starts_with(word.as_bytes()))
        {
            Some((word, value)) => {
                self.at += word.len();
                Ok(value)
            }
            None => Err(Fault::NoValue),
        }
    }

    /// Passes over a value, in which no array or object may be nested deeper than `depth`.
    pub(crate) fn skip(&mut self, depth: usize) -> Result<(), Fault> {
        let closing = match self.next_type()? {
            Type::String => return self.string().map(drop),
            Type::Number => return self.number(),
            Type::Null | Type::Boolean => return self.word().map(drop),
            Type::Array => b']',
            Type::Object => b'}',
        };
        let depth = depth.checked_sub(1).ok_or(Fault::TooDeep)?;
        let mut more = self.enter(closing)?;
        while more {
            if closing == b'}' {
                self.key()?;
            }
            self.skip(depth)?;
            more = self.another(closing)?;
        }
        Ok(())
    }

    pub(crate) fn end(&mut self) -> Result<(), Fault> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(Fault::NoEnd),
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

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    #[inline(always)]
    fn behind_quote(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at + 1..).unwrap_or_default()
    }

    /// Says what is wrong at the place that was reached, without what stands there.
    #[cold]
    pub(crate) fn describe(&self, fault: Fault) -> String {
        let read = self.text.get(..self.at).unwrap_or(self.text);
        let line = read.matches('\n').count() + 1;
        let column = read.chars().rev().take_while(|&c| c != '\n').count() + 1;
        let place = format!("cannot be read at line {line}, column {column}");
        match self.rest() {
            [] => format!("{place}: the text ends too early"),
            _ => format!("{place}: {fault}"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::NoValue => f.write_str("a value must stand here"),
            Fault::NoKey => f.write_str("a key in double quotes must stand here"),
            Fault::NoColon => f.write_str("a colon must stand here"),
            Fault::NoCommaInObject => f.write_str("a comma or a closing brace must stand here"),
            Fault::NoCommaInArray => f.write_str("a comma or a closing bracket must stand here"),
            Fault::BadString => f.write_str(
                "the string that begins here has no end, a broken escape, or a control character \
                 that is not escaped",
            ),
            Fault::BadNumber => f.write_str("the number is malformed or too large"),
            Fault::TooDeep => write!(f, "it is nested deeper than {MAX_DEPTH} levels"),
            Fault::NoEnd => f.write_str("nothing may follow the message"),
        }
    }
}

/// A key as it mostly stands in a text: without escapes, and with its colon close behind it. One
/// comparison tells it from most others.
pub(crate) struct Spelling {
    name: &'static str,
    /// How many bytes there are behind the opening quote.
    length: usize,
    /// The first of them, as far as they go in; and which bytes of it count.
    start: u64,
    mask: u64,
}

impl Spelling {
    const START_BYTES: usize = size_of::<u64>();

    pub(crate) const fn of(name: &'static str) -> Self {
        let mut spelling = Self {
            name,
            length: 0,
            start: 0,
            mask: 0,
        };
        let mut rest = name.as_bytes();
        while let Some((byte, after)) = rest.split_first() {
            spelling = spelling.with(*byte);
            rest = after;
        }
        spelling.with(b'"').with(b':')
    }

    const fn with(mut self, byte: u8) -> Self {
        if self.length < Self::START_BYTES {
            self.start |= (byte as u64) << (8 * self.length);
            self.mask |= 0xff << (8 * self.length);
        }
        self.length += 1;
        self
    }

    /// Whether a key that starts like this can be it.
    #[inline(always)]
    pub(crate) fn may_be(&self, key_start: u64) -> bool {
        key_start & self.mask == self.start
    }

    /// Whether a key that may be it is.
    #[inline(always)]
    fn is(&self, key: &[u8]) -> bool {
        self.length <= Self::START_BYTES
            || matches!(
                key.strip_prefix(self.name.as_bytes()),
                Some([b'"', b':', ..])
            )
    }
}

/// Writes a string, in its quotes.
pub(crate) fn write_string(json: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    if plain_length(bytes) == bytes.len() {
        json.push(b'"');
        json.extend_from_slice(bytes);
        json.push(b'"');
    } else {
        // A vector takes whatever is written.
        let _ = serde_json::to_writer(json, text);
    }
}

/// How many bytes stand before the first that is a quote, a backslash or a control character.
#[inline(always)]
fn plain_length(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    while let Some((chunk, after)) = rest.split_first_chunk() {
        let special = special_bytes(chunk);
        if special != 0 {
            return bytes.len() - rest.len() + special.trailing_zeros() as usize;
        }
        rest = after;
    }
    bytes.len() - rest.len() + rest.iter().position(is_special).unwrap_or(rest.len())
}

/// A bit for each of these bytes: set where it is a quote, a backslash or a control character.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
#[allow(unsafe_code)]
fn special_bytes(chunk: &[u8; 16]) -> u32 {
    use std::arch::x86_64::*;

    // SAFETY: every x86-64 processor has SSE2, and the load is of the 16 bytes of the chunk.
    unsafe {
        let bytes = _mm_loadu_si128(chunk.as_ptr().cast());
        let is = |byte: u8| _mm_cmpeq_epi8(bytes, _mm_set1_epi8(byte as i8));
        let last_control = _mm_set1_epi8(0x1f);
        let is_control = _mm_cmpeq_epi8(_mm_max_epu8(bytes, last_control), last_control);
        let is_special = _mm_or_si128(_mm_or_si128(is(b'"'), is(b'\\')), is_control);
        _mm_movemask_epi8(is_special) as u32
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn special_bytes(chunk: &[u8; 16]) -> u32 {
    let bytes = (0..).zip(chunk);
    bytes.fold(0, |bits, (index, byte)| {
        bits | u32::from(is_special(byte)) << index
    })
}

fn is_special(byte: &u8) -> bool {
    matches!(byte, b'"' | b'\\' | 0..0x20)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn each_byte_is_plain_or_special_wherever_it_stands() {
        for length in 0..40 {
            for place in 0..length {
                for byte in 0..=255 {
                    let mut bytes = vec![b'a'; length];
                    bytes[place] = byte;
                    let expected = if is_special(&byte) { place } else { length };
                    let found = plain_length(&bytes);
                    assert_eq!(found, expected, "{byte} at {place} of {length}");
                }
            }
        }
    }

    #[test]
    fn key_is_taken_only_where_it_stands_whole_and_plain() {
        for name in ["id", "header", "sevench", "phone_id", "interactive"] {
            let key = Spelling::of(name);
            let taken = |text: &str| {
                let mut reader = Reader::new(text);
                let start = reader.key_start();
                (key.may_be(start) && reader.takes_key(&key)).then_some(reader.at)
            };
            let behind_colon = Some(name.len() + 3);
            assert_eq!(taken(&format!(r#""{name}":"0123456789""#)), behind_colon);
            for other in [
                format!(r#""{name}s":"0123456789""#),
                format!(r#""{name}" :"0123456789""#),
                format!(r#""{name}";"0123456789""#),
                format!(r#"'{name}":"0123456789""#),
                format!(r#""{}":"0123456789""#, &name[1..]),
                format!(r#""{name}"#),
                String::new(),
            ] {
                assert_eq!(taken(&other), None, "{other}");
            }
        }
    }

    /// Tokens in any order, and whole values.
    fn text() -> impl Strategy<Value = String> {
        let token = prop_oneof![
            "[{}\\[\\],: \t\r\n]",
            "\"[ -~é\n\\\\\"]{0,20}\"",
            Just(r#""a":"#.to_owned()),
            Just(r#""\u00e9\n""#.to_owned()),
            "-?[0-9]{1,3}(\\.[0-9])?(e[0-9])?",
            "true|false|null|nul",
        ];
        prop_oneof![
            proptest::collection::vec(token, 0..12).prop_map(|tokens| tokens.concat()),
            value().prop_map(|value| value.to_string()),
            value().prop_map(|value| serde_json::to_string_pretty(&value).expect("a value")),
        ]
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::vec((any::<String>(), inner), 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn what_serde_json_reads_is_read_and_nothing_else(text in text()) {
            let mut reader = Reader::new(&text);
            let is_read = reader.skip(MAX_DEPTH).is_ok() && reader.end().is_ok();
            prop_assert_eq!(is_read, serde_json::from_str::<Value>(&text).is_ok());
        }

        #[test]
        fn string_is_read_as_it_was_written(text in any::<String>()) {
            let mut json = Vec::new();
            write_string(&mut json, &text);
            let json = String::from_utf8(json).expect("UTF-8");
            prop_assert_eq!(&json, &serde_json::to_string(&text).expect("a string"));
            let mut reader = Reader::new(&json);
            let read = reader.string().ok();
            prop_assert_eq!(read.as_deref(), Some(&*text));
            prop_assert!(reader.end().is_ok());
        }
    }
}
