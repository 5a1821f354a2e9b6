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
    assert_eq!(elsewhere(&["target_os"], &["sys"]), [] as [PathBuf; 0]);
}
