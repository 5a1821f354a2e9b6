//! While an entry is kept, its key never sends a second time what may have been queued: over threads,
//! processes and crashes.

mod calls;
#[cfg(unix)]
mod files;
#[cfg(unix)]
mod kills;
#[cfg(unix)]
mod processes;
mod settling;

use std::path::PathBuf;

use serde_json::{Value, json};
use support::api::{self, Client, message};
use support::raw_server::{Ending, Gate, RawServer, Scheme, accepted, response};

/// A ledger in a folder of its own, and an API whose response to a message is the first word of its tag.
struct Setup {
    folder: tempfile::TempDir,
    server: RawServer,
    /// What `slow` messages wait for.
    gate: Gate,
}

impl Setup {
    fn new() -> Self {
        Setup::over(Scheme::Http)
    }

    fn over(scheme: Scheme) -> Self {
        let gate = Gate::default();
        let passed = gate.clone();
        let server = RawServer::start(scheme, move |peer| {
            loop {
                let tag = peer.request()?.tag();
                match tag.split('-').next() {
                    Some("unknown") => return peer.end(Ending::Close),
                    Some("rejected") => {
                        peer.send(&response(400, "", r#"{"success":false,"message":"no"}"#))?;
                    }
                    Some("busy") => {
                        peer.send(&response(429, "", r#"{"success":false,"message":"later"}"#))?;
                    }
                    Some("late") => {
                        std::thread::sleep(std::time::Duration::from_millis(30));
                        peer.send(&accepted(&tag))?;
                    }
                    Some("slow") => {
                        passed.pass();
                        peer.send(&accepted(&tag))?;
                    }
                    _ => peer.send(&accepted(&tag))?,
                }
            }
        });
        let folder = tempfile::tempdir().expect("a folder");
        Setup {
            folder,
            server,
            gate,
        }
    }

    fn ledger(&self) -> PathBuf {
        self.folder.path().join("ledger")
    }

    fn options_with(&self, more: Value) -> Value {
        let mut options = self.server.options_with(json!({ "max_retries": 0 }));
        options["ledger"] = json!(self.ledger());
        let Value::Object(more) = more else {
            panic!("no object");
        };
        options.as_object_mut().expect("options").extend(more);
        options
    }

    fn client(&self) -> Client {
        api::client(&self.options_with(json!({})))
    }

    fn sent(&self) -> usize {
        self.server.requests().len()
    }

    /// Leaves an entry behind that is unknown.
    fn leave_unknown(&self, client: &Client, key: &str, tag: &str) {
        let reply = client.send_once(key, &message(&format!("unknown-{tag}")));
        reply.assert_status("outcome_unknown");
        assert!(!reply.is_repeated());
    }
}
