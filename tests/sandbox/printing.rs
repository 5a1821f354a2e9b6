//! Who reads what the sandbox prints may go away or be slow: it serves as before.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::client::{Response, exchange_bytes, request_with};
use crate::{PATH, PATIENCE, message};
use support::c;

/// A sandbox whose address need not be read.
struct Silent {
    program: Child,
    address: SocketAddr,
}

impl Silent {
    fn start(adapt: impl FnOnce(&mut Command)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        drop(listener);
        let mut command = c::sandbox();
        command.args(["--https", "off", "--http", &address.to_string()]);
        adapt(&mut command);
        let program = command.spawn().expect("the sandbox runs");
        Self { program, address }
    }

    fn accepts(&self, text: &str) {
        let mut body = message("15550100001");
        body["interactive"]["body"]["text"] = text.into();
        let request = request_with(
            &format!("POST {PATH}"),
            "sandbox-key",
            "sandbox-workspace",
            "application/json",
            &body.to_string(),
        )
        .replace("Host: sandbox", &format!("Host: {}", self.address));
        let started = Instant::now();
        let stream = loop {
            match TcpStream::connect(self.address) {
                Ok(stream) => break stream,
                Err(error) => assert!(started.elapsed() < PATIENCE, "{error}"),
            }
            thread::sleep(Duration::from_millis(10));
        };
        stream.set_read_timeout(Some(PATIENCE)).expect("it has one");
        Response::parse(&exchange_bytes(stream, &request)).accepted();
    }

    /// What it said on standard error, once it has been ended.
    fn complaints(mut self) -> String {
        let _ = self.program.kill();
        let _ = self.program.wait();
        let mut text = String::new();
        let mut stderr = self.program.stderr.take().expect("it is piped");
        stderr.read_to_string(&mut text).expect("UTF-8");
        assert!(!text.contains("panicked"), "{text}");
        text
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

fn full_disk() -> File {
    File::options()
        .write(true)
        .open("/dev/full")
        .expect("it is there")
}

#[test]
fn a_reader_who_has_left_stops_the_printing_alone() {
    let mut sandbox = Silent::start(|command| {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
    });
    let mut output = BufReader::new(sandbox.program.stdout.take().expect("it is piped"));
    output.read_line(&mut String::new()).expect("a line");
    drop(output);
    for _ in 0..5 {
        sandbox.accepts("Shall we?");
    }
    let complaints = sandbox.complaints();
    assert_eq!(
        complaints.matches("no longer printed").count(),
        1,
        "{complaints}"
    );
}

#[test]
fn a_full_disk_stops_the_printing_alone() {
    let sandbox = Silent::start(|command| {
        command.stdout(full_disk()).stderr(Stdio::piped());
    });
    for _ in 0..5 {
        sandbox.accepts("Shall we?");
    }
    let complaints = sandbox.complaints();
    assert!(
        complaints.contains("could not be printed: No space"),
        "{complaints}"
    );
}

#[test]
fn nowhere_to_complain_is_no_reason_to_stop() {
    let sandbox = Silent::start(|command| {
        command.stdout(full_disk()).stderr(full_disk());
    });
    for _ in 0..5 {
        sandbox.accepts("Shall we?");
    }
}

/// Far more than a pipe holds, and than is kept to be printed.
#[test]
fn a_reader_who_does_not_read_keeps_nobody_waiting() {
    let mut sandbox = Silent::start(|command| {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
    });
    let output = sandbox.program.stdout.take();
    for _ in 0..300 {
        sandbox.accepts(&"x".repeat(1000));
    }
    drop(output);
    sandbox.complaints();
}

#[test]
fn what_was_asked_for_and_cannot_be_printed_ends_without_a_backtrace() {
    for option in ["--help", "-h", "--version"] {
        let printed = c::run(c::sandbox().arg(option), b"");
        assert_eq!(printed.code(), 0, "{printed:?}");
        assert!(printed.stdout.contains("zixflow-sandbox"), "{printed:?}");
        for (output, complaint) in [(full_disk(), "No space"), (closed_pipe(), "")] {
            let program = c::sandbox().arg(option).stdout(output).output();
            let ended = program.expect("the sandbox runs");
            assert_eq!(ended.status.code(), Some(1));
            let stderr = String::from_utf8_lossy(&ended.stderr);
            let is_fit = stderr.contains(complaint) && stderr.lines().count() <= 1;
            assert!(is_fit, "{option}: {stderr}");
        }
    }
    for (option, complains_to) in [("--no-such", full_disk()), ("--http", closed_pipe())] {
        let program = c::sandbox().arg(option).stderr(complains_to).output();
        assert_eq!(program.expect("it runs").status.code(), Some(2));
    }
}

/// One that nobody reads.
fn closed_pipe() -> File {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    File::from(std::os::fd::OwnedFd::from(writer))
}
