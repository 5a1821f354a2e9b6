//! Requests that are cut short: the server reads a part, says something, and reads no more. What it
//! said counts where it says no; anything else is no answer to a message that never came whole.

#[path = "support/network.rs"]
mod support;

use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::json;
use support::api::{Reply, client, message, message_with_more};
use support::early::{EarlyAnswer, early_answers, nothing};
use support::punctuality::within;
use support::raw_server::{Peer, RawServer, Scheme, accepted, narrow_listener};

/// How the server ends what it sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ending {
    /// With a FIN, before which comes a `close_notify` over TLS. It stays there, and does not read.
    CloseOutput,
    /// With a FIN alone.
    CloseBareOutput,
    Reset,
    /// Not at all: the answer is all that comes.
    Stay,
}

/// The connection that the request is cut short on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum On {
    New,
    /// Another message went over it before.
    Kept,
}

const CONNECTIONS: [On; 2] = [On::New, On::Kept];

/// Far more than the two kernels take between them, for a peer that reads next to nothing.
const LARGE: usize = 300 * 1024;
const LARGER: usize = 900 * 1024;

/// What the server reads of the request.
const READ: usize = 1000;

/// Nothing here has to wait for its time to run out.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Back-off and a busy machine included.
const SOON: Duration = Duration::from_secs(5);

/// A server that reads no more than a part of the large message on its first connection, and does
/// `then`; on others it accepts messages.
fn cutting_short(
    scheme: Scheme,
    on: On,
    then: impl Fn(&mut Peer) -> io::Result<()> + Send + Sync + 'static,
) -> RawServer {
    RawServer::on(narrow_listener(), scheme, move |peer| {
        if peer.number > 0 {
            return peer.serve();
        }
        peer.handshake()?;
        if on == On::Kept {
            let tag = peer.request()?.tag();
            peer.send(&accepted(&tag))?;
        }
        peer.read_at_most(READ);
        assert!(peer.request().is_err(), "all of it came");
        then(peer)
    })
}

/// Sends the large message. Gives the reply, and how often it came whole.
fn send_to(server: RawServer, on: On, size: usize, max_retries: u32) -> (Reply, usize) {
    let client = client(&server.options_with(json!({
        "timeout_ms": TIMEOUT.as_millis(),
        "max_retries": max_retries,
    })));
    if on == On::Kept {
        client.send(&message("first")).assert_status("ok");
    }
    let large = message_with_more("own", size);
    let reply = within(SOON, || client.send(&large));
    drop(client);
    let requests = server.finish();
    let count = requests.iter().filter(|it| it.body == large).count();
    (reply, count)
}

fn in_parallel<C: Send>(cases: Vec<C>, run: impl Fn(C) + Sync) {
    let cases = Mutex::new(cases.into_iter());
    let next = || cases.lock().expect("no case panics in here").next();
    thread::scope(|scope| {
        // Each takes a processor, to make and check a large message.
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(case) = next() {
                    run(case);
                }
            });
        }
    });
}

fn end(peer: &mut Peer, ending: Ending) -> io::Result<()> {
    match ending {
        Ending::CloseOutput => peer.close_output()?,
        Ending::CloseBareOutput => peer.close_bare_output()?,
        Ending::Reset => return peer.end(support::raw_server::Ending::Reset),
        Ending::Stay => {}
    }
    peer.stop();
    Ok(())
}

/// That the call ended as it should for that answer.
fn assert_ended_as(early: &EarlyAnswer, reply: &Reply, max_retries: u32, count: usize, case: &str) {
    if early.retryable && max_retries > 0 {
        let outcome = (reply.status(), reply.attempts(), count);
        assert_eq!(outcome, ("ok", 2, 1), "{case}");
        return;
    }
    let outcome = (reply.status(), reply.retryable(), reply.attempts(), count);
    let expected = (early.status, Some(early.retryable), 1, 0);
    assert_eq!(outcome, expected, "{case}");
    if early.is_whole {
        let code = String::from_utf8_lossy(&early.bytes);
        let code = code.rsplit("HTTP/1.1 ").next().and_then(|it| it.get(..3));
        let told = if early.is_refusal() {
            reply.json["http_status"].to_string()
        } else {
            reply.message().to_owned()
        };
        assert!(code.is_some_and(|code| told.contains(code)), "{case}");
    }
}

