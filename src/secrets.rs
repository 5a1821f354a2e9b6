//! What must appear in no reply.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::HashSet;

use memchr::memmem::Finder;

use crate::reply::MAX_SHOWN_BYTES;

/// A text that ends in the beginning of a secret was cut off there if that has so many bytes. Fewer
/// may be something else, such as the end of an ID.
const MIN_CUT_BYTES: usize = 4;

/// The API key and a proxy's password, which a response may repeat.
pub(crate) struct Secrets {
    /// Each as it is and as the usual encoders write it; the longest first, as one may contain
    /// another.
    spellings: Vec<String>,
    /// What they begin with. Most texts have none of it, and so no secret, nor a part that counts.
    beginnings: Vec<Finder<'static>>,
}

/// How a text came to its end.
#[derive(Clone, Copy)]
pub(crate) enum Ending {
    Whole,
    BrokenOff,
}

impl Secrets {
    pub(crate) fn new(secrets: impl Iterator<Item = String>) -> Self {
        let secrets = secrets.filter(|secret| !secret.is_empty());
        let spellings: HashSet<String> = secrets.flat_map(|secret| spellings(&secret)).collect();
        let mut spellings = Vec::from_iter(spellings);
        spellings.sort_unstable_by_key(|spelling| Reverse(spelling.len()));
        let beginnings: HashSet<&[u8]> = spellings.iter().map(|it| beginning(it)).collect();
        let finders = beginnings.iter().map(|it| Finder::new(it).into_owned());
        Secrets {
            beginnings: finders.collect(),
            spellings,
        }
    }

    /// The beginning of what came from the network, up to [`MAX_SHOWN_BYTES`], without the secrets
    /// that it may repeat.
    pub(crate) fn redact<'t>(&self, text: impl Into<Cow<'t, str>>, mut ending: Ending) -> String {
        let mut text = text.into().into_owned();
        if text.len() > MAX_SHOWN_BYTES {
            text.truncate(text.floor_char_boundary(MAX_SHOWN_BYTES));
            ending = Ending::BrokenOff;
        }
        let mut beginnings = self.beginnings.iter();
        if !beginnings.any(|beginning| beginning.find(text.as_bytes()).is_some()) {
            return text;
        }
        for spelling in &self.spellings {
            text = text.replace(spelling, "***");
        }
        if let Some(start) = self.cut_secret(text.as_bytes(), ending) {
            text.truncate(start);
            text.push_str("***");
        }
        text.truncate(text.floor_char_boundary(MAX_SHOWN_BYTES));
        text
    }

    /// Where a secret begins in the middle of which the text ends.
    fn cut_secret(&self, text: &[u8], ending: Ending) -> Option<usize> {
        let starts = self.spellings.iter().filter_map(|spelling| {
            let min_bytes = match ending {
                // Its writer may have cut it.
                Ending::Whole => MIN_CUT_BYTES.max(spelling.len() / 2 + 1),
                Ending::BrokenOff => MIN_CUT_BYTES,
            };
            let parts =
                (min_bytes..spelling.len()).filter_map(|end| spelling.as_bytes().get(..end));
            let cut = parts.rev().find(|part| text.ends_with(part))?;
            Some(text.len() - cut.len())
        });
        starts.min()
    }
}

fn beginning(spelling: &str) -> &[u8] {
    let spelling = spelling.as_bytes();
    spelling.get(..MIN_CUT_BYTES).unwrap_or(spelling)
}

/// A secret as it is, and as each encoder writes it, with hexadecimal digits of either case.
fn spellings(secret: &str) -> HashSet<String> {
    let encoded = ENCODERS.iter().flat_map(|encoder| {
        [str::to_owned, str::to_ascii_lowercase].map(|case| encoded(secret, encoder, case))
    });
    encoded.chain([secret.to_owned()]).collect()
}

fn encoded(secret: &str, encoder: Encoder, case: Case) -> String {
    let mut encoded = String::new();
    for c in secret.chars() {
        let listed = if c.is_ascii() { c } else { 'é' };
        match encoder.iter().find(|(escaped, _)| escaped.contains(listed)) {
            Some((_, escape)) => encoded.push_str(&case(&escape(c))),
            None => encoded.push(c),
        }
    }
    encoded
}

