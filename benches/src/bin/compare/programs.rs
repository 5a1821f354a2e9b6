//! Builds whatever takes part, and knows how each is started.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

pub const RAW_SOCKET: &str = "raw socket";
pub const ZIXFLOW: &str = "zixflow";
pub const UREQ: &str = "ureq";
pub const LIBCURL: &str = "libcurl + cJSON";
pub const REQWEST: &str = "reqwest::blocking";
pub const GO: &str = "Go net/http";
pub const WITH_TOKEN: &str = "with a cancel token";
pub const WITH_TRIES: &str = "with tries";
pub const WITH_BOTH: &str = "with both";

const DEBIAN_PACKAGES: &str =
    "on Debian: apt-get install gcc libc6-dev libcurl4-openssl-dev libcjson-dev";

/// A program that makes a client and sends: see `src/lib.rs` for its arguments and output.
pub struct Contender {
    pub name: &'static str,
    command: Vec<OsString>,
}

impl Contender {
    /// Its own heap and a static executable: neither valgrind nor a preloaded counter sees inside.
    pub fn is_go(&self) -> bool {
        self.name == GO
    }

    pub fn command(&self) -> &[OsString] {
        &self.command
    }
}

pub struct Programs {
    /// In the order in which the tables name them; the raw socket first.
    pub contenders: Vec<Contender>,
    /// zixflow as above, and then what its sends can have besides.
    pub variants: Vec<Contender>,
    pub server: PathBuf,
    pub in_flight: PathBuf,
    /// The same with a blocking socket for each thread.
    pub raw_in_flight: PathBuf,
    pub lateness: PathBuf,
    pub memory: PathBuf,
    /// To be preloaded into a contender: counts its allocations.
    pub allocations: PathBuf,
    /// The release build of our shared object, as Cargo left it.
    pub library: PathBuf,
    pub without_ledger: PathBuf,
    pub libcurl_contender: PathBuf,
    /// Where all of this is, and where the results go.
    pub directory: PathBuf,
}

impl Programs {
    pub fn build() -> Result<Self> {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        let executable = std::env::current_exe()?;
        let rust = executable
            .parent()
            .context("an executable has a directory")?;
        let directory = rust.with_file_name("compare");
        std::fs::create_dir_all(&directory)?;

        eprintln!("building …");
        run(cargo("build").arg("--release").arg("--bins"), package)?;
        // As the README builds it: with an rlib beside it, it would not be optimised at link time.
        let object = |features: &[&str]| {
            shared_object(
                cargo("rustc")
                    .args(["--release", "--lib", "--crate-type=cdylib"])
                    .args(features)
                    .arg("--manifest-path")
                    .arg(package.with_file_name("Cargo.toml")),
            )
        };
        // The next one takes its place.
        let without_ledger = directory.join("libzixflow-without-ledger.so");
        std::fs::copy(object(&["--no-default-features"])?, &without_ledger)?;
        let library = object(&[])?;
        let compiler = Compiler {
            sources: package.join("c"),
            directory: directory.clone(),
        };
        let ours = compiler.link_with(&library)?;
        let zixflow = compiler.shared("zixflow", &["zixflow.c"], &ours)?;
        let libcurl = compiler.shared("libcurl", &["libcurl.c"], &os(&["-lcurl", "-lcjson"]))?;
        let driver = compiler.program("driver", &["driver.c"], &os(&["-ldl"]))?;

        let mut contenders = vec![
            contender(RAW_SOCKET, &[&rust.join("raw")]),
            contender(ZIXFLOW, &[&driver, &zixflow]),
            contender(UREQ, &[&rust.join("ureq")]),
            contender(LIBCURL, &[&driver, &libcurl]),
            contender(REQWEST, &[&rust.join("reqwest")]),
        ];
        if is_installed("go", "version") {
            let go = directory.join("go-net-http");
            let mut build = Command::new("go");
            run(build.arg("build").arg("-o").arg(&go), &package.join("go"))?;
            contenders.push(contender(GO, &[&go]));
        }

        let mut variants = vec![contender(ZIXFLOW, &[&driver, &zixflow])];
        for (name, file, flags) in [
            (WITH_TOKEN, "with-token", &["-DWITH_TOKEN"][..]),
            (WITH_TRIES, "with-tries", &["-DWITH_TRIES"]),
            (WITH_BOTH, "with-both", &["-DWITH_TOKEN", "-DWITH_TRIES"]),
        ] {
            let flags = [os(flags), ours.clone()].concat();
            let variant = compiler.shared(file, &["zixflow.c"], &flags)?;
            variants.push(contender(name, &[&driver, &variant]));
        }
        let threaded = [ours, os(&["-pthread"])].concat();
        Ok(Self {
            contenders,
            variants,
            server: rust.join("server"),
            in_flight: compiler.program("in_flight", &["in_flight.c", "zixflow.c"], &threaded)?,
            raw_in_flight: compiler.program(
                "raw_in_flight",
                &["in_flight.c", "raw_socket.c"],
                &os(&["-pthread"]),
            )?,
            lateness: compiler.program("lateness", &["lateness.c"], &threaded)?,
            memory: compiler.program("memory", &["memory.c", "zixflow.c"], &threaded)?,
            allocations: compiler.shared("allocations", &["allocations.c"], &[])?,
            library,
            without_ledger,
            libcurl_contender: libcurl,
            directory,
        })
    }

