//! What `cargo cinstall` puts under a prefix is all that a program needs, in C, C++ and Go, shared
//! and static. No program here sees the repository's `include` or `target`.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use support::c::{self, C99, CXX17, SONAME, root};
use support::go::{self, succeed};
use support::sandbox::{Config, Sandbox};

const VERSION: &str = env!("CARGO_PKG_VERSION");

#[test]
fn tree_holds_what_a_package_has() {
    let Some(tree) = tree() else { return };
    let soname = format!("lib/{SONAME}");
    let whole_version = format!("lib/libzixflow.so.{VERSION}");
    let expected = BTreeSet::from(
        [
            "include/zixflow.h",
            "include/zixflow.hpp",
            "lib/libzixflow.a",
            "lib/libzixflow.so",
            &soname,
            &whole_version,
            "lib/pkgconfig/zixflow.pc",
            "share/cmake/zixflow/zixflowConfig.cmake",
            "share/cmake/zixflow/zixflowConfigVersion.cmake",
        ]
        .map(PathBuf::from),
    );
    assert_eq!(files(tree), expected);
    for header in ["include/zixflow.h", "include/zixflow.hpp"] {
        let text = |base: &Path| fs::read_to_string(base.join(header)).expect("it is there");
        assert!(text(tree) == text(root()), "{header} was changed");
    }
    let dynamic = succeed(
        Command::new("readelf")
            .arg("-d")
            .arg(tree.join("lib/libzixflow.so")),
    );
    assert!(
        dynamic.contains(&format!("soname: [{SONAME}]")),
        "{dynamic}"
    );
    assert!(dynamic.contains("NODELETE"), "{dynamic}");
}

/// All files under a directory, relative to it.
fn files(directory: &Path) -> BTreeSet<PathBuf> {
    let mut files = BTreeSet::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(next) = directories.pop() {
        for entry in fs::read_dir(next).expect("it is a directory") {
            let path = entry.expect("it can be read").path();
            if path.is_dir() {
                directories.push(path);
            } else {
                let file = path.strip_prefix(directory).expect("it is inside");
                files.insert(file.to_owned());
            }
        }
    }
    files
}

#[test]
fn programs_link_the_shared_library() {
    let Some(tree) = tree() else { return };
    for program in programs(tree, "shared", "") {
        assert!(needed(&program).contains(SONAME), "{}", program.display());
        sends(Command::new(program).env("LD_LIBRARY_PATH", tree.join("lib")));
    }
}

#[test]
fn programs_link_the_static_library() {
    let Some(tree) = static_tree() else { return };
    for program in programs(tree, "static", "--static") {
        assert!(
            !needed(&program).contains("zixflow"),
            "{}",
            program.display()
        );
        sends(&mut Command::new(program));
    }
}

/// One program in each language that is here, which found the library by pkg-config.
fn programs(tree: &Path, linkage: &str, pkg_config_flag: &str) -> Vec<PathBuf> {
    let mut programs = Vec::new();
    if !c::require_tool("pkg-config") {
        return programs;
    }
    let flags = succeed(
        pkg_config(tree, &mut Command::new("pkg-config"))
            .args(["--cflags", "--libs", "zixflow"])
            .args(Some(pkg_config_flag).filter(|flag| !flag.is_empty())),
    );
    let mut compile = |compiler: &str, standard: &[&str], source: &str| {
        let program = scratch(&format!("{linkage}-{}", source.replace('/', "-")));
        succeed(
            Command::new(compiler)
                .args(standard)
                .arg(root().join(source))
                .arg("-o")
                .arg(&program)
                .args(flags.split_whitespace()),
        );
        programs.push(program);
    };
    compile("cc", &C99, "examples/c/send_reply_buttons.c");
    if let Some(compiler) = c::cxx() {
        compile(&compiler, &CXX17, "examples/cpp/send_reply_buttons.cpp");
    }
    if c::require_tool("go") {
        let mut go = go::go_with("examples/go", &tree.join("lib/pkgconfig"));
        go.env("GOFLAGS", format!("-tags=zixflow_{linkage}"));
        programs.push(go::build(
            go,
            "./cmd/send",
            scratch(&format!("{linkage}-go")),
        ));
    }
    programs
}

/// Lets pkg-config see nothing but the tree.
fn pkg_config<'a>(tree: &Path, command: &'a mut Command) -> &'a mut Command {
    command
        .env("PKG_CONFIG_LIBDIR", tree.join("lib/pkgconfig"))
        .env_remove("PKG_CONFIG_PATH")
}

