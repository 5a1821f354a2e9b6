//! What a client at rest holds: connections that are worth keeping, as long as the server keeps them,
//! and nothing else.

use std::process::Command;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use support::api::{Client, Reply, client, message};
use support::c::{self, Finished};
use support::raw_server::{Gate, RawServer, SCHEMES, Scheme, accepted, ca_file, response};

/// Accepts every message, and says with a header line how long it keeps the connection.
fn keeping(scheme: Scheme, line: &'static str) -> RawServer {
    RawServer::start(scheme, move |peer| {
        loop {
            let tag = peer.request()?.tag();
            let body = json!({ "success": true, "message": "", "request_id": tag }).to_string();
            peer.send(&response(202, line, &body))?;
        }
    })
}

/// Whether the second of two sends, so long after the first, comes over the same connection.
fn is_used_again(scheme: Scheme, line: &'static str, pause: Duration) -> bool {
    let server = keeping(scheme, line);
    let client = client(&server.options());
    client.send(&message("tag")).assert_status("ok");
    thread::sleep(pause);
    client.send(&message("tag")).assert_status("ok");
    server.connections() == 1
}

#[test]
fn connection_is_not_used_for_as_long_as_the_server_keeps_it() {
    let cases = [
        ("keep-alive: timeout=1\r\n", 300, true),
        ("keep-alive: timeout=1\r\n", 600, false),
        ("keep-alive: timeout=1\r\n", 1200, false),
        ("keep-alive: timeout=2\r\n", 800, true),
        ("keep-alive: timeout=2\r\n", 1300, false),
        ("Keep-Alive: max=100, timeout=2\r\n", 1300, false),
        (
            "keep-alive: timeout=9\r\nkeep-alive: timeout=1\r\n",
            600,
            false,
        ),
        ("keep-alive: timeout=9\r\n", 1300, true),
        ("keep-alive: timeout=0\r\n", 0, false),
        // The client's own limit is 15 s.
        ("keep-alive: timeout=9999999999999999999\r\n", 1300, true),
        ("keep-alive: timeout=soon\r\n", 1300, true),
        ("", 1300, true),
    ];
    thread::scope(|scope| {
        for scheme in SCHEMES {
            for (line, milliseconds, is_used) in cases {
                scope.spawn(move || {
                    let pause = Duration::from_millis(milliseconds);
                    // One that is closed stays so however late the machine is, and one that may
                    // be used again is not always in time.
                    let tries = if is_used { 30 } else { 1 };
                    let was_used = (0..tries).any(|_| is_used_again(scheme, line, pause));
                    assert_eq!(was_used, is_used, "{scheme:?}, {line:?} after {pause:?}");
                });
            }
        }
    });
}

#[test]
fn no_response_lengthens_idle_timeout_ms() {
    let server = keeping(Scheme::Http, "keep-alive: timeout=60\r\n");
    let client = client(&server.options_with(json!({ "idle_timeout_ms": 200 })));
    client.send(&message("tag")).assert_status("ok");
    thread::sleep(Duration::from_millis(400));
    client.send(&message("tag")).assert_status("ok");
    assert_eq!(server.connections(), 2);
}

/// Sends "slow" and, while that waits for its response, "fast"; the two come over a connection each.
/// Gives the reply to the first.
fn send_slow_and_fast((server, gate): &(RawServer, Gate), client: &Client) -> Reply {
    let reply = thread::scope(|scope| {
        let slow = scope.spawn(|| client.send(&message("slow")));
        server.await_requests(1);
        client.send(&message("fast")).assert_status("ok");
        gate.open();
        slow.join().expect("no panic")
    });
    assert_eq!(server.connections(), 2);
    reply
}

/// Answers "slow" once the gate is open, with this header line; everything else at once.
fn slow_with(scheme: Scheme, line: &'static str) -> (RawServer, Gate) {
    let gate = Gate::default();
    let passed = gate.clone();
    let server = RawServer::start(scheme, move |peer| {
        loop {
            let tag = peer.request()?.tag();
            if tag != "slow" {
                peer.send(&accepted(&tag))?;
                continue;
            }
            passed.pass();
            let body = json!({ "success": true, "message": "", "request_id": tag }).to_string();
            peer.send(&response(202, line, &body))?;
            if line.starts_with("connection: close") {
                return Ok(());
            }
        }
    });
    (server, gate)
}

#[test]
fn call_that_leaves_no_connection_takes_no_place_of_one_that_does() {
    for scheme in SCHEMES {
        for most in [1, 2, 1000] {
            let slow = slow_with(scheme, "connection: close\r\n");
            let server = &slow.0;
            let client = client(&server.options_with(json!({ "max_idle_connections": most })));
            send_slow_and_fast(&slow, &client).assert_status("ok");
            for _ in 0..3 {
                client.send(&message("next")).assert_status("ok");
            }
            assert_eq!(server.connections(), 2, "{scheme:?}, {most}");
        }
    }
}

