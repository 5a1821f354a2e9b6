//! `messages_per_second`: a client's attempts leave evenly, in the order in which they came.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use support::api::{Cancel, client, message};
use support::punctuality::at_once;
use support::raw_server::{RawServer, Scheme, response};

#[test]
fn a_hundred_messages_of_ten_threads_leave_in_turn() {
    let server = RawServer::accepting(Scheme::Http);
    let client = client(&server.options_with(json!({ "messages_per_second": 50 })));
    let began = Instant::now();
    thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| {
                for _ in 0..10 {
                    client.send(&message("tag")).assert_status("ok");
                }
            });
        }
    });
    let mut arrivals: Vec<Instant> = server.requests().iter().map(|it| it.arrived).collect();
    arrivals.sort();
    assert_eq!(arrivals.len(), 100);
    // Each is at least as late as its turn, of which the first was no sooner than this.
    let mut turn = began;
    for arrival in arrivals {
        assert!(arrival >= turn, "{:?} too early", turn - arrival);
        turn += Duration::from_millis(20);
    }
}

#[test]
fn turn_of_a_cancelled_call_is_the_next_ones() {
    let server = RawServer::accepting(Scheme::Http);
    let client = client(&server.options_with(json!({ "messages_per_second": 0.5 })));
    let began = Instant::now();
    client.send(&message("first")).assert_status("ok");
    let cancel = Cancel::new();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                client
                    .send_cancellable(&message("cancelled"), &cancel)
                    .assert_status("not_sent");
            });
        }
        thread::sleep(Duration::from_millis(100));
        let last = scope.spawn(|| {
            client.send(&message("last")).assert_status("ok");
            began.elapsed()
        });
        thread::sleep(Duration::from_millis(50));
        cancel.now();
        // The turn after the first, where its own would have been the fifth.
        let took = last.join().expect("no panic");
        let turn = Duration::from_secs(2)..Duration::from_secs(10);
        assert!(turn.contains(&took), "{took:?}");
    });
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn call_that_is_cancelled_beforehand_takes_no_turn_and_sends_nothing() {
    for scheme in [Scheme::Http, Scheme::Https] {
        let server = RawServer::accepting(scheme);
        let client = client(&server.options_with(json!({ "messages_per_second": 1 })));
        client.send(&message("first")).assert_status("ok");
        // The next turn is free by then.
        thread::sleep(Duration::from_millis(1100));
        let cancel = Cancel::new();
        cancel.now();
        for _ in 0..20 {
            let reply = client.send_cancellable(&message("cancelled"), &cancel);
            reply.assert_status("not_sent");
            assert_eq!(reply.attempts(), 0, "{reply:?}");
        }
        at_once(|| client.send(&message("last"))).assert_status("ok");
        assert_eq!(server.requests().len(), 2);
    }
}

#[test]
fn turn_that_comes_too_late_ends_the_call_at_once() {
    let server = RawServer::accepting(Scheme::Http);
    let client = client(&server.options_with(json!({ "messages_per_second": 0.01 })));
    client.send(&message("tag")).assert_status("ok");
    let short = json!({ "timeout_ms": 50_000, "tries": true });
    for _ in 0..3 {
        let reply = at_once(|| client.send_with(&message("tag"), &short));
        reply.assert_status("busy");
        assert_eq!((reply.attempts(), reply.retryable()), (0, Some(true)));
        let delay = reply.retry_after().expect("a delay");
        assert!(
            (Duration::from_secs(60)..=Duration::from_secs(100)).contains(&delay),
            "{delay:?}"
        );
        assert!(reply.message().contains("messages_per_second"), "{reply:?}");
    }
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn retries_take_turns_too() {
    let refusal = response(
        429,
        "retry-after: 0\r\n",
        r#"{"success":false,"message":""}"#,
    );
    let server = RawServer::start(Scheme::Http, move |peer| {
        for _ in 0..2 {
            peer.request()?;
            peer.send(&refusal)?;
        }
        peer.serve()
    });
    let options = server.options_with(json!({ "messages_per_second": 2, "tries": true }));
    let reply = client(&options).send(&message("tag"));
    reply.assert_status("ok");
    let tries = reply.json["tries"].as_array().expect("three attempts");
    let began: Vec<f64> = tries.iter().filter_map(|it| it["at_ms"].as_f64()).collect();
    assert_eq!(began.len(), 3);
    for two in began.windows(2) {
        assert!(two[1] - two[0] >= 500.0, "{began:?}");
    }
}

#[test]
fn idle_client_saves_up_no_turns() {
    let server = RawServer::accepting(Scheme::Http);
    let client = client(&server.options_with(json!({ "messages_per_second": 10 })));
    for _ in 0..2 {
        thread::sleep(Duration::from_millis(400));
        let began = Instant::now();
        for _ in 0..3 {
            client.send(&message("tag")).assert_status("ok");
        }
        // The first leaves at once, and the third two turns later.
        assert!(began.elapsed() >= Duration::from_millis(200));
    }
}
