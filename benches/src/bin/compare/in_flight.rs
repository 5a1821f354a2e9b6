//! Many calls at once on one client with default options.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::programs::{Programs, output_text};
use crate::server::{Protocol, Server};

/// What the server takes to respond.
pub const DELAY: Duration = Duration::from_millis(200);

pub const MOST_THREADS: usize = 1000;

/// Threads that each send without a pause.
#[derive(Serialize)]
pub struct InFlight {
    pub protocol: Protocol,
    pub threads: usize,
    /// The time that the server's delays add up to, as a share of the time that it took: while
    /// connections are opened, and then on those that were kept.
    pub share_opening: f64,
    pub share_kept: f64,
    /// The same to that of a blocking socket for each thread, over plain HTTP.
    pub kept_to_raw: Option<f64>,
    pub connections: usize,
    /// Bytes that a call takes.
    pub resident: f64,
}

pub fn in_flight(programs: &Programs, sends: usize) -> Result<Vec<InFlight>> {
    let mut table = Vec::new();
    for protocol in Protocol::ALL {
        for threads in [1, 64, 256, MOST_THREADS] {
            let mut row = measure(programs, &programs.in_flight, protocol, threads, sends)?;
            if protocol == Protocol::Http {
                let raw = measure(programs, &programs.raw_in_flight, protocol, threads, sends)?;
                row.kept_to_raw = Some(row.share_kept / raw.share_kept);
            }
            table.push(row);
        }
    }
    Ok(table)
}

fn measure(
    programs: &Programs,
    program: &Path,
    protocol: Protocol,
    threads: usize,
    sends: usize,
) -> Result<InFlight> {
    let server = Server::start(programs, DELAY)?;
    let output = output_text(
        Command::new(program)
            .args(server.arguments(protocol))
            .args([threads.to_string(), sends.to_string()])
            .arg(DELAY.as_millis().to_string()),
    )?;
    let figure = |name: &str| -> Result<f64> {
        let mut words = output.lines().filter_map(|line| line.split_once(' '));
        let (_, figure) = words
            .find(|(word, _)| *word == name)
            .with_context(|| format!("no figure named {name}"))?;
        Ok(figure.parse()?)
    };
    let ideal = DELAY.as_nanos() as f64 * sends as f64;
    Ok(InFlight {
        protocol,
        threads,
        share_opening: ideal / figure("opening")?,
        share_kept: ideal / figure("kept")?,
        kept_to_raw: None,
        // The first one is another client's.
        connections: server.stop()? - 1,
        resident: figure("resident")?,
    })
}
