//! The reply that every call gives: one flat JSON object.

use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::message::Findings;
use crate::outcome::{Status, Verdict};
use crate::transport::Failure;

/// How much of an undocumented answer a reply repeats.
pub(crate) const MAX_RESPONSE_BYTES: usize = 4 * 1024;

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
    #[serde(skip_serializing_if = "Findings::is_empty")]
    pub(crate) notes: Findings,
}

impl Reply {
    pub(crate) fn new(verdict: Verdict, message: impl Into<String>) -> Self {
        let success = verdict.status == Status::Ok;
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
            notes: Findings::default(),
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
    NotSent(Failure),
    /// Why no client could be made of sound arguments.
    NoClient(Failure),
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Refusal::NotSent(failure)
    }
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Argument(reason) => Reply::new(Status::InvalidArgument.definite(), reason),
            Refusal::Message(problems) => Reply {
                message: summary(&problems),
                problems,
                ..Reply::new(Status::InvalidMessage.definite(), "")
            },
            Refusal::NotSent(failure) => {
                let sentence = format!("the message was not sent: {failure}");
                Reply::new(not_sent(&failure), sentence)
            }
            Refusal::NoClient(failure) => {
                let sentence = format!("no client could be made: {failure}");
                Reply::new(not_sent(&failure), sentence)
            }
        }
    }
}

fn not_sent(failure: &Failure) -> Verdict {
    if failure.may_pass() {
        Status::NotSent.retryable()
    } else {
        Status::NotSent.definite()
    }
}

fn summary(problems: &Findings) -> String {
    match problems.told() {
        [problem] if problem.path.is_empty() => format!("the message {}", problem.message),
        [problem] => format!("in the message, {} {}", problem.path, problem.message),
        _ => format!(
            "{} things are wrong with the message: see problems",
            problems.count()
        ),
    }
}

fn milliseconds<S: Serializer>(delay: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    let milliseconds = delay.map(|delay| delay.as_nanos().div_ceil(1_000_000));
    let fitting = milliseconds.map(|it| u64::try_from(it).unwrap_or(u64::MAX));
    fitting.serialize(serializer)
}
