//! Clients that mean no good, or are broken: the sandbox outlives them, within bounds.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::client::{Response, connect, exchange, request, send};
use crate::running::Running;
use crate::{KEY, PATH, PATIENCE, WORKSPACE, message, start, start_printing};
use support::c;

const MIB: usize = 1 << 20;

/// What a debug build takes for a mebibyte on a busy machine, and far less than the square of it.
const AT_ONCE: Duration = Duration::from_secs(5);

#[test]
fn a_mebibyte_in_the_worst_shape_is_answered_at_once() {
    let (sandbox, printed) = start_printing();
    let with_unknown = |value: String| {
        let text = message("919876543210").to_string();
        format!(
            "{},\"new\":{value}}}",
            text.trim_end_matches('}').to_owned() + "}"
        )
    };
    let nested = |open: &str, inner: &str, close: &str, depth: usize| {
        open.repeat(depth) + inner + &close.repeat(depth)
    };
    let room = MIB / 2 - 1024;
    for body in [
        "[".repeat(MIB),
        nested("[", "", "]", MIB / 2),
        nested("[1,", "1", "]", MIB / 4 - 1),
        nested("{\"\":", "1", "}", MIB / 5 - 1),
        with_unknown(nested("[", "", "]", room)),
        with_unknown(nested("[", "", "]", 100)),
        with_unknown(format!("[{}1]", "[],".repeat(room / 2))),
        with_unknown(format!("\"{}\"", "\\\"".repeat(room))),
        format!("\"{}", "\u{1}".repeat(MIB - 1)),
        format!("{{{}\"z\":1}}", "\"a\":1,".repeat(MIB / 6 - 3)),
    ] {
        assert!(body.len() <= MIB);
        let shape: String = body.chars().take(30).collect();
        let started = Instant::now();
        let response = exchange(&sandbox, &request(&body));
        let took = started.elapsed();
        assert!(
            matches!(response.status, 202 | 400),
            "{}: {shape}",
            response.body
        );
        assert!(response.body.len() < 64 * 1024, "{shape}");
        assert!(took < AT_ONCE, "{took:?} for {shape}");
    }
    send(&sandbox, &message("919876543210")).accepted();
    drop(sandbox);
    for text in printed {
        assert!(text.len() < 256 * 1024, "{} bytes were printed", text.len());
    }
}

#[test]
fn a_message_that_is_nested_moderately_is_still_shown_whole() {
    let (sandbox, printed) = start_printing();
    let mut message = message("919876543210");
    message["new"] = json!([[[{"a": [1, {}]}]]]);
    send(&sandbox, &message).accepted();
    drop(sandbox);
    let printed: String = printed.iter().collect();
    let expected =
        "            {\n              \"a\": [\n                1,\n                {}\n";
    assert!(printed.contains(expected), "{printed}");
}

#[test]
fn what_is_remembered_has_a_bound() {
    let sandbox = start();
    let mut message = message("15550100005");
    // Each is turned away once, and told apart from the others.
    let filling = "x".repeat(MIB - 1024);
    for number in 0..80 {
        message["post_back_data"] = json!(format!("{number} {filling}"));
        send(&sandbox, &message).refused_with(429, "");
    }
    message["post_back_data"] = json!(format!("79 {filling}"));
    send(&sandbox, &message).accepted();
    let bytes: usize = sandbox.requests().iter().map(|it| it.body.len()).sum();
    assert!(bytes <= 64 * MIB, "{bytes}");
    assert!(bytes > 32 * MIB, "{bytes}");
}

#[test]
fn heads_have_a_bound() {
    let sandbox = start();
    let long = format!(
        "GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n",
        "x".repeat(MIB)
    );
    let many = format!(
        "GET / HTTP/1.1\r\nHost: a\r\n{}\r\n",
        "X: y\r\n".repeat(1000)
    );
    for request in [long, many] {
        let mut stream = connect(&sandbox);
        // It may be cut off before all of it has gone.
        let _ = stream.write_all(request.as_bytes());
        let mut response = Vec::new();
        let _ = stream.read_to_end(&mut response);
        if !response.is_empty() {
            assert_eq!(Response::parse(&response).status, 431);
        }
    }
    send(&sandbox, &message("919876543210")).accepted();
}

