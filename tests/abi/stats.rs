//! What a client counts, and what a call tells of its attempts, is what the server saw.

use std::io;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use support::api::{Cancel, Reply, client, message};
use support::raw_server::{Gate, Peer, RawServer, SCHEMES, Scheme, accepted, response};

const STATUSES: [&str; 9] = [
    "ok",
    "invalid_argument",
    "invalid_message",
    "unauthorized",
    "rejected",
    "busy",
    "not_sent",
    "outcome_unknown",
    "internal",
];

fn count(stats: &Value, name: &str) -> u64 {
    stats[name]
        .as_u64()
        .unwrap_or_else(|| panic!("no {name} in {stats}"))
}

fn tries(reply: &Reply) -> &[Value] {
    reply.json["tries"].as_array().map_or(&[], Vec::as_slice)
}

/// The bytes that a server's scripts read off the wire and put on it.
#[derive(Default)]
struct Wire {
    read: AtomicUsize,
    written: AtomicUsize,
}

/// Turns away, cuts and closes at random, but never while nothing was asked: so that all that the
/// client sent was read.
fn serve_at_random(peer: &mut Peer) -> io::Result<()> {
    loop {
        let tag = peer.request()?.tag();
        match fastrand::u8(..100) {
            // Retried after up to 250 ms: a busy API would be left alone for seconds.
            0..10 => peer.send(&response(
                500,
                "",
                r#"{"success":false,"message":"Later."}"#,
            ))?,
            10..15 => return Ok(()),
            15..20 => {
                peer.send(b"HTTP/1.1 200 OK\r\ncontent-le")?;
                return Ok(());
            }
            20..30 => {
                let body = json!({ "success": true, "message": "", "request_id": tag }).to_string();
                peer.send(&response(202, "connection: close\r\n", &body))?;
                return Ok(());
            }
            30..40 => {
                thread::sleep(Duration::from_millis(20));
                peer.send(&accepted(&tag))?;
            }
            _ => peer.send(&accepted(&tag))?,
        }
    }
}

/// Sends from eight threads, of which each cancels one call in ten. Checks the books.
fn assert_books_balance(scheme: Scheme, with_cancels: bool) {
    const THREADS: usize = 8;
    const SENDS: usize = 100;
    let wire = Arc::new(Wire::default());
    let server = RawServer::start(scheme, {
        let wire = Arc::clone(&wire);
        move |peer| {
            let result = serve_at_random(peer);
            // The client may have reset the connection.
            let _ = peer.close_output();
            while peer.request().is_ok() {}
            let (read, written) = peer.passed();
            wire.read.fetch_add(read, Ordering::SeqCst);
            wire.written.fetch_add(written, Ordering::SeqCst);
            result
        }
    });
    let client = client(&server.options_with(json!({ "tries": true, "max_retries": 3 })));
    let replies = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for number in 0..SENDS {
                    let cancel = Cancel::new();
                    let reply = if with_cancels && number % 10 == 0 {
                        thread::scope(|scope| {
                            scope.spawn(|| {
                                thread::sleep(Duration::from_micros(fastrand::u64(..2000)));
                                cancel.now();
                            });
                            client.send_cancellable(&message("tag"), &cancel)
                        })
                    } else {
                        client.send(&message("tag"))
                    };
                    replies.lock().expect("no panic").push(reply);
                }
            });
        }
    });
    let replies = replies.into_inner().expect("no panic");
    client.send("{}").assert_status("invalid_message");
    let stats = client.stats();
    let server_connections = server.connections() as u64;
    drop(client);
    let requests = server.finish().len() as u64;
    let case = format!("{scheme:?}, {with_cancels}: {stats}");

    let calls = (THREADS * SENDS + 1) as u64;
    assert_eq!(count(&stats, "calls"), calls, "{case}");
    for status in STATUSES {
        let replied = replies.iter().filter(|it| it.status() == status).count() as u64;
        let refused = u64::from(status == "invalid_message");
        assert_eq!(
            count(&stats, &format!("calls_{status}")),
            replied + refused,
            "{status}, {case}"
        );
    }
    assert_eq!(count(&stats, "latency_ms_le_30000"), calls, "{case}");
    assert_eq!(count(&stats, "calls_under_way"), 0, "{case}");

    let attempts = count(&stats, "attempts");
    let each: Vec<&Value> = replies.iter().flat_map(tries).collect();
    let told: u64 = replies.iter().map(Reply::attempts).sum();
    assert_eq!((each.len() as u64, told), (attempts, attempts), "{case}");
    let first_attempts = replies.iter().filter(|it| it.attempts() > 0).count() as u64;
    assert_eq!(
        count(&stats, "retries"),
        attempts - first_attempts,
        "{case}"
    );
    // Only a call that was cancelled can have made an attempt of which the server saw nothing.
    let unseen = attempts - requests;
    let not_sent = each.iter().filter(|it| it["status"] == "not_sent").count() as u64;
    assert!(
        unseen <= not_sent && (with_cancels || unseen == 0),
        "{unseen}, {case}"
    );

    let over = |origin: &str| each.iter().filter(|it| it["connection"] == origin).count() as u64;
    assert_eq!(count(&stats, "connections_opened"), over("new"), "{case}");
    assert_eq!(count(&stats, "connections_reused"), over("kept"), "{case}");
    let opened = count(&stats, "connections_opened");
    let failed = count(&stats, "connections_failed");
    assert!(
        (opened..=opened + failed).contains(&server_connections),
        "{server_connections}, {case}"
    );
    assert!(count(&stats, "tls_handshakes_resumed") <= opened, "{case}");
    if scheme == Scheme::Https {
        assert!(count(&stats, "tls_handshakes_resumed") > 0, "{case}");
    }

    let sent = count(&stats, "bytes_sent") as usize;
    let received = count(&stats, "bytes_received") as usize;
    let read = wire.read.load(Ordering::SeqCst);
    let written = wire.written.load(Ordering::SeqCst);
    if with_cancels {
        // What TLS says at the end, it says after the counts were read.
        let good_byes = match scheme {
            Scheme::Http => 0,
            Scheme::Https => sent / 50,
        };
        assert!(
            read <= sent + good_byes && received <= written,
            "{read} {written}, {case}"
        );
    } else if scheme == Scheme::Http {
        assert_eq!((sent, received), (read, written), "{case}");
    } else {
        // A good-bye on either side is not waited for.
        assert!(sent.abs_diff(read) < sent / 50, "{read}, {case}");
        assert!(
            received.abs_diff(written) < received / 50,
            "{written}, {case}"
        );
    }
}

