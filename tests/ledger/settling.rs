//! What becomes known later: post-backs, lists, decisions.

use std::time::{Duration, SystemTime};

use rusqlite::Connection;
use serde_json::{Value, json};
use support::api::{self, Client, WORKSPACE_ID, message};

use crate::Setup;

fn in_seconds(seconds: i64) -> String {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .expect("after 1970");
    let at = i64::try_from(now.as_secs()).expect("a time") + seconds;
    jiff::Timestamp::from_second(at)
        .expect("a time")
        .to_string()
}

fn post_back(request_id: &str, data: Option<&str>, more: Value) -> String {
    let mut post_back = json!({
        "workspace_id": WORKSPACE_ID, "request_id": request_id, "status": "failed",
        "status_at": in_seconds(10), "post_back_data": data, "message_id": 604132581490819100_u64,
    });
    let Value::Object(more) = more else {
        panic!("no object");
    };
    post_back.as_object_mut().expect("an object").extend(more);
    post_back.to_string()
}

fn settle(client: &Client, post_back: &str) -> (bool, Option<String>) {
    let settled = client.settle(post_back).expect("it is a post-back");
    let key = settled["idempotency_key"].as_str().map(str::to_owned);
    (settled["settled"].as_bool().expect("a flag"), key)
}

#[test]
fn post_back_settles_what_was_unknown() {
    let setup = Setup::new();
    let client = setup.client();
    setup.leave_unknown(&client, "key", "a");
    setup.leave_unknown(&client, "other", "b");
    let reply = client
        .settle(&post_back("r-1", Some("unknown-a"), json!({})))
        .expect("a post-back");
    assert_eq!(reply["settled"], true);
    assert_eq!(reply["idempotency_key"], "key");
    assert_eq!(reply["message_id"], "604132581490819100");
    assert_eq!(reply["is_failure"], true);
    let again = client.send_once("key", &message("unknown-a"));
    again.assert_status("ok");
    assert_eq!(again.request_id(), Some("r-1"));
    assert!(again.is_repeated());
    assert_eq!(client.unsettled(None).expect("a list"), ["other"]);
    // The next one finds it by its request_id.
    let key = Some("key".to_owned());
    assert_eq!(
        settle(&client, &post_back("r-1", None, json!({}))),
        (false, key)
    );
    assert_eq!(setup.sent(), 2);
}

#[test]
fn post_back_settles_no_other_message() {
    let setup = Setup::new();
    let client = setup.client();
    setup.leave_unknown(&client, "key", "a");
    setup.leave_unknown(&client, "twin 1", "twin");
    setup.leave_unknown(&client, "twin 2", "twin");
    client
        .send_once("queued", &message("c"))
        .assert_status("ok");
    let options = setup.options_with(json!({}));
    let other = Client::with_credentials(api::API_KEY, "another", &options).expect("a client");
    setup.leave_unknown(&other, "elsewhere", "d");
    for (request_id, data, more) in [
        ("r-1", Some("unknown-twin"), json!({})),
        ("r-1", Some("unknown-none"), json!({})),
        ("r-1", None, json!({})),
        (
            "r-1",
            Some("unknown-a"),
            json!({ "status_at": in_seconds(-10) }),
        ),
        ("r-1", Some("unknown-a"), json!({ "status_at": null })),
        (
            "r-1",
            Some("unknown-a"),
            json!({ "workspace_id": "another" }),
        ),
        ("r-1", Some("unknown-d"), json!({})),
        // Another message's, with data that it had, too.
        ("r-1", Some("c"), json!({})),
    ] {
        let post_back = post_back(request_id, data, more);
        assert_eq!(settle(&client, &post_back), (false, None), "{post_back}");
    }
    assert_eq!(
        client.unsettled(None).expect("a list"),
        ["key", "twin 1", "twin 2"]
    );
    assert_eq!(
        settle(&client, &post_back("c", None, json!({}))),
        (false, Some("queued".to_owned()))
    );
    let refused = client.settle("{}").expect_err("no post-back");
    refused.assert_status("invalid_message");
    assert_eq!(refused.json["problems"].as_array().map(Vec::len), Some(2));
}

#[test]
fn post_back_that_comes_before_the_response_is_final() {
    let setup = Setup::new();
    let client = api::client(&setup.options_with(json!({ "timeout_ms": 1000 })));
    let reply = std::thread::scope(|scope| {
        let call = scope.spawn(|| client.send_once("key", &message("slow")));
        setup.server.await_requests(1);
        assert_eq!(
            settle(&client, &post_back("r-1", Some("slow"), json!({}))).1,
            Some("key".to_owned())
        );
        let again = client.send_once("key", &message("slow"));
        again.assert_status("ok");
        assert!(again.is_repeated());
        call.join().expect("a reply")
    });
    reply.assert_status("outcome_unknown");
    let again = client.send_once("key", &message("slow"));
    again.assert_status("ok");
    assert_eq!(again.request_id(), Some("r-1"));
    setup.gate.open();
}

