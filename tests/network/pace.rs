//! `messages_per_second`: a client's attempts leave evenly, in the order in which they came.

use std::fs;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use support::api::{Cancel, client, message};
use support::punctuality::{Watch, within};
use support::raw_server::{RawServer, Scheme, answer};

#[test]
fn a_hundred_messages_of_ten_threads_at_fifty_a_second_take_two_seconds() {
    let server = RawServer::accepting(Scheme::Http);
    let client = client(&server.options_with(json!({ "messages_per_second": 50 })));
    let watch = Watch::start();
    thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| {
                for _ in 0..10 {
                    client.send(&message("tag")).assert_status("ok");
                }
            });
        }
    });
    let took = watch.elapsed();
    assert!(took >= Duration::from_millis(1900), "{took:?}");
    watch.assert_at_most(Duration::from_millis(2400), took);
    let mut arrivals: Vec<Instant> = server.requests().iter().map(|it| it.arrived).collect();
    arrivals.sort();
    assert_eq!(arrivals.len(), 100);
    for (index, first) in arrivals.iter().enumerate() {
        let half_second = *first + Duration::from_millis(500);
        let count = arrivals[index..]
            .iter()
            .take_while(|arrival| **arrival < half_second)
            .count();
        assert!(count <= 30, "{count} messages in half a second");
    }
}

#[test]
fn turn_of_a_cancelled_call_is_the_next_ones() {
    let server = RawServer::accepting(Scheme::Http);
    let client = client(&server.options_with(json!({ "messages_per_second": 4 })));
    client.send(&message("first")).assert_status("ok");
    let cancel = Cancel::new();
    let began = Instant::now();
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
        // The turn after the first: 250 ms, where its own would have been the fifth.
        let took = last.join().expect("no panic");
        let turn = Duration::from_millis(150)..Duration::from_millis(800);
        assert!(turn.contains(&took), "{took:?}");
    });
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn call_that_is_cancelled_beforehand_takes_no_turn_and_sends_nothing() {
    for scheme in [Scheme::Http, Scheme::Https] {
        let server = RawServer::accepting(scheme);
        let client = client(&server.options_with(json!({ "messages_per_second": 2 })));
        client.send(&message("first")).assert_status("ok");
        // The next turn is free by then.
        thread::sleep(Duration::from_millis(600));
        let cancel = Cancel::new();
        cancel.now();
        for _ in 0..3 {
            let reply = client.send_cancellable(&message("cancelled"), &cancel);
            reply.assert_status("not_sent");
            assert_eq!(reply.attempts(), 0, "{reply:?}");
        }
        within(Duration::from_millis(300), || client.send(&message("last"))).assert_status("ok");
        assert_eq!(server.requests().len(), 2);
    }
}

#[test]
fn turn_that_comes_too_late_ends_the_call_at_once() {
    let server = RawServer::accepting(Scheme::Http);
    let client = client(&server.options_with(json!({ "messages_per_second": 0.05 })));
    client.send(&message("tag")).assert_status("ok");
    let short = json!({ "timeout_ms": 10_000, "tries": true });
    for _ in 0..3 {
        let reply = within(Duration::from_millis(100), || {
            client.send_with(&message("tag"), &short)
        });
        reply.assert_status("busy");
        assert_eq!((reply.attempts(), reply.retryable()), (0, Some(true)));
        let delay = reply.retry_after().expect("a delay");
        assert!(
            (Duration::from_secs(15)..=Duration::from_secs(20)).contains(&delay),
            "{delay:?}"
        );
        assert!(reply.message().contains("messages_per_second"), "{reply:?}");
    }
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn retries_take_turns_too() {
    let refusal = answer(
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

/// Clock ticks, of which there are a hundred a second, and how often its threads gave up the
/// processor.
fn cost() -> (u64, u64) {
    let stat = fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split(' ')
        .collect();
    let ticks = |index: usize| fields[index].parse::<u64>().expect("a number");
    let switches = fs::read_dir("/proc/self/task")
        .expect("Linux")
        .filter_map(|task| fs::read_to_string(task.ok()?.path().join("status")).ok())
        .filter_map(|status| {
            let line = status
                .lines()
                .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
            line.trim().parse::<u64>().ok()
        })
        .sum();
    (ticks(12) + ticks(13), switches)
}

#[test]
fn a_thousand_waiters_cost_no_processor_time_while_they_wait() {
    const WAITERS: usize = 1000;
    let server = RawServer::accepting(Scheme::Http);
    let client = client(&server.options_with(json!({
        "messages_per_second": 0.5,
        "timeout_ms": 3_600_000,
    })));
    let cancel = Cancel::new();
    let statuses = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..WAITERS {
            thread::Builder::new()
                .stack_size(128 * 1024)
                .spawn_scoped(scope, || {
                    let reply = client.send_cancellable(&message("tag"), &cancel);
                    statuses.lock().expect("no panic").push(reply);
                })
                .expect("a thread");
        }
        // All of them wait, and the first turns have passed.
        thread::sleep(Duration::from_secs(3));
        let (ticks_before, switches_before) = cost();
        thread::sleep(Duration::from_secs(2));
        let (ticks, switches) = cost();
        cancel.now();
        // Other tests run beside this one: a thousand threads that looked again each 100 ms would
        // have woken 20,000 times.
        assert!(
            switches - switches_before < 2000,
            "{}",
            switches - switches_before
        );
        assert!(ticks - ticks_before < 40, "{} ticks", ticks - ticks_before);
    });
    let replies = statuses.into_inner().expect("no panic");
    assert_eq!(replies.len(), WAITERS);
    let sent = replies.iter().filter(|it| it.status() == "ok").count();
    assert!((2..=5).contains(&sent), "{sent}");
}