#[test]
fn books_balance() {
    for scheme in SCHEMES {
        assert_books_balance(scheme, false);
    }
}

#[test]
fn books_balance_where_calls_are_cancelled() {
    for scheme in SCHEMES {
        assert_books_balance(scheme, true);
    }
}

#[test]
fn client_that_did_nothing_counts_nothing() {
    let server = RawServer::accepting(Scheme::Http);
    let stats = client(&server.options()).stats();
    let stats = stats.as_object().expect("an object");
    assert_eq!(stats.len(), 1 + STATUSES.len() + 10 + 2 + 12);
    assert!(stats.values().all(|value| value == &json!(0)), "{stats:?}");
}

#[test]
fn call_whose_arguments_cannot_be_used_is_counted_too() {
    let client = client(&json!({}));
    let too_long = " ".repeat(1024 * 1024 + 1);
    client.send(&too_long).assert_status("invalid_message");
    client
        .send_with(&message("tag"), &json!({ "user_agent": too_long }))
        .assert_status("invalid_argument");
    let stats = client.stats();
    assert_eq!(count(&stats, "calls"), 2, "{stats}");
    assert_eq!(count(&stats, "calls_invalid_message"), 1, "{stats}");
    assert_eq!(count(&stats, "calls_invalid_argument"), 1, "{stats}");
    assert_eq!(count(&stats, "latency_ms_le_30000"), 2, "{stats}");
}

#[test]
fn every_count_is_listed_in_the_header() {
    let header = include_str!("../../include/zixflow.h");
    let server = RawServer::accepting(Scheme::Http);
    let stats = client(&server.options()).stats();
    for name in stats.as_object().expect("an object").keys() {
        let told = match name.strip_prefix("latency_ms_le") {
            Some(limit) => {
                header.contains(&format!("{limit},")) || header.contains(&format!("{limit}\n"))
            }
            None => header.contains(name.as_str()),
        };
        assert!(told, "{name}");
    }
}

#[test]
fn what_is_true_now_is_told_too() {
    let gate = Gate::default();
    let server = RawServer::start(Scheme::Http, {
        let gate = gate.clone();
        move |peer| {
            loop {
                let tag = peer.request()?.tag();
                gate.pass();
                peer.send(&accepted(&tag))?;
            }
        }
    });
    let client = client(&server.options());
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| client.send(&message("tag")).assert_status("ok"));
        }
        server.await_requests(3);
        let stats = client.stats();
        assert_eq!(count(&stats, "calls_under_way"), 3, "{stats}");
        assert_eq!(count(&stats, "calls"), 0, "{stats}");
        thread::sleep(Duration::from_millis(300));
        gate.open();
    });
    let stats = client.stats();
    assert_eq!(count(&stats, "calls_under_way"), 0, "{stats}");
    assert_eq!(count(&stats, "connections_idle"), 3, "{stats}");
    assert_eq!(count(&stats, "latency_ms_le_250"), 0, "{stats}");
    assert_eq!(count(&stats, "latency_ms_le_30000"), 3, "{stats}");
}

