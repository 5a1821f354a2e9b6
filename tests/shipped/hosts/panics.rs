//! A panic inside the library as it ships.

use std::process::Command;

use crate::hosts::{host, run};
use support::raw_server::{RawServer, Scheme};

#[test]
fn a_panic_is_a_status_and_the_next_call_works() {
    let server = RawServer::accepting(Scheme::Http);
    // Without a word on standard error, even where Rust programs are told to be verbose.
    run(Command::new(host("panic"))
        .env("RUST_BACKTRACE", "full")
        .arg(server.options().to_string()));
    assert_eq!(
        server.requests().len(),
        101,
        "one after each pair of panics"
    );
}
