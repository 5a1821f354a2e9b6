//! Rule 8: after `fork()`, a client works in parent and child, which share no connection.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use support::api::message;
use support::c::{self, Program};
use support::raw_server::{RawServer, SCHEMES, Scheme, accepted, response};

const SENDS: usize = 200;

/// The program forks while one of its threads waits for a response and another sends; then parent
/// and child send at once.
fn fork_three_times(scheme: Scheme) {
    let server = RawServer::start(scheme, |peer| {
        loop {
            let tag = peer.request()?.tag();
            if tag == "slow" {
                thread::sleep(Duration::from_millis(300));
            }
            peer.send(&accepted(&tag))?;
        }
    });
    for _ in 0..3 {
        let finished = c::run(
            Command::new(c::compile("tests/c/fork.c")).args([
                &server.options().to_string(),
                &message("%s"),
                &SENDS.to_string(),
            ]),
            b"",
        );
        assert_eq!(finished.code(), 0, "{finished:?}");
    }
    let tags: Vec<String> = server
        .requests()
        .iter()
        .map(|request| request.tag())
        .filter(|tag| tag.starts_with("parent-") || tag.starts_with("child-"))
        .collect();
    let distinct: HashSet<&String> = tags.iter().collect();
    assert_eq!((tags.len(), distinct.len()), (6 * SENDS, 6 * SENDS));
}

#[test]
fn parent_and_child_send_at_once_over_http() {
    fork_three_times(Scheme::Http);
}

#[test]
fn parent_and_child_send_at_once_over_https() {
    fork_three_times(Scheme::Https);
}

/// Linked with the shared library, and with the archive.
#[test]
fn fork_before_a_client_was_made_leaves_a_child_that_can_call_every_function() {
    let program = || Program::c("tests/c/early_forks.c").flags(c::C99);
    for (program, forks) in [
        (program(), "5000"),
        (program().flags(["-Wl,--gc-sections"]).statically(), "500"),
    ] {
        let server = RawServer::accepting(Scheme::Http);
        let options = server.options().to_string();
        let finished = c::run(Command::new(program.compile()).args([forks, &options]), b"");
        assert_eq!(finished.code(), 0, "{finished:?}");
        assert_eq!(server.requests().len(), 3);
        assert_eq!(server.connections(), 2, "parent and child shared one");
    }
}

/// The program that looks at what a child inherits.
fn inherited(case: &str, server: &RawServer) -> Command {
    let program = c::compile("tests/c/inherited.c");
    let mut command = Command::new(program);
    command.args([case, &server.options().to_string()]);
    command
}

#[test]
fn child_keeps_no_connection_of_its_parents_open() {
    for scheme in SCHEMES {
        let ended = Arc::new(AtomicUsize::new(0));
        let ends = Arc::clone(&ended);
        let server = RawServer::start(scheme, move |peer| {
            loop {
                match peer.request() {
                    Ok(request) => peer.send(&accepted(&request.tag()))?,
                    Err(error) => {
                        ends.fetch_add(1, Ordering::SeqCst);
                        return Err(error);
                    }
                }
            }
        });
        let mut host = inherited("closed", &server)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it was compiled");
        let mut line = String::new();
        let mut said = BufReader::new(host.stdout.take().expect("a pipe"));
        said.read_line(&mut line).expect("a pipe");
        assert_eq!(line, "freed\n", "{scheme:?}");
        // While one child lives, and has done nothing at all.
        let all_ended = (0..1000).any(|_| {
            thread::sleep(Duration::from_millis(20));
            ended.load(Ordering::SeqCst) == server.connections()
        });
        assert!(all_ended, "{scheme:?}: {ended:?} ended");
        drop(host.stdin.take());
        assert!(host.wait().expect("it runs").success(), "{scheme:?}");
    }
}

#[test]
fn child_closes_no_file_of_its_hosts() {
    let server = RawServer::start(Scheme::Http, |peer| {
        let tag = peer.request()?.tag();
        let body = json!({ "success": true, "message": "", "request_id": tag }).to_string();
        peer.send(&response(202, "connection: close\r\n", &body))
    });
    let finished = c::run(&mut inherited("untouched", &server), b"");
    assert_eq!(finished.code(), 0, "{finished:?}");
    assert!(server.connections() > 10);
}

#[test]
fn child_that_returns_into_a_close_closes_no_file_of_its_own() {
    let server = RawServer::accepting(Scheme::Http);
    let finished = c::run(&mut inherited("interrupted", &server), b"");
    assert_eq!(finished.code(), 0, "{finished:?}");
}

#[test]
fn descriptors_last_for_400_generations() {
    let server = RawServer::accepting(Scheme::Http);
    let finished = c::run(&mut inherited("generations", &server), b"");
    assert_eq!(finished.code(), 0, "{finished:?}");
    assert_eq!(server.connections(), 400);
}

#[test]
fn fork_waits_for_nobody_who_waits_for_the_hosts_allocator() {
    let server = RawServer::accepting(Scheme::Http);
    let program = Program::c("tests/c/forking_allocator.c")
        .flags(c::C99)
        .flags(["-ldl"])
        .compile();
    let finished = c::run(Command::new(program).arg(server.options().to_string()), b"");
    assert_eq!(finished.code(), 0, "{finished:?}");
}

#[test]
fn fork_waits_for_locks_that_the_c_library_takes_for_a_look_up() {
    let options = json!({
        "base_url": "http://api.example:9", "allow_plain_http": true, "proxy": "",
        "max_retries": 0, "timeout_ms": 60_000, "connect_timeout_ms": 60_000,
    });
    let program = c::compile("tests/c/look_up_forks.c");
    let finished = c::run(Command::new(program).arg(options.to_string()), b"");
    assert_eq!(finished.code(), 0, "{finished:?}");
}

