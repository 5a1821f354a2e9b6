//! What is installed is all that a program needs, in C, C++ and Go, shared and static. No program
//! here sees the repository's `include` or `target`, but for those that build the library along.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::c::{self, C99, CXX17, NATIVE_LIBRARIES, SONAME, root};
use support::go;
use support::installed::{self, scratch, succeed, tree};
use support::sandbox::{Config, Sandbox};

const VERSION: &str = env!("CARGO_PKG_VERSION");

#[test]
fn tree_holds_what_programs_need() {
    let tree = &tree();
    let soname = format!("lib/{SONAME}");
    let whole_version = format!("lib/libzixflow.so.{VERSION}");
    let expected = BTreeSet::from(
        [
            "include/zixflow.h",
            "include/zixflow.hpp",
            "lib/cmake/zixflow/zixflowConfig.cmake",
            "lib/cmake/zixflow/zixflowConfigVersion.cmake",
            "lib/libzixflow.a",
            "lib/libzixflow.so",
            &soname,
            &whole_version,
            "lib/pkgconfig/zixflow-static.pc",
            "lib/pkgconfig/zixflow.pc",
        ]
        .map(PathBuf::from),
    );
    let mut found = files(tree);
    // A package has programs and documents, too.
    found.retain(|file| file.starts_with("include") || file.starts_with("lib"));
    assert_eq!(found, expected);
    for header in ["include/zixflow.h", "include/zixflow.hpp"] {
        let text = |base: &Path| fs::read_to_string(base.join(header)).expect("it is there");
        assert!(text(tree) == text(root()), "{header} was changed");
    }
    for link in ["lib/libzixflow.so", &soname] {
        let leads_to = fs::read_link(tree.join(link)).expect("a symbolic link");
        assert!(leads_to.is_relative(), "{}", leads_to.display());
    }
}

#[test]
fn nothing_in_the_tree_names_where_it_was_built() {
    let tree = &tree();
    for file in files(tree) {
        let text = fs::read(tree.join(&file)).expect("it can be read");
        for place in [root(), tree] {
            let place = place.to_str().expect("UTF-8").as_bytes();
            let named = text.windows(place.len()).any(|window| window == place);
            assert!(!named, "{}", file.display());
        }
    }
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
    let tree = &tree();
    for program in programs(tree, "shared", &["zixflow"], &[]) {
        assert!(needed(&program).contains(SONAME), "{}", program.display());
        sends(Command::new(program).env("LD_LIBRARY_PATH", tree.join("lib")));
    }
}

#[test]
fn programs_link_the_static_library() {
    let tree = &tree();
    for (name, flags) in [("static", &[][..]), ("static-libgcc", &["-static-libgcc"])] {
        for program in programs(tree, name, &["zixflow-static"], flags) {
            let needed = needed(&program);
            assert!(!needed.contains("zixflow"), "{}", program.display());
            sends(&mut Command::new(program));
        }
    }
}

#[test]
fn programs_link_everything_statically() {
    let tree = &tree();
    for (name, flag) in [("all-static", "-static"), ("all-static-pie", "-static-pie")] {
        for package in [&["zixflow-static"][..], &["--static", "zixflow"]] {
            for program in programs(tree, name, package, &[flag]) {
                assert_eq!(needed(&program), "", "{}", program.display());
                sends(&mut Command::new(program));
            }
        }
    }
}

#[test]
fn the_tree_can_lie_anywhere() {
    let tree = &tree();
    let elsewhere = scratch("moved");
    let _ = fs::remove_dir_all(&elsewhere);
    let spacious = elsewhere.join("a home directory").join("zixflow");
    let plain = elsewhere.join("zixflow");
    for place in [&spacious, &plain] {
        fs::create_dir_all(place).expect("the target directory is writable");
        succeed(Command::new("cp").arg("-a").arg(tree.join(".")).arg(place));
    }
    for program in programs(&plain, "moved", &["zixflow"], &[]) {
        sends(Command::new(program).env("LD_LIBRARY_PATH", plain.join("lib")));
    }
    cmake_examples_send(&spacious, &scratch("cmake-moved"));
}

