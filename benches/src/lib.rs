//! What the contenders written in Rust share: their arguments, the request, and the measuring loop.
//!
//! `c/driver.c` and `go/main.go` do the same for theirs, with the same arguments and output.

use std::io::Write;
use std::time::{Duration, Instant};

use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use serde::Deserialize;

pub const PATH: &str = "/api/ingest/whatsapp/v1/message/interactive/reply-buttons/send";

/// What every contender sends, but for `content-length` and `host`.
pub const HEADERS: [(&str, &str); 6] = [
    ("content-type", "application/json"),
    ("accept", "application/json"),
    ("accept-encoding", "identity"),
    ("x-api-key", "benchmark-key"),
    ("x-workspace-id", "benchmark-workspace"),
    ("user-agent", "zixflow-c/0.3.0"),
];

/// Sends before the measured ones, in which caches and buffers fill.
const WARM_UP: usize = 200;

/// `BASE_URL CA_FILE MESSAGE_FILE SENDS`
pub struct Arguments {
    pub base_url: String,
    pub ca_file: String,
    pub message: String,
    sends: usize,
}

impl Arguments {
    fn from_command_line() -> Option<Self> {
        let mut arguments = std::env::args().skip(1);
        Some(Self {
            base_url: arguments.next()?,
            ca_file: arguments.next()?,
            message: std::fs::read_to_string(arguments.next()?).ok()?,
            sends: arguments.next()?.parse().ok()?,
        })
    }

    pub fn url(&self) -> String {
        format!("{}{PATH}", self.base_url)
    }

    pub fn certificates(&self) -> Vec<CertificateDer<'static>> {
        CertificateDer::pem_file_iter(&self.ca_file)
            .and_then(Iterator::collect)
            .expect("the CA file holds certificates")
    }

    pub fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(self.certificates());
        roots
    }
}

/// The API's response, read as a user of an HTTP crate would read it.
#[derive(Deserialize)]
pub struct Reply {
    pub success: bool,
    pub message: String,
    pub request_id: String,
}

impl Reply {
    pub fn assert_accepted(json: &[u8]) {
        let reply: Self = serde_json::from_slice(json).expect("the documented reply");
        assert!(reply.success && !reply.message.is_empty() && !reply.request_id.is_empty());
    }
}

/// Wall-clock and processor time since it was made.
struct Stopwatch {
    wall: Instant,
    processor: Duration,
}

impl Stopwatch {
    fn start() -> Self {
        Self {
            wall: Instant::now(),
            processor: processor_time(),
        }
    }

    fn print(&self, phase: &str) {
        let processor = processor_time() - self.processor;
        let wall = self.wall.elapsed();
        println!("{phase} {} {}", wall.as_nanos(), processor.as_nanos());
    }
}

/// Of the whole process, threads that have ended included.
fn processor_time() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is writable for the call.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    assert_eq!(failed, 0);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Makes a client, sends once, and then as often as the command line says.
///
/// Prints `PHASE WALL_NS PROCESSOR_NS` for each phase, then each send's latency in nanoseconds,
/// as 8 bytes.
pub fn drive<Send: FnMut()>(client: impl FnOnce(&Arguments) -> Send) {
    let arguments =
        Arguments::from_command_line().expect("usage: BASE_URL CA_FILE MESSAGE_FILE SENDS");

    let phase = Stopwatch::start();
    let mut send = client(&arguments);
    phase.print("client");

    let phase = Stopwatch::start();
    send();
    phase.print("first");

    if arguments.sends == 0 {
        return;
    }
    (0..WARM_UP).for_each(|_| send());

    let mut latencies = Vec::with_capacity(arguments.sends);
    let phase = Stopwatch::start();
    for _ in 0..arguments.sends {
        let start = Instant::now();
        send();
        latencies.push(start.elapsed().as_nanos() as u64);
    }
    phase.print("sends");

    // As text they would cost as many instructions as a small part of a send.
    let bytes: Vec<u8> = latencies.into_iter().flat_map(u64::to_ne_bytes).collect();
    std::io::stdout()
        .write_all(&bytes)
        .expect("standard output");
}
