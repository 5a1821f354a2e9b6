//! The library as it is installed: headers, libraries, and what pkg-config and CMake are told.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::c::{cargo, installed_elsewhere, require_tool, root};

/// The prefix under which all was installed, once per test program: by CMake, from this source, or
/// from a package, if [`installed_elsewhere`] says so.
pub fn tree() -> Option<&'static Path> {
    static TREE: OnceLock<Option<PathBuf>> = OnceLock::new();
    TREE.get_or_init(|| installed_elsewhere().or_else(install))
        .as_deref()
}

fn install() -> Option<PathBuf> {
    if !require_tool("cmake") {
        return None;
    }
    let build = scratch("cmake");
    succeed(configure(root(), &build));
    succeed(command("cmake").arg("--build").arg(&build));
    // What an earlier run installed must not count.
    let prefix = scratch("installed").join(program_name());
    let _ = fs::remove_dir_all(&prefix);
    succeed(
        command("cmake")
            .arg("--install")
            .arg(&build)
            .arg("--prefix")
            .arg(&prefix),
    );
    Some(prefix)
}

/// Two test programs may run at a time.
fn program_name() -> String {
    let program = env::current_exe().expect("a program knows its own path");
    let name = program.file_name().expect("a program has a name");
    name.to_string_lossy().into_owned()
}

/// Configures a project that builds the library along, or the library itself.
pub fn configure(source: &Path, build: &Path) -> Command {
    let mut cmake = command("cmake");
    cmake
        .arg("-S")
        .arg(source)
        .arg("-B")
        .arg(build)
        // One for all of them: the library takes minutes.
        .arg(format!(
            "-DZIXFLOW_CARGO_TARGET_DIR={}",
            scratch("cmake-cargo").display()
        ));
    cmake
}

/// A command in the environment that cargo is given in the tests, but for the target directory.
pub fn command(program: &str) -> Command {
    let mut command = Command::new(program);
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
