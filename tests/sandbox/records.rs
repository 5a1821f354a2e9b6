//! What the sandbox prints, and what it keeps for tests to look at.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::client::{connect, exchange, request, request_with, to};
use crate::{KEY, PATH, WORKSPACE, message, start, start_printing};

#[test]
fn requests_and_responses_are_printed_with_the_key_masked() {
    let (sandbox, printed) = start_printing();
    let mut message = message("919876543210");
    message["post_back_data"] = json!(format!("by mistake: {KEY}"));
    let body = message.to_string();
    let wrong = request_with(
        &format!("POST {PATH}"),
        "almost-the-key",
        WORKSPACE,
        "application/json",
        &body,
    );
    exchange(&sandbox, &request(&body)).accepted();
    exchange(&sandbox, &wrong).refused_with(401, "");
    exchange(&sandbox, &request("{\x1b[2J")).refused_with(400, "JSON");
    exchange(&sandbox, &request("{\"\u{9b}2J\":\"\u{7f}\"}")).refused_with(400, "");
    let first_lines = to(
        &sandbox,
        &format!("> POST {PATH} (http)\n> Host: sandbox\n"),
    );
    drop(sandbox);
    let printed: String = printed.iter().collect();
    assert!(!printed.contains(KEY), "{printed}");
    assert!(!printed.contains("almost-the-key"), "{printed}");
    assert!(
        !printed.contains(['\x1b', '\u{9b}', '\u{7f}']),
        "an escape sequence reached the terminal"
    );
    assert_eq!(
        printed.matches("X-Api-Key: ********").count(),
        4,
        "{printed}"
    );
    for expected in [
        &*first_lines,
        "    {\n",
        "      \"recipient\": \"919876543210\"",
        "      \"post_back_data\": \"by mistake: ********\",\n",
        "< 202 Accepted\n",
        "\"request_id\":",
        "< 401 Unauthorized\n",
    ] {
        assert!(
            printed.contains(expected),
            "{expected:?} is not in {printed}"
        );
    }
}

#[test]
fn requests_are_kept_as_they_were_sent() {
    let sandbox = start();
    let mut stream = connect(&sandbox);
    let body = " { \"recipient\" : 1,\n\t\"b\":1e2 } ";
    let in_chunks = "POST /chunks HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
                     2\r\n{}\r\n1\r\n \r\n0\r\n\r\n";
    let oddly_spelt = format!(
        "POST /odd?q HTTP/1.1\r\nhOST: a\r\nX-B:  2 \r\nx-a: 1\r\nX-b: 3\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let last = "GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

    stream.write_all(in_chunks.as_bytes()).expect("it reads");
    while sandbox.requests().is_empty() {
        thread::sleep(Duration::from_millis(5));
    }
    // The other two at once.
    let both = oddly_spelt + last;
    stream.write_all(both.as_bytes()).expect("it reads");
    stream.read_to_end(&mut Vec::new()).expect("it answers");

    let requests = sandbox.requests();
    let seen: Vec<(&str, &str, &[u8])> = requests
        .iter()
        .map(|request| (&*request.method, &*request.path, &*request.body))
        .collect();
    let sent: [(&str, &str, &[u8]); 3] = [
        ("POST", "/chunks", b"{} "),
        ("POST", "/odd?q", body.as_bytes()),
        ("GET", "/last", b""),
    ];
    assert_eq!(seen, sent);
    let odd = &requests[1];
    let headers: Vec<(&str, &str)> = odd
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let length = body.len().to_string();
    let sent = [
        ("hOST", "a"),
        ("X-B", "2"),
        ("x-a", "1"),
        ("X-b", "3"),
        ("Content-Length", &length),
    ];
    assert_eq!(headers, sent);
    assert_eq!(odd.header("x-B"), Some("2"));
}

#[test]
fn a_request_that_breaks_off_is_not_kept() {
    let sandbox = start();
    let mut stream = connect(&sandbox);
    let request = request(&message("919876543210").to_string());
    let part = &request.as_bytes()[..request.len() - 1];
    stream.write_all(part).expect("it reads");
    stream.shutdown(Shutdown::Write).expect("it is open");
    stream.read_to_end(&mut Vec::new()).expect("it closes");
    assert_eq!(sandbox.requests().len(), 0);
}
