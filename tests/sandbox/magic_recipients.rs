//! Each magic recipient's one outcome.

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{Response, connect, exchange_bytes, request, send, to};
use crate::{config, message, start};
use support::sandbox::recipients::{Behaviour, MAGIC_RECIPIENTS, table};
use support::sandbox::{Config, Sandbox};

#[test]
fn every_magic_recipient_behaves_as_documented() {
    let sandbox = start();
    for magic in &MAGIC_RECIPIENTS {
        let message = message(magic.number);
        match magic.behaviour {
            Behaviour::Accept
            | Behaviour::AcceptThenFail
            | Behaviour::PostBackTwice
            | Behaviour::PostBacksOutOfOrder
            | Behaviour::PostBackLate => {
                send(&sandbox, &message).accepted();
            }
            Behaviour::Unauthorized => send(&sandbox, &message).refused_with(401, ""),
            Behaviour::Reject => send(&sandbox, &message).refused_with(400, "rejected"),
            Behaviour::BusyOnce => turns_away_every_other_time(&sandbox, message),
            Behaviour::Busy => {
                for _ in 0..3 {
                    busy(&send(&sandbox, &message));
                }
            }
            Behaviour::BadGateway => page(&send(&sandbox, &message), 502),
            Behaviour::Firewall => page(&send(&sandbox, &message), 403),
            Behaviour::Unavailable => {
                for _ in 0..3 {
                    let response = send(&sandbox, &message);
                    response.refused_with(503, "not available");
                    assert_eq!(response.header("retry-after"), Some("1"));
                }
            }
            Behaviour::MarkedResponse => {
                let mut response = send(&sandbox, &message);
                assert!(response.body.starts_with('\u{feff}'), "{}", response.body);
                response.body.remove(0);
                response.accepted();
            }
            Behaviour::Silence => stays_silent(&sandbox, &message),
            Behaviour::HangUp => {
                let response = exchange_bytes(
                    connect(&sandbox),
                    &to(&sandbox, &request(&message.to_string())),
                );
                assert_eq!(response, b"", "a connection that is just closed");
            }
            Behaviour::SlowResponse => responds_slowly(&sandbox, &message),
        }
    }
}

#[track_caller]
fn page(response: &Response, status: u16) {
    assert_eq!(response.status, status);
    assert_eq!(response.header("content-type"), Some("text/html"));
    assert!(response.body.starts_with("<html>"), "{}", response.body);
}

#[track_caller]
fn busy(response: &Response) {
    response.refused_with(429, "Too many");
    assert_eq!(response.header("retry-after"), Some("1"));
}

fn turns_away_every_other_time(sandbox: &Sandbox, message: Value) {
    let mut other = message.clone();
    other["post_back_data"] = json!("another message");
    busy(&send(sandbox, &message));
    busy(&send(sandbox, &other));
    send(sandbox, &message).accepted();
    send(sandbox, &other).accepted();
    busy(&send(sandbox, &message));
}

fn stays_silent(sandbox: &Sandbox, message: &Value) {
    let mut stream = connect(sandbox);
    let nothing = Some(Duration::from_millis(300));
    stream.set_read_timeout(nothing).expect("a socket has one");
    let request = to(sandbox, &request(&message.to_string()));
    stream.write_all(request.as_bytes()).expect("it reads");
    let error = stream
        .read(&mut [0])
        .expect_err("neither a response nor an end");
    assert_eq!(error.kind(), io::ErrorKind::WouldBlock, "{error}");
}

fn responds_slowly(sandbox: &Sandbox, message: &Value) {
    let mut stream = connect(sandbox);
    let request = to(sandbox, &request(&message.to_string()));
    stream.write_all(request.as_bytes()).expect("it reads");
    let started = Instant::now();
    let mut response = Vec::new();
    let mut pieces = 0;
    loop {
        let mut piece = [0; 4096];
        match stream.read(&mut piece).expect("it goes on") {
            0 => break,
            length => response.extend_from_slice(&piece[..length]),
        }
        pieces += 1;
    }
    assert!(started.elapsed() >= config().slow_response);
    let response = Response::parse(&response);
    response.accepted();
    // A busy machine may deliver a few bytes at once, but not the half of them.
    assert!(pieces > response.body.len() / 2, "{pieces} pieces");
}

#[test]
fn the_table_shows_every_magic_recipient_once() {
    let table = table();
    for magic in &MAGIC_RECIPIENTS {
        assert_eq!(table.matches(magic.number).count(), 1, "{}", magic.number);
    }
    assert_eq!(table.lines().count(), MAGIC_RECIPIENTS.len() + 2);
    let defaults = Config::default();
    for seconds in [defaults.slow_response, defaults.notify_late] {
        let seconds = format!("{} seconds", seconds.as_secs());
        assert!(table.contains(&seconds), "{seconds} is not in {table}");
    }
}
