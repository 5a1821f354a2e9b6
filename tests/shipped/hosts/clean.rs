//! Hosts under valgrind, which sees every access of the library as it ships.

use std::path::PathBuf;
use std::process::Command;

use crate::hosts::{host, patient_options, run};
use support::api::message;
use support::c::{self, C99, Program, require_tool};
use support::installed;
use support::raw_server::{RawServer, SCHEMES, Scheme};
use support::sandbox::{Config, Sandbox};

/// What valgrind reports, and so ends with 99: what is wrong or lost, and no value that was never
/// set over HTTPS. ring's assembly computes one (the tag of a TLS record).
fn valgrind(scheme: Scheme) -> Command {
    let mut command = Command::new("valgrind");
    command
        .args(["--quiet", "--error-exitcode=99", "--leak-check=full"])
        .args([
            "--errors-for-leak-kinds=definite,indirect",
            "--show-leak-kinds=definite,indirect",
        ])
        .arg(match scheme {
            Scheme::Http => "--undef-value-errors=yes",
            Scheme::Https => "--undef-value-errors=no",
        });
    command
}

#[test]
fn valgrind_finds_no_invalid_access_and_no_leak() {
    if !require_tool("valgrind") {
        return;
    }
    for scheme in SCHEMES {
        let server = RawServer::accepting(scheme);
        let options = patient_options(&server);
        for arguments in [
            &["handles", &options][..],
            &["every_call", &options],
            &["free_while_sending", &options, "1"],
        ] {
            run(valgrind(scheme)
                .arg(host(arguments[0]))
                .args(&arguments[1..]));
        }
    }
}

fn installed_example(name: &str) -> PathBuf {
    Program::c(&format!("examples/c/{name}.c"))
        .flags(C99)
        .libraries(installed::libraries())
        .compile()
}

#[test]
fn the_examples_lose_no_memory_and_read_none_that_is_not_theirs() {
    if !require_tool("valgrind") {
        return;
    }
    let config = Config::default();
    let (key, workspace) = (config.api_key.clone(), config.workspace_id.clone());
    let sandbox = Sandbox::start(config).expect("loopback ports are free");
    for scheme in SCHEMES {
        for (example, argument, exit_status) in [
            ("send_reply_buttons", "-", 0),
            ("send_reply_buttons", "no-such-file", 1),
            ("send_reply_buttons", "/", 1),
            ("compose", "Zoë", 0),
            ("compose", &"x".repeat(1025), 12),
        ] {
            let mut command = valgrind(scheme);
            command
                .arg(installed_example(example))
                .arg(argument)
                .env("ZIXFLOW_API_KEY", &key)
                .env("ZIXFLOW_WORKSPACE_ID", &workspace);
            match scheme {
                Scheme::Http => command.env("ZIXFLOW_BASE_URL", sandbox.http_url().expect("on")),
                Scheme::Https => command
                    .env("ZIXFLOW_BASE_URL", sandbox.https_url().expect("on"))
                    .env("ZIXFLOW_CA_FILE", sandbox.ca_file().expect("HTTPS has one")),
            };
            let finished = c::run(&mut command, message("tag").as_bytes());
            assert_eq!(finished.code(), exit_status, "{scheme:?}: {finished:?}");
        }
    }
}
