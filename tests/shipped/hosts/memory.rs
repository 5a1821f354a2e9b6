//! A host that runs for months.

use std::process::Command;

use crate::hosts::{host, run_for_number};
use support::raw_server::{RawServer, Scheme, accepted};

/// What the allocator may keep for itself. Measured: 132 KiB, and no more for ten times as many.
const LEVEL_KIB: usize = 512;

fn assert_level_over(count: &str, what: &str, server: &RawServer) {
    let mut host = Command::new(host("memory"));
    let grown = run_for_number(host.args([what, count, &server.options().to_string()]));
    assert!(grown <= LEVEL_KIB, "{grown} KiB more");
}

#[test]
fn memory_stays_level_over_10_000_clients() {
    assert_level_over("10000", "clients", &RawServer::accepting(Scheme::Https));
}

/// Their addresses are never given back, but no memory is behind them: 5 MB, where there was.
#[test]
fn memory_stays_level_over_300_000_tokens() {
    assert_level_over("300000", "tokens", &RawServer::accepting(Scheme::Http));
}

#[test]
fn memory_stays_level_over_100_000_sends() {
    let server = RawServer::responding(Scheme::Http, accepted("the same for all"));
    assert_level_over("100000", "sends", &server);
}
