//! "At every byte": wherever a connection ends, a call's status is the true one, no message goes
//! out twice unless the first was turned away, and no call is late.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::json;
use support::api::{self, Reply, client, message};
use support::parallel;
use support::punctuality::{patiently, within};
use support::raw_server::{
    ENDINGS, Ending, Peer, RawServer, Request, SCHEMES, Scheme, accepted, narrow_listener, response,
};

/// For a call that ends before its time, back-off included.
const LONG: Duration = Duration::from_secs(30);

/// What goes over the wire in one exchange, on a connection of its own.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    /// The client's first flight; nothing over HTTP.
    hello: usize,
    /// All of the client's handshake; nothing over HTTP.
    client_handshake: usize,
    /// Handshake and request.
    client_total: usize,
    /// All that the server sends before its response.
    server_handshake: usize,
    /// Handshake and response.
    server_total: usize,
}

impl Sizes {
    fn measure(scheme: Scheme, response: &[u8]) -> Self {
        // A record: a header of 5 bytes, the kind of its content, and a tag of 16.
        let record = match scheme {
            Scheme::Http => 0,
            Scheme::Https => 22,
        };
        let (sender, passed) = std::sync::mpsc::channel();
        let sent = response.to_vec();
        let server = RawServer::start(scheme, move |peer| {
            let request = peer.request()?;
            peer.send(&sent)?;
            let request_bytes = request.head.len() + request.body.len();
            sender
                .send((peer.passed(), request_bytes))
                .expect("a receiver");
            Ok(())
        });
        client(&server.options_with(json!({ "max_retries": 0 }))).send(&message("tag"));
        let ((read, written), request_bytes) = passed.recv().expect("an exchange");
        Sizes {
            hello: hello_bytes(scheme),
            client_handshake: read - request_bytes - record,
            client_total: read,
            server_handshake: written - response.len() - record,
            server_total: written,
        }
    }

    /// Every byte of what matters, and some of the handshake before it.
    fn places(handshake: usize, total: usize) -> impl Iterator<Item = usize> {
        (0..handshake).step_by(7).chain(handshake..=total)
    }
}

/// The length of the first record that a TLS client sends.
fn hello_bytes(scheme: Scheme) -> usize {
    if scheme == Scheme::Http {
        return 0;
    }
    let (sender, length) = std::sync::mpsc::channel();
    let server = RawServer::start(Scheme::Http, move |peer| {
        let mut header = [0; 5];
        peer.read_exact(&mut header)?;
        let length = 5 + usize::from(u16::from_be_bytes([header[3], header[4]]));
        sender.send(length).expect("a receiver");
        Ok(())
    });
    let url = format!("https://{}", server.address());
    let options = server.options_with(json!({ "base_url": url, "max_retries": 0 }));
    client(&options).send(&message("tag"));
    length.recv().expect("a hello")
}

/// Sends a message to a server. Gives the reply, and the whole requests that came.
fn send_to(
    server: RawServer,
    message: &str,
    timeout: Duration,
    max_retries: u32,
) -> (Reply, Vec<Request>) {
    let client = client(&server.options_with(json!({
        "timeout_ms": timeout.as_millis(),
        "max_retries": max_retries,
    })));
    let reply = within(timeout, || client.send(message));
    drop(client);
    (reply, server.finish())
}

/// Sends a message to a server that ends in this way, which has to come to one of these outcomes.
fn comes_to(
    start: impl Fn() -> RawServer,
    ending: Ending,
    message: &str,
    max_retries: u32,
    possible: &[Outcome],
    case: &str,
) -> Reply {
    let send = |timeout| send_to(start(), message, timeout, max_retries);
    let (reply, requests) = match ending {
        // A call that can only end with its time.
        Ending::Stop => patiently(send, |(reply, requests)| {
            possible.contains(&(reply.status(), reply.attempts(), requests.len()))
                || !reply.message().contains("timed out")
        }),
        _ => send(LONG),
    };
    assert_outcome(&reply, &requests, possible, case);
    reply
}

fn server(
    scheme: Scheme,
    first: impl Fn(&mut Peer) -> io::Result<()> + Send + Sync + 'static,
) -> RawServer {
    RawServer::start(scheme, move |peer| match peer.number {
        0 => first(peer),
        _ => peer.serve(),
    })
}

