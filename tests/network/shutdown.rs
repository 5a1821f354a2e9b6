//! A shut-down ends every call in flight at once, with what is true of it.
//! (`waits.rs` has all that a call may wait for.)

use std::thread;
use std::time::Duration;

use serde_json::json;
use support::api::{Reply, client, message};
use support::punctuality::at_once;
use support::raw_server::{RawServer, Scheme};

fn assert_shut_down(reply: &Reply, status: &str) {
    reply.assert_status(status);
    assert_eq!(reply.retryable(), Some(false), "{reply:?}");
    assert!(reply.message().contains("shut down"), "{reply:?}");
}

#[test]
fn shut_down_in_a_pause_after_no_response_tells_of_none() {
    let server = RawServer::start(Scheme::Https, |peer| {
        peer.send_at_most(0);
        peer.handshake()
    });
    let client = client(&server.options_with(json!({ "max_retries": 100 })));
    let reply = thread::scope(|scope| {
        let call = scope.spawn(|| client.send(&message("tag")));
        server.await_connections(3);
        client.shut_down();
        call.join().expect("a call does not panic")
    });
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
            .map(|_| scope.spawn(|| client.send(&message("tag"))))
            .collect();
        server.await_requests(THREADS);
        at_once(|| {
            client.shut_down();
            for call in calls {
                let reply = call.join().expect("a call does not panic");
                assert_shut_down(&reply, "outcome_unknown");
            }
        });
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
