//! Reads JSON text from its beginning to its end, one token after the other.

use std::borrow::Cow;

use super::rules::Type;

/// Structure and plain strings it reads itself; numbers and escapes, serde_json reads for it. A copy
/// of it looks ahead.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    text: &'a str,
    /// How many bytes of it were read.
    at: usize,
}

/// Why the text cannot be read any further.
pub(super) struct Fault(&'static str);

impl Fault {
    /// The number is [`MAX_DEPTH`](super::rules::MAX_DEPTH)'s.
    pub(super) const DEPTH: Self = Self("it is nested deeper than 32 levels");
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// How many bytes have been read: tells one object from the next.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// The type of the value that begins here, by its first character.
    #[inline(always)]
    pub(super) fn next_type(&mut self) -> Result<Type, Fault> {
        match self.peek() {
            Some(b'"') => Ok(Type::String),
            Some(b'{') => Ok(Type::Object),
            Some(b'[') => Ok(Type::Array),
            Some(b'-' | b'0'..=b'9') => Ok(Type::Number),
            Some(b't' | b'f') => Ok(Type::Boolean),
            Some(b'n') => Ok(Type::Null),
            _ => Err(Fault("a value must stand here")),
        }
    }

    /// Goes into an array or object. False if there is nothing in it.
    #[inline(always)]
    pub(super) fn enter(&mut self, closing: u8) -> Result<bool, Fault> {
        self.at += 1;
        if self.peek() == Some(closing) {
            self.at += 1;
            return Ok(false);
        }
        Ok(true)
    }

    /// Goes on behind an item or member. False if it was the last, and the array or object ends.
    #[inline(always)]
    pub(super) fn another(&mut self, closing: u8) -> Result<bool, Fault> {
        let next = self.peek();
        if next == Some(b',') {
            self.at += 1;
            Ok(true)
        } else if next == Some(closing) {
            self.at += 1;
            Ok(false)
        } else if closing == b'}' {
            Err(Fault("a comma or a closing brace must stand here"))
        } else {
            Err(Fault("a comma or a closing bracket must stand here"))
        }
    }

    /// A member's key, and the colon behind it.
    #[inline(always)]
    pub(super) fn key(&mut self) -> Result<Cow<'a, str>, Fault> {
        if self.peek() != Some(b'"') {
            return Err(Fault("a key in double quotes must stand here"));
        }
        let key = self.string()?;
        if self.peek() != Some(b':') {
            return Err(Fault("a colon must stand here"));
        }
        self.at += 1;
        Ok(key)
    }

    #[inline(always)]
    pub(super) fn string(&mut self) -> Result<Cow<'a, str>, Fault> {
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
        let mut strings = serde_json::Deserializer::from_str(self.rest()).into_iter::<String>();
        match strings.next() {
            Some(Ok(string)) => {
                self.at += strings.byte_offset();
                Ok(Cow::Owned(string))
            }
            _ => Err(Fault(
                "the string that begins here has no end, a broken escape, \
                 or a control character that is not escaped",
            )),
        }
    }

    #[cold]
    pub(super) fn number(&mut self) -> Result<(), Fault> {
        let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
        let length = self.rest().bytes().take_while(is_part).count();
        let number = self.rest().get(..length).unwrap_or_default();
        match serde_json::from_str::<f64>(number) {
            Ok(_) => {
                self.at += length;
                Ok(())
            }
            Err(_) => Err(Fault("the number is malformed or too large")),
        }
    }

    /// `true`, `false` or `null`.
    #[cold]
    pub(super) fn word(&mut self) -> Result<(), Fault> {
        let words = ["true", "false", "null"];
        match words.iter().find(|word| self.rest().starts_with(**word)) {
            Some(word) => {
                self.at += word.len();
                Ok(())
            }
            None => Err(Fault("a value must stand here")),
        }
    }

    pub(super) fn end(&mut self) -> Result<(), Fault> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(Fault("nothing may follow the message")),
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

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Says what is wrong at the place that was reached, without what stands there.
    #[cold]
    pub(super) fn describe(&self, Fault(reason): Fault) -> String {
        let read = self.text.get(..self.at).unwrap_or(self.text);
        let line = read.matches('\n').count() + 1;
        let column = read.chars().rev().take_while(|&c| c != '\n').count() + 1;
        let reason = match self.rest() {
            "" => "the text ends too early",
            _ => reason,
        };
        format!("cannot be read at line {line}, column {column}: {reason}")
    }
}

/// How many bytes stand before the first that is a quote, a backslash or a control character.
#[inline(always)]
fn plain_length(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHS: u64 = u64::from_ne_bytes([0x80; 8]);

    // Eight bytes at a time: subtracting borrows into the high bit of each byte that is too small.
    // A borrow may spoil the bytes above the first hit, never those below it.
    let mut rest = bytes;
    while let Some((chunk, after)) = rest.split_first_chunk() {
        let chunk = u64::from_le_bytes(*chunk);
        // Swaps the quote with the space, next to the control characters.
        let quote_or_control = (chunk ^ (ONES * 2)).wrapping_sub(ONES * 0x21);
        let backslash = (chunk ^ (ONES * u64::from(b'\\'))).wrapping_sub(ONES);
        let hits = (quote_or_control | backslash) & !chunk & HIGHS;
        if hits != 0 {
            return bytes.len() - rest.len() + hits.trailing_zeros() as usize / 8;
        }
        rest = after;
    }
    let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    bytes.len() - rest.len() + rest.iter().position(is_special).unwrap_or(rest.len())
}
