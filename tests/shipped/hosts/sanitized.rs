//! Hosts and the library, built to watch every access: AddressSanitizer and ThreadSanitizer.
//!
//! Rust's own library is built along, as ThreadSanitizer has to see its locks. The run-time part
//! is rustc's: the C compiler's may be too old for the code that rustc makes.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::hosts::{patient_options, run, run_for_number};
use support::c::{C99, cargo, root};
use support::raw_server::{RawServer, SCHEMES};

struct Sanitizer {
    name: &'static str,
    runtime: &'static str,
}

const ADDRESS: Sanitizer = Sanitizer {
    name: "address",
    runtime: "asan",
};
const THREAD: Sanitizer = Sanitizer {
    name: "thread",
    runtime: "tsan",
};

#[test]
fn address_sanitizer_finds_nothing() {
    let Some(built) = ADDRESS.build() else { return };
    for scheme in SCHEMES {
        let server = RawServer::accepting(scheme);
        let options = patient_options(&server);
        for arguments in [
            &["handles", &options][..],
            &["every_call", &options],
            &["free_while_sending", &options, "5"],
        ] {
            run(Command::new(built.host(arguments[0])).args(&arguments[1..]));
        }
        run(Command::new(built.host("panic"))
            .arg(&options)
            // A panic's payload is forgotten: dropping it could panic again.
            .env("ASAN_OPTIONS", "detect_leaks=0"));
    }
}

#[test]
fn thread_sanitizer_finds_no_race() {
    let Some(built) = THREAD.build() else { return };
    for scheme in SCHEMES {
        let server = RawServer::accepting(scheme);
        let known = root().join("tests/c/thread_sanitizer.txt");
        run(Command::new(built.host("every_call"))
            .arg(patient_options(&server))
            .env("TSAN_OPTIONS", format!("suppressions={}", known.display())));

        let server = RawServer::accepting(scheme);
        let accepted = run_for_number(
            Command::new(built.host("free_while_sending"))
                .arg(server.options().to_string())
                .arg("5"),
        );
        assert_eq!(server.requests().len(), accepted);
    }
}

/// A library that a sanitizer watches, and what its programs are linked with.
struct Built {
    sanitizer: &'static str,
    libraries: PathBuf,
    runtime: PathBuf,
}

impl Sanitizer {
    /// Needs the source of Rust's library, which is an optional part of a toolchain.
    fn build(&self) -> Option<Built> {
        let sysroot = PathBuf::from(rustc(&["--print", "sysroot"]));
        if !sysroot.join("lib/rustlib/src/rust/library").is_dir() {
            let lack = "rust-src is not installed (`rustup component add rust-src`)";
            assert!(env::var_os("CI").is_none(), "{lack}");
            println!("skipped: {lack}");
            return None;
        }
        let target = rustc(&["--print", "host-tuple"]);
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(self.name);
        succeed(
            cargo()
                .args(["rustc", "--lib", "--crate-type", "cdylib", "-Zbuild-std"])
                .args(["--target", &target])
                .env("CARGO_TARGET_DIR", &directory)
                .env("RUSTFLAGS", format!("-Zsanitizer={}", self.name))
                // Sanitizers are still behind this door; what is built here is not shipped.
                .env("RUSTC_BOOTSTRAP", "1"),
        );
        let runtime = format!(
            "lib/rustlib/{target}/lib/librustc-stable_rt.{}.a",
            self.runtime
        );
        Some(Built {
            sanitizer: self.name,
            libraries: directory.join(&target).join("debug"),
            runtime: sysroot.join(runtime),
        })
    }
}

impl Built {
    /// A program of tests/c that the sanitizer watches, too.
    fn host(&self, name: &str) -> PathBuf {
        let program = self.libraries.join(format!("host_{name}"));
        let object = program.with_extension("o");
        let compiler = env::var_os("CC").unwrap_or_else(|| "cc".into());
        succeed(
            Command::new(&compiler)
                .args(C99)
                .args(["-g", "-c", &format!("-fsanitize={}", self.sanitizer)])
                .arg("-I")
                .arg(root().join("include"))
                .arg(root().join(format!("tests/c/host_{name}.c")))
                .arg("-o")
                .arg(&object),
        );
        let path = self.libraries.display();
        succeed(
            Command::new(&compiler)
                .arg(&object)
                .arg("-Wl,--whole-archive")
                .arg(&self.runtime)
                .arg("-Wl,--no-whole-archive")
                .args([format!("-L{path}"), format!("-Wl,-rpath,{path}")])
                .arg("-Wl,--disable-new-dtags")
                .args(["-lzixflow", "-pthread", "-ldl", "-lrt", "-lm", "-o"])
                .arg(&program),
        );
        program
    }
}

fn rustc(arguments: &[&str]) -> String {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let printed = succeed(Command::new(rustc).args(arguments));
    printed.trim_end().to_owned()
}

/// Builds take their time: no run of a host, which must not hang.
fn succeed(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {stderr}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