/// Status, attempts, and whole requests at the server.
type Outcome = (&'static str, u64, usize);

const ACCEPTED: Outcome = ("ok", 1, 1);
const ACCEPTED_THE_SECOND_TIME: Outcome = ("ok", 2, 1);
const TURNED_AWAY_THEN_ACCEPTED: Outcome = ("ok", 2, 2);
const TURNED_AWAY: Outcome = ("busy", 1, 1);
const NOT_SENT: Outcome = ("not_sent", 1, 0);
/// The server may not have read what the kernel had taken.
const UNKNOWN: [Outcome; 2] = [UNKNOWN_UNREAD, UNKNOWN_READ];
const UNKNOWN_UNREAD: Outcome = ("outcome_unknown", 1, 0);
const UNKNOWN_READ: Outcome = ("outcome_unknown", 1, 1);

fn assert_outcome(reply: &Reply, requests: &[Request], possible: &[Outcome], case: &str) {
    let outcome = (reply.status(), reply.attempts(), requests.len());
    assert!(
        possible.contains(&outcome),
        "{case}: {outcome:?}, and not one of {possible:?}: {reply:?}"
    );
}

/// So many cases at a time: most of them wait.
const MANY: usize = 64;
/// So many where each takes time of a processor, too, to make and check a large message.
const FEW: usize = 16;

fn in_parallel<C: Send>(workers: usize, cases: Vec<C>, run: impl Fn(C) + Sync) {
    // One crowd at a time: two would make each other late.
    static CROWD: Mutex<()> = Mutex::new(());
    let _crowd = CROWD.lock().unwrap_or_else(PoisonError::into_inner);
    parallel::in_parallel(workers, cases, run);
}

#[test]
fn request_cut_at_every_byte_gets_the_true_status_and_goes_out_once() {
    for scheme in SCHEMES {
        let sizes = Sizes::measure(scheme, &accepted("tag"));
        let places = Sizes::places(sizes.client_handshake, sizes.client_total);
        let cases = places.flat_map(|k| ENDINGS.map(|ending| (k, ending)));
        in_parallel(MANY, cases.collect(), |(k, ending)| {
            let start = || {
                server(scheme, move |peer| {
                    peer.read_at_most(k);
                    // Fails, unless k is the whole of it.
                    let _ = peer.request();
                    peer.end(ending)
                })
            };
            let case = format!("{scheme:?}, {ending:?} after {k} bytes of {sizes:?}");
            let possible = after_part_of_a_request(k, ending, sizes);
            comes_to(start, ending, &message("tag"), 1, &possible, &case);
        });
    }
}

fn after_part_of_a_request(k: usize, ending: Ending, sizes: Sizes) -> Vec<Outcome> {
    let is_stopped = ending == Ending::Stop;
    if k < sizes.hello {
        // The client waits for the server's part of the handshake.
        return vec![if is_stopped {
            NOT_SENT
        } else {
            ACCEPTED_THE_SECOND_TIME
        }];
    }
    if is_stopped {
        // The kernel takes a request of this size at once, and the server reads it in the end.
        return vec![UNKNOWN_READ];
    }
    let may_be_early = k <= sizes.client_handshake;
    let mut possible = match k == sizes.client_total {
        true => vec![UNKNOWN_READ],
        false => vec![UNKNOWN_UNREAD],
    };
    if may_be_early {
        // The end may come before the request goes out.
        possible.push(ACCEPTED_THE_SECOND_TIME);
    }
    possible
}

#[test]
fn response_cut_at_every_byte_gets_the_true_status_and_the_message_is_not_repeated() {
    let accepting = accepted("tag");
    let turning_away = response(429, "retry-after: 0\r\n", r#"{"message":"Slow down."}"#);
    let head_bytes = |response: &[u8]| {
        let text = String::from_utf8_lossy(response);
        text.find("\r\n\r\n").expect("a head") + 4
    };
    for scheme in SCHEMES {
        for response in [&accepting, &turning_away] {
            let is_refusal = response == &turning_away;
            let sizes = Sizes::measure(scheme, response);
            let known_from = match scheme {
                Scheme::Http => head_bytes(response),
                // One record: nothing of it is known before all of it is.
                Scheme::Https => sizes.server_total,
            };
            let places = Sizes::places(sizes.server_handshake, sizes.server_total);
            let cases = places
                .flat_map(|k| ENDINGS.map(|ending| (k, ending)))
                // Whole, and nothing more to come: that is no cut.
                .filter(|case| *case != (sizes.server_total, Ending::Stop));
            in_parallel(MANY, cases.collect(), |(k, ending)| {
                let start = || {
                    let response = response.clone();
                    server(scheme, move |peer| {
                        peer.send_at_most(k);
                        let request = peer.request();
                        if request.is_ok() {
                            // Fails, unless k is the whole of it.
                            let _ = peer.send(&response);
                        }
                        peer.end(ending)
                    })
                };
                let is_stopped = ending == Ending::Stop;
                let case =
                    format!("{scheme:?}, {ending:?} after {k} bytes of the response in {sizes:?}");
                let possible = if k < sizes.server_handshake {
                    cut_handshake(is_stopped)
                } else if is_refusal && k >= known_from {
                    vec![match is_stopped {
                        true => TURNED_AWAY,
                        false => TURNED_AWAY_THEN_ACCEPTED,
                    }]
                } else if !is_refusal && k == sizes.server_total {
                    vec![ACCEPTED]
                } else {
                    vec![UNKNOWN_READ]
                };
                comes_to(start, ending, &message("tag"), 1, &possible, &case);
            });
        }
    }
}

/// The client's part may be over while the server's session tickets are still to come.
fn cut_handshake(is_stopped: bool) -> Vec<Outcome> {
    let mut possible = UNKNOWN.to_vec();
    possible.push(match is_stopped {
        true => NOT_SENT,
        false => ACCEPTED_THE_SECOND_TIME,
    });
    possible
}

/// A message of about `bytes` bytes.
fn large_message(bytes: usize) -> String {
    message(&"x".repeat(bytes))
}

/// The oracle is the peer: after the call it reads all that the kernel had taken, and so knows
/// whether that was a whole request.
#[test]
fn a_peer_that_stops_reading_gets_the_whole_request_exactly_if_the_outcome_is_unknown() {
    for scheme in SCHEMES {
        let statuses = Mutex::new(BTreeSet::new());
        let sizes: Vec<usize> = (4..=400).step_by(4).map(|kib| kib * 1024).collect();
        in_parallel(FEW, sizes, |size| {
            let start = || {
                RawServer::on(narrow_listener(), scheme, |peer| {
                    peer.handshake()?;
                    peer.end(Ending::Stop)
                })
            };
            let case = format!("{scheme:?}, {size} bytes");
            let possible = [NOT_SENT, UNKNOWN_READ];
            let message = large_message(size);
            let reply = comes_to(start, Ending::Stop, &message, 0, &possible, &case);
            statuses
                .lock()
                .expect("no panic")
                .insert(reply.status().to_owned());
        });
        let both: Vec<_> = statuses
            .into_inner()
            .expect("no panic")
            .into_iter()
            .collect();
        assert_eq!(
            both,
            ["not_sent", "outcome_unknown"],
            "{scheme:?}: no border was crossed"
        );
    }
}

#[test]
fn a_large_message_that_broke_off_in_the_middle_is_sent_again_and_accepted_once() {
    const SIZE: usize = 700 * 1024;
    const READ: RangeInclusive<usize> = 0..=64 * 1024;
    for scheme in SCHEMES {
        let places = READ.step_by(4 * 1024);
        let endings = [Ending::Reset, Ending::Close];
        let cases: Vec<_> = places
            .flat_map(|k| endings.map(|ending| (k, ending)))
            .collect();
        let count = cases.len();
        let sent_again = AtomicUsize::new(0);
        in_parallel(FEW, cases, |(k, ending)| {
            let server = RawServer::on(narrow_listener(), scheme, move |peer| {
                if peer.number > 0 {
                    return peer.serve();
                }
                peer.handshake()?;
                peer.read_at_most(k);
                let _ = peer.request();
                peer.end(ending)
            });
            let (reply, requests) = send_to(server, &large_message(SIZE), LONG, 1);
            let case = format!("{scheme:?}, {ending:?} after {k} bytes");
            // Now and then the kernel takes all of it before it learns of the end.
            let possible = [ACCEPTED_THE_SECOND_TIME, UNKNOWN_UNREAD];
            assert_outcome(&reply, &requests, &possible, &case);
            sent_again.fetch_add(usize::from(reply.attempts() == 2), Ordering::SeqCst);
        });
        let sent_again = sent_again.into_inner();
        assert!(
            sent_again > count / 2,
            "{scheme:?}: {sent_again} of {count}"
        );
    }
}

#[test]
fn a_response_that_ends_with_the_connection_counts_only_if_it_is_whole() {
    let body = r#"{"success":true,"message":"Queued.","request_id":"tag"}"#;
    let head = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";
    for scheme in SCHEMES {
        for k in 0..=body.len() {
            let sent = format!("{head}{}", &body[..k]);
            let server = RawServer::start(scheme, move |peer| {
                peer.request()?;
                peer.send(sent.as_bytes())
            });
            let reply = client(&server.options()).send(&api::message("tag"));
            let is_whole = k == body.len();
            // Over TLS an end without a goodbye may be a cut.
            let expected = match (is_whole, scheme) {
                (true, Scheme::Http) => &["ok"][..],
                (true, Scheme::Https) => &["ok", "outcome_unknown"],
                (false, _) => &["outcome_unknown"],
            };
            assert!(expected.contains(&reply.status()), "{k} bytes: {reply:?}");
            assert_eq!(server.requests().len(), 1);
        }
    }
}
