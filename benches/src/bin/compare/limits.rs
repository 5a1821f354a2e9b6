//! The limits that the library is held to, with what this run measured.

use serde::Serialize;

use crate::programs::{LIBCURL, UREQ_ON_OUR_TRANSPORT, ZIXFLOW};
use crate::report::{Results, Row, or_dash};
use crate::server::Protocol;

#[derive(Serialize)]
pub struct Limit {
    pub of: &'static str,
    pub at_most: f64,
    /// None where this run did not measure it.
    pub measured: Option<f64>,
    pub unit: &'static str,
}

impl Limit {
    /// What was measured, with its unit.
    pub fn figure(&self) -> String {
        let decimals = if self.unit.is_empty() { 0 } else { 2 };
        format!("{} {}", or_dash(self.measured, decimals), self.unit)
            .trim_end()
            .to_owned()
    }

    pub fn verdict(&self) -> &'static str {
        match self.measured {
            None => "not measured",
            Some(measured) if measured <= self.at_most => "met",
            Some(_) => "not met",
        }
    }
}

pub fn limits(results: &Results) -> Vec<Limit> {
    let limit = |of, at_most, unit, measured| Limit {
        of,
        at_most,
        measured,
        unit,
    };
    let http = |value: fn(&Row) -> f64| results.row(ZIXFLOW, Protocol::Http).map(value);
    let worst = |value: &dyn Fn(&Row) -> Option<f64>| {
        let values = Protocol::ALL.map(|protocol| value(results.row(ZIXFLOW, protocol)?));
        highest(values.into_iter().collect::<Option<Vec<_>>>()?)
    };
    let connection = results
        .memory
        .iter()
        .find(|memory| memory.of == "connection");
    let cold_start = results
        .cold_start
        .iter()
        .find(|start| start.contender == ZIXFLOW);

    vec![
        limit(
            "p50 over HTTP, to the raw socket",
            1.5,
            "×",
            http(|row| row.to_raw_socket.p50),
        ),
        limit(
            "processor time over HTTP, to the raw socket",
            2.0,
            "×",
            http(|row| row.to_raw_socket.processor),
        ),
        limit(
            "processor time to libcurl + cJSON, HTTP and HTTPS",
            0.75,
            "×",
            worst(&|row| Some(row.to_libcurl.processor)),
        ),
        limit(
            "instructions to libcurl + cJSON, HTTP and HTTPS",
            0.5,
            "×",
            worst(&|row| {
                let libcurl = results.instructions(LIBCURL, row.protocol)?;
                Some(row.counts.instructions? / libcurl)
            }),
        ),
        limit(
            "instructions over ureq on the same transport",
            4000.0,
            "",
            worst(&|row| {
                let ureq = results.instructions(UREQ_ON_OUR_TRANSPORT, row.protocol)?;
                Some(row.counts.instructions? - ureq)
            }),
        ),
        limit(
            "system calls per send",
            4.0,
            "",
            worst(&|row| row.counts.system_calls),
        ),
        limit(
            "threads started per send",
            0.0,
            "",
            worst(&|row| row.counts.threads_started),
        ),
        limit(
            "resident memory per kept HTTPS connection",
            64.0,
            "KiB",
            connection.map(|connection| connection.resident / 1024.0),
        ),
        limit(
            "the stripped shared object",
            2.2,
            "MB",
            results.sizes.first().map(|size| size.bytes as f64 / 1e6),
        ),
        limit(
            "our share of dlopen + client + first HTTPS send",
            3.0,
            "ms",
            cold_start.map(|start| start.processor / 1e6),
        ),
    ]
}

fn highest(values: Vec<f64>) -> Option<f64> {
    values.into_iter().max_by(f64::total_cmp)
}
