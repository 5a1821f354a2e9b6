//! `include/zixflow.h` is clean for every compiler.

use std::path::Path;
use std::process::Command;

use support::c::{self, breadth, linkable_libraries, require_tool, root};

const WARNINGS: [&str; 4] = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"];

#[test]
fn header_compiles_in_every_c() {
    for compiler in breadth(&["gcc", "clang"]) {
        for standard in breadth(&["c99", "c11", "c17", "c2x"]) {
            compile_and_run(compiler, standard, &["-Wstrict-prototypes"]);
        }
    }
}

#[test]
fn header_compiles_in_every_cxx() {
    for compiler in breadth(&["g++", "clang++"]) {
        for standard in breadth(&["c++11", "c++14", "c++17", "c++20", "c++2b"]) {
            compile_and_run(compiler, standard, &["-x", "c++"]);
        }
    }
}

/// Two units that include the header, one of them twice, make a program that knows its versions.
fn compile_and_run(compiler: &str, standard: &str, flags: &[&str]) {
    if !require_tool(compiler) {
        return;
    }
    let libraries = linkable_libraries();
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{compiler}-{standard}"));
    let compiled = c::run(
        Command::new(compiler)
            .arg(format!("-std={standard}"))
            .args(WARNINGS)
            .args(flags)
            .arg("-I")
            .arg(root().join("include"))
            .args(["header_first.c", "header_second.c"].map(|it| root().join("tests/c").join(it)))
            .arg(format!("-L{}", libraries.display()))
            .arg(format!("-Wl,-rpath,{}", libraries.display()))
            .args(["-lzixflow", "-o"])
            .arg(&program),
        b"",
    );
    assert_eq!(compiled.code(), 0, "{compiler} {standard}: {compiled:?}");
    let finished = c::run(&mut Command::new(&program), b"");
    assert_eq!(finished.code(), 0, "{compiler} {standard}: {finished:?}");
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(finished.stdout, format!("{version} {version} ZX_OK\n"));
}
