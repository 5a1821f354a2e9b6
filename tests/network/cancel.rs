//! A token ends the calls that it was given to, each with what is true of it, and no other.
//! (`names.rs` has the name look-up.)

use std::io;
use std::ptr;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use support::api::{Cancel, Client, Reply, client, message};
use support::punctuality::Watch;
use support::raw_server::{
    BlackHole, Peer, RawServer, SCHEMES, Scheme, accepted, answer, narrow_listener,
};
use zixflow::ffi;

/// How long a call in flight may take to come back.
const AT_ONCE: Duration = Duration::from_millis(50);

/// Cancels a call once `is_under_way` has returned.
fn cancel_during(client: &Client, message: &str, is_under_way: impl FnOnce()) -> Reply {
    let cancel = Cancel::new();
    thread::scope(|scope| {
        let call = scope.spawn(|| {
            let watch = Watch::start();
            let reply = client.send_cancellable(message, &cancel);
            (reply, watch.excuse())
        });
        is_under_way();
        thread::sleep(Duration::from_millis(30));
        assert!(!call.is_finished(), "it was over before it was cancelled");
        let watch = Watch::start();
        cancel.now();
        let (reply, excuse) = call.join().expect("a call does not panic");
        watch.assert_at_most(AT_ONCE + excuse, watch.elapsed());
        reply
    })
}

fn assert_cancelled(reply: &Reply, status: &str, attempts: u64) {
    reply.assert_status(status);
    assert_eq!(reply.retryable(), Some(false), "{reply:?}");
    assert_eq!(reply.attempts(), attempts, "{reply:?}");
    assert!(reply.message().contains("cancelled"), "{reply:?}");
}

fn stop(peer: &mut Peer) -> io::Result<()> {
    peer.stop();
    Ok(())
}

fn cancel_connecting(options: Value, is_under_way: impl FnOnce()) {
    let client = client(&options);
    let reply = cancel_during(&client, &message("tag"), is_under_way);
    assert_cancelled(&reply, "not_sent", 1);
}

#[test]
fn connect_is_cancelled() {
    for scheme in ["http", "https"] {
        let hole = BlackHole::new();
        let url = format!("{scheme}://{}", hole.address);
        cancel_connecting(json!({ "base_url": url, "proxy": "" }), || {});
    }
}

#[test]
fn tls_handshake_is_cancelled() {
    let server = RawServer::start(Scheme::Http, stop);
    let url = format!("https://{}", server.address());
    cancel_connecting(json!({ "base_url": url, "proxy": "" }), || {
        server.await_connections(1)
    });
}

#[test]
fn wait_for_a_proxy_is_cancelled() {
    for scheme in ["http", "socks5"] {
        let proxy = RawServer::start(Scheme::Http, stop);
        let proxy_url = format!("{scheme}://{}", proxy.address());
        let options = json!({ "base_url": "https://127.0.0.1:9", "proxy": proxy_url });
        cancel_connecting(options, || proxy.await_connections(1));
    }
}

#[test]
fn blocked_write_is_cancelled() {
    for scheme in SCHEMES {
        let server = RawServer::on(narrow_listener(), scheme, |peer| {
            peer.handshake()?;
            stop(peer)
        });
        let client = client(&server.options());
        let large = message(&"x".repeat(700_000));
        let reply = cancel_during(&client, &large, || {
            server.await_connections(1);
            // In a debug build, encrypting what fits takes a moment.
            thread::sleep(Duration::from_millis(300));
        });
        assert_cancelled(&reply, "not_sent", 1);
        drop(client);
        assert_eq!(server.finish().len(), 0, "{scheme:?}");
    }
}

#[test]
fn wait_for_an_answer_is_cancelled_on_a_new_connection_and_on_a_kept_one() {
    for scheme in SCHEMES {
        for sends_before in 0..2 {
            let server = RawServer::start(scheme, move |peer| {
                for _ in 0..sends_before {
                    let tag = peer.request()?.tag();
                    peer.send(&accepted(&tag))?;
                }
                peer.request()?;
                peer.send(b"HTTP/1.1 200 OK\r\ncontent-le")?;
                stop(peer)
            });
            let client = client(&server.options());
            for _ in 0..sends_before {
                client.send(&message("tag")).assert_status("ok");
            }
            let reply = cancel_during(&client, &message("tag"), || {
                server.await_requests(sends_before + 1)
            });
            assert_cancelled(&reply, "outcome_unknown", 1);
            assert_eq!(server.connections(), 1);
        }
    }
}

