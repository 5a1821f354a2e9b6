//! The environment: what is read from it, and when it is not to be trusted.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use support::api::message;
use support::c;
use support::raw_server::{RawServer, Scheme, ca_file};

const VARIABLES: [&str; 10] = [
    "ZIXFLOW_BASE_URL",
    "ZIXFLOW_CA_FILE",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

fn program() -> PathBuf {
    c::compile("tests/c/send.c").to_path_buf()
}

/// The reply that a program gets in an environment with these variables, and no other of the kind.
fn reply(program: &Path, variables: &[(&str, &OsStr)], options: &Value) -> Value {
    reply_to(program, &message("tag"), variables, options)
}

fn reply_to(program: &Path, message: &str, variables: &[(&str, &OsStr)], options: &Value) -> Value {
    let mut command = Command::new(program);
    command.args([&options.to_string(), message]);
    for name in VARIABLES {
        command.env_remove(name);
    }
    command.envs(variables.iter().copied());
    let finished = c::run(&mut command, b"");
    serde_json::from_str(&finished.stdout).unwrap_or_else(|_| panic!("{finished:?}"))
}

#[track_caller]
fn assert_refused(reply: &Value, words: &str) {
    assert_eq!(reply["status"], "invalid_argument", "{reply}");
    let message = reply["message"].as_str().expect("a message");
    assert!(message.contains(words), "{words}: {message}");
}

#[test]
fn base_url_and_ca_file_come_from_the_environment() {
    let server = RawServer::accepting(Scheme::Https);
    let url = server.base_url();
    let variables = [
        ("ZIXFLOW_BASE_URL", OsStr::new(&url)),
        ("ZIXFLOW_CA_FILE", ca_file().as_os_str()),
    ];
    let reply = reply(&program(), &variables, &json!({}));
    assert_eq!(reply["status"], "ok", "{reply}");
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn option_goes_before_the_environment() {
    let server = RawServer::accepting(Scheme::Https);
    let variables = [
        ("ZIXFLOW_BASE_URL", OsStr::new("no URL at all")),
        ("ZIXFLOW_CA_FILE", OsStr::new("/nonexistent")),
    ];
    let not_utf8 = OsStr::from_bytes(b"\xff");
    let options = json!({ "base_url": server.base_url(), "ca_file": ca_file(), "proxy": "" });
    assert_eq!(reply(&program(), &variables, &options)["status"], "ok");
    let variables = VARIABLES.map(|name| (name, not_utf8));
    assert_eq!(reply(&program(), &variables, &options)["status"], "ok");
}

#[test]
fn empty_variable_is_none() {
    let server = RawServer::accepting(Scheme::Http);
    let variables = VARIABLES.map(|name| (name, OsStr::new("")));
    let reply = reply(
        &program(),
        &variables,
        &json!({ "base_url": server.base_url() }),
    );
    assert_eq!(reply["status"], "ok", "{reply}");
}

#[test]
fn bad_value_is_refused_by_the_name_of_its_variable() {
    let not_utf8 = OsStr::from_bytes(b"http://\xff");
    for (name, value, options) in [
        (
            "ZIXFLOW_BASE_URL",
            OsStr::new("ftp://example.com"),
            json!({}),
        ),
        (
            "ZIXFLOW_BASE_URL",
            OsStr::new("http://example.com"),
            json!({}),
        ),
        ("ZIXFLOW_BASE_URL", OsStr::new("https://1.2.3"), json!({})),
        ("ZIXFLOW_BASE_URL", not_utf8, json!({})),
        (
            "ZIXFLOW_CA_FILE",
            OsStr::new("/nonexistent/ca.pem"),
            json!({}),
        ),
        ("ZIXFLOW_CA_FILE", not_utf8, json!({})),
        ("HTTPS_PROXY", not_utf8, json!({})),
        (
            "ALL_PROXY",
            OsStr::new("http://u:p#w@proxy.example"),
            json!({}),
        ),
    ] {
        let expected = format!("the environment variable {name} ");
        assert_refused(&reply(&program(), &[(name, value)], &options), &expected);
    }
}

/// A program that runs with the rights of another group than its caller's; `None` where this user
/// cannot make one.
fn privileged_program() -> Option<PathBuf> {
    const NOGROUP: u32 = 65534;
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("set-group-id");
    let _ = fs::remove_file(&path);
    fs::copy(program(), &path).expect("the target directory is writable");
    if chown(&path, None, Some(NOGROUP)).is_err() {
        println!("skipped: only root can give a file to another group");
        return None;
    }
    fs::set_permissions(&path, Permissions::from_mode(0o2755)).expect("a file of one's own");
    Some(path)
}

#[test]
fn environment_is_not_read_with_other_rights_than_the_callers() {
    let Some(privileged) = privileged_program() else {
        return;
    };
    // The environment's proxy is for https alone where the host is a loopback one.
    let https = RawServer::accepting(Scheme::Https);
    let http = RawServer::accepting(Scheme::Http);
    for (name, value, options) in [
        (
            "ALL_PROXY",
            "http://u:p#w@proxy.example",
            json!({ "base_url": https.base_url(), "ca_file": ca_file() }),
        ),
        (
            "ZIXFLOW_CA_FILE",
            "/nonexistent/ca.pem",
            json!({ "base_url": http.base_url() }),
        ),
    ] {
        let variables = [(name, OsStr::new(value))];
        assert_refused(&reply(&program(), &variables, &options), name);
        let reply = reply(&privileged, &variables, &options);
        assert_eq!(reply["status"], "ok", "{name}: {reply}");
    }
    let no_url = [("ZIXFLOW_BASE_URL", OsStr::new("no URL at all"))];
    assert_refused(&reply(&program(), &no_url, &json!({})), "ZIXFLOW_BASE_URL");
    // Nothing goes to the default URL from here.
    let reply_to_nothing = reply_to(&privileged, "{}", &no_url, &json!({}));
    assert_eq!(
        reply_to_nothing["status"], "invalid_message",
        "{reply_to_nothing}"
    );

    // Nor is the machine's trust whatever the caller says.
    let server = RawServer::accepting(Scheme::Https);
    let ours = [("SSL_CERT_FILE", ca_file().as_os_str())];
    let options = json!({ "base_url": server.base_url(), "tls_roots": "system", "max_retries": 0 });
    assert_eq!(reply(&program(), &ours, &options)["status"], "ok");
    assert_ne!(reply(&privileged, &ours, &options)["status"], "ok");
}

/// Its reader would wait for a writer.
#[test]
fn what_ssl_cert_file_names_is_not_waited_for() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let fifo = directory.path().join("fifo");
    let made = Command::new("mkfifo").arg(&fifo).status();
    assert!(made.expect("coreutils").success());
    let options = json!({ "tls_roots": "system" });
    let reply = reply(&program(), &[("SSL_CERT_FILE", fifo.as_os_str())], &options);
    assert_refused(&reply, "SSL_CERT_FILE names no regular file");
}
