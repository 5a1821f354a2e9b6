//! What became of a message: how a response of the API is read.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use serde_json::value::RawValue;

use crate::json;
use crate::status::Status::*;
use crate::status::Verdict;
use crate::transport::Failure;

/// A row of the table of outcomes, with what to tell a person, where the response does not: what
/// happened, and what to do.
pub(crate) struct Row {
    pub(crate) verdict: Verdict,
    what: &'static str,
    advice: &'static str,
}

/// A response of the API, as far as it came.
pub(crate) struct Response {
    pub(crate) http_status: u16,
    /// How long the API asks to be left alone.
    pub(crate) retry_after: Option<Duration>,
    /// How long the server keeps the connection that it came over.
    pub(crate) keep_alive: Option<Duration>,
    pub(crate) body: Vec<u8>,
    /// Why the body ends before its end.
    pub(crate) broken_off: Option<String>,
}

/// The table of outcomes, of a request that was sent whole. The first row that fits counts: what the API
/// itself says goes before what its HTTP status says.
#[rustfmt::skip]
pub(crate) fn row(response: &Response, body: &ResponseBody) -> Row {
    let (verdict, what, advice) = match (response.http_status, body.success) {
        (200..=299, Some(true)) => (ZX_OK.not_retryable(),
            "accepted and queued", ""),
        (_, Some(true)) => (ZX_OUTCOME_UNKNOWN.not_retryable(),
            "the message may have been queued: the API's response says that it was",
            ", but its HTTP status is not a success"),
        (code @ (401 | 403), _) if code == 401 || body.is_object => (ZX_UNAUTHORIZED.not_retryable(),
            "the API refused the credentials", ": check the API key and workspace ID"),
        (403, _) => (ZX_REJECTED.not_retryable(),
            "a firewall or gateway refused the message",
            ": it was not the API's response, so ask whoever runs what is in front of it"),
        (429, _) | (503, Some(false)) => (ZX_BUSY.retryable(),
            "the API is busy and did not take the message", ": send it later"),
        (500..=599, Some(false)) => (ZX_REJECTED.retryable(),
            "the API did not queue the message", ""),
        (_, Some(false)) => (ZX_REJECTED.not_retryable(),
            "the API did not queue the message", ""),
        (300..=399, _) => (ZX_REJECTED.not_retryable(),
            "the API responded with a redirect", ", which is never followed: check base_url"),
        // Not 408, which is the last row's: a balancer says that, too, where it has handed the request on and
        // the API is slow.
        (code @ 400..=499, _) if code != 408 => (ZX_REJECTED.not_retryable(),
            "the API did not queue the message", ""),
        _ => (ZX_OUTCOME_UNKNOWN.not_retryable(),
            "the message may have been queued: the API's response", " does not say"),
    };
    Row { verdict, what, advice }
}

/// The rows without a response: whether the whole request may have reached the API is what counts.
pub(crate) fn without_response(failure: &Failure, may_have_arrived: bool) -> (Verdict, String) {
    if may_have_arrived {
        let sentence = format!(
            "the message may have been queued: it was sent, but no response came ({failure}); \
             before you send it again, wait for a notification at its post_back_url"
        );
        return (ZX_OUTCOME_UNKNOWN.not_retryable(), sentence);
    }
    let verdict = match failure {
        Failure::RateLimit(_) => ZX_BUSY.retryable(),
        failure if failure.is_transient() => ZX_NOT_SENT.retryable(),
        _ => ZX_NOT_SENT.not_retryable(),
    };
    (verdict, format!("the message was not sent: {failure}"))
}

impl Row {
    pub(crate) fn sentence(&self, response: &Response) -> String {
        let Row { what, advice, .. } = self;
        let code = response.http_status;
        match &response.broken_off {
            Some(reason) if self.verdict.status == ZX_OUTCOME_UNKNOWN => {
                format!("{what} (HTTP {code}) broke off: {reason}")
            }
            _ => format!("{what} (HTTP {code}){advice}"),
        }
    }
}

/// What a response's body says. The API's page describes an object of `success` (which older pages
/// call `status`), `message`, and `request_id` where it has one.
#[derive(Default)]
pub(crate) struct ResponseBody {
    /// Whether it is a JSON object at all.
    pub(crate) is_object: bool,
    pub(crate) success: Option<bool>,
    pub(crate) message: Option<String>,
    pub(crate) request_id: Option<String>,
    /// Whether it is that object, and nothing more.
    pub(crate) is_documented: bool,
}

