//! The API key is in no reply, in whichever usual encoding the API repeats it, and wherever its
//! response is cut.

use std::time::Duration;

use serde_json::json;
use support::api::{Client, Reply, WORKSPACE_ID, message};
use support::punctuality::processor_time;
use support::raw_server::{Ending, RawServer, Scheme, response};

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
        let quoted = format!("\"{spelling}\"");
        let is_json = serde_json::from_str::<String>(&quoted).is_ok_and(|key| key == KEY);
        let more = if is_json {
            quoted
        } else {
            json!(KEY).to_string()
        };
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
                format!("{{\"success\": false, \"message\": {more}, \"more\": {more}}}"),
            ),
            (502, format!("100%{spelling}%")),
        ] {
            let server = RawServer::responding(Scheme::Http, response(status, "", &body));
            let reply = reply_to(&server);
            assert_secret(&reply);
            assert!(reply.text.contains("***"), "{status} {body}: {reply:?}");
        }
    }
}

/// The parser of HTTP tells of what it could not read.
#[test]
fn key_in_a_head_that_is_no_http_is_in_no_reply() {
    for head in [format!("HTTP/1.1 2xx {KEY}"), format!("{KEY} nonsense")] {
        let server = RawServer::responding(Scheme::Http, format!("{head}\r\n\r\n").into_bytes());
        assert_secret(&reply_to(&server));
    }
}

#[test]
fn key_that_is_cut_by_the_limit_of_the_response_is_in_no_reply() {
    const MAX_RESPONSE_BYTES: usize = 4096;
    for spelling in spellings() {
        for before in (0..spelling.len() + 4).step_by(3) {
            let body = "x".repeat(MAX_RESPONSE_BYTES - before) + &spelling + "and more";
            let server = RawServer::responding(Scheme::Http, response(502, "", &body));
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
fn key_in_which_a_response_breaks_off_is_in_no_reply() {
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

/// The search for spellings is linear in the response, whatever the key is made of.
#[test]
fn key_that_repeats_itself_takes_no_longer_to_redact() {
    let mut almost_uniform = "a".repeat(4095);
    almost_uniform.push('b');
    let backslashes = "\\".repeat(40) + "X";
    for key in [
        almost_uniform,
        backslashes,
        "&".repeat(4096),
        "%".repeat(4096),
    ] {
        let json = json!(key).to_string();
        let json = json.trim_matches('"');
        let uniform = key.chars().next().into_iter().cycle().take(8192).collect();
        for said in [
            format!("{{\"error\": \"{json}\"}}"),
            json.replace('\\', "\\\\"),
            json[..json.len() - 1].repeat(2),
            uniform,
        ] {
            let server = RawServer::responding(Scheme::Http, response(502, "", &said));
            let options = server.options_with(json!({ "max_retries": 0 }));
            let client = Client::with_credentials(&key, WORKSPACE_ID, &options).expect("a client");
            let before = processor_time();
            let reply = client.send(&message("tag"));
            let took = processor_time() - before;
            reply.assert_status("outcome_unknown");
            // Some milliseconds; seconds where each place is compared with each other.
            assert!(took < Duration::from_secs(1), "{took:?} for {}", &key[..10]);
        }
    }
}