#[test]
fn a_body_in_the_smallest_of_chunks_has_a_bound() {
    let sandbox = start();
    let mut stream = connect(&sandbox);
    let head = format!("POST {PATH} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("it reads");
    let chunks = "1\r\n[\r\n".repeat(10_000);
    let started = Instant::now();
    while stream.write_all(chunks.as_bytes()).is_ok() {
        assert!(started.elapsed() < PATIENCE, "it reads on and on");
    }
    send(&sandbox, &message("919876543210")).accepted();
}

#[test]
fn clients_that_hang_keep_nobody_out() {
    let sandbox = start();
    let address = sandbox.http_url().expect("HTTP is on");
    let address = address.trim_start_matches("http://");
    let hanging: Vec<TcpStream> = (0..300)
        .map(|number| {
            let mut stream = TcpStream::connect(address).expect("it listens");
            let part = [
                "",
                "POST",
                "POST / HTTP/1.1\r\nHost: a\r\ncontent-length: 9\r\n\r\n{",
            ];
            stream
                .write_all(part[number % 3].as_bytes())
                .expect("it reads");
            stream
        })
        .collect();
    let started = Instant::now();
    send(&sandbox, &message("919876543210")).accepted();
    assert!(started.elapsed() < AT_ONCE);
    drop(hanging);
}

/// A process that has no descriptor left for a client waits, and does not spin.
#[test]
fn running_out_of_descriptors_is_survived() {
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -n 40 && exec \"$0\" \"$@\""])
        .arg(c::sandbox().get_program())
        .args(["--http", "127.0.0.1:0", "--https", "off"])
        .args(["--api-key", KEY, "--workspace-id", WORKSPACE]);
    let mut program = Running::start(&mut command);
    let mut lines = program.lines();
    let address = lines
        .by_ref()
        .map_while(Result::ok)
        .find_map(|line| {
            Some(
                line.split_once("BASE_URL='http://")?
                    .1
                    .trim_end_matches('\'')
                    .to_owned(),
            )
        })
        .expect("it says where it is");
    let printed = thread::spawn(move || lines.map_while(Result::ok).collect::<Vec<String>>());

    let many: Vec<TcpStream> = (0..60)
        .map(|_| TcpStream::connect(&address).expect("the kernel takes them"))
        .collect();
    thread::sleep(Duration::from_millis(300));
    let before = processor_time(program.id());
    thread::sleep(Duration::from_secs(2));
    let spent = processor_time(program.id()) - before;
    // A loop of nothing but failures takes all that it is given, which is more on any machine.
    assert!(
        spent < Duration::from_millis(100),
        "{spent:?} of two seconds"
    );
    drop(many);

    let mut stream = TcpStream::connect(&address).expect("it listens");
    stream
        .set_read_timeout(Some(PATIENCE))
        .expect("a socket has one");
    let request = request(&message("919876543210").to_string());
    let request = request.replace("Host: sandbox", &format!("Host: {address}"));
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut response = Vec::new();
    stream.read_to_end(&mut response).expect("it answers");
    Response::parse(&response).accepted();
    drop(program);
    let printed = printed.join().expect("no panic");
    let told = printed
        .iter()
        .filter(|line| line.contains("nobody can be let in"));
    assert!((1..10).contains(&told.count()), "{printed:?}");
}

/// How long the threads of a process have run.
fn processor_time(process: u32) -> Duration {
    let threads = fs::read_dir(format!("/proc/{process}/task")).expect("it runs");
    let nanoseconds: u64 = threads
        .flatten()
        // A thread may have ended meanwhile.
        .filter_map(|thread| fs::read_to_string(thread.path().join("schedstat")).ok())
        .map(|stat| {
            let (ran, _) = stat.split_once(' ').expect("three numbers");
            ran.parse::<u64>().expect("a number")
        })
        .sum();
    Duration::from_nanos(nanoseconds)
}
