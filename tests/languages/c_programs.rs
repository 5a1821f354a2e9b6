//! The C examples, compiled by the machine's C compiler and run against the sandbox.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use support::api::message;
use support::c::{self, Finished};
use support::raw_server::{self, RawServer, Scheme};
use support::sandbox::recipients::{Behaviour, MAGIC_RECIPIENTS, MagicRecipient};
use support::sandbox::{Config, Sandbox};

const KEY: &str = "key-for-this-test";
const WORKSPACE: &str = "69614209f51dfafb2231a6fe";

/// The statuses by their number.
const STATUSES: [&str; 9] = [
    "ZX_OK",
    "ZX_INVALID_ARGUMENT",
    "ZX_INVALID_MESSAGE",
    "ZX_UNAUTHORIZED",
    "ZX_REJECTED",
    "ZX_BUSY",
    "ZX_NOT_SENT",
    "ZX_OUTCOME_UNKNOWN",
    "ZX_INTERNAL",
];

/// White space, an escape and a number that any rewriting would change.
const ODD_MESSAGE: &str = "\u{20}{ \"interactive\" : {\"type\":\"button\",\n\t\"body\":{\"text\":\"\\u0041 ç 🌍\"},\r\n\
    \"action\":{\"buttons\":[{\"type\":\"reply\",\"reply\":{\"id\":\"a\",\"title\":\"A\"}}]}},\
    \"phone_id\":\"1\", \"recipient\":\"919876543210\",\"new\":1.50e+1}\n\n";

fn start() -> Sandbox {
    Sandbox::start(Config {
        api_key: KEY.to_owned(),
        workspace_id: WORKSPACE.to_owned(),
        slow_response: Duration::from_secs(1),
        ..Config::default()
    })
    .expect("loopback ports are free")
}

fn http(sandbox: &Sandbox) -> &str {
    sandbox.http_url().expect("HTTP is on")
}

fn https(sandbox: &Sandbox) -> &str {
    sandbox.https_url().expect("HTTPS is on")
}

fn ca_file(sandbox: &Sandbox) -> &Path {
    sandbox.ca_file().expect("HTTPS has one")
}

/// A command with the credentials in its environment, and no proxy or the like. It fails if it
/// does not release all that the library hands out.
fn command(program: impl AsRef<Path>) -> Command {
    let count_objects = c::Program::c("tests/c/count_objects.c")
        .flags(c::C99)
        .flags(["-shared", "-fPIC", "-ldl"])
        .compile();
    let mut command = Command::new(program.as_ref());
    command
        .env_clear()
        .env("LD_PRELOAD", count_objects)
        .env("ZIXFLOW_API_KEY", KEY)
        .env("ZIXFLOW_WORKSPACE_ID", WORKSPACE);
    command
}

fn over_http(program: impl AsRef<Path>, sandbox: &Sandbox) -> Command {
    let mut command = command(program);
    command.env("ZIXFLOW_BASE_URL", http(sandbox));
    command
}

fn over_https(program: impl AsRef<Path>, sandbox: &Sandbox) -> Command {
    let mut command = command(program);
    command
        .env("ZIXFLOW_BASE_URL", https(sandbox))
        .env("ZIXFLOW_CA_FILE", ca_file(sandbox));
    command
}

fn send_reply_buttons() -> PathBuf {
    c::compile("examples/c/send_reply_buttons.c")
}

fn compose() -> PathBuf {
    c::compile("examples/c/compose.c")
}

fn first_program() -> PathBuf {
    c::compile("examples/c/first_program.c")
}

/// Runs it, and makes sure that the key stays inside.
fn run(command: &mut Command, input: &[u8]) -> Finished {
    let finished = c::run(command, input);
    assert!(!format!("{finished:?}").contains(KEY), "{finished:?}");
    finished
}