#[test]
fn call_that_fails_takes_no_place_either() {
    let gate = Gate::default();
    let passed = gate.clone();
    let server = RawServer::start(Scheme::Http, move |peer| {
        loop {
            let tag = peer.request()?.tag();
            if tag == "slow" {
                passed.pass();
                return Ok(());
            }
            peer.send(&accepted(&tag))?;
        }
    });
    let client = client(&server.options_with(json!({ "max_idle_connections": 1 })));
    let slow = (server, gate);
    send_slow_and_fast(&slow, &client).assert_status("outcome_unknown");
    let server = &slow.0;
    client.send(&message("next")).assert_status("ok");
    assert_eq!(server.connections(), 2);
}

/// The connection that was used last is tried first, but not where the server keeps it no longer and
/// another one is still open.
#[test]
fn connection_that_the_server_keeps_longer_is_used_after_one_that_it_does_not() {
    for scheme in SCHEMES {
        let slow = slow_with(scheme, "keep-alive: timeout=1\r\n");
        let server = &slow.0;
        let client = client(&server.options());
        send_slow_and_fast(&slow, &client).assert_status("ok");
        thread::sleep(Duration::from_millis(700));
        client.send(&message("next")).assert_status("ok");
        assert_eq!(server.connections(), 2, "{scheme:?}");
    }
}

/// So may a session ticket.
#[test]
fn what_tls_itself_says_after_the_response_does_not_cost_the_connection() {
    const SENDS: usize = 10;
    let server = RawServer::start(Scheme::Https, |peer| {
        loop {
            let tag = peer.request()?.tag();
            peer.send(&accepted(&tag))?;
            thread::sleep(Duration::from_millis(20));
            peer.renew_keys()?;
        }
    });
    let client = client(&server.options());
    for _ in 0..SENDS {
        client.send(&message("tag")).assert_status("ok");
        thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(server.connections(), 1);
    assert_eq!(server.requests().len(), SENDS);
}

/// Runs the program that counts its descriptors.
fn count_descriptors(case: &str, options: &Value, number: u32) -> Finished {
    let program = c::compile("tests/c/descriptors.c");
    let arguments = [case.to_owned(), options.to_string(), number.to_string()];
    let mut command = Command::new(program);
    // A machine may have no roots of its own.
    command.args(arguments).env("SSL_CERT_FILE", ca_file());
    let finished = c::run(&mut command, b"");
    assert_eq!(finished.code(), 0, "{case}: {finished:?}");
    print!("{}", finished.stdout);
    finished
}

#[test]
fn a_thousand_clients_at_rest_hold_no_descriptor() {
    let server = RawServer::start(Scheme::Http, |peer| {
        let tag = peer.request()?.tag();
        let body = json!({ "success": true, "message": "", "request_id": tag }).to_string();
        peer.send(&response(202, "connection: close\r\n", &body))
    });
    let finished = count_descriptors("at_rest", &server.options(), 1_000);
    let bytes: u64 = finished.stdout.trim().parse().expect("a number");
    assert!(bytes < 16 * 1024, "{bytes} bytes a client");
    assert_eq!(server.requests().len(), 1_000);
}

#[test]
fn connections_that_are_only_kept_give_way_where_descriptors_run_out() {
    for scheme in SCHEMES {
        let server = RawServer::accepting(scheme);
        count_descriptors("give_way", &server.options(), 200);
        assert_eq!(server.requests().len(), 205, "{scheme:?}");
    }
}

#[test]
fn shut_down_leaves_no_descriptor_whatever_the_calls_are_doing() {
    for scheme in SCHEMES {
        let server = RawServer::accepting(scheme);
        count_descriptors("shut_down", &server.options(), 100);
    }
}

#[test]
fn socket_takes_no_descriptor_of_a_standard_stream() {
    for scheme in SCHEMES {
        let server = RawServer::accepting(scheme);
        let program = c::compile("tests/c/standard_streams.c");
        let finished = c::run(Command::new(program).arg(server.options().to_string()), b"");
        assert_eq!(finished.code(), 0, "{scheme:?}: {finished:?}");
    }
}

#[test]
fn connection_that_was_idle_during_a_suspend_is_not_used() {
    for scheme in SCHEMES {
        let server = RawServer::accepting(scheme);
        let program = c::compile("tests/c/suspend.c");
        let finished = c::run(Command::new(program).arg(server.options().to_string()), b"");
        assert_eq!(finished.code(), 0, "{scheme:?}: {finished:?}");
        assert_eq!(server.requests().len(), 3);
        assert_eq!(server.connections(), 2, "{scheme:?}");
    }
}
