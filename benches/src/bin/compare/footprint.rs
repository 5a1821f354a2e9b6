//! What the library costs beside its sends: loading, memory, size.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use crate::programs::{LIBCURL, Programs, RAW_SOCKET, ZIXFLOW, output, output_text};
use crate::rounds::{Run, median};
use crate::server::{Protocol, Server};

/// A process that loads a contender, makes a client and sends once over HTTPS: medians, in ns.
#[derive(Serialize)]
pub struct ColdStart {
    pub contender: &'static str,
    pub phases: Vec<ColdPhase>,
    pub wall: f64,
    /// The contender's own share: what the processor did for it. The rest of the time it waited for
    /// the server.
    pub processor: f64,
}

#[derive(Serialize)]
pub struct ColdPhase {
    pub name: String,
    pub wall: f64,
    pub processor: f64,
}

pub fn cold_start(programs: &Programs, server: &Server, rounds: usize) -> Result<Vec<ColdStart>> {
    let names = [RAW_SOCKET, ZIXFLOW, LIBCURL];
    let mut runs = names.map(|_| Vec::new());
    for _ in 0..rounds {
        for (name, runs) in names.iter().zip(&mut runs) {
            runs.push(Run::of(programs.contender(name)?, server, Protocol::Https, 0)?.phases);
        }
    }
    let summary = |(contender, runs): (&'static str, Vec<Vec<crate::rounds::Phase>>)| {
        let of_all = |value: &dyn Fn(&[crate::rounds::Phase]) -> f64| {
            median(runs.iter().map(|phases| value(phases)).collect())
        };
        let phases = runs[0].iter().enumerate().map(|(i, phase)| ColdPhase {
            name: phase.name.clone(),
            wall: of_all(&|phases| phases[i].wall),
            processor: of_all(&|phases| phases[i].processor),
        });
        ColdStart {
            contender,
            phases: phases.collect(),
            wall: of_all(&|phases| phases.iter().map(|phase| phase.wall).sum()),
            processor: of_all(&|phases| phases.iter().map(|phase| phase.processor).sum()),
        }
    };
    Ok(names.into_iter().zip(runs).map(summary).collect())
}

/// In bytes.
#[derive(Serialize)]
pub struct Memory {
    pub of: String,
    pub heap: f64,
    pub resident: f64,
}

pub const KEPT_CONNECTIONS: usize = 64;

pub fn memory(programs: &Programs) -> Result<Vec<Memory>> {
    // Long enough that no send ends before the last has looked for a kept connection.
    let server = Server::start(programs, Duration::from_millis(500))?;
    let output = output_text(
        Command::new(&programs.memory)
            .args(server.arguments(Protocol::Https))
            .arg(KEPT_CONNECTIONS.to_string()),
    )?;
    let connections = server.stop()?;
    ensure!(
        connections == 2 * KEPT_CONNECTIONS,
        "{connections} connections where each of {KEPT_CONNECTIONS} threads should open two"
    );
    output.lines().map(parse_memory).collect()
}

fn parse_memory(line: &str) -> Result<Memory> {
    let mut words = line.split(' ');
    let mut next = || words.next().context("three words");
    Ok(Memory {
        of: next()?.to_owned(),
        heap: next()?.parse()?,
        resident: next()?.parse()?,
    })
}

pub const SHARED_OBJECT: &str = "libzixflow.so";
pub const WITHOUT_LEDGER: &str = "libzixflow.so without the ledger";

#[derive(Serialize)]
pub struct Size {
    pub file: String,
    pub bytes: u64,
}

/// Our shared objects, stripped; and libcurl as the distribution built it, with its TLS library.
pub fn sizes(programs: &Programs) -> Result<Vec<Size>> {
    let mut sizes = Vec::new();
    for (name, object) in [
        (SHARED_OBJECT, &programs.library),
        (WITHOUT_LEDGER, &programs.without_ledger),
    ] {
        let stripped = programs.directory.join("stripped.so");
        output(Command::new("strip").arg("-o").arg(&stripped).arg(object))?;
        sizes.push(size(name, &stripped)?);
    }

    let needed = output_text(Command::new("ldd").arg(&programs.libcurl_contender))?;
    for line in needed.lines() {
        let Some((name, path)) = line.trim().split_once(" => ") else {
            continue;
        };
        let path = path.split(" (").next().map(PathBuf::from);
        let counts = ["libcurl", "libssl", "libcrypto", "libcjson"];
        if let Some(path) = path.filter(|_| counts.iter().any(|part| name.starts_with(part))) {
            sizes.push(size(name, &path)?);
        }
    }
    Ok(sizes)
}

fn size(name: &str, path: &Path) -> Result<Size> {
    let bytes = std::fs::metadata(path)
        .with_context(|| path.display().to_string())?
        .len();
    Ok(Size {
        file: name.to_owned(),
        bytes,
    })
}
