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

/// Milliseconds. Each call is counted once, at the least of these that it did not take longer than.
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
        let is_at_most = |bound: &u64| took <= Duration::from_millis(*bound);
        let latency = LATENCIES.iter().position(is_at_most);
        let latency = latency.and_then(|it| self.latencies.get(it));
        for count in latency.into_iter().chain(self.calls.get(status as usize)) {
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
        let mut calls = 0;
        for (count, bound) in self.latencies.iter().zip(LATENCIES) {
            calls += value(count);
            json.add(&format!("latency_ms_le_{bound}"), calls);
        }
        json.end()
    }
}
