//! The Go package's own tests, under all that watches them.

use support::c::{self, C99, Program};
use support::go::{download, go, is_formatted_and_vetted, succeed};
use support::sandbox::{Config, Sandbox};

const MODULES: [&str; 3] = ["go", "examples/go", "tests/languages/go"];

#[test]
fn code_is_formatted_and_vetted() {
    if !c::require_tool("go") {
        return;
    }
    for module in MODULES {
        is_formatted_and_vetted(module, &[]);
    }
}

#[test]
fn package_passes_under_the_race_detector() {
    passes(&["-race"], "", &[]);
}

#[test]
fn package_passes_with_every_pointer_checked() {
    // The race detector leaves these out.
    let others = [
        "TestTwentyThousandGoroutinesAgainstASilentServer",
        "TestNothingLeaks",
    ];
    passes(&[], "cgocheck2", &others);
}

/// The example for Prometheus, in a module of its own for the sake of what it requires.
#[test]
fn counts_are_shown_to_prometheus() {
    const MODULE: &str = "go/prometheus";
    if !c::require_tool("go") || !download(MODULE) {
        return;
    }
    is_formatted_and_vetted(MODULE, &[]);
    succeed(go(MODULE).args(["test", "-count=1", "./..."]));
}

/// Runs the package's tests against a sandbox, and sees to it that none was skipped.
fn passes(flags: &[&str], experiment: &str, others: &[&str]) {
    if !c::require_tool("go") {
        return;
    }
    let sandbox = Sandbox::start(Config::default()).expect("loopback ports are free");
    let hanging_host = Program::c("tests/c/hanging_host.c")
        .flags(C99)
        .flags(["-shared", "-fPIC", "-ldl"])
        .compile();
    let preload = format!("-exec=env LD_PRELOAD={}", hanging_host.display());
    let printed = succeed(
        go("go")
            .args(["test", "-count=1", "-timeout=120s", "-v", &preload, "./..."])
            .args(flags)
            .env("GOEXPERIMENT", experiment)
            .env("ZIXFLOW_HOST_THAT_HANGS", "hangs.test")
            .env(
                "ZIXFLOW_SANDBOX_URL",
                sandbox.http_url().expect("it listens for HTTP"),
            ),
    );
    let tests = [
        "TestThousandGoroutinesUnderGarbageCollection",
        "ExampleClient_Send",
    ];
    for test in tests.iter().chain(others) {
        assert!(printed.contains(&format!("--- PASS: {test}")), "{printed}");
    }
    assert!(!printed.contains("--- SKIP"), "{printed}");
}

#[test]
fn any_customer_name_survives_composing() {
    if !c::require_tool("go") {
        return;
    }
    succeed(go("go").args([
        "test",
        "-run=^$",
        "-fuzz=FuzzCustomerName",
        "-fuzztime=20000x",
        "./zixflow",
    ]));
}
