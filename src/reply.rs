//! The reply that every call gives: one flat JSON object.

use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::findings::Findings;
use crate::json;
use crate::outcome;
use crate::status::{Status, Verdict};
use crate::transport::{Failure, Trace};

/// How much a reply repeats of each thing that a response says.
pub(crate) const MAX_SHOWN_BYTES: usize = 4 * 1024;

/// The keys, in this order. One that does not apply is left out.
#[derive(Serialize)]
pub(crate) struct Reply {
    pub(crate) success: bool,
    pub(crate) status: Status,
    pub(crate) message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) request_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) http_status: Option<u16>,
    pub(crate) attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retryable: Option<bool>,
    /// Whether it is the ledger's, and the call began no attempt.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) repeated: bool,
    #[serde(
        rename = "retry_after_ms",
        serialize_with = "milliseconds",
        skip_serializing_if = "Option::is_none"
    )]
    pub(crate) retry_after: Option<Duration>,
    #[serde(skip_serializing_if = "Findings::is_empty")]
    pub(crate) problems: Findings,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) response: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) tries: Vec<Trace>,
    #[serde(skip_serializing_if = "Findings::is_empty")]
    pub(crate) warnings: Findings,
}

impl Reply {
    pub(crate) fn new(verdict: Verdict, message: impl Into<String>) -> Self {
        let success = verdict.status == Status::ZX_OK;
        Reply {
            success,
            status: verdict.status,
            message: message.into(),
            request_id: None,
            http_status: None,
            attempts: 0,
            retryable: (!success).then_some(verdict.retryable),
            repeated: false,
            retry_after: None,
            problems: Findings::default(),
            response: None,
            tries: Vec::new(),
            warnings: Findings::default(),
        }
    }

    /// What is wrong with an argument, which the reason names.
    pub(crate) fn invalid_argument(reason: impl Into<String>) -> Self {
        Reply::new(Status::ZX_INVALID_ARGUMENT.not_retryable(), reason)
    }

    /// What is wrong with a text, a "message" or a "post-back": at least one problem.
    pub(crate) fn invalid(what: &str, problems: Findings) -> Self {
        let message = summary(what, &problems);
        Reply {
            problems,
            ..Reply::new(Status::ZX_INVALID_MESSAGE.not_retryable(), message)
        }
    }

    pub(crate) fn not_sent(failure: &Failure) -> Self {
        Reply::without_response(failure, false)
    }

    pub(crate) fn without_response(failure: &Failure, may_have_arrived: bool) -> Self {
        let (verdict, message) = outcome::without_response(failure, may_have_arrived);
        Reply {
            retry_after: failure.retry_after(),
            ..Reply::new(verdict, message)
        }
    }

    /// The message was not sent, or not again: what a response said still holds.
    pub(crate) fn but_not_sent(self, failure: &Failure) -> Self {
        Reply {
            http_status: self.http_status,
            attempts: self.attempts,
            retry_after: self.retry_after,
            response: self.response,
            ..Reply::not_sent(failure)
        }
    }

    /// A bug of this library, and the line of source in which it showed.
    pub(crate) fn internal(place: &str) -> Self {
        Reply::new(
            Status::ZX_INTERNAL.not_retryable(),
            format!(
                "a bug in libzixflow {} ({place}): please report it. A message that was being sent \
                 may have been queued",
                env!("CARGO_PKG_VERSION")
            ),
        )
    }

    pub(crate) fn is_retryable(&self) -> bool {
        self.retryable == Some(true)
    }

    pub(crate) fn to_json(&self) -> String {
        json::written(self)
    }
}

fn summary(what: &str, problems: &Findings) -> String {
    match problems.shown() {
        [problem] if problem.path.is_empty() => format!("the {what} {}", problem.message),
        [problem] => format!("in the {what}, {} {}", problem.path, problem.message),
        _ => format!(
            "the {what} has {} problems; see `problems`",
            problems.count()
        ),
    }
}

fn milliseconds<S: Serializer>(delay: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    let milliseconds = delay.map(|delay| delay.as_nanos().div_ceil(1_000_000));
    let fitting = milliseconds.map(|it| u64::try_from(it).unwrap_or(u64::MAX));
    fitting.serialize(serializer)
}
