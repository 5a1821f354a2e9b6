//! What is retryable is tried again, not too soon and not too often; nothing else is.

use std::io;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, SystemTime};

use serde_json::json;
use support::api::{client, message, timed};
use support::punctuality::{at_once, within};
use support::raw_server::{Peer, RawServer, Request, Scheme, response};

const BUSY: &str = r#"{"success":false,"message":"Slow down."}"#;

/// Turns the first `times` messages away, and accepts the next.
fn busy(times: usize, headers: &str) -> RawServer {
    refusing(times, response(429, headers, BUSY))
}

/// The same for no reason that takes time to pass.
fn failing(times: usize) -> RawServer {
    refusing(times, response(500, "", BUSY))
}

fn refusing(times: usize, refusal: Vec<u8>) -> RawServer {
    RawServer::start(Scheme::Http, move |peer| {
        for _ in 0..times {
            peer.request()?;
            peer.send(&refusal)?;
        }
        peer.serve()
    })
}

fn between(requests: &[Request]) -> Duration {
    requests[1].arrived.duration_since(requests[0].arrived)
}

#[test]
fn busy_api_is_asked_again_until_it_accepts() {
    for server in [busy(1, ""), failing(1)] {
        let reply = client(&server.options()).send(&message("tag"));
        reply.assert_status("ok");
        assert_eq!(reply.attempts(), 2);
        assert_eq!(server.requests().len(), 2);
    }
}

#[test]
fn retries_end_with_max_retries() {
    for max_retries in 0..4 {
        let server = failing(usize::MAX);
        let options = json!({ "max_retries": max_retries, "timeout_ms": 20_000 });
        let reply = client(&server.options_with(options)).send(&message("tag"));
        reply.assert_status("rejected");
        assert_eq!(reply.retryable(), Some(true));
        assert_eq!(reply.attempts(), max_retries + 1);
        assert_eq!(server.requests().len() as u64, max_retries + 1);
    }
}

#[test]
fn by_default_there_are_two_retries() {
    let server = failing(usize::MAX);
    assert_eq!(
        client(&server.options()).send(&message("tag")).attempts(),
        3
    );
}

#[test]
fn pauses_differ_from_call_to_call() {
    let server = failing(usize::MAX);
    let client = client(&server.options_with(json!({ "max_retries": 1 })));
    let pauses: Vec<Duration> = (0..12)
        .map(|_| timed(|| client.send(&message("tag"))).1)
        .collect();
    let (least, most) = (pauses.iter().min(), pauses.iter().max());
    let spread = *most.expect("some") - *least.expect("some");
    // Twelve times anything up to 250 ms: all within 50 ms would be a chance of one in a million.
    assert!(spread > Duration::from_millis(50), "{pauses:?}");
}

#[test]
fn retry_after_in_seconds_is_waited_for() {
    let server = busy(1, "retry-after: 1\r\n");
    let reply = client(&server.options()).send(&message("tag"));
    reply.assert_status("ok");
    let pause = between(&server.requests());
    assert!(pause >= Duration::from_secs(1), "{pause:?}");
}

#[test]
fn retry_after_with_decimals_is_waited_for() {
    for (field, least) in [("2.0", 2), ("0.5", 1)] {
        let server = busy(1, &format!("retry-after: {field}\r\n"));
        client(&server.options())
            .send(&message("tag"))
            .assert_status("ok");
        let pause = between(&server.requests());
        assert!(pause >= Duration::from_secs(least), "{field}: {pause:?}");
    }
}

#[test]
fn the_longest_of_several_retry_after_counts() {
    let server = busy(
        1,
        "retry-after: 0\r\nretry-after: 1\r\nretry-after: soon\r\n",
    );
    client(&server.options())
        .send(&message("tag"))
        .assert_status("ok");
    assert!(between(&server.requests()) >= Duration::from_secs(1));
}

#[test]
fn busy_api_that_names_no_delay_is_left_alone_for_a_second_and_then_for_four() {
    let server = busy(2, "");
    client(&server.options())
        .send(&message("tag"))
        .assert_status("ok");
    let requests = server.requests();
    for (index, least) in [(0, 1), (1, 4)] {
        let pause = between(&requests[index..]);
        assert!(pause >= Duration::from_secs(least), "{pause:?}");
    }
}

