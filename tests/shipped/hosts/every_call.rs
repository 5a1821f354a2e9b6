//! Every function of the library, in hosts that make no mistake and in one that cancels its threads.

use std::collections::BTreeSet;
use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::hosts::{host, patient_options, run};
use support::c::require_tool;
use support::raw_server::{RawServer, SCHEMES, Scheme, accepted};

const EXPORTED_SYMBOLS: &str = include_str!("../../../src/ffi/exports.txt");

#[test]
fn threads_make_every_call_at_once() {
    for scheme in SCHEMES {
        let server = RawServer::accepting(scheme);
        run(Command::new(host("every_call")).arg(patient_options(&server)));
    }
}

/// What calls every function, or is to: a new one must not be forgotten.
#[test]
fn the_programs_call_every_function() {
    if !require_tool("nm") {
        return;
    }
    for program in ["every_call", "cancelled_thread", "small_stack"] {
        let symbols = run(Command::new("nm")
            .arg("--undefined-only")
            .arg(host(program)))
        .stdout;
        let called: BTreeSet<&str> = symbols
            .split_whitespace()
            .filter(|symbol| symbol.starts_with("zx_"))
            .collect();
        let exported: BTreeSet<&str> = EXPORTED_SYMBOLS.lines().collect();
        assert_eq!(called, exported, "{program}");
    }
}

#[test]
fn a_cancelled_thread_ends_behind_its_call_and_not_in_it() {
    for scheme in SCHEMES {
        let server = RawServer::accepting(scheme);
        let late = RawServer::start(Scheme::Http, |peer| {
            peer.request()?;
            thread::sleep(Duration::from_millis(500));
            peer.send(&accepted("late"))
        });
        run(Command::new(host("cancelled_thread")).args([&server, &late].map(patient_options)));
        assert_eq!(late.requests().len(), 1);
    }
}
