//! A client serves any number of threads at once, with a connection for each and no more.

use std::sync::Barrier;
use std::thread;

use serde_json::json;
use support::api::{client, message};
use support::raw_server::{RawServer, SCHEMES};

/// With no option set, each of many threads finds the connection that it left, even where all are idle
/// at the same time.
#[test]
fn many_threads_keep_a_connection_each() {
    const MANY: usize = 200;
    const ROUNDS: usize = 4;
    for scheme in SCHEMES {
        let server = RawServer::accepting(scheme);
        // Two hundred handshakes at once take a busy machine longer than a connection has by default.
        let patient = json!({ "timeout_ms": 120_000, "connect_timeout_ms": 120_000 });
        let client = client(&server.options_with(patient));
        let together = Barrier::new(MANY);
        thread::scope(|scope| {
            for _ in 0..MANY {
                scope.spawn(|| {
                    for _ in 0..ROUNDS {
                        together.wait();
                        client.send(&message("tag")).assert_status("ok");
                    }
                });
            }
        });
        assert_eq!(server.requests().len(), MANY * ROUNDS);
        let connections = server.connections();
        assert!(connections <= MANY, "{scheme:?}: {connections} connections");
    }
}
