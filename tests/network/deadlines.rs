//! Rule 7: a call returns within its `timeout_ms` plus 100 ms, in whatever phase it is.
//! (`waits.rs` has those in which nothing happens.)

use std::io;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::api::{Reply, client, message};
use support::c;
use support::punctuality::{at_once, ends_at, patiently, within};
use support::raw_server::{BlackHole, Peer, RawServer, SCHEMES, Scheme, accepted, narrow_listener};

/// Sends a message, which has to end with its time at the latest, and with this status.
fn ends_in_time(options: &Value, status: &str) {
    let send = |timeout: Duration| {
        let mut options = options.clone();
        options["timeout_ms"] = json!(timeout.as_millis());
        let client = client(&options);
        within(timeout, || client.send(&message("tag")))
    };
    let is_there = |reply: &Reply| reply.status() == status || reply.status() != "not_sent";
    let reply = patiently(send, is_there);
    reply.assert_status(status);
    assert_eq!(reply.retryable(), Some(status == "not_sent"), "{reply:?}");
}

/// A server that does what `script` says once it has a request.
fn after_request(
    scheme: Scheme,
    script: impl Fn(&mut Peer) -> io::Result<()> + Send + Sync + 'static,
) -> RawServer {
    RawServer::start(scheme, move |peer| {
        peer.request()?;
        script(peer)
    })
}

/// Does something again and again, for far longer than a call may take, but not for ever: a call
/// that never ends fails its test, and does not hang it.
fn for_long(mut step: impl FnMut() -> io::Result<()>) -> io::Result<()> {
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(60) {
        step()?;
    }
    Ok(())
}

/// One that says nothing at all.
fn silent_server() -> RawServer {
    RawServer::start(Scheme::Http, |peer| {
        peer.stop();
        Ok(())
    })
}

#[test]
fn each_call_on_a_kept_connection_has_a_deadline_of_its_own() {
    const SHORT: Duration = Duration::from_secs(2);

    for scheme in SCHEMES {
        let server = RawServer::start(scheme, |peer| {
            for pause in [Duration::ZERO, Duration::ZERO, SHORT * 2] {
                peer.request()?;
                thread::sleep(pause);
                peer.send(&accepted("id"))?;
            }
            peer.request()?;
            peer.stop();
            Ok(())
        });
        let client = client(&server.options());
        let short = json!({ "timeout_ms": SHORT.as_millis() });
        client.send(&message("long")).assert_status("ok");
        client
            .send_with(&message("short"), &short)
            .assert_status("ok");
        client.send(&message("long and late")).assert_status("ok");
        ends_at(SHORT, || client.send_with(&message("late"), &short))
            .assert_status("outcome_unknown");
        assert_eq!(server.connections(), 1);
    }
}

#[test]
fn proxy_that_answers_one_byte_at_a_time_ends_in_time() {
    let proxy = RawServer::start(Scheme::Http, |peer| {
        for_long(|| {
            thread::sleep(Duration::from_millis(5));
            peer.send_raw(b"x")
        })
    });
    let proxy_url = format!("http://{}", proxy.address());
    let options = json!({ "base_url": "https://127.0.0.1:9", "proxy": proxy_url });
    ends_in_time(&options, "not_sent");
}

#[test]
fn connect_timeout_ms_ends_what_leads_to_a_connection_and_no_more() {
    const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
    let hole = BlackHole::new();
    let hanging = silent_server();
    let proxy = format!("http://{}", hanging.address());
    let cases = [
        json!({ "base_url": format!("http://{}", hole.address), "proxy": "" }),
        json!({ "base_url": format!("https://{}", hanging.address()), "proxy": "" }),
        json!({ "base_url": "https://127.0.0.1:9", "proxy": proxy }),
    ];
    for mut options in cases {
        options["connect_timeout_ms"] = json!(CONNECT_TIMEOUT.as_millis());
        options["max_retries"] = json!(0);
        let client = client(&options);
        let reply = ends_at(CONNECT_TIMEOUT, || client.send(&message("tag")));
        reply.assert_status("not_sent");
        assert_eq!(reply.retryable(), Some(true), "{reply:?}");
        assert!(
            reply.message().contains("connect_timeout_ms (2000 ms)"),
            "{reply:?}"
        );
    }

    let slow = after_request(Scheme::Http, |peer| {
        thread::sleep(CONNECT_TIMEOUT + Duration::from_millis(500));
        peer.send(&support::raw_server::accepted("tag"))
    });
    let options = slow.options_with(json!({ "connect_timeout_ms": CONNECT_TIMEOUT.as_millis() }));
    client(&options).send(&message("tag")).assert_status("ok");
}

