//! Go's commands, against the library that this test run built. The package's own tests are run with
//! what is shipped.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::c::{self, Finished};
use support::go::{build, go, go_with, write_pkg_config};
use support::sandbox::{Config, Sandbox};

/// The README's program.
#[test]
fn the_first_program_says_as_what_it_was_queued() {
    if !c::require_tool("go") {
        return;
    }
    let sandbox = start();
    let program = build(go("examples/go"), "./cmd/first", scratch("go-first-sent"));
    let finished = c::run(&mut with_credentials(program, "sandbox-key", &sandbox), b"");
    assert_eq!(finished.code(), 0, "{finished:?}");
    assert!(finished.stdout.starts_with("queued as "), "{finished:?}");
    assert_eq!(sandbox.requests().len(), 1);
}

/// What is settled by its post-back and what is not, with duplicates and disorder.
#[test]
fn unknown_outcome_is_settled_by_its_post_back() {
    if !c::require_tool("go") {
        return;
    }
    let sandbox = start();
    let program = build(go("examples/go"), "./cmd/settle", scratch("go-settle"));
    let mut settle = with_credentials(program, "sandbox-key", &sandbox);
    settle.args(["-timeout=1s", "-wait=2s"]);
    let settled = c::run(
        settle.args([
            "15550100009",
            "15550100002",
            "15550100004",
            "15550100014",
            "15550100015",
        ]),
        b"",
    );
    assert_eq!(settled.code(), 0, "{settled:?}");
    for (line, times) in [
        (
            "15550100009: outcome_unknown, then queued for certain: delivered",
            1,
        ),
        ("15550100009: post-back: delivered", 1),
        ("15550100002: ok, then queued for certain: failed: ", 1),
        ("15550100004: rejected", 1),
        ("15550100014: ok, then queued for certain: delivered", 1),
        ("15550100014: post-back: delivered", 1),
        ("15550100015: ok, then queued for certain: read", 1),
        ("15550100015: post-back: ", 3),
    ] {
        let found = settled.stdout.lines().filter(|each| each.starts_with(line));
        assert_eq!(found.count(), times, "{line}: {settled:?}");
    }

    let unsettled = c::run(settle.arg("15550100008"), b"");
    assert_eq!(unsettled.code(), 1, "{unsettled:?}");
    assert!(
        unsettled
            .stdout
            .contains("15550100008: outcome_unknown, and not settled"),
        "{unsettled:?}"
    );
    assert!(
        !unsettled.stdout.contains("15550100008: post-back"),
        "{unsettled:?}"
    );
}

/// Where there is no memory for a reply, the status tells the outcome.
#[test]
fn outcome_is_told_without_a_reply() {
    if !c::require_tool("go") {
        return;
    }
    let sandbox = start();
    let program = build(go("tests/languages/go"), ".", scratch("go-no-replies"));
    let orders = scratch("go-no-replies.orders");
    // With nothing composed, it is not even sent.
    fs::write(&orders, "919876543210\0Zoë\0+1\0Zoë\0").expect("the target directory is writable");
    let finished = c::run(
        Command::new(program)
            .arg(http_url(&sandbox))
            .arg(&orders)
            .env("LD_PRELOAD", c::no_replies()),
        b"",
    );
    assert_eq!(finished.code(), 0, "{finished:?}");
    assert_eq!(finished.stdout, "ZX_INTERNAL\nZX_INVALID_MESSAGE\n");
    assert_eq!(sandbox.requests().len(), 0);

    let program = build(go("examples/go"), "./cmd/send", scratch("go-send"));
    let mut command = with_credentials(program, "sandbox-key", &sandbox);
    let message = br#"{"recipient":"919876543210","phone_id":"1","interactive":{"type":"button",
        "body":{"text":"x"},"action":{"buttons":[{"type":"reply","reply":{"id":"a","title":"A"}}]}}}"#;
    command.arg("-").env("LD_PRELOAD", c::no_replies());
    let finished = c::run(&mut command, message);
    assert_eq!(finished.code(), 0, "{finished:?}");
    assert_eq!(finished.stdout, "queued as \n");
    assert_eq!(sandbox.requests().len(), 1);
}

