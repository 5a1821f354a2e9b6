//! Compiles C and C++ programs against the library that this test run built, and runs them.

use std::collections::HashMap;
use std::env;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// What every C program in this repository compiles cleanly under.
pub const C99: [&str; 6] = [
    "-std=c99",
    "-Wall",
    "-Wextra",
    "-Wpedantic",
    "-Wstrict-prototypes",
    "-Werror",
];

/// What every C++ program in this repository compiles cleanly under.
pub const CXX17: [&str; 7] = [
    "-std=c++17",
    "-Wall",
    "-Wextra",
    "-Wpedantic",
    "-Wshadow",
    "-Wconversion",
    "-Werror",
];

/// What a program that links the static archive needs besides, as
/// `cargo rustc --crate-type staticlib -- --print native-static-libs` lists it. The C library and
/// the unwinder, which is another one with `-static`, are added by each compiler.
pub const NATIVE_LIBRARIES: [&str; 5] = ["-lm", "-ldl", "-lpthread", "-lrt", "-lutil"];

/// Far longer than any program here takes: only a hang reaches it.
const HANG: Duration = Duration::from_secs(120);

/// The repository's root.
pub fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("it lies two folders below")
}

/// A program to compile.
pub struct Program {
    compiler: Vec<String>,
    sources: Vec<PathBuf>,
    flags: Vec<String>,
    libraries: PathBuf,
    statically: bool,
}

impl Program {
    /// A program in C, for the machine's own compiler. Paths are relative to the root.
    pub fn c(source: &str) -> Self {
        Self::new(&cc(), source)
    }

    /// `compiler` may bring flags of its own, as `CC` may in a makefile.
    pub fn new(compiler: &str, source: &str) -> Self {
        Self {
            compiler: compiler.split_whitespace().map(str::to_owned).collect(),
            sources: vec![root().join(source)],
            flags: Vec::new(),
            libraries: linkable_libraries(),
            statically: false,
        }
    }

    pub fn flags<'a>(mut self, flags: impl IntoIterator<Item = &'a str>) -> Self {
        self.flags.extend(flags.into_iter().map(str::to_owned));
        self
    }

    /// Links `libzixflow` from another directory.
    pub fn libraries(mut self, directory: PathBuf) -> Self {
        self.libraries = directory;
        self
    }

    /// Links `libzixflow.a` instead of `libzixflow.so`.
    pub fn statically(mut self) -> Self {
        self.statically = true;
        self
    }

    /// Compiles the program, once per process, and returns the path of the executable.
    pub fn compile(self) -> PathBuf {
        self.try_compile()
            .unwrap_or_else(|problem| panic!("{problem}"))
    }

    pub fn try_compile(self) -> Result<PathBuf, String> {
        type Compiled = Arc<Mutex<Option<PathBuf>>>;
        static COMPILED: Mutex<Option<HashMap<Vec<String>, Compiled>>> = Mutex::new(None);
        let command_line = self.command_line();
        let compiled = Arc::clone(
            lock(&COMPILED)
                .get_or_insert_default()
                .entry(command_line.clone())
                .or_default(),
        );
        // Of one program alone: others are compiled meanwhile.
        let mut compiled = lock(&compiled);
        if let Some(program) = &*compiled {
            return Ok(program.clone());
        }
        let program = self.output(&command_line);
        compile_to(&program, &command_line)?;
        *compiled = Some(program.clone());
        Ok(program)
    }

    fn command_line(&self) -> Vec<String> {
        let mut line = self.compiler.clone();
        line.extend(self.flags.iter().cloned());
        line.push(format!("-I{}", root().join("include").display()));
        line.extend(
            self.sources
                .iter()
                .map(|source| source.display().to_string()),
        );
        if self.statically {
            line.push(self.libraries.join("libzixflow.a").display().to_string());
            line.extend(NATIVE_LIBRARIES.map(str::to_owned));
        } else {
            line.push(format!("-L{}", self.libraries.display()));
            line.push(format!("-Wl,-rpath,{}", self.libraries.display()));
            // So that it comes before LD_LIBRARY_PATH, in which cargo names its own directories.
            line.push("-Wl,--disable-new-dtags".to_owned());
            line.push("-lzixflow".to_owned());
        }
        // Test programs start threads; glibc before 2.34 wants to be told.
        line.push("-pthread".to_owned());
        line
    }

    fn output(&self, command_line: &[String]) -> PathBuf {
        let stem = self.sources[0].file_stem().unwrap_or_default();
        programs().join(format!("{}-{:016x}", stem.display(), hash(command_line)))
    }
}