/// The reply of a run that came to an outcome, all that it printed, after a look at its keys' order.
#[track_caller]
fn reply(finished: &Finished) -> Value {
    let line = finished.stdout.strip_suffix('\n').expect("a line");
    assert!(!line.contains('\n'), "{line}");
    let reply: Value = serde_json::from_str(line).expect("one JSON object");
    let order = [
        "success",
        "status",
        "message",
        "request_id",
        "http_status",
        "attempts",
        "retryable",
        "retry_after_ms",
        "problems",
        "response",
    ];
    let members = reply.as_object().expect("an object");
    for key in members.keys() {
        assert!(
            order.contains(&key.as_str()),
            "{key} is not a key of the reply"
        );
    }
    let places = order
        .iter()
        .filter(|key| members.contains_key(**key))
        .map(|key| line.find(&format!("\"{key}\":")).expect("it is there"));
    assert!(places.is_sorted(), "{line}");
    reply
}

/// The reply of a message that was accepted.
#[track_caller]
fn accepted(finished: &Finished) -> Value {
    assert_eq!(finished.code(), 0, "{finished:?}");
    let reply = reply(finished);
    let keys: Vec<&str> = reply
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    let mut expected = [
        "success",
        "status",
        "message",
        "request_id",
        "http_status",
        "attempts",
    ];
    expected.sort_unstable();
    assert_eq!(keys, expected, "serde_json sorts them");
    assert_eq!(reply["success"], true);
    assert_eq!(reply["status"], "ok");
    reply
}

#[test]
fn the_built_in_message_is_accepted_over_http_and_https() {
    let sandbox = start();
    let program = send_reply_buttons();
    for mut command in [
        over_http(&program, &sandbox),
        over_https(&program, &sandbox),
    ] {
        let reply = accepted(&run(&mut command, b""));
        assert_eq!(reply["http_status"], 202);
        assert_eq!(reply["attempts"], 1);
    }
    assert_eq!(sandbox.requests().len(), 2);
}

/// The C library looks it up, and musl in its own way.
#[test]
fn the_host_may_be_a_name() {
    let sandbox = start();
    let url = http(&sandbox).replace("127.0.0.1", "localhost");
    let mut command = over_http(send_reply_buttons(), &sandbox);
    accepted(&run(command.env("ZIXFLOW_BASE_URL", url), b""));
}

#[test]
fn what_arrives_is_the_callers_json_with_exactly_the_promised_headers() {
    let sandbox = start();
    let program = send_reply_buttons();
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("message.json");
    fs::write(&file, ODD_MESSAGE).expect("it is writable");
    accepted(&run(over_http(&program, &sandbox).arg(&file), b""));
    accepted(&run(over_https(&program, &sandbox).arg(&file), b""));
    accepted(&run(
        over_https(&program, &sandbox).arg("-"),
        ODD_MESSAGE.as_bytes(),
    ));

    let hosts = [http(&sandbox), https(&sandbox), https(&sandbox)];
    let requests = sandbox.requests();
    assert_eq!(requests.len(), hosts.len());
    for (request, url) in requests.iter().zip(hosts) {
        assert_eq!(request.method, "POST");
        assert_eq!(
            request.path,
            "/api/ingest/whatsapp/v1/message/interactive/reply-buttons/send"
        );
        assert_eq!(request.body, ODD_MESSAGE.as_bytes());
        let (_, host) = url.split_once("://").expect("a URL");
        let length = ODD_MESSAGE.len().to_string();
        let user_agent = concat!("zixflow-c/", env!("CARGO_PKG_VERSION"));
        let expected = BTreeMap::from([
            ("accept", "application/json"),
            ("accept-encoding", "identity"),
            ("content-length", &length),
            ("content-type", "application/json"),
            ("host", host),
            ("user-agent", user_agent),
            ("x-api-key", KEY),
            ("x-workspace-id", WORKSPACE),
        ]);
        let names: Vec<String> = request
            .headers
            .iter()
            .map(|(name, _)| name.to_ascii_lowercase())
            .collect();
        let values = request.headers.iter().map(|(_, value)| value.as_str());
        let arrived: BTreeMap<&str, &str> = names.iter().map(String::as_str).zip(values).collect();
        assert_eq!(arrived, expected);
        assert_eq!(names.len(), expected.len(), "a header came twice");
    }
}

