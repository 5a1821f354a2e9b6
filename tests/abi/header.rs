//! `include/zixflow.h`: written by cbindgen, and documented.

use std::collections::BTreeSet;

use support::c::root;

const HEADER: &str = include_str!("../../include/zixflow.h");
const EXPORTED_SYMBOLS: &str = include_str!("../../src/ffi/exports.txt");

#[test]
fn header_is_what_cbindgen_writes() {
    let generated = zixflow_cbindgen::header(root()).expect("src/ffi can be read");
    assert!(
        generated == HEADER,
        "src/ffi or cbindgen.toml was changed: run `cargo run -p zixflow-cbindgen`"
    );
}

#[test]
fn every_function_and_each_of_its_parameters_is_documented() {
    let functions = documented_functions();
    let names: BTreeSet<&str> = functions.iter().map(|function| function.name).collect();
    assert_eq!(names, EXPORTED_SYMBOLS.lines().collect());
    for function in &functions {
        let name = function.name;
        for parameter in &function.parameters {
            assert!(
                function.comment.contains(&format!(" @param {parameter} ")),
                "{name}: {parameter} has no comment"
            );
        }
        let documented = function.comment.matches(" @param ").count();
        assert_eq!(documented, function.parameters.len(), "{name}");
        assert_eq!(
            function.comment.contains(" @return "),
            !function.returns_nothing,
            "{name}"
        );
    }
}

struct Function<'a> {
    name: &'a str,
    returns_nothing: bool,
    parameters: Vec<&'a str>,
    comment: &'a str,
}

/// The declarations that follow a comment.
fn documented_functions() -> Vec<Function<'static>> {
    HEADER
        .split("/**")
        .skip(1)
        .filter_map(|section| {
            let (comment, rest) = section.split_once("*/")?;
            let declaration = rest.trim_start().split(';').next()?;
            let (before, arguments) = declaration.split_once('(')?;
            if before.contains(['{', '#']) {
                return None;
            }
            let (arguments, _) = arguments.split_once(')')?;
            let parameters = match arguments {
                "void" => Vec::new(),
                some => some.split(',').filter_map(last_word).collect(),
            };
            Some(Function {
                name: last_word(before)?,
                returns_nothing: before.starts_with("void "),
                parameters,
                comment,
            })
        })
        .collect()
}

fn last_word(text: &str) -> Option<&str> {
    text.rsplit([' ', '*']).next()
}

#[test]
fn every_status_is_documented() {
    // The names are the library's own.
    for status in 0..=8 {
        // SAFETY: a constant string.
        let name = unsafe { std::ffi::CStr::from_ptr(zixflow::ffi::zx_status_name(status)) };
        let definition = format!(
            "     */\n    {} = {status},\n",
            name.to_str().expect("ASCII")
        );
        assert!(HEADER.contains(&definition), "{definition}");
    }

    assert_eq!(HEADER.matches("\n    ZX_").count(), 9);
    assert_eq!(HEADER.matches("#define ZX_").count(), 3);
}
