//! One value of a JSON text, found by a JSON Pointer (RFC 6901).
//!
//! The text is read without recursion, so that no depth needs more stack than another, and each
//! part of it once or twice, so that a long way costs no more than a short one.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Deserializer;
use serde_json::value::RawValue;

use super::Key;

/// A string decoded, any other value as its JSON text, exactly as spelt. `None` where there is
/// nothing, `null`, or no JSON. Of members with the same key, the first counts.
pub(crate) fn get(json: &str, pointer: &str) -> Option<String> {
    let mut value = serde_json::from_str::<&RawValue>(json).ok()?.get();
    let mut tokens = pointer.split('/');
    if tokens.next() != Some("") {
        return None;
    }
    for token in tokens {
        value = enter(value, &unescape(token)?)?;
    }
    match next::<&RawValue>(&mut value)?.get() {
        "null" => None,
        text if text.starts_with('"') => serde_json::from_str(text).ok(),
        text => Some(text.to_owned()),
    }
}

/// The text from the member or item on that the token names.
fn enter<'a>(value: &'a str, token: &str) -> Option<&'a str> {
    let is_object = value.starts_with('{');
    let mut rest = value.strip_prefix(['{', '['])?;
    let mut before = if is_object { 0 } else { index(token)? };
    loop {
        rest = behind(',', rest);
        if rest.starts_with(['}', ']']) {
            return None;
        }
        let is_it = if is_object {
            let key = next::<&RawValue>(&mut rest)?;
            rest = behind(':', rest);
            // A key that cannot be decoded is none that a pointer could name.
            serde_json::from_str::<Key>(key.get()).is_ok_and(|key| key.0 == token)
        } else {
            before == 0
        };
        if is_it {
            return Some(rest);
        }
        next::<IgnoredAny>(&mut rest)?;
        before = before.saturating_sub(1);
    }
}

/// What follows a comma or a colon. The text is JSON: there is one, or a list begins or ends here.
fn behind(mark: char, text: &str) -> &str {
    text.trim_ascii_start()
        .trim_start_matches(mark)
        .trim_ascii_start()
}

/// Reads the value that the text begins with, and leaves what follows it.
fn next<'a, T: Deserialize<'a>>(rest: &mut &'a str) -> Option<T> {
    let mut values = Deserializer::from_str(rest).into_iter();
    let value = values.next()?.ok()?;
    *rest = rest.get(values.byte_offset()..)?;
    Some(value)
}

fn index(token: &str) -> Option<usize> {
    let is_index = token.bytes().all(|byte| byte.is_ascii_digit())
        && (token == "0" || !token.starts_with('0'));
    if is_index { token.parse().ok() } else { None }
}