/// What an encoder escapes, and how. An `é` stands for everything beyond ASCII.
type Encoder = &'static [(&'static str, Escape)];
type Escape = fn(char) -> String;
/// With hexadecimal digits in upper case, which nothing else in an escape is; or in lower case.
type Case = fn(&str) -> String;

/// The usual encoders.
#[rustfmt::skip]
const ENCODERS: [Encoder; 29] = [
    // JSON: most; Python; PHP; for use in HTML: Go, Gson, PHP, .NET.
    &[("\"\\", short)],
    &[("\"\\", short), ("é", utf_16)],
    &[("\"\\/", short)],
    &[("\"\\/", short), ("é", utf_16)],
    &[("\"\\", short), ("<>&", utf_16)],
    &[("\"\\", short), ("<>&'=", utf_16)],
    &[("\\", short), ("<>&'\"", utf_16)],
    &[("\\/", short), ("<>&'\"", utf_16)],
    &[("\\", short), ("<>&'\"+`é", utf_16)],
    // HTML: browsers; XML; Rails; PHP; Python; OWASP; Mustache; .NET; Go; and whatever stands out.
    &[("<>&", name)],
    &[("<>&\"", name)],
    &[("<>&\"'", name)],
    &[("<>&\"", name), ("'", decimal)],
    &[("<>&\"", name), ("'", padded)],
    &[("<>&\"", name), ("'", hexadecimal)],
    &[("<>&\"", name), ("'/", hexadecimal)],
    &[("<>&\"", name), ("'", decimal), ("/`=", hexadecimal)],
    &[("<>&\"", name), ("'+`é", hexadecimal)],
    &[("<>&", name), ("\"'", decimal)],
    &[(" !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~é", decimal)],
    &[(" !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~é", hexadecimal)],
    // URLs: RFC 3986; PHP's and Java's forms; Python; JavaScript's component and whole; Go's path.
    &[(" !\"#$%&'()*+,/:;<=>?@[\\]^`{|}é", percent)],
    &[(" ", plus), ("!\"#$%&'()*+,/:;<=>?@[\\]^`{|}é", percent)],
    &[(" ", plus), ("!\"#$%&'()*+,/:;<=>?@[\\]^`{|}~é", percent)],
    &[(" ", plus), ("!\"#$%&'()+,/:;<=>?@[\\]^`{|}~é", percent)],
    &[(" !\"#$%&'()*+,:;<=>?@[\\]^`{|}é", percent)],
    &[(" \"#$%&+,/:;<=>?@[\\]^`{|}é", percent)],
    &[(" \"%<>[\\]^`{|}é", percent)],
    &[(" !\"#%'()*,/;<>?[\\]^`{|}é", percent)],
];

fn short(c: char) -> String {
    format!("\\{c}")
}

fn utf_16(c: char) -> String {
    let mut units = [0; 2];
    let units = c.encode_utf16(&mut units).iter();
    units.map(|unit| format!("\\u{unit:04X}")).collect()
}

fn name(c: char) -> String {
    let name = match c {
        '&' => "amp",
        '<' => "lt",
        '>' => "gt",
        '"' => "quot",
        _ => "apos",
    };
    format!("&{name};")
}

fn decimal(c: char) -> String {
    format!("&#{};", u32::from(c))
}

fn padded(c: char) -> String {
    format!("&#{:03};", u32::from(c))
}

fn hexadecimal(c: char) -> String {
    format!("&#x{:X};", u32::from(c))
}

fn percent(c: char) -> String {
    let mut bytes = [0; 4];
    let bytes = c.encode_utf8(&mut bytes).bytes();
    bytes.map(|byte| format!("%{byte:02X}")).collect()
}

fn plus(_: char) -> String {
    "+".to_owned()
}

#[cfg(test)]
mod tests {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::{Ending, MAX_SHOWN_BYTES, Secrets, spellings};

    fn redact(secret: &str, text: &str) -> String {
        Secrets::new([secret.to_owned()].into_iter()).redact(text, Ending::BrokenOff)
    }

