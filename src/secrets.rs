//! What must appear in no reply.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::reply::MAX_SHOWN_BYTES;

/// How often a text may be escaped over: JSON in JSON in a URL is as deep as anyone was seen to go.
const MAX_DEPTH: u8 = 3;

/// A part of a secret that a text ends in counts from so many bytes on.
const MIN_CUT_BYTES: usize = 4;

/// One character, escaped over and over.
const MAX_ESCAPE_BYTES: usize = 32;

/// The API key and a proxy's password, which an answer may repeat in any spelling.
pub(crate) struct Secrets {
    /// The longest first, as one may hold another.
    secrets: Vec<String>,
}

impl Secrets {
    pub(crate) fn new(secrets: impl Iterator<Item = String>) -> Self {
        let mut secrets: Vec<String> = secrets.filter(|secret| !secret.is_empty()).collect();
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Secrets { secrets }
    }

    /// The beginning of what came from the network, up to [`MAX_SHOWN_BYTES`], without the secrets
    /// that it may repeat: plain, or escaped as JSON, HTML or a URL does, each over the other.
    pub(crate) fn redact(&self, text: &str, ending: Ending) -> String {
        let end = text.floor_char_boundary(MAX_SHOWN_BYTES);
        let mut redacted = String::new();
        let mut passed = 0;
        while let Some((start, length)) = self.find(text.as_bytes(), passed..end, ending) {
            redacted.push_str(text.get(passed..start).unwrap_or_default());
            redacted.push_str("***");
            passed = start + length;
        }
        redacted.push_str(text.get(passed..end).unwrap_or_default());
        redacted.truncate(redacted.floor_char_boundary(MAX_SHOWN_BYTES));
        redacted
    }

    /// Where the first secret begins that begins within the range, and how many bytes spell it.
    fn find(&self, text: &[u8], mut range: Range<usize>, ending: Ending) -> Option<(usize, usize)> {
        let mut tried = Tried::new();
        range.find_map(|start| {
            let text = text.get(start..)?;
            let spelt = |secret: &String| spelling(secret.as_bytes(), text, ending, &mut tried);
            Some((start, self.secrets.iter().find_map(spelt)?))
        })
    }
}

/// What was read on from, in vain: a place in a secret, and how many bytes of the text were left.
type Tried = BTreeSet<(*const u8, usize)>;

/// How a text came to its end.
#[derive(Clone, Copy)]
pub(crate) enum Ending {
    Whole,
    BrokenOff,
}

impl Ending {
    /// How many bytes of a secret are so many that a text which ends in them was cut there.
    fn min_cut_bytes(self, secret: &[u8]) -> usize {
        match self {
            // Its writer may have cut it. Fewer may be something else, such as the end of an ID.
            Ending::Whole => MIN_CUT_BYTES.max(secret.len() / 2 + 1),
            Ending::BrokenOff => MIN_CUT_BYTES,
        }
    }
}

/// How many bytes at the beginning of `text` spell the secret, or as much of it as the text has
/// before it ends.
///
/// Where a byte may begin an escape there are several ways to read on; each is followed, and none
/// twice, from wherever it was come to. The longest counts: a secret's own `\u` may be one of an
/// escape's.
fn spelling(secret: &[u8], text: &[u8], ending: Ending, tried: &mut Tried) -> Option<usize> {
    if text.first() != secret.first() && !text.first().copied().is_some_and(begins_escape) {
        return None;
    }
    let min_cut_bytes = ending.min_cut_bytes(secret);
    let mut whole = None;
    let mut cut = None;
    let mut untried = vec![(secret, text)];
    while let Some((mut secret_left, mut text_left)) = untried.pop() {
        loop {
            let passed = text.len() - text_left.len();
            match (secret_left, text_left) {
                ([], _) => {
                    whole = whole.max(Some(passed));
                    break;
                }
                (_, []) if secret.len() - secret_left.len() >= min_cut_bytes => {
                    cut = Some(passed);
                    break;
                }
                ([expected, secret_rest @ ..], [byte, text_rest @ ..]) => {
                    if begins_escape(*byte) {
                        let read_bytes = secret.len() - secret_left.len();
                        if read_bytes >= min_cut_bytes && text_left.len() < MAX_ESCAPE_BYTES {
                            // The text may end in the middle of this escape.
                            cut = Some(text.len());
                        }
                        if tried.insert((secret_left.as_ptr(), text_left.len())) {
                            characters(text_left, MAX_DEPTH, &mut |read, text_rest| {
                                if let Some(secret_rest) = secret_left.strip_prefix(read) {
                                    untried.push((secret_rest, text_rest));
                                }
                            });
                        }
                        break;
                    }
                    if byte != expected {
                        break;
                    }
                    (secret_left, text_left) = (secret_rest, text_rest);
                }
                _ => break,
            }
        }
    }
    whole.or(cut)
}

