//! Hosts with threads, limits, signals and bugs of their own: C programs that run the release
//! build, and none of which it may bring down.

mod clean;
mod every_call;
mod handles;
mod limits;
mod memory;
mod messages;
mod panics;
mod proxy;
mod sanitized;
mod signals;
mod stack;
mod unload;

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use support::c::{self, C99, Finished, Program};
use support::installed;
use support::raw_server::RawServer;

/// A program of tests/c, linked with the shared library as it ships, if it calls that at all.
fn host(name: &str) -> PathBuf {
    Program::c(&format!("tests/c/host_{name}.c"))
        .flags(C99)
        .flags(["-Wl,--as-needed", "-ldl"])
        .libraries(installed::libraries())
        .compile()
}

/// The options of a client that does not mind how slow a watched host is, or a busy machine, and has a
/// ledger that is new.
fn patient_options(server: &RawServer) -> String {
    let more = json!({
        "timeout_ms": 100_000,
        "connect_timeout_ms": 100_000,
        "ledger": new_ledger(server),
    });
    server.options_with(more).to_string()
}

fn new_ledger(server: &RawServer) -> PathBuf {
    static LEDGERS: AtomicUsize = AtomicUsize::new(0);
    let number = LEDGERS.fetch_add(1, Ordering::Relaxed);
    let folder = installed::scratch(&format!("ledger-{number}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("the target directory is writable");
    folder.join(server.address().port().to_string())
}

/// Runs a host to its end, which must be a good one, without a word on standard error.
#[track_caller]
fn run(command: &mut Command) -> Finished {
    let finished = c::run(command, b"");
    assert_eq!(finished.code(), 0, "{command:?}: {finished:?}");
    assert_eq!(finished.stderr, "", "{command:?}");
    finished
}

/// Runs a host that prints a number.
#[track_caller]
fn run_for_number(command: &mut Command) -> usize {
    let printed = run(command).stdout;
    printed
        .trim_end()
        .parse()
        .unwrap_or_else(|_| panic!("no number: {printed}"))
}
