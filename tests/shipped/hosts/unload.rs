//! A host that loads plugins and unloads them.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::hosts::{host, run, run_for_number};
use crate::real::service::find;
use support::installed;
use support::raw_server::{RawServer, Scheme};

/// What the allocator may keep for itself. Measured: 130 KiB.
const LEVEL_KIB: usize = 512;

#[test]
fn loading_and_unloading_100_times_neither_crashes_nor_grows() {
    // A name that is looked up, so that there is a thread of the library's own.
    const NAME: &str = "api.test";
    let Some(wrapper) = find("libnss_wrapper.so") else {
        return;
    };
    let hosts = installed::scratch("hosts");
    fs::write(&hosts, format!("127.0.0.1 {NAME}\n")).expect("it can be written");
    let server = RawServer::accepting(Scheme::Https);
    let options = server.options_with(json!({
        "base_url": format!("https://{NAME}:{}", server.address().port()),
    }));
    let grown = run_for_number(
        Command::new(host("unload"))
            .env("LD_PRELOAD", wrapper)
            .env("NSS_WRAPPER_HOSTS", hosts)
            .arg(installed::libraries().join("libzixflow.so"))
            .arg("100")
            .arg(options.to_string()),
    );
    assert_eq!(server.requests().len(), 500);
    assert!(grown <= LEVEL_KIB, "{grown} KiB more");
}

#[test]
fn two_copies_in_one_process_do_not_mix() {
    let server = RawServer::accepting(Scheme::Http);
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("libzixflow-copy.so");
    fs::copy(installed::libraries().join("libzixflow.so"), &copy).expect("it was built");
    run(Command::new(host("two_copies"))
        .arg(copy)
        .arg(server.options().to_string()));
    assert_eq!(server.requests().len(), 4);
}
