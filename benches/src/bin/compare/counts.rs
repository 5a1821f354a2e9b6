//! What can be counted from outside a contender's process, and does not depend on the machine's mood.
//!
//! Each count is the difference of two runs of different length, over the difference: what a process
//! does to start, and its first sends, cancel out.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::programs::{Contender, Programs, output};
use crate::rounds::command;
use crate::server::{Protocol, Server};

const SHORT: usize = 100;
const LONG: usize = 500;

/// Per send; none where it was not measured.
#[derive(Clone, Default, Serialize)]
pub struct Counts {
    pub system_calls: Option<f64>,
    pub threads_started: Option<f64>,
    pub instructions: Option<f64>,
    pub allocations: Option<f64>,
}

pub struct Counter<'a> {
    pub programs: &'a Programs,
    pub server: &'a Server,
    /// Responds late enough that each contender has begun to wait: what waiting costs is counted, and
    /// the counts do not depend on who is faster.
    pub slow_server: &'a Server,
    pub with_strace: bool,
    pub with_callgrind: bool,
}

impl Counter<'_> {
    pub fn count(&self, contender: &Contender, protocol: Protocol) -> Result<Counts> {
        let mut counts = Counts::default();
        if self.with_strace {
            let [calls, threads] = per_send(|sends| self.strace(contender, protocol, sends))?;
            counts.system_calls = Some(calls);
            counts.threads_started = Some(threads);
        }
        if !contender.is_go() {
            let [allocations] = per_send(|sends| self.allocations(contender, protocol, sends))?;
            counts.allocations = Some(allocations);
            if self.with_callgrind {
                counts.instructions = Some(self.instructions(contender, protocol)?);
            }
        }
        Ok(counts)
    }

    /// System calls, and those among them that start a thread or a process.
    fn strace(&self, contender: &Contender, protocol: Protocol, sends: usize) -> Result<[f64; 2]> {
        let report = self.programs.directory.join("strace.txt");
        let mut strace = Command::new("strace");
        strace
            .args(["-f", "-c", "-U", "name,calls", "-o"])
            .arg(&report);
        under(
            &mut strace,
            &command(contender, self.slow_server, protocol, sends),
        )?;

        let report = std::fs::read_to_string(&report)?;
        let calls_of = |wanted: &str| -> f64 {
            report
                .lines()
                .filter_map(|line| line.split_once(' '))
                .filter(|(name, _)| *name == wanted)
                .filter_map(|(_, calls)| calls.trim().parse::<f64>().ok())
                .sum()
        };
        let threads = ["clone", "clone3", "fork", "vfork"].map(calls_of);
        Ok([calls_of("total"), threads.iter().sum()])
    }

    /// Instructions in user space, by callgrind.
    fn instructions(&self, contender: &Contender, protocol: Protocol) -> Result<f64> {
        let profile = self.programs.directory.join("callgrind.out");
        let [instructions] = per_send(|sends| {
            let mut out_file = std::ffi::OsString::from("--callgrind-out-file=");
            out_file.push(&profile);
            let mut valgrind = Command::new("valgrind");
            valgrind.arg("--tool=callgrind").arg(out_file);
            under(
                &mut valgrind,
                &command(contender, self.server, protocol, sends),
            )?;
            Ok([callgrind_total(&profile)?])
        })?;
        Ok(instructions)
    }

    fn allocations(
        &self,
        contender: &Contender,
        protocol: Protocol,
        sends: usize,
    ) -> Result<[f64; 1]> {
        let total = self.programs.directory.join("allocations.txt");
        let mut command = command(contender, self.server, protocol, sends);
        command.env("LD_PRELOAD", &self.programs.allocations);
        command.env("ALLOCATIONS_FILE", &total);
        output(&mut command)?;
        Ok([std::fs::read_to_string(&total)?.trim().parse()?])
    }
}

fn per_send<const N: usize>(run: impl Fn(usize) -> Result<[f64; N]>) -> Result<[f64; N]> {
    let short = run(SHORT)?;
    let long = run(LONG)?;
    Ok(std::array::from_fn(|i| {
        (long[i] - short[i]) / (LONG - SHORT) as f64
    }))
}

/// Runs a command under a tool that is given it as its last arguments.
fn under(tool: &mut Command, command: &Command) -> Result<()> {
    tool.arg(command.get_program()).args(command.get_args());
    output(tool)?;
    Ok(())
}

fn callgrind_total(profile: &Path) -> Result<f64> {
    let profile = std::fs::read_to_string(profile)?;
    let total = profile
        .lines()
        .find_map(|line| line.strip_prefix("totals: "));
    Ok(total
        .context("callgrind states the total")?
        .trim()
        .parse()?)
}
