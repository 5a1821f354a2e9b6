//! How late calls end that wait for a silent server.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::programs::{Programs, output_text};
use crate::server::{Protocol, Server};

/// Longer than any call waits.
const SILENCE: Duration = Duration::from_secs(3600);

/// Calls that one cause ended.
#[derive(Serialize)]
pub struct Lateness {
    pub protocol: Protocol,
    pub cause: String,
    /// In nanoseconds.
    pub median: f64,
    pub worst: f64,
}

pub fn lateness(programs: &Programs, rounds: usize) -> Result<Vec<Lateness>> {
    let mut table = Vec::new();
    for protocol in Protocol::ALL {
        let server = Server::start(programs, SILENCE)?;
        let output = output_text(
            Command::new(&programs.lateness)
                .args(server.arguments(protocol))
                .arg(rounds.to_string()),
        )?;
        for line in output.lines() {
            let (cause, figures) = line.split_once(": ").context("a cause and its figures")?;
            let (median, worst) = figures.split_once(' ').context("two figures")?;
            table.push(Lateness {
                protocol,
                cause: cause.to_owned(),
                median: median.parse()?,
                worst: worst.parse()?,
            });
        }
    }
    Ok(table)
}
