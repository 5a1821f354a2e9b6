//! What is wrong with a file, and what is left alone.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::process::Command;
use std::time::Duration;

use rusqlite::Connection;
use serde_json::json;
use support::api::{Client, message};
use support::c;
use support::punctuality::patiently;

use crate::Setup;

#[test]
fn a_new_ledger_is_for_its_user_alone() {
    let setup = Setup::new();
    let client = setup.client();
    client.send_once("key", &message("a")).assert_status("ok");
    for name in ["ledger", "ledger-wal", "ledger-shm", "ledger-calls"] {
        let file = fs::metadata(setup.folder.path().join(name)).expect(name);
        assert_eq!(file.mode() & 0o777, 0o600, "{name}");
    }
    drop(client);
    assert!(
        !setup.folder.path().join("ledger-wal").exists(),
        "it is not closed"
    );
    let text = fs::read(setup.ledger()).expect("it can be read");
    for secret in [support::api::API_KEY, "Shall we?", "919876543210"] {
        let is_in = text.windows(secret.len()).any(|it| it == secret.as_bytes());
        assert!(!is_in, "{secret}");
    }
}

#[test]
fn what_is_no_ledger_is_refused_and_left_alone() {
    let setup = Setup::new();
    let path = |name: &str| setup.folder.path().join(name);
    fs::write(
        path("text"),
        "no database, but long enough to be one".repeat(100),
    )
    .expect("a file");
    let other = Connection::open(path("other")).expect("a database");
    other
        .execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (1)")
        .expect("a table");
    drop(other);
    drop(setup.client());
    fs::copy(setup.ledger(), path("later")).expect("a copy");
    let later = Connection::open(path("later")).expect("a database");
    later
        .execute_batch("PRAGMA journal_mode = DELETE; PRAGMA user_version = 99")
        .expect("a version");
    drop(later);
    fs::create_dir(path("folder")).expect("a folder");
    fs::hard_link(setup.ledger(), path("second name")).expect("a link");
    let refused = |name: &str| {
        let refusal = Client::new(&setup.options_with(json!({ "ledger": path(name) })));
        let Err(refusal) = refusal else {
            panic!("{name} is taken");
        };
        refusal.assert_status("invalid_argument");
        assert!(refusal.message().starts_with("ledger "), "{refusal:?}");
        assert!(
            refusal
                .message()
                .contains(path(name).to_str().expect("UTF-8")),
            "{refusal:?}"
        );
        refusal
    };
    for name in ["text", "other", "later", "second name"] {
        let before = fs::read(path(name)).expect("a file");
        let refusal = refused(name);
        assert_eq!(fs::read(path(name)).expect("a file"), before, "{refusal:?}");
    }
    assert!(refused("later").message().contains("99"));
    for name in ["folder", "none/ledger", "text/ledger"] {
        refused(name);
    }
    let Err(refusal) = Client::new(&setup.options_with(json!({ "ledger": "" }))) else {
        panic!("it is taken");
    };
    refusal.assert_status("invalid_argument");
    let long = "x".repeat(5000);
    assert!(Client::new(&setup.options_with(json!({ "ledger": long }))).is_err());
}

#[test]
fn one_file_is_one_ledger_whatever_path_leads_to_it() {
    let setup = Setup::new();
    let link = setup.folder.path().join("link");
    let client = setup.client();
    symlink(setup.ledger(), &link).expect("a link");
    let other = support::api::client(&setup.options_with(json!({ "ledger": link })));
    client.send_once("key", &message("a")).assert_status("ok");
    assert!(other.send_once("key", &message("a")).is_repeated());
}

#[test]
fn ledger_that_is_moved_or_removed_while_in_use_sends_nothing() {
    let setup = Setup::new();
    let client = setup.client();
    client.send_once("key", &message("a")).assert_status("ok");
    let elsewhere = setup.folder.path().join("elsewhere");
    fs::rename(setup.ledger(), &elsewhere).expect("it is moved");
    for _ in 0..2 {
        let reply = client.send_once("other", &message("b"));
        reply.assert_status("not_sent");
        assert_eq!(reply.retryable(), Some(false));
        assert!(reply.message().contains("moved"), "{reply:?}");
        assert!(!setup.ledger().exists());
        assert!(client.unsettled(None).is_err());
        client.forget("key").assert_status("not_sent");
        fs::write(setup.ledger(), "").expect("another file");
        client
            .send_once("other", &message("b"))
            .assert_status("not_sent");
        fs::remove_file(setup.ledger()).expect("it is removed");
    }
    // Without a key nobody asks.
    client.send(&message("c")).assert_status("ok");
    fs::rename(&elsewhere, setup.ledger()).expect("it is moved back");
    assert!(client.send_once("key", &message("a")).is_repeated());
    assert_eq!(setup.sent(), 2);
}