fn begins_escape(byte: u8) -> bool {
    matches!(byte, b'\\' | b'&' | b'%' | b'+')
}

/// What is told of each way to read the beginning of a text: the bytes that are meant, and the rest
/// of the text.
type Found<'f, 't> = &'f mut dyn FnMut(&[u8], &'t [u8]);

/// Reads an escape at the beginning of `text`, whose own characters may be escaped in their turn.
fn escapes<'t>(text: &'t [u8], depth: u8, found: Found<'_, 't>) {
    if depth == 0 || !text.first().copied().is_some_and(begins_escape) {
        return;
    }
    let depth = depth - 1;
    characters(text, depth, &mut |character, rest| match character {
        b"\\" => json_escape(rest, depth, found),
        b"&" => html_escape(rest, depth, found),
        b"%" => {
            if let Some(([high, low], rest)) = digits::<2>(rest) {
                found(&[high * 16 + low], rest);
            }
        }
        b"+" => found(b" ", rest),
        _ => {}
    });
}

/// Reads one character at the beginning of `text`, as it is and as an escape.
fn characters<'t>(text: &'t [u8], depth: u8, found: Found<'_, 't>) {
    if let Some((first, rest)) = text.split_first() {
        found(&[*first], rest);
        escapes(text, depth, found);
    }
}

/// What follows a backslash (RFC 8259, section 7).
fn json_escape<'t>(text: &'t [u8], depth: u8, found: Found<'_, 't>) {
    characters(text, depth, &mut |character, rest| match character {
        b"\"" | b"\\" | b"/" => found(character, rest),
        b"b" => found(b"\x08", rest),
        b"f" => found(b"\x0c", rest),
        b"n" => found(b"\n", rest),
        b"r" => found(b"\r", rest),
        b"t" => found(b"\t", rest),
        b"u" => {
            let Some((unit, rest)) = unit(rest) else {
                return;
            };
            // A character beyond the first 65536 is written as two.
            let second = rest.strip_prefix(b"\\u").and_then(self::unit);
            if let Some(Ok(character)) = char::decode_utf16([unit]).next() {
                found(character.encode_utf8(&mut [0; 4]).as_bytes(), rest);
            } else if let Some((second, rest)) = second
                && let Some(Ok(character)) = char::decode_utf16([unit, second]).next()
            {
                found(character.encode_utf8(&mut [0; 4]).as_bytes(), rest);
            }
        }
        _ => {}
    });
}

/// Four hexadecimal digits: a unit of UTF-16.
fn unit(text: &[u8]) -> Option<(u16, &[u8])> {
    let (digits, rest) = digits::<4>(text)?;
    let unit = digits
        .iter()
        .fold(0, |unit, digit| unit * 16 + u16::from(*digit));
    Some((unit, rest))
}

