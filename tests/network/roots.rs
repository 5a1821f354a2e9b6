//! Whom a client trusts: Mozilla's authorities, the machine's, and those of a file.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use support::api::{Client, client, message};
use support::c;
use support::raw_server::{RawServer, Scheme, ca_file};

/// Its reader would wait for a writer.
#[cfg(unix)]
#[test]
fn what_is_no_regular_file_is_refused_and_not_waited_for() {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;
    use std::path::Path;

    let directory = tempfile::tempdir().expect("a temporary directory");
    let fifo = directory.path().join("fifo");
    let made = Command::new("mkfifo").arg(&fifo).status();
    assert!(made.expect("coreutils").success());
    let link = directory.path().join("link");
    symlink(&fifo, &link).expect("it is writable");
    let socket = directory.path().join("socket");
    let _listener = UnixListener::bind(&socket).expect("it is writable");
    for file in [
        &fifo,
        &link,
        &socket,
        directory.path(),
        Path::new("/dev/zero"),
    ] {
        let refusal = Client::new(&json!({ "ca_file": file }))
            .err()
            .expect("a refusal");
        refusal.assert_status("invalid_argument");
        let expected = format!("{} is no regular file", file.display());
        assert!(refusal.message().contains(&expected), "{refusal:?}");
    }
    // A link to one is one.
    let regular = directory.path().join("regular");
    symlink(ca_file(), &regular).expect("it is writable");
    client(&json!({ "ca_file": regular }));
}

#[test]
fn authority_of_a_file_is_trusted() {
    let server = RawServer::accepting(Scheme::Https);
    client(&server.options())
        .send(&message("tag"))
        .assert_status("ok");
}

#[test]
fn unknown_authority_is_not_trusted_and_trying_again_would_not_help() {
    let server = RawServer::accepting(Scheme::Https);
    let options = json!({ "base_url": server.base_url(), "proxy": "" });
    let reply = client(&options).send(&message("tag"));
    reply.assert_status("not_sent");
    assert_eq!((reply.attempts(), reply.retryable()), (1, Some(false)));
    for word in ["certificate", "ca_file", "tls_roots"] {
        assert!(reply.message().contains(word), "{word}: {reply:?}");
    }
    assert!(server.requests().is_empty());
}

/// A file of a test's own.
fn file(name: &str, content: &[u8]) -> PathBuf {
    let path = c::scratch().join(name);
    fs::write(&path, content).expect("the target directory is writable");
    path
}

#[test]
fn file_without_usable_certificates_is_refused() {
    let pem = fs::read_to_string(ca_file()).expect("a file");
    let garbled = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let key = pem.replace("CERTIFICATE", "PRIVATE KEY");
    for path in [
        PathBuf::from("/nonexistent/ca.pem"),
        PathBuf::from("/"),
        file("empty.pem", b""),
        file("rubbish.pem", &[0xff; 1000]),
        file("text.pem", b"no certificate at all"),
        file("garbled.pem", garbled.as_bytes()),
        file("good-and-garbled.pem", format!("{pem}{garbled}").as_bytes()),
        file("cut.pem", &pem.as_bytes()[..pem.len() / 2]),
        file("key.pem", key.as_bytes()),
    ] {
        let Err(refusal) = Client::new(&json!({ "ca_file": path })) else {
            panic!("{path:?} is taken");
        };
        refusal.assert_status("invalid_argument");
        let names = format!("ca_file {}", path.display());
        assert!(refusal.message().contains(&names), "{refusal:?}");
    }
}

#[test]
fn file_may_hold_several_authorities_and_text_between_them() {
    let pem = fs::read_to_string(ca_file()).expect("a file");
    let path = file(
        "several.pem",
        format!("Ours\n{pem}\n# again\n{pem}").as_bytes(),
    );
    let server = RawServer::accepting(Scheme::Https);
    let client = client(&server.options_with(json!({ "ca_file": path })));
    client.send(&message("tag")).assert_status("ok");
}

#[test]
fn byte_order_mark_and_other_line_ends_are_passed_over() {
    let pem = fs::read_to_string(ca_file()).expect("a file");
    let other = other_authority();
    let server = RawServer::accepting(Scheme::Https);
    for (name, text) in [
        ("bom.pem", format!("\u{feff}{pem}")),
        ("crlf.pem", format!("{other}{pem}").replace('\n', "\r\n")),
        ("cr.pem", format!("{other}{pem}").replace('\n', "\r")),
        (
            "indented.pem",
            format!("{other}{pem}").replace('\n', "\n    "),
        ),
        (
            "key-first.pem",
            format!("{}{pem}", other.replace("CERTIFICATE", "PRIVATE KEY")),
        ),
    ] {
        let path = file(name, text.as_bytes());
        let client = client(&server.options_with(json!({ "ca_file": path })));
        client.send(&message("tag")).assert_status("ok");
    }
}