#[test]
fn locked_ledger_is_waited_for_within_the_time() {
    let setup = Setup::new();
    let client = setup.client();
    client.send_once("key", &message("a")).assert_status("ok");
    let other = Connection::open(setup.ledger());
    // Not in this process: its locks would be this one's.
    drop(other);
    let mut holder = std::process::Command::new("python3")
        .args(["-c", "import sqlite3,sys\nc=sqlite3.connect(sys.argv[1],isolation_level=None)\nc.execute('BEGIN IMMEDIATE')\nprint('locked',flush=True)\nsys.stdin.read()"])
        .arg(setup.ledger())
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("python3");
    let mut line = String::new();
    let stdout = holder.stdout.take().expect("a pipe");
    std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).expect("a line");
    let send = |time: Duration| {
        let options = json!({ "idempotency_key": "other", "timeout_ms": time.as_millis() });
        client.send_with(&message("b"), &options)
    };
    let reply = patiently(send, |reply| !reply.message().contains("timed out"));
    reply.assert_status("not_sent");
    assert_eq!(reply.retryable(), Some(true));
    assert!(reply.message().contains("locked"), "{reply:?}");
    // What is known is read all the same.
    assert!(client.send_once("key", &message("a")).is_repeated());
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| client.send_once("other", &message("b")));
        std::thread::sleep(std::time::Duration::from_millis(50));
        drop(holder.stdin.take());
        waits.join().expect("a reply").assert_status("ok");
    });
    holder.wait().expect("it ends");
    assert_eq!(setup.sent(), 2);
}

#[test]
fn damaged_ledger_is_told_and_never_replaced() {
    let setup = Setup::new();
    let client = setup.client();
    for number in 0..200 {
        client
            .send_once(&number.to_string(), &message("a"))
            .assert_status("ok");
    }
    drop(client);
    let mut bytes = fs::read(setup.ledger()).expect("it can be read");
    let pages = bytes.len() / 4096;
    assert!(pages > 10);
    bytes[8 * 4096..].fill(0x5a);
    fs::write(setup.ledger(), &bytes).expect("it can be written");
    let client = setup.client();
    let mut not_sent = 0;
    for number in 0..200 {
        let reply = client.send_once(&number.to_string(), &message("a"));
        match reply.status() {
            "ok" => assert!(reply.is_repeated(), "{reply:?}"),
            "not_sent" => {
                assert_eq!(reply.retryable(), Some(false), "{reply:?}");
                not_sent += 1;
            }
            _ => panic!("{reply:?}"),
        }
    }
    assert!(not_sent > 100, "{not_sent}");
    assert_eq!(setup.sent(), 200);
    drop(client);
    let header = fs::read(setup.ledger()).expect("it can be read");
    assert_eq!(header[8 * 4096..], bytes[8 * 4096..], "it was written");
}

#[test]
fn ledger_without_rights_is_refused_and_left_alone() {
    const NOBODY: Option<u32> = Some(65534);
    let setup = Setup::new();
    drop(setup.client());
    let before = fs::read(setup.ledger()).expect("a file");
    let program = c::compile("tests/c/ledger_rights.c");
    for (folder, file) in [(0o700, 0o400), (0o700, 0o000), (0o500, 0o600)] {
        // Nothing keeps the superuser from it: then it is another user's, and the program becomes that one.
        for (path, mode) in [
            (setup.ledger(), file),
            (setup.folder.path().to_owned(), folder),
        ] {
            let _ = chown(&path, NOBODY, NOBODY);
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("it is ours");
        }
        let options = setup.options_with(json!({})).to_string();
        let finished = c::run(Command::new(&program).arg(options), b"");
        assert_eq!(finished.code(), 0, "{folder:o} {file:o}: {finished:?}");
        assert!(finished.stdout.contains("invalid_argument"), "{finished:?}");
        assert!(finished.stdout.contains("/ledger "), "{finished:?}");
    }
    for (path, mode) in [(setup.folder.path(), 0o700), (&setup.ledger(), 0o600)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
    }
    assert_eq!(fs::read(setup.ledger()).expect("a file"), before);
}
