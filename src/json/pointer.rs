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