    #[test]
    fn the_longest_secret_goes_first() {
        let secrets = ["short", "", r#"a"key"#, "not so short"].map(str::to_owned);
        let secrets = Secrets::new(secrets.into_iter());
        let text = r#"a"key, a\"key, not so short and short"#;
        assert_eq!(secrets.redact(text, Ending::Whole), "***, ***, *** and ***");
    }

    #[test]
    fn a_key_of_letters_and_digits_has_one_spelling() {
        assert_eq!(spellings("zx9f8e7d6c5b4a").len(), 1);
        let widest = spellings("k/&+\"'<>=` é~-_.").len();
        assert!(widest < 64, "{widest}");
    }

    #[test]
    fn a_secret_is_cut_out_however_an_encoder_spells_it() {
        const SECRET: &str = "k/&+\"'<é 1";
        for spelling in [
            SECRET,
            // JSON.
            r#"k/&+\"'<é 1"#,
            r#"k/&+\"'<\u00e9 1"#,
            r#"k\/&+\"'<\u00e9 1"#,
            r#"k/\u0026+\"'\u003cé 1"#,
            r#"k/\u0026+\"\u0027\u003Cé 1"#,
            r#"k\/\u0026+\u0022\u0027\u003Cé 1"#,
            r#"k/\u0026\u002B\u0022\u0027\u003C\u00E9 1"#,
            // HTML.
            "k/&amp;+\"'&lt;é 1",
            "k/&amp;+&quot;'&lt;é 1",
            "k/&amp;+&quot;&apos;&lt;é 1",
            "k/&amp;+&quot;&#39;&lt;é 1",
            "k/&amp;+&quot;&#039;&lt;é 1",
            "k/&amp;+&quot;&#x27;&lt;é 1",
            "k&#x2F;&amp;+&quot;&#39;&lt;é 1",
            "k/&amp;&#x2B;&quot;&#x27;&lt;&#xE9; 1",
            "k/&amp;+&#34;&#39;&lt;é 1",
            "k&#47;&#38;&#43;&#34;&#39;&#60;&#233;&#32;1",
            "k&#x2f;&#x26;&#x2b;&#x22;&#x27;&#x3c;&#xe9;&#x20;1",
            // URLs.
            "k%2F%26%2B%22%27%3C%C3%A9%201",
            "k%2f%26%2b%22%27%3c%c3%a9+1",
            "k/%26%2B%22%27%3C%C3%A9%201",
            "k%2F%26%2B%22'%3C%C3%A9%201",
            "k/&+%22'%3C%C3%A9%201",
            "k%2F&+%22%27%3C%C3%A9%201",
        ] {
            for (before, after) in [
                ("", ""),
                ("a ", " z"),
                ("100%", "%"),
                ("\\", "\\"),
                ("&", ";"),
            ] {
                let redacted = redact(SECRET, &format!("{before}{spelling}{after}"));
                assert_eq!(redacted, format!("{before}***{after}"), "{spelling}");
            }
        }
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
            r"\ud83d",
            "&#x;",
            "&#xffffffffff;",
            "%",
            "%2",
            "%zz",
            "k%2",
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
            for ending in [Ending::Whole, Ending::BrokenOff] {
                let secrets = Secrets::new(["sesame/street".to_owned()].into_iter());
                let redacted = secrets.redact(&text, ending);
                assert!(redacted.len() <= MAX_SHOWN_BYTES);
                assert!(!redacted.contains("sesa"), "{filler}");
            }
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
        ] {
            assert_eq!(secrets.redact(text, Ending::Whole), whole);
            assert_eq!(secrets.redact(text, Ending::BrokenOff), broken);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn every_secret_is_found_as_encoders_write_it(
            secret in "[ -~é😀]{4,24}",
            around in prop::array::uniform2(select(vec!["", "x", "%", "\\", "&", "&#", "%2", "\\u00", "é"])),
        ) {
            let json = serde_json::to_string(&secret).expect("a string");
            let json = json.strip_prefix('"').and_then(|json| json.strip_suffix('"')).expect("a string");
            let url = utf8_percent_encode(&secret, NON_ALPHANUMERIC).to_string();
            let url = url.replace("%2D", "-").replace("%2E", ".").replace("%5F", "_");
            for spelling in [
                secret.clone(),
                json.to_owned(),
                json.replace('/', "\\/"),
                json.replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e"),
                url.replace("%7E", "~"),
                url.replace("%20", "+"),
                secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;"),
            ] {
                let [before, after] = around;
                let redacted = redact(&secret, &format!("{before}{spelling}{after}"));
                prop_assert!(redacted.contains("***"), "{spelling}: {redacted}");
                prop_assert!(redacted.len() <= before.len() + 3 + after.len(), "{spelling}: {redacted}");
            }
        }
    }
}
