//! A token ends the calls that it was given to, each with what is true of it, and no other.
//! (`waits.rs` has all that a call may wait for.)

use std::io;
use std::ptr;
use std::thread;
use std::time::Duration;

use serde_json::json;
use support::api::{Cancel, Client, Reply, client, message};
use support::raw_server::{Gate, Peer, RawServer, SCHEMES, Scheme, accepted};
use zixflow::ffi;

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
        let gate = Gate::default();
        let server = RawServer::start(scheme, {
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
        let cancel = Cancel::new();
        thread::scope(|scope| {
            let cancelled: Vec<_> = (0..CALLS / 2)
                .map(|_| scope.spawn(|| client.send_cancellable(&message("cancelled"), &cancel)))
                .collect();
            let others: Vec<_> = (0..CALLS / 2)
                .map(|_| scope.spawn(|| client.send(&message("other"))))
                .collect();
            server.await_requests(CALLS);
            cancel.now();
            for call in cancelled {
                let reply = call.join().expect("a call does not panic");
                assert_cancelled(&reply, "outcome_unknown", 1);
            }
            gate.open();
            for call in others {
                let reply = call.join().expect("a call does not panic");
                reply.assert_status("ok");
                assert_eq!(reply.request_id(), Some("other"));
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
