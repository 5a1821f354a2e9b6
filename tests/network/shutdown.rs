//! A shut-down ends every call in flight at once, with what is true of it.
//! (`names.rs` has the name look-up.)

use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use support::api::{Client, Reply, client, message};
use support::punctuality::Watch;
use support::raw_server::{BlackHole, RawServer, SCHEMES, Scheme, answer, narrow_listener};

/// How long a call in flight may take to come back.
const AT_ONCE: Duration = Duration::from_millis(50);

/// Sends a message; gives the reply, and how long the machine kept the call from running.
fn send_watched(client: &Client, message: &str) -> (Reply, Duration) {
    let watch = Watch::start();
    (client.send(message), watch.excuse())
}

/// Shuts a client down while it sends, as soon as `is_under_way` returns.
fn shut_down_during(client: &Client, message: &str, is_under_way: impl FnOnce()) -> Reply {
    thread::scope(|scope| {
        let call = scope.spawn(|| send_watched(client, message));
        is_under_way();
        thread::sleep(Duration::from_millis(30));
        assert!(
            !call.is_finished(),
            "the call was over before the shut-down"
        );
        let watch = Watch::start();
        client.shut_down();
        let (reply, excuse) = call.join().expect("a call does not panic");
        watch.assert_at_most(AT_ONCE + excuse, watch.elapsed());
        reply
    })
}

fn assert_shut_down(reply: &Reply, status: &str) {
    reply.assert_status(status);
    assert_eq!(reply.retryable(), Some(false), "{reply:?}");
    assert!(reply.message().contains("shut down"), "{reply:?}");
}

fn silent_server() -> RawServer {
    RawServer::start(Scheme::Http, |peer| {
        peer.stop();
        Ok(())
    })
}

fn shut_down_connecting(options: Value, is_under_way: impl FnOnce()) {
    let client = client(&options);
    let reply = shut_down_during(&client, &message("tag"), is_under_way);
    assert_shut_down(&reply, "not_sent");
    assert_eq!(reply.attempts(), 1);
}

#[test]
fn shut_down_ends_a_connect() {
    let hole = BlackHole::new();
    let url = format!("http://{}", hole.address);
    shut_down_connecting(json!({ "base_url": url, "proxy": "" }), || {});
}

#[test]
fn shut_down_ends_a_tls_handshake() {
    let server = silent_server();
    let url = format!("https://{}", server.address());
    shut_down_connecting(json!({ "base_url": url, "proxy": "" }), || {
        server.await_connections(1)
    });
}

#[test]
fn shut_down_ends_the_wait_for_a_proxy() {
    for scheme in ["http", "socks5"] {
        let proxy = silent_server();
        let proxy_url = format!("{scheme}://{}", proxy.address());
        let options = json!({ "base_url": "https://127.0.0.1:9", "proxy": proxy_url });
        shut_down_connecting(options, || proxy.await_connections(1));
    }
}

#[test]
fn shut_down_ends_a_blocked_write() {
    for scheme in SCHEMES {
        let server = RawServer::on(narrow_listener(), scheme, |peer| {
            peer.handshake()?;
            peer.stop();
            Ok(())
        });
        let client = client(&server.options());
        let large = message(&"x".repeat(700_000));
        let reply = shut_down_during(&client, &large, || {
            server.await_connections(1);
            // In a debug build, encrypting what fits takes a moment.
            thread::sleep(Duration::from_millis(300));
        });
        assert_shut_down(&reply, "not_sent");
    }
}

#[test]
fn shut_down_ends_the_wait_for_an_answer_of_which_nothing_is_known() {
    for scheme in SCHEMES {
        let server = RawServer::start(scheme, |peer| {
            peer.request()?;
            peer.send(b"HTTP/1.1 200 OK\r\ncontent-le")?;
            peer.stop();
            Ok(())
        });
        let client = client(&server.options());
        let reply = shut_down_during(&client, &message("tag"), || server.await_requests(1));
        assert_shut_down(&reply, "outcome_unknown");
        assert_eq!(reply.attempts(), 1);
    }
}

