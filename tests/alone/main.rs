//! What measures the whole process, in which nothing else may happen meanwhile: one test.

use std::fs;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use support::api::{Cancel, client, message};
use support::raw_server::{RawServer, Scheme};

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
    let began = Instant::now();
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
        // A thousand threads that looked again each 100 ms would have woken 20,000 times.
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
    let turns = 1 + began.elapsed().as_secs() as usize / 2;
    assert!((2..=turns).contains(&sent), "{sent}, and {turns} turns");
}