#[test]
fn forgotten_entry_lets_its_key_send() {
    let setup = Setup::new();
    let client = setup.client();
    setup.leave_unknown(&client, "key", "a");
    client
        .send_once("queued", &message("b"))
        .assert_status("ok");
    client
        .send_once("rejected", &message("rejected"))
        .assert_status("rejected");
    client.forget("queued").assert_status("invalid_argument");
    for key in ["none", "rejected", "key", "key"] {
        client.forget(key).assert_status("ok");
    }
    assert!(client.unsettled(None).expect("a list").is_empty());
    assert_eq!(
        settle(&client, &post_back("r-1", Some("unknown-a"), json!({}))),
        (false, None)
    );
    std::thread::scope(|scope| {
        let call = scope.spawn(|| client.send_once("under way", &message("slow")));
        setup.server.await_requests(4);
        let busy = client.forget("under way");
        busy.assert_status("busy");
        assert_eq!(busy.retryable(), Some(true));
        assert!(
            client.unsettled(None).expect("a list").is_empty(),
            "it is under way"
        );
        setup.gate.open();
        call.join().expect("a reply").assert_status("ok");
    });
    let corrected = client.send_once("key", &message("c"));
    corrected.assert_status("ok");
    assert!(!corrected.is_repeated());
}

#[test]
fn unsettled_entries_come_in_pages() {
    let setup = Setup::new();
    // None of them waits for a disk.
    let client = setup.client();
    let keys: Vec<String> = (0..1005).map(|number| format!("key-{number:04}")).collect();
    for key in &keys {
        setup.leave_unknown(&client, key, key);
    }
    drop(client);
    // As if the last ten had begun at the same time.
    let database = Connection::open(setup.ledger()).expect("a database");
    let same = "UPDATE entry SET began_at_ms = (SELECT max(began_at_ms) FROM entry) \
                WHERE idempotency_key >= 'key-0995'";
    assert_eq!(database.execute(same, []), Ok(10));
    drop(database);
    let client = setup.client();
    client.shut_down();
    let first = client.unsettled(None).expect("a list");
    assert_eq!(first, keys[..1000]);
    // Also where the last one is settled or forgotten meanwhile.
    client.forget("key-0999").assert_status("ok");
    settle(
        &client,
        &post_back("r", Some("unknown-key-0998"), json!({})),
    );
    for last in ["key-0998", "key-0999"] {
        let rest = client.unsettled(Some(last)).expect("a list");
        assert_eq!(rest, keys[1000..], "after {last}");
    }
    assert!(
        client
            .unsettled(Some("key-1004"))
            .expect("a list")
            .is_empty()
    );
    assert!(client.unsettled(Some("key-0007")).expect("a list").len() > 990);
}

#[test]
fn settled_entries_are_forgotten_after_their_days_and_unknown_ones_are_not() {
    let setup = Setup::new();
    let client = api::client(&setup.options_with(json!({ "ledger_days": 2 })));
    client
        .send_once("queued", &message("a"))
        .assert_status("ok");
    setup.leave_unknown(&client, "unknown", "b");
    let age = |days: u64| {
        let milliseconds = Duration::from_secs(days * 24 * 60 * 60).as_millis() as i64;
        let database = rusqlite::Connection::open(setup.folder.path().join("ledger"));
        let database = database.expect("a database");
        let aged =
            "UPDATE entry SET began_at_ms = began_at_ms - ?1, settled_at_ms = settled_at_ms - ?1";
        assert_eq!(
            database
                .execute(aged, [milliseconds])
                .expect("it is written"),
            2
        );
    };
    drop(client);
    age(1);
    let client = api::client(&setup.options_with(json!({ "ledger_days": 2 })));
    assert!(client.send_once("queued", &message("a")).is_repeated());
    drop(client);
    age(2);
    let for_ever = api::client(&setup.options_with(json!({ "ledger_days": 0 })));
    assert!(for_ever.send_once("queued", &message("a")).is_repeated());
    let client = api::client(&setup.options_with(json!({ "ledger_days": 2 })));
    let again = client.send_once("queued", &message("a2"));
    again.assert_status("ok");
    assert!(!again.is_repeated());
    assert!(
        client
            .send_once("unknown", &message("unknown-b"))
            .is_repeated()
    );
}
