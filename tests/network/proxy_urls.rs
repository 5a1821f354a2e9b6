//! Whatever is wrong with a proxy's URL, no part of it behind its scheme is told but host and port.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;
use support::api::{Client, Reply, message};

/// Stands in every part of a URL that is not to be told.
const MARK: &str = "zq7";

fn part() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => Just(MARK.to_owned()),
        2 => "[ -~]",
        1 => select(vec!["#", "/", "?", "@", ":", "%", "%40", "%zz", "[", "]", "\\", "//", "é", "\n"])
            .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat())
}

/// A URL that mostly has an `@` in front of its host, or a path or query behind it.
fn url() -> impl Strategy<Value = String> {
    let scheme = select(vec![
        "http://",
        "socks5://",
        "socks5h://",
        "HTTP://",
        "https://",
        "socks4://",
        "",
        "http:/",
        "http:",
        "://",
    ]);
    let port = select(vec!["", ":1", ":0", ":", ":99999", ":x"]);
    let end = select(vec!["", "/", "?", "#", "/?", "\\", " "]);
    (scheme, part(), part(), port, end, part()).prop_map(
        |(scheme, user, password, port, end, path)| {
            // Behind an end, or not at all: what follows the port at once is the host's or the port's.
            let path = if end.is_empty() { String::new() } else { path };
            format!("{scheme}{MARK}{user}:{MARK}{password}@127.0.0.1{port}{end}{path}")
        },
    )
}

/// What is told of a client with such a proxy: why there is none, or what became of a message.
fn told(url: &str) -> Reply {
    let options = json!({
        "base_url": "https://127.0.0.1:1", "proxy": url, "max_retries": 0,
        "timeout_ms": 200, "connect_timeout_ms": 200,
    });
    match Client::new(&options) {
        Ok(client) => client.send(&message("tag")),
        Err(refusal) => refusal,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn nothing_behind_the_scheme_is_told_but_host_and_port(url in url()) {
        let reply = told(&url);
        prop_assert!(!reply.text.contains(MARK), "{url:?}: {reply:?}");
    }
}

#[test]
fn some_of_the_urls_are_sound_and_some_are_not() {
    let sound = told("http://zq7user:zq7%23password@127.0.0.1:1/");
    sound.assert_status("not_sent");
    assert!(sound.message().contains("127.0.0.1:1"), "{sound:?}");
    let unsound = told("http://svc.user:testp@ssword#@127.0.0.1:8080");
    unsound.assert_status("invalid_argument");
    assert!(!unsound.text.contains("ssword#"), "{unsound:?}");
}
