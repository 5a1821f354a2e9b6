//! Processes that share a ledger, and die.

use std::collections::HashSet;
use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use serde_json::json;
use support::api::{API_KEY, Client, WORKSPACE_ID, message};
use support::c;

use support::raw_server::{RawServer, Scheme, accepted, ca_file};

use crate::Setup;

/// A program that sends each of these messages once, each under its tag as a key.
fn once(setup: &Setup, tags: &[String]) -> Child {
    start(Command::new(c::compile("examples/c/once.c")), setup, tags)
}

fn start(mut command: Command, setup: &Setup, tags: &[String]) -> Child {
    command
        .env("ZIXFLOW_CA_FILE", ca_file())
        .env("ZIXFLOW_BASE_URL", setup.server.base_url());
    let lines = tags.iter().map(|tag| format!("{tag} {}\n", message(tag)));
    spawn(command, &setup.ledger(), lines.collect())
}

/// Starts the program, with a line for each message.
pub(crate) fn spawn(mut command: Command, ledger: &Path, lines: String) -> Child {
    let mut child = command
        .arg(ledger)
        .env("ZIXFLOW_API_KEY", API_KEY)
        .env("ZIXFLOW_WORKSPACE_ID", WORKSPACE_ID)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it was compiled");
    let mut stdin = child.stdin.take().expect("a pipe");
    // It may be killed before it has read all.
    thread::spawn(move || stdin.write_all(lines.as_bytes()));
    child
}

/// The key, the status and the reply of each.
pub(crate) fn output(child: &mut Child) -> Vec<(String, String, String)> {
    let mut text = String::new();
    let mut stdout = child.stdout.take().expect("a pipe");
    stdout.read_to_string(&mut text).expect("UTF-8");
    // What was cut off is not whole.
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let lines = whole.lines().map(|line| {
        let mut words = line.splitn(3, ' ').map(str::to_owned);
        std::array::from_fn(|_| words.next().expect("three words"))
    });
    lines
        .map(|[key, status, reply]| (key, status, reply))
        .collect()
}

#[test]
fn call_of_a_process_that_was_killed_is_unknown_and_that_of_one_that_lives_is_awaited() {
    let setup = Setup::new();
    let mut child = once(&setup, &["slow-1".to_owned()]);
    setup.server.await_requests(1);
    let client = setup.client();
    let options = json!({ "idempotency_key": "slow-1", "timeout_ms": 100 });
    let reply = client.send_with(&message("slow-1"), &options);
    assert!(reply.message().contains("under way"), "{reply:?}");
    assert!(client.unsettled(None).expect("a list").is_empty());
    child.kill().expect("it is ours");
    child.wait().expect("it ends");
    let reply = client.send_once("slow-1", &message("slow-1"));
    reply.assert_status("outcome_unknown");
    assert!(reply.is_repeated());
    assert_eq!(client.unsettled(None).expect("a list"), ["slow-1"]);
    client.forget("slow-1").assert_status("ok");
    setup.gate.open();
    assert!(!client.send_once("slow-1", &message("slow-1")).is_repeated());
}

/// What became of a key that was begun by a program which was killed, in the order in which it may.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Second {
    Sends,
    Unknown,
    Repeats,
}

