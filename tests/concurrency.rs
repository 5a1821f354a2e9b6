//! A client serves any number of threads at once, with a connection for each and no more.

#[path = "support/network.rs"]
mod support;

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use support::api::message;
use support::c::{self, Program};
use support::raw_server::{RawServer, Scheme, accepted};

const THREADS: usize = 64;
const SENDS: usize = 6400;
const SERVICE: Duration = Duration::from_millis(20);

/// One that takes [`SERVICE`] for each message.
fn server(scheme: Scheme) -> RawServer {
    RawServer::start(scheme, |peer| {
        loop {
            let request = peer.request()?;
            let answer = accepted(&request.tag());
            let due = request.arrived + SERVICE;
            thread::sleep(due.saturating_duration_since(Instant::now()));
            peer.send(&answer)?;
        }
    })
}

/// Sends [`SENDS`] messages from [`THREADS`] threads of a program that uses the library as it is
/// shipped. Returns how long that took.
fn send_all(server: &RawServer) -> Duration {
    let program = Program::c("tests/c/threads.c")
        .flags(c::C99)
        .libraries(c::release_libraries())
        .compile();
    let finished = c::run(
        Command::new(program).args([
            &server.options().to_string(),
            &message("tag"),
            &THREADS.to_string(),
            &SENDS.to_string(),
        ]),
        b"",
    );
    assert_eq!(finished.code(), 0, "{finished:?}");
    let (count, milliseconds) = finished.stdout.trim().split_once(' ').expect("two numbers");
    assert_eq!(count, SENDS.to_string(), "all are accepted: {finished:?}");
    let milliseconds: f64 = milliseconds.parse().expect("a number");
    Duration::from_secs_f64(milliseconds / 1000.0)
}

#[test]
fn threads_share_a_client_with_a_connection_each_and_no_more() {
    for scheme in [Scheme::Http, Scheme::Https] {
        let server = server(scheme);
        send_all(&server);
        assert_eq!(server.requests().len(), SENDS);
        assert!(
            server.connections() <= THREADS,
            "{} connections",
            server.connections()
        );
    }
}

/// What the library can do shows in the best of a few runs: in the others, the machine had
/// something else to do.
#[test]
fn threads_do_not_wait_for_each_other() {
    const RUNS: usize = 5;
    let ideal = SERVICE * (SENDS / THREADS) as u32;
    let limit = ideal.mul_f64(1.0 / 0.95);
    let mut times = Vec::new();
    while times.len() < RUNS && times.iter().all(|time| *time > limit) {
        times.push(send_all(&server(Scheme::Http)));
    }
    assert!(
        times.iter().any(|time| *time <= limit),
        "{times:?}, and {limit:?} are allowed"
    );
}