/// A program that forks at an odd place comes to its end, and so do its children.
fn fork_oddly(server: &RawServer, arguments: &[&str]) {
    let mut command = Command::new(c::compile("tests/c/forks.c"));
    command
        .arg(arguments[0])
        .arg(server.options().to_string())
        .args(&arguments[1..]);
    let finished = c::run(&mut command, b"");
    assert_eq!(finished.code(), 0, "{arguments:?}: {finished:?}");
    assert_eq!(finished.stderr, "", "{arguments:?}");
}

#[test]
fn program_may_fork_at_its_exit() {
    for scheme in SCHEMES {
        let server = RawServer::accepting(scheme);
        fork_oddly(&server, &["at_exit"]);
        assert_eq!(server.requests().len(), 4, "{scheme:?}");
    }
}

#[test]
fn thread_may_fork_in_its_end() {
    for scheme in SCHEMES {
        let server = RawServer::accepting(scheme);
        fork_oddly(&server, &["thread_end"]);
        assert_eq!(server.requests().len(), 7, "{scheme:?}");
    }
}

/// Of a fork that forks and sends in each of its handlers, wherever these stand in the row.
#[test]
fn fork_handler_may_fork_and_send() {
    // A client that a child uses in a handler ahead of the library's begins anew after that one.
    for (order, connections) in [("first", 13), ("last", 11)] {
        let server = RawServer::accepting(Scheme::Http);
        fork_oddly(&server, &["nested", order]);
        assert_eq!(server.requests().len(), 21, "{order}");
        assert_eq!(
            server.connections(),
            connections,
            "{order}: no two share one"
        );
    }
}

#[test]
fn many_threads_may_fork_while_others_send_and_make_clients() {
    fork_oddly(&RawServer::accepting(Scheme::Http), &["many_threads"]);
}

#[test]
fn signal_handler_may_fork_a_child_that_ends_there() {
    fork_oddly(&RawServer::accepting(Scheme::Http), &["signal", "ends"]);
}

#[test]
fn signal_handler_may_fork_a_child_that_returns_from_it() {
    fork_oddly(&RawServer::accepting(Scheme::Http), &["signal", "returns"]);
}

#[test]
fn child_may_end_with_its_parents_client_in_any_way() {
    for scheme in SCHEMES {
        let server = RawServer::accepting(scheme);
        fork_oddly(&server, &["children_end"]);
        // The parent's is never closed, and each child that sends has its own.
        assert_eq!(server.connections(), 1 + 4, "{scheme:?}");
    }
}

/// Over TLS it would end the parent's connection, too.
#[test]
fn child_says_nothing_on_its_parents_connection_however_it_is_done_with_the_client() {
    for scheme in SCHEMES {
        let server = RawServer::start(scheme, |peer| {
            for _ in 0..2 {
                let tag = peer.request()?.tag();
                peer.send(&accepted(&tag))?;
            }
            // Over TLS, an error where the parent did not announce the end.
            assert_eq!(peer.read(&mut [0]).expect("an end"), 0);
            Ok(())
        });
        let program = c::compile("tests/c/fork_and_close.c");
        let finished = c::run(Command::new(program).arg(server.options().to_string()), b"");
        assert_eq!(finished.code(), 0, "{finished:?}");
        assert_eq!(
            (server.connections(), server.finish().len()),
            (1, 2),
            "{scheme:?}"
        );
    }
}

#[test]
fn workers_that_were_turned_away_together_do_not_come_back_together() {
    let seen: Mutex<HashSet<String>> = Mutex::default();
    let server = RawServer::start(Scheme::Http, move |peer| {
        loop {
            let tag = peer.request()?.tag();
            let is_first = seen.lock().expect("no panic").insert(tag.clone());
            peer.send(&if is_first {
                response(429, "retry-after: 1\r\n", r#"{"success":false}"#)
            } else {
                accepted(&tag)
            })?;
        }
    });
    fork_oddly(&server, &["workers"]);
    let mut first: HashMap<String, Instant> = HashMap::new();
    let mut pauses = Vec::new();
    for request in server.requests() {
        match first.get(&request.tag()) {
            None => drop(first.insert(request.tag(), request.arrived)),
            Some(before) => pauses.push(request.arrived.duration_since(*before)),
        }
    }
    assert_eq!(pauses.len(), 7);
    // The first is the parent's own. Six times anything up to 250 ms: all within 25 ms would be a
    // chance of one in 18,000.
    let workers = &pauses[1..];
    let (shortest, longest) = (workers.iter().min(), workers.iter().max());
    let spread = *longest.expect("six") - *shortest.expect("six");
    assert!(spread > Duration::from_millis(25), "{pauses:?}");
    assert!(pauses.iter().all(|pause| *pause >= Duration::from_secs(1)));
}

#[test]
fn fork_at_any_moment_of_the_first_calls_leaves_a_child_that_can_send() {
    for (scheme, step) in [(Scheme::Http, "1"), (Scheme::Https, "3")] {
        let server = RawServer::accepting(scheme);
        let program = Program::c("tests/c/fork_at_allocations.c")
            .flags(c::C99)
            .flags(["-ldl"])
            .compile();
        let options = server.options().to_string();
        let finished = c::run(Command::new(program).args([&options, step]), b"");
        assert_eq!(finished.code(), 0, "{scheme:?}: {finished:?}");
        let children: usize = finished.stdout.trim().parse().expect("a number");
        println!("{scheme:?}: {children} children");
        assert!(children > 10, "{scheme:?}: {children}");
    }
}
