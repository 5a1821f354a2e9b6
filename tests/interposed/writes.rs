//! Each write of a request failing in turn. This program has a `send` of its own, which takes the
//! place of the system's for the library that is linked into it, and fails when a test says so: in
//! the thread that asked for it, and as on a connection that was reset.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::{c_int, c_void};
use std::io::Read;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::api::{Reply, client, message, message_with_more};
use support::early::early_responses;
use support::parallel::in_parallel;
use support::raw_server::{Peer, RawServer, Request, SCHEMES, Scheme, accepted, response};

/// What becomes of one send of a call.
#[derive(Clone)]
struct Fault {
    /// Which one: the first is 1.
    at: usize,
    /// How many bytes of it are not taken; `None`: none is taken.
    leaves: Option<usize>,
    /// How it fails, or how the next one does, where it takes something.
    error: c_int,
    /// What the peer says before.
    cue: Option<Arc<Cue>>,
}

const RESETS: [c_int; 3] = [libc::ECONNRESET, libc::EPIPE, libc::ETIMEDOUT];

thread_local! {
    static FAULTS: RefCell<Option<Faults>> = const { RefCell::new(None) };
}

/// The sends of this thread so far, and the fault that waits for one of them.
struct Faults {
    fault: Fault,
    sends: usize,
    is_due: bool,
    has_failed: bool,
}

enum Step {
    Take(usize),
    Fail(c_int),
}

impl Faults {
    fn next(&mut self, socket: c_int, length: usize) -> Step {
        if !self.is_due {
            self.sends += 1;
            if self.sends != self.fault.at {
                return Step::Take(length);
            }
            self.is_due = true;
            if let Some(cue) = &self.fault.cue {
                cue.give(socket);
            }
            let taken = self
                .fault
                .leaves
                .map_or(0, |leaves| length.saturating_sub(leaves));
            if taken > 0 {
                return Step::Take(taken);
            }
        }
        if self.has_failed {
            return Step::Take(length);
        }
        self.has_failed = true;
        Step::Fail(self.fault.error)
    }
}

type Send = unsafe extern "C" fn(c_int, *const c_void, usize, c_int) -> isize;

/// # Safety
///
/// As for the system's.
#[unsafe(no_mangle)]
unsafe extern "C" fn send(
    socket: c_int,
    bytes: *const c_void,
    length: usize,
    flags: c_int,
) -> isize {
    static SYSTEM: OnceLock<Send> = OnceLock::new();
    let system = SYSTEM.get_or_init(|| {
        // SAFETY: a name that ends in NUL, of a function of that type.
        unsafe { std::mem::transmute(libc::dlsym(libc::RTLD_NEXT, c"send".as_ptr())) }
    });
    let step = FAULTS.with_borrow_mut(|faults| match faults {
        Some(faults) => faults.next(socket, length),
        None => Step::Take(length),
    });
    match step {
        // SAFETY: the caller's promise, for no more than it gave.
        Step::Take(count) => unsafe { system(socket, bytes, count, flags) },
        // SAFETY: a socket that is open, and this thread's `errno`.
        Step::Fail(error) => unsafe {
            if RESETS.contains(&error) {
                libc::shutdown(socket, libc::SHUT_RDWR);
            }
            *libc::__errno_location() = error;
            -1
        },
    }
}

/// Runs `work` with a fault in this thread's sends. Tells how many sends there were, and whether the
/// fault came.
fn with_fault<R>(fault: Fault, work: impl FnOnce() -> R) -> (R, usize, bool) {
    let faults = Faults {
        fault,
        sends: 0,
        is_due: false,
        has_failed: false,
    };
    FAULTS.set(Some(faults));
    let result = work();
    let faults = FAULTS.take().expect("nobody else takes it");
    (result, faults.sends, faults.has_failed)
}

/// What lets a peer speak in the middle of a request.
#[derive(Default)]
struct Cue {
    is_given: AtomicBool,
    is_done: AtomicBool,
}

