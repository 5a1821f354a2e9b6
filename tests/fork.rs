//! Rule 8: after `fork()`, a client works in parent and child, which share no connection.

#[path = "support/network.rs"]
mod support;

use std::collections::HashSet;
use std::process::Command;
use std::thread;
use std::time::Duration;

use support::api::message;
use support::c;
use support::raw_server::{RawServer, Scheme, accepted};

const SENDS: usize = 200;

/// The program forks while one of its threads waits for an answer and another sends; then parent
/// and child send at once.
fn fork_three_times(scheme: Scheme) {
    let server = RawServer::start(scheme, |peer| {
        loop {
            let tag = peer.request()?.tag();
            if tag == "slow" {
                thread::sleep(Duration::from_millis(300));
            }
            peer.send(&accepted(&tag))?;
        }
    });
    for _ in 0..3 {
        let finished = c::run(
            Command::new(c::compile("tests/c/fork.c")).args([
                &server.options().to_string(),
                &message("%s"),
                &SENDS.to_string(),
            ]),
            b"",
        );
        assert_eq!(finished.code(), 0, "{finished:?}");
    }
    let tags: Vec<String> = server
        .requests()
        .iter()
        .map(|request| request.tag())
        .filter(|tag| tag.starts_with("parent-") || tag.starts_with("child-"))
        .collect();
    let distinct: HashSet<&String> = tags.iter().collect();
    assert_eq!((tags.len(), distinct.len()), (6 * SENDS, 6 * SENDS));
}

#[test]
fn parent_and_child_send_at_once_over_http() {
    fork_three_times(Scheme::Http);
}

#[test]
fn parent_and_child_send_at_once_over_https() {
    fork_three_times(Scheme::Https);
}
