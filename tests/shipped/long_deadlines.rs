//! Rule 7 holds at any length: a call of half a minute, or of a day, ends as punctually as one of
//! 400 ms (for which see `deadlines.rs`), and without more system calls.

use std::collections::BTreeMap;
use std::process::Command;
use std::thread;
use std::time::Duration;

use serde_json::json;
use support::c::{self, Program};
use support::installed;
use support::raw_server::{RawServer, SCHEMES, Scheme};

/// Reads a request, and never answers.
fn silent_server(scheme: Scheme) -> RawServer {
    RawServer::start(scheme, |peer| {
        peer.request()?;
        peer.stop();
        Ok(())
    })
}

const SIGNALS: [&str; 3] = ["none", "restart", "plain"];
/// How many calls of each length each program has under way.
const EACH: usize = 8;

/// By how many milliseconds a call of so many was late, and the machine with it.
struct Late {
    timeout: u32,
    call: f64,
    machine: f64,
}

fn lateness(server: &RawServer, signals: &str) -> Vec<Late> {
    let program = c::compile("tests/c/long_deadlines.c");
    let options = server.options().to_string();
    let finished = c::run(Command::new(program).args([&options, signals]), b"");
    assert_eq!(finished.code(), 0, "{finished:?}");
    let line = |line: &str| {
        let mut columns = line.split(' ').map(|it| it.parse().expect("a number"));
        let mut next = || columns.next().expect("three columns");
        let [timeout, call, machine]: [f64; 3] = [next(), next(), next()];
        Late {
            timeout: timeout as u32,
            call,
            machine,
        }
    };
    finished.stdout.lines().map(line).collect()
}

#[test]
fn calls_of_half_a_minute_end_in_time_with_signals_and_without() {
    let servers = SCHEMES.map(|scheme| (scheme, silent_server(scheme)));
    let mut kinds: BTreeMap<(String, &str, u32), Vec<Late>> = BTreeMap::new();
    thread::scope(|scope| {
        let mut programs = Vec::new();
        for (scheme, server) in &servers {
            for signals in SIGNALS {
                let program = scope.spawn(move || lateness(server, signals));
                programs.push((format!("{scheme:?}"), signals, program));
            }
        }
        for (scheme, signals, program) in programs {
            for late in program.join().expect("a program ends well") {
                let kind = (scheme.clone(), signals, late.timeout);
                kinds.entry(kind).or_default().push(late);
            }
        }
    });
    assert_eq!(kinds.len(), SCHEMES.len() * SIGNALS.len() * 3);

    let mut wrong = Vec::new();
    for ((scheme, signals, timeout), mut calls) in kinds {
        assert_eq!(calls.len(), EACH);
        calls.sort_by(|one, other| one.call.total_cmp(&other.call));
        let [median, worst] = [&calls[EACH / 2], &calls[EACH - 1]];
        let line = format!(
            "{scheme}, signals {signals}, {timeout} ms: late by {:.1} ms, at worst {:.1} ms (and \
             the machine by {:.1} ms)",
            median.call, worst.call, worst.machine
        );
        println!("{line}");
        let is_in_time = |late: &Late| (0.0..10_000.0).contains(&late.call);
        if !calls.iter().all(is_in_time) {
            wrong.push(line);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// With a clock of the program's own, on which a wait takes no time.
#[test]
fn call_of_a_day_ends_in_time() {
    for scheme in SCHEMES {
        for timeout in [1_000, 30_000, 600_000, 86_400_000] {
            let server = silent_server(scheme);
            let options = server.options_with(json!({ "timeout_ms": timeout }));
            let arguments = [options.to_string(), timeout.to_string()];
            let finished = c::run(
                Command::new(c::compile("tests/c/day.c")).args(arguments),
                b"",
            );
            assert_eq!(finished.code(), 0, "{finished:?}");
            let (late, waits) = finished.stdout.trim().split_once(' ').expect("two numbers");
            println!("{scheme:?}, {timeout} ms: late by {late} ms after {waits} waits");
            let late: f64 = late.parse().expect("a number");
            assert!(
                (0.0..=100.0).contains(&late),
                "{scheme:?}, {timeout} ms: late by {late} ms"
            );
            let waits: u32 = waits.parse().expect("a number");
            assert!(waits <= 4, "{scheme:?}, {timeout} ms: {waits} waits");
        }
    }
}

/// Whoever waits exactly must not pay for it: two sends and a receive, and one to see that the
/// connection is still open.
#[test]
fn send_on_a_kept_connection_takes_four_system_calls() {
    const SENDS: usize = 200;
    for scheme in SCHEMES {
        // So late that the call has to wait for the response.
        let server = RawServer::start(scheme, |peer| {
            loop {
                let tag = peer.request()?.tag();
                thread::sleep(Duration::from_millis(2));
                peer.send(&support::raw_server::accepted(&tag))?;
            }
        });
        let program = Program::c("tests/c/system_calls.c")
            .flags(c::C99)
            .libraries(installed::libraries())
            .compile();
        let options = server.options().to_string();
        let finished = c::run(
            Command::new(program).args([&options, &SENDS.to_string()]),
            b"",
        );
        assert_eq!(finished.code(), 0, "{finished:?}");
        let calls: f64 = finished.stdout.trim().parse().expect("a number");
        let per_send = calls / SENDS as f64;
        println!("{scheme:?}: {per_send:.2} system calls per send");
        // Memory is now and then asked for, or given back.
        assert!(per_send <= 4.1, "{scheme:?}: {per_send}");
        assert_eq!(server.connections(), 1);
    }
}
