//! What the ledger holds in place of a message: a digest that tells whether another one is the same,
//! and nothing to those who do not have the file's secret.

use ring::hmac;
use serde_json::Value;
use serde_json::value::RawValue;

use super::entry::Digest;
use super::table::Sender;
use crate::json::{self, MAX_DEPTH};

/// Of a message, whatever the order of its members, and of its `post_back_data`.
pub(super) fn of_message(secret: &[u8], message: &str) -> (Digest, Option<Digest>) {
    let Some(mut parsed) = parse(message) else {
        // It cannot be sent, and is no message that was.
        return (digest(secret, b"text", message), None);
    };
    let data = parsed.get("post_back_data").and_then(Value::as_str);
    let data = data.map(|data| of_data(secret, data));
    parsed.sort_all_objects();
    (digest(secret, b"message", &parsed.to_string()), data)
}

pub(super) fn of_data(secret: &[u8], data: &str) -> Digest {
    digest(secret, b"data", data)
}

/// A number for each key of each sender, below 2^62.
pub(super) fn of_key(secret: &[u8], sender: &Sender, key: &str) -> i64 {
    let text = [&sender.base_url, &sender.workspace_id, key].join("\n");
    let digest = digest(secret, b"key", &text);
    let number = digest
        .first_chunk()
        .map_or(0, |first| u64::from_le_bytes(*first));
    (number >> 2).cast_signed()
}

/// What is nested too deep would need more stack than there may be.
fn parse(message: &str) -> Option<Value> {
    let whole: &RawValue = serde_json::from_str(message).ok()?;
    (json::depth(whole) <= MAX_DEPTH).then_some(())?;
    serde_json::from_str(message).ok()
}

/// Different for the same text as different things.
fn digest(secret: &[u8], of: &[u8], text: &str) -> Digest {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret));
    context.update(of);
    context.update(text.as_bytes());
    let mut digest = Digest::default();
    digest.copy_from_slice(context.sign().as_ref());
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(message: &str) -> Digest {
        of_message(b"secret", message).0
    }

    #[test]
    fn the_same_message_has_the_same_digest_however_it_is_written() {
        let message = r#"{"a":{"b":1,"c":["x","é"]},"post_back_data":"d"}"#;
        let same =
            "{ \"post_back_data\" : \"\\u0064\",\n\"a\":{\"c\":[\"x\",\"\\u00e9\"],\"b\":1}}";
        assert_eq!(of(message), of(same));
        for other in [
            r#"{"a":{"b":2,"c":["x","é"]},"post_back_data":"d"}"#,
            r#"{"a":{"b":1,"c":["é","x"]},"post_back_data":"d"}"#,
            r#"{"a":{"b":1,"c":["x","é"]},"post_back_data":"d","e":null}"#,
            r#"{"a":{"b":1,"c":["x","é"]},"post_back_data":"d""#,
            "",
        ] {
            assert_ne!(of(message), of(other), "{other}");
        }
        assert_ne!(of(message), of_message(b"another", message).0);
        assert_eq!(of_message(b"secret", same).1, Some(of_data(b"secret", "d")));
    }

    #[test]
    fn each_key_of_each_sender_has_a_number_of_its_own() {
        let number = |base_url: &str, workspace_id: &str, key| {
            let (base_url, workspace_id) = (base_url.to_owned(), workspace_id.to_owned());
            let sender = Sender {
                base_url,
                workspace_id,
            };
            of_key(b"secret", &sender, key)
        };
        let own = number("https://a", "w", "k");
        assert_eq!(number("https://a", "w", "k"), own);
        for other in [
            number("https://b", "w", "k"),
            number("https://a", "v", "k"),
            number("https://a", "w", "l"),
        ] {
            assert_ne!(other, own);
            assert!((0..1 << 62).contains(&other));
        }
    }

    #[test]
    fn what_is_nested_deep_needs_little_stack() {
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        let thread = std::thread::Builder::new().stack_size(64 * 1024);
        let digests = thread.spawn(move || [of(&deep), of(&deep[1..])]);
        let [whole, broken] = digests.expect("a thread").join().expect("no overflow");
        assert_ne!(whole, broken);
    }
}
