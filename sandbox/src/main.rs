//! `cargo run -p zixflow-sandbox`: a desk for a host's developer. See `--help`.

mod output;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use output::{complain, print, print_only};
use zixflow_sandbox::{Config, Sandbox, recipients};

const USAGE: &str = "\
Plays Zixflow's reply-buttons endpoint on this machine, prints what it gets, and shows it on a page
as a phone would, with buttons that send post-backs.

Usage: zixflow-sandbox [OPTIONS]
   or: cargo run -p zixflow-sandbox -- [OPTIONS]

  --http ADDRESS       where to listen for HTTP, or `off` [127.0.0.1:8080]
  --https ADDRESS      where to listen for HTTPS, or `off` [127.0.0.1:8443]
  --ca-file PATH       where to write the CA's certificate, made anew at each start
                       [in the user's run-time directory, or a new one for temporary files]
  --api-key KEY        the only x-api-key it accepts [sandbox-key]
  --workspace-id ID    the only x-workspace-id it accepts [sandbox-workspace]
  --notify-after-ms N  when an accepted message gets its status [200]
  --notify-late-ms N   the same where that comes late [10000]
  --slow-response-ms N how long the very slow response takes [12000]
  -h, --help           this text
  --version            the version

A message with a `post_back_url` on this machine gets a notification once it is accepted.
Magic recipients, with the status that the library reports under its default options:
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let asks_for = |name| arguments.iter().any(|argument| argument == name);
    if asks_for("--help") || asks_for("-h") {
        return print_only(&format!("{USAGE}\n{}", recipients::table().trim_end()));
    }
    if asks_for("--version") {
        return print_only(concat!("zixflow-sandbox ", env!("CARGO_PKG_VERSION")));
    }
    let config = match config(arguments) {
        Ok(config) => config,
        Err(problem) => {
            complain(&format!("{problem}\nTry --help."));
            return ExitCode::from(2);
        }
    };
    let (api_key, workspace_id) = (config.api_key.clone(), config.workspace_id.clone());
    match Sandbox::start(config) {
        Ok(sandbox) => {
            if let Err(error) = print(&greeting(&sandbox, &api_key, &workspace_id)) {
                complain(&format!("What to set could not be printed: {error}"));
            }
            loop {
                std::thread::park();
            }
        }
        Err(error) => {
            complain(&format!("The sandbox did not start: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn config(arguments: Vec<String>) -> Result<Config, String> {
    let mut config = Config {
        http: Some(SocketAddr::from(([127, 0, 0, 1], 8080))),
        https: Some(SocketAddr::from(([127, 0, 0, 1], 8443))),
        ca_file: default_ca_file(),
        log: output::log(),
        ..Config::default()
    };
    let mut arguments = arguments.into_iter();
    while let Some(option) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{option} needs a value."));
        match option.as_str() {
            "--http" => config.http = address(&option, &value()?)?,
            "--https" => config.https = address(&option, &value()?)?,
            "--ca-file" => config.ca_file = Some(value()?.into()),
            "--api-key" => config.api_key = value()?,
            "--workspace-id" => config.workspace_id = value()?,
            "--notify-after-ms" => config.notify_after = milliseconds(&option, &value()?)?,
            "--notify-late-ms" => config.notify_late = milliseconds(&option, &value()?)?,
            "--slow-response-ms" => config.slow_response = milliseconds(&option, &value()?)?,
            _ => return Err(format!("There is no option {option}.")),
        }
    }
    if config.api_key.is_empty() || config.workspace_id.is_empty() {
        return Err("--api-key and --workspace-id must not be empty.".to_owned());
    }
    Ok(config)
}

/// Where nobody but the user may write, and nobody commits it by mistake. Without such a place the
/// sandbox makes one.
fn default_ca_file() -> Option<PathBuf> {
    let directory = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    directory.map(|it| it.join("zixflow-sandbox-ca.pem"))
}

fn address(option: &str, value: &str) -> Result<Option<SocketAddr>, String> {
    if value == "off" {
        return Ok(None);
    }
    value
        .parse()
        .map(Some)
        .map_err(|_| format!("{option} takes an address such as 127.0.0.1:8080, or `off`."))
}

fn milliseconds(option: &str, value: &str) -> Result<Duration, String> {
    value
        .parse()
        .map(Duration::from_millis)
        .map_err(|_| format!("{option} takes a number of milliseconds."))
}

/// What to set, and where to look.
fn greeting(sandbox: &Sandbox, api_key: &str, workspace_id: &str) -> String {
    let plain_url = sandbox.http_url();
    let mut settings = Vec::new();
    let ca_file = sandbox.ca_file().map(|path| path.display().to_string());
    if let (Some(url), Some(ca_file)) = (sandbox.https_url(), &ca_file) {
        settings.push(("ZIXFLOW_BASE_URL", url));
        settings.push(("ZIXFLOW_CA_FILE", ca_file));
    } else if let Some(url) = plain_url {
        settings.push(("ZIXFLOW_BASE_URL", url));
    }
    settings.push(("ZIXFLOW_API_KEY", api_key));
    settings.push(("ZIXFLOW_WORKSPACE_ID", workspace_id));

    let mut text =
        "Zixflow's endpoint is played here, until Ctrl-C. Paste this where your program runs:\n\n"
            .to_owned();
    for (name, value) in settings {
        text += &format!("    {}\n", setting(name, value));
    }
    text.push('\n');
    if let Some(url) = plain_url.filter(|_| sandbox.https_url().is_some()) {
        text += &format!("Without TLS, ZIXFLOW_BASE_URL is {url}\n");
    }
    if let Some(url) = plain_url.or(sandbox.https_url()) {
        text += &format!("See what comes, as a phone shows it: {url}/\n");
    }
    text
}

/// A line that sets a variable, as a shell takes it (PowerShell on Windows), whatever the value is.
fn setting(name: &str, value: &str) -> String {
    if cfg!(windows) {
        format!("$env:{name} = '{}'", value.replace('\'', "''"))
    } else {
        format!("export {name}='{}'", value.replace('\'', "'\\''"))
    }
}