#[test]
fn response_that_comes_one_byte_at_a_time_ends_in_time() {
    for scheme in SCHEMES {
        for head in ["", "HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n"] {
            let server = after_request(scheme, move |peer| {
                peer.send(head.as_bytes())?;
                for_long(|| {
                    thread::sleep(Duration::from_millis(5));
                    peer.send(b"H")
                })
            });
            ends_in_time(&server.options(), "outcome_unknown");
        }
    }
}

#[test]
fn flood_of_1xx_ends_in_time() {
    for scheme in SCHEMES {
        let server = after_request(scheme, |peer| {
            let flood = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n".repeat(100);
            for_long(|| peer.send(&flood))
        });
        ends_in_time(&server.options(), "outcome_unknown");
    }
}

#[test]
fn flood_of_1xx_in_single_steps_ends_in_time() {
    for scheme in SCHEMES {
        let server = after_request(scheme, |peer| {
            for_long(|| {
                thread::sleep(Duration::from_millis(1));
                peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            })
        });
        ends_in_time(&server.options(), "outcome_unknown");
    }
}

#[test]
fn endless_body_ends_before_its_time() {
    for scheme in SCHEMES {
        let server = after_request(scheme, |peer| {
            peer.send(b"HTTP/1.1 200 OK\r\n\r\n")?;
            let flood = [b'x'; 16 * 1024];
            for_long(|| peer.send(&flood))
        });
        let client = client(&server.options());
        let reply = at_once(|| client.send(&message("tag")));
        reply.assert_status("outcome_unknown");
        assert!(reply.message().contains("1 MiB"), "{reply:?}");
    }
}

/// What a compiled program printed for each of its sends: the time that it took, and the reply.
fn sends_under_signals(
    options: &Value,
    message: &str,
    sends: u32,
    restart: bool,
) -> Vec<(Duration, Value)> {
    let restart = if restart { "1" } else { "0" };
    let finished = c::run(
        Command::new(c::compile("tests/c/signals.c")).args([
            &options.to_string(),
            &sends.to_string(),
            restart,
        ]),
        message.as_bytes(),
    );
    assert_eq!(finished.code(), 0, "{finished:?}");
    let line = |line: &str| {
        let (took, reply) = line.split_once(' ').expect("two columns");
        let took = Duration::from_millis(took.parse().expect("milliseconds"));
        (took, serde_json::from_str(reply).expect("a reply"))
    };
    finished.stdout.lines().map(line).collect()
}

#[test]
fn timer_signal_every_millisecond_makes_no_call_late() {
    for scheme in SCHEMES {
        for restart in [true, false] {
            let blocking = RawServer::on(narrow_listener(), scheme, |peer| {
                peer.handshake()?;
                peer.stop();
                Ok(())
            });
            let silent = after_request(scheme, |peer| {
                peer.stop();
                Ok(())
            });
            let large = message(&"x".repeat(700_000));
            let cases = [
                (&blocking, large, "not_sent"),
                (&silent, message("tag"), "outcome_unknown"),
            ];
            for (server, message, status) in cases {
                let send = |timeout: Duration| {
                    let more = json!({ "timeout_ms": timeout.as_millis() });
                    let options = server.options_with(more);
                    let sends = sends_under_signals(&options, &message, 1, restart);
                    let (took, reply) = sends.into_iter().next().expect("one");
                    assert!(took >= timeout, "{took:?}");
                    assert!(took < timeout + Duration::from_secs(10), "{took:?}");
                    reply
                };
                let is_there =
                    |reply: &Value| reply["status"] == status || reply["status"] != "not_sent";
                let reply = patiently(send, is_there);
                assert_eq!(reply["status"], status, "{scheme:?}, {restart}: {reply}");
            }
        }
    }
}

#[test]
fn timer_signal_every_millisecond_breaks_no_call() {
    for scheme in SCHEMES {
        for restart in [true, false] {
            let server = RawServer::start(scheme, |peer| {
                loop {
                    let tag = peer.request()?.tag();
                    thread::sleep(Duration::from_millis(3));
                    peer.send(&support::raw_server::accepted(&tag))?;
                }
            });
            for (_, reply) in sends_under_signals(&server.options(), &message("tag"), 100, restart)
            {
                assert_eq!(reply["status"], "ok", "{scheme:?}, {restart}: {reply}");
                assert_eq!(reply["attempts"], 1, "{scheme:?}, {restart}: {reply}");
            }
        }
    }
}
