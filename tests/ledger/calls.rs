//! What a call with a key finds.

use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use support::api::{self, Cancel, message};

use crate::Setup;

#[test]
fn queued_message_is_not_sent_again() {
    let setup = Setup::new();
    let client = setup.client();
    let first = client.send_once("key", &message("a"));
    first.assert_status("ok");
    assert!(!first.text.contains("repeated"), "{first:?}");
    // As another serialiser would write it.
    let json: Value = serde_json::from_str(&message("a")).expect("JSON");
    let same = serde_json::to_string_pretty(&json).expect("JSON");
    for client in [&client, &setup.client()] {
        let again = client.send_once("key", &same);
        again.assert_status("ok");
        assert!(again.is_repeated(), "{again:?}");
        assert_eq!((again.request_id(), again.attempts()), (Some("a"), 0));
        let keys = [
            "success",
            "status",
            "message",
            "request_id",
            "http_status",
            "attempts",
            "repeated",
        ];
        assert_eq!(again.keys(), keys);
    }
    client
        .send_once("another key", &message("b"))
        .assert_status("ok");
    assert_eq!(setup.sent(), 2);
    assert_eq!(client.stats()["calls_repeated"], 1);
    assert_eq!(client.stats()["calls_ok"], 3);
}

#[test]
fn unknown_outcome_stays_unknown() {
    let setup = Setup::new();
    let client = setup.client();
    setup.leave_unknown(&client, "key", "a");
    let again = client.send_once("key", &message("unknown-a"));
    again.assert_status("outcome_unknown");
    assert!(again.is_repeated());
    assert_eq!((again.attempts(), again.retryable()), (0, Some(false)));
    assert_eq!(setup.sent(), 1);
}

#[test]
fn what_was_not_queued_is_sent_again_also_corrected() {
    let setup = Setup::new();
    let client = setup.client();
    for (tag, status) in [
        ("rejected-a", "rejected"),
        ("busy-a", "busy"),
        ("rejected-b", "rejected"),
    ] {
        let reply = client.send_once("key", &message(tag));
        reply.assert_status(status);
        assert!(!reply.is_repeated());
    }
    client.send_once("key", &message("b")).assert_status("ok");
    assert_eq!(setup.sent(), 4);
}

#[test]
fn a_key_names_one_message() {
    let setup = Setup::new();
    let client = setup.client();
    client
        .send_once("queued", &message("a"))
        .assert_status("ok");
    setup.leave_unknown(&client, "unknown", "a");
    for (key, what) in [
        ("queued", "was queued"),
        ("unknown", "may have been queued"),
    ] {
        for other in [message("b"), "{}".to_owned(), "no JSON".to_owned()] {
            let reply = client.send_once(key, &other);
            reply.assert_status("invalid_argument");
            assert!(reply.message().contains(what), "{reply:?}");
            assert!(!reply.is_repeated());
        }
    }
    assert_eq!(setup.sent(), 2);
}

#[test]
fn key_comes_before_the_check_of_the_message() {
    let setup = Setup::new();
    let client = setup.client();
    let message =
        r#"{"recipient":"919876543210","phone_id":"1","interactive":{},"post_back_data":"a"}"#;
    let basic = json!({ "idempotency_key": "key", "validation": "basic" });
    client.send_with(message, &basic).assert_status("ok");
    let again = client.send_once("key", message);
    again.assert_status("ok");
    assert!(again.is_repeated());
    client
        .send_once("another", message)
        .assert_status("invalid_message");
    assert_eq!(setup.sent(), 1);
}

