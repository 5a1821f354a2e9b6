//! `cargo run --example demo`: a compiled C program sends one message, before your eyes.
//!
//! The program is `examples/c/send_reply_buttons.c`. The server is the sandbox, in this process;
//! with `--live` it is Zixflow itself.

use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;

use support::c;
use support::sandbox::{Config, Sandbox};

const USAGE: &str = "\
Usage: cargo run --example demo
       cargo run --example demo -- --live FILE

Compiles examples/c/send_reply_buttons.c and runs it against a server in this process.

With --live it sends the message in FILE, `-` for standard input, to Zixflow itself, with the
credentials in ZIXFLOW_API_KEY and ZIXFLOW_WORKSPACE_ID: a real message to a real phone.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments[..] {
        [] => against_the_sandbox(),
        ["--live", file] => live(file),
        ["--help"] => {
            print!("{USAGE}");
            Ok(true)
        }
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

/// Returns whether the message was accepted; so does [`live`].
fn against_the_sandbox() -> Result<bool, String> {
    let mut program = compile()?;
    let config = Config {
        http: None,
        log: Arc::new(|text| println!("{text}")),
        ..Config::default()
    };
    let credentials = [
        ("ZIXFLOW_API_KEY", config.api_key.clone()),
        ("ZIXFLOW_WORKSPACE_ID", config.workspace_id.clone()),
    ];
    let sandbox =
        Sandbox::start(config).map_err(|error| format!("The sandbox did not start: {error}"))?;
    let url = sandbox.https_url().unwrap_or_default();
    println!("A sandbox plays Zixflow's endpoint on {url}. What went over the wire:\n");
    // Cleared, so that no proxy of yours comes between the two.
    program.env_clear().envs(credentials);
    program.env("ZIXFLOW_BASE_URL", url);
    program.envs(sandbox.ca_file().map(|path| ("ZIXFLOW_CA_FILE", path)));
    run(program)
}

fn live(file: &str) -> Result<bool, String> {
    let mut program = compile()?;
    program.arg(file).stdin(Stdio::inherit());
    run(program)
}

fn compile() -> Result<Command, String> {
    let source = "examples/c/send_reply_buttons.c";
    println!("Compiling {source} and linking it with libzixflow.so.\n");
    let program = c::Program::c(source).flags(c::C99).try_compile()?;
    Ok(Command::new(program))
}

fn run(mut program: Command) -> Result<bool, String> {
    let output = program
        .output()
        .map_err(|error| format!("The C program could not be run: {error}"))?;
    println!("The C program ended with {}, and printed:\n", output.status);
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    print!("{}", String::from_utf8_lossy(&output.stdout));
    Ok(output.status.success())
}
