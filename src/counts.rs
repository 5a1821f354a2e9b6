//! What a client counts, for `zx_client_stats`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use strum::{IntoStaticStr, VariantArray};

use crate::json::Object;
use crate::status::Status;

/// What only grows, and the name that the statistics have for it.
#[derive(Clone, Copy, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Count {
    CallsRepeated,
    Attempts,
    Retries,
    ConnectionsOpened,
    ConnectionsReused,
    ConnectionsFailed,
    ConnectionsFoundClosed,
    TlsHandshakesResumed,
    BytesSent,
    BytesReceived,
}

/// Milliseconds that a call took at most.
const LATENCIES: [u64; 12] = [
    5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000,
];

/// The counts of one client in one process.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    calls: [AtomicU64; Status::VARIANTS.len()],
    counts: [AtomicU64; Count::VARIANTS.len()],
    latencies: [AtomicU64; LATENCIES.len()],
}

impl Counts {
    pub(crate) fn increase(&self, count: Count) {
        self.add(count, 1);
    }

    pub(crate) fn add(&self, count: Count, more: usize) {
        if let Some(count) = self.counts.get(count as usize) {
            count.fetch_add(more as u64, Ordering::Relaxed);
        }
    }

    /// A call is over.
    pub(crate) fn call(&self, status: Status, took: Duration) {
        let at_most = |(_, bound): &(_, u64)| took <= Duration::from_millis(*bound);
        let latencies = self.latencies.iter().zip(LATENCIES).filter(at_most);
        let counts = latencies.map(|(count, _)| count);
        for count in counts.chain(self.calls.get(status as usize)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// As JSON, with what is true now.
    pub(crate) fn to_json(&self, calls_under_way: usize, connections_idle: usize) -> String {
        let value = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let calls = self.calls.each_ref().map(value);
        let mut json = Object::default();
        json.add("calls", calls.iter().sum::<u64>());
        for (status, calls) in Status::VARIANTS.iter().zip(calls) {
            json.add(&format!("calls_{}", status.name()), calls);
        }
        for (name, count) in Count::VARIANTS.iter().zip(&self.counts) {
            json.add(name.into(), value(count));
        }
        json.add("calls_under_way", calls_under_way);
        json.add("connections_idle", connections_idle);
        for (count, at_most) in self.latencies.iter().zip(LATENCIES) {
            json.add(&format!("latency_ms_le_{at_most}"), value(count));
        }
        json.end()
    }
}