/// The C compiler: the machine's own, or another machine's, which must not be `CC`, as cargo builds
/// the tests themselves with that.
pub fn cc() -> String {
    let named = env::var("ZIXFLOW_TEST_CC").or_else(|_| env::var("CC"));
    named.unwrap_or_else(|_| "cc".to_owned())
}

/// Compiles a C99 program with the machine's compiler, against the shared library.
pub fn compile(source: &str) -> PathBuf {
    Program::c(source).flags(C99).compile()
}

/// All of these compilers, standards or flags where what was installed is tested; in `cargo test`,
/// which is to be quick, the first alone.
pub fn breadth<T>(all: &[T]) -> &[T] {
    match installed_elsewhere() {
        Some(_) => all,
        None => all.get(..1).unwrap_or_default(),
    }
}

/// The machine's C++ compiler, which is optional.
pub fn cxx() -> Option<String> {
    match env::var("CXX") {
        Ok(compiler) => Some(compiler),
        Err(_) => require_tool("c++").then(|| "c++".to_owned()),
    }
}

/// A shared object that, preloaded, makes the library look as if it were of another version.
pub fn other_version() -> PathBuf {
    let flags = ["-shared", "-fPIC"];
    Program::c("tests/c/other_version.c")
        .flags(C99)
        .flags(flags)
        .compile()
}

/// A shared object that, preloaded, makes the library hand out no text.
pub fn no_replies() -> PathBuf {
    Program::c("tests/c/no_replies.c")
        .flags(C99)
        .flags(["-shared", "-fPIC", "-ldl"])
        .compile()
}

