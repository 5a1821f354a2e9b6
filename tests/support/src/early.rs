//! What a server may say to a request that it has not read, and what that comes to.

use crate::raw_server::{accepted, answer};

pub const REFUSED: &str = r#"{"success":false,"message":"No."}"#;
pub const PAGE: &str = "<html><body>Something else</body></html>";

/// An answer that comes before the whole request has left, and how the call ends.
#[derive(Clone, Debug)]
pub struct EarlyAnswer {
    pub case: &'static str,
    pub bytes: Vec<u8>,
    pub status: &'static str,
    pub retryable: bool,
    /// Whether an HTTP client that has read it has an answer.
    pub is_whole: bool,
}

impl EarlyAnswer {
    /// Whether it says that the message was not queued, so that it counts.
    pub fn is_refusal(&self) -> bool {
        self.status != "not_sent"
    }
}

/// No answer at all.
pub fn nothing() -> EarlyAnswer {
    EarlyAnswer {
        case: "nothing",
        bytes: Vec::new(),
        status: "not_sent",
        retryable: true,
        is_whole: false,
    }
}

/// Each kind of answer. `own` is the tag of the message, `last` the one of the message before.
pub fn early_answers(own: &str, last: &str) -> Vec<EarlyAnswer> {
    let now = "retry-after: 0\r\n";
    let refusal = |case, bytes, status, retryable| EarlyAnswer {
        case,
        bytes,
        status,
        retryable,
        is_whole: true,
    };
    let no_refusal = |case, bytes: &[u8], is_whole| EarlyAnswer {
        case,
        bytes: bytes.to_vec(),
        status: "not_sent",
        retryable: true,
        is_whole,
    };
    let cut = |code, body: &str| {
        let whole = answer(code, now, body);
        whole[..whole.len() - 5].to_vec()
    };
    let early_hints = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n";
    let hints_before = |answer: &[u8]| [&early_hints[..], answer].concat();
    vec![
        refusal("401", answer(401, "", REFUSED), "unauthorized", false),
        refusal("401, a page", answer(401, "", PAGE), "unauthorized", false),
        refusal(
            "403, object",
            answer(403, "", REFUSED),
            "unauthorized",
            false,
        ),
        refusal("403, a page", answer(403, "", PAGE), "rejected", false),
        refusal(
            "413",
            answer(413, "connection: close\r\n", PAGE),
            "rejected",
            false,
        ),
        refusal("413, cut in its body", cut(413, PAGE), "rejected", false),
        refusal("429", answer(429, now, REFUSED), "busy", true),
        refusal("503, not success", answer(503, now, REFUSED), "busy", true),
        refusal(
            "500, not success",
            answer(500, now, REFUSED),
            "rejected",
            true,
        ),
        refusal("400", answer(400, "", PAGE), "rejected", false),
        refusal("302", answer(302, "location: /\r\n", ""), "rejected", false),
        refusal(
            "200, not success",
            answer(200, "", REFUSED),
            "rejected",
            false,
        ),
        refusal(
            "413 after a 103",
            hints_before(&answer(413, "", PAGE)),
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
        no_refusal("503, a page", &answer(503, now, PAGE), true),
        no_refusal("408, a page", &answer(408, now, PAGE), true),
        no_refusal(
            "429, success",
            &answer(429, now, r#"{"success":true}"#),
            true,
        ),
        no_refusal("502, a page", &answer(502, "", PAGE), true),
        no_refusal("500, a page", &answer(500, "", PAGE), true),
        no_refusal(
            "500, success",
            &answer(500, "", r#"{"success":true}"#),
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
