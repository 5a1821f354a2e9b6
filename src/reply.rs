//! The reply that every call gives: one flat JSON object.

use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::findings::Findings;
use crate::outcome::{self, Verdict};
use crate::status::Status;
use crate::transport::Failure;
use crate::tries::Try;

/// How much a reply repeats of each thing that an answer says.
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
    pub(crate) tries: Vec<Try>,
    #[serde(skip_serializing_if = "Findings::is_empty")]
    pub(crate) notes: Findings,
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
            retry_after: None,
            problems: Findings::default(),
            response: None,
            tries: Vec::new(),
            notes: Findings::default(),
        }
    }

    /// The message was not sent, or not again: what an answer said still holds.
    pub(crate) fn not_sent(self, failure: &Failure) -> Self {
        let (verdict, message) = outcome::unanswered(failure, false);
        Reply {
            http_status: self.http_status,
            attempts: self.attempts,
            retry_after: self.retry_after,
            response: self.response,
            ..Reply::new(verdict, message)
        }
    }

    fn with_problems(what: &str, problems: Findings) -> Self {
        let message = summary(what, &problems);
        Reply {
            problems,
            ..Reply::new(Status::ZX_INVALID_MESSAGE.definite(), message)
        }
    }

    pub(crate) fn is_retryable(&self) -> bool {
        self.retryable == Some(true)
    }

    pub(crate) fn to_json(&self) -> String {
        // Only a map with keys that are no text could fail to be written, and here is none.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Why a call ended before there was anything for the API to answer.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// What is wrong with an argument, which the text names.
    Argument(String),
    /// What is wrong with the message: at least one problem.
    Message(Findings),
    /// The same of a post-back.
    PostBack(Findings),
    NotSent(Failure),
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Refusal::NotSent(failure)
    }
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Argument(reason) => Reply::new(Status::ZX_INVALID_ARGUMENT.definite(), reason),
            Refusal::Message(problems) => Reply::with_problems("message", problems),
            Refusal::PostBack(problems) => Reply::with_problems("post-back", problems),
            Refusal::NotSent(failure) => {
                let (verdict, message) = outcome::unanswered(&failure, false);
                Reply::new(verdict, message)
            }
        }
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