impl ResponseBody {
    pub(crate) fn read(body: &[u8]) -> Self {
        if let Some(body) = str::from_utf8(body).ok().and_then(Self::of_json) {
            return body;
        }
        // An unreadable character is replaced; the rest is read.
        let body = Self::of_json(&json::repaired(body)).unwrap_or_default();
        let is_sure = |id: &String| !id.contains([' ', char::REPLACEMENT_CHARACTER]);
        ResponseBody {
            request_id: body.request_id.filter(is_sure),
            is_documented: false,
            ..body
        }
    }

    fn of_json(text: &str) -> Option<Self> {
        let [mut success, mut status, mut message, mut request_id] = [None; 4];
        let mut is_more = false;
        json::members(json::without_mark(text), |key, value| {
            let member = match &*key {
                "success" => &mut success,
                "status" => &mut status,
                "message" => &mut message,
                "request_id" => &mut request_id,
                _ => return is_more = true,
            };
            // A member given twice is ignored.
            *member = Some(if member.is_none() {
                value
            } else {
                RawValue::NULL
            });
        })
        .ok()?;
        let is_both = success.is_some() && status.is_some();
        let is_queued = success.or(status).and_then(|it| it.get().parse().ok());
        let text = message.and_then(json::text).map(Cow::into_owned);
        let id: Option<String> = request_id.and_then(|it| serde_json::from_str(it.get()).ok());
        let is_id_right = request_id.is_some() == id.is_some();
        let has_what_it_must = is_queued.is_some() && text.is_some() && is_id_right;
        Some(ResponseBody {
            is_object: true,
            is_documented: has_what_it_must && !is_both && !is_more,
            success: is_queued,
            message: text,
            request_id: id,
        })
    }
}

/// A `Retry-After` field: seconds, or a date (RFC 9110, section 10.2.3), where it is `now` for whoever
/// wrote it. Some servers give seconds with decimals, which count in full. A zero delay counts as none.
pub(crate) fn retry_after(field: &str, now: impl Fn() -> SystemTime) -> Option<Duration> {
    let field = field.trim();
    let (seconds, decimals) = field.split_once('.').unwrap_or((field, ""));
    let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    let delay = if !seconds.is_empty() && is_number(seconds) && is_number(decimals) {
        // More seconds than a number holds: a delay all the same, and a long one.
        const LONGEST: u64 = u64::MAX / 1000;
        let whole = seconds.parse().unwrap_or(LONGEST).min(LONGEST);
        let is_more = decimals.bytes().any(|digit| digit != b'0');
        Duration::from_secs(whole + u64::from(is_more))
    } else {
        let date = httpdate::parse_http_date(field).ok()?;
        date.duration_since(now()).ok()?
    };
    (!delay.is_zero()).then_some(delay)
}

