//! Connections that are kept for the next call: used again where that is safe, never trusted
//! further than that, and cheap to replace.

use std::collections::HashMap;
use std::io;
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::Duration;

use rustls::HandshakeKind;
use serde_json::json;
use support::api::{Client, Reply, client, message};
use support::raw_server::{Peer, RawServer, SCHEMES, Scheme, accepted, response};

#[test]
fn one_connection_serves_call_after_call() {
    for scheme in SCHEMES {
        let server = RawServer::accepting(scheme);
        let client = client(&server.options());
        for _ in 0..50 {
            client.send(&message("tag")).assert_status("ok");
        }
        assert_eq!(server.connections(), 1, "{scheme:?}");
    }
}

#[test]
fn fresh_tls_connections_of_one_client_resume_the_first_session() {
    let server = RawServer::accepting(Scheme::Https);
    let client = client(&server.options_with(json!({ "max_idle_connections": 0 })));
    for _ in 0..100 {
        client.send(&message("tag")).assert_status("ok");
    }
    let handshakes = server.handshakes();
    assert_eq!(handshakes.len(), 100);
    let resumed = |kind: &&HandshakeKind| **kind == HandshakeKind::Resumed;
    assert!(
        handshakes.iter().filter(resumed).count() >= 99,
        "{handshakes:?}"
    );
}

const SENDS: usize = 2000;
const THREADS: usize = 8;

/// Sends messages `0` to `SENDS` from several threads, which share so many clients. Returns the
/// replies.
fn send_many(
    server: &RawServer,
    clients: usize,
    pause: impl Fn() -> Duration + Sync,
) -> Vec<Reply> {
    let options = server.options_with(json!({ "timeout_ms": 20_000, "max_retries": 5 }));
    let clients: Vec<Client> = (0..clients).map(|_| client(&options)).collect();
    let replies = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for first in 0..THREADS {
            let client = &clients[first % clients.len()];
            let (replies, pause) = (&replies, &pause);
            scope.spawn(move || {
                for number in (first..SENDS).step_by(THREADS) {
                    thread::sleep(pause());
                    let reply = client.send(&message(&number.to_string()));
                    if reply.status() == "ok" {
                        assert_eq!(reply.request_id(), Some(number.to_string().as_str()));
                    }
                    replies.lock().expect("no panic").push(reply);
                }
            });
        }
    });
    replies.into_inner().expect("no panic")
}

/// Returns how many outcomes stayed unknown.
fn assert_books_balance(replies: &[Reply], server: RawServer) -> usize {
    let with = |status: &str| replies.iter().filter(|it| it.status() == status).count();
    let (ok, unknown) = (with("ok"), with("outcome_unknown"));
    let mut times_accepted: HashMap<String, usize> = HashMap::new();
    for request in server.finish() {
        *times_accepted.entry(request.tag()).or_default() += 1;
    }
    assert!(
        times_accepted.values().all(|times| *times == 1),
        "a message was accepted twice"
    );
    let accepted = times_accepted.len();
    assert!(
        (ok..=ok + unknown).contains(&accepted),
        "{accepted} accepted, {ok} ok, {unknown} unknown"
    );
    assert_eq!(replies.len(), SENDS);
    unknown
}

#[test]
fn books_balance_where_connections_close_at_any_moment() {
    /// What it reads it accepts, whether or not it comes to say so.
    fn close_at_random(peer: &mut Peer) -> io::Result<()> {
        loop {
            if fastrand::u8(..) < 10 {
                return Ok(());
            }
            let request = peer.request()?;
            if fastrand::u8(..) < 10 {
                return Ok(());
            }
            peer.send(&accepted(&request.tag()))?;
            if fastrand::u8(..) < 10 {
                thread::sleep(Duration::from_micros(fastrand::u64(..3000)));
                return Ok(());
            }
        }
    }

    for scheme in SCHEMES {
        let server = RawServer::start(scheme, close_at_random);
        let replies = send_many(&server, 1, || Duration::from_micros(fastrand::u64(..1000)));
        let unknown = assert_books_balance(&replies, server);
        assert!(
            unknown > 0,
            "{scheme:?}: the server never closed in the middle"
        );
    }
}

