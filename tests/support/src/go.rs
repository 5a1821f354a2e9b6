//! Runs the go command against the library that this test run built.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::c;

/// `go`, in a module of this repository. The library is found by pkg-config, as an installed one.
pub fn go(module: &str) -> Command {
    go_with(module, library())
}

/// `go` with the library that the pkg-config file in another directory tells of.
pub fn go_with(module: &str, pkg_config_directory: &Path) -> Command {
    let flags = succeed(
        Command::new("pkg-config")
            .env("PKG_CONFIG_LIBDIR", pkg_config_directory)
            .env_remove("PKG_CONFIG_PATH")
            .args(["--cflags", "--libs", "zixflow"]),
    );
    let include = flags
        .split_whitespace()
        .find_map(|flag| flag.strip_prefix("-I"));
    let header = Path::new(include.expect("it names the headers' directory")).join("zixflow.h");
    let header = fs::read(header).expect("the header is there");
    let mut go = Command::new("go");
    go.current_dir(c::root().join(module))
        .env("PKG_CONFIG_LIBDIR", pkg_config_directory)
        .env_remove("PKG_CONFIG_PATH")
        // Go's cache knows a package by its own files and the environment: it would not notice that
        // the header or the library's place has changed.
        .env(
            "CGO_CFLAGS",
            format!("-O2 -DBUILT_WITH={}", c::hash((flags, header))),
        );
    go
}

/// Builds a command of a module, and returns the executable's path.
pub fn build(mut go: Command, package: &str, executable: PathBuf) -> PathBuf {
    succeed(
        // A checkout that git does not trust would fail to be stamped.
        go.args(["build", "-buildvcs=false", "-o"])
            .arg(&executable)
            .arg(package),
    );
    executable
}

/// Downloads what a module requires. False where that cannot be, which is allowed outside of CI.
pub fn download(module: &str) -> bool {
    let downloaded = go(module).args(["mod", "download"]).output();
    let downloaded = downloaded.expect("go can be run");
    if !downloaded.status.success() {
        let reason = String::from_utf8_lossy(&downloaded.stderr);
        assert!(env::var_os("CI").is_none(), "{reason}");
        println!("skipped: its modules cannot be downloaded: {reason}");
    }
    downloaded.status.success()
}

/// Sees to it that gofmt and vet, with further flags, have nothing to say.
pub fn is_formatted_and_vetted(module: &str, flags: &[&str]) {
    let unformatted = succeed(
        Command::new("gofmt")
            .args(["-l", "."])
            .current_dir(c::root().join(module)),
    );
    assert_eq!(unformatted, "", "gofmt -w would change these in {module}");
    succeed(go(module).arg("vet").args(flags).arg("./..."));
}

/// Runs a command that has to succeed, and returns what it printed.
pub fn succeed(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{stdout}{stderr}");
    stdout
}

/// The directory of a pkg-config file that tells of the library in the target directory.
fn library() -> &'static Path {
    static WRITTEN: OnceLock<PathBuf> = OnceLock::new();
    WRITTEN.get_or_init(|| {
        let directory = c::scratch().join("pkg-config");
        write_pkg_config(&directory, &c::root().join("include"));
        directory
    })
}

/// Writes a pkg-config file for this test run's library, with its headers in `include`.
pub fn write_pkg_config(directory: &Path, include: &Path) {
    let libraries = c::linkable_libraries();
    let text = format!(
        "Name: zixflow\nDescription: built for the tests\nVersion: {version}\n\
         Cflags: -I{include}\nLibs: -L{libraries} -Wl,-rpath,{libraries} -lzixflow\n",
        version = env!("CARGO_PKG_VERSION"),
        include = include.display(),
        libraries = libraries.display(),
    );
    fs::create_dir_all(directory).expect("the target directory is writable");
    fs::write(directory.join("zixflow.pc"), text).expect("the target directory is writable");
}
