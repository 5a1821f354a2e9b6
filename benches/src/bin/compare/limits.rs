//! The limits that the library is held to, with what this run measured.

use std::fmt;

use serde::Serialize;

use crate::footprint::{SHARED_OBJECT, WITHOUT_LEDGER};
use crate::in_flight::MOST_THREADS;
use crate::programs::{LIBCURL, ZIXFLOW};
use crate::report::{Results, Row, or_dash};
use crate::server::Protocol;

#[derive(Serialize)]
pub struct Limit {
    pub of: &'static str,
    pub bound: Bound,
    /// None where this run did not measure it.
    pub measured: Option<f64>,
    pub unit: &'static str,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

impl Bound {
    fn holds(self, measured: f64) -> bool {
        match self {
            Self::AtMost(bound) => measured <= bound,
            Self::AtLeast(bound) => measured >= bound,
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::AtMost(bound) => write!(f, "at most {bound}"),
            Self::AtLeast(bound) => write!(f, "at least {bound}"),
        }
    }
}

impl Limit {
    /// What was measured, with its unit.
    pub fn figure(&self) -> String {
        format!("{} {}", or_dash(self.measured, self.decimals()), self.unit)
            .trim_end()
            .to_owned()
    }

    fn decimals(&self) -> usize {
        if self.unit.is_empty() { 0 } else { 2 }
    }

    /// Of the figure as it is shown: one call in a hundred that was woken twice is no fifth system call.
    pub fn verdict(&self) -> &'static str {
        let scale = 10_f64.powi(self.decimals() as i32);
        match self
            .measured
            .map(|measured| (measured * scale).round() / scale)
        {
            None => "not measured",
            Some(measured) if self.bound.holds(measured) => "met",
            Some(_) => "not met",
        }
    }
}

pub fn limits(results: &Results) -> Vec<Limit> {
    let limit = |of, bound, unit, measured| Limit {
        of,
        bound,
        measured,
        unit,
    };
    let worst = |value: &dyn Fn(&Row) -> Option<f64>| {
        let values = Protocol::ALL.map(|protocol| value(results.row(ZIXFLOW, protocol)?));
        highest(values.into_iter().collect::<Option<Vec<_>>>()?.into_iter())
    };
    let connection = results
        .memory
        .iter()
        .find(|memory| memory.of == "connection");
    let cold_start = results
        .cold_start
        .iter()
        .find(|start| start.contender == ZIXFLOW);

    let thousand = || {
        let rows = results.in_flight.iter();
        rows.filter(|row| row.threads == MOST_THREADS)
    };

    let latest = |is_deadline: bool| {
        let rows = results.lateness.iter();
        let rows = rows.filter(|row| row.cause.starts_with("deadline") == is_deadline);
        highest(rows.map(|row| row.worst / 1e6))
    };

    let megabytes = |file| {
        let size = results.sizes.iter().find(|size| size.file == file);
        size.map(|size| size.bytes as f64 / 1e6)
    };

    vec![
        limit(
            "p50 to libcurl + cJSON, HTTP and HTTPS",
            Bound::AtMost(0.78),
            "×",
            worst(&|row| Some(row.to_libcurl.p50)),
        ),
        limit(
            "processor time to libcurl + cJSON, HTTP and HTTPS",
            Bound::AtMost(0.75),
            "×",
            worst(&|row| Some(row.to_libcurl.processor)),
        ),
        limit(
            "instructions to libcurl + cJSON, HTTP and HTTPS",
            Bound::AtMost(0.55),
            "×",
            worst(&|row| {
                let libcurl = results.instructions(LIBCURL, row.protocol)?;
                Some(row.counts.instructions? / libcurl)
            }),
        ),
        limit(
            "system calls per send",
            Bound::AtMost(4.0),
            "",
            worst(&|row| row.counts.system_calls),
        ),
        limit(
            "allocations per send",
            Bound::AtMost(36.0),
            "",
            worst(&|row| row.counts.allocations),
        ),
        limit(
            "threads started per send",
            Bound::AtMost(0.0),
            "",
            worst(&|row| row.counts.threads_started),
        ),
        limit(
            "resident memory per kept HTTPS connection",
            Bound::AtMost(64.0),
            "KiB",
            connection.map(|connection| connection.resident / 1024.0),
        ),
        limit(
            "the stripped shared object",
            Bound::AtMost(3.6),
            "MB",
            megabytes(SHARED_OBJECT),
        ),
        limit(
            "the stripped shared object, without the ledger",
            Bound::AtMost(2.15),
            "MB",
            megabytes(WITHOUT_LEDGER),
        ),
        limit(
            "our share of dlopen + client + first HTTPS send",
            Bound::AtMost(3.0),
            "ms",
            cold_start.map(|start| start.processor / 1e6),
        ),
        limit(
            "a thousand calls in flight on one client, to raw sockets, over HTTP",
            Bound::AtLeast(0.97),
            "×",
            lowest(thousand().filter_map(|row| row.kept_to_raw)),
        ),
        limit(
            "how late a call ends by its deadline",
            Bound::AtMost(100.0),
            "ms",
            latest(true),
        ),
        limit(
            "how late a call ends by a cancel or a shut-down",
            Bound::AtMost(50.0),
            "ms",
            latest(false),
        ),
        limit(
            "connections that each of the thousand calls opens",
            Bound::AtMost(1.0),
            "",
            highest(thousand().map(|row| row.connections as f64 / row.threads as f64)),
        ),
    ]
}

fn highest(values: impl Iterator<Item = f64>) -> Option<f64> {
    values.max_by(f64::total_cmp)
}

fn lowest(values: impl Iterator<Item = f64>) -> Option<f64> {
    values.min_by(f64::total_cmp)
}