/// A `Keep-Alive` field: how long the server keeps an idle connection (RFC 2068, section 19.7.1.1),
/// less the time that a request may take to get there: a second, or half of a time that is no longer.
pub(crate) fn keep_alive(field: &str) -> Option<Duration> {
    let seconds = field.split(',').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("timeout")
            .then(|| value.trim().trim_matches('"'))
    })?;
    let timeout = Duration::from_secs(seconds.parse().ok()?);
    let less_a_second = timeout.saturating_sub(Duration::from_secs(1));
    Some(less_a_second.max(timeout / 2))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::{ResponseBody, keep_alive, retry_after};

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = UNIX_EPOCH + Duration::from_secs(784_111_777);
        let retry_after = |field: &str| retry_after(field, || now);
        for (field, seconds) in [
            ("7", 7),
            ("2.0", 2),
            ("2.", 2),
            ("1.5", 2),
            ("0.001", 1),
            ("Sun, 06 Nov 1994 08:49:38 GMT", 1),
            ("Sunday, 06-Nov-94 09:49:37 GMT", 3600),
            ("Mon Nov  7 08:49:37 1994", 86400),
        ] {
            assert_eq!(
                retry_after(field),
                Some(Duration::from_secs(seconds)),
                "{field}"
            );
        }
        for absurd in ["99999999999999999999999", "18446744073709551615.5"] {
            let least = Duration::from_secs(u64::MAX / 1000);
            assert!(retry_after(absurd) >= Some(least), "{absurd}");
        }
        for neither in [
            "0",
            " 00 ",
            "0.0",
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:36 GMT",
            "Thu, 01 Jan 1970 00:00:00 GMT",
            "",
            ".",
            ".5",
            "-1",
            "+1",
            "1,5",
            "1.5.1",
            "1e3",
            "soon",
            "7 seconds",
        ] {
            assert_eq!(retry_after(neither), None, "{neither:?}");
        }
    }

    #[test]
    fn a_connection_is_kept_a_second_less_than_the_server_keeps_it() {
        for (field, milliseconds) in [
            ("timeout=5", 4000),
            ("timeout=5, max=100", 4000),
            ("max=100,Timeout = \"3\"", 2000),
            ("timeout=2", 1000),
            ("timeout=1", 500),
            ("timeout=0", 0),
        ] {
            assert_eq!(
                keep_alive(field),
                Some(Duration::from_millis(milliseconds)),
                "{field}"
            );
        }
        for neither in [
            "",
            "max=5",
            "timeout",
            "timeout=",
            "timeout=-1",
            "timeout=x",
        ] {
            assert_eq!(keep_alive(neither), None, "{neither}");
        }
    }

    #[test]
    fn what_cannot_be_read_costs_that_character_alone() {
        let with = |message: &[u8], id: &[u8]| {
            let parts: [&[u8]; 5] = [
                b"\xef\xbb\xbf{\"success\":true,\"message\":\"",
                message,
                b"\",\"request_id\":\"",
                id,
                b"\"}",
            ];
            ResponseBody::read(&parts.concat())
        };
        for (message, read) in [
            (&b"caf\xe9 1"[..], "caf\u{fffd} 1"),
            (b"caf\xc3", "caf\u{fffd}"),
            (b"a\tb\x00\x1f", "a b  "),
            (b"\\\"\n\\\\", "\" \\"),
            (b"\\ud83d!", "\u{fffd}\u{fffd}\u{fffd}!"),
        ] {
            let body = with(message, b"r-1");
            assert_eq!(body.success, Some(true), "{read}");
            assert_eq!(body.message.as_deref(), Some(read));
            assert_eq!(body.request_id.as_deref(), Some("r-1"), "{read}");
        }
        // But for an ID, which is whole or none.
        for id in [&b"r\xff1"[..], b"r\t1", b"r\\ud83d1"] {
            let body = with(b"queued", id);
            assert_eq!(body.success, Some(true));
            assert_eq!(body.message.as_deref(), Some("queued"));
            assert_eq!(body.request_id, None);
            assert!(!body.is_documented);
        }
        assert!(with(b"queued", b"r-1").is_documented);
        let both = br#"{"success":true,"status":true,"message":"queued"}"#;
        assert!(!ResponseBody::read(both).is_documented);
        for no_json in [
            &b"\xff{}"[..],
            b"{\"success\":true\x01}",
            b"{\"success\":\"\t}",
        ] {
            assert!(!ResponseBody::read(no_json).is_object);
        }
        let twice = b"{\"success\":true,\"success\":true,\"message\":\"\t\"}";
        assert_eq!(ResponseBody::read(twice).success, None);
    }

    #[test]
    fn an_object_that_says_whether_it_was_queued_twice_says_nothing() {
        for (body, success) in [
            (r#"{"success":true,"message":""}"#, Some(true)),
            (r#"{"success":false}"#, Some(false)),
            (r#"{"status":true}"#, Some(true)),
            (r#"{"success":true,"status":"queued"}"#, Some(true)),
            (r#"{"success":false,"status":true}"#, Some(false)),
            (
                r#"{"success":true,"message":"a","message":"b"}"#,
                Some(true),
            ),
            (r#"{"success":false,"success":true}"#, None),
            (r#"{"success":true,"success":true,"message":""}"#, None),
            (r#"{"success":true,"success":null}"#, None),
            (r#"{"success":1,"success":true}"#, None),
            (r#"{"status":true,"status":false}"#, None),
            (r#"{"success":null,"status":true}"#, None),
            (r#"{"s\u0075ccess":false,"success":true}"#, None),
            (r#"{"more":{"success":true}}"#, None),
        ] {
            let read = ResponseBody::read(body.as_bytes());
            assert_eq!(read.success, success, "{body}");
            assert!(read.is_object, "{body}");
            assert_eq!(
                ResponseBody::read(format!("\u{feff}{body}").as_bytes()).success,
                success,
                "{body}"
            );
        }
        for body in [
            "",
            "[true]",
            "[true,\"\"]",
            "true",
            "\u{feff}\u{feff}{}",
            "\u{a0}{}",
            "\u{b}{\"success\":true,\"message\":\"\"}",
            "\u{c}{\"success\":true,\"message\":\"\"}",
            "{}x",
            "{",
        ] {
            let read = ResponseBody::read(body.as_bytes());
            assert!(!read.is_object && read.success.is_none(), "{body}");
        }
    }
}