/// The program is killed as it is about to make each of its system calls, and the key is sent again.
fn stop_at_each_call(scheme: Scheme) {
    // All of them take minutes.
    let step = std::env::var("ZIXFLOW_TEST_EVERY_CALL").map_or(9, |_| 1);
    let setup = Setup::over(scheme);
    let stop = c::compile("tests/c/stop_at_call.c");
    let mut seen: Vec<Second> = vec![];
    for call in (1..).skip(fastrand::usize(0..step)).step_by(step) {
        let tag = [format!("ok-{call}")];
        let mut killed = Command::new(&stop);
        killed
            .arg(call.to_string())
            .arg(c::compile("examples/c/once.c"));
        let code = start(killed, &setup, &tag).wait().expect("it ends").code();
        let mut second = once(&setup, &tag);
        let reply = output(&mut second);
        second.wait().expect("it ends");
        let requests = setup.server.requests();
        let sent = requests.iter().filter(|it| it.tag() == tag[0]).count();
        let outcome = match (reply[0].1.as_str(), sent) {
            ("ZX_OK", 1) if reply[0].2.contains("repeated") => Second::Repeats,
            ("ZX_OK", 1) => Second::Sends,
            ("ZX_OUTCOME_UNKNOWN", 0 | 1) => Second::Unknown,
            _ => panic!("killed at {call}: sent {sent} times, {reply:?}"),
        };
        // As the ledger grows, a run makes some calls more or fewer than the one before.
        let earlier = &seen[..seen.len().saturating_sub(60 / step)];
        let is_in_order = earlier.iter().all(|earlier| *earlier <= outcome);
        assert!(is_in_order, "killed at {call}: {outcome:?} comes too late");
        seen.push(outcome);
        match code {
            Some(0) => {}
            Some(3) => break,
            code => panic!("{code:?}"),
        }
    }
    println!("{scheme:?}: killed at {} calls", seen.len());
    assert_eq!(seen.first(), Some(&Second::Sends));
    assert!(seen.contains(&Second::Unknown));
    assert_eq!(seen.last(), Some(&Second::Repeats));
}

#[test]
fn program_that_is_killed_at_any_system_call_sends_once_over_http() {
    stop_at_each_call(Scheme::Http);
}

#[test]
fn program_that_is_killed_at_any_system_call_sends_once_over_https() {
    stop_at_each_call(Scheme::Https);
}

/// What a power cut leaves of a file is what it held when it was last synced.
#[test]
fn what_the_server_received_is_in_the_ledger_after_a_power_cut() {
    let kept = tempfile::tempdir().expect("a folder");
    let folder = kept.path().to_owned();
    let received = Mutex::new(Vec::new());
    let server = RawServer::start(Scheme::Http, move |peer| {
        loop {
            let tag = peer.request()?.tag();
            let mut received = received.lock().expect("nothing failed before");
            received.push(tag.clone());
            let kept = after_power_cut(&folder);
            let lost: Vec<_> = received.iter().filter(|it| !kept.contains(*it)).collect();
            assert!(lost.is_empty(), "{lost:?}");
            drop(received);
            peer.send(&accepted(&tag))?;
        }
    });
    let preloaded = c::Program::c("tests/c/power_cut.c")
        .flags(["-shared", "-fPIC"])
        .compile();
    let ledger = tempfile::tempdir().expect("a folder");
    let lines = |process: usize| {
        let tags = (0..60).map(move |number| format!("{process}-{number}"));
        tags.map(|tag| format!("{tag} {}\n", message(&tag)))
    };
    let mut children: Vec<_> = (0..3)
        .map(|process| {
            let mut command = Command::new(c::compile("examples/c/once.c"));
            command
                .env("LD_PRELOAD", &preloaded)
                .env("POWER_CUT", kept.path())
                .env("ZIXFLOW_BASE_URL", server.base_url());
            let ledger = ledger.path().join("ledger");
            spawn(command, &ledger, lines(process).collect())
        })
        .collect();
    for child in &mut children {
        let replies = output(child);
        assert!(replies.iter().all(|it| it.1 == "ZX_OK"), "{replies:?}");
        assert_eq!(replies.len(), 60);
        child.wait().expect("it ends");
    }
}

/// The keys of the entries that are there.
fn after_power_cut(kept: &Path) -> HashSet<String> {
    let copy = tempfile::tempdir().expect("a folder");
    let lock = fs::File::open(kept.join("lock")).expect("something was synced");
    lock.lock_shared().expect("it can be locked");
    for name in ["ledger", "ledger-wal"] {
        fs::copy(kept.join(name), copy.path().join(name)).expect("it was synced");
    }
    drop(lock);
    let database = rusqlite::Connection::open(copy.path().join("ledger")).expect("a database");
    let keys = "SELECT idempotency_key FROM entry";
    let mut keys = database.prepare(keys).expect("it is whole");
    let keys = keys.query_map([], |row| row.get(0)).expect("it is whole");
    keys.collect::<Result<_, _>>().expect("it is whole")
}

