//! The reply that every call gives: one flat JSON object.

use std::time::Duration;

use serde::Serialize;

use crate::json;
use crate::message::Problem;
use crate::outcome::{Status, Verdict};
use crate::transport::Failure;

/// How much of an undocumented answer a reply repeats.
pub(crate) const MAX_RESPONSE_BYTES: usize = 4 * 1024;

/// A reply to an accepted message, so that writing one allocates once.
const USUAL_BYTES: usize = 256;

pub(crate) struct Reply {
    pub(crate) success: bool,
    pub(crate) status: Status,
    pub(crate) message: String,
    pub(crate) request_id: Option<String>,
    pub(crate) http_status: Option<u16>,
    pub(crate) attempts: u32,
    pub(crate) retryable: Option<bool>,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) problems: Vec<Problem>,
    pub(crate) response: Option<String>,
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
            problems: Vec::new(),
            response: None,
        }
    }

    pub(crate) fn is_retryable(&self) -> bool {
        self.retryable == Some(true)
    }

    /// The keys, in this order. One that does not apply is left out.
    pub(crate) fn to_json(&self) -> String {
        let problems = (!self.problems.is_empty()).then_some(&self.problems);
        let mut members = Members::new();
        members.add("success", Some(self.success));
        members.add("status", Some(self.status));
        members.add_text("message", Some(&self.message));
        members.add_text("request_id", self.request_id.as_deref());
        members.add("http_status", self.http_status);
        members.add("attempts", Some(self.attempts));
        members.add("retryable", self.retryable);
        members.add("retry_after_ms", self.retry_after.map(milliseconds));
        members.add("problems", problems);
        members.add_text("response", self.response.as_deref());
        members.end()
    }
}

/// A JSON object that is being written, at half of what a derived one costs: that looks for what has
/// to be escaped in each key, too.
struct Members(Vec<u8>);

impl Members {
    fn new() -> Self {
        Members(Vec::with_capacity(USUAL_BYTES))
    }

    fn add<T: Serialize>(&mut self, key: &str, value: Option<T>) {
        if let Some(value) = value {
            self.key(key);
            // Only a map with keys that are no text fails, and here is none.
            let _ = serde_json::to_writer(&mut self.0, &value);
        }
    }

    fn add_text(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.key(key);
            json::write_string(&mut self.0, value);
        }
    }

    fn key(&mut self, key: &str) {
        let json = &mut self.0;
        json.push(if json.is_empty() { b'{' } else { b',' });
        json.push(b'"');
        json.extend_from_slice(key.as_bytes());
        json.extend_from_slice(b"\":");
    }

    fn end(self) -> String {
        let mut json = self.0;
        json.push(b'}');
        String::from_utf8(json).unwrap_or_default()
    }
}

/// Why a call ended before there was anything for the API to answer.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// What is wrong with an argument, which the text names.
    Argument(String),
    /// What is wrong with the message: at least one problem.
    Message(Vec<Problem>),
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

fn summary(problems: &[Problem]) -> String {
    match problems {
        [Problem { path, message }] if path.is_empty() => format!("the message {message}"),
        [Problem { path, message }] => format!("in the message, {path} {message}"),
        _ => format!(
            "{} things are wrong with the message: see problems",
            problems.len()
        ),
    }
}

fn milliseconds(delay: Duration) -> u64 {
    u64::try_from(delay.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}