#[test]
fn hardly_an_outcome_is_unknown_where_only_idle_connections_close() {
    fn close_when_idle(peer: &mut Peer) -> io::Result<()> {
        loop {
            let patience = Duration::from_millis(20 + fastrand::u64(..5));
            if !peer.wait_readable(patience)? {
                return Ok(());
            }
            let request = peer.request()?;
            peer.send(&accepted(&request.tag()))?;
        }
    }

    for scheme in SCHEMES {
        let server = RawServer::start(scheme, close_when_idle);
        let replies = send_many(&server, THREADS, || {
            Duration::from_millis(fastrand::u64(..30))
        });
        let connections = server.connections();
        let unknown = assert_books_balance(&replies, server);
        assert!(
            connections > SENDS / 20,
            "{scheme:?}: only {connections} connections"
        );
        assert!(
            unknown < SENDS / 100,
            "{scheme:?}: {unknown} of {SENDS} are unknown"
        );
    }
}

/// What a server says that nobody asked for, right behind its response.
#[derive(Clone, Copy, Debug)]
enum Stray {
    WholeResponse,
    /// The rest of which comes when the next request does.
    BrokenResponse,
}

/// A response of which the body has `size` bytes.
fn accepted_in(size: usize, request_id: &str) -> Vec<u8> {
    let body = |filler: &str| {
        json!({ "success": true, "message": filler, "request_id": request_id }).to_string()
    };
    let filler = "x".repeat(size - body("").len());
    response(202, "", &body(&filler))
}

/// Answers a message tagged with a number in that many bytes, and lets a stray response follow. Over
/// TLS that is a record of its own, or a part of one.
fn response_with(stray: Stray, peer: &mut Peer) -> io::Result<()> {
    let mut rest = Vec::new();
    loop {
        let tag = peer.request()?.tag();
        peer.send_raw(&rest)?;
        let Ok(size) = tag.parse() else {
            peer.send(&accepted(&tag))?;
            continue;
        };
        let mut bytes = peer.encrypted(&accepted_in(size, &tag));
        let mut unasked = peer.encrypted(&accepted("stray"));
        rest = match stray {
            Stray::WholeResponse => Vec::new(),
            Stray::BrokenResponse => unasked.split_off(1 + size % (unasked.len() - 1)),
        };
        bytes.extend(unasked);
        peer.send_raw(&bytes)?;
    }
}

/// 450 sizes, so that the end of the response, head and TLS included, falls on every byte around a
/// multiple of 4 KiB, and some so small that all of the stray response is received with the response.
fn assert_never_taken(scheme: Scheme, stray: Stray) {
    let server = RawServer::start(scheme, move |peer| response_with(stray, peer));
    let client = client(&server.options());
    let around = |multiple: usize| (multiple * 4096 - 130)..(multiple * 4096 + 20);
    for size in (200..220).chain([1, 2, 4].into_iter().flat_map(around)) {
        for tag in [size.to_string(), "next".to_owned()] {
            let reply = client.send(&message(&tag));
            assert_eq!(
                reply.request_id(),
                Some(tag.as_str()),
                "{size} bytes, {reply:?}"
            );
        }
    }
    assert_eq!(
        server.connections(),
        471,
        "each stray response costs its connection"
    );
}

#[test]
fn stray_response_over_http_is_never_taken_for_a_later_one() {
    assert_never_taken(Scheme::Http, Stray::WholeResponse);
}

#[test]
fn stray_response_over_tls_is_never_taken_for_a_later_one() {
    assert_never_taken(Scheme::Https, Stray::WholeResponse);
}

#[test]
fn part_of_a_stray_response_over_http_is_never_taken_for_a_later_one() {
    assert_never_taken(Scheme::Http, Stray::BrokenResponse);
}

#[test]
fn part_of_a_stray_record_over_tls_is_never_taken_for_a_later_one() {
    assert_never_taken(Scheme::Https, Stray::BrokenResponse);
}

#[test]
fn stray_response_that_comes_while_the_connection_is_idle_is_never_taken() {
    for scheme in SCHEMES {
        let (strayed, stray) = mpsc::channel();
        let server = RawServer::start(scheme, move |peer| {
            loop {
                let tag = peer.request()?.tag();
                peer.send(&accepted(&tag))?;
                thread::sleep(Duration::from_millis(5));
                peer.send(&accepted("stray"))?;
                strayed.send(()).map_err(io::Error::other)?;
            }
        });
        let client = client(&server.options());
        for number in 0..20 {
            let tag = number.to_string();
            let reply = client.send(&message(&tag));
            assert_eq!(
                reply.request_id(),
                Some(tag.as_str()),
                "{scheme:?}, {reply:?}"
            );
            stray.recv().expect("the server goes on");
        }
    }
}