#[test]
fn every_magic_recipient_ends_as_documented() {
    let sandbox = start();
    let program = send_reply_buttons();
    thread::scope(|scope| {
        for magic in &MAGIC_RECIPIENTS {
            let (sandbox, program) = (&sandbox, &program);
            scope.spawn(move || ends_as_documented(magic, program, sandbox));
        }
    });
}

fn ends_as_documented(magic: &MagicRecipient, program: &Path, sandbox: &Sandbox) {
    let message = ODD_MESSAGE.replace("919876543210", magic.number);
    let mut command = over_https(program, sandbox);
    let finished = run(
        command.env("ZIXFLOW_TIMEOUT_MS", "8000").arg("-"),
        message.as_bytes(),
    );
    let status = STATUSES.iter().position(|status| *status == magic.status);
    let status = i32::try_from(status.expect("a status")).expect("a small number");
    let exit_status = if status == 0 { 0 } else { 10 + status };
    assert_eq!(
        finished.code(),
        exit_status,
        "{}: {finished:?}",
        magic.number
    );
    let reply = reply(&finished);
    assert_eq!(
        format!(
            "ZX_{}",
            reply["status"].as_str().expect("text").to_uppercase()
        ),
        magic.status
    );
    let (attempts, http_status) = match magic.behaviour {
        Behaviour::Accept
        | Behaviour::AcceptThenFail
        | Behaviour::SlowResponse
        | Behaviour::MarkedResponse
        | Behaviour::PostBackTwice
        | Behaviour::PostBacksOutOfOrder
        | Behaviour::PostBackLate => (1, Some(202)),
        Behaviour::Unauthorized => (1, Some(401)),
        Behaviour::Reject => (1, Some(400)),
        Behaviour::BusyOnce => (2, Some(202)),
        Behaviour::Busy => (3, Some(429)),
        Behaviour::BadGateway => (1, Some(502)),
        Behaviour::Firewall => (1, Some(403)),
        Behaviour::Unavailable => (3, Some(503)),
        Behaviour::Silence | Behaviour::HangUp => (1, None),
    };
    assert_eq!(reply["attempts"], attempts, "{}: {reply}", magic.number);
    assert_eq!(
        reply.get("http_status").and_then(Value::as_u64),
        http_status,
        "{reply}"
    );
    let arrived = sandbox
        .requests()
        .iter()
        .filter(|request| request.body == message.as_bytes())
        .count();
    assert_eq!(arrived, attempts, "{}", magic.number);
}

/// On standard error, for a person: made without a JSON library.
#[test]
fn what_came_of_a_message_is_said_line_by_line() {
    let sandbox = start();
    let program = send_reply_buttons();
    let said = |message: &str| {
        let mut command = over_http(&program, &sandbox);
        command.env("ZIXFLOW_TIMEOUT_MS", "3000").arg("-");
        let finished = run(&mut command, message.as_bytes());
        let reply = reply(&finished);
        let lines: Vec<String> = finished.stderr.lines().map(str::to_owned).collect();
        (lines, reply)
    };
    let to = |recipient| ODD_MESSAGE.replace("919876543210", recipient);
    let text = |reply: &Value, key: &str| reply[key].as_str().expect("a text").to_owned();

    let (lines, reply) = said(ODD_MESSAGE);
    let expected = [
        "outcome: ZX_OK".to_owned(),
        format!("request ID: {}", text(&reply, "request_id")),
        format!("message: {}", text(&reply, "message")),
        "to do: nothing: it is queued, and what becomes of it comes to its post_back_url"
            .to_owned(),
    ];
    assert_eq!(lines, expected);

    let (lines, reply) = said(&to("15550100006"));
    let expected = [
        "outcome: ZX_BUSY".to_owned(),
        format!("message: {}", text(&reply, "message")),
        "to do: send it again later: it was not queued, so it cannot come twice".to_owned(),
        "pause in ms: 1000".to_owned(),
    ];
    assert_eq!(lines, expected);

    for (recipient, outcome, to_do) in [
        ("15550100003", "ZX_UNAUTHORIZED", "check the API key"),
        ("15550100004", "ZX_REJECTED", "find out why"),
        ("15550100007", "ZX_OUTCOME_UNKNOWN", "do not send it again"),
    ] {
        let (lines, _) = said(&to(recipient));
        assert_eq!(lines[0], format!("outcome: {outcome}"));
        assert!(
            lines[2].starts_with(&format!("to do: {to_do}")),
            "{lines:?}"
        );
    }

    let (lines, reply) = said("{\"recipient\":\"+1\",\"phone_id\":7}");
    assert_eq!(lines[0], "outcome: ZX_INVALID_MESSAGE");
    let problems = reply["problems"].as_array().expect("problems").iter();
    let problems: Vec<String> = problems
        .map(|it| format!("problem: {} {}", text(it, "path"), text(it, "message")))
        .collect();
    assert_eq!(problems.len(), 3);
    assert_eq!(lines[2..5], problems);
    assert_eq!(lines[5..], ["to do: correct the message"]);

    let (lines, _) = said("[");
    assert!(
        lines[2].starts_with("problem: the message cannot be read"),
        "{lines:?}"
    );
}

