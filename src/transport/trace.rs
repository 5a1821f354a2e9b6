//! What each attempt of a call did and how long it took, for a reply that tells of it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde::{Serialize, Serializer};

use crate::status::Status;

/// How much of what went wrong is repeated: a call may have a hundred attempts.
const MAX_MESSAGE_BYTES: usize = 256;

/// Of one attempt. The keys, in this order; one that does not apply is left out.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Trace {
    /// Since the call began.
    at_ms: Milliseconds,
    /// "new", or "kept" from an earlier one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) connection: Option<&'static str>,
    /// The peer's: the API's, or a proxy's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) address: Option<SocketAddr>,
    /// How long each step took, in the order in which they were taken.
    #[serde(flatten, serialize_with = "as_members")]
    steps: Vec<(&'static str, Milliseconds)>,
    /// From the last byte sent to the last received.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) response_ms: Option<Milliseconds>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// Before the next attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pause_ms: Option<Milliseconds>,
    /// When the last byte of the request was taken.
    #[serde(skip)]
    pub(super) sent: Option<Instant>,
}

impl Trace {
    pub(crate) fn begun(at: Duration) -> Self {
        Trace {
            at_ms: Milliseconds(at),
            ..Trace::default()
        }
    }

    /// Adds to the time of a step, which may be taken in parts.
    pub(super) fn add(&mut self, step: &'static str, time: Duration) {
        match self.steps.iter_mut().find(|(name, _)| *name == step) {
            Some((_, so_far)) => so_far.0 += time,
            None => self.steps.push((step, Milliseconds(time))),
        }
    }

    /// What the attempt came to; the message, where it failed.
    pub(crate) fn ended(&mut self, status: Status, http_status: Option<u16>, message: &str) {
        self.status = Some(status);
        self.http_status = http_status;
        self.message = (status != Status::ZX_OK).then(|| {
            let end = message.floor_char_boundary(MAX_MESSAGE_BYTES);
            message.get(..end).unwrap_or_default().to_owned()
        });
    }
}

/// A time, written in milliseconds with up to three decimals.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Milliseconds(pub(crate) Duration);

impl Serialize for Milliseconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0.as_micros() as f64 / 1000.0)
    }
}

fn as_members<S: Serializer>(
    steps: &[(&'static str, Milliseconds)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(steps.iter().copied())
}