/// A key as a pointer's token.
pub(crate) fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// A token with `~1` for a slash and `~0` for a tilde; any other tilde makes it none.
fn unescape(token: &str) -> Option<Cow<'_, str>> {
    if !token.contains('~') {
        return Some(Cow::Borrowed(token));
    }
    let is_escaped = token
        .split('~')
        .skip(1)
        .all(|rest| rest.starts_with(['0', '1']));
    is_escaped.then(|| Cow::Owned(token.replace("~1", "/").replace("~0", "~")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    const REPLY: &str = concat!(
        r#" {"success": false, "status":"invalid_message", "n": 604132581490819100, "none": null,"#,
        "\n\"problems\" :[ {\"path\":\"/a~1b\"} , {\"path\":\"\\u0000\\ud83d\\ude00\"}],\r\n",
        r#""a/b":1,"m~n":-1.50e+1,"":{"":[ 1 , [2] ]},"\u0061b":"x","twice":1,"twice":2,"~1":3} "#,
    );

    fn found(pointer: &str) -> Option<String> {
        get(REPLY, pointer)
    }

    #[test]
    fn a_string_comes_decoded_and_anything_else_as_it_is_spelt() {
        for (pointer, expected) in [
            ("/success", "false"),
            ("/status", "invalid_message"),
            ("/n", "604132581490819100"),
            ("/m~0n", "-1.50e+1"),
            ("/a~1b", "1"),
            ("/problems/0", r#"{"path":"/a~1b"}"#),
            ("/problems/0/path", "/a~1b"),
            ("/problems/1/path", "\0😀"),
            ("/", r#"{"":[ 1 , [2] ]}"#),
            ("//", "[ 1 , [2] ]"),
            ("///1/0", "2"),
            ("/ab", "x"),
            ("/twice", "1"),
            ("/~01", "3"),
            ("", REPLY.trim()),
        ] {
            assert_eq!(found(pointer).as_deref(), Some(expected), "{pointer}");
        }
        assert_eq!(get("\"\\\"\"", "").as_deref(), Some("\""));
        assert_eq!(get(" 1e999 ", "").as_deref(), Some("1e999"));
    }

    #[test]
    fn where_there_is_nothing_nothing_comes() {
        for pointer in [
            "/none",
            "/missing",
            "/success/0",
            "/status/0",
            "/problems/2",
            "/problems/-",
            "/problems/00",
            "/problems/01",
            "/problems/+1",
            "/problems/1 ",
            "/problems/",
            "/problems/18446744073709551616",
            "/problems/path",
            "problems",
            "#/problems",
            "/m~n",
            "/m~2n",
            "/m~",
            "/Success",
            "/a/b",
        ] {
            assert_eq!(found(pointer), None, "{pointer}");
        }
        for text in [
            "",
            " ",
            "null",
            "nul",
            "{\"a\":1}}",
            "{\"a\":1",
            "{\"a\":1} 2",
            "{\"a\":1,}",
            "{'a':1}",
            "{\"a\":01}",
            "[1,{\"a\"}]",
        ] {
            assert_eq!(get(text, ""), None, "{text}");
            assert_eq!(get(text, "/a"), None, "{text}");
        }
    }

    #[test]
    fn a_string_that_is_no_unicode_is_nothing_and_hides_nothing_else() {
        let text = r#"{"\ud800":1,"a":"\udc00","b":2}"#;
        assert_eq!(get(text, "/a"), None);
        assert_eq!(get(text, "/b").as_deref(), Some("2"));
    }

    #[test]
    fn no_depth_and_no_length_is_too_much() {
        const MANY: usize = 500_000;
        let started = std::time::Instant::now();
        let deep = "[".repeat(MANY) + &"]".repeat(MANY);
        let way = "/0".repeat(MANY - 1);
        let open = "[".repeat(2 * MANY);
        let wide = format!("[{}7]", "0,".repeat(MANY));
        let found = std::thread::Builder::new()
            .stack_size(64 * 1024)
            .spawn(move || {
                [
                    get(&deep, &way),
                    get(&deep, "").map(|text| text.len().to_string()),
                    get(&open, "/0"),
                    get(&wide, &format!("/{MANY}")),
                ]
            })
            .expect("a thread")
            .join()
            .expect("no panic");
        let expected = [Some("[]"), Some("1000000"), None, Some("7")];
        assert_eq!(found, expected.map(|text| text.map(str::to_owned)));
        // Far more than it takes, and far less than if each level were read anew.
        assert!(started.elapsed().as_secs() < 120, "{:?}", started.elapsed());
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "\\PC{0,3}|[\"\\\\\n~/]{0,3}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map("[a~/\"0-2]{0,2}", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn what_is_found_is_what_serde_json_finds(
            value in value(),
            pointer in "(/([a0-2\"]|~0|~1){0,2}){0,3}",
            pretty in any::<bool>(),
        ) {
            let text = if pretty {
                serde_json::to_string_pretty(&value)
            } else {
                serde_json::to_string(&value)
            };
            let text = text.expect("a value can be written");
            let expected = value.pointer(&pointer).filter(|value| !value.is_null());
            let found = get(&text, &pointer);
            match expected {
                Some(Value::String(expected)) => prop_assert_eq!(found, Some(expected.clone())),
                Some(expected) => {
                    let found = found.and_then(|text| serde_json::from_str::<Value>(&text).ok());
                    prop_assert_eq!(found.as_ref(), Some(expected));
                }
                None => prop_assert_eq!(found, None),
            }
        }
    }
}