#[test]
fn shut_down_ends_the_pause_before_a_retry_and_keeps_what_the_last_answer_said() {
    const REFUSAL: &str = r#"{"success":false,"message":"Slow down."}"#;
    for (code, headers, body, retry_after, response) in [
        (429, "retry-after: 20\r\n", "{}", Some(20), Some("{}")),
        (429, "", "<html>", None, Some("<html>")),
        (429, "", REFUSAL, None, None),
        (503, "retry-after: 7\r\n", REFUSAL, Some(7), None),
        (500, "retry-after: 5\r\n", REFUSAL, Some(5), None),
        (500, "retry-after: 2.5\r\n", REFUSAL, Some(3), None),
    ] {
        let server = RawServer::answering(Scheme::Http, answer(code, headers, body));
        let client = client(&server.options());
        let reply = shut_down_during(&client, &message("tag"), || server.await_requests(1));
        assert_shut_down(&reply, "not_sent");
        assert_eq!(reply.attempts(), 1);
        assert_eq!(reply.json["http_status"], code, "{reply:?}");
        assert_eq!(reply.retry_after(), retry_after.map(Duration::from_secs));
        assert_eq!(reply.json["response"].as_str(), response, "{reply:?}");
    }
}

#[test]
fn shut_down_in_a_pause_after_no_answer_tells_of_none() {
    let server = RawServer::start(Scheme::Https, |peer| {
        peer.send_at_most(0);
        peer.handshake()
    });
    let client = client(&server.options_with(json!({ "max_retries": 100 })));
    let reply = shut_down_during(&client, &message("tag"), || server.await_connections(3));
    assert_shut_down(&reply, "not_sent");
    assert!(reply.attempts() >= 3, "{reply:?}");
    for key in ["http_status", "retry_after_ms", "response"] {
        assert!(reply.json.get(key).is_none(), "{reply:?}");
    }
}

#[test]
fn shut_down_ends_every_call_of_many_threads() {
    const THREADS: usize = 32;
    let server = RawServer::start(Scheme::Http, |peer| {
        peer.request()?;
        peer.stop();
        Ok(())
    });
    let client = client(&server.options());
    thread::scope(|scope| {
        let calls: Vec<_> = (0..THREADS)
            .map(|_| scope.spawn(|| send_watched(&client, &message("tag"))))
            .collect();
        server.await_requests(THREADS);
        let watch = Watch::start();
        client.shut_down();
        let mut longest_excuse = Duration::ZERO;
        for call in calls {
            let (reply, excuse) = call.join().expect("a call does not panic");
            assert_shut_down(&reply, "outcome_unknown");
            longest_excuse = longest_excuse.max(excuse);
        }
        watch.assert_at_most(AT_ONCE + longest_excuse, watch.elapsed());
    });
}

#[test]
fn later_calls_are_not_sent() {
    let server = RawServer::accepting(Scheme::Http);
    let client = client(&server.options());
    client.send(&message("tag")).assert_status("ok");
    client.shut_down();
    client.shut_down();
    for _ in 0..2 {
        let reply = client.send(&message("tag"));
        assert_shut_down(&reply, "not_sent");
        assert_eq!(reply.attempts(), 0);
    }
    assert_eq!(server.requests().len(), 1);
    // A bad message is a bad message all the same.
    client.send("{}").assert_status("invalid_message");
}

#[test]
fn shut_down_closes_the_connections_that_were_kept() {
    let server = RawServer::start(Scheme::Http, |peer| {
        let tag = peer.request()?.tag();
        peer.send(&support::raw_server::accepted(&tag))?;
        assert!(
            peer.wait_readable(Duration::from_secs(10))?,
            "it stayed open"
        );
        Ok(())
    });
    let client = client(&server.options());
    client.send(&message("tag")).assert_status("ok");
    client.shut_down();
    server.finish();
}