fn assert_each_answer(ending: Ending, connections: &[(Scheme, On)]) {
    let mut cases = Vec::new();
    for (number, early) in early_answers("own", "first").into_iter().enumerate() {
        // The rest of it might still come, and would be waited for.
        if ending == Ending::Stay && (!early.is_whole || early.case.contains("cut")) {
            continue;
        }
        let size = if number % 8 == 0 { LARGER } else { LARGE };
        for (place, (scheme, on)) in connections.iter().enumerate() {
            let max_retries = u32::from((number + place) % 2 == 0);
            cases.push((*scheme, *on, early.clone(), size, max_retries));
        }
    }
    let lost = AtomicUsize::new(0);
    let all = cases.len();
    in_parallel(cases, |(scheme, on, early, size, max_retries)| {
        let bytes = early.bytes.clone();
        let server = cutting_short(scheme, on, move |peer| {
            peer.send(&bytes)?;
            end(peer, ending)
        });
        let (reply, count) = send_to(server, on, size, max_retries);
        let case = format!("{scheme:?}, {on:?}, {ending:?}, {}: {reply:?}", early.case);
        let is_repeated = early.retryable && max_retries > 0;
        let status = if is_repeated { "ok" } else { early.status };
        // A reset may overtake what came before it.
        let is_lost = ending == Ending::Reset && reply.status() != status;
        lost.fetch_add(usize::from(is_lost), Ordering::SeqCst);
        let early = if is_lost { nothing() } else { early };
        assert_ended_as(&early, &reply, max_retries, count, &case);
    });
    let lost = lost.into_inner();
    assert!(lost < all / 4, "{lost} of {all} answers were lost");
}

const EVERY: [(Scheme, On); 4] = [
    (Scheme::Http, On::New),
    (Scheme::Http, On::Kept),
    (Scheme::Https, On::Kept),
    (Scheme::Https, On::New),
];

#[test]
fn early_answer_before_a_fin_counts_only_where_it_says_no() {
    assert_each_answer(Ending::CloseOutput, &EVERY);
}

#[test]
fn early_answer_before_a_bare_fin_over_tls_counts_only_where_it_says_no() {
    assert_each_answer(Ending::CloseBareOutput, &EVERY[2..]);
}

#[test]
fn early_answer_before_a_reset_counts_only_where_it_says_no() {
    assert_each_answer(Ending::Reset, &EVERY);
}

#[test]
fn early_answer_of_a_peer_that_stays_counts_only_where_it_says_no() {
    assert_each_answer(Ending::Stay, &EVERY[1..3]);
}

/// What a peer says over TLS that ends a session.
#[derive(Clone, Copy, Debug)]
enum Farewell {
    PlainAlert,
    EncryptedAlert,
    UnreadableRecord,
    OverlongRecord,
    NoRecord,
    CloseNotify,
}

const FAREWELLS: [Farewell; 6] = [
    Farewell::PlainAlert,
    Farewell::EncryptedAlert,
    Farewell::UnreadableRecord,
    Farewell::OverlongRecord,
    Farewell::NoRecord,
    Farewell::CloseNotify,
];

impl Farewell {
    fn say(self, peer: &mut Peer) -> io::Result<()> {
        match self {
            // Fatal, and an internal error (RFC 8446, section 6.2).
            Farewell::PlainAlert => peer.send_raw(&[21, 3, 3, 0, 2, 2, 80]),
            Farewell::EncryptedAlert => peer.send_fatal_alert(),
            Farewell::UnreadableRecord => {
                peer.send_raw(&[&[23, 3, 3, 0, 32][..], &[7; 32]].concat())
            }
            Farewell::OverlongRecord => peer.send_raw(&[23, 3, 3, 0xff, 0xff]),
            Farewell::NoRecord => peer.send_raw(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
            Farewell::CloseNotify => peer.send_close_notify(),
        }
    }
}

#[test]
fn a_tls_session_that_the_peer_ends_in_the_middle_ends_the_call_at_once_with_the_reason() {
    let mut cases = Vec::new();
    for farewell in FAREWELLS {
        for on in CONNECTIONS {
            cases.push((farewell, on));
        }
    }
    in_parallel(cases, |(farewell, on)| {
        let server = cutting_short(Scheme::Https, on, move |peer| {
            farewell.say(peer)?;
            peer.stop();
            Ok(())
        });
        let (reply, count) = send_to(server, on, LARGER, 0);
        let case = format!("{farewell:?}, {on:?}: {reply:?}");
        assert_eq!((reply.status(), count), ("not_sent", 0), "{case}");
        let reason = match farewell {
            Farewell::PlainAlert | Farewell::UnreadableRecord => "decrypt",
            Farewell::EncryptedAlert | Farewell::OverlongRecord | Farewell::NoRecord => "TLS",
            Farewell::CloseNotify => "disconnected",
        };
        assert!(reply.message().contains(reason), "{case}");
    });
}