#[test]
fn an_invalid_message_is_reported_and_not_sent() {
    let sandbox = start();
    let program = send_reply_buttons();
    let finished = run(
        over_http(program, &sandbox).arg("-"),
        b"{\"recipient\":\"+1\"}",
    );
    assert_eq!(finished.code(), 12, "{finished:?}");
    let reply = reply(&finished);
    assert_eq!(reply["attempts"], 0);
    assert_eq!(reply["problems"][0]["path"], "/recipient");
    assert_eq!(sandbox.requests().len(), 0);
}

#[test]
fn what_the_program_cannot_do_is_said_and_nothing_is_sent() {
    let sandbox = start();
    let program = send_reply_buttons();
    let directory = tempfile::tempdir().expect("a temporary directory");
    let too_long = vec![b' '; (1 << 20) + 1];
    let missing = directory.path().join("missing.json");
    for (argument, input, exit_status, problem) in [
        (
            missing.as_os_str(),
            &b""[..],
            1,
            "missing.json: No such file",
        ),
        (directory.path().as_os_str(), b"", 1, "Is a directory"),
        ("-".as_ref(), &too_long, 1, "longer than 1 MiB"),
        ("-".as_ref(), b"{}\0", 1, "NUL"),
        ("--no-such-option".as_ref(), b"", 2, "Usage:"),
    ] {
        let finished = run(over_http(&program, &sandbox).arg(argument), input);
        assert_eq!(finished.code(), exit_status, "{finished:?}");
        assert!(finished.stderr.contains(problem), "{finished:?}");
    }
    for (variable, value, problem) in [
        ("ZIXFLOW_BASE_URL", "ftp://\"\\\n", "base_url"),
        ("ZIXFLOW_CA_FILE", "/no/such/file", "ca_file"),
        ("ZIXFLOW_TIMEOUT_MS", "soon", "timeout_ms"),
    ] {
        let finished = run(over_http(&program, &sandbox).env(variable, value), b"");
        assert_eq!(finished.code(), 2, "{finished:?}");
        assert!(finished.stderr.contains(problem), "{finished:?}");
    }
    for variable in ["ZIXFLOW_API_KEY", "ZIXFLOW_WORKSPACE_ID"] {
        let finished = run(over_http(&program, &sandbox).env_remove(variable), b"");
        assert_eq!(finished.code(), 2, "{finished:?}");
        assert!(finished.stderr.contains(variable), "{finished:?}");
    }
    assert_eq!(sandbox.requests().len(), 0);
}

#[test]
fn settings_reach_the_library_unchanged() {
    let sandbox = start();
    let directory = tempfile::tempdir().expect("a temporary directory");
    let odd_path = directory.path().join("the \"CA\"\\t\n\u{1f} ç.pem");
    fs::copy(ca_file(&sandbox), &odd_path).expect("it is writable");
    let mut command = over_https(send_reply_buttons(), &sandbox);
    accepted(&run(command.env("ZIXFLOW_CA_FILE", odd_path), b""));
}