fn digits<const N: usize>(text: &[u8]) -> Option<([u8; N], &[u8])> {
    let (digits, rest) = text.split_first_chunk::<N>()?;
    let values = digits.map(|digit| char::from(digit).to_digit(16));
    let is_number = values.iter().all(Option::is_some);
    is_number.then(|| (values.map(|value| value.unwrap_or_default() as u8), rest))
}

/// What follows an ampersand: a name or a number, and mostly a semicolon.
fn html_escape<'t>(text: &'t [u8], depth: u8, found: Found<'_, 't>) {
    for (name, character) in NAMES {
        if let Some(rest) = text.strip_prefix(name.as_bytes()) {
            found(character.as_bytes(), without_semicolon(rest));
        }
    }
    characters(text, depth, &mut |character, rest| {
        if character != b"#" {
            return;
        }
        let (radix, number) = match rest {
            [b'x' | b'X', number @ ..] => (16, number),
            number => (10, number),
        };
        let mut code = 0u32;
        let mut rest = number;
        while let Some((digit, after)) = rest.split_first()
            && let Some(digit) = char::from(*digit).to_digit(radix)
        {
            code = code.saturating_mul(radix).saturating_add(digit);
            rest = after;
        }
        if rest.len() < number.len()
            && let Some(character) = char::from_u32(code)
        {
            let rest = without_semicolon(rest);
            found(character.encode_utf8(&mut [0; 4]).as_bytes(), rest);
        }
    });
}

fn without_semicolon(text: &[u8]) -> &[u8] {
    text.strip_prefix(b";").unwrap_or(text)
}