#[test]
fn key_needs_a_ledger_and_is_a_text_of_1_to_256_bytes() {
    let setup = Setup::new();
    let without = api::client(&setup.server.options());
    let reply = without.send_once("key", &message("a"));
    reply.assert_status("invalid_argument");
    assert!(reply.message().contains("ledger"), "{reply:?}");
    for refused in [
        without.settle("{}"),
        without.unsettled(None).map(Value::from),
    ] {
        refused
            .expect_err("no ledger")
            .assert_status("invalid_argument");
    }
    without.forget("key").assert_status("invalid_argument");
    let client = setup.client();
    for key in [
        json!(""),
        json!("x".repeat(257)),
        json!("é".repeat(129)),
        json!(7),
        json!(null),
    ] {
        let reply = client.send_with(&message("a"), &json!({ "idempotency_key": key }));
        reply.assert_status("invalid_argument");
        assert!(reply.message().contains("idempotency_key"), "{reply:?}");
    }
    for key in ["x".repeat(256), "é".repeat(128), "\"\n'".to_owned()] {
        client.send_once(&key, &message("a")).assert_status("ok");
        assert!(client.send_once(&key, &message("a")).is_repeated());
    }
    let options = setup.options_with(json!({ "idempotency_key": "key" }));
    assert!(api::Client::new(&options).is_err());
}

#[test]
fn another_base_url_or_workspace_knows_nothing_of_a_key() {
    let setup = Setup::new();
    let other = Setup::new();
    setup
        .client()
        .send_once("key", &message("a"))
        .assert_status("ok");
    let ledger = json!({ "ledger": setup.ledger() });
    let elsewhere = api::client(&other.options_with(ledger));
    assert!(!elsewhere.send_once("key", &message("b")).is_repeated());
    let options = setup.options_with(json!({}));
    let workspace = api::Client::with_credentials(api::API_KEY, "another", &options);
    let workspace = workspace.expect("a client");
    assert!(!workspace.send_once("key", &message("c")).is_repeated());
    // The same in other words.
    let base_url = setup.server.base_url().to_uppercase() + "/";
    let same = api::client(&setup.options_with(json!({ "base_url": base_url })));
    assert!(same.send_once("key", &message("a")).is_repeated());
    assert_eq!((setup.sent(), other.sent()), (2, 1));
}

#[test]
fn calls_wait_for_the_one_that_is_under_way_and_have_its_outcome() {
    let setup = Setup::new();
    let clients = [setup.client(), setup.client()];
    let all = Barrier::new(64);
    let replies: Vec<_> = thread::scope(|scope| {
        let calls: Vec<_> = (0..64)
            .map(|number| {
                let (client, all) = (&clients[number % 2], &all);
                scope.spawn(move || {
                    all.wait();
                    client.send_once("key", &message("slow"))
                })
            })
            .collect();
        setup.server.await_requests(1);
        let other = clients[0].send_once("key", &message("another"));
        other.assert_status("invalid_argument");
        assert!(other.message().contains("is being sent"), "{other:?}");
        let late = clients[0].send_with(
            &message("slow"),
            &json!({ "idempotency_key": "key", "timeout_ms": 30 }),
        );
        late.assert_status("outcome_unknown");
        assert!(late.is_repeated());
        setup.gate.open();
        calls
            .into_iter()
            .map(|call| call.join().expect("a reply"))
            .collect()
    });
    assert_eq!(
        replies.iter().filter(|reply| !reply.is_repeated()).count(),
        1
    );
    for reply in &replies {
        reply.assert_status("ok");
        assert_eq!(reply.request_id(), Some("slow"));
    }
    assert_eq!(setup.sent(), 1);
}

#[test]
fn each_of_a_thousand_keys_sends_once() {
    let setup = Setup::new();
    let client = setup.client();
    thread::scope(|scope| {
        for thread in 0..32 {
            let client = &client;
            scope.spawn(move || {
                for number in 0..1000 {
                    let tag = ((number * 7 + thread * 31) % 1000).to_string();
                    client.send_once(&tag, &message(&tag)).assert_status("ok");
                }
            });
        }
    });
    assert_eq!(setup.sent(), 1000);
    assert_eq!(client.stats()["calls_repeated"], 31_000);
}