#[test]
fn connection_that_was_found_closed_is_counted() {
    let server = RawServer::start(Scheme::Http, |peer| {
        let tag = peer.request()?.tag();
        peer.send(&accepted(&tag))
    });
    let client = client(&server.options());
    client.send(&message("tag")).assert_status("ok");
    server.await_closed(1);
    client.send(&message("tag")).assert_status("ok");
    let stats = client.stats();
    assert_eq!(count(&stats, "connections_found_closed"), 1, "{stats}");
    assert_eq!(count(&stats, "connections_opened"), 2, "{stats}");
}

#[test]
fn tries_tell_where_the_time_went() {
    for scheme in SCHEMES {
        let server = RawServer::start(scheme, |peer| {
            peer.request()?;
            thread::sleep(Duration::from_millis(100));
            peer.send(&response(
                429,
                "retry-after: 1\r\n",
                r#"{"success":false,"message":"Later."}"#,
            ))?;
            peer.serve()
        });
        let url = server.base_url().replace("127.0.0.1", "localhost");
        let options = server.options_with(json!({ "base_url": url, "tries": true }));
        let reply = client(&options).send(&message("tag"));
        reply.assert_status("ok");
        let [first, second] = tries(&reply) else {
            panic!("two attempts: {reply:?}");
        };
        let keys = |value: &Value| -> Vec<String> {
            value
                .as_object()
                .expect("an object")
                .keys()
                .cloned()
                .collect()
        };
        let mut expected = vec![
            "at_ms",
            "connection",
            "address",
            "look_up_ms",
            "connect_ms",
            "tls_ms",
            "send_ms",
            "response_ms",
            "status",
            "http_status",
            "message",
            "pause_ms",
        ];
        if scheme == Scheme::Http {
            expected.retain(|key| *key != "tls_ms");
        }
        let mut sorted = expected.clone();
        sorted.sort_unstable();
        assert_eq!(keys(first), sorted, "{first}");
        let places: Vec<_> = expected
            .iter()
            .map(|key| reply.text.find(&format!("\"{key}\":")))
            .skip(1)
            .collect();
        assert!(places[..6].is_sorted(), "{}", reply.text);
        assert_eq!(first["connection"], "new");
        assert_eq!(first["status"], "busy");
        assert_eq!(first["message"], "Later.");
        assert!(first["at_ms"].as_f64() < Some(10_000.0), "{first}");
        // The server may respond before the client knows that it sent: this long together.
        let [sent, responded] = ["send_ms", "response_ms"].map(|key| first[key].as_f64());
        let waited = sent.unwrap_or(0.0) + responded.unwrap_or(0.0);
        assert!(waited >= 100.0, "{first}");
        assert!(first["pause_ms"].as_f64() >= Some(1000.0), "{first}");
        let address = first["address"].as_str().expect("an address");
        assert_eq!(address, server.address().to_string());

        assert_eq!(
            keys(second),
            [
                "address",
                "at_ms",
                "connection",
                "http_status",
                "response_ms",
                "send_ms",
                "status"
            ]
        );
        assert_eq!(
            (&second["connection"], &second["status"]),
            (&json!("kept"), &json!("ok"))
        );
        let at = first["at_ms"].as_f64().unwrap_or(0.0)
            + first["response_ms"].as_f64().unwrap_or(0.0)
            + first["pause_ms"].as_f64().unwrap_or(0.0);
        assert!(second["at_ms"].as_f64() >= Some(at), "{second}");
        // Milliseconds with up to three decimals.
        let micros = first["response_ms"].as_f64().unwrap_or(0.1) * 1000.0;
        assert!((micros - micros.round()).abs() < 1e-3, "{first}");
    }
}

#[test]
fn attempt_that_reached_nobody_is_told_too() {
    let server = RawServer::accepting(Scheme::Http);
    let options = server.options_with(json!({ "tries": true, "max_retries": 1 }));
    drop(server);
    let reply = client(&options).send(&message("tag"));
    reply.assert_status("not_sent");
    for attempt in tries(&reply) {
        assert_eq!(attempt["status"], "not_sent");
        let message = attempt["message"].as_str().expect("a message");
        assert!(message.contains("refused"), "{message}");
        assert!(attempt["connection"].is_null(), "{attempt}");
        assert!(attempt["connect_ms"].is_number(), "{attempt}");
    }
    assert_eq!(tries(&reply).len(), 2);
    // None where nobody asked for it.
    let reply = client(&options).send_with(&message("tag"), &json!({ "tries": false }));
    assert!(reply.json["tries"].is_null(), "{reply:?}");
}