#[test]
fn a_message_of_exactly_1_mib_is_read_whole() {
    let sandbox = start();
    let mut message = ODD_MESSAGE.to_owned();
    message += &" ".repeat((1 << 20) - message.len());
    let mut command = over_http(send_reply_buttons(), &sandbox);
    accepted(&run(command.arg("-"), message.as_bytes()));
    assert_eq!(sandbox.requests()[0].body, message.as_bytes());
}

#[test]
fn help_is_printed_and_a_full_disk_is_noticed() {
    let sandbox = start();
    for (program, argument) in [(send_reply_buttons(), ""), (compose(), "Zoe")] {
        let help = run(command(&program).arg("--help"), b"");
        assert_eq!(help.code(), 0, "{help:?}");
        for expected in ["Usage:", "ZIXFLOW_BASE_URL", "Exit status:"] {
            assert!(help.stdout.contains(expected), "{}", help.stdout);
        }
        // A shell, so that standard output can be something else than our pipe.
        let line = format!("exec '{}' {argument} >/dev/full", program.display());
        let full = run(over_http("/bin/sh", &sandbox).args(["-c", &line]), b"");
        assert_eq!(full.code(), 1, "{full:?}");
        assert!(full.stderr.contains("No space left"), "{full:?}");
        assert!(full.stderr.contains("\"status\":\"ok\""), "{full:?}");
    }
}

/// By whatever name it was installed.
#[test]
fn the_program_knows_its_name_and_version() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let program = directory.path().join("zixflow-send");
    std::os::unix::fs::symlink(send_reply_buttons(), &program).expect("a link");
    for (option, expected) in [
        ("--help", "Usage: zixflow-send [FILE]\n"),
        ("-h", "Usage: zixflow-send [FILE]\n"),
        (
            "--version",
            concat!("zixflow-send ", env!("CARGO_PKG_VERSION"), "\n"),
        ),
    ] {
        let printed = run(command(&program).arg(option), b"");
        assert_eq!(printed.code(), 0, "{printed:?}");
        assert!(printed.stdout.starts_with(expected), "{printed:?}");
        assert_eq!(printed.stderr, "");
    }
    let refused = run(command(&program).arg("--no-such-option"), b"");
    assert!(
        refused.stderr.starts_with("Usage: zixflow-send [FILE]\n"),
        "{refused:?}"
    );
}

