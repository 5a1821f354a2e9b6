//! A host's signals are its own.

use std::process::Command;

use serde_json::json;

use crate::hosts::{host, run};
use support::raw_server::{Ending, RawServer, SCHEMES};

#[test]
fn a_peer_that_resets_raises_no_sigpipe_and_no_disposition_changes() {
    let servers: Vec<RawServer> = SCHEMES
        .into_iter()
        // In the middle of the request's head, of its body, and behind it.
        .flat_map(|scheme| [200, 20_000, usize::MAX].map(|bytes| (scheme, bytes)))
        .map(|(scheme, bytes)| {
            RawServer::start(scheme, move |peer| {
                peer.handshake()?;
                peer.read_at_most(bytes);
                // Fails when so many bytes were read.
                let _ = peer.request();
                peer.end(Ending::Reset)
            })
        })
        .collect();
    run(Command::new(host("signals")).args(
        servers
            .iter()
            .map(|server| server.options_with(json!({ "max_retries": 0 })).to_string()),
    ));
}
