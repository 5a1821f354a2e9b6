//! The example for Temporal: in the SDK's test environments, and with a server, workers that are
//! killed, and the sandbox.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use support::c;
use support::go::{build, download, go, is_formatted_and_vetted, succeed};
use support::sandbox::{Config, Sandbox};

const MODULE: &str = "examples/temporal";

/// A module of its own, for the sake of what a server requires.
const DEVSERVER: &str = "examples/temporal/cmd/devserver";

#[test]
fn workflow_and_activity_pass_in_the_test_environments() {
    if !c::require_tool("go") || !download(MODULE) {
        return;
    }
    is_formatted_and_vetted(MODULE, &["-tags=e2e"]);
    succeed(go(MODULE).args(["test", "-count=1", "-race", "-timeout=120s", "./..."]));
}

#[test]
#[ignore = "builds a Temporal server, which takes minutes: cargo test --workspace --test shipped -- --ignored --nocapture real_server"]
fn nothing_is_sent_twice_or_lost_on_a_real_server() {
    println!("{}", with_a_server(&["-count=1", "-v", "-timeout=8m"]));
}

/// Prints how many workflows a second there are, and whose processor time it takes.
#[test]
#[ignore = "measures: cargo test --workspace --test shipped --release -- --ignored --nocapture throughput"]
fn throughput() {
    let bench = ["-run=^$", "-bench=.", "-benchtime=2000x", "-timeout=8m"];
    println!("{}", with_a_server(&bench));
}

/// Runs the tests that need a server, and returns what they say.
fn with_a_server(flags: &[&str]) -> String {
    // Twelve seconds for a slow response and ten for a late post-back show nothing that these do not.
    let sandbox = Sandbox::start(Config {
        slow_response: Duration::from_secs(2),
        notify_late: Duration::from_secs(2),
        ..Config::default()
    });
    let sandbox = sandbox.expect("loopback ports are free");
    let devserver = build(apart(DEVSERVER), ".", scratch("temporal-devserver"));
    let worker = build(go(MODULE), "./cmd/worker", scratch("temporal-worker"));
    succeed(
        go(MODULE)
            .args(["test", "-tags=e2e"])
            .args(flags)
            .arg("./e2e")
            .env("DEVSERVER", devserver)
            .env("WORKER", worker)
            .env(
                "ZIXFLOW_SANDBOX_URL",
                sandbox.http_url().expect("it listens for HTTP"),
            ),
    )
}

/// `go` in a module that does not need the library: no change of that has it built anew. With a cache
/// of its own, for it is larger than all the rest.
fn apart(module: &str) -> Command {
    let mut go = Command::new("go");
    go.current_dir(c::root().join(module))
        .env("GOCACHE", scratch("temporal-server-cache"));
    go
}

fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}