/// Renames the finished program into place: another test process may be running the old one.
fn compile_to(program: &Path, command_line: &[String]) -> Result<(), String> {
    let unfinished = program.with_extension(std::process::id().to_string());
    let output = Command::new(&command_line[0])
        .args(&command_line[1..])
        .arg("-o")
        .arg(&unfinished)
        .output()
        .map_err(|error| {
            format!(
                "cannot run the compiler `{}`: {error}. Install a C compiler (Debian: \
                 `apt install gcc libc6-dev`), or name yours in the environment variable CC.",
                command_line[0]
            )
        })?;
    if !output.status.success() {
        return Err(format!(
            "{}\n{}",
            command_line.join(" "),
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    fs::rename(&unfinished, program)
        .map_err(|error| format!("cannot put {} into place: {error}", program.display()))
}

/// How a program ended.
#[derive(Debug)]
pub struct Finished {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Finished {
    /// The exit status; a program that a signal ended fails the test.
    pub fn code(&self) -> i32 {
        self.status.code().unwrap_or_else(|| {
            panic!("ended by {}:\n{self:?}", self.status);
        })
    }
}

/// Runs a program to its end, with `input` as its standard input. One that hangs is killed, and
/// fails the test.
pub fn run(command: &mut Command, input: &[u8]) -> Finished {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    thread::scope(|scope| {
        scope.spawn(move || {
            // A program may well end without having read it all.
            let _ = stdin.map(|mut stdin| stdin.write_all(input));
        });
        let stdout = scope.spawn(move || read_all(stdout));
        let stderr = scope.spawn(move || read_all(stderr));
        let started = Instant::now();
        let mut hung = false;
        let status = loop {
            if let Some(status) = child.try_wait().expect("a child can be waited for") {
                break status;
            }
            if started.elapsed() > HANG && !hung {
                hung = true;
                child.kill().expect("a child can be killed");
            }
            thread::sleep(Duration::from_millis(2));
        };
        let finished = Finished {
            status,
            stdout: stdout.join().expect("reading does not panic"),
            stderr: stderr.join().expect("reading does not panic"),
        };
        assert!(!hung, "{command:?} hung, and was killed:\n{finished:?}");
        finished
    })
}

fn read_all(stream: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut stream) = stream {
        stream.read_to_end(&mut bytes).expect("a pipe can be read");
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Whether an optional tool is there. Where it is not, the caller skips its test and the reason is
/// printed; in CI, where nothing may be skipped, the test fails.
pub fn require_tool(name: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).any(|directory| directory.join(name).is_file());
    if !found {
        assert!(env::var_os("CI").is_none(), "CI lacks {name}");
        println!("skipped: {name} is not installed");
    }
    found
}

/// The command that runs the sandbox as a program of its own, built where that is still to do.
pub fn sandbox() -> Command {
    // Beside an example, so that cargo chooses the features of `cargo test`, and has nothing to
    // compile a second time.
    run_cargo(&[
        "build",
        "--package=zixflow",
        "--example=demo",
        "--package=zixflow-sandbox",
        "--bin=zixflow-sandbox",
    ]);
    Command::new(target_directory().join("debug/zixflow-sandbox"))
}

/// The command that runs one of this package's examples, built where that is still to do.
pub fn example(name: &str) -> Command {
    run_cargo(&["build", "--example", name]);
    Command::new(target_directory().join("debug/examples").join(name))
}

fn run_cargo(arguments: &[&str]) {
    let output = cargo().args(arguments).output().expect("cargo can be run");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {arguments:?}: {stderr}");
}

/// Cargo, to build this package in the target directory of the running program.
pub fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .env("CARGO_TARGET_DIR", target_directory())
        .current_dir(root());
    // What `cargo test` tells its programs of their package. ring's build script looks at it: left
    // in, ring and all that depends on it would be built anew, here and by the next `cargo test`.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        let prefixes = ["CARGO_PKG_", "CARGO_MANIFEST_", "OUT_DIR"];
        if prefixes.iter().any(|prefix| text.starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    command
}

/// The directory of the `libzixflow` that cargo built together with the running program.
pub fn linkable_libraries() -> PathBuf {
    match installed_elsewhere() {
        Some(prefix) => prefix.join("lib"),
        None => profile_directory().join("deps"),
    }
}

/// The prefix of an installed library that programs are to be linked with in place of what this
/// run built: a package's, perhaps one for another machine, whose compiler is [`cc`].
pub fn installed_elsewhere() -> Option<PathBuf> {
    env::var_os("ZIXFLOW_INSTALLED").map(PathBuf::from)
}

/// `target/debug` for a program in `target/debug/deps` or `target/debug/examples`.
fn profile_directory() -> PathBuf {
    let program = env::current_exe().expect("a program knows its own path");
    let directory = program.ancestors().nth(2);
    directory.expect("cargo puts programs there").to_owned()
}

fn target_directory() -> PathBuf {
    let directory = profile_directory();
    directory
        .parent()
        .expect("a profile has a parent")
        .to_owned()
}

/// A directory for what tests write.
pub fn scratch() -> PathBuf {
    let directory = target_directory().join("tmp");
    fs::create_dir_all(&directory).expect("the target directory is writable");
    directory
}

fn programs() -> PathBuf {
    let directory = scratch().join("c");
    fs::create_dir_all(&directory).expect("the target directory is writable");
    directory
}

/// The name that an installed shared object has for the loader.
pub const SONAME: &str = "libzixflow.so.0.3";

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub fn hash(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