    pub fn contender(&self, name: &str) -> Result<&Contender> {
        self.contenders
            .iter()
            .find(|contender| contender.name == name)
            .with_context(|| format!("{name} does not take part"))
    }
}

fn contender(name: &'static str, command: &[&Path]) -> Contender {
    let command = command.iter().map(|part| part.into()).collect();
    Contender { name, command }
}

/// Whether `tool` starts: `argument` makes it end at once.
pub fn is_installed(tool: &str, argument: &str) -> bool {
    Command::new(tool)
        .arg(argument)
        .output()
        .is_ok_and(|output| output.status.success())
}

/// Runs a program to its end and hands out its standard output.
pub fn output(command: &mut Command) -> Result<Vec<u8>> {
    let output = command
        .output()
        .with_context(|| format!("cannot start {command:?}"))?;
    ensure!(
        output.status.success(),
        "{command:?} failed: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(output.stdout)
}

pub fn output_text(command: &mut Command) -> Result<String> {
    String::from_utf8(output(command)?).context("output that is not UTF-8")
}

fn run(command: &mut Command, directory: &Path) -> Result<()> {
    let status = command
        .current_dir(directory)
        .status()
        .with_context(|| format!("cannot start {command:?}"))?;
    ensure!(status.success(), "{command:?} failed: {status}");
    Ok(())
}

fn cargo(verb: &str) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.arg(verb);
    // What `cargo run` tells this program about its own package would look to ring's build script
    // like a change, and have half of all crates built again.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(name);
        }
    }
    cargo
}

fn os(arguments: &[&str]) -> Vec<OsString> {
    arguments.iter().map(OsString::from).collect()
}

/// One line of `cargo build --message-format=json`, where it names what was built.
#[derive(Deserialize)]
struct Artifact {
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

/// Builds a shared object. Cargo is asked where it is: target directories can be moved.
fn shared_object(build: &mut Command) -> Result<PathBuf> {
    build.arg("--message-format=json-render-diagnostics");
    build.stderr(std::process::Stdio::inherit());
    let mut built = None;
    for line in output_text(build)?.lines() {
        let artifact: Artifact = serde_json::from_str(line)?;
        let mut files = artifact.filenames.into_iter();
        // The last one is what was asked for: others are macros that it is built with.
        built = files
            .rfind(|file| file.extension() == Some("so".as_ref()))
            .or(built);
    }
    built.context("Cargo built no shared object: the benchmarks run on Linux only")
}

struct Compiler {
    sources: PathBuf,
    directory: PathBuf,
}

impl Compiler {
    fn shared(&self, name: &str, sources: &[&str], arguments: &[OsString]) -> Result<PathBuf> {
        let flags = [os(&["-shared", "-fPIC"]), arguments.to_vec()].concat();
        self.program(&format!("{name}.so"), sources, &flags)
    }

    fn program(&self, name: &str, sources: &[&str], arguments: &[OsString]) -> Result<PathBuf> {
        let program = self.directory.join(name);
        let mut compile = Command::new("cc");
        compile.args([
            "-O2",
            "-std=gnu11",
            "-Wall",
            "-Wextra",
            "-Wpedantic",
            "-Werror",
        ]);
        compile
            .args(sources)
            .arg("-o")
            .arg(&program)
            .args(arguments);
        run(&mut compile, &self.sources).context(DEBIAN_PACKAGES)?;
        Ok(program)
    }

    /// What compiles and links against the header and the built shared object.
    fn link_with(&self, library: &Path) -> Result<Vec<OsString>> {
        // The loader looks for the soname, which Cargo's file does not carry.
        let named = self.directory.join(soname(library)?);
        if named.symlink_metadata().is_ok() {
            std::fs::remove_file(&named)?;
        }
        std::os::unix::fs::symlink(library, &named)?;
        let mut search = OsString::from("-Wl,-rpath,");
        search.push(&self.directory);
        Ok(vec!["-I../../include".into(), named.into(), search])
    }
}

fn soname(library: &Path) -> Result<String> {
    let dynamic = output_text(Command::new("readelf").arg("-dW").arg(library))?;
    let soname = dynamic
        .lines()
        .find(|line| line.contains("(SONAME)"))
        .and_then(|line| line.split(['[', ']']).nth(1));
    Ok(soname.unwrap_or("libzixflow.so").to_owned())
}
