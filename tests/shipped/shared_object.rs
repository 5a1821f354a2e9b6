//! `libzixflow.so` as it ships: what it shows, and what it does when it is loaded.

use std::env;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use object::elf::{DF_1_NODELETE, DF_SYMBOLIC, DT_FLAGS, DT_FLAGS_1, DT_SONAME};
use object::read::elf::ElfFile64;
use object::{
    Architecture, Endianness, Object, ObjectSection, ObjectSymbol, RelocationTarget, SymbolKind,
};

use support::c::{SONAME, root};
use support::installed;

const EXPORTED_SYMBOLS: &str = include_str!("../../src/ffi/exports.txt");

type Elf<'data> = ElfFile64<'data, Endianness>;

#[test]
fn exports_are_the_functions_of_the_header_and_nothing_else() {
    let library = library();
    let elf = elf(&library);
    let mut exported: Vec<&str> = elf
        .dynamic_symbols()
        .filter(|symbol| symbol.is_definition())
        .map(|symbol| symbol.name().expect("UTF-8"))
        .collect();
    exported.sort_unstable();
    let expected: Vec<&str> = EXPORTED_SYMBOLS.lines().collect();
    assert_eq!(exported, expected);
}

#[test]
fn it_has_a_soname_calls_its_own_functions_and_is_never_unloaded() {
    let library = library();
    let elf = elf(&library);
    let dynamic = elf.elf_dynamic_table().expect("a dynamic section");
    let entry = |tag| dynamic.iter().find(|entry| entry.tag == tag);
    let soname = entry(DT_SONAME).expect("a soname");
    assert_eq!(dynamic.string(soname), Ok(SONAME.as_bytes()));
    let flags = entry(DT_FLAGS).expect("flags").val;
    assert_ne!(flags & DF_SYMBOLIC.0, 0, "{flags:x}");
    let flags = entry(DT_FLAGS_1).expect("more flags").val;
    assert_ne!(flags & DF_1_NODELETE.0, 0, "{flags:x}");
}

/// What runs when the library is loaded is the C runtime's own (which registers unwind tables), one
/// function of Rust's library, which notes where the arguments of `main` are, and one of the library's
/// own, which has forks noticed.
#[test]
fn loading_it_does_nothing_but_notice_forks() {
    let library = library();
    let elf = elf(&library);
    let Some(constructors) = elf.section_by_name(".init_array") else {
        return;
    };
    if elf.symbols().next().is_none() {
        // What is installed has no names: the standard library's, ours and the C runtime's. On aarch64
        // the compiler's own libraries ask the processor which atomic instructions it has.
        let most = match elf.architecture() {
            Architecture::Aarch64 => 5,
            _ => 3,
        };
        assert!(constructors.size() <= 8 * most, "{}", constructors.size());
        return;
    }
    let place = constructors.address()..constructors.address() + constructors.size();
    let mut names: Vec<&str> = elf
        .dynamic_relocations()
        .expect("relocations")
        .filter(|(address, _)| place.contains(address))
        .map(|(_, relocation)| {
            assert_eq!(relocation.target(), RelocationTarget::Absolute);
            let address = u64::try_from(relocation.addend()).expect("an address");
            function_at(&elf, address)
        })
        .collect();
    names.sort_unstable();
    let own = names.extract_if(.., |name| name.contains("notice_forks"));
    assert_eq!(own.count(), 1);
    let (rust, c): (Vec<&str>, Vec<&str>) = names.iter().partition(|name| name.contains("std"));
    assert_eq!(c, ["frame_dummy"]);
    assert!(
        rust.iter().all(|name| name.contains("ARGV_INIT_ARRAY")) && rust.len() <= 1,
        "{rust:?}"
    );
}

/// A package is for older systems than the one that built it.
#[test]
fn packaged_it_needs_nothing_newer_than_glibc_2_28() {
    let tree = installed::tree();
    for file in [
        "lib/libzixflow.so",
        "bin/zixflow-send",
        "bin/zixflow-sandbox",
    ] {
        let file = fs::read(tree.join(file)).expect("it is there");
        for version in needed_versions(&elf(&file)) {
            let Some(glibc) = version.strip_prefix("GLIBC_") else {
                continue;
            };
            let parts: Vec<u32> = glibc
                .split('.')
                .map(|part| part.parse().expect("a number"))
                .collect();
            assert!(parts <= vec![2, 28], "{version}");
        }
    }
}

/// The versions of other libraries' symbols that a file asks for; none on musl, which has none.
fn needed_versions(elf: &Elf<'_>) -> Vec<String> {
    let endian = elf.endian();
    let sections = elf.elf_section_table();
    let needed = sections
        .gnu_verneed(endian, elf.data())
        .expect("a table that can be read");
    let Some((mut libraries, link)) = needed else {
        return Vec::new();
    };
    let strings = sections
        .strings(endian, elf.data(), link)
        .expect("its strings");
    let mut versions = Vec::new();
    while let Some((_, mut of_library)) = libraries.next().expect("a library") {
        while let Some(version) = of_library.next().expect("a version") {
            let name = version.name(endian, strings).expect("a name");
            versions.push(String::from_utf8_lossy(name).into_owned());
        }
    }
    versions
}

fn function_at<'data>(elf: &Elf<'data>, address: u64) -> &'data str {
    elf.symbols()
        .filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.address() == address)
        .find_map(|symbol| symbol.name().ok())
        .unwrap_or("a function without a name")
}

#[test]
fn it_cannot_be_built_without_unwinding() {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc)
        .args(["--edition=2024", "--crate-type=lib", "--emit=metadata"])
        .args(["-C", "panic=abort", "-o"])
        .arg(Path::new(env!("CARGO_TARGET_TMPDIR")).join("panic-abort"))
        .arg(root().join("src/panics.rs"))
        .stdin(Stdio::null())
        .output()
        .expect("rustc can be run");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{stderr}");
    assert!(
        stderr.contains("zixflow must be built with panic = \"unwind\""),
        "{stderr}"
    );
}

fn library() -> Vec<u8> {
    fs::read(installed::libraries().join("libzixflow.so")).expect("it was installed")
}

fn elf(library: &[u8]) -> Elf<'_> {
    Elf::parse(library).expect("an ELF file")
}
