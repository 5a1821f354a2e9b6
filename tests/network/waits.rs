//! Whatever a call waits for, its deadline, a shut-down and a cancel token end it at once, with what
//! is true of it. (`names.rs` has the name look-up.)

use std::io;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use support::api::{Cancel, Client, Reply, client, message};
use support::punctuality::{at_once, ends_at, patiently};
use support::raw_server::{
    BlackHole, Peer, RawServer, SCHEMES, Scheme, accepted, narrow_listener, response,
};

const REFUSAL: &str = r#"{"success":false,"message":"Slow down."}"#;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Cause {
    Deadline,
    ShutDown,
    Cancel,
}

#[derive(Clone, Copy, Debug)]
enum For {
    Connection(Scheme),
    /// Nothing of it comes, or a part.
    Handshake {
        bytes: usize,
    },
    Proxy {
        scheme: &'static str,
        to: Scheme,
    },
    /// The server does not read.
    Room(Scheme),
    /// A part of it comes, or nothing; on a connection that was used so many times before.
    Response {
        scheme: Scheme,
        part: &'static str,
        before: usize,
    },
    /// Of which the head has come.
    Body {
        scheme: Scheme,
        code: u16,
        max_retries: u32,
    },
    /// The pause before a retry, after a response.
    Pause(&'static Pause),
    Turn,
}

#[derive(Debug)]
struct Pause {
    code: u16,
    headers: &'static str,
    body: &'static str,
    retry_after_ms: Option<u64>,
    /// What the reply shows of the body.
    shown: Option<&'static str>,
}

const PAUSES: [Pause; 6] = [
    pause(429, "retry-after: 20\r\n", "{}", Some(20_000), Some("{}")),
    pause(429, "", "<html>", None, Some("<html>")),
    pause(429, "", REFUSAL, None, None),
    pause(503, "retry-after: 7\r\n", REFUSAL, Some(7000), None),
    pause(500, "retry-after: 5\r\n", REFUSAL, Some(5000), None),
    pause(503, "retry-after: 2.5\r\n", REFUSAL, Some(3000), None),
];

const fn pause(
    code: u16,
    headers: &'static str,
    body: &'static str,
    retry_after_ms: Option<u64>,
    shown: Option<&'static str>,
) -> Pause {
    Pause {
        code,
        headers,
        body,
        retry_after_ms,
        shown,
    }
}

/// What a call with a deadline can wait for until then. It waits for no pause and no turn that would
/// end later.
fn up_to_a_deadline() -> Vec<For> {
    let mut waits = vec![For::Handshake { bytes: 0 }, For::Handshake { bytes: 500 }];
    for scheme in SCHEMES {
        waits.push(For::Connection(scheme));
        waits.extend(["http", "socks5"].map(|proxy| For::Proxy {
            scheme: proxy,
            to: scheme,
        }));
        waits.push(For::Room(scheme));
        for (part, before) in [("", 0), ("HTTP/1.1 200 OK\r\ncontent-le", 0), ("", 1)] {
            waits.push(For::Response {
                scheme,
                part,
                before,
            });
        }
    }
    waits
}

fn all() -> Vec<For> {
    let mut waits = up_to_a_deadline();
    for scheme in SCHEMES {
        for (code, max_retries) in [(429, 0), (429, 2), (408, 0), (503, 0)] {
            waits.push(For::Body {
                scheme,
                code,
                max_retries,
            });
        }
    }
    waits.extend(PAUSES.iter().map(For::Pause));
    waits.push(For::Turn);
    waits
}

/// A call that comes to wait, and how it ends where nothing else ends the wait.
struct Wait {
    server: RawServer,
    hole: Option<BlackHole>,
    options: Value,
    message: String,
    sends_before: usize,
    status: &'static str,
    attempts: u64,
    /// Keys of the reply.
    tells: Value,
}

fn stop(peer: &mut Peer) -> io::Result<()> {
    peer.stop();
    Ok(())
}

impl For {
    fn prepare(self) -> Wait {
        let unread = "not_sent";
        let silent = || RawServer::start(Scheme::Http, stop);
        let wait = |server: RawServer, status| Wait {
            options: server.options(),
            server,
            hole: None,
            message: message("tag"),
            sends_before: 0,
            status,
            attempts: 1,
            tells: json!({}),
        };
        match self {
            For::Connection(scheme) => {
                let hole = BlackHole::new();
                let mut wait = wait(silent(), unread);
                wait.options["base_url"] = json!(url(scheme, hole.address));
                wait.hole = Some(hole);
                wait
            }
            For::Handshake { bytes } => {
                let server = RawServer::start(Scheme::Https, move |peer| {
                    peer.send_at_most(bytes);
                    let _ = peer.handshake();
                    stop(peer)
                });
                wait(server, unread)
            }
            For::Proxy { scheme, to } => {
                let mut wait = wait(silent(), unread);
                wait.options["proxy"] = json!(format!("{scheme}://{}", wait.server.address()));
                wait.options["base_url"] = json!(url(to, ([127, 0, 0, 1], 9).into()));
                wait
            }
            For::Room(scheme) => {
                let server = RawServer::on(narrow_listener(), scheme, |peer| {
                    peer.handshake()?;
                    stop(peer)
                });
                let mut wait = wait(server, unread);
                wait.message = message(&"x".repeat(700_000));
                wait
            }
            For::Response {
                scheme,
                part,
                before,
            } => {
                let server = RawServer::start(scheme, move |peer| {
                    for _ in 0..before {
                        let tag = peer.request()?.tag();
                        peer.send(&accepted(&tag))?;
                    }
                    peer.request()?;
                    peer.send(part.as_bytes())?;
                    stop(peer)
                });
                let mut wait = wait(server, "outcome_unknown");
                wait.sends_before = before;
                wait
            }
            For::Body {
                scheme,
                code,
                max_retries,
            } => {
                let server = RawServer::start(scheme, move |peer| {
                    peer.request()?;
                    let head = format!("HTTP/1.1 {code} \r\ncontent-length: 99\r\n\r\n<html>");
                    peer.send(head.as_bytes())?;
                    stop(peer)
                });
                // A page of a gateway says nothing, even with 503.
                let is_said = code == 429;
                let mut wait = wait(server, if is_said { unread } else { "outcome_unknown" });
                wait.options["max_retries"] = json!(max_retries);
                wait.tells = json!({ "http_status": code });
                wait
            }
            For::Pause(pause) => {
                let turned_away = response(pause.code, pause.headers, pause.body);
                let mut wait = wait(RawServer::responding(Scheme::Http, turned_away), unread);
                wait.options["max_retries"] = json!(100);
                wait.options["timeout_ms"] = json!(600_000);
                wait.tells = json!({
                    "http_status": pause.code,
                    "retry_after_ms": pause.retry_after_ms,
                    "response": pause.shown,
                });
                wait
            }
            For::Turn => {
                let mut wait = wait(RawServer::accepting(Scheme::Http), unread);
                wait.options["messages_per_second"] = json!(0.01);
                wait.options["timeout_ms"] = json!(600_000);
                wait.sends_before = 1;
                wait.attempts = 0;
                wait
            }
        }
    }
}

fn url(scheme: Scheme, address: std::net::SocketAddr) -> String {
    match scheme {
        Scheme::Http => format!("http://{address}"),
        Scheme::Https => format!("https://{address}"),
    }
}

impl Wait {
    /// Makes the call, ends it once its peer has seen all that it will see, and a moment has passed,
    /// and gives its reply.
    fn end(&self, cause: Cause, moment: Duration) -> Reply {
        let mut options = self.options.clone();
        if cause == Cause::Deadline {
            options["timeout_ms"] = json!(moment.as_millis());
        }
        let client = client(&options);
        for _ in 0..self.sends_before {
            let long = json!({ "timeout_ms": 60_000 });
            client.send_with(&message("tag"), &long).assert_status("ok");
        }
        match cause {
            Cause::Deadline => ends_at(moment, || client.send(&self.message)),
            Cause::ShutDown => self.end_by(&client, moment, |_| client.shut_down()),
            Cause::Cancel => self.end_by(&client, moment, Cancel::now),
        }
    }

