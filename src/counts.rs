//! What a client counts, for `zx_client_stats`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::ser::{Serialize, SerializeMap, Serializer};
use strum::VariantArray;

use crate::status::Status;

/// Counts that only grow, of one client in one process.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    calls: [Count; Status::VARIANTS.len()],
    pub(crate) attempts: Count,
    pub(crate) retries: Count,
    pub(crate) connections_opened: Count,
    pub(crate) connections_reused: Count,
    pub(crate) connections_failed: Count,
    pub(crate) connections_found_closed: Count,
    pub(crate) tls_handshakes_resumed: Count,
    pub(crate) bytes_sent: Count,
    pub(crate) bytes_received: Count,
    latencies: [Count; LATENCIES.len()],
}

/// Milliseconds that a call took at most.
const LATENCIES: [u64; 12] = [
    5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000,
];

#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn increase(&self) {
        self.add(1);
    }

    pub(crate) fn add(&self, more: usize) {
        self.0.fetch_add(more as u64, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Counts {
    /// A call is over.
    pub(crate) fn call(&self, status: Status, took: Duration) {
        if let Some(count) = self.calls.get(status as usize) {
            count.increase();
        }
        for (count, at_most) in self.latencies.iter().zip(LATENCIES) {
            if took <= Duration::from_millis(at_most) {
                count.increase();
            }
        }
    }
}

/// The counts, and what is true now.
pub(crate) struct Stats<'a> {
    pub(crate) counts: &'a Counts,
    pub(crate) calls_under_way: usize,
    pub(crate) connections_idle: usize,
}

impl Serialize for Stats<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Stats {
            counts,
            calls_under_way,
            connections_idle,
        } = self;
        let mut map = serializer.serialize_map(None)?;
        let by_status: Vec<u64> = counts.calls.iter().map(Count::get).collect();
        map.serialize_entry("calls", &by_status.iter().sum::<u64>())?;
        for (status, calls) in Status::VARIANTS.iter().zip(by_status) {
            map.serialize_entry(&format!("calls_{}", status.name()), &calls)?;
        }
        for (name, count) in [
            ("attempts", &counts.attempts),
            ("retries", &counts.retries),
            ("connections_opened", &counts.connections_opened),
            ("connections_reused", &counts.connections_reused),
            ("connections_failed", &counts.connections_failed),
            ("connections_found_closed", &counts.connections_found_closed),
            ("tls_handshakes_resumed", &counts.tls_handshakes_resumed),
            ("bytes_sent", &counts.bytes_sent),
            ("bytes_received", &counts.bytes_received),
        ] {
            map.serialize_entry(name, &count.get())?;
        }
        map.serialize_entry("calls_under_way", calls_under_way)?;
        map.serialize_entry("connections_idle", connections_idle)?;
        for (count, at_most) in counts.latencies.iter().zip(LATENCIES) {
            map.serialize_entry(&format!("latency_ms_le_{at_most}"), &count.get())?;
        }
        map.end()
    }
}
