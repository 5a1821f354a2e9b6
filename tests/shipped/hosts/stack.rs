//! A host with small threads.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::hosts::proxy::Proxy;
use crate::hosts::{host, new_ledger, run};
use support::api::message;
use support::raw_server::{RawServer, SCHEMES, Scheme};

const MIB: usize = 1024 * 1024;

#[test]
fn every_call_is_content_with_64_kib_of_stack() {
    let mut large_message = message("large");
    large_message += &" ".repeat(MIB - large_message.len());
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("large-message.json");
    fs::write(&file, large_message).expect("the target directory is writable");

    let servers = SCHEMES.map(RawServer::accepting);
    let proxy = Proxy::start();
    let mut ways: Vec<String> = servers
        .iter()
        .map(|server| {
            let more = json!({ "ledger": new_ledger(server) });
            server.options_with(more).to_string()
        })
        .collect();
    let https = servers.iter().zip(SCHEMES).find(|it| it.1 == Scheme::Https);
    let (https, _) = https.expect("one of them");
    for more in [
        json!({ "base_url": format!("https://localhost:{}", https.address().port()) }),
        json!({ "proxy": format!("http://user:password@{}", proxy.address) }),
        json!({ "proxy": format!("socks5://user:password@{}", proxy.address) }),
        json!({ "tls_roots": "system" }),
    ] {
        ways.push(https.options_with(more).to_string());
    }
    let finished = run(Command::new(host("small_stack")).arg(file).args(&ways));
    println!("{}", finished.stdout);
    // Two on each of the two ways that lead through it.
    assert_eq!(proxy.connections(), 4);
}
