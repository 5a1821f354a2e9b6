//! The results, and how they are printed.

use std::fmt;

use serde::Serialize;

use crate::counts::Counts;
use crate::footprint::{ColdStart, KEPT_CONNECTIONS, Memory, Size};
use crate::in_flight::{DELAY, InFlight};
use crate::lateness::Lateness;
use crate::limits::Limit;
use crate::programs::{LIBCURL, RAW_SOCKET};
use crate::rounds::Timing;
use crate::server::Protocol;
use crate::table::Table;

#[derive(Default, Serialize)]
pub struct Results {
    pub machine: String,
    pub rounds: usize,
    pub sends: usize,
    pub kept_alive: Vec<Row>,
    pub variants: Vec<Variant>,
    pub in_flight: Vec<InFlight>,
    pub lateness: Vec<Lateness>,
    pub cold_start: Vec<ColdStart>,
    pub memory: Vec<Memory>,
    pub sizes: Vec<Size>,
    pub limits: Vec<Limit>,
    pub not_measured: Vec<String>,
}

/// One contender's kept-alive sends.
#[derive(Serialize)]
pub struct Row {
    pub protocol: Protocol,
    pub contender: &'static str,
    /// In nanoseconds.
    pub median: Timing,
    pub to_raw_socket: Timing,
    pub to_libcurl: Timing,
    /// The quartiles of the processor time's ratio.
    pub processor_to_libcurl: [f64; 2],
    pub counts: Counts,
}

impl Row {
    /// Between which ratios half of the rounds' are, for the processor time.
    pub fn half_between(&self) -> String {
        let [from, to] = self.processor_to_libcurl;
        format!("{from:.2} and {to:.2}")
    }
}

/// zixflow's kept-alive sends, as they are and with what they can have besides.
#[derive(Serialize)]
pub struct Variant {
    pub protocol: Protocol,
    pub name: &'static str,
    /// In nanoseconds.
    pub median: Timing,
    pub to_plain: Timing,
    pub counts: Counts,
}

/// A table, and what it shows.
pub struct Section {
    pub caption: String,
    pub table: Table,
}

impl Results {
    pub fn sections(&self) -> Vec<Section> {
        let mut sections = Vec::new();
        let mut section = |caption: String, table| sections.push(Section { caption, table });
        for protocol in Protocol::ALL {
            let (to_raw_socket, to_libcurl) = self.kept_alive_tables(protocol);
            section(
                format!(
                    "One send over kept-alive {}: medians of {} rounds of {}, × to the {RAW_SOCKET}",
                    protocol.name(),
                    self.rounds,
                    self.sends,
                ),
                to_raw_socket,
            );
            section(format!("The same as ratios to {LIBCURL}"), to_libcurl);
        }
        section(
            "A send with a cancel token, with the option tries, and with both, × to one without"
                .into(),
            self.variants_table(),
        );
        section(
            format!(
                "Calls in flight on one client with default options, a server that takes {} ms",
                DELAY.as_millis()
            ),
            self.in_flight_table(),
        );
        section(
            "How late a call ends that waits for a silent server".into(),
            self.lateness_table(),
        );
        section(
            "A fresh process: load, make a client, first HTTPS send".into(),
            self.cold_start_table(),
        );
        section(
            format!("Memory, of {KEPT_CONNECTIONS} kept HTTPS connections or clients"),
            self.memory_table(),
        );
        section("Size".into(), self.sizes_table());
        section(
            "The limits that this project set itself".into(),
            self.limits_table(),
        );
        sections
    }

    pub fn row(&self, contender: &str, protocol: Protocol) -> Option<&Row> {
        self.kept_alive
            .iter()
            .find(|row| row.contender == contender && row.protocol == protocol)
    }

    pub fn instructions(&self, contender: &str, protocol: Protocol) -> Option<f64> {
        self.row(contender, protocol)?.counts.instructions
    }

    fn kept_alive_tables(&self, protocol: Protocol) -> (Table, Table) {
        let mut to_raw_socket = Table::new([
            "",
            "p50 µs",
            "×",
            "p99 µs",
            "×",
            "processor µs",
            "×",
            "instructions",
            "×",
            "system calls",
            "allocations",
            "threads started",
        ]);
        let mut to_libcurl = Table::new([
            "",
            "p50",
            "p99",
            "processor",
            "half between",
            "instructions",
            "allocations",
        ]);
        let raw_socket = self.row(RAW_SOCKET, protocol);
        let libcurl = self.row(LIBCURL, protocol);
        for row in self
            .kept_alive
            .iter()
            .filter(|row| row.protocol == protocol)
        {
            let ratio = |to: Option<&Row>, of: fn(&Counts) -> Option<f64>| {
                let to = of(&to?.counts)?;
                Some(of(&row.counts)? / to)
            };
            to_raw_socket.row([
                row.contender.to_owned(),
                format!("{:.1}", row.median.p50 / 1e3),
                format!("{:.2}", row.to_raw_socket.p50),
                format!("{:.1}", row.median.p99 / 1e3),
                format!("{:.2}", row.to_raw_socket.p99),
                format!("{:.1}", row.median.processor / 1e3),
                format!("{:.2}", row.to_raw_socket.processor),
                or_dash(row.counts.instructions, 0),
                or_dash(ratio(raw_socket, |counts| counts.instructions), 1),
                or_dash(row.counts.system_calls, 1),
                or_dash(row.counts.allocations, 1),
                or_dash(row.counts.threads_started, 2),
            ]);
            to_libcurl.row([
                row.contender.to_owned(),
                format!("{:.2}", row.to_libcurl.p50),
                format!("{:.2}", row.to_libcurl.p99),
                format!("{:.2}", row.to_libcurl.processor),
                row.half_between(),
                or_dash(ratio(libcurl, |counts| counts.instructions), 2),
                or_dash(ratio(libcurl, |counts| counts.allocations), 2),
            ]);
        }
        (to_raw_socket, to_libcurl)
    }

