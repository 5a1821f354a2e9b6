//! A host that runs for months.

use std::process::Command;

use crate::support::raw_server::{RawServer, Scheme, accepted};
use crate::{host, run_for_number};

/// What the allocator may keep for itself. Measured: 132 KiB, and no more for ten times as many.
const LEVEL_KIB: usize = 512;

#[test]
fn memory_stays_level_over_10_000_clients() {
    let server = RawServer::accepting(Scheme::Https);
    let grown = run_for_number(
        Command::new(host("memory"))
            .args(["clients", "10000"])
            .arg(server.options().to_string()),
    );
    assert!(grown <= LEVEL_KIB, "{grown} KiB more");
}

/// Their addresses are never given back, but no memory is behind them: 5 MB, where there was.
#[test]
fn memory_stays_level_over_300_000_tokens() {
    let server = RawServer::accepting(Scheme::Http);
    let grown = run_for_number(
        Command::new(host("memory"))
            .args(["tokens", "300000"])
            .arg(server.options().to_string()),
    );
    assert!(grown <= LEVEL_KIB, "{grown} KiB more");
}

#[test]
fn memory_stays_level_over_100_000_sends() {
    let server = RawServer::answering(Scheme::Http, accepted("the same for all"));
    let grown = run_for_number(
        Command::new(host("memory"))
            .args(["sends", "100000"])
            .arg(server.options().to_string()),
    );
    assert!(grown <= LEVEL_KIB, "{grown} KiB more");
}
