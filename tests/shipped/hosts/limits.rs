//! A host in which nothing more fits.

use std::process::Command;

use serde_json::json;

use crate::hosts::{host, run};
use support::raw_server::{RawServer, Scheme};

#[test]
fn no_room_for_a_thread_is_a_status() {
    for resource in ["processes", "memory"] {
        let server = RawServer::accepting(Scheme::Http);
        let no_retries = json!({ "max_retries": 0 });
        let by_name = json!({
            "base_url": format!("http://api.invalid:{}", server.address().port()),
            "max_retries": 0,
        });
        run(Command::new(host("without_threads"))
            .arg(resource)
            .args([no_retries, by_name].map(|more| server.options_with(more).to_string())));
        assert_eq!(server.requests().len(), 2, "those that look no name up");
    }
}

#[test]
fn a_freed_handle_costs_nothing_for_good() {
    run(Command::new(host("many_tokens")).arg("10000000"));
}
