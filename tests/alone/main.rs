//! What measures the whole process, in which nothing else may happen meanwhile: one test.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use support::api::{Cancel, client, message};
use support::raw_server::{RawServer, Scheme};

/// The processor time of the process, and how often its threads gave up the processor, those
/// that have ended included.
fn cost() -> (Duration, i64) {
    // SAFETY: A C struct of numbers, for which zero is a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: `usage` is writable for the call.
    assert_eq!(
        unsafe { libc::getrusage(libc::RUSAGE_SELF, &raw mut usage) },
        0
    );
    let time = |of: libc::timeval| {
        Duration::from_secs(of.tv_sec as u64) + Duration::from_micros(of.tv_usec as u64)
    };
    (time(usage.ru_utime) + time(usage.ru_stime), usage.ru_nvcsw)
}

#[test]
fn a_thousand_waiters_cost_no_processor_time_while_they_wait() {
    const WAITERS: usize = 1000;
    let server = RawServer::accepting(Scheme::Http);
    let client = client(&server.options_with(json!({
        "messages_per_second": 1,
        "timeout_ms": 3_600_000,
    })));
    let began = Instant::now();
    let cancel = Cancel::new();
    let started = AtomicUsize::new(0);
    let statuses = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..WAITERS {
            thread::Builder::new()
                .stack_size(128 * 1024)
                .spawn_scoped(scope, || {
                    started.fetch_add(1, Ordering::Relaxed);
                    let reply = client.send_cancellable(&message("tag"), &cancel);
                    statuses.lock().expect("no panic").push(reply);
                })
                .expect("a thread");
        }
        while started.load(Ordering::Relaxed) < WAITERS {
            thread::sleep(Duration::from_millis(10));
        }
        // All of them wait.
        thread::sleep(Duration::from_millis(500));
        let (time_before, switches_before) = cost();
        thread::sleep(Duration::from_secs(1));
        let (time, switches) = cost();
        cancel.now();
        // A thousand threads that looked again each 100 ms would have woken 10,000 times.
        let (time, switches) = (time - time_before, switches - switches_before);
        assert!(switches < 1000, "{switches}");
        assert!(time < Duration::from_millis(200), "{time:?}");
    });
    let replies = statuses.into_inner().expect("no panic");
    assert_eq!(replies.len(), WAITERS);
    let sent = replies.iter().filter(|it| it.status() == "ok").count();
    let turns = 1 + began.elapsed().as_secs() as usize;
    assert!((2..=turns).contains(&sent), "{sent}, and {turns} turns");
}
