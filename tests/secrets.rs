//! The API key is in no reply, however the API spells it, and wherever its answer is cut.

#[path = "support/network.rs"]
mod support;

use serde_json::json;
use support::api::{Client, Reply, WORKSPACE_ID, message};
use support::raw_server::{Ending, RawServer, Scheme, answer};

const KEY: &str = "zx/live+9f8e&7d6c=\"5b4a\"\\secret%key";
/// Parts of it, of which none needs an escape.
const PARTS: [&str; 5] = ["live", "9f8e", "7d6c", "5b4a", "secret"];

fn each(spell: impl Fn(char) -> String) -> String {
    KEY.chars().map(spell).collect()
}

fn spellings() -> Vec<String> {
    let special = |c: char| !c.is_ascii_alphanumeric();
    let html = |c: char| match c {
        '&' => "&amp;".to_owned(),
        '"' => "&quot;".to_owned(),
        plain => plain.to_string(),
    };
    let json = serde_json::to_string(KEY).expect("a string");
    let json = json.trim_matches('"').to_owned();
    let percent = |c: char| {
        if special(c) {
            format!("%{:02X}", c as u32)
        } else {
            c.to_string()
        }
    };
    vec![
        KEY.to_owned(),
        json.clone(),
        json.replace('/', "\\/"),
        json.replace('&', "\\u0026").replace("\\\"", "\\u0022"),
        each(|c| format!("\\u{:04X}", c as u32)),
        each(html),
        each(|c| {
            if special(c) {
                format!("&#{};", c as u32)
            } else {
                c.to_string()
            }
        }),
        each(|c| {
            if special(c) {
                format!("&#x{:x};", c as u32)
            } else {
                c.to_string()
            }
        }),
        each(percent),
        each(percent).to_lowercase(),
        each(|c| format!("%{:02x}", c as u32)),
        // JSON in JSON, HTML in JSON, a URL in a URL; each of them again in JSON below.
        serde_json::to_string(&json)
            .expect("a string")
            .trim_matches('"')
            .to_owned(),
        each(html).replace('&', "\\u0026"),
        each(percent).replace('%', "%25"),
    ]
}

fn reply_to(server: &RawServer) -> Reply {
    let options = server.options_with(json!({ "max_retries": 0 }));
    let client = Client::with_credentials(KEY, WORKSPACE_ID, &options).expect("a client");
    client.send(&message("tag"))
}

#[track_caller]
fn assert_secret(reply: &Reply) {
    for part in PARTS {
        assert!(!reply.text.contains(part), "{part}: {reply:?}");
    }
}

#[test]
fn key_that_the_api_repeats_is_in_no_reply() {
    for spelling in spellings() {
        let as_value = json!(spelling).to_string();
        for (status, body) in [
            (400, format!("<p>key={spelling}&amp;</p>")),
            (500, format!("{{\"error\": \"{spelling}\"}}")),
            (
                400,
                format!("{{\"success\": false, \"message\": {as_value}}}"),
            ),
            (
                200,
                format!("{{\"success\": true, \"message\": \"ok\", \"request_id\": {as_value}}}"),
            ),
            (
                401,
                format!("{{\"success\": false, \"message\": {as_value}, \"more\": {as_value}}}"),
            ),
            (502, format!("100%{spelling}%")),
        ] {
            let server = RawServer::answering(Scheme::Http, answer(status, "", &body));
            let reply = reply_to(&server);
            assert_secret(&reply);
            assert!(reply.text.contains("***"), "{status} {body}: {reply:?}");
        }
    }
}

#[test]
fn key_that_is_cut_by_the_limit_of_the_response_is_in_no_reply() {
    const MAX_RESPONSE_BYTES: usize = 4096;
    for spelling in spellings() {
        for before in (0..spelling.len() + 4).step_by(3) {
            let body = "x".repeat(MAX_RESPONSE_BYTES - before) + &spelling + "and more";
            let server = RawServer::answering(Scheme::Http, answer(502, "", &body));
            let reply = reply_to(&server);
            assert_secret(&reply);
            assert!(
                reply
                    .text
                    .contains(&"x".repeat(MAX_RESPONSE_BYTES - before)),
                "{before}"
            );
        }
    }
}

#[test]
fn key_in_which_an_answer_breaks_off_is_in_no_reply() {
    for spelling in spellings() {
        // No less than what makes a part of it.
        for length in (spelling.len() / 2..spelling.len()).step_by(5) {
            let head = "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 10000\r\n\r\n";
            let said = format!("{head}<p>{}", &spelling[..length]);
            let server = RawServer::start(Scheme::Http, move |peer| {
                peer.request()?;
                peer.send(said.as_bytes())?;
                peer.end(Ending::Close)
            });
            assert_secret(&reply_to(&server));
        }
    }
}