#[test]
fn a_second_copy_of_the_library_in_the_process_is_refused() {
    let setup = Setup::new();
    let copy = setup.folder.path().join("copy.so");
    fs::copy(c::linkable_libraries().join("libzixflow.so"), &copy).expect("a copy");
    let program = c::Program::c("tests/c/ledger_two_copies.c").flags(["-ldl"]);
    let mut command = Command::new(program.compile());
    let options = setup.options_with(json!({})).to_string();
    let finished = c::run(command.arg(copy).arg(options), b"");
    assert_eq!(finished.code(), 0, "{finished:?}");
    assert_eq!(setup.sent(), 1);
}

/// Two containers that share a folder.
#[test]
fn call_in_another_pid_namespace_lives() {
    let is_possible = Command::new("unshare")
        .args(["--pid", "--fork", "true"])
        .status();
    if !is_possible.is_ok_and(|status| status.success()) {
        return;
    }
    let setup = Setup::new();
    let program = c::compile("examples/c/once.c");
    let mut child = Command::new("unshare")
        .args(["--pid", "--fork", "--kill-child"])
        .arg(program)
        .arg(setup.ledger())
        .env("ZIXFLOW_API_KEY", API_KEY)
        .env("ZIXFLOW_WORKSPACE_ID", WORKSPACE_ID)
        .env("ZIXFLOW_BASE_URL", setup.server.base_url())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it was compiled");
    let line = format!("slow {}\n", message("slow"));
    child
        .stdin
        .take()
        .expect("a pipe")
        .write_all(line.as_bytes())
        .expect("a pipe");
    setup.server.await_requests(1);
    let client = setup.client();
    let options = json!({ "idempotency_key": "slow", "timeout_ms": 100 });
    let reply = client.send_with(&message("slow"), &options);
    assert!(reply.message().contains("under way"), "{reply:?}");
    setup.gate.open();
    let reply = client.send_once("slow", &message("slow"));
    reply.assert_status("ok");
    assert!(reply.is_repeated());
    assert_eq!(output(&mut child)[0].1, "ZX_OK");
    child.wait().expect("it ends");
}

fn forks(setup: &Setup, case: &str) {
    let options = setup.options_with(json!({}));
    let finished = c::run(
        Command::new(c::compile("tests/c/ledger_forks.c")).args([
            case,
            &options.to_string(),
            &message("%s"),
        ]),
        b"",
    );
    assert_eq!(finished.code(), 0, "{case}: {finished:?}");
}

/// Of the messages that the server got.
fn tags(setup: &Setup) -> Vec<String> {
    let requests = setup.server.requests();
    let mut tags: Vec<_> = requests.iter().map(|request| request.tag()).collect();
    tags.sort();
    tags
}

#[test]
fn workers_forked_before_the_first_key_send() {
    let setup = Setup::new();
    forks(&setup, "before");
    // One key for all, one for each, and the parent's own.
    assert_eq!(
        tags(&setup),
        ["own-0", "own-1", "own-2", "own-3", "parent", "shared"]
    );
}

#[test]
fn child_forked_after_the_first_key_sends_none_and_loses_nothing_of_its_parents() {
    let setup = Setup::new();
    forks(&setup, "after");
    assert_eq!(tags(&setup), ["after", "before", "exec", "without a key"]);
    assert!(fs::metadata(setup.folder.path().join("ledger")).is_ok());
    let client = setup.client();
    for tag in ["before", "after"] {
        assert!(client.send_once(tag, &message(tag)).is_repeated(), "{tag}");
    }
}

#[test]
fn a_second_copy_of_sqlite_in_the_process_is_noticed() {
    let setup = Setup::new();
    drop(setup.client());
    let open = fs::File::open(setup.ledger()).expect("a file");
    let Err(refusal) = Client::new(&setup.options_with(json!({}))) else {
        panic!("it is taken");
    };
    refusal.assert_status("invalid_argument");
    assert!(
        refusal.message().contains("in this process already"),
        "{refusal:?}"
    );
    drop(open);
    drop(setup.client());
}