/// One program in each language that is here, which found the library by pkg-config.
fn programs(tree: &Path, name: &str, package: &[&str], flags: &[&str]) -> Vec<PathBuf> {
    let mut programs = Vec::new();
    if !c::require_tool("pkg-config") {
        return programs;
    }
    let found = succeed(
        pkg_config(tree, &mut Command::new("pkg-config"))
            .args(["--cflags", "--libs"])
            .args(package),
    );
    let mut compile = |compiler: &str, standard: &[&str], source: &str| {
        let program = scratch(&format!("{name}-{}", source.replace('/', "-")));
        succeed(
            Command::new(compiler)
                .args(standard)
                .args(flags)
                .arg(root().join(source))
                .arg("-o")
                .arg(&program)
                .args(found.split_whitespace()),
        );
        programs.push(program);
    };
    compile("cc", &C99, "examples/c/send_reply_buttons.c");
    if let Some(compiler) = c::cxx() {
        compile(&compiler, &CXX17, "examples/cpp/send_reply_buttons.cpp");
    }
    // Go brings flags of its own, and the package's name.
    if flags.is_empty() && c::require_tool("go") {
        let linkage = package[0].replace("zixflow-static", "static");
        let mut go = go::go_with("examples/go", &tree.join("lib/pkgconfig"));
        go.env("GOFLAGS", format!("-tags=zixflow_{linkage}"));
        programs.push(go::build(go, "./cmd/send", scratch(&format!("{name}-go"))));
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
    let tree = &tree();
    cmake_examples_send(tree, &scratch("cmake-examples"));
}

/// Builds examples/cmake, which has to find the library in a tree, and runs its programs.
fn cmake_examples_send(tree: &Path, build: &Path) {
    if !c::require_tool("cmake") || c::cxx().is_none() {
        return;
    }
    cmake(tree, &root().join("examples/cmake"), build);
    succeed(Command::new("cmake").arg("--build").arg(build));
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
fn cmake_project_builds_the_library_along() {
    if !c::require_tool("cmake") {
        return;
    }
    for (name, inclusion) in [
        ("subdirectory", "add_subdirectory(\"${ZIXFLOW}\" zixflow)"),
        (
            "fetched",
            "include(FetchContent)\n\
             FetchContent_Declare(zixflow SOURCE_DIR \"${ZIXFLOW}\")\n\
             FetchContent_MakeAvailable(zixflow)",
        ),
    ] {
        let project = scratch("cmake-along").join(name);
        let build = project.join("build");
        let _ = fs::remove_dir_all(&project);
        fs::create_dir_all(&project).expect("the target directory is writable");
        let lists = CMAKE_ALONG.replace("@inclusion@", inclusion);
        fs::write(project.join("CMakeLists.txt"), lists).expect("so it is");
        succeed(
            installed::configure(&project, &build)
                .arg(format!("-DZIXFLOW={}", root().display()))
                .arg(format!(
                    "-DCMAKE_INSTALL_PREFIX={}",
                    project.join("installed").display()
                )),
        );
        succeed(installed::command("cmake").arg("--build").arg(&build));
        assert!(needed(&build.join("shared")).contains(SONAME));
        assert!(!needed(&build.join("static")).contains("zixflow"));
        assert_eq!(needed(&build.join("all_static")), "");
        for program in ["shared", "static", "all_static"] {
            sends(&mut Command::new(build.join(program)));
        }
        succeed(installed::command("cmake").arg("--install").arg(&build));
        assert_eq!(
            files(&project.join("installed")),
            BTreeSet::from(["bin/static".into()]),
            "the project's own, and no more"
        );
    }
}

/// A project that has the library as a part of itself.
const CMAKE_ALONG: &str = r#"
cmake_minimum_required(VERSION 3.16)
project(along LANGUAGES C)
@inclusion@
foreach(program IN ITEMS shared static all_static)
  add_executable(${program} "${ZIXFLOW}/examples/c/send_reply_buttons.c")
endforeach()
target_link_libraries(shared PRIVATE zixflow::zixflow)
target_link_libraries(static PRIVATE zixflow::static)
target_link_libraries(all_static PRIVATE zixflow::static -static)
install(TARGETS static DESTINATION bin)
"#;

/// Absolute directories, as Nix gives them, are taken as what they are in the prefix.
#[test]
fn directories_may_be_absolute_in_the_prefix() {
    if !c::require_tool("cmake") {
        return;
    }
    let build = scratch("absolute-directories");
    let _ = fs::remove_dir_all(&build);
    let configure = |library: &str, include: &str| {
        installed::configure(root(), &build)
            .arg("-DCMAKE_INSTALL_PREFIX=/nix/store/x")
            .arg(format!("-DCMAKE_INSTALL_LIBDIR={library}"))
            .arg(format!("-DCMAKE_INSTALL_INCLUDEDIR={include}"))
            .output()
            .expect("cmake can be run")
    };
    let configured = configure("/nix/store/x/lib/deep", "/nix/store/x/include");
    assert!(configured.status.success(), "{configured:?}");
    let text = fs::read_to_string(build.join("zixflow.pc")).expect("it is configured");
    for line in [
        "prefix=${pcfiledir}/../../..\n",
        "libdir=${prefix}/lib/deep\n",
        "includedir=${prefix}/include\n",
    ] {
        assert!(text.contains(line), "{text}");
    }
    for (library, include, refused) in [
        ("/nix/store/y/lib", "include", "CMAKE_INSTALL_LIBDIR"),
        ("/nix/store/x-dev/lib", "include", "CMAKE_INSTALL_LIBDIR"),
        ("lib", "/usr/include", "CMAKE_INSTALL_INCLUDEDIR"),
    ] {
        let configured = configure(library, include);
        let said = String::from_utf8_lossy(&configured.stderr);
        assert!(!configured.status.success(), "{library} {include}");
        assert!(said.contains(refused) && said.contains("prefix"), "{said}");
    }
}

/// One list, which every way to link statically is given.
#[test]
fn static_library_names_all_that_it_needs() {
    let tree = &tree();
    let private = |file: &str, key: &str| -> Vec<String> {
        let text = fs::read_to_string(tree.join("lib/pkgconfig").join(file)).expect("it is there");
        let line = text.lines().find_map(|line| line.strip_prefix(key));
        line.expect("such a line")
            .split_whitespace()
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(private("zixflow.pc", "Libs.private:"), NATIVE_LIBRARIES);
    assert_eq!(
        private("zixflow-static.pc", "Libs: ${libdir}/libzixflow.a"),
        NATIVE_LIBRARIES
    );

    let output = c::cargo()
        .args(["rustc", "--lib", "--crate-type", "staticlib"])
        .args(["--", "--print", "native-static-libs"])
        .output()
        .expect("cargo can be run");
    let printed = String::from_utf8_lossy(&output.stderr);
    let (_, list) = printed
        .split_once("native-static-libs: ")
        .unwrap_or_else(|| panic!("no list in {printed}"));
    let list = list.lines().next().unwrap_or_default().split_whitespace();
    let lacking: BTreeSet<&str> = list
        .filter(|library| !NATIVE_LIBRARIES.contains(library))
        .collect();
    assert_eq!(
        lacking,
        BTreeSet::from(["-lc", "-lgcc_s"]),
        "but for what each compiler adds by itself"
    );
}

#[test]
fn versions_agree() {
    let tree = &tree();
    if c::require_tool("pkg-config") {
        for package in ["zixflow", "zixflow-static"] {
            let version = succeed(
                pkg_config(tree, &mut Command::new("pkg-config")).args(["--modversion", package]),
            );
            assert_eq!(version.trim(), VERSION);
        }
    }
    if c::require_tool("cmake") {
        let project = scratch("cmake-versions");
        fs::create_dir_all(&project).expect("the target directory is writable");
        fs::write(project.join("CMakeLists.txt"), CMAKE_VERSIONS).expect("so it is");
        let printed = cmake(tree, &project, &project.join("build"));
        let expected =
            format!("any: 1 {VERSION}, 0.3: 1, 0.3.0: 1, 0.2: 0, 0.3.1: 0, 0.4: 0, 1: 0,");
        assert!(printed.contains(&expected), "{printed}");
    }
}

/// Prints which of the versions that a project may ask for the installed one stands in for.
const CMAKE_VERSIONS: &str = r#"
cmake_minimum_required(VERSION 3.16)
project(versions LANGUAGES C)
find_package(zixflow REQUIRED)
set(answers "any: ${zixflow_FOUND} ${zixflow_VERSION},")
foreach(version IN ITEMS 0.3 0.3.0 0.2 0.3.1 0.4 1)
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
