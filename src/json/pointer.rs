//! One value of a JSON text, found by a JSON Pointer (RFC 6901). The text is read without recursion,
//! so that no depth needs more stack than another.

use serde_json::value::RawValue;

use super::{Type, members_or_items};

/// A string decoded, any other value as its JSON text, exactly as spelt. `None` where there is
/// nothing, `null`, or no JSON. Of members with the same key, the first counts.
pub(crate) fn get(json: &str, pointer: &str) -> Option<String> {
    let mut value: &RawValue = serde_json::from_str(json).ok()?;
    let mut tokens = pointer.split('/');
    if tokens.next() != Some("") {
        return None;
    }
    for token in tokens {
        let mut found = None;
        members_or_items(value.get(), |key, inner| {
            if found.is_none() && escape(&key) == token {
                found = Some(inner);
            }
        })
        .ok()?;
        value = found?;
    }
    match Type::of(value) {
        Type::Null => None,
        Type::String => serde_json::from_str(value.get()).ok(),
        _ => Some(value.get().to_owned()),
    }
}

/// A key as a pointer's token.
pub(crate) fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
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
