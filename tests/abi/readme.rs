//! The README shows whole programs and tables; each is what the repository has.

use std::fs;

use support::c::root;
use support::sandbox::recipients;

fn readme() -> String {
    fs::read_to_string(root().join("README.md")).expect("a README")
}

/// Every `<!-- FILE -->` in front of a block of code names the file that it repeats; that file is
/// compiled and run by the tests of its language.
#[test]
fn every_program_in_the_readme_is_the_example_that_the_tests_run() {
    let readme = readme();
    for file in [
        "examples/c/first_program.c",
        "examples/cpp/first.cpp",
        "examples/go/cmd/first/main.go",
    ] {
        let (_, block) = readme
            .split_once(&format!("<!-- {file} -->\n```"))
            .unwrap_or_else(|| panic!("the README shows no {file}"));
        let (_, block) = block.split_once('\n').expect("a line break");
        let (block, _) = block.split_once("```").expect("the block's end");
        let example = fs::read_to_string(root().join(file)).expect(file);
        assert_eq!(block, example, "{file} has changed, and the README has not");
    }
}

#[test]
fn no_other_block_in_the_readme_is_a_program() {
    let programs = ["```c\n", "```cpp\n", "```go\n"];
    let count: usize = programs
        .iter()
        .map(|fence| readme().matches(fence).count())
        .sum();
    assert_eq!(count, 3);
}

#[test]
fn the_table_of_magic_recipients_is_the_sandboxs() {
    let readme = fs::read_to_string(root().join("sandbox/README.md")).expect("a README");
    assert!(
        readme.contains(&recipients::table()),
        "put this into the sandbox's README:\n{}",
        recipients::table()
    );
}

/// Each block of commands has a name, by which packaging/try-installed runs it as it stands.
#[test]
fn every_command_in_the_readme_is_run_by_a_test() {
    let readme = readme();
    let script = fs::read_to_string(root().join("packaging/try-installed")).expect("a script");
    let mut blocks = readme.split("```sh\n");
    let mut before = blocks.next().expect("a beginning");
    let mut names = 0;
    for block in blocks {
        let name = before.trim_end().rsplit("<!-- ").next().expect("a name");
        let name = name.strip_suffix(" -->").expect("a name in front of it");
        let is_run = script.contains(&format!("run_block {name}\n"))
            || script.contains(&format!("$(block {name} "));
        assert!(is_run, "packaging/try-installed does not run {name}");
        before = block;
        names += 1;
    }
    assert!(names >= 6);
}

/// What stands in the text and not in a block, too.
#[test]
fn every_command_in_the_readmes_text_is_run_by_a_test() {
    let scripts: String = [
        ".ci/run",
        "packaging/try-conan",
        "packaging/try-flags",
        "packaging/try-installed",
    ]
    .map(|script| fs::read_to_string(root().join(script)).expect("a script"))
    .concat();
    let readme = readme();
    let commands: Vec<&str> = readme
        .split('`')
        .filter(|text| {
            [
                "cargo ",
                "packaging/",
                "conan ",
                "zixflow-sandbox",
                ".ci/run",
            ]
            .iter()
            .any(|command| text.starts_with(command))
        })
        // The one regenerates what a test compares, the other is all that is run.
        .filter(|text| *text != "cargo run -p zixflow-cbindgen" && *text != ".ci/run")
        .collect();
    assert!(commands.len() >= 5, "{commands:?}");
    for command in commands {
        assert!(scripts.contains(command), "nothing runs {command}");
    }
}

#[test]
fn versions_in_the_readme_are_this_one() {
    let (interface, _) = env!("CARGO_PKG_VERSION").rsplit_once('.').expect("a dot");
    let readme = readme();
    for named in [
        format!("./libzixflow{interface}_*.deb"),
        format!("find_package(zixflow {interface} REQUIRED)"),
    ] {
        assert!(readme.contains(&named), "{named}");
    }
}

#[test]
fn the_readme_stays_short() {
    assert!(readme().lines().count() <= 250);
}
