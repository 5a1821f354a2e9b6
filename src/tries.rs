//! What each attempt of a call did, for a reply that tells of it.

use std::time::Duration;

use serde::Serialize;

use crate::status::Status;
use crate::transport::{Milliseconds, Trace};

/// How much of what went wrong an attempt repeats: a call may have a hundred.
const MAX_MESSAGE_BYTES: usize = 256;

/// One attempt. The keys, in this order; one that does not apply is left out.
#[derive(Debug, Serialize)]
pub(crate) struct Try {
    /// Since the call began.
    at_ms: Milliseconds,
    #[serde(flatten)]
    trace: Trace,
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// Before the next attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pause_ms: Option<Milliseconds>,
}

impl Try {
    pub(crate) fn new(
        at: Duration,
        trace: Trace,
        status: Status,
        http_status: Option<u16>,
        message: &str,
    ) -> Self {
        let message = (status != Status::ZX_OK).then(|| {
            let end = message.floor_char_boundary(MAX_MESSAGE_BYTES);
            message.get(..end).unwrap_or_default().to_owned()
        });
        Try {
            at_ms: Milliseconds(at),
            trace,
            status,
            http_status,
            message,
            pause_ms: None,
        }
    }

    pub(crate) fn pauses(&mut self, pause: Duration) {
        self.pause_ms = Some(Milliseconds(pause));
    }
}
