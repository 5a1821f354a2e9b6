//! The static library beside another one in Rust: two copies of Rust's own library in one program,
//! which must not meet.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use support::c::{self, C99, NATIVE_LIBRARIES, root};
use support::installed::{self, scratch, succeed};
use support::raw_server::{RawServer, Scheme};

const EXPORTED_SYMBOLS: &str = include_str!("../../src/ffi/exports.txt");

#[test]
fn a_panic_in_each_of_two_rust_archives_is_caught_by_its_own() {
    let ours = our_archive();
    let other = other_archive();
    for (name, archives) in [
        ("ours-first", [&ours, &other]),
        ("other-first", [&other, &ours]),
    ] {
        let server = RawServer::accepting(Scheme::Https);
        let program = scratch(&format!("two-archives-{name}"));
        succeed(
            Command::new(env::var_os("CC").unwrap_or_else(|| "cc".into()))
                .args(C99)
                .arg("-I")
                .arg(root().join("include"))
                .arg(root().join("tests/c/host_two_archives.c"))
                .args(archives)
                .args(NATIVE_LIBRARIES)
                .arg("-o")
                .arg(&program),
        );
        let finished = c::run(
            Command::new(&program).arg(server.options().to_string()),
            b"",
        );
        assert_eq!(finished.code(), 0, "{name}: {finished:?}");
        assert_eq!(finished.stderr, "", "{name}");
        assert_eq!(server.requests().len(), 3, "{name}");
    }
}

#[test]
fn only_our_functions_can_be_seen() {
    let symbols = succeed(
        Command::new("nm")
            .args(["--extern-only", "--defined-only", "--format=just-symbols"])
            .arg(our_archive()),
    );
    let symbols: Vec<&str> = symbols
        .lines()
        .filter(|line| !line.is_empty() && !line.ends_with(':'))
        .collect();
    let expected: Vec<&str> = EXPORTED_SYMBOLS.lines().collect();
    assert_eq!(symbols, expected);
}

/// The static library as it is installed.
fn our_archive() -> PathBuf {
    installed::libraries().join("libzixflow.a")
}

fn other_archive() -> PathBuf {
    let archive = scratch("libother.a");
    succeed(
        Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
            .args(["--edition", "2024", "--crate-type", "staticlib", "-O", "-o"])
            .arg(&archive)
            .arg(root().join("tests/fixtures/other_archive.rs")),
    );
    archive
}