    fn variants_table(&self) -> Table {
        let mut table = Table::new([
            "",
            "",
            "p50 µs",
            "×",
            "processor µs",
            "×",
            "instructions",
            "more",
            "system calls",
            "allocations",
        ]);
        for row in &self.variants {
            let plain = self
                .variants
                .iter()
                .find(|plain| plain.protocol == row.protocol);
            let more =
                plain.and_then(|plain| Some(row.counts.instructions? - plain.counts.instructions?));
            table.row([
                row.protocol.name().to_owned(),
                row.name.to_owned(),
                format!("{:.1}", row.median.p50 / 1e3),
                format!("{:.2}", row.to_plain.p50),
                format!("{:.1}", row.median.processor / 1e3),
                format!("{:.2}", row.to_plain.processor),
                or_dash(row.counts.instructions, 0),
                or_dash(more, 0),
                or_dash(row.counts.system_calls, 1),
                or_dash(row.counts.allocations, 1),
            ]);
        }
        table
    }

    fn in_flight_table(&self) -> Table {
        let mut table = Table::new([
            "",
            "threads",
            "of the ideal, opening connections",
            "of the ideal, on kept ones",
            "to raw sockets",
            "connections",
            "KiB a call",
        ]);
        for row in &self.in_flight {
            table.row([
                row.protocol.name().to_owned(),
                row.threads.to_string(),
                format!("{:.3}", row.share_opening),
                format!("{:.3}", row.share_kept),
                or_dash(row.kept_to_raw, 3),
                row.connections.to_string(),
                format!("{:.1}", row.resident / 1024.0),
            ]);
        }
        table
    }

    fn lateness_table(&self) -> Table {
        let mut table = Table::new(["", "ended by", "median ms", "worst ms"]);
        for row in &self.lateness {
            table.row([
                row.protocol.name().to_owned(),
                row.cause.clone(),
                format!("{:.2}", row.median / 1e6),
                format!("{:.2}", row.worst / 1e6),
            ]);
        }
        table
    }

    fn cold_start_table(&self) -> Table {
        let mut table = Table::new(["", "phase", "wall ms", "processor ms"]);
        let mut row = |contender: &str, phase: &str, wall: f64, processor: f64| {
            table.row([
                contender.to_owned(),
                phase.to_owned(),
                format!("{:.2}", wall / 1e6),
                format!("{:.2}", processor / 1e6),
            ]);
        };
        for start in &self.cold_start {
            for phase in &start.phases {
                row("", &phase.name, phase.wall, phase.processor);
            }
            row(start.contender, "all", start.wall, start.processor);
        }
        table
    }

    fn memory_table(&self) -> Table {
        let mut table = Table::new(["a", "heap KiB", "resident KiB"]);
        for row in &self.memory {
            table.row([
                row.of.clone(),
                format!("{:.1}", row.heap / 1024.0),
                format!("{:.1}", row.resident / 1024.0),
            ]);
        }
        table
    }

    fn sizes_table(&self) -> Table {
        let mut table = Table::new(["stripped", "MB"]);
        for size in &self.sizes {
            table.row([size.file.clone(), format!("{:.2}", size.bytes as f64 / 1e6)]);
        }
        table
    }

    fn limits_table(&self) -> Table {
        let mut table = Table::new(["", "limit", "measured", ""]);
        for limit in &self.limits {
            table.row([
                limit.of.to_owned(),
                limit.bound.to_string(),
                limit.figure(),
                limit.verdict().to_owned(),
            ]);
        }
        table
    }
}

pub fn or_dash(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.decimals$}"))
}

impl fmt::Display for Results {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        writeln!(f, "{}", self.machine)?;
        for section in self.sections() {
            writeln!(f, "\n{}\n{}", section.caption, section.table)?;
        }
        for reason in &self.not_measured {
            writeln!(f, "Not measured: {reason}")?;
        }
        Ok(())
    }
}
