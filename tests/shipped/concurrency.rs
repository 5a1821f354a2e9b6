//! A client serves any number of threads at once, with a connection for each and no more.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use support::api::message;
use support::c::{self, Program};
use support::installed;
use support::raw_server::{RawServer, SCHEMES, Scheme, accepted};

const THREADS: usize = 64;
const SENDS: usize = 6400;
const SERVICE: Duration = Duration::from_millis(20);

/// One that takes [`SERVICE`] for each message.
fn server(scheme: Scheme) -> RawServer {
    RawServer::start(scheme, |peer| {
        loop {
            let request = peer.request()?;
            let response = accepted(&request.tag());
            let due = request.arrived + SERVICE;
            thread::sleep(due.saturating_duration_since(Instant::now()));
            peer.send(&response)?;
        }
    })
}

/// Sends [`SENDS`] messages from [`THREADS`] threads of a program. Returns how long that took.
fn send_all(server: &RawServer) -> Duration {
    let program = Program::c("tests/c/threads.c")
        .flags(c::C99)
        .libraries(installed::libraries())
        .compile();
    let finished = c::run(
        Command::new(program).args([
            &server.options().to_string(),
            &message("tag"),
            &THREADS.to_string(),
            &SENDS.to_string(),
        ]),
        b"",
    );
    assert_eq!(finished.code(), 0, "{finished:?}");
    let (count, milliseconds) = finished.stdout.trim().split_once(' ').expect("two numbers");
    assert_eq!(count, SENDS.to_string(), "all are accepted: {finished:?}");
    let milliseconds: f64 = milliseconds.parse().expect("a number");
    Duration::from_secs_f64(milliseconds / 1000.0)
}

/// One test at a time: one of them takes times.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn threads_share_a_client_with_a_connection_each_and_no_more() {
    let _alone = alone();
    for scheme in SCHEMES {
        let server = server(scheme);
        send_all(&server);
        assert_eq!(server.requests().len(), SENDS);
        assert!(
            server.connections() <= THREADS,
            "{} connections",
            server.connections()
        );
    }
}

/// The same from this program, with a hand-written request on raw sockets: what this machine can do
/// at the moment.
fn send_all_raw(server: &RawServer) -> Duration {
    let body = message("tag");
    let length = body.len();
    let request = format!("POST / HTTP/1.1\r\ncontent-length: {length}\r\n\r\n{body}");
    let send = || -> io::Result<()> {
        let mut socket = TcpStream::connect(server.address())?;
        socket.set_nodelay(true)?;
        let mut response = accepted("tag");
        for _ in 0..SENDS / THREADS {
            socket.write_all(request.as_bytes())?;
            socket.read_exact(&mut response)?;
        }
        Ok(())
    };
    let started = Instant::now();
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(send)).collect();
        for thread in threads {
            thread
                .join()
                .expect("no panic")
                .expect("a response to each request");
        }
    });
    started.elapsed()
}

/// What the library can do shows in the best of a few runs: in the others, the machine had
/// something else to do.
#[test]
fn threads_do_not_wait_for_each_other() {
    const RUNS: usize = 5;
    let _alone = alone();
    let mut fastest_raw = Duration::MAX;
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let server = server(Scheme::Http);
        fastest_raw = fastest_raw.min(send_all_raw(&server));
        times.push(send_all(&server));
        let ideal = SERVICE * (SENDS / THREADS) as u32;
        let limit = ideal.max(fastest_raw).div_f64(0.95);
        if times.iter().any(|time| *time <= limit) {
            return;
        }
    }
    panic!("{times:?}, where raw sockets take {fastest_raw:?}");
}
