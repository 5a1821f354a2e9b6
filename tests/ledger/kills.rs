//! Programs that are killed and started again, beside the sandbox.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::api::{self, API_KEY, WORKSPACE_ID, message};
use support::c;
use support::sandbox::{Config, Sandbox};

use crate::processes::{output, spawn};

const PROCESSES: usize = 4;

/// Recipients of the sandbox, and how many keys in a hundred are theirs.
const RECIPIENTS: [(&str, usize); 11] = [
    ("15550100001", 40), // accepted
    ("15550100002", 6),  // accepted, and later failed
    ("15550100004", 10), // refused
    ("15550100005", 1),  // turned away every other time
    ("15550100007", 10), // 502: not accepted, and unknown
    ("15550100008", 1),  // no response: the same
    ("15550100009", 12), // accepted without a response: unknown
    ("15550100010", 1),  // accepted, and the response takes its time
    ("15550100011", 4),  // refused by a firewall
    ("15550100014", 8),  // accepted, and two post-backs
    ("15550100015", 7),  // accepted, and post-backs in another order
];

/// The post-backs that came, whole.
type PostBacks = Arc<Mutex<Vec<Value>>>;

/// Takes post-backs for as long as the test runs.
fn take_post_backs() -> (String, PostBacks) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback ports are free");
    let url = format!("http://{}/hook", listener.local_addr().expect("bound"));
    let taken = PostBacks::default();
    let taken_by_thread = Arc::clone(&taken);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let taken = Arc::clone(&taken_by_thread);
            thread::spawn(move || take_post_back(stream, &taken));
        }
    });
    (url, taken)
}

fn take_post_back(mut stream: TcpStream, taken: &PostBacks) {
    let mut received = Vec::new();
    let mut bytes = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut bytes) {
        received.extend_from_slice(&bytes[..count]);
        let body = received.windows(4).position(|it| it == b"\r\n\r\n");
        let body = body.map(|end| serde_json::from_slice(&received[end + 4..]));
        if let Some(Ok(post_back)) = body {
            taken.lock().expect("nobody panics").push(post_back);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
            return;
        }
    }
}

fn text<'a>(post_back: &'a Value, key: &str) -> &'a str {
    post_back[key].as_str().expect("a text")
}

