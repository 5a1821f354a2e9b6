//! The static library beside another one in Rust: two copies of Rust's own library in one program,
//! which must not meet.

#[path = "support/network.rs"]
mod network;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use network::c::{self, C99, NATIVE_LIBRARIES, root};
use network::raw_server::{RawServer, Scheme};

const EXPORTED_SYMBOLS: &str = include_str!("exported_symbols.txt");

#[test]
fn a_panic_in_each_of_two_rust_archives_is_caught_by_its_own() {
    let (ours, other) = (our_archive("linked"), other_archive());
    for (name, archives) in [
        ("ours-first", [&ours, &other]),
        ("other-first", [&other, &ours]),
    ] {
        let server = RawServer::accepting(Scheme::Https);
        let program = scratch(name);
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
    let archive = our_archive("seen");
    let symbols = succeed(
        Command::new("nm")
            .args(["--extern-only", "--defined-only", "--format=just-symbols"])
            .arg(archive),
    );
    let symbols: Vec<&str> = symbols
        .lines()
        .filter(|line| !line.is_empty() && !line.ends_with(':'))
        .collect();
    let expected: Vec<&str> = EXPORTED_SYMBOLS.lines().collect();
    assert_eq!(symbols, expected);
}

/// The static library of the release build, made fit as for a package.
fn our_archive(name: &str) -> PathBuf {
    let archive = scratch(&format!("libzixflow-{name}.a"));
    fs::copy(c::release_libraries().join("libzixflow.a"), &archive).expect("it was built");
    succeed(c::example("archive").arg(&archive));
    archive
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

fn succeed(command: &mut Command) -> String {
    let finished = c::run(command, b"");
    assert_eq!(finished.code(), 0, "{command:?}: {finished:?}");
    finished.stdout
}

fn scratch(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("static_archives");
    fs::create_dir_all(&directory).expect("the target directory is writable");
    directory.join(name)
}