impl Cue {
    /// Lets the peer speak, and waits until what it said is there.
    fn give(&self, socket: c_int) {
        self.is_given.store(true, Ordering::SeqCst);
        await_flag(&self.is_done);
        let mut readable = libc::pollfd {
            fd: socket,
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: one entry, as it says.
        let ready = unsafe { libc::poll(&raw mut readable, 1, 5000) };
        assert_eq!(ready, 1, "what the peer said does not come");
    }

    /// The peer's part: it waits for its time to speak.
    fn respond(&self, speak: impl FnOnce() -> std::io::Result<()>) -> std::io::Result<()> {
        await_flag(&self.is_given);
        let result = speak();
        self.is_done.store(true, Ordering::SeqCst);
        result
    }
}

fn await_flag(flag: &AtomicBool) {
    let started = Instant::now();
    while !flag.load(Ordering::SeqCst) {
        assert!(started.elapsed() < Duration::from_secs(20), "no cue");
        thread::sleep(Duration::from_micros(100));
    }
}

/// The connection that the fault is met on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum On {
    New,
    /// Another message went over it before.
    Kept,
    /// A new one, which a proxy has to open first.
    Proxied,
}

const CONNECTIONS: [On; 2] = [On::New, On::Kept];

/// One write is enough for the one; the other takes several.
const SIZES: [usize; 2] = [0, 100 * 1024];

/// Sends a message with a fault on the way.
fn send_with_fault(
    options: &Value,
    on: On,
    tag: &str,
    size: usize,
    fault: Fault,
) -> (Reply, usize, bool) {
    let client = client(options);
    if on == On::Kept {
        client.send(&message("first")).assert_status("ok");
    }
    let message = message_with_more(tag, size);
    with_fault(fault, || client.send(&message))
}

const WORKERS: usize = 16;

/// How often each message came whole.
fn counts(requests: &[Request]) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for request in requests {
        *counts.entry(request.tag()).or_default() += 1;
    }
    counts
}

