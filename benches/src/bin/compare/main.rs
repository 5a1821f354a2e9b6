//! Measures a send through the C ABI next to a raw socket and to what a user would write otherwise.
//!
//! README.md says how to run it, and what each figure is.

mod counts;
mod footprint;
mod in_flight;
mod lateness;
mod limits;
mod markdown;
mod plot;
mod programs;
mod report;
mod rounds;
mod server;
mod table;

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail};

use counts::Counter;
use programs::{LIBCURL, Programs, RAW_SOCKET, is_installed};
use report::{Results, Row, Variant};
use server::{Protocol, Server};

const USAGE: &str = "\
usage: cargo run --release [-- --quick]

Puts its figures into both READMEs.

  --quick   few sends, no instruction counts, READMEs as they are: shows that everything runs";

/// How much is measured.
struct Effort {
    rounds: usize,
    sends: usize,
    sends_per_thread: usize,
    cold_starts: usize,
    endings: usize,
    is_full: bool,
}

const FULL: Effort = Effort {
    rounds: 41,
    sends: 1000,
    sends_per_thread: 20,
    cold_starts: 25,
    endings: 10,
    is_full: true,
};

const QUICK: Effort = Effort {
    rounds: 3,
    sends: 200,
    sends_per_thread: 3,
    cold_starts: 3,
    endings: 1,
    is_full: false,
};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let effort = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => FULL,
        ["--quick"] => QUICK,
        ["--help" | "-h"] => {
            println!("{USAGE}");
            return Ok(());
        }
        _ => bail!("{USAGE}"),
    };
    let programs = Programs::build()?;
    let results = measure(&programs, &effort)?;
    println!("{results}");

    let json = programs.directory.join("results.json");
    std::fs::write(&json, serde_json::to_string_pretty(&results)?)?;
    let svg = programs.directory.join("results.svg");
    std::fs::write(&svg, plot::svg(&results))?;
    println!("Also written: {} and {}", json.display(), svg.display());
    if effort.is_full {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        markdown::put(&package.join("README.md"), &markdown::all(&results))?;
        markdown::put(
            &package.with_file_name("README.md"),
            &markdown::summary(&results),
        )?;
    }
    Ok(())
}

fn measure(programs: &Programs, effort: &Effort) -> Result<Results> {
    let mut results = Results {
        machine: machine()?,
        rounds: effort.rounds,
        sends: effort.sends,
        ..Results::default()
    };
    let with_strace = is_installed("strace", "-V");
    let with_callgrind = effort.is_full && is_installed("valgrind", "--version");
    if programs
        .contenders
        .iter()
        .all(|contender| !contender.is_go())
    {
        results
            .not_measured
            .push("Go net/http: there is no go (Debian: golang-go)".into());
    }
    if !with_strace {
        let reason = "system calls, threads started: there is no strace (Debian: strace)";
        results.not_measured.push(reason.into());
    }
    if !effort.is_full {
        results.not_measured.push("instructions: --quick".into());
    } else if !with_callgrind {
        let reason = "instructions: there is no valgrind (Debian: valgrind)";
        results.not_measured.push(reason.into());
    }

    let server = Server::start(programs, Duration::ZERO)?;
    let slow_server = Server::start(programs, Duration::from_millis(2))?;
    let counter = Counter {
        programs,
        server: &server,
        slow_server: &slow_server,
        with_strace,
        with_callgrind,
    };
    for protocol in Protocol::ALL {
        eprintln!("sending over {} …", protocol.name());
        results
            .kept_alive
            .extend(kept_alive(programs, &counter, protocol, effort)?);
        results
            .variants
            .extend(variants(programs, &counter, protocol, effort)?);
    }
    eprintln!("starting cold …");
    results.cold_start = footprint::cold_start(programs, &server, effort.cold_starts)?;
    eprintln!("sharing a client between threads …");
    results.in_flight = in_flight::in_flight(programs, effort.sends_per_thread)?;
    eprintln!("ending calls …");
    results.lateness = lateness::lateness(programs, effort.endings)?;
    results.memory = footprint::memory(programs)?;
    results.sizes = footprint::sizes(programs)?;
    results.limits = limits::limits(&results);
    Ok(results)
}

fn kept_alive(
    programs: &Programs,
    counter: &Counter,
    protocol: Protocol,
    effort: &Effort,
) -> Result<Vec<Row>> {
    let rounds = rounds::measure(
        &programs.contenders,
        counter.server,
        protocol,
        effort.rounds,
        effort.sends,
    )?;
    let of = |name: &str| {
        let contenders = programs.contenders.iter();
        contenders
            .zip(&rounds)
            .find(|(contender, _)| contender.name == name)
    };
    let (Some((_, raw_socket)), Some((_, libcurl))) = (of(RAW_SOCKET), of(LIBCURL)) else {
        bail!("{RAW_SOCKET} and {LIBCURL} always take part");
    };
    programs
        .contenders
        .iter()
        .zip(&rounds)
        .map(|(contender, rounds)| {
            Ok(Row {
                protocol,
                contender: contender.name,
                median: rounds.median(),
                to_raw_socket: rounds.ratio(raw_socket),
                to_libcurl: rounds.ratio(libcurl),
                processor_to_libcurl: rounds.processor_quartiles(libcurl),
                counts: counter.count(contender, protocol)?,
            })
        })
        .collect()
}

fn variants(
    programs: &Programs,
    counter: &Counter,
    protocol: Protocol,
    effort: &Effort,
) -> Result<Vec<Variant>> {
    let rounds = rounds::measure(
        &programs.variants,
        counter.server,
        protocol,
        effort.rounds,
        effort.sends,
    )?;
    programs
        .variants
        .iter()
        .zip(&rounds)
        .map(|(variant, of_variant)| {
            Ok(Variant {
                protocol,
                name: variant.name,
                median: of_variant.median(),
                to_plain: of_variant.ratio(&rounds[0]),
                counts: counter.count(variant, protocol)?,
            })
        })
        .collect()
}

/// Processor, cores and kernel.
fn machine() -> Result<String> {
    let processors = std::fs::read_to_string("/proc/cpuinfo")?;
    let model = processors
        .lines()
        .find_map(|line| line.strip_prefix("model name\t: "));
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let cores = std::thread::available_parallelism()?;
    Ok(format!(
        "{}, {cores} cores, Linux {}",
        model.unwrap_or("unknown processor"),
        kernel.trim()
    ))
}
