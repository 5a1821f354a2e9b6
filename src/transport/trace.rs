//! What an attempt did and how long it took, for a call that wants to be told.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde::{Serialize, Serializer};

/// Of one attempt. What does not apply is left out.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Trace {
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<Origin>,
    /// The peer's: the API's, or a proxy's.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<SocketAddr>,
    #[serde(flatten)]
    pub(super) phases: Phases,
    /// When the last byte of the request was taken.
    #[serde(skip)]
    sent: Option<Instant>,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Phases {
    #[serde(rename = "look_up_ms", skip_serializing_if = "Option::is_none")]
    pub(super) look_up: Option<Milliseconds>,
    #[serde(rename = "connect_ms", skip_serializing_if = "Option::is_none")]
    pub(super) connect: Option<Milliseconds>,
    #[serde(rename = "proxy_ms", skip_serializing_if = "Option::is_none")]
    pub(super) proxy: Option<Milliseconds>,
    #[serde(rename = "tls_ms", skip_serializing_if = "Option::is_none")]
    pub(super) tls: Option<Milliseconds>,
    #[serde(rename = "send_ms", skip_serializing_if = "Option::is_none")]
    pub(super) send: Option<Milliseconds>,
    /// From the last byte sent to the last received.
    #[serde(rename = "response_ms", skip_serializing_if = "Option::is_none")]
    response: Option<Milliseconds>,
}

/// Where an attempt's connection came from.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Origin {
    New,
    Kept,
}

impl Trace {
    pub(super) fn record_connection(&mut self, origin: Origin, address: Option<SocketAddr>) {
        self.connection = Some(origin);
        self.address = address;
    }

    pub(super) fn request_sent(&mut self) {
        self.sent = Some(Instant::now());
    }

    pub(super) fn received(&mut self) {
        self.phases.response = self.sent.map(|sent| Milliseconds(sent.elapsed()));
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