    fn end_by(&self, client: &Client, moment: Duration, end: impl FnOnce(&Cancel)) -> Reply {
        let cancel = Cancel::new();
        thread::scope(|scope| {
            let call = scope.spawn(|| client.send_cancellable(&self.message, &cancel));
            self.await_peer();
            thread::sleep(moment);
            assert!(!call.is_finished(), "it ended by itself");
            at_once(|| {
                end(&cancel);
                call.join().expect("a call does not panic")
            })
        })
    }

    fn await_peer(&self) {
        if self.hole.is_none() {
            self.server.await_connections(1);
        }
        if self.status == "outcome_unknown" || self.tells["http_status"].is_number() {
            self.server.await_requests(self.sends_before + 1);
        }
    }

    fn is_as_expected(&self, reply: &Reply) -> bool {
        // A pause of a second may be over by then, and the next one not.
        let is_paused = self.tells.get("response").is_some() && reply.attempts() > 1;
        reply.status() == self.status && (reply.attempts() == self.attempts || is_paused)
    }
}

fn ends(wait_for: For, cause: Cause) {
    let (wait, reply) = patiently(
        |moment| {
            let wait = wait_for.prepare();
            let reply = wait.end(cause, moment);
            (wait, reply)
        },
        // A call that was ended on the way is not sent.
        |(wait, reply)| wait.is_as_expected(reply) || reply.status() != "not_sent",
    );
    let case = format!("{wait_for:?}, {cause:?}: {reply:?}");
    assert!(wait.is_as_expected(&reply), "{case}");
    let words = match cause {
        Cause::Deadline => "timeout_ms",
        Cause::ShutDown => "shut down",
        Cause::Cancel => "cancelled",
    };
    let is_told_by_a_response = matches!(wait_for, For::Body { .. });
    assert!(
        is_told_by_a_response || reply.message().contains(words),
        "{case}"
    );
    // What was ended by its user is not wanted any more.
    let retryable = cause == Cause::Deadline && wait.status == "not_sent";
    assert_eq!(reply.retryable(), Some(retryable), "{case}");
    for (key, value) in wait.tells.as_object().expect("an object") {
        assert_eq!(&reply.json[key], value, "{key}, {case}");
    }
    let requests = wait.server.finish();
    if wait.status == "not_sent" && !wait.tells["http_status"].is_number() {
        assert_eq!(requests.len(), wait.sends_before, "{case}");
    }
}

fn all_end(waits: Vec<For>, cause: Cause) {
    thread::scope(|scope| {
        for wait_for in waits {
            scope.spawn(move || ends(wait_for, cause));
        }
    });
}

#[test]
fn deadline_ends_each() {
    all_end(up_to_a_deadline(), Cause::Deadline);
}

#[test]
fn shut_down_ends_each() {
    all_end(all(), Cause::ShutDown);
}

#[test]
fn cancel_token_ends_each() {
    all_end(all(), Cause::Cancel);
}
