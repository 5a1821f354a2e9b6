//! The wrong pointer, and a client freed under other threads' feet.

use std::process::Command;

use crate::hosts::{host, run, run_for_number};
use support::raw_server::{RawServer, SCHEMES, Scheme};

#[test]
fn wrong_pointers_are_answered() {
    let server = RawServer::accepting(Scheme::Http);
    run(Command::new(host("handles")).arg(server.options().to_string()));
}

#[test]
fn calls_in_flight_on_a_freed_client_finish() {
    for scheme in SCHEMES {
        let server = RawServer::accepting(scheme);
        let accepted = run_for_number(
            Command::new(host("free_while_sending"))
                .arg(server.options().to_string())
                .arg("5"),
        );
        assert!(accepted > 0);
        assert_eq!(server.requests().len(), accepted, "{scheme:?}");
    }
}