#[test]
fn calls_that_were_turned_away_together_do_not_come_back_together() {
    const THREADS: usize = 16;
    let all_turned_away = Barrier::new(THREADS);
    let refusal = response(429, "retry-after: 1\r\n", BUSY);
    let server = RawServer::start(Scheme::Http, move |peer| {
        peer.request()?;
        all_turned_away.wait();
        peer.send(&refusal)?;
        peer.serve()
    });
    let client = client(&server.options());
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| client.send(&message("tag")).assert_status("ok"));
        }
    });
    let requests = server.requests();
    assert_eq!(requests.len(), 2 * THREADS);
    let returns: Vec<Duration> = requests[THREADS..]
        .iter()
        .map(|request| {
            request
                .arrived
                .duration_since(requests[THREADS - 1].arrived)
        })
        .collect();
    let (first, last) = (returns[0], returns[THREADS - 1]);
    assert!(first >= Duration::from_secs(1), "{returns:?}");
    // Sixteen times anything up to 250 ms: all within 100 ms would be a chance of one in 100,000.
    assert!(last - first > Duration::from_millis(100), "{returns:?}");
}

#[test]
fn retry_after_that_names_no_time_to_come_is_none() {
    let date = |time: SystemTime| httpdate::fmt_http_date(time);
    let (now, hour) = (SystemTime::now(), Duration::from_secs(3600));
    let fields = [
        "retry-after: 0\r\n".to_owned(),
        "retry-after: 0.0\r\nretry-after: 00\r\n".to_owned(),
        "retry-after: Thu, 01 Jan 1970 00:00:00 GMT\r\n".to_owned(),
        format!("retry-after: {}\r\n", date(now - hour)),
        // Past for whoever wrote it, however this machine's clock is.
        format!(
            "date: {}\r\nretry-after: {}\r\n",
            date(now + hour * 2),
            date(now + hour)
        ),
        format!("date: {0}\r\nretry-after: {0}\r\n", date(now + hour)),
    ];
    thread::scope(|scope| {
        for field in fields {
            scope.spawn(move || {
                let server = busy(usize::MAX, &field);
                let client = client(&server.options_with(json!({ "max_retries": 1 })));
                let reply = client.send(&message("tag"));
                reply.assert_status("busy");
                assert_eq!(reply.retry_after(), None, "{field}: {reply:?}");
                let pause = between(&server.requests());
                assert!(pause >= Duration::from_secs(1), "{field}: {pause:?}");
            });
        }
    });
}

#[test]
fn retry_after_as_a_date_is_measured_by_the_clock_of_whoever_wrote_it() {
    let date = |time: SystemTime| httpdate::fmt_http_date(time);
    let now = SystemTime::now();
    let skew = Duration::from_secs;
    let skewed = [
        now,
        now - skew(8),
        now + skew(8),
        now - skew(3600),
        now + skew(3600),
        SystemTime::UNIX_EPOCH,
    ];
    thread::scope(|scope| {
        for their_now in skewed {
            scope.spawn(move || {
                let soon = date(their_now + skew(2));
                let fields = format!("Date: {}\r\nRetry-After: {soon}\r\n", date(their_now));
                let server = busy(1, &fields);
                let options = server.options_with(json!({ "tries": true }));
                let reply = client(&options).send(&message("tag"));
                assert_eq!(
                    (reply.status(), reply.attempts()),
                    ("ok", 2),
                    "{fields}: {reply:?}"
                );
                let pause = between(&server.requests());
                assert!(pause >= skew(2), "{fields}: {pause:?}");

                let late = date(their_now + skew(60));
                let fields = format!("Date: {}\r\nRetry-After: {late}\r\n", date(their_now));
                let server = busy(1, &fields);
                let reply = client(&server.options()).send(&message("tag"));
                assert_eq!((reply.status(), reply.attempts()), ("busy", 1), "{fields}");
                assert_eq!(reply.retry_after(), Some(skew(60)), "{fields}");
            });
        }
    });
}

#[test]
fn retry_after_as_a_date_is_waited_for() {
    // A date has whole seconds: this one is between one and two of them away.
    let date = SystemTime::now() + Duration::from_secs(2);
    let field = httpdate::fmt_http_date(date);
    let whole_second = httpdate::parse_http_date(&field).expect("a date");
    let server = busy(1, &format!("retry-after: {field}\r\n"));
    client(&server.options())
        .send(&message("tag"))
        .assert_status("ok");
    assert_eq!(server.requests().len(), 2);
    let since_arrival = server.requests()[1].arrived.elapsed();
    assert!(SystemTime::now() - since_arrival >= whole_second);
}

