//! The C++ wrapper and its examples.

use std::collections::BTreeSet;
use std::ffi::CStr;
use std::process::{Command, Stdio};

use serde_json::{Map, Value};
use zixflow::ffi;

use support::c::{self, C99, CXX17, Finished, Program, breadth};
use support::sandbox::{Config, Sandbox};

const COMPILERS: [&str; 2] = ["g++", "clang++"];
const NO_EXCEPTIONS: [&str; 2] = ["-fno-exceptions", "-fno-rtti"];
const STANDARDS: [&str; 3] = ["-std=c++17", "-std=c++20", "-std=c++2b"];

#[test]
fn header_compiles_alone_under_every_standard() {
    for compiler in breadth(&COMPILERS) {
        if !c::require_tool(compiler) {
            continue;
        }
        for standard in breadth(&STANDARDS) {
            for without in breadth(&[&[][..], &NO_EXCEPTIONS]) {
                let flags = [&[*standard], *without].concat();
                let (fine, errors) = compiles(compiler, &flags, "#include <zixflow.hpp>\n");
                assert!(fine, "{compiler} {flags:?}:\n{errors}");
            }
        }
    }
}

/// C++20 names the fields that it sets; the others are no oversight.
#[test]
fn fields_can_be_named() {
    const PROGRAM: &str = "#include <zixflow.hpp>
        using namespace std::chrono_literals;
        void call(const zixflow::client &client, const zixflow::cancel &token);
        void call(const zixflow::client &client, const zixflow::cancel &token) {
          (void)client.send({.recipient = \"1\", .phone_id = \"2\", .body = \"b\", .buttons = {{\"i\", \"t\"}}},
                            {.timeout = 5s, .cancel = token});
          (void)client.send_json(\"{}\", {.tries = true});
          (void)zixflow::client::make(\"\", \"\", {.base_url = \"\", .timeout = 5s});
          (void)zixflow::header{.content = \"c\"};
        }\n";
    for compiler in breadth(&COMPILERS) {
        if c::require_tool(compiler) {
            let (fine, errors) = compiles(compiler, &["-std=c++20"], PROGRAM);
            assert!(fine, "{compiler}:\n{errors}");
        }
    }
}

#[test]
fn response_that_is_not_looked_at_does_not_compile() {
    const CALLS: [&str; 8] = [
        "zixflow::check(\"{}\");",
        "zixflow::compose({});",
        "zixflow::client::make(\"\", \"\");",
        "client.send({});",
        "client.send_json(\"{}\");",
        "client.stats();",
        "zixflow::json_get(\"{}\", \"\");",
        "zixflow::read_post_back(\"{}\");",
    ];
    let program = |calls: String| {
        format!(
            "#include <zixflow.hpp>\n\
             void call(const zixflow::client &client);\n\
             void call(const zixflow::client &client) {{\n{calls}}}\n"
        )
    };
    for compiler in breadth(&COMPILERS) {
        if !c::require_tool(compiler) {
            continue;
        }
        let looked_at = CALLS.map(|call| format!("(void){call}\n")).concat();
        let (fine, errors) = compiles(compiler, &STANDARDS[..1], &program(looked_at));
        assert!(fine, "{compiler}:\n{errors}");

        let discarded = CALLS.map(|call| format!("{call}\n")).concat();
        let (_, errors) = compiles(compiler, &STANDARDS[..1], &program(discarded));
        let refused = |line: &&str| line.contains("error: ") && line.contains("nodiscard");
        let count = errors.lines().filter(refused).count();
        assert_eq!(count, CALLS.len(), "{compiler}:\n{errors}");
    }
}

/// Whether a program compiles, and what the compiler said.
fn compiles(compiler: &str, flags: &[&str], program: &str) -> (bool, String) {
    let mut command = Command::new(compiler);
    command
        .args(flags)
        .args(&CXX17[1..])
        .args(["-fsyntax-only", "-x", "c++", "-I"])
        .arg(c::root().join("include"))
        .arg("-");
    let finished = c::run(command.stdout(Stdio::null()), program.as_bytes());
    (finished.code() == 0, finished.stderr)
}

/// The library and the wrapper have the same statuses, of the same value and name: one that only
/// the library has is no name in C++, and one that only C++ has is not in the switch.
#[test]
fn statuses_are_the_librarys() {
    let names: Vec<_> = (0..1000)
        .map(|value| (value, status_name(value)))
        .filter(|(_, name)| name.starts_with("ZX_"))
        .collect();
    assert!(names.len() >= 9, "{names:?}");
    let each = |line: &dyn Fn(&str, i32) -> String| -> String {
        let lines = names.iter().map(|(value, name)| {
            let name = name.trim_start_matches("ZX_").to_lowercase();
            line(&name, *value)
        });
        lines.collect()
    };
    let assertions =
        each(&|name, value| format!("static_assert(zx_status(status::{name}) == {value});\n"));
    let cases = each(&|name, value| format!("  case status::{name}: return {value};\n"));
    let program = format!(
        "#include <zixflow.hpp>\nusing zixflow::status;\n{assertions}int value(status of);\n\
         int value(status of) {{\n  switch (of) {{\n{cases}  }}\n  return -1;\n}}\n"
    );
    let Some(compiler) = c::cxx() else { return };
    let (fine, errors) = compiles(&compiler, &STANDARDS[..1], &program);
    assert!(fine, "{errors}");
}

fn status_name(value: i32) -> String {
    // SAFETY: it is never NULL, and a constant string.
    let name = unsafe { CStr::from_ptr(ffi::zx_status_name(value)) };
    name.to_str().expect("it is ASCII").to_owned()
}

#[test]
fn options_are_the_librarys() {
    let Some(compiler) = c::cxx() else { return };
    let program = Program::new(&compiler, "tests/cpp/options.cpp").flags(CXX17);
    let printed = c::run(&mut Command::new(program.compile()), b"").stdout;
    let (call, client) = printed.split_once('\n').expect("two lines");

    // SAFETY: a constant string, where there is memory for it.
    let schema = unsafe { CStr::from_ptr(ffi::zx_client_options_schema()) };
    let schema: Value = serde_json::from_slice(schema.to_bytes()).expect("it is JSON");
    let options = schema["properties"].as_object().expect("it is an object");
    let for_calls = options
        .iter()
        .filter(|(_, option)| option["x-per-call"] == true);
    let for_clients = options
        .iter()
        .filter(|(_, option)| option["x-call-alone"] != true);
    assert_eq!(
        names(client),
        for_clients.map(|(name, _)| name.clone()).collect()
    );
    assert_eq!(
        names(call),
        for_calls.map(|(name, _)| name.clone()).collect()
    );
}

/// The keys of a JSON object.
fn names(object: &str) -> BTreeSet<String> {
    let object: Map<String, Value> = serde_json::from_str(object).expect("it is an object");
    object.keys().cloned().collect()
}

#[test]
fn wrapper_works_without_exceptions() {
    for compiler in breadth(&COMPILERS) {
        if !c::require_tool(compiler) {
            continue;
        }
        let program = Program::new(compiler, "tests/cpp/no_exceptions.cpp");
        let program = program.flags(CXX17).flags(NO_EXCEPTIONS).compile();
        let sandbox = start();
        let finished = c::run(Command::new(&program).arg(http_url(&sandbox)), b"");
        assert_eq!(finished.code(), 0, "{finished:?}");
        assert!(
            finished.stdout.contains("/recipient\nZX_OK: "),
            "{finished:?}"
        );
        assert_eq!(sandbox.requests().len(), 2);

        let refused = c::run(Command::new(&program).arg("ftp://localhost"), b"");
        assert_eq!(refused.code(), 1, "{refused:?}");
        assert!(
            refused.stdout.starts_with("ZX_INVALID_ARGUMENT: "),
            "{refused:?}"
        );
    }
}

/// Where there is no memory for a reply, the status tells the outcome.
#[test]
fn status_is_told_without_a_reply() {
    let Some(compiler) = c::cxx() else { return };
    let program = Program::new(&compiler, "tests/cpp/no_replies.cpp").flags(CXX17);
    let sandbox = start();
    let mut command = Command::new(program.compile());
    let finished = c::run(
        command
            .arg(http_url(&sandbox))
            .env("LD_PRELOAD", c::no_replies()),
        b"",
    );
    assert_eq!(finished.code(), 0, "{finished:?}");
    assert_eq!(finished.stdout, "each status is told\n");
}

#[test]
fn wrapper_keeps_its_promises() {
    for compiler in breadth(&COMPILERS) {
        if !c::require_tool(compiler) {
            continue;
        }
        let standard = STANDARDS[STANDARDS.len() - 1];
        for flags in breadth(&[&[standard][..], &["-fsanitize=address,undefined"]]) {
            keeps_promises(&mut Command::new(wrapper(compiler, flags)));
        }
    }
}

#[test]
fn calls_can_be_cancelled_and_tell_of_themselves() {
    let variants: [&[&str]; 4] = [
        &STANDARDS[..1],
        &STANDARDS[2..],
        &["-fsanitize=address,undefined", "-std=c++20"],
        &["-std=c++20", NO_EXCEPTIONS[0], NO_EXCEPTIONS[1]],
    ];
    for compiler in breadth(&COMPILERS) {
        if !c::require_tool(compiler) {
            continue;
        }
        for flags in breadth(&variants) {
            let program = Program::new(compiler, "tests/cpp/cancel.cpp");
            let program = program.flags(CXX17).flags(flags.iter().copied());
            keeps_promises(&mut Command::new(program.compile()));
        }
    }
}

#[test]
fn post_backs_are_read() {
    for compiler in breadth(&COMPILERS) {
        if !c::require_tool(compiler) {
            continue;
        }
        for flags in breadth(&[&NO_EXCEPTIONS[..], &["-fsanitize=address,undefined"]]) {
            let program = Program::new(compiler, "tests/cpp/post_back.cpp");
            let program = program.flags(CXX17).flags(flags.iter().copied());
            let finished = c::run(&mut Command::new(program.compile()), b"");
            assert_eq!(finished.code(), 0, "{finished:?}");
            assert_eq!(finished.stdout, "every promise was kept\n");
        }
    }
}

#[test]
fn ledgers_are_kept() {
    let sandbox = start();
    for compiler in breadth(&COMPILERS) {
        if !c::require_tool(compiler) {
            continue;
        }
        for flags in breadth(&[&NO_EXCEPTIONS[..], &["-fsanitize=address,undefined"]]) {
            let program = Program::new(compiler, "tests/cpp/ledger.cpp");
            let program = program.flags(CXX17).flags(flags.iter().copied());
            let folder = tempfile::tempdir().expect("a folder");
            let mut command = Command::new(program.compile());
            command
                .arg(http_url(&sandbox))
                .arg(folder.path().join("ledger"));
            let finished = c::run(&mut command, b"");
            assert_eq!(finished.code(), 0, "{finished:?}");
            assert_eq!(finished.stdout, "every promise was kept\n");
        }
    }
}

#[test]
fn wrapper_releases_all_that_it_was_handed() {
    let Some(compiler) = c::cxx() else { return };
    let count_objects = Program::c("tests/c/count_objects.c")
        .flags(C99)
        .flags(["-shared", "-fPIC", "-ldl"])
        .compile();
    keeps_promises(Command::new(wrapper(&compiler, &[])).env("LD_PRELOAD", count_objects));
}

fn wrapper(compiler: &str, flags: &[&str]) -> std::path::PathBuf {
    let other_unit = c::root().join("tests/cpp/other_unit.cpp");
    Program::new(compiler, "tests/cpp/wrapper.cpp")
        .flags(CXX17)
        .flags(flags.iter().copied())
        .flags([other_unit.to_str().expect("the path is UTF-8")])
        .compile()
}

fn keeps_promises(command: &mut Command) {
    let sandbox = start();
    let finished = c::run(command.arg(http_url(&sandbox)), b"");
    assert_eq!(finished.code(), 0, "{command:?}\n{}", finished.stderr);
    assert_eq!(finished.stdout, "every promise was kept\n");
}

#[test]
fn library_of_another_version_is_refused() {
    let Some(compiler) = c::cxx() else { return };
    let program = Program::new(&compiler, "examples/cpp/first.cpp");
    let finished = c::run(
        Command::new(program.flags(CXX17).compile())
            .env("LD_PRELOAD", c::other_version())
            .env("ZIXFLOW_API_KEY", "key")
            .env("ZIXFLOW_WORKSPACE_ID", "workspace"),
        b"",
    );
    assert_eq!(finished.code(), 1, "{finished:?}");
    assert!(
        finished
            .stderr
            .contains("zixflow.h 0.3.0 and runs with libzixflow 0.4.0"),
        "{finished:?}"
    );
}

#[test]
fn examples_send() {
    for example in ["first", "send_reply_buttons"] {
        let Some(finished) = run_example(example, &[], "sandbox-key", b"") else {
            return;
        };
        assert_eq!(finished.code(), 0, "{example}: {finished:?}");
    }
    let message = br#"{"recipient":"+1"}"#;
    let broken = run_example("send_reply_buttons", &["-"], "sandbox-key", message);
    let broken = broken.expect("a compiler is here");
    assert_eq!(broken.code(), 1, "{broken:?}");
    assert!(broken.stderr.contains("  /recipient: "), "{broken:?}");
    assert!(broken.stdout.contains("\"invalid_message\""), "{broken:?}");
}

#[test]
fn examples_fail_where_the_api_refuses() {
    for example in ["first", "send_reply_buttons"] {
        let Some(finished) = run_example(example, &[], "wrong", b"") else {
            return;
        };
        assert_eq!(finished.code(), 1, "{example}: {finished:?}");
        assert_ne!(finished.stderr, "", "{example}");
    }
}

#[test]
fn example_has_a_usage_text() {
    let Some(help) = run_example("send_reply_buttons", &["--help"], "", b"") else {
        return;
    };
    assert_eq!(help.code(), 0, "{help:?}");
    assert!(help.stdout.starts_with("usage: "), "{help:?}");
    let misused =
        run_example("send_reply_buttons", &["a", "b"], "", b"").expect("a compiler is here");
    assert_eq!(misused.code(), 1, "{misused:?}");
    assert!(misused.stderr.starts_with("usage: "), "{misused:?}");
}

fn run_example(example: &str, arguments: &[&str], api_key: &str, input: &[u8]) -> Option<Finished> {
    let program = Program::new(&c::cxx()?, &format!("examples/cpp/{example}.cpp"));
    let sandbox = start();
    let mut command = Command::new(program.flags(CXX17).compile());
    command
        .args(arguments)
        .env("ZIXFLOW_API_KEY", api_key)
        .env("ZIXFLOW_WORKSPACE_ID", "sandbox-workspace")
        .env("ZIXFLOW_BASE_URL", http_url(&sandbox));
    Some(c::run(&mut command, input))
}

fn start() -> Sandbox {
    Sandbox::start(Config::default()).expect("loopback ports are free")
}

fn http_url(sandbox: &Sandbox) -> &str {
    sandbox.http_url().expect("it listens for HTTP")
}
