//! The library as it is installed: headers, libraries, and what pkg-config and CMake are told.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::c::{cargo, installed_elsewhere, root};

/// The prefix under which all was installed: by CMake from this source, or from a package.
pub fn tree() -> PathBuf {
    installed_elsewhere().expect(
        "ZIXFLOW_INSTALLED must name the prefix of an installed library: `.ci/run shipped` makes one",
    )
}

/// The directory of the installed libraries.
pub fn libraries() -> PathBuf {
    tree().join("lib")
}

/// Configures a project that builds the library along, or the library itself.
pub fn configure(source: &Path, build: &Path) -> Command {
    let mut cmake = command("cmake");
    cmake
        .arg("-S")
        .arg(source)
        .arg("-B")
        .arg(build)
        // That of `packaging/try-flags`, which builds the same: the library takes minutes.
        .arg(format!(
            "-DZIXFLOW_CARGO_TARGET_DIR={}",
            root().join("target/flags/cargo").display()
        ));
    cmake
}

/// A command in the environment that cargo is given in the tests, but for the target directory; and but
/// for what takes Rust minutes and has nothing to do with how a project builds the library.
pub fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.envs([
        ("CARGO_PROFILE_RELEASE_LTO", "false"),
        ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
        ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1"),
    ]);
    for (name, value) in cargo().get_envs() {
        if value.is_none() {
            command.env_remove(name);
        }
    }
    command
}

/// Runs a command that has to succeed, and returns what it printed. Builds take their time.
pub fn succeed(mut command: impl std::borrow::BorrowMut<Command>) -> String {
    let command = command.borrow_mut();
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{stdout}{stderr}");
    stdout
}

pub fn scratch(name: &str) -> PathBuf {
    crate::c::scratch().join(name)
}