#[test]
fn wait_that_does_not_fit_ends_the_call_at_once() {
    let server = busy(usize::MAX, "retry-after: 60\r\n");
    let client = client(&server.options_with(json!({ "timeout_ms": 30_000 })));
    let reply = at_once(|| client.send(&message("tag")));
    reply.assert_status("busy");
    assert_eq!(reply.attempts(), 1);
    assert_eq!(reply.retryable(), Some(true));
    assert_eq!(reply.retry_after(), Some(Duration::from_secs(60)));

    let soon = SystemTime::now() + Duration::from_secs(60);
    let field = httpdate::fmt_http_date(soon);
    let server = busy(usize::MAX, &format!("retry-after: {field}\r\n"));
    let client = support::api::client(&server.options());
    let reply = at_once(|| client.send(&message("tag")));
    let delay = reply.retry_after().expect("a delay");
    assert!((30_000..=60_000).contains(&delay.as_millis()), "{delay:?}");
}

#[test]
fn absurd_retry_after_ends_the_call_at_once() {
    for absurd in [
        "99999999999999999999999999",
        "18446744073709551615",
        "4294967296",
    ] {
        let server = busy(usize::MAX, &format!("retry-after: {absurd}\r\n"));
        let client = client(&server.options());
        let reply = at_once(|| client.send(&message("tag")));
        reply.assert_status("busy");
        assert!(
            reply.retry_after() > Some(Duration::from_secs(4_294_967)),
            "{reply:?}"
        );
    }
}

#[test]
fn call_that_waits_to_try_again_keeps_its_deadline() {
    let server = failing(usize::MAX);
    let timeout = Duration::from_secs(1);
    let options = json!({ "max_retries": 100, "timeout_ms": timeout.as_millis() });
    let client = client(&server.options_with(options));
    // A machine that is busy may let it end in an attempt, and not between two.
    let ended_between_two = (0..10).any(|_| {
        let reply = within(timeout, || client.send(&message("tag")));
        reply.status() == "rejected" && reply.attempts() > 1
    });
    assert!(ended_between_two);
}

#[test]
fn what_may_have_been_queued_is_never_sent_again() {
    fn read_and_close(peer: &mut Peer) -> io::Result<()> {
        peer.request().map(drop)
    }

    let html = || response(502, "", "<html>");
    let servers = [
        RawServer::start(Scheme::Http, read_and_close),
        RawServer::start(Scheme::Https, read_and_close),
        RawServer::responding(Scheme::Http, html()),
        RawServer::responding(Scheme::Https, html()),
    ];
    for server in servers {
        let client = client(&server.options_with(json!({ "max_retries": 10 })));
        let reply = client.send(&message("tag"));
        reply.assert_status("outcome_unknown");
        assert_eq!((reply.attempts(), reply.retryable()), (1, Some(false)));
        assert_eq!((server.requests().len(), server.connections()), (1, 1));
    }
}

#[test]
fn what_cannot_have_been_received_is_sent_again() {
    let server = RawServer::start(Scheme::Https, |peer| match peer.number {
        0 | 1 => Ok(()),
        _ => peer.serve(),
    });
    let reply = client(&server.options()).send(&message("tag"));
    reply.assert_status("ok");
    assert_eq!((reply.attempts(), server.requests().len()), (3, 1));
}

#[test]
fn refusal_that_will_not_change_is_not_repeated() {
    for (code, status) in [(400, "rejected"), (401, "unauthorized"), (404, "rejected")] {
        let server = RawServer::responding(Scheme::Http, response(code, "", BUSY));
        let reply = client(&server.options()).send(&message("tag"));
        reply.assert_status(status);
        assert_eq!(reply.attempts(), 1);
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn each_retry_of_a_message_is_the_same_message() {
    let server = failing(2);
    client(&server.options())
        .send(&message("tag"))
        .assert_status("ok");
    let requests = server.requests();
    assert_eq!(requests.len(), 3);
    for request in &requests {
        assert_eq!(request.body, message("tag"));
        assert_eq!(request.head, requests[0].head);
    }
}
