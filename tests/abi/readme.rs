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
    assert!(
        readme().contains(&recipients::table()),
        "put this into the README:\n{}",
        recipients::table()
    );
}
