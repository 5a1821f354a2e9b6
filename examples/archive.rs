//! Makes the static library fit for a program that has other Rust in it:
//! `cargo run --example archive -- path/to/libzixflow.a`.
//!
//! An archive as rustc writes it offers Rust's own library to the linker beside ours. Two such
//! archives in one program define the same symbols and do not link, or end up sharing what must
//! not be shared. So its members are linked into one object here, of which only our functions can
//! be seen.

use std::env;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

const EXPORTED_SYMBOLS: &str = include_str!("../tests/exported_symbols.txt");

fn main() -> ExitCode {
    let archives: Vec<_> = env::args_os().skip(1).collect();
    if archives.is_empty() {
        eprintln!("Usage: archive LIBZIXFLOW.A...");
        return ExitCode::from(2);
    }
    for archive in archives {
        let archive = Path::new(&archive);
        if let Err(error) = rewrite(archive) {
            eprintln!("{}: {error}", archive.display());
            return ExitCode::FAILURE;
        }
        println!("{}: only zx_* can be seen", archive.display());
    }
    ExitCode::SUCCESS
}

fn rewrite(archive: &Path) -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let scratch = |name: &str| directory.path().join(name);

    let (linked, object) = (scratch("linked.o"), scratch("zixflow.o"));
    run(tool("LD", "ld")
        // COMDAT groups would make a linker replace a part of ours by another archive's.
        .args(["-r", "--gc-sections", "--force-group-allocation"])
        .args(
            EXPORTED_SYMBOLS
                .lines()
                .map(|it| format!("--undefined={it}")),
        )
        .arg(archive)
        .arg("-o")
        .arg(&linked))?;

    let symbols = scratch("symbols");
    fs::write(&symbols, EXPORTED_SYMBOLS)?;
    run(tool("OBJCOPY", "objcopy")
        .arg("--strip-debug")
        // Bitcode, which makes some tools look for symbols there alone.
        .args(["--remove-section=.llvmbc", "--remove-section=.llvmcmd"])
        .arg(format!("--keep-global-symbols={}", symbols.display()))
        .args([&linked, &object]))?;

    // Beside the old one, so that it can be replaced in one step.
    let unfinished = archive.with_extension("unfinished");
    let _ = fs::remove_file(&unfinished);
    run(tool("AR", "ar").arg("crs").args([&unfinished, &object]))?;
    fs::rename(&unfinished, archive)?;
    Ok(())
}

/// A tool of the binutils, which a variable can name otherwise.
fn tool(variable: &str, name: &str) -> Command {
    Command::new(env::var_os(variable).unwrap_or_else(|| name.into()))
}

fn run(command: &mut Command) -> Result<(), Box<dyn Error>> {
    let output = command.output().map_err(|error| {
        let program = command.get_program().display();
        format!("{program} cannot be run ({error}): install the binutils")
    })?;
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).into()),
    }
}
