//! What the sandbox prints is there to be pasted into a shell.

use std::path::Path;
use std::process::Command;
use std::thread;

use crate::page;
use crate::running::Running;
use support::c::{self, CXX17, Program};
use support::go;

/// The sandbox as its user starts it, and what it prints before the first request.
struct Started {
    _program: Running,
    printed: String,
}

impl Started {
    fn new(arguments: &[&str]) -> Self {
        let mut program = Running::start(c::sandbox().args(arguments));
        let mut lines = program.lines();
        let mut printed = String::new();
        while !printed.contains("See what comes") {
            printed += &lines.next().expect("another line").expect("UTF-8");
            printed.push('\n');
        }
        // A pipe that nobody reads any more would end the printing.
        thread::spawn(|| lines.map_while(Result::ok).for_each(drop));
        Self {
            _program: program,
            printed,
        }
    }

    /// The lines to paste.
    fn exports(&self) -> String {
        let lines = self.printed.lines().filter(|line| line.starts_with("    "));
        lines.map(|line| format!("{line}\n")).collect()
    }

    /// What a variable is in a shell into which they were pasted.
    fn pasted(&self, name: &str) -> String {
        self.after_pasting(&format!("printf %s \"${name}\""))
    }

    /// What a command prints in such a shell.
    fn after_pasting(&self, command: &str) -> String {
        let script = format!("{}{command}", self.exports());
        let mut shell = Command::new("sh");
        let shell = shell.env_clear().args(["-euc", &script]);
        let finished = c::run(shell, b"");
        assert_eq!(finished.code(), 0, "{finished:?}");
        finished.stdout
    }
}

const ANY_PORTS: [&str; 4] = ["--http", "127.0.0.1:0", "--https", "127.0.0.1:0"];

#[test]
fn what_is_printed_can_be_pasted() {
    let directory = tempfile::tempdir().expect("a directory");
    let ca_file = directory.path().join("the user's \"own\" $CA.pem");
    let ca_file = ca_file.to_str().expect("UTF-8");
    let odd = "a'b \"c\" $d `e` \\";
    let mut arguments = ANY_PORTS.to_vec();
    arguments.extend([
        "--ca-file",
        ca_file,
        "--workspace-id",
        odd,
        "--api-key",
        odd,
    ]);
    let started = Started::new(&arguments);
    assert_eq!(started.exports().lines().count(), 4, "{}", started.printed);
    assert!(
        started
            .pasted("ZIXFLOW_BASE_URL")
            .starts_with("https://127.0.0.1:")
    );
    assert_eq!(started.pasted("ZIXFLOW_CA_FILE"), ca_file);
    assert_eq!(started.pasted("ZIXFLOW_WORKSPACE_ID"), odd);
    assert_eq!(started.pasted("ZIXFLOW_API_KEY"), odd);
    assert!(
        started
            .printed
            .contains("as a phone shows it: http://127.0.0.1:")
    );
}

#[test]
fn without_tls_there_is_no_certificate_to_trust() {
    let started = Started::new(&["--http", "127.0.0.1:0", "--https", "off"]);
    assert!(
        started
            .pasted("ZIXFLOW_BASE_URL")
            .starts_with("http://127.0.0.1:")
    );
    assert!(!started.printed.contains("ZIXFLOW_CA_FILE"));
    assert_eq!(started.pasted("ZIXFLOW_API_KEY"), "sandbox-key");
}

/// Unchanged, with nothing but what was pasted: they find the sandbox, and trust it.
#[test]
fn the_readmes_programs_then_send_to_the_sandbox() {
    let started = Started::new(&ANY_PORTS);
    let mut programs = vec![c::compile("examples/c/first_program.c")];
    if c::require_tool("g++") {
        let cxx = Program::new("g++", "examples/cpp/first.cpp").flags(CXX17);
        programs.push(cxx.compile());
    }
    if c::require_tool("go") {
        let executable = Path::new(env!("CARGO_TARGET_TMPDIR")).join("go-first-pasted");
        let go = go::go("examples/go");
        programs.push(go::build(go, "./cmd/first", executable));
    }
    for program in &programs {
        let printed = started.after_pasting(&format!("'{}'", program.display()));
        let is_queued = printed.starts_with("queued as ") || printed.starts_with("ZX_OK: ");
        assert!(is_queued, "{}: {printed}", program.display());
    }

    // Each is on the page.
    let url = started.printed.rsplit("shows it: http://").next();
    let address = url.expect("a page").trim().trim_end_matches('/');
    let welcome = page::welcome(address);
    let messages = welcome["messages"].as_array().expect("a list");
    assert_eq!(messages.len(), programs.len(), "{welcome}");
    for message in messages {
        assert_eq!(message["is_accepted"], true, "{message}");
        let request = message["request"].as_str().expect("text");
        assert!(request.contains("(https)\n"), "{request}");
    }
}