#[test]
fn the_program_sends_a_key_once_and_lists_what_is_unknown() {
    let sandbox = start();
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = folder.path().join("the \"ledger\"");
    let send = |options: &[&str], message: &str| {
        let mut command = over_http(send_reply_buttons(), &sandbox);
        command.env("ZIXFLOW_TIMEOUT_MS", "1000");
        command.arg("--ledger").arg(&ledger).args(options);
        run(&mut command, message.as_bytes())
    };
    let none = send(&["--unsettled"], "");
    assert_eq!(none.stdout.trim_end(), r#"{"entries":[]}"#, "{none:?}");
    let accepted = message("tag");
    let silent = accepted.replace("919876543210", "15550100008");
    for is_repeated in [false, true] {
        let sent = send(&["--key", "a \"key\"", "-"], &accepted);
        assert_eq!(sent.code(), 0, "{sent:?}");
        assert_eq!(sent.stdout.contains("repeated"), is_repeated, "{sent:?}");
        let unknown = send(&["--key", "unknown", "-"], &silent);
        assert_eq!(unknown.code(), 17, "{unknown:?}");
        assert_eq!(unknown.stdout.contains("repeated"), is_repeated);
        let list = send(&["--unsettled"], "");
        assert_eq!(list.code(), 0, "{list:?}");
        let list: serde_json::Value = serde_json::from_str(&list.stdout).expect("one list");
        assert_eq!(list["entries"].as_array().map(Vec::len), Some(1));
        assert_eq!(list["entries"][0]["idempotency_key"], "unknown");
    }
    assert_eq!(sandbox.requests().len(), 2);
    for wrong in [
        &["--unsettled", "-"][..],
        &["--key"],
        &["--unsettled", "--key", "a"],
    ] {
        assert_eq!(send(wrong, "").code(), 2, "{wrong:?}");
    }
    let without = run(command(send_reply_buttons()).args(["--key", "a"]), b"");
    assert_eq!(without.code(), 2, "{without:?}");
}

#[test]
fn a_composed_message_carries_any_name_unchanged() {
    let sandbox = start();
    let program = compose();
    let names = [
        "Zoë \"Zo\" O'Neil",
        "back\\slash",
        "two\nlines\tand\r",
        "👩‍👩‍👧 علي",
        "\u{1}\u{1f}\u{7f}",
        "%s%n",
        "",
    ];
    for name in names {
        accepted(&run(over_http(&program, &sandbox).arg(name), b""));
    }
    let requests = sandbox.requests();
    assert_eq!(requests.len(), names.len());
    for (request, name) in requests.iter().zip(names) {
        let message: Value = serde_json::from_slice(&request.body).expect("JSON");
        assert_eq!(
            message["interactive"]["body"]["text"],
            format!("Hello {name}, your table is booked for 7 pm. See you then?")
        );
        assert_eq!(message["recipient"], "15550100001");
        assert_eq!(message["interactive"]["header"]["text"], "Your booking");
        assert_eq!(
            message["interactive"]["footer"]["text"],
            "Reply within the hour"
        );
        let titles = ["Confirm", "Cancel"];
        for (index, title) in titles.iter().enumerate() {
            let button = &message["interactive"]["action"]["buttons"][index];
            assert_eq!(button["reply"]["title"], *title);
        }
    }

    let finished = run(over_http(&program, &sandbox).arg("x".repeat(1024)), b"");
    assert_eq!(finished.code(), 12, "{finished:?}");
    assert!(
        finished.stderr.contains("/interactive/body/text"),
        "{finished:?}"
    );
    let finished = run(
        over_http(&program, &sandbox).args(["Zoe", "15550100004"]),
        b"",
    );
    assert_eq!(finished.code(), 14, "{finished:?}");
    assert_eq!(sandbox.requests().len(), names.len() + 1);
}

#[test]
fn the_first_program_says_what_came_of_it() {
    let sandbox = start();
    let program = first_program();
    let finished = run(
        command(&program).env("ZIXFLOW_BASE_URL", http(&sandbox)),
        b"",
    );
    assert_eq!(finished.code(), 0, "{finished:?}");
    assert!(
        finished.stdout.starts_with("ZX_OK: {\"success\":true,"),
        "{finished:?}"
    );
    assert_eq!(sandbox.requests().len(), 1);
    let finished = run(command(&program).env("ZIXFLOW_BASE_URL", "nowhere"), b"");
    assert_eq!(finished.code(), 1, "{finished:?}");
    assert!(finished.stderr.contains("ZIXFLOW_BASE_URL"), "{finished:?}");
}

/// SIGINT 10,000 times, at 2,000 a second, while the program sends to a server that responds to every
/// second message alone.
#[test]
fn an_interrupt_ends_the_send_that_is_under_way_and_no_number_of_them_hangs_the_program() {
    const SIGNALS: usize = 10_000;
    let requests = AtomicUsize::new(0);
    let server = RawServer::start(Scheme::Http, move |peer| {
        loop {
            let tag = peer.request()?.tag();
            if requests.fetch_add(1, Ordering::SeqCst).is_multiple_of(2) {
                peer.send(&raw_server::accepted(&tag))?;
            }
        }
    });
    let mut program = command(c::compile("examples/c/ctrl_c.c"))
        .env("ZIXFLOW_BASE_URL", server.base_url())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it was compiled");
    let pid = libc::pid_t::try_from(program.id()).expect("a process's number");
    let mut input = program.stdin.take().expect("a pipe");
    let output = BufReader::new(program.stdout.take().expect("a pipe"));
    let sent = AtomicUsize::new(0);
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            // The first is answered, and so its handler is there.
            let line = message("tag") + "\n";
            while sent.load(Ordering::SeqCst) < SIGNALS {
                if input.write_all(line.as_bytes()).is_err() {
                    break;
                }
            }
            drop(input);
        });
        let mut lines = output.lines();
        let mut note = |line: std::io::Result<String>| {
            let line = line.expect("UTF-8");
            let reply: Value = serde_json::from_str(&line).expect("JSON");
            let status = reply["status"].as_str().expect("a status").to_owned();
            if status != "ok" {
                assert!(line.contains("cancelled"), "{line}");
            }
            *outcomes.entry(status).or_default() += 1;
        };
        note(lines.next().expect("a first line"));
        scope.spawn(|| {
            let hang = Instant::now() + Duration::from_secs(120);
            // SAFETY: the process is not waited for yet, so that the number is its own.
            while unsafe { libc::kill(pid, libc::SIGINT) } == 0 && !is_over(pid) {
                sent.fetch_add(1, Ordering::SeqCst);
                thread::sleep(Duration::from_micros(500));
                if Instant::now() > hang {
                    // SAFETY: as above.
                    unsafe { libc::kill(pid, libc::SIGKILL) };
                }
            }
        });
        lines.for_each(&mut note);
    });
    // Between the program's last line and its end, a signal is what it is to any program.
    let status = program.wait().expect("it was started");
    assert_ne!(status.signal(), Some(libc::SIGKILL), "it hung");
    println!("{outcomes:?}");
    assert!(sent.into_inner() >= SIGNALS);
    assert!(outcomes["ok"] > 10 && outcomes.len() > 1, "{outcomes:?}");
}

