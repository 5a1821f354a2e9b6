//! Processes that share a ledger, and die.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::json;
use support::api::{API_KEY, Client, WORKSPACE_ID, message};
use support::c;

use support::raw_server::{Scheme, ca_file};

use crate::Setup;

/// What the API does with a message; "unknown" ones are accepted, too, without a response.
const KINDS: [&str; 6] = ["ok", "unknown", "rejected", "busy", "ok", "late"];

fn is_accepted(tag: &str) -> bool {
    !tag.starts_with("rejected") && !tag.starts_with("busy")
}

/// A program that sends each of these messages once, each under its tag as a key.
fn once(setup: &Setup, tags: &[String]) -> Child {
    start(Command::new(c::compile("examples/c/once.c")), setup, tags)
}

fn start(mut command: Command, setup: &Setup, tags: &[String]) -> Child {
    let mut child = command
        .arg(setup.ledger())
        .env("ZIXFLOW_CA_FILE", ca_file())
        .env("ZIXFLOW_API_KEY", API_KEY)
        .env("ZIXFLOW_WORKSPACE_ID", WORKSPACE_ID)
        .env("ZIXFLOW_BASE_URL", setup.server.base_url())
        .env("ZIXFLOW_TIMEOUT_MS", "1500")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it was compiled");
    let lines: String = tags
        .iter()
        .map(|tag| format!("{tag} {}\n", message(tag)))
        .collect();
    let mut stdin = child.stdin.take().expect("a pipe");
    // It may be killed before it has read all.
    thread::spawn(move || stdin.write_all(lines.as_bytes()));
    child
}

/// The key, the status and the reply of each.
fn output(child: &mut Child) -> Vec<(String, String, String)> {
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
fn nothing_is_sent_twice_however_often_processes_are_killed() {
    const PROCESSES: usize = 4;
    let scale: usize =
        std::env::var("ZIXFLOW_TEST_KILLS").map_or(12, |it| it.parse().expect("a number"));
    let setup = Setup::new();
    let tags: Vec<String> = (0..10 * scale)
        .map(|number| format!("{}-{number}", KINDS[number % KINDS.len()]))
        .collect();
    // What each was told, and in which round: within one, they ran at the same time.
    let mut told: BTreeMap<String, Vec<(usize, String)>> = BTreeMap::new();
    let mut killed = 0;
    while killed < scale {
        let mut children: Vec<_> = (0..PROCESSES)
            .map(|_| {
                let mut tags = tags.clone();
                fastrand::shuffle(&mut tags);
                once(&setup, &tags)
            })
            .collect();
        for child in &mut children {
            thread::sleep(Duration::from_millis(fastrand::u64(5..80)));
            child.kill().expect("it is ours");
            child.wait().expect("it ends");
            for (tag, status, _) in output(child) {
                told.entry(tag)
                    .or_default()
                    .push((killed / PROCESSES, status));
            }
        }
        killed += PROCESSES;
    }
    // And then to their end: all at the same time, and one that has nobody to wait for.
    for (round, processes) in [(scale, PROCESSES), (scale + 1, 1)] {
        let mut children: Vec<_> = (0..processes).map(|_| once(&setup, &tags)).collect();
        for child in &mut children {
            for (tag, status, _) in output(child) {
                told.entry(tag).or_default().push((round, status));
            }
            child.wait().expect("it ends");
        }
    }
    let mut accepted: HashMap<String, usize> = HashMap::new();
    for request in setup.server.requests() {
        *accepted.entry(request.tag()).or_default() += 1;
    }
    assert_eq!(told.len(), tags.len());
    let mut unknown = 0;
    for (tag, statuses) in &told {
        let times = accepted.get(tag).copied().unwrap_or_default();
        let is_accepted = is_accepted(tag);
        assert!(
            times <= 1 || !is_accepted,
            "{tag} was accepted {times} times: {statuses:?}"
        );
        match statuses.last().expect("a status").1.as_str() {
            "ZX_OK" => assert!(is_accepted && times == 1, "{tag}: {statuses:?}"),
            "ZX_REJECTED" | "ZX_BUSY" | "ZX_NOT_SENT" => {
                assert!(!is_accepted || times == 0, "{tag}: {statuses:?}")
            }
            "ZX_OUTCOME_UNKNOWN" => unknown += 1,
            other => panic!("{tag}: {other}"),
        }
        // Queued is final.
        let queued = statuses.iter().find(|(_, status)| status == "ZX_OK");
        if let Some((round, _)) = queued {
            let mut later = statuses.iter().filter(|it| it.0 > *round);
            assert!(later.all(|it| it.1 == "ZX_OK"), "{tag}: {statuses:?}");
        }
    }
    println!("{killed} killed, {unknown} of {} unknown", tags.len());
    // Each that was accepted has its post-back.
    let client = setup.client();
    let open = client.unsettled(None).expect("a list");
    assert_eq!(open.len(), unknown);
    for tag in open {
        if accepted.contains_key(&tag) && is_accepted(&tag) {
            let post_back = json!({
                "workspace_id": WORKSPACE_ID, "request_id": format!("r-{tag}"), "status": "sent",
                "status_at": "2100-01-01T00:00:00Z", "post_back_data": tag,
            });
            let settled = client.settle(&post_back.to_string()).expect("a post-back");
            assert_eq!(
                (&settled["settled"], &settled["idempotency_key"]),
                (&json!(true), &json!(tag))
            );
        }
    }
    let integrity = rusqlite::Connection::open(setup.ledger()).expect("a database");
    let integrity: String = integrity
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .expect("a row");
    assert_eq!(integrity, "ok");
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
    assert_eq!((&tags[..5], tags.len()), (&first.map(str::to_owned)[..], 7));
}
