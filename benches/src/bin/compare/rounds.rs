//! Latency and processor time, in rounds: each contender in turn, so that what else the machine does
//! meets all of them alike.

use std::process::Command;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::programs::{Contender, output};
use crate::server::{Protocol, Server};

/// Nanoseconds, the processor's per send; or ratios of them.
#[derive(Clone, Copy, Serialize)]
pub struct Timing {
    pub p50: f64,
    pub p99: f64,
    pub processor: f64,
}

impl Timing {
    fn map(fields: impl Fn(fn(&Self) -> f64) -> f64) -> Self {
        Self {
            p50: fields(|timing| timing.p50),
            p99: fields(|timing| timing.p99),
            processor: fields(|timing| timing.processor),
        }
    }
}

/// One contender's rounds.
pub struct Rounds(Vec<Timing>);

impl Rounds {
    pub fn median(&self) -> Timing {
        Timing::map(|field| median(self.0.iter().map(field).collect()))
    }

    /// The medians of each round's own ratio: both contenders met the same noise in it.
    pub fn ratio(&self, to: &Self) -> Timing {
        Timing::map(|field| median(self.ratios(to, field)))
    }

    /// Between which half of those ratios are, for the processor time: how far to trust its median.
    pub fn processor_quartiles(&self, to: &Self) -> [f64; 2] {
        let mut ratios = self.ratios(to, |timing| timing.processor);
        ratios.sort_by(f64::total_cmp);
        [25, 75].map(|percent| percentile(&ratios, percent))
    }

    fn ratios(&self, to: &Self, field: fn(&Timing) -> f64) -> Vec<f64> {
        let pairs = self.0.iter().zip(&to.0);
        pairs.map(|(a, b)| field(a) / field(b)).collect()
    }
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    percentile(&values, 50)
}

fn percentile(sorted: &[f64], percent: usize) -> f64 {
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)]
}

/// One phase that a driver reports, in nanoseconds.
pub struct Phase {
    pub name: String,
    pub wall: f64,
    pub processor: f64,
}

impl Phase {
    fn parse(line: &str) -> Result<Self> {
        let mut words = line.split(' ');
        let mut next = || words.next().context("three words");
        Ok(Self {
            name: next()?.to_owned(),
            wall: next()?.parse()?,
            processor: next()?.parse()?,
        })
    }
}

/// What a driver prints: its phases, then each send's latency.
pub struct Run {
    pub phases: Vec<Phase>,
    latencies: Vec<f64>,
}

pub fn command(
    contender: &Contender,
    server: &Server,
    protocol: Protocol,
    sends: usize,
) -> Command {
    let (program, arguments) = contender.command().split_first().expect("a program");
    let mut command = Command::new(program);
    command
        .args(arguments)
        .args(server.arguments(protocol))
        .arg(sends.to_string());
    command
}

impl Run {
    pub fn of(
        contender: &Contender,
        server: &Server,
        protocol: Protocol,
        sends: usize,
    ) -> Result<Self> {
        let output = output(&mut command(contender, server, protocol, sends))?;
        // Lines of text, and then the latencies: the last 8 bytes for each send.
        let (text, latencies) = output
            .split_at_checked(output.len().wrapping_sub(8 * sends))
            .context("a driver reports each send's latency")?;
        let (latencies, _) = latencies.as_chunks::<8>();
        Ok(Self {
            phases: std::str::from_utf8(text)?
                .lines()
                .map(Phase::parse)
                .collect::<Result<_>>()?,
            latencies: latencies
                .iter()
                .map(|latency| u64::from_ne_bytes(*latency) as f64)
                .collect(),
        })
    }

    fn timing(mut self) -> Result<Timing> {
        let sends = self.phases.last().context("a driver reports its sends")?;
        let processor = sends.processor / self.latencies.len() as f64;
        self.latencies.sort_by(f64::total_cmp);
        Ok(Timing {
            p50: percentile(&self.latencies, 50),
            p99: percentile(&self.latencies, 99),
            processor,
        })
    }
}

/// Each contender's rounds, in the contenders' order.
pub fn measure(
    contenders: &[Contender],
    server: &Server,
    protocol: Protocol,
    rounds: usize,
    sends: usize,
) -> Result<Vec<Rounds>> {
    let mut measured: Vec<Rounds> = contenders.iter().map(|_| Rounds(Vec::new())).collect();
    for _ in 0..rounds {
        for (contender, rounds) in contenders.iter().zip(&mut measured) {
            rounds
                .0
                .push(Run::of(contender, server, protocol, sends)?.timing()?);
        }
    }
    Ok(measured)
}
