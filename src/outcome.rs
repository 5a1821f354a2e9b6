//! What became of a message: the status, and how an answer of the API is read.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::ffi;
use crate::json_pointer;

/// The outcome of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
#[repr(i32)]
pub(crate) enum Status {
    Ok = ffi::ZX_OK,
    InvalidArgument = ffi::ZX_INVALID_ARGUMENT,
    InvalidMessage = ffi::ZX_INVALID_MESSAGE,
    Unauthorized = ffi::ZX_UNAUTHORIZED,
    Rejected = ffi::ZX_REJECTED,
    Busy = ffi::ZX_BUSY,
    NotSent = ffi::ZX_NOT_SENT,
    OutcomeUnknown = ffi::ZX_OUTCOME_UNKNOWN,
    Internal = ffi::ZX_INTERNAL,
}

/// A status, and whether sending again can help and cannot deliver twice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Verdict {
    pub(crate) status: Status,
    pub(crate) retryable: bool,
}

impl Status {
    pub(crate) const fn retryable(self) -> Verdict {
        Verdict {
            status: self,
            retryable: true,
        }
    }

    pub(crate) const fn definite(self) -> Verdict {
        Verdict {
            status: self,
            retryable: false,
        }
    }
}

/// An answer of the API, as far as it came.
pub(crate) struct Answer {
    pub(crate) http_status: u16,
    /// How long the API asks to be left alone.
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Body,
}

pub(crate) enum Body {
    Whole(Vec<u8>),
    /// What came before it broke off or grew too long, and what happened to it.
    Broken(Vec<u8>, String),
}

/// What the body says, where it is a JSON object that says whether the message was queued.
#[derive(Default)]
pub(crate) struct Said<'a> {
    pub(crate) success: Option<bool>,
    pub(crate) message: Option<Cow<'a, str>>,
    pub(crate) request_id: Option<Cow<'a, str>>,
    /// Whether that is all it says.
    pub(crate) is_documented: bool,
}

/// The table of outcomes: the first row that fits.
pub(crate) fn verdict(answer: &Answer, success: Option<bool>) -> Verdict {
    match (answer.http_status, success, answer.retry_after) {
        (200..=299, Some(true), _) => Status::Ok.definite(),
        (401 | 403, _, _) => Status::Unauthorized.definite(),
        (429, _, _) | (503, _, Some(_)) => Status::Busy.retryable(),
        (500..=599, Some(false), _) => Status::Rejected.retryable(),
        (_, Some(false), _) => Status::Rejected.definite(),
        (300..=399, _, _) => Status::Rejected.definite(),
        (408, _, _) => Status::Rejected.retryable(),
        (400..=499, _, _) => Status::Rejected.definite(),
        _ => Status::OutcomeUnknown.definite(),
    }
}

impl Answer {
    pub(crate) fn said(&self) -> Said<'_> {
        match &self.body {
            Body::Whole(body) => Said::read(body),
            Body::Broken(..) => Said::default(),
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        match &self.body {
            Body::Whole(body) | Body::Broken(body, _) => body,
        }
    }
}

impl<'a> Said<'a> {
    fn read(body: &'a [u8]) -> Self {
        Self::documented(body)
            .or_else(|| serde_json::from_slice(body).map(Self::other).ok())
            .unwrap_or_default()
    }

    /// Reads the object that the API's page describes.
    fn documented(body: &'a [u8]) -> Option<Self> {
        let documented: Documented = serde_json::from_slice(body).ok()?;
        Some(Said {
            success: Some(documented.success),
            message: Some(documented.message),
            request_id: documented.request_id,
            is_documented: true,
        })
    }

    /// Reads what can be read of any other object.
    fn other(body: Value) -> Self {
        let text = |key| {
            let text = body.get(key).and_then(Value::as_str);
            text.map(|text| Cow::Owned(text.to_owned()))
        };
        Said {
            success: body
                .get("success")
                .or_else(|| body.get("status"))
                .and_then(Value::as_bool),
            message: text("message"),
            request_id: text("request_id"),
            is_documented: false,
        }
    }
}

/// The API's answer as its page describes it. Older pages call `success` `status`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Documented<'a> {
    #[serde(alias = "status")]
    success: bool,
    #[serde(borrow)]
    message: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    request_id: Option<Cow<'a, str>>,
}

/// A string: `null` is none.
fn text<'de: 'a, 'a, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Cow<'a, str>>, D::Error> {
    let json_pointer::Key(text) = Deserialize::deserialize(deserializer)?;
    Ok(Some(text))
}

/// A `Retry-After` field: seconds, or a date (RFC 9110, section 10.2.3).
pub(crate) fn retry_after(field: &str) -> Option<Duration> {
    let field = field.trim();
    if !field.is_empty() && field.bytes().all(|byte| byte.is_ascii_digit()) {
        // More seconds than a number holds: a delay all the same, and a long one.
        return Some(Duration::from_secs(
            field.parse().unwrap_or(u64::MAX / 1000),
        ));
    }
    let date = httpdate::parse_http_date(field).ok()?;
    Some(date.duration_since(SystemTime::now()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use proptest::prelude::*;
    use serde::Deserialize;

    use super::{Said, retry_after};

    /// The API's answer as its page describes it, for serde.
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Documented {
        #[serde(alias = "status")]
        success: bool,
        message: String,
        #[serde(default, deserialize_with = "text")]
        request_id: Option<String>,
    }

    /// A string: `null` is none.
    fn text<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
        String::deserialize(deserializer).map(Some)
    }

    fn object() -> impl Strategy<Value = String> {
        let key = prop_oneof![
            Just("success"),
            Just("status"),
            Just("message"),
            Just("request_id"),
            Just("more"),
        ];
        let value = prop_oneof![
            Just("true".to_owned()),
            Just("false".to_owned()),
            "\"[a-z]{0,3}\"",
            Just(r#""\u00e9""#.to_owned()),
            Just("null".to_owned()),
            Just("1".to_owned()),
        ];
        let member = (key, value).prop_map(|(key, value)| format!("\"{key}\": {value}"));
        proptest::collection::vec(member, 0..5)
            .prop_map(|members| format!("{{{}}}", members.join(",")))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn documented_is_what_serde_takes_for_it(body in object()) {
            let expected = serde_json::from_str::<Documented>(&body).ok();
            let said = Said::documented(body.as_bytes());
            prop_assert_eq!(said.is_some(), expected.is_some());
            if let (Some(said), Some(expected)) = (said, expected) {
                prop_assert_eq!(said.success, Some(expected.success));
                prop_assert_eq!(said.message.as_deref(), Some(&*expected.message));
                prop_assert_eq!(said.request_id.as_deref(), expected.request_id.as_deref());
            }
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(retry_after("7"), Some(Duration::from_secs(7)));
        assert_eq!(retry_after(" 0 "), Some(Duration::ZERO));
        assert_eq!(
            retry_after("99999999999999999999999"),
            Some(Duration::from_secs(u64::MAX / 1000))
        );
        let soon = SystemTime::now() + Duration::from_secs(60);
        let delay = retry_after(&httpdate::fmt_http_date(soon)).expect("a date");
        assert!(delay > Duration::from_secs(55) && delay <= Duration::from_secs(60));
        assert_eq!(
            retry_after("Sun, 06 Nov 1994 08:49:37 GMT"),
            Some(Duration::ZERO)
        );
        for neither in ["", "-1", "1.5", "soon", "7 seconds"] {
            assert_eq!(retry_after(neither), None, "{neither:?}");
        }
    }
}