#[test]
fn who_stops_waiting_for_another_call_does_not_know() {
    let setup = Setup::new();
    let [client, other] = [setup.client(), setup.client()];
    thread::scope(|scope| {
        let first = scope.spawn(|| client.send_once("key", &message("slow")));
        setup.server.await_requests(1);
        let cancel = Cancel::new();
        let options = json!({ "idempotency_key": "key" });
        let (waiting, token) = (message("slow"), &cancel);
        let [cancelled, ended] = thread::scope(|scope| {
            let cancelled = scope.spawn(|| {
                let token: &Cancel = token;
                client.send_until(&waiting, &options, token.0)
            });
            let ended = scope.spawn(|| other.send_once("key", &waiting));
            thread::sleep(Duration::from_millis(100));
            cancel.now();
            other.shut_down();
            [cancelled, ended].map(|wait| wait.join().expect("a reply"))
        });
        for reply in [cancelled, ended] {
            reply.assert_status("outcome_unknown");
            assert!(reply.is_repeated());
        }
        setup.gate.open();
        first.join().expect("a reply").assert_status("ok");
    });
    assert_eq!(setup.sent(), 1);
}

#[test]
fn a_repeated_call_takes_no_turn() {
    let setup = Setup::new();
    let client = api::client(&setup.options_with(json!({ "messages_per_second": 0.01 })));
    client.send_once("key", &message("a")).assert_status("ok");
    let again = client.send_once("key", &message("a"));
    again.assert_status("ok");
    assert!(again.is_repeated());
    // One whose turn comes too late was not sent, and that is what is remembered.
    client
        .send_once("other", &message("b"))
        .assert_status("busy");
    let unlimited = setup.client().send_once("other", &message("b"));
    unlimited.assert_status("ok");
    assert!(!unlimited.is_repeated());
}

#[test]
fn a_call_that_waits_for_its_turn_has_its_key() {
    let setup = Setup::new();
    let client = api::client(&setup.options_with(json!({ "messages_per_second": 2 })));
    client.send_once("first", &message("a")).assert_status("ok");
    let unlimited = setup.client();
    let replies = thread::scope(|scope| {
        let waits = scope.spawn(|| client.send_once("key", &message("b")));
        thread::sleep(Duration::from_millis(100));
        let other = unlimited.send_once("key", &message("b"));
        [waits.join().expect("a reply"), other]
    });
    for reply in &replies {
        reply.assert_status("ok");
    }
    // Were the machine so busy that the other came first, it would be the one that sends.
    assert!(replies[0].is_repeated() != replies[1].is_repeated());
    assert_eq!(setup.sent(), 2);
}

#[test]
fn call_that_is_cancelled_before_it_sends_leaves_its_key_free() {
    let setup = Setup::new();
    let client = setup.client();
    let cancel = Cancel::new();
    cancel.now();
    let options = json!({ "idempotency_key": "key" });
    let reply = client.send_until(&message("a"), &options, cancel.0);
    reply.assert_status("not_sent");
    assert_eq!(reply.retryable(), Some(false));
    let sent = client.send_once("key", &message("a"));
    sent.assert_status("ok");
    assert!(!sent.is_repeated());
    client.shut_down();
    assert!(client.send_once("key", &message("a")).is_repeated());
    client
        .send_once("new", &message("a"))
        .assert_status("not_sent");
    assert_eq!(setup.sent(), 1);
}

#[test]
fn retries_are_one_call() {
    let setup = Setup::new();
    let client = api::client(&setup.options_with(json!({ "max_retries": 1 })));
    let reply = client.send_once("key", &message("busy"));
    reply.assert_status("busy");
    assert_eq!(reply.attempts(), 2);
    assert_eq!(setup.sent(), 2);
}

/// As for every call, in a release; a debug build needs more.
#[test]
fn a_small_stack_is_enough() {
    const STACK: usize = if cfg!(debug_assertions) { 512 } else { 64 } * 1024;
    let setup = Setup::new();
    thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(STACK);
        let calls = thread.spawn_scoped(scope, || {
            let client = setup.client();
            client.send_once("key", &message("a")).assert_status("ok");
            setup.leave_unknown(&client, "unknown", "b");
            assert!(client.send_once("key", &message("a")).is_repeated());
            assert_eq!(client.unsettled(None).expect("a list"), ["unknown"]);
            client.forget("unknown").assert_status("ok");
            let post_back = json!({ "request_id": "a", "status": "sent" });
            client.settle(&post_back.to_string()).expect("a post-back");
        });
        calls.expect("a thread").join().expect("no overflow");
    });
}