/// A proxy that opens the way to one server.
fn tunnelling(to: SocketAddr) -> RawServer {
    RawServer::start(Scheme::Http, move |peer| {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            peer.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        peer.send(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
        peer.tunnel(to)
    })
}

/// How a write fails, and how many bytes it leaves before: the last of the request, or all.
const FAILURES: [(c_int, Option<usize>); 7] = [
    (libc::ECONNRESET, None),
    (libc::EPIPE, None),
    (libc::ETIMEDOUT, None),
    (libc::ECONNRESET, Some(1)),
    (libc::EPIPE, Some(5)),
    (libc::ETIMEDOUT, Some(100)),
    // The connection is as it was: what forbids the write, or has no memory for it, is this machine.
    (libc::EPERM, None),
];

#[test]
fn a_request_of_which_any_write_fails_is_not_sent_and_the_next_attempt_is_accepted_once() {
    for scheme in SCHEMES {
        let server = RawServer::accepting(scheme);
        let mut cases = Vec::new();
        for on in CONNECTIONS {
            for size in SIZES {
                for failure in FAILURES {
                    cases.extend([0, 1].map(|max_retries| (on, size, failure, max_retries)));
                }
            }
        }
        for failure in FAILURES {
            cases.extend([0, 1].map(|max_retries| (On::Proxied, 0, failure, max_retries)));
        }
        let proxy = tunnelling(server.address());
        let expected = Mutex::new(HashMap::new());
        in_parallel(
            WORKERS,
            cases,
            |(on, size, (error, leaves), max_retries)| {
                let mut options = server.options_with(json!({ "max_retries": max_retries }));
                if on == On::Proxied {
                    options["proxy"] = json!(proxy.base_url());
                }
                let kind = format!("{on:?} {size} {error} {leaves:?} {max_retries}");
                let mut sends = 0;
                for at in 1.. {
                    let tag = format!("{kind} {at}");
                    let fault = Fault {
                        at,
                        leaves,
                        error,
                        cue: None,
                    };
                    let (reply, _, has_failed) = send_with_fault(&options, on, &tag, size, fault);
                    let case = format!("{scheme:?}, {kind}, send {at}: {reply:?}");
                    let is_accepted = !has_failed || max_retries > 0;
                    expected
                        .lock()
                        .expect("no panic")
                        .insert(tag, usize::from(is_accepted));
                    if !has_failed {
                        assert_eq!((reply.status(), reply.attempts()), ("ok", 1), "{case}");
                        break;
                    }
                    if max_retries == 0 {
                        assert_eq!(reply.status(), "not_sent", "{case}");
                        assert_eq!(reply.retryable(), Some(true), "{case}");
                    } else {
                        assert_eq!((reply.status(), reply.attempts()), ("ok", 2), "{case}");
                    }
                    sends += 1;
                }
                let least = if size > 0 { 6 } else { 1 };
                assert!(sends >= least, "{kind}: only {sends} sends failed");
            },
        );
        let counts = counts(&server.finish());
        for (tag, expected) in expected.into_inner().expect("no panic") {
            let count = counts.get(&tag).copied().unwrap_or_default();
            assert_eq!(count, expected, "{scheme:?}: {tag}");
        }
    }
}

#[test]
fn a_write_that_takes_a_part_or_is_to_be_repeated_loses_nothing() {
    for scheme in SCHEMES {
        let server = RawServer::accepting(scheme);
        let mut cases = Vec::new();
        for on in CONNECTIONS {
            for size in SIZES {
                for (error, leaves) in [
                    (libc::EAGAIN, None),
                    (libc::EINTR, None),
                    (libc::EAGAIN, Some(1)),
                    (libc::EINTR, Some(100)),
                ] {
                    cases.push((on, size, error, leaves));
                }
            }
        }
        in_parallel(WORKERS, cases, |(on, size, error, leaves)| {
            let kind = format!("{on:?} {size} {error} {leaves:?}");
            for at in 1.. {
                let tag = format!("{kind} {at}");
                let fault = Fault {
                    at,
                    leaves,
                    error,
                    cue: None,
                };
                let (reply, _, has_failed) =
                    send_with_fault(&server.options(), on, &tag, size, fault);
                let case = format!("{scheme:?}, {kind}, send {at}: {reply:?}");
                assert_eq!((reply.status(), reply.attempts()), ("ok", 1), "{case}");
                assert_eq!(reply.request_id(), Some(tag.as_str()), "{case}");
                if !has_failed {
                    break;
                }
            }
        });
    }
}

/// How many sends a message of this size takes on a connection.
fn sends(server: &RawServer, on: On, size: usize) -> usize {
    let never = Fault {
        at: usize::MAX,
        leaves: None,
        error: 0,
        cue: None,
    };
    let (reply, sends, _) = send_with_fault(&server.options(), on, "sends", size, never);
    reply.assert_status("ok");
    sends
}

/// Each send of a request, by its number in the call: those of a handshake come before them.
fn request_sends(scheme: Scheme, on: On, size: usize) -> std::ops::RangeInclusive<usize> {
    let server = RawServer::accepting(scheme);
    let handshake = if on == On::New {
        sends(&server, On::New, 0) - sends(&server, On::Kept, 0)
    } else {
        0
    };
    handshake + 1..=sends(&server, on, size)
}

/// A server that speaks on its first connection when it is given a cue, and then does `next`; on
/// others it accepts messages.
fn on_cue(
    scheme: Scheme,
    on: On,
    cue: &Arc<Cue>,
    response: Vec<u8>,
    next: impl Fn(&mut Peer) -> std::io::Result<()> + std::marker::Send + Sync + 'static,
) -> RawServer {
    let cue = Arc::clone(cue);
    RawServer::start(scheme, move |peer| {
        if peer.number > 0 {
            return peer.serve();
        }
        peer.handshake()?;
        if on == On::Kept {
            let tag = peer.request()?.tag();
            peer.send(&accepted(&tag))?;
        }
        cue.respond(|| peer.send(&response))?;
        next(peer)
    })
}

#[test]
fn what_the_peer_said_before_a_write_failed_counts_where_it_says_no() {
    let mut cases = Vec::new();
    for scheme in SCHEMES {
        for on in CONNECTIONS {
            for size in SIZES {
                let sends = request_sends(scheme, on, size);
                // The first, one in the middle, and the last.
                let places = [
                    *sends.start(),
                    (sends.start() + sends.end()) / 2,
                    *sends.end(),
                ];
                let places = if size > 0 { &places[..] } else { &places[2..] };
                for (number, early) in early_responses("own", "first").into_iter().enumerate() {
                    let at = places[number % places.len()];
                    let leaves = [None, Some(1)][number % 2];
                    let max_retries = if size > 0 { 1 } else { 0 };
                    cases.push((scheme, on, size, at, leaves, early, max_retries));
                }
            }
        }
    }
    in_parallel(
        WORKERS,
        cases,
        |(scheme, on, size, at, leaves, early, max_retries)| {
            let cue = Arc::new(Cue::default());
            let server = on_cue(scheme, on, &cue, early.bytes.clone(), |peer| {
                while peer.request().is_ok() {}
                Ok(())
            });
            let options = server.options_with(json!({ "max_retries": max_retries }));
            // Nothing that comes cannot be waited for.
            let cue = (!early.bytes.is_empty()).then_some(cue);
            let fault = Fault {
                at,
                leaves,
                error: libc::ECONNRESET,
                cue,
            };
            let (reply, _, has_failed) = send_with_fault(&options, on, "own", size, fault);
            let case = format!(
                "{scheme:?}, {on:?}, {size}, send {at}, {leaves:?}, {}: {reply:?}",
                early.case
            );
            assert!(has_failed, "{case}");
            let is_repeated = early.retryable && max_retries > 0;
            if is_repeated {
                assert_eq!((reply.status(), reply.attempts()), ("ok", 2), "{case}");
            } else {
                assert_eq!(reply.status(), early.status, "{case}");
                assert_eq!(reply.retryable(), Some(early.retryable), "{case}");
                assert_eq!(reply.attempts(), 1, "{case}");
            }
            let count = counts(&server.requests()).get("own").copied();
            assert_eq!(count, is_repeated.then_some(1), "{case}");
        },
    );
}

/// The kernel has no room for a moment, in which the response comes; then it has room again.
#[test]
fn a_peer_that_answers_early_and_reads_on_gets_the_whole_request_and_is_believed() {
    let early_hints = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n";
    let hints_first = [early_hints.as_bytes(), &accepted("own")].concat();
    let responses = [
        (accepted("own"), "ok"),
        (hints_first, "ok"),
        (response(413, "", "Too large"), "rejected"),
        (response(502, "", "Bad gateway"), "outcome_unknown"),
        (b"no HTTP\r\n\r\n".to_vec(), "outcome_unknown"),
    ];
    for scheme in SCHEMES {
        for on in CONNECTIONS {
            let sends = request_sends(scheme, on, SIZES[1]);
            for at in [*sends.start(), *sends.start() + 1, *sends.end()] {
                for (response, status) in &responses {
                    let cue = Arc::new(Cue::default());
                    let server = on_cue(scheme, on, &cue, response.clone(), |peer| {
                        while peer.request().is_ok() {}
                        Ok(())
                    });
                    let fault = Fault {
                        at,
                        leaves: None,
                        error: libc::EAGAIN,
                        cue: Some(cue),
                    };
                    let (reply, ..) =
                        send_with_fault(&server.options(), on, "own", SIZES[1], fault);
                    let case = format!("{scheme:?}, {on:?}, send {at}, {status}: {reply:?}");
                    assert_eq!((reply.status(), reply.attempts()), (*status, 1), "{case}");
                    let count = counts(&server.finish()).get("own").copied();
                    assert_eq!(count, Some(1), "{case}");
                }
            }
        }
    }
}