#[test]
fn full_disk_sends_nothing_and_loses_nothing() {
    let is_possible = Command::new("unshare").args(["--mount", "true"]).status();
    if !is_possible.is_ok_and(|status| status.success()) {
        return;
    }
    let setup = Setup::new();
    let script = r#"mount -t tmpfs -o size=512k none "$1" && LEDGER="$1/ledger" &&
        send() { for key in "$@"; do printf '%s %s\n' "$key" "$MESSAGE" | "$ONCE" "$LEDGER"; done; }
        send ok-1; dd if=/dev/zero of="$1/filler" bs=4k status=none 2>&1 | grep -c full
        send ok-2 ok-3 ok-1; rm "$1/filler"; send ok-2 ok-3 ok-1"#;
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "sh", "-c", script, "sh"])
        .arg(setup.folder.path())
        .env("ONCE", c::compile("examples/c/once.c"))
        .env("MESSAGE", message("ok"))
        .env("ZIXFLOW_API_KEY", API_KEY)
        .env("ZIXFLOW_WORKSPACE_ID", WORKSPACE_ID)
        .env("ZIXFLOW_BASE_URL", setup.server.base_url());
    let finished = c::run(&mut command, b"");
    let replies: Vec<Vec<&str>> = finished
        .stdout
        .lines()
        .map(|line| line.splitn(3, ' ').collect())
        .filter(|words: &Vec<&str>| words.len() == 3)
        .collect();
    let statuses: Vec<&str> = replies.iter().map(|words| words[1]).collect();
    let first = statuses.iter().position(|status| *status == "ZX_NOT_SENT");
    // Whether a last page had room for one more is the file system's to say.
    let first = first.unwrap_or_else(|| panic!("nothing was refused: {finished:?}"));
    assert!(
        replies[first][2].contains(r#""retryable":true"#),
        "{finished:?}"
    );
    assert_eq!(
        &statuses[statuses.len() - 3..],
        ["ZX_OK"; 3],
        "{finished:?}"
    );
    assert!(
        replies
            .last()
            .is_some_and(|words| words[2].contains("repeated")),
        "{finished:?}"
    );
    assert_eq!(setup.sent(), 3, "{finished:?}");
}

/// As many threads in two processes.
#[test]
fn one_of_two_processes_sends_and_all_have_its_outcome() {
    let setup = Setup::new();
    let tags = vec!["slow-1".to_owned(); 5];
    let mut children: Vec<_> = (0..8).map(|_| once(&setup, &tags)).collect();
    setup.server.await_requests(1);
    thread::sleep(Duration::from_millis(100));
    setup.gate.open();
    for child in &mut children {
        let replies = output(child);
        assert_eq!(replies.len(), 5);
        assert!(
            replies.iter().all(|reply| reply.1 == "ZX_OK"),
            "{replies:?}"
        );
        child.wait().expect("it ends");
    }
    assert_eq!(setup.sent(), 1);
}

#[test]
fn call_that_leaves_while_the_disk_takes_its_time_leaves_no_entry() {
    let setup = Setup::new();
    // Not "slow", which waits for the gate here.
    let (message, late) = (message("ok-%s"), message("late-%s"));
    let options = setup.options_with(json!({})).to_string();
    let program = c::compile("tests/c/slow_disk.c");
    let finished = c::run(Command::new(program).args([&options, &message, &late]), b"");
    assert_eq!(finished.code(), 0, "{finished:?}");
    let requests = setup.server.requests();
    let tags: Vec<_> = requests.iter().map(|request| request.tag()).collect();
    let first = ["ok-first", "ok-slow", "ok-late", "ok-cancelled", "ok-own"];
    assert_eq!((&tags[..5], tags.len()), (&first.map(str::to_owned)[..], 8));
    assert_eq!(tags[7], "ok-lost");
}