/// In PEM, an authority that signed nothing.
fn other_authority() -> String {
    let other = rcgen::generate_simple_self_signed(["other.test".to_owned()]);
    // On Windows the lines end as they do there.
    other.expect("a certificate").cert.pem().replace('\r', "")
}

#[test]
fn certificate_that_would_be_missed_is_told_by_its_line() {
    let (one, two) = (
        other_authority(),
        fs::read_to_string(ca_file()).expect("a file"),
    );
    let lines = one.lines().count();
    for (name, text, words) in [
        (
            "one-line.pem",
            format!("{}{two}", one.trim_end()),
            format!("line {lines} "),
        ),
        (
            "unfinished.pem",
            format!("{}{two}", one.replace("-----END CERTIFICATE-----\n", "")),
            format!("line {lines} "),
        ),
        (
            "trusted.pem",
            format!("{two}{}", one.replace("CERTIFICATE", "TRUSTED CERTIFICATE")),
            "openssl x509".to_owned(),
        ),
        (
            "garbled-second.pem",
            format!("{two}\n{}", one.replace("\nMII", "\nM!I")),
            format!("certificate number 2 (line {})", two.lines().count() + 2),
        ),
        (
            "short-second.pem",
            format!("{two}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
            "certificate number 2 (line".to_owned(),
        ),
    ] {
        let path = file(name, text.as_bytes());
        let Err(refusal) = Client::new(&json!({ "ca_file": path })) else {
            panic!("{name} is taken");
        };
        refusal.assert_status("invalid_argument");
        assert!(refusal.message().contains(&words), "{words}: {refusal:?}");
        let debug = ["Error", "Invalid", "::", "{"];
        assert!(
            !debug.iter().any(|word| refusal.message().contains(word)),
            "{refusal:?}"
        );
    }
}

#[test]
fn file_that_is_far_too_long_is_not_read_whole() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.as_file().set_len(1 << 40).expect("it has holes");
    let refusal = Client::new(&json!({ "ca_file": file.path() })).err();
    let refusal = refusal.expect("it is taken");
    assert!(refusal.message().contains("16 MiB"), "{refusal:?}");
}

/// The reply that a program gets for which `ca_file` holds the machine's authorities.
fn reply_on_a_machine_that_trusts(ca_file: &PathBuf, options: &Value) -> Value {
    let finished = c::run(
        Command::new(c::compile("tests/c/send.c"))
            .args([options.to_string(), message("tag")])
            .env("SSL_CERT_FILE", ca_file)
            .env_remove("SSL_CERT_DIR"),
        b"",
    );
    serde_json::from_str(&finished.stdout).unwrap_or_else(|_| panic!("{finished:?}"))
}

#[test]
fn system_roots_are_those_of_the_machine() {
    let server = RawServer::accepting(Scheme::Https);
    let ours = ca_file().to_owned();
    let of = |roots| json!({ "base_url": server.base_url(), "tls_roots": roots, "proxy": "" });

    let reply = reply_on_a_machine_that_trusts(&ours, &of("system"));
    assert_eq!(reply["status"], "ok", "{reply}");
    // The same machine, and the roots that are built in.
    let reply = reply_on_a_machine_that_trusts(&ours, &of("bundled"));
    assert_eq!(reply["status"], "not_sent", "{reply}");

    let none = file("no-roots.pem", b"");
    let reply = reply_on_a_machine_that_trusts(&none, &of("system"));
    assert_eq!(reply["status"], "invalid_argument", "{reply}");
    let text = reply["message"].as_str().expect("a message");
    assert!(text.contains("tls_roots"), "{text}");
}

#[test]
fn file_adds_to_the_system_roots() {
    let server = RawServer::accepting(Scheme::Https);
    let other =
        rcgen::generate_simple_self_signed(["other.test".to_owned()]).expect("a certificate");
    let others = file("others.pem", other.cert.pem().as_bytes());
    let options = server.options_with(json!({ "tls_roots": "system" }));
    let reply = reply_on_a_machine_that_trusts(&others, &options);
    assert_eq!(reply["status"], "ok", "{reply}");
}
