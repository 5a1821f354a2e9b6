//! What every response of the API, and every mistake of a host, comes to.

use std::ffi::{CString, c_char};
use std::io;
use std::ptr;
use std::thread;

use serde_json::{Value, json};
use support::api::{API_KEY, Client, Reply, WORKSPACE_ID, client, message};
use support::raw_server::{Peer, RawServer, SCHEMES, Scheme, response};
use zixflow::ffi;

const QUEUED: &str = r#"{"success":true,"message":"Queued.","request_id":"r-1"}"#;
const REFUSED: &str = r#"{"success":false,"message":"No such phone_id."}"#;
const HTML: &str = "<html><body>Something else</body></html>";

/// One response and what it means.
#[derive(Debug)]
struct Row {
    case: &'static str,
    response: Vec<u8>,
    status: &'static str,
    retryable: Option<bool>,
}

fn row(
    case: &'static str,
    response: impl Into<Vec<u8>>,
    status: &'static str,
    retryable: impl Into<Option<bool>>,
) -> Row {
    Row {
        case,
        response: response.into(),
        status,
        retryable: retryable.into(),
    }
}

fn chunked(body: &str) -> String {
    chunked_with("", body)
}

/// The first chunk has an extension.
fn chunked_with(extension: &str, body: &str) -> String {
    let (first, second) = body.split_at(body.len() / 2);
    format!(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
         {:x}{extension}\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\n\r\n",
        first.len(),
        second.len()
    )
}

fn behind_mark(body: &str) -> String {
    format!("\u{feff}{body}")
}

/// A response with a byte that its text cannot have, in place of the question mark.
fn broken(byte: u8, response: impl Into<Vec<u8>>) -> Vec<u8> {
    let mut response = response.into();
    let mark = response.iter().rposition(|it| *it == b'?');
    response[mark.expect("a question mark")] = byte;
    response
}