#[test]
fn pause_is_cancelled_and_what_the_last_answer_said_is_kept() {
    let turned_away = answer(429, "retry-after: 20\r\n", "<html>");
    let server = RawServer::answering(Scheme::Http, turned_away);
    let client = client(&server.options());
    let reply = cancel_during(&client, &message("tag"), || server.await_requests(1));
    assert_cancelled(&reply, "not_sent", 1);
    assert_eq!(reply.json["http_status"], 429);
    assert_eq!(reply.json["retry_after_ms"], 20_000);
    assert_eq!(reply.json["response"], "<html>");
}

/// What was turned away could be sent again, which is not wanted any more: no matter whether a retry was
/// left.
#[test]
fn answer_that_hangs_is_cancelled_and_what_it_said_is_kept() {
    for (code, max_retries) in [(429, 0), (429, 2), (408, 0), (503, 0)] {
        for scheme in SCHEMES {
            let server = RawServer::start(scheme, move |peer| {
                peer.request()?;
                let head = format!("HTTP/1.1 {code} \r\ncontent-length: 99\r\n\r\n<html>");
                peer.send(head.as_bytes())?;
                stop(peer)
            });
            let client = client(&server.options_with(json!({ "max_retries": max_retries })));
            let reply = cancel_during(&client, &message("tag"), || server.await_requests(1));
            // A page of a gateway says nothing with 408 and 503.
            let status = if code == 429 {
                "not_sent"
            } else {
                "outcome_unknown"
            };
            reply.assert_status(status);
            assert_eq!(reply.retryable(), Some(false), "{reply:?}");
            assert_eq!(reply.attempts(), 1, "{reply:?}");
            assert_eq!(reply.json["http_status"], code, "{reply:?}");
        }
    }
}