/// HTML's names of the characters of ASCII that are no letter or digit, of a hyphen that looks the same,
/// and of the space that has a name.
const NAMES: [(&str, &str); 47] = [
    ("excl", "!"),
    ("QUOT", "\""),
    ("quot", "\""),
    ("num", "#"),
    ("dollar", "$"),
    ("percnt", "%"),
    ("AMP", "&"),
    ("amp", "&"),
    ("apos", "'"),
    ("lpar", "("),
    ("rpar", ")"),
    ("ast", "*"),
    ("midast", "*"),
    ("plus", "+"),
    ("comma", ","),
    ("dash", "-"),
    ("hyphen", "-"),
    ("period", "."),
    ("sol", "/"),
    ("colon", ":"),
    ("semi", ";"),
    ("LT", "<"),
    ("lt", "<"),
    ("equals", "="),
    ("GT", ">"),
    ("gt", ">"),
    ("quest", "?"),
    ("commat", "@"),
    ("lbrack", "["),
    ("lsqb", "["),
    ("bsol", "\\"),
    ("rbrack", "]"),
    ("rsqb", "]"),
    ("Hat", "^"),
    ("lowbar", "_"),
    ("UnderBar", "_"),
    ("DiacriticalGrave", "`"),
    ("grave", "`"),
    ("lbrace", "{"),
    ("lcub", "{"),
    ("verbar", "|"),
    ("vert", "|"),
    ("VerticalLine", "|"),
    ("rbrace", "}"),
    ("rcub", "}"),
    ("nbsp", "\u{a0}"),
    ("NonBreakingSpace", "\u{a0}"),
];

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use proptest::prelude::*;
    use proptest::sample::select;

    use super::{Ending, MAX_SHOWN_BYTES, Secrets};

    fn redact(secret: &str, text: &str) -> String {
        Secrets::new([secret.to_owned()].into_iter()).redact(text, Ending::BrokenOff)
    }

    #[test]
    fn the_longest_secret_goes_first() {
        let secrets = ["short", "", r#"a"key"#, "not so short"].map(str::to_owned);
        let secrets = Secrets::new(secrets.into_iter());
        let answer = r#"a"key, a\"key, not so short and short"#;
        assert_eq!(
            secrets.redact(answer, Ending::Whole),
            "***, ***, *** and ***"
        );
    }

    #[test]
    fn a_secret_is_cut_out_however_the_answer_spells_it() {
        const SECRET: &str = "k/&+\"<é 1";
        for spelling in [
            SECRET,
            r#"k\/&+\"<é 1"#,
            r#"k\/\u0026\u002B\u0022\u003c\u00e9\u00201"#,
            r#"\u006b\u002f\u0026\u002b\u0022\u003C\u00E9\u0020\u0031"#,
            "k/&amp;+&quot;&lt;é 1",
            "k&#47;&#38;&#43;&#34;&#60;&#233;&#32;1",
            "k&#x2F;&#x26;&#x2b;&#X22;&#x0003c;&#xe9;&#x20;1",
            "k&sol;&amp&plus;&#34&lt;é 1",
            "k&sol;&AMP;&plus;&QUOT&LT;é 1",
            "k%2F%26%2B%22%3C%C3%A9%201",
            "k%2f%26%2b%22%3c%c3%a9+1",
            "%6B%2F%26%2B%22%3C%C3%A9%20%31",
            // Several ways in one, and one over the other.
            r#"k\/&amp;%2B\u0022&lt;é+1"#,
            r#"k/\u0026amp;+\u0026quot;\u0026lt;é 1"#,
            r#"k\\/&+\\\"<\\u00e9 1"#,
            "k%252F%2526%252B%2522%253C%25C3%25A9%25201",
            "k/&amp;amp;+&amp;quot;&amp;lt;é 1",
            "k%5C%2F%26%2B%5C%22%3C%C3%A9+1",
        ] {
            for (before, after) in [
                ("", ""),
                ("a ", " z"),
                ("100%", "%"),
                ("\\", "\\"),
                ("&", ";"),
            ] {
                let redacted = redact(SECRET, &format!("{before}{spelling}{after}"));
                // What stands before it may be read as a part of it.
                let expected = format!("{before}***{after}");
                let is_expected = redacted == expected || redacted == format!("***{after}");
                assert!(is_expected, "{before}{spelling}: {redacted}");
            }
        }
    }

    #[test]
    fn the_longest_way_to_read_a_secret_counts() {
        // A backslash and an escaped u; or an escaped backslash, a u, and four digits more.
        assert_eq!(redact(r"key\u", r"key\\u0075"), "***");
        assert_eq!(redact(r"key\u", r"key\\u."), "***.");
    }

    #[test]
    fn a_character_beyond_the_first_plane_is_one_secret_too() {
        for spelling in [
            "p😀w1",
            r"p\ud83d\ude00w1",
            "p&#128512;w1",
            "p&#x1F600;w1",
            "p%F0%9F%98%80w1",
        ] {
            assert_eq!(redact("p😀w1", spelling), "***", "{spelling}");
        }
    }

    #[test]
    fn what_is_no_secret_stays() {
        for text in [
            "",
            "nothing",
            "k/&",
            "k\\",
            "100 % & more + é",
            r"\u00",
            r"\ud83d",
            "&#;",
            "&#x;",
            "&#xffffffffff;",
            "%",
            "%2",
            "%zz",
            "k/&amp",
            "k%2F%2",
            "😀 \\\\\\ &&& %%%",
        ] {
            assert_eq!(redact("k/&+\"<é 1", text), text);
        }
    }

    #[test]
    fn a_secret_that_is_cut_short_is_none_the_less_cut_out() {
        assert_eq!(redact("sesame-street", "open sesame-st"), "open ***");
        assert_eq!(redact("sesame/street", r"open sesame\/st"), "open ***");
        // Three letters are as likely to be something else.
        assert_eq!(redact("sesame-street", "open ses"), "open ses");
        for filler in 0..20 {
            let text = "x".repeat(MAX_SHOWN_BYTES - filler) + "sesame%2Fstreet and more";
            let redacted = redact("sesame/street", &text);
            assert!(redacted.len() <= MAX_SHOWN_BYTES);
            assert!(!redacted.contains("ses"), "{filler}");
        }
    }

    #[test]
    fn an_id_that_ends_as_a_secret_begins_stays_whole() {
        const SECRET: &str = "7db1c0ffee00aabb";
        let secrets = Secrets::new([SECRET.to_owned()].into_iter());
        for (text, whole, broken) in [
            ("64f1cd7b7db1", "64f1cd7b7db1", "64f1cd7b***"),
            ("no 7db1c0ff", "no 7db1c0ff", "no ***"),
            ("no 7db1c0ffe", "no ***", "no ***"),
            ("no 7db1%630ff%", "no 7db1%630ff%", "no ***"),
            ("no 7db1%630ffe%", "no ***", "no ***"),
        ] {
            assert_eq!(secrets.redact(text, Ending::Whole), whole);
            assert_eq!(secrets.redact(text, Ending::BrokenOff), broken);
        }
    }

    #[test]
    fn a_hostile_answer_takes_no_time() {
        const MEBIBYTE: usize = 1024 * 1024;
        let repeated = |part: &str| part.repeat(MEBIBYTE / part.len());
        let long = "a".repeat(4096);
        let almost = "a".repeat(4095) + "b";
        for (secret, text) in [
            (&*long, repeated("a")),
            (&long, repeated(&almost)),
            (&long, repeated("%61")),
            (&long, repeated(r"\u0061")),
            (&long, repeated("&#97;")),
            (&long, repeated("\\")),
            (&long, format!("&#{}", repeated("0"))),
            (r"\\\\\\\\", repeated("\\")),
            (r"\\\\\\\\\\\\\\\\X", repeated("\\")),
            ("%%%%%%%%", repeated("%25")),
            ("&&&&&&&&", repeated("&amp;amp;amp;")),
            ("k/&+\"<é 1", repeated("k/&+\"<é ")),
        ] {
            let secrets = Secrets::new([secret.to_owned()].into_iter());
            let started = Instant::now();
            let redacted = secrets.redact(&text, Ending::BrokenOff);
            let took = started.elapsed();
            assert!(redacted.len() <= MAX_SHOWN_BYTES);
            // Far more than it takes on a busy machine, and far less than reading each way twice.
            assert!(took.as_secs() < 20, "{took:?} for {:?}", &text[..10]);
        }
    }

    /// One way to write a character.
    fn escaped(character: char, way: usize) -> String {
        let number = u32::from(character);
        let mut bytes = [0; 4];
        let bytes = character.encode_utf8(&mut bytes).as_bytes();
        match way {
            0 => format!("&#{number};"),
            1 => format!("&#x{number:x};"),
            2 => format!("&#x{number:X};"),
            3 => bytes.iter().map(|byte| format!("%{byte:02x}")).collect(),
            4 => bytes.iter().map(|byte| format!("%{byte:02X}")).collect(),
            5 => {
                let units = character.encode_utf16(&mut [0; 2]).to_vec();
                units.iter().map(|unit| format!("\\u{unit:04x}")).collect()
            }
            6 => match character {
                '"' | '\\' | '/' => format!("\\{character}"),
                plain => plain.to_string(),
            },
            _ => character.to_string(),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3000))]

        #[test]
        fn every_mixture_of_spellings_is_found(
            secret in "[ -~é😀]{4,24}",
            ways in prop::collection::vec(0usize..8, 24),
            around in prop::array::uniform2(select(vec!["", "x", "%", "\\", "&", "&#", "%2", "\\u00", "é"])),
        ) {
            let spelling: String = secret
                .chars()
                .zip(ways)
                .map(|(character, way)| escaped(character, way))
                .collect();
            let [before, after] = around;
            let redacted = redact(&secret, &format!("{before}{spelling}{after}"));
            prop_assert!(redacted.contains("***"), "{spelling}: {redacted}");
            prop_assert!(redacted.len() <= before.len() + 3 + after.len(), "{spelling}: {redacted}");
        }
    }
}
