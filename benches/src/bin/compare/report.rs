//! The results, and how they are printed.

use std::fmt;

use serde::Serialize;

use crate::counts::Counts;
use crate::footprint::{ColdStart, KEPT_CONNECTIONS, Memory, SCALING_DELAY, Scaling, Size};
use crate::limits::Limit;
use crate::programs::{LIBCURL, RAW_SOCKET, UREQ_ON_OUR_TRANSPORT, ZIXFLOW};
use crate::rounds::Timing;
use crate::server::Protocol;
use crate::table::Table;

#[derive(Default, Serialize)]
pub struct Results {
    pub machine: String,
    pub rounds: usize,
    pub sends: usize,
    pub kept_alive: Vec<Row>,
    pub spared_instructions: Vec<(Protocol, f64)>,
    pub scaling: Vec<Scaling>,
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

impl Results {
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

    pub fn instructions_table(&self) -> Table {
        let mut table = Table::new([
            "",
            "ureq on our transport",
            "spared",
            "left",
            "checks, reply and the rest",
            "zixflow",
        ]);
        for (protocol, spared) in &self.spared_instructions {
            let plain = self.instructions(UREQ_ON_OUR_TRANSPORT, *protocol);
            let all = self.instructions(ZIXFLOW, *protocol);
            table.row([
                protocol.name().to_owned(),
                or_dash(plain, 0),
                or_dash(plain.map(|plain| plain - spared), 0),
                or_dash(Some(*spared), 0),
                or_dash(all.map(|all| all - spared), 0),
                or_dash(all, 0),
            ]);
        }
        table
    }

    fn scaling_table(&self) -> Table {
        let mut table = Table::new([
            "",
            "threads",
            "sends a second",
            "of possible",
            "connections",
        ]);
        for row in &self.scaling {
            table.row([
                row.protocol.name().to_owned(),
                row.threads.to_string(),
                format!("{:.0}", row.sends_per_second),
                format!("{:.1} %", row.share_of_possible * 100.0),
                row.connections.to_string(),
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

    pub fn limits_table(&self) -> Table {
        let mut table = Table::new(["", "at most", "measured", ""]);
        for limit in &self.limits {
            table.row([
                limit.of.to_owned(),
                format!("{}", limit.at_most),
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
        for protocol in Protocol::ALL {
            let (to_raw_socket, to_libcurl) = self.kept_alive_tables(protocol);
            writeln!(
                f,
                "\nOne send over kept-alive {}: medians of {} rounds of {}, × to the {RAW_SOCKET}\n{to_raw_socket}",
                protocol.name(),
                self.rounds,
                self.sends,
            )?;
            writeln!(f, "The same as ratios to {LIBCURL}\n{to_libcurl}")?;
        }
        if !self.spared_instructions.is_empty() {
            writeln!(f, "Instructions of one send\n{}", self.instructions_table())?;
        }
        writeln!(
            f,
            "Threads on one client, kept alive, a server that takes {} ms\n{}",
            SCALING_DELAY.as_millis(),
            self.scaling_table()
        )?;
        writeln!(
            f,
            "A fresh process: load, make a client, first HTTPS send\n{}",
            self.cold_start_table()
        )?;
        writeln!(
            f,
            "Memory, of {KEPT_CONNECTIONS} kept HTTPS connections or clients\n{}",
            self.memory_table()
        )?;
        writeln!(f, "Size\n{}", self.sizes_table())?;
        writeln!(f, "Limits\n{}", self.limits_table())?;
        for reason in &self.not_measured {
            writeln!(f, "Not measured: {reason}")?;
        }
        Ok(())
    }
}
