//! Requests that are cut short: the server reads a part, says something, and reads no more. What it
//! said counts where it says no; anything else is no response to a message that never came whole.

use std::io;
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::json;
use support::api::{Reply, client, message, message_with_more};
use support::early::{EarlyResponse, early_responses, nothing};
use support::parallel::in_parallel;
use support::punctuality::at_once;
use support::raw_server::{Peer, RawServer, Scheme, accepted, narrow_listener, response};

/// How the server ends what it sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ending {
    /// With a FIN, before which comes a `close_notify` over TLS. It stays there, and does not read.
    CloseOutput,
    /// With a FIN alone.
    CloseBareOutput,
    Reset,
    /// Not at all: the response is all that comes.
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

/// A server that reads no more than a part of the large message on its first connection, and does
/// `then`; on others it accepts messages.
fn cutting_short(
    scheme: Scheme,
    on: On,
    then: impl Fn(&mut Peer) -> io::Result<()> + Send + Sync + 'static,
) -> RawServer {
    cutting_short_on(narrow_listener(), scheme, on, then)
}

fn cutting_short_on(
    listener: TcpListener,
    scheme: Scheme,
    on: On,
    then: impl Fn(&mut Peer) -> io::Result<()> + Send + Sync + 'static,
) -> RawServer {
    RawServer::on(listener, scheme, move |peer| {
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
    let reply = at_once(|| client.send(&large));
    drop(client);
    let requests = server.finish();
    let count = requests.iter().filter(|it| it.body == large).count();
    (reply, count)
}

/// Each takes a processor, to make and check a large message.
const WORKERS: usize = 4;

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

/// That the call ended as it should for that response.
fn assert_ended_as(
    early: &EarlyResponse,
    reply: &Reply,
    max_retries: u32,
    count: usize,
    case: &str,
) {
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
        let told = reply.json["http_status"].to_string();
        assert_eq!(code, Some(&*told), "{case}");
        assert!(
            early.is_refusal() || reply.message().contains(&told),
            "{case}"
        );
    }
}

fn assert_each_response(ending: Ending, connections: &[(Scheme, On)]) {
    let mut cases = Vec::new();
    for (number, early) in early_responses("own", "first").into_iter().enumerate() {
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
    in_parallel(WORKERS, cases, |(scheme, on, early, size, max_retries)| {
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
    assert!(lost < all / 4, "{lost} of {all} responses were lost");
}

const EVERY: [(Scheme, On); 4] = [
    (Scheme::Http, On::New),
    (Scheme::Http, On::Kept),
    (Scheme::Https, On::Kept),
    (Scheme::Https, On::New),
];

#[test]
fn early_response_before_a_fin_counts_only_where_it_says_no() {
    assert_each_response(Ending::CloseOutput, &EVERY);
}

#[test]
fn early_response_before_a_bare_fin_over_tls_counts_only_where_it_says_no() {
    assert_each_response(Ending::CloseBareOutput, &EVERY[2..]);
}

#[test]
fn early_response_before_a_reset_counts_only_where_it_says_no() {
    assert_each_response(Ending::Reset, &EVERY);
}

#[test]
fn early_response_of_a_peer_that_stays_counts_only_where_it_says_no() {
    assert_each_response(Ending::Stay, &EVERY[1..3]);
}

/// A kernel takes megabytes for a peer on the same machine, whose own buffer is smaller: the whole of the
/// message would be handed over, and most of it could not leave.
#[test]
fn early_response_of_a_peer_with_buffers_of_the_usual_size_counts_only_where_it_says_no() {
    let mut cases = Vec::new();
    for early in early_responses("own", "first") {
        for (place, (scheme, on)) in EVERY.into_iter().enumerate() {
            let endings = [Ending::CloseOutput, Ending::CloseBareOutput];
            cases.push((scheme, on, early.clone(), endings[place % 2]));
        }
    }
    in_parallel(WORKERS, cases, |(scheme, on, early, ending)| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let bytes = early.bytes.clone();
        let server = cutting_short_on(listener, scheme, on, move |peer| {
            peer.send(&bytes)?;
            end(peer, ending)
        });
        let (reply, count) = send_to(server, on, LARGER, 0);
        let case = format!("{scheme:?}, {on:?}, {ending:?}, {}: {reply:?}", early.case);
        assert_ended_as(&early, &reply, 0, count, &case);
    });
}

#[test]
fn delay_that_an_early_response_asks_for_is_kept() {
    for scheme in [Scheme::Http, Scheme::Https] {
        let page = response(503, "retry-after: 1\r\n", "<html>");
        let server = cutting_short(scheme, On::New, move |peer| {
            peer.send(&page)?;
            end(peer, Ending::CloseOutput)
        });
        let client = client(&server.options_with(json!({ "max_retries": 1, "tries": true })));
        let reply = client.send(&message_with_more("own", LARGE));
        reply.assert_status("ok");
        let pause = reply.json["tries"][0]["pause_ms"].as_f64();
        assert!(pause.is_some_and(|it| it >= 1000.0), "{reply:?}");
    }
}

#[test]
fn what_an_early_response_said_is_told() {
    let page = response(503, "retry-after: 70\r\n", "<html>");
    let server = cutting_short(Scheme::Http, On::New, move |peer| {
        peer.send(&page)?;
        end(peer, Ending::CloseOutput)
    });
    let (reply, _) = send_to(server, On::New, LARGE, 2);
    reply.assert_status("not_sent");
    assert_eq!((reply.attempts(), reply.retryable()), (1, Some(true)));
    assert_eq!(reply.json["http_status"], 503);
    assert_eq!(reply.retry_after(), Some(Duration::from_secs(70)));
    assert_eq!(reply.json["response"], "<html>");
}

/// It says that a response is on its way, and that may take the whole of the request.
#[test]
fn interim_responses_in_the_middle_of_a_request_do_not_cut_it_short() {
    let interim = [
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n",
        "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n",
    ];
    let mut cases = Vec::new();
    for interim in interim {
        for (scheme, on) in EVERY {
            for cut in [1, 4, 8, 9, 10, 20] {
                cases.push((interim, cut, scheme, on));
            }
        }
    }
    in_parallel(WORKERS, cases, |(interim, cut, scheme, on)| {
        let server = RawServer::on(narrow_listener(), scheme, move |peer| {
            peer.handshake()?;
            if on == On::Kept {
                let tag = peer.request()?.tag();
                peer.send(&accepted(&tag))?;
            }
            // In parts, with the client's write blocked before, between and after them.
            let (first, second) = interim.split_at(cut);
            let (middle, last) = second.split_at(second.len().min(8));
            for part in [first, middle, last] {
                thread::sleep(Duration::from_millis(50));
                peer.send(part.as_bytes())?;
            }
            thread::sleep(Duration::from_millis(100));
            peer.serve()
        });
        let (reply, count) = send_to(server, on, LARGER, 0);
        let case = format!("{scheme:?}, {on:?}, {interim:?} cut at {cut}: {reply:?}");
        assert_eq!((reply.status(), count), ("ok", 1), "{case}");
    });
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
    in_parallel(WORKERS, cases, |(farewell, on)| {
        let server = cutting_short(Scheme::Https, on, move |peer| {
            farewell.say(peer)?;
            peer.stop();
            Ok(())
        });
        let (reply, count) = send_to(server, on, LARGER, 0);
        let case = format!("{farewell:?}, {on:?}: {reply:?}");
        assert_eq!((reply.status(), count), ("not_sent", 0), "{case}");
        let reason = match farewell {
            Farewell::PlainAlert | Farewell::UnreadableRecord => "DecryptError",
            Farewell::EncryptedAlert | Farewell::OverlongRecord | Farewell::NoRecord => "TLS",
            Farewell::CloseNotify => "disconnected",
        };
        assert!(reply.message().contains(reason), "{case}");
    });
}
