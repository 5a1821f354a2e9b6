//! Hosts under valgrind, which sees every access of the library as it ships.

use std::process::Command;

use crate::hosts::{host, patient_options, run};
use support::c::require_tool;
use support::raw_server::{RawServer, SCHEMES, Scheme};

#[test]
fn valgrind_finds_no_invalid_access_and_no_leak() {
    if !require_tool("valgrind") {
        return;
    }
    for scheme in SCHEMES {
        let server = RawServer::accepting(scheme);
        let options = patient_options(&server);
        // To valgrind, what ring's assembly computes (the tag of a TLS record) was never set.
        let undefined_values = match scheme {
            Scheme::Http => "--undef-value-errors=yes",
            Scheme::Https => "--undef-value-errors=no",
        };
        for arguments in [
            &["handles", &options][..],
            &["every_call", &options],
            &["free_while_sending", &options, "1"],
        ] {
            run(Command::new("valgrind")
                .args(["--quiet", "--error-exitcode=99", "--leak-check=full"])
                .args([
                    "--errors-for-leak-kinds=definite",
                    "--show-leak-kinds=definite",
                ])
                .arg(undefined_values)
                .arg(host(arguments[0]))
                .args(&arguments[1..]));
        }
    }
}