/// `ZIXFLOW_TEST_KILLS=200` is the number of kills; there are ten keys for each.
#[test]
fn nothing_is_sent_twice_however_often_processes_are_killed() {
    let kills: usize =
        env::var("ZIXFLOW_TEST_KILLS").map_or(12, |it| it.parse().expect("a number"));
    let sandbox = Sandbox::start(Config {
        api_key: API_KEY.to_owned(),
        workspace_id: WORKSPACE_ID.to_owned(),
        notify_after: Duration::from_millis(20),
        slow_response: Duration::from_millis(300),
        ..Config::default()
    });
    let sandbox = sandbox.expect("loopback ports are free");
    let base_url = sandbox.http_url().expect("it serves HTTP").to_owned();
    let (hook, post_backs) = take_post_backs();
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = folder.path().join("ledger");
    let by_share = RECIPIENTS
        .iter()
        .flat_map(|(recipient, share)| vec![*recipient; *share]);
    let mut by_share: Vec<&str> = by_share.collect();
    fastrand::shuffle(&mut by_share);
    let mut lines: Vec<String> = (0..10 * kills)
        .map(|number| {
            let key = format!("key-{number}");
            let mut message: Value = serde_json::from_str(&message(&key)).expect("JSON");
            message["recipient"] = json!(by_share[number % by_share.len()]);
            message["post_back_url"] = json!(hook);
            format!("{key} {message}\n")
        })
        .collect();
    let start = |lines: &[String]| -> Child {
        let mut command = Command::new(c::compile("examples/c/once.c"));
        command
            .env("ZIXFLOW_BASE_URL", &base_url)
            .env("ZIXFLOW_TIMEOUT_MS", "1500");
        spawn(command, &ledger, lines.concat())
    };

    // What each key was told, and when, in the order in which that was read.
    let mut told: BTreeMap<String, Vec<(usize, String)>> = BTreeMap::new();
    let mut note = |round: usize, child: &mut Child| {
        for (key, status, _) in output(child) {
            told.entry(key).or_default().push((round, status));
        }
        child.wait().expect("it ends");
    };
    for round in 0..kills.div_ceil(PROCESSES) {
        let mut children = Vec::new();
        for _ in 0..PROCESSES {
            fastrand::shuffle(&mut lines);
            children.push(start(&lines));
        }
        for child in &mut children {
            thread::sleep(Duration::from_millis(fastrand::u64(5..120)));
            child.kill().expect("it is ours");
            note(round, child);
        }
    }
    // And then to their end: all at the same time, and one that has nobody to wait for.
    for (round, processes) in [(kills, PROCESSES), (kills + 1, 1)] {
        let mut children: Vec<Child> = Vec::new();
        for _ in 0..processes {
            fastrand::shuffle(&mut lines);
            children.push(start(&lines));
        }
        for child in &mut children {
            note(round, child);
        }
    }
    assert_eq!(told.len(), lines.len());
    let ended_as = |key: &str| told[key].last().expect("a status").1.as_str();

    // The sandbox says of each message that it accepted that it did.
    let mut accepted: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let patience = Instant::now() + Duration::from_secs(20);
    loop {
        let taken = post_backs.lock().expect("nobody panics").clone();
        for post_back in &taken {
            let of_key = accepted
                .entry(text(post_back, "post_back_data").to_owned())
                .or_default();
            of_key.insert(text(post_back, "request_id").to_owned());
        }
        thread::sleep(Duration::from_millis(500));
        let mut queued = told.keys().filter(|key| ended_as(key) == "ZX_OK");
        let are_all = queued.all(|key| accepted.contains_key(key));
        let is_quiet = post_backs.lock().expect("nobody panics").len() == taken.len();
        if are_all && is_quiet || Instant::now() > patience {
            break;
        }
    }
    let times = |key: &str| accepted.get(key).map_or(0, BTreeSet::len);
    let mut unknown = BTreeSet::new();
    for (key, statuses) in &told {
        assert!(times(key) <= 1, "{key}, accepted twice: {statuses:?}");
        match ended_as(key) {
            "ZX_OK" => assert_eq!(times(key), 1, "{key}, not accepted: {statuses:?}"),
            "ZX_REJECTED" | "ZX_BUSY" | "ZX_NOT_SENT" => {
                assert_eq!(times(key), 0, "{key}, accepted: {statuses:?}");
            }
            "ZX_OUTCOME_UNKNOWN" => {
                unknown.insert(key.clone());
            }
            other => panic!("{key}: {other}"),
        }
        // Queued is final.
        let queued = statuses.iter().find(|(_, status)| status == "ZX_OK");
        if let Some((round, _)) = queued {
            let mut later = statuses.iter().filter(|it| it.0 > *round);
            assert!(later.all(|it| it.1 == "ZX_OK"), "{key}: {statuses:?}");
        }
    }

    // The unknown ones, until their post-backs settle those that were accepted.
    let client = api::client(&json!({ "base_url": base_url, "ledger": ledger }));
    let listed = || -> BTreeSet<String> {
        let mut all = BTreeSet::new();
        let mut after: Option<String> = None;
        loop {
            let page = client.unsettled(after.as_deref()).expect("a list");
            after = page.last().cloned();
            all.extend(page);
            if after.is_none() {
                return all;
            }
        }
    };
    assert_eq!(listed(), unknown);
    let post_backs = post_backs.lock().expect("nobody panics").clone();
    let mut settled_count = 0;
    for post_back in &post_backs {
        let key = text(post_back, "post_back_data");
        let reply = client.settle(&post_back.to_string()).expect("a post-back");
        assert_eq!(reply["idempotency_key"], key);
        settled_count += usize::from(reply["settled"] == true);
    }
    let lost: BTreeSet<_> = unknown
        .iter()
        .filter(|key| times(key) == 0)
        .cloned()
        .collect();
    assert_eq!(settled_count, unknown.len() - lost.len());
    assert_eq!(listed(), lost);
    println!(
        "{kills} killed; of {} keys {} accepted, none twice; {} unknown at the end, of which {settled_count} \
         were settled by {} post-backs",
        told.len(),
        accepted.len(),
        unknown.len(),
        post_backs.len(),
    );
    let integrity = rusqlite::Connection::open(&ledger).expect("a database");
    let integrity: String = integrity
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .expect("a row");
    assert_eq!(integrity, "ok");
}