#[test]
fn wait_for_a_turn_is_cancelled() {
    let server = RawServer::accepting(Scheme::Http);
    let client = client(&server.options_with(json!({ "messages_per_second": 0.1 })));
    client.send(&message("tag")).assert_status("ok");
    let reply = cancel_during(&client, &message("tag"), || {});
    assert_cancelled(&reply, "not_sent", 0);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn call_with_a_token_that_was_raised_before_is_not_sent() {
    let server = RawServer::accepting(Scheme::Http);
    let client = client(&server.options());
    client.send(&message("tag")).assert_status("ok");
    let cancel = Cancel::new();
    cancel.now();
    cancel.now();
    for _ in 0..2 {
        let reply = client.send_cancellable(&message("tag"), &cancel);
        assert_cancelled(&reply, "not_sent", 0);
    }
    assert_eq!(server.requests().len(), 1);
    // A bad message is a bad message all the same.
    client
        .send_cancellable("{}", &cancel)
        .assert_status("invalid_message");
    // And the connection is as it was.
    client.send(&message("tag")).assert_status("ok");
    assert_eq!(server.connections(), 1);
}

#[test]
fn token_that_is_raised_after_its_calls_touches_no_kept_connection() {
    for scheme in SCHEMES {
        let server = RawServer::accepting(scheme);
        let client = client(&server.options());
        let cancel = Cancel::new();
        client
            .send_cancellable(&message("tag"), &cancel)
            .assert_status("ok");
        cancel.now();
        client.send(&message("tag")).assert_status("ok");
        assert_eq!(server.connections(), 1, "{scheme:?}");
    }
}

#[test]
fn ten_of_twenty_calls_are_cancelled_and_the_other_ten_are_as_they_were() {
    const CALLS: usize = 20;
    for scheme in SCHEMES {
        let server = RawServer::start(scheme, |peer| {
            loop {
                let tag = peer.request()?.tag();
                thread::sleep(Duration::from_millis(800));
                peer.send(&accepted(&tag))?;
            }
        });
        let client = client(&server.options());
        let cancel = Cancel::new();
        thread::scope(|scope| {
            let calls: Vec<_> = (0..CALLS)
                .map(|number| {
                    let (client, cancel) = (&client, &cancel);
                    let message = message(&number.to_string());
                    scope.spawn(move || {
                        if number % 2 == 0 {
                            client.send_cancellable(&message, cancel)
                        } else {
                            client.send(&message)
                        }
                    })
                })
                .collect();
            server.await_requests(CALLS);
            cancel.now();
            for (number, call) in calls.into_iter().enumerate() {
                let reply = call.join().expect("a call does not panic");
                if number % 2 == 0 {
                    assert_cancelled(&reply, "outcome_unknown", 1);
                } else {
                    reply.assert_status("ok");
                    assert_eq!(reply.request_id(), Some(number.to_string().as_str()));
                }
            }
        });
        assert_eq!(server.requests().len(), CALLS);
    }
}

#[test]
fn one_token_ends_calls_on_several_clients() {
    let server = RawServer::start(Scheme::Http, |peer| {
        peer.request()?;
        stop(peer)
    });
    let clients: Vec<Client> = (0..3).map(|_| client(&server.options())).collect();
    let cancel = Cancel::new();
    thread::scope(|scope| {
        let calls: Vec<_> = clients
            .iter()
            .map(|client| scope.spawn(|| client.send_cancellable(&message("tag"), &cancel)))
            .collect();
        server.await_requests(clients.len());
        cancel.now();
        for call in calls {
            let reply = call.join().expect("a call does not panic");
            assert_cancelled(&reply, "outcome_unknown", 1);
        }
    });
}

#[test]
fn call_goes_on_to_its_end_when_its_token_is_freed() {
    let server = RawServer::start(Scheme::Http, |peer| {
        let tag = peer.request()?.tag();
        thread::sleep(Duration::from_millis(200));
        peer.send(&accepted(&tag))
    });
    let client = client(&server.options());
    let cancel = Cancel::new();
    thread::scope(|scope| {
        let call = scope.spawn(|| client.send_cancellable(&message("tag"), &cancel));
        server.await_requests(1);
        ffi::zx_free(cancel.0.cast());
        cancel.now();
        call.join()
            .expect("a call does not panic")
            .assert_status("ok");
    });
}

#[test]
fn stale_and_foreign_tokens_are_answered() {
    let server = RawServer::accepting(Scheme::Http);
    let client = client(&server.options());
    let stale = ffi::zx_cancel_new();
    ffi::zx_free(stale.cast());
    let a_client = client.as_ptr().cast::<ffi::zx_cancel>();
    let own = 7_u64;
    let foreign = ptr::from_ref(&own).cast::<ffi::zx_cancel>();
    let misaligned = ptr::without_provenance::<ffi::zx_cancel>(3);
    for (cancel, says) in [
        (stale.cast_const(), "freed"),
        (a_client, "is a client"),
        (foreign, "zx_cancel_new()"),
        (misaligned, "zx_cancel_new()"),
    ] {
        let reply = client.send_until(&message("tag"), &json!({}), cancel);
        reply.assert_status("invalid_argument");
        assert!(reply.message().contains("cancel "), "{reply:?}");
        assert!(reply.message().contains(says), "{reply:?}");
        ffi::zx_cancel_now(cancel);
    }
    ffi::zx_cancel_now(ptr::null());
    assert_eq!(server.connections(), 0);
    client.send(&message("tag")).assert_status("ok");

    // And a token is no client.
    let cancel = Cancel::new();
    let mut reply = ptr::null_mut();
    // SAFETY: a foreign client is answered; a string that ends in NUL, and a place for the reply.
    let status = unsafe {
        ffi::zx_send_reply_buttons(cancel.0.cast_const().cast(), c"{}".as_ptr(), &mut reply)
    };
    let reply = Reply::of(status, reply);
    reply.assert_status("invalid_argument");
    assert!(reply.message().contains("is a cancel token"), "{reply:?}");
}

#[test]
fn no_token_has_the_address_of_one_that_was_freed() {
    let tokens = (0..100).map(|_| {
        let token = ffi::zx_cancel_new();
        ffi::zx_free(token.cast());
        token.addr()
    });
    let distinct: std::collections::HashSet<usize> = tokens.collect();
    assert_eq!(distinct.len(), 100);
}
