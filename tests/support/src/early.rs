//! What a server may say to a request that it has not read, and what that comes to.

use crate::raw_server::{accepted, response};

pub const REFUSED: &str = r#"{"success":false,"message":"No."}"#;
pub const PAGE: &str = "<html><body>Something else</body></html>";

/// A response that comes before the whole request has left, and how the call ends.
#[derive(Clone, Debug)]
pub struct EarlyResponse {
    pub case: &'static str,
    pub bytes: Vec<u8>,
    pub status: &'static str,
    pub retryable: bool,
    /// Whether an HTTP client that has read it has a response.
    pub is_whole: bool,
}

impl EarlyResponse {
    /// Whether it says that the message was not queued, so that it counts.
    pub fn is_refusal(&self) -> bool {
        self.status != "not_sent"
    }
}

/// No response at all.
pub fn nothing() -> EarlyResponse {
    EarlyResponse {
        case: "nothing",
        bytes: Vec::new(),
        status: "not_sent",
        retryable: true,
        is_whole: false,
    }
}

/// Each kind of response. `own` is the tag of the message, `last` the one of the message before.
pub fn early_responses(own: &str, last: &str) -> Vec<EarlyResponse> {
    let now = "retry-after: 0\r\n";
    let refusal = |case, bytes, status, retryable| EarlyResponse {
        case,
        bytes,
        status,
        retryable,
        is_whole: true,
    };
    let no_refusal = |case, bytes: &[u8], is_whole| EarlyResponse {
        case,
        bytes: bytes.to_vec(),
        status: "not_sent",
        retryable: true,
        is_whole,
    };
    let cut = |code, body: &str| {
        let whole = response(code, now, body);
        whole[..whole.len() - 5].to_vec()
    };
    let early_hints = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n";
    let hints_before = |response: &[u8]| [&early_hints[..], response].concat();
    vec![
        refusal("401", response(401, "", REFUSED), "unauthorized", false),
        refusal(
            "401, a page",
            response(401, "", PAGE),
            "unauthorized",
            false,
        ),
        refusal(
            "403, object",
            response(403, "", REFUSED),
            "unauthorized",
            false,
        ),
        refusal("403, a page", response(403, "", PAGE), "rejected", false),
        refusal(
            "413",
            response(413, "connection: close\r\n", PAGE),
            "rejected",
            false,
        ),
        refusal("413, cut in its body", cut(413, PAGE), "rejected", false),
        refusal("429", response(429, now, REFUSED), "busy", true),
        refusal(
            "503, not success",
            response(503, now, REFUSED),
            "busy",
            true,
        ),
        refusal(
            "500, not success",
            response(500, now, REFUSED),
            "rejected",
            true,
        ),
        refusal("400", response(400, "", PAGE), "rejected", false),
        refusal(
            "302",
            response(302, "location: /\r\n", ""),
            "rejected",
            false,
        ),
        refusal(
            "200, not success",
            response(200, "", REFUSED),
            "rejected",
            false,
        ),
        refusal(
            "413 after a 103",
            hints_before(&response(413, "", PAGE)),
            "rejected",
            false,
        ),
        no_refusal("200, success", &accepted(own), true),
        no_refusal("200, the last message's", &accepted(last), true),
        no_refusal(
            "200, success after a 103",
            &hints_before(&accepted(own)),
            true,
        ),
        no_refusal(
            "200, success, cut in its body",
            &cut(200, r#"{"success":true}"#),
            true,
        ),
        no_refusal("503, a page", &response(503, now, PAGE), true),
        no_refusal("408, a page", &response(408, now, PAGE), true),
        no_refusal(
            "429, success",
            &response(429, now, r#"{"success":true}"#),
            true,
        ),
        no_refusal("502, a page", &response(502, "", PAGE), true),
        no_refusal("500, a page", &response(500, "", PAGE), true),
        no_refusal(
            "500, success",
            &response(500, "", r#"{"success":true}"#),
            true,
        ),
        no_refusal(
            "500, not success, cut in its body",
            &cut(500, REFUSED),
            true,
        ),
        no_refusal("204", b"HTTP/1.1 204 No Content\r\n\r\n", true),
        no_refusal("garbage", b"\x15\x03\xff no HTTP \x00\r\n\r\n", false),
        no_refusal("half a head", b"HTTP/1.1 413 Payload Too La", false),
        no_refusal("a head but for its end", b"HTTP/1.1 413 Status\r\n", false),
        no_refusal("a 103 and nothing more", early_hints, false),
        no_refusal(
            "a 100 and nothing more",
            b"HTTP/1.1 100 Continue\r\n\r\n",
            false,
        ),
        nothing(),
    ]
}