#[test]
fn command_says_what_became_of_the_message() {
    let Some(finished) = send("sandbox-key", b"") else {
        return;
    };
    assert_eq!(finished.code(), 0, "{finished:?}");
    assert!(finished.stdout.starts_with("queued as "), "{finished:?}");

    let wrong = send("wrong", b"").expect("go is here");
    assert_eq!(wrong.code(), 1, "{wrong:?}");
    assert!(wrong.stderr.contains("unauthorized"), "{wrong:?}");
    assert!(wrong.stderr.contains("cannot help"), "{wrong:?}");

    let broken = send("sandbox-key", br#"{"recipient":"+1"}"#).expect("go is here");
    assert_eq!(broken.code(), 1, "{broken:?}");
    assert!(broken.stderr.contains("  /recipient: "), "{broken:?}");
}

/// Runs the command with a message on its standard input, or with its built-in one.
fn send(api_key: &str, message: &[u8]) -> Option<Finished> {
    if !c::require_tool("go") {
        return None;
    }
    let sandbox = start();
    let program = build(go("examples/go"), "./cmd/send", scratch("go-send"));
    let mut command = with_credentials(program, api_key, &sandbox);
    if !message.is_empty() {
        command.arg("-");
    }
    Some(c::run(&mut command, message))
}

fn with_credentials(program: PathBuf, api_key: &str, sandbox: &Sandbox) -> Command {
    let mut command = Command::new(program);
    command
        .env("ZIXFLOW_API_KEY", api_key)
        .env("ZIXFLOW_WORKSPACE_ID", "sandbox-workspace")
        .env("ZIXFLOW_BASE_URL", http_url(sandbox));
    command
}

#[test]
fn header_of_another_version_does_not_compile() {
    if !c::require_tool("go") {
        return;
    }
    let directory = scratch("other-header");
    let header = fs::read_to_string(c::root().join("include/zixflow.h")).expect("it is there");
    let other = header.replace("#define ZX_VERSION_MINOR 3", "#define ZX_VERSION_MINOR 4");
    assert_ne!(other, header);
    fs::create_dir_all(&directory).expect("the target directory is writable");
    fs::write(directory.join("zixflow.h"), other).expect("the target directory is writable");
    write_pkg_config(&directory, &directory);

    let output = go_with("go", &directory)
        .args(["vet", "./zixflow"])
        .output()
        .expect("go can be run");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(stderr.contains("is written for zixflow.h 0.3"), "{stderr}");
}

/// One line says what is missing, and not the ten that name what cgo would have defined.
#[test]
fn without_cgo_one_line_says_what_is_needed() {
    if !c::require_tool("go") {
        return;
    }
    for (module, package) in [("go", "./zixflow"), ("examples/go", "./cmd/first")] {
        let output = go(module)
            .args(["build", "-o", "/dev/null", package])
            .env("CGO_ENABLED", "0")
            .output()
            .expect("go can be run");
        assert!(!output.status.success());
        let stderr = String::from_utf8_lossy(&output.stderr);
        let said: Vec<&str> = stderr
            .lines()
            .filter(|line| !line.starts_with("# "))
            .collect();
        assert_eq!(said.len(), 1, "{stderr}");
        let sentence = "install a C compiler and set CGO_ENABLED=1";
        assert!(said[0].contains(sentence), "{stderr}");
    }
}

#[test]
fn library_of_another_version_is_refused() {
    if !c::require_tool("go") {
        return;
    }
    let program = build(go("examples/go"), "./cmd/first", scratch("go-first"));
    let finished = c::run(
        Command::new(program).env("LD_PRELOAD", c::other_version()),
        b"",
    );
    assert_eq!(finished.code(), 1, "{finished:?}");
    assert!(
        finished
            .stderr
            .contains("zixflow.h 0.3.x and runs with libzixflow 0.4.0"),
        "{finished:?}"
    );
}

fn start() -> Sandbox {
    Sandbox::start(Config::default()).expect("loopback ports are free")
}

fn http_url(sandbox: &Sandbox) -> &str {
    sandbox.http_url().expect("it listens for HTTP")
}

fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}
