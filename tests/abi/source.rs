//! What holds for the source itself.

use std::fs;
use std::path::{Path, PathBuf};

fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// The files of `src` that hold one of these, outside of these folders.
fn elsewhere(words: &[&str], folders: &[&str]) -> Vec<PathBuf> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let is_inside = |file: &PathBuf| folders.iter().any(|it| file.starts_with(src.join(it)));
    let holds = |file: &PathBuf| {
        let text = fs::read_to_string(file).expect("UTF-8");
        words.iter().any(|word| text.contains(word))
    };
    let mut files = sources(&src);
    assert!(files.len() > 40, "the source lies elsewhere");
    files.retain(|file| !is_inside(file) && holds(file));
    files
}

#[test]
fn unsafe_stands_in_ffi_and_sys_alone() {
    // The crate denies it, and allows it in two places.
    let words = [
        "unsafe {",
        "unsafe fn",
        "unsafe extern",
        "unsafe impl",
        "allow(unsafe_code)",
    ];
    assert_eq!(elsewhere(&words, &["ffi", "sys"]), [] as [PathBuf; 0]);
}

#[test]
fn libc_is_named_in_ffi_and_sys_alone() {
    assert_eq!(elsewhere(&["libc::"], &["ffi", "sys"]), [] as [PathBuf; 0]);
}

#[test]
fn operating_systems_are_told_apart_in_sys_alone() {
    let words = ["target_os", "cfg(unix)", "cfg(windows)", "cfg(not("];
    assert_eq!(elsewhere(&words, &["sys"]), [] as [PathBuf; 0]);
}

/// The modules that the table of a folder's documentation lists, from the top down.
fn listed(documentation: &str) -> Vec<String> {
    let rows = documentation
        .lines()
        .filter_map(|line| line.strip_prefix("//! |"));
    let names = rows.filter_map(|row| row.split('|').next());
    let names = names.flat_map(|names| names.split('`').skip(1).step_by(2));
    names.map(str::to_owned).collect()
}

/// What a file is without its unit tests and comments.
fn code(file: &Path) -> String {
    let text = fs::read_to_string(file).expect("UTF-8");
    let code = text
        .split("#[cfg(test)]\nmod")
        .next()
        .expect("a first part");
    let lines = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The names right behind a path: `a` and `b` of `crate::{a, b::{c, d}}`.
fn names_behind(path: &str, code: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in code.match_indices(path) {
        let mut depth = 0;
        let mut is_next = true;
        for token in code[at + path.len()..].split_inclusive(|it: char| !is_of_a_name(it)) {
            let name = token.trim_end_matches(|it| !is_of_a_name(it));
            if is_next && !name.is_empty() {
                names.push(name.to_owned());
                is_next = false;
            }
            match token.chars().next_back() {
                Some('{') => depth += 1,
                Some('}') => depth -= 1,
                Some(',') if depth == 1 => is_next = true,
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    names
}

fn is_of_a_name(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// That each module of a folder of `src` uses those alone that the table in `root` lists below it.
fn assert_each_uses_those_below(folder: &str, root: &str) {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let directory = src.join(folder);
    let documentation = fs::read_to_string(directory.join(root)).expect("UTF-8");
    let listed = listed(&documentation);
    let place = |name: &str| listed.iter().position(|it| it == name);
    for file in sources(&directory) {
        let inside = file.strip_prefix(&directory).expect("it is in there");
        let names: Vec<_> = inside
            .iter()
            .map(|it| it.to_str().expect("UTF-8"))
            .collect();
        let module = names[0].trim_end_matches(".rs");
        let is_module = names.last().is_some_and(|name| name.ends_with(".rs"));
        if !is_module || ["lib", "mod", "tests"].contains(&module) {
            continue;
        }
        let levels = names.iter().filter(|name| **name != "mod.rs").count();
        let code = code(&file);
        let mut used = names_behind(
            &["crate", folder, ""].join("::").replace("::::", "::"),
            &code,
        );
        // At the top, `super` is what a module inside of a file calls that file.
        if !folder.is_empty() {
            let above = format!("use {}", "super::".repeat(levels));
            used.extend(names_behind(&above, &code));
        }
        let own = place(module);
        assert!(own.is_some(), "{folder}/{root} does not list {module}");
        for name in used.iter().filter(|name| *name != module) {
            assert!(
                place(name) > own,
                "{} uses {name}, which {folder}/{root} does not list below it",
                file.display()
            );
        }
    }
}

#[test]
fn each_module_uses_those_below_it_alone() {
    assert_each_uses_those_below("", "lib.rs");
    assert_each_uses_those_below("ffi", "mod.rs");
    assert_each_uses_those_below("transport", "mod.rs");
}

#[test]
fn names_are_found_behind_a_path() {
    let code = "use crate::a::B;\nuse crate::{\n    c,\n    d::{e, f},\n};\nlet x = crate::g(h);";
    assert_eq!(names_behind("crate::", code), ["a", "c", "d", "g"]);
}