#[test]
fn cmake_project_links_both() {
    let Some(tree) = tree() else { return };
    if !c::require_tool("cmake") || c::cxx().is_none() {
        return;
    }
    let build = scratch("cmake-examples");
    cmake(tree, &root().join("examples/cmake"), &build);
    succeed(Command::new("cmake").arg("--build").arg(&build));
    for language in ["c", "cpp"] {
        let shared = build.join(format!("{language}_zixflow"));
        assert!(needed(&shared).contains(SONAME));
        sends(&mut Command::new(shared));
        let static_program = build.join(format!("{language}_static"));
        assert!(!needed(&static_program).contains("zixflow"));
        sends(&mut Command::new(static_program));
    }
}

#[test]
fn versions_agree() {
    let Some(tree) = tree() else { return };
    if c::require_tool("pkg-config") {
        let version = succeed(
            pkg_config(tree, &mut Command::new("pkg-config")).args(["--modversion", "zixflow"]),
        );
        assert_eq!(version.trim(), VERSION);
    }
    if c::require_tool("cmake") {
        let project = scratch("cmake-versions");
        fs::create_dir_all(&project).expect("the target directory is writable");
        fs::write(project.join("CMakeLists.txt"), CMAKE_VERSIONS).expect("so it is");
        let printed = cmake(tree, &project, &project.join("build"));
        let expected =
            format!("any: 1 {VERSION}, 0.1: 1, 0.1.0: 1, 0.0: 0, 0.1.1: 0, 0.2: 0, 1: 0,");
        assert!(printed.contains(&expected), "{printed}");
    }
}

/// Prints which of the versions that a project may ask for the installed one stands in for.
const CMAKE_VERSIONS: &str = r#"
cmake_minimum_required(VERSION 3.16)
project(versions LANGUAGES C)
find_package(zixflow REQUIRED)
set(answers "any: ${zixflow_FOUND} ${zixflow_VERSION},")
foreach(version IN ITEMS 0.1 0.1.0 0.0 0.1.1 0.2 1)
  find_package(zixflow ${version} QUIET)
  string(APPEND answers " ${version}: ${zixflow_FOUND},")
endforeach()
message(STATUS "${answers}")
"#;

/// Configures a project that has to find the library in the tree, and returns what CMake printed.
fn cmake(tree: &Path, project: &Path, build: &Path) -> String {
    // What an earlier run found must not count.
    let _ = fs::remove_dir_all(build);
    succeed(
        Command::new("cmake")
            .arg("-S")
            .arg(project)
            .arg("-B")
            .arg(build)
            .arg(format!("-DCMAKE_PREFIX_PATH={}", tree.display())),
    )
}

/// The shared libraries that a program asks the loader for.
fn needed(program: &Path) -> String {
    let dynamic = succeed(Command::new("readelf").arg("-d").arg(program));
    dynamic
        .lines()
        .filter(|line| line.contains("(NEEDED)"))
        .collect()
}

/// Runs a program that has to send its built-in message.
fn sends(command: &mut Command) {
    let sandbox = Sandbox::start(Config::default()).expect("loopback ports are free");
    let finished = c::run(
        command
            .env("ZIXFLOW_API_KEY", "sandbox-key")
            .env("ZIXFLOW_WORKSPACE_ID", "sandbox-workspace")
            .env(
                "ZIXFLOW_BASE_URL",
                sandbox.http_url().expect("it listens for HTTP"),
            ),
        b"",
    );
    assert_eq!(finished.code(), 0, "{command:?}: {finished:?}");
    assert_eq!(sandbox.requests().len(), 1, "{command:?}");
}

/// A prefix under which all was installed.
fn tree() -> Option<&'static Path> {
    static TREE: OnceLock<Option<PathBuf>> = OnceLock::new();
    TREE.get_or_init(|| install("installed", &[])).as_deref()
}

/// A prefix for those who link statically: where both are there, a linker takes the shared library.
fn static_tree() -> Option<&'static Path> {
    static TREE: OnceLock<Option<PathBuf>> = OnceLock::new();
    TREE.get_or_init(|| install("installed-static", &["--library-type", "staticlib"]))
        .as_deref()
}

fn install(name: &str, flags: &[&str]) -> Option<PathBuf> {
    if !c::require_tool("cargo-cinstall") {
        return None;
    }
    let prefix = scratch(name);
    // What an earlier run installed must not count.
    let _ = fs::remove_dir_all(&prefix);
    succeed(
        Command::new("cargo")
            .arg("cinstall")
            .arg("--prefix")
            .arg(&prefix)
            .args(["--libdir", "lib", "--target-dir"])
            .arg(scratch("cinstall"))
            .args(flags)
            .current_dir(root()),
    );
    Some(prefix)
}

fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}