/// An object with such a `success`, and a message.
fn twice(success: &str) -> String {
    format!(r#"{{"success":{success},"message":"Well."}}"#)
}

fn after(before: &str, response: &[u8]) -> Vec<u8> {
    [before.as_bytes(), response].concat()
}

/// Every row of the table of responses, in its order.
fn rows() -> Vec<Row> {
    let now = "retry-after: 0\r\n";
    let elsewhere = "location: https://example.com/\r\n";
    let long = format!(
        r#"{{"success":true,"message":"{}"}}"#,
        "x".repeat(1024 * 1024)
    );
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let long_field = format!("x: {}\r\n", "x".repeat(60_000));
    // More than is received at once, which may end within a chunk.
    let in_small_chunks = format!(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{}{:x}\r\n{QUEUED}\r\n0\r\n\r\n",
        "1\r\n \r\n".repeat(50_000),
        QUEUED.len()
    );
    let endless_head = format!("HTTP/1.1 200 OK\r\nx: {}", "x".repeat(70_000));
    let no_id = r#"{"success":true,"message":"Queued."}"#;
    let older = r#"{"status":true,"message":"Queued.","request_id":"r-1"}"#;
    let older_refusal = r#"{"status":false,"message":"No."}"#;
    let more = r#"{"success":true,"message":"Queued.","request_id":"r-1","credits":7}"#;
    let queued_cafe = r#"{"success":true,"message":"Queued: caf?","request_id":"r-1"}"#;
    let refused_cafe = r#"{"success":false,"message":"No such caf?."}"#;
    let early_hints = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n";
    let go_on = "HTTP/1.1 100 Continue\r\n\r\n";

    vec![
        row("200, success", response(200, "", QUEUED), "ok", None),
        row("202, success", response(202, "", QUEUED), "ok", None),
        row("299, success", response(299, "", QUEUED), "ok", None),
        row("no request_id", response(200, "", no_id), "ok", None),
        row("status for success", response(200, "", older), "ok", None),
        row("further fields", response(200, "", more), "ok", None),
        row("in chunks", chunked(QUEUED), "ok", None),
        row("in many small chunks", in_small_chunks, "ok", None),
        row("long head", response(200, &long_field, QUEUED), "ok", None),
        row(
            "Latin-1",
            broken(b'\xe9', response(200, "", queued_cafe)),
            "ok",
            None,
        ),
        row(
            "raw tab",
            broken(b'\t', response(200, "", queued_cafe)),
            "ok",
            None,
        ),
        row(
            "half a character, not success",
            broken(b'\xc3', response(503, now, refused_cafe)),
            "busy",
            true,
        ),
        row(
            "raw control character, not success",
            broken(b'\x02', response(500, now, refused_cafe)),
            "rejected",
            true,
        ),
        row(
            "control character outside of a string",
            broken(b'\x02', response(200, "", &format!("{QUEUED}?"))),
            "outcome_unknown",
            false,
        ),
        row(
            "byte order mark",
            response(200, "", &behind_mark(QUEUED)),
            "ok",
            None,
        ),
        row(
            "byte order mark, in chunks",
            chunked(&behind_mark(QUEUED)),
            "ok",
            None,
        ),
        row(
            "byte order mark, not success",
            response(500, now, &behind_mark(REFUSED)),
            "rejected",
            true,
        ),
        row(
            "byte order mark, 403",
            response(403, "", &behind_mark(REFUSED)),
            "unauthorized",
            false,
        ),
        row(
            "two byte order marks",
            response(200, "", &behind_mark(&behind_mark(QUEUED))),
            "outcome_unknown",
            false,
        ),
        row(
            "both success and not",
            response(200, "", &twice("true,\"success\":false")),
            "outcome_unknown",
            false,
        ),
        row(
            "both not success and success",
            response(500, "", &twice("false,\"success\":true")),
            "outcome_unknown",
            false,
        ),
        row(
            "success twice",
            response(200, "", &twice("true,\"success\":true")),
            "outcome_unknown",
            false,
        ),
        row(
            "both not success and success, 400",
            response(400, "", &twice("false,\"success\":true")),
            "rejected",
            false,
        ),
        row(
            "after 100",
            after(go_on, &response(200, "", QUEUED)),
            "ok",
            None,
        ),
        row(
            "after 103",
            after(early_hints, &response(200, "", QUEUED)),
            "ok",
            None,
        ),
        row("401", response(401, "", REFUSED), "unauthorized", false),
        row("403", response(403, "", REFUSED), "unauthorized", false),
        row(
            "403, any object",
            response(403, "", "{}"),
            "unauthorized",
            false,
        ),
        row(
            "403, a firewall's page",
            response(403, "", HTML),
            "rejected",
            false,
        ),
        row("403, empty", response(403, now, ""), "rejected", false),
        row(
            "403, an array",
            response(403, "", "[{}]"),
            "rejected",
            false,
        ),
        row(
            "403, JSON cut short",
            response(403, "", &REFUSED[..20]),
            "rejected",
            false,
        ),
        row("429", response(429, now, REFUSED), "busy", true),
        row("429, no JSON", response(429, now, HTML), "busy", true),
        row(
            "503, Retry-After",
            response(503, now, REFUSED),
            "busy",
            true,
        ),
        row(
            "503, not success",
            response(503, now, older_refusal),
            "busy",
            true,
        ),
        row(
            "503, Retry-After, no JSON",
            response(503, now, HTML),
            "outcome_unknown",
            false,
        ),
        row(
            "503, Retry-After, an object that does not say",
            response(503, now, r#"{"message":"Later."}"#),
            "outcome_unknown",
            false,
        ),
        row(
            "500, not success",
            response(500, "", REFUSED),
            "rejected",
            true,
        ),
        row(
            "504, not success",
            response(504, now, REFUSED),
            "rejected",
            true,
        ),
        row(
            "502, status for success",
            response(502, "", older_refusal),
            "rejected",
            true,
        ),
        row(
            "200, not success",
            response(200, "", REFUSED),
            "rejected",
            false,
        ),
        row(
            "400, not success",
            response(400, "", REFUSED),
            "rejected",
            false,
        ),
        row(
            "302, not success",
            response(302, elsewhere, REFUSED),
            "rejected",
            false,
        ),
        row(
            "408, not success",
            response(408, "", REFUSED),
            "rejected",
            false,
        ),
        row("301", response(301, elsewhere, HTML), "rejected", false),
        row("307", response(307, elsewhere, ""), "rejected", false),
        row("408", response(408, now, HTML), "outcome_unknown", false),
        row(
            "408, empty",
            response(408, "", ""),
            "outcome_unknown",
            false,
        ),
        row("400", response(400, "", HTML), "rejected", false),
        row("422, empty", response(422, "", ""), "rejected", false),
        row("500", response(500, "", HTML), "outcome_unknown", false),
        row("502", response(502, "", HTML), "outcome_unknown", false),
        row("503", response(503, "", HTML), "outcome_unknown", false),
        row(
            "503, odd Retry-After",
            response(503, "retry-after: soon\r\n", HTML),
            "outcome_unknown",
            false,
        ),
        row(
            "504, empty",
            response(504, "", ""),
            "outcome_unknown",
            false,
        ),
        row("799", response(799, "", HTML), "outcome_unknown", false),
        // What ureq cannot parse. It may all be allowed, and the message may be queued.
        row(
            "200, a chunk with a long extension",
            chunked_with(";signature=0123456789abcdef", QUEUED),
            "outcome_unknown",
            false,
        ),
        row(
            "200, a folded header field",
            response(200, "x-note: one\r\n two\r\n", QUEUED),
            "outcome_unknown",
            false,
        ),
        row(
            "after 100 with fields",
            after(
                "HTTP/1.1 100 Continue\r\nx-note: one\r\n\r\n",
                &response(200, "", QUEUED),
            ),
            "outcome_unknown",
            false,
        ),
        row(
            "200, no JSON",
            response(200, "", HTML),
            "outcome_unknown",
            false,
        ),
        row(
            "200, empty",
            response(200, "", ""),
            "outcome_unknown",
            false,
        ),
        row(
            "204",
            "HTTP/1.1 204 No Content\r\n\r\n",
            "outcome_unknown",
            false,
        ),
        row(
            "200, an array",
            response(200, "", "[true]"),
            "outcome_unknown",
            false,
        ),
        row(
            "200, deep",
            response(200, "", &deep),
            "outcome_unknown",
            false,
        ),
        row(
            "200, no success",
            response(200, "", r#"{"message":"No idea."}"#),
            "outcome_unknown",
            false,
        ),
        row(
            "200, success a string",
            response(200, "", r#"{"success":"true"}"#),
            "outcome_unknown",
            false,
        ),
        row(
            "200, success null",
            response(200, "", r#"{"success":null,"status":true}"#),
            "outcome_unknown",
            false,
        ),
        row(
            "200, JSON cut short",
            response(200, "", &QUEUED[..20]),
            "outcome_unknown",
            false,
        ),
        row(
            "200, more behind the JSON",
            response(200, "", &format!("{QUEUED}x")),
            "outcome_unknown",
            false,
        ),
        row(
            "200, over-long",
            response(200, "", &long),
            "outcome_unknown",
            false,
        ),
        row(
            "200, broken chunks",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
            "outcome_unknown",
            false,
        ),
        row(
            "200, over-long head",
            endless_head,
            "outcome_unknown",
            false,
        ),
        row(
            "no HTTP",
            "SSH-2.0-OpenSSH_9.9\r\n\r\n",
            "outcome_unknown",
            false,
        ),
        row("nothing", "", "outcome_unknown", false),
    ]
}

/// Gives the same response to each request and closes then.
fn responding(scheme: Scheme, response: Vec<u8>) -> RawServer {
    RawServer::start(scheme, move |peer| {
        peer.request()?;
        peer.send(&response)
    })
}

#[test]
fn every_response_has_its_status_and_is_asked_for_again_only_where_that_is_safe() {
    let assert_as_the_row_has_it = |scheme: Scheme, row: Row| {
        let server = responding(scheme, row.response.clone());
        let client = client(&server.options_with(json!({ "max_retries": 1 })));
        let reply = client.send(&message("tag"));
        let case = format!("{scheme:?}, {}: {reply:?}", row.case);
        assert_eq!(reply.status(), row.status, "{case}");
        assert_eq!(reply.retryable(), row.retryable, "{case}");
        let attempts = if row.retryable == Some(true) { 2 } else { 1 };
        assert_eq!(reply.attempts(), attempts, "{case}");
        assert_eq!(server.requests().len() as u64, attempts, "{case}");
        assert!(reply.message().len() > 2, "{case}");
    };
    // Those that are asked for again wait for a while.
    thread::scope(|scope| {
        for (scheme, row) in SCHEMES
            .into_iter()
            .flat_map(|scheme| rows().into_iter().map(move |row| (scheme, row)))
        {
            scope.spawn(move || assert_as_the_row_has_it(scheme, row));
        }
    });
}

/// Whatever the status: nothing that may have been queued is sent again.
#[test]
fn success_under_a_status_that_is_none_is_unknown_and_not_sent_again() {
    let older = r#"{"status":true,"message":"Queued.","request_id":"r-1"}"#;
    let headers = "retry-after: 0\r\nlocation: /\r\n";
    // Below 200 there is no final response, and 304 has no body.
    let codes = (300..=303)
        .chain(305..=308)
        .chain(400..=451)
        .chain(500..=511)
        .chain([599, 600, 799, 999]);
    for (code, body) in codes.flat_map(|code| [(code, QUEUED), (code, older)]) {
        let server = responding(Scheme::Http, response(code, headers, body));
        let client = client(&server.options_with(json!({ "max_retries": 1 })));
        let reply = client.send(&message("tag"));
        reply.assert_status("outcome_unknown");
        assert_eq!((reply.attempts(), reply.retryable()), (1, Some(false)));
        assert_eq!(reply.request_id(), Some("r-1"), "{reply:?}");
        assert_eq!(server.requests().len(), 1, "{code}");
    }
}

#[test]
fn no_response_is_unknown_where_the_request_went_out_and_not_sent_where_it_cannot_have() {
    for scheme in SCHEMES {
        let server = responding(scheme, Vec::new());
        let options = server.options_with(json!({ "max_retries": 1 }));
        let reply = client(&options).send(&message("tag"));
        reply.assert_status("outcome_unknown");
        assert_eq!((reply.attempts(), reply.retryable()), (1, Some(false)));
        assert_eq!(
            reply.keys(),
            ["success", "status", "message", "attempts", "retryable"]
        );
        assert_eq!(server.finish().len(), 1);

        // Nothing listens there any more.
        let reply = client(&options).send(&message("tag"));
        reply.assert_status("not_sent");
        assert_eq!((reply.attempts(), reply.retryable()), (2, Some(true)));
        assert_eq!(
            reply.keys(),
            ["success", "status", "message", "attempts", "retryable"]
        );
    }
}

#[test]
fn redirect_is_not_followed_so_the_credentials_reach_no_other_host() {
    for code in [301, 302, 303, 307, 308] {
        let elsewhere = RawServer::accepting(Scheme::Http);
        let location = format!("location: {}/\r\n", elsewhere.base_url());
        let server = responding(Scheme::Http, response(code, &location, ""));
        let reply = client(&server.options()).send(&message("tag"));
        reply.assert_status("rejected");
        assert_eq!(elsewhere.connections(), 0, "{code}");
        assert!(reply.message().contains("redirect"), "{reply:?}");
    }
}

/// The reply to a message that gets this response.
fn reply_to(response: Vec<u8>) -> Reply {
    let server = responding(Scheme::Http, response);
    client(&server.options_with(json!({ "max_retries": 0 }))).send(&message("tag"))
}

#[test]
fn reply_has_its_keys_in_their_order_and_none_that_does_not_apply() {
    let cases = [
        (
            response(202, "", QUEUED),
            "success status message request_id http_status attempts",
        ),
        (
            response(
                202,
                "",
                r#"{"success":true,"message":"Queued.","credits":7}"#,
            ),
            "success status message http_status attempts response",
        ),
        (
            response(400, "", REFUSED),
            "success status message http_status attempts retryable",
        ),
        (
            response(429, "retry-after: 7\r\n", HTML),
            "success status message http_status attempts retryable retry_after_ms response",
        ),
    ];
    for (response, keys) in cases {
        let reply = reply_to(response);
        assert_eq!(reply.keys().join(" "), keys, "{reply:?}");
    }
    let server = RawServer::accepting(Scheme::Http);
    let reply = client(&server.options()).send("{}");
    assert_eq!(
        reply.keys().join(" "),
        "success status message attempts retryable problems"
    );
    assert_eq!(server.connections(), 0);
}

#[test]
fn reply_says_what_the_api_said() {
    let reply = reply_to(response(202, "", QUEUED));
    assert_eq!(reply.json["message"], "Queued.");
    assert_eq!(reply.json["request_id"], "r-1");
    assert_eq!(reply.json["http_status"], 202);
    let reply = reply_to(response(400, "", REFUSED));
    assert_eq!(reply.json["message"], "No such phone_id.");
    let reply = reply_to(response(429, "retry-after: 7\r\n", HTML));
    assert_eq!(reply.json["retry_after_ms"], 7000);
    assert_eq!(reply.json["response"], HTML);
}

/// Where the API's response has no sentence of its own.
#[test]
fn reply_says_what_a_response_without_words_means_and_what_to_do() {
    let credentials = "the API refused the credentials";
    let refused = "the API did not queue the message";
    let unknown = "the message may have been queued: the API's response";
    let broken = |status: u16| format!("HTTP/1.1 {status} Status\r\ncontent-length: 9\r\n\r\n{{");
    let cases = [
        (
            response(200, "", r#"{"success":true}"#),
            "accepted and queued (HTTP 200)".to_owned(),
        ),
        (
            response(401, "", HTML),
            format!("{credentials} (HTTP 401): check the API key and workspace ID"),
        ),
        (
            response(401, "", r#"{"success":false,"message":" "}"#),
            format!("{credentials} (HTTP 401): check the API key and workspace ID"),
        ),
        (
            response(403, "", "{}"),
            format!("{credentials} (HTTP 403): check the API key and workspace ID"),
        ),
        (
            response(403, "", HTML),
            "a firewall or gateway refused the message (HTTP 403): it was not the API's response, so \
             ask whoever runs what is in front of it"
                .to_owned(),
        ),
        (
            response(429, "", HTML),
            "the API is busy and did not take the message (HTTP 429): send it later".to_owned(),
        ),
        (
            response(500, "", r#"{"success":false}"#),
            format!("{refused} (HTTP 500)"),
        ),
        (
            response(302, "", HTML),
            "the API responded with a redirect (HTTP 302), which is never followed: check base_url"
                .to_owned(),
        ),
        (
            response(408, "", HTML),
            format!("{unknown} (HTTP 408) does not say"),
        ),
        (
            response(429, "", r#"{"success":true}"#),
            "the message may have been queued: the API's response says that it was (HTTP 429), but \
             its HTTP status is not a success"
                .to_owned(),
        ),
        (response(400, "", HTML), format!("{refused} (HTTP 400)")),
        // That it broke off tells nothing where the status says it all.
        (broken(400).into_bytes(), format!("{refused} (HTTP 400)")),
        (
            response(502, "", HTML),
            format!("{unknown} (HTTP 502) does not say"),
        ),
    ];
    for (response, sentence) in cases {
        let reply = reply_to(response);
        assert_eq!(reply.message(), sentence, "{reply:?}");
    }
    let reply = reply_to(broken(200).into_bytes());
    let beginning = format!("{unknown} (HTTP 200) broke off: the connection broke");
    assert!(reply.message().starts_with(&beginning), "{reply:?}");
}

#[test]
fn response_is_read_up_to_1_mib() {
    const MOST: usize = 1024 * 1024;
    // White space behind it changes nothing.
    let response_of = |length| {
        let space = " ".repeat(length - QUEUED.len());
        response(200, "", &format!("{QUEUED}{space}"))
    };
    for length in [4096, MOST] {
        reply_to(response_of(length)).assert_status("ok");
    }
    for length in [MOST + 1, MOST + 2] {
        let reply = reply_to(response_of(length));
        reply.assert_status("outcome_unknown");
        let reason = "broke off: it is longer than 1 MiB";
        assert!(reply.message().ends_with(reason), "{reply:?}");
    }
}

#[test]
fn undocumented_response_is_repeated_up_to_4_kib() {
    let long = "ä".repeat(5000);
    let reply = reply_to(response(400, "", &long));
    let response = reply.json["response"].as_str().expect("a response");
    assert_eq!(response.len(), 4096);
    assert!(long.starts_with(response));
}

#[test]
fn what_arrives_is_the_message_byte_for_byte_with_exactly_the_headers_of_the_endpoint() {
    // Odd white space and an unknown field: neither is touched.
    let odd = message("tag").replacen('{', "{ \n\t\"new\" : 1.50e0 ,", 1);
    for scheme in SCHEMES {
        let server = RawServer::accepting(scheme);
        client(&server.options()).send(&odd).assert_status("ok");
        let request = server.requests().remove(0);
        assert_eq!(request.body, odd);
        let mut lines: Vec<&str> = request.head.trim_end().split("\r\n").collect();
        assert_eq!(
            lines.remove(0),
            "POST /api/ingest/whatsapp/v1/message/interactive/reply-buttons/send HTTP/1.1"
        );
        lines.sort_unstable();
        let version = env!("CARGO_PKG_VERSION");
        let mut expected = vec![
            "accept-encoding: identity".to_owned(),
            "accept: application/json".to_owned(),
            format!("content-length: {}", odd.len()),
            "content-type: application/json".to_owned(),
            format!("host: {}", server.address()),
            format!("user-agent: zixflow-c/{version}"),
            format!("x-api-key: {API_KEY}"),
            format!("x-workspace-id: {WORKSPACE_ID}"),
        ];
        expected.sort_unstable();
        assert_eq!(lines, expected, "{scheme:?}");
    }
}

/// A string for C; `None` is NULL.
#[test]
fn longest_credentials_arrive_whole() {
    let [key, workspace] = ["k", "w"].map(|letter| letter.repeat(4096));
    for scheme in SCHEMES {
        let server = RawServer::accepting(scheme);
        let client = Client::with_credentials(&key, &workspace, &server.options());
        let reply = client.expect("a client").send(&message("tag"));
        reply.assert_status("ok");
        let head = server.requests().remove(0).head;
        for field in [
            format!("x-api-key: {key}\r\n"),
            format!("x-workspace-id: {workspace}\r\n"),
        ] {
            assert!(head.contains(&field), "{head}");
        }
    }
}

fn pointer(text: &Option<CString>) -> *const c_char {
    text.as_ref().map_or(ptr::null(), |text| text.as_ptr())
}

fn c(text: impl Into<Vec<u8>>) -> Option<CString> {
    Some(CString::new(text).expect("no NUL inside"))
}

/// Calls zx_client_new, which must refuse.
fn refusal(
    api_key: Option<CString>,
    workspace: Option<CString>,
    options: Option<CString>,
) -> Reply {
    let mut error = ptr::null_mut();
    let texts = (pointer(&api_key), pointer(&workspace), pointer(&options));
    // SAFETY: NULL or strings that end in NUL, and a place for the error.
    let client = unsafe { ffi::zx_client_new(texts.0, texts.1, texts.2, &mut error) };
    assert!(client.is_null(), "{api_key:?} {workspace:?} {options:?}");
    let reply = Reply::take(error);
    reply.assert_status("invalid_argument");
    assert_eq!((reply.attempts(), reply.retryable()), (0, Some(false)));
    // SAFETY: the same, and no place: nothing is to be written.
    let client = unsafe { ffi::zx_client_new(texts.0, texts.1, texts.2, ptr::null_mut()) };
    assert!(client.is_null());
    reply
}

#[test]
fn client_is_refused_for_a_bad_argument_which_the_message_names() {
    let (key, workspace) = (|| c(API_KEY), || c(WORKSPACE_ID));
    let not_utf8 = || c(b"caf\xe9".to_vec());
    let cases = [
        (refusal(None, workspace(), None), "api_key is NULL"),
        (refusal(key(), None, None), "workspace_id is NULL"),
        (
            refusal(not_utf8(), workspace(), None),
            "api_key is not UTF-8 from byte 3",
        ),
        (
            refusal(key(), not_utf8(), None),
            "workspace_id is not UTF-8",
        ),
        (
            refusal(key(), workspace(), not_utf8()),
            "options_json is not UTF-8",
        ),
        (refusal(c(""), workspace(), None), "api_key is empty"),
        (refusal(key(), c(""), None), "workspace_id is empty"),
        (
            refusal(c("zx\nlive"), workspace(), None),
            "api_key has a character",
        ),
        (
            refusal(c("zx-live\n"), workspace(), None),
            "api_key begins or ends",
        ),
        (
            refusal(c("clé"), workspace(), None),
            "api_key has a character",
        ),
        (
            refusal(key(), c("a\r\nb"), None),
            "workspace_id has a character",
        ),
        (
            refusal(c("k".repeat(4097)), workspace(), None),
            "api_key is longer",
        ),
        (
            refusal(key(), workspace(), c(vec![b' '; (1 << 20) + 1])),
            "options_json is longer",
        ),
        (
            refusal(key(), workspace(), c("{\"timeout_ms\": ")),
            "options_json is JSON that ends",
        ),
        (
            refusal(key(), workspace(), c("7")),
            "options_json is not a JSON object",
        ),
        (
            refusal(key(), workspace(), c("timeout")),
            "options_json is not JSON",
        ),
        (
            refusal(key(), workspace(), c(r#"{"a":"#.repeat(200))),
            "options_json is",
        ),
    ];
    for (reply, expected) in cases {
        assert!(reply.message().contains(expected), "{expected}: {reply:?}");
    }
}

#[test]
fn send_reports_a_null_for_each_argument() {
    let server = RawServer::accepting(Scheme::Http);
    let client = client(&server.options());
    let message = c(message("tag"));
    let send =
        |client: *const ffi::zx_client, message: &Option<CString>, options: &Option<CString>| {
            let mut reply = ptr::null_mut();
            let (message, options) = (pointer(message), pointer(options));
            // SAFETY: NULL or strings that end in NUL, and a place for the reply.
            let status = unsafe {
                ffi::zx_send_reply_buttons_with(client, message, options, ptr::null(), &mut reply)
            };
            Reply::of(status, reply)
        };
    let reply = send(ptr::null(), &message, &None);
    reply.assert_status("invalid_argument");
    assert!(reply.message().contains("client is NULL"), "{reply:?}");
    let reply = send(client.as_ptr(), &None, &None);
    reply.assert_status("invalid_argument");
    assert!(
        reply.message().contains("message_json is NULL"),
        "{reply:?}"
    );
    let reply = send(client.as_ptr(), &c(b"\xff".to_vec()), &None);
    reply.assert_status("invalid_argument");
    assert!(
        reply.message().contains("message_json is not UTF-8"),
        "{reply:?}"
    );
    let reply = send(client.as_ptr(), &message, &c(b"\xff".to_vec()));
    reply.assert_status("invalid_argument");
    assert!(
        reply.message().contains("options_json is not UTF-8"),
        "{reply:?}"
    );
    assert_eq!(server.connections(), 0);

    send(client.as_ptr(), &message, &None).assert_status("ok");
    // SAFETY: a string that ends in NUL; the reply is not wanted.
    let status =
        unsafe { ffi::zx_send_reply_buttons(client.as_ptr(), pointer(&message), ptr::null_mut()) };
    assert_eq!(status, ffi::Status::ZX_OK as i32);
}

#[test]
fn check_and_free_report_null() {
    let mut report = ptr::null_mut();
    // SAFETY: NULL, and a place for the report.
    let status = unsafe { ffi::zx_check_reply_buttons(ptr::null(), &mut report) };
    Reply::of(status, report).assert_status("invalid_argument");
    // SAFETY: nothing to read and nothing to write.
    let status = unsafe { ffi::zx_check_reply_buttons(ptr::null(), ptr::null_mut()) };
    assert_eq!(status, ffi::Status::ZX_INVALID_ARGUMENT as i32);
    ffi::zx_free(ptr::null_mut());
    ffi::zx_client_shutdown(ptr::null());
}

#[test]
fn bad_message_is_answered_with_what_is_wrong_and_not_sent() {
    let server = RawServer::accepting(Scheme::Http);
    let client = client(&server.options());
    let good = message("tag");
    let deep = format!("{}{}", r#"{"a":"#.repeat(200), "}".repeat(200));
    let five: Value = json!({
        "recipient": "+91",
        "interactive": {
            "type": "list",
            "body": { "text": "" },
            "action": { "buttons": [
                { "type": "reply", "reply": { "id": "a", "title": "longer than twenty characters" } },
            ] },
        },
    });
    let cases = [
        (good[..40].to_owned(), 1),
        (deep, 1),
        (String::new(), 1),
        ("[]".to_owned(), 1),
        (" ".repeat((1 << 20) + 1), 1),
        (five.to_string(), 5),
    ];
    for (bad, problems) in cases {
        let reply = client.send(&bad);
        reply.assert_status("invalid_message");
        assert_eq!((reply.attempts(), reply.retryable()), (0, Some(false)));
        let found = reply.json["problems"].as_array().expect("problems");
        assert!(found.len() >= problems, "{reply:?}");
        for problem in found {
            assert!(problem["path"].is_string() && problem["message"].is_string());
        }
    }
    let paths: Vec<_> = client.send(&five.to_string()).json["problems"]
        .as_array()
        .expect("problems")
        .iter()
        .map(|problem| problem["path"].as_str().expect("a path").to_owned())
        .collect();
    for path in [
        "/recipient",
        "/phone_id",
        "/interactive/type",
        "/interactive/body/text",
        "/interactive/action/buttons/0/reply/title",
    ] {
        assert!(paths.iter().any(|found| found == path), "{path}: {paths:?}");
    }
    assert_eq!(paths.len(), 5);
    assert_eq!(server.connections(), 0);
}

#[test]
fn early_response_to_a_request_that_is_not_all_sent_is_read() {
    fn refuse_unread(peer: &mut Peer) -> io::Result<()> {
        peer.handshake()?;
        let refusal = response(413, "connection: close\r\n", REFUSED);
        peer.send(&refusal)?;
        peer.stop();
        Ok(())
    }

    for scheme in SCHEMES {
        let listener = support::raw_server::narrow_listener();
        let server = RawServer::on(listener, scheme, refuse_unread);
        let reply = client(&server.options()).send(&message(&"x".repeat(700_000)));
        reply.assert_status("rejected");
        assert_eq!(reply.json["http_status"], 413, "{scheme:?}");
    }
}