/// Whether a process has ended, and is to be waited for.
fn is_over(pid: libc::pid_t) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ")
        .next()
        .is_none_or(|it| it.starts_with('Z'))
}

#[test]
fn the_examples_link_statically_too() {
    let sandbox = start();
    let source = "examples/c/send_reply_buttons.c";
    let program = c::Program::c(source).flags(c::C99).statically().compile();
    accepted(&run(&mut over_https(program, &sandbox), b""));
}

#[test]
fn the_demo_ends_with_the_reply_of_an_accepted_message() {
    let demo = c::run(&mut c::example("demo"), b"");
    assert_eq!(demo.code(), 0, "{demo:?}");
    let last = demo.stdout.lines().last().expect("it prints");
    let reply: Value = serde_json::from_str(last).expect("a reply");
    assert_eq!(reply["success"], true);
    let request_id = reply["request_id"].as_str().expect("text");
    let shown = |text: &str| text.matches(request_id).count();
    assert_eq!(shown(&demo.stdout), 2, "on the wire and in the reply");
    assert_eq!(shown(&demo.stderr), 1, "in a line");
    assert!(
        demo.stdout.contains("> x-api-key: ********\n"),
        "{}",
        demo.stdout
    );
}

#[test]
fn the_demo_says_what_it_lacks() {
    let no_compiler = c::run(c::example("demo").env("CC", "no-such-compiler"), b"");
    assert_eq!(no_compiler.code(), 1, "{no_compiler:?}");
    assert!(
        no_compiler.stderr.contains("Install a C compiler"),
        "{no_compiler:?}"
    );

    let no_message = c::run(c::example("demo").arg("--live"), b"");
    assert_eq!(no_message.code(), 2, "{no_message:?}");
    assert!(no_message.stderr.contains("--live FILE"), "{no_message:?}");

    let mut no_key = c::example("demo");
    let no_key = c::run(
        no_key.args(["--live", "-"]).env_remove("ZIXFLOW_API_KEY"),
        b"{}",
    );
    assert_eq!(no_key.code(), 1, "{no_key:?}");
    assert!(no_key.stderr.contains("Set ZIXFLOW_API_KEY"), "{no_key:?}");
}
