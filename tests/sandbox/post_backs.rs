//! The notifications that follow an accepted message.

use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{Response, connect, exchange_bytes, request, send, to};
use crate::{PATIENCE, WORKSPACE, config, message, start, start_printing};
use support::sandbox::Sandbox;

/// Takes one post-back, and returns its head and body.
pub fn receive(listener: &TcpListener) -> (String, String) {
    let (mut stream, _) = listener.accept().expect("a post-back comes");
    let mut received = String::new();
    let mut bytes = [0; 4096];
    loop {
        let length = stream.read(&mut bytes).expect("a whole request comes");
        assert_ne!(length, 0, "the request ended early: {received}");
        received += std::str::from_utf8(&bytes[..length]).expect("UTF-8");
        if let Some((head, body)) = received.split_once("\r\n\r\n")
            && head.contains(&format!("content-length: {}", body.len()))
        {
            let response = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
            stream
                .write_all(response)
                .expect("the sandbox reads the response");
            return (head.to_owned(), body.to_owned());
        }
    }
}

#[test]
fn post_backs_tell_what_became_of_a_message() {
    let sandbox = start();
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback ports are free");
    let hook = format!("http://{}/hook?x=1", listener.local_addr().expect("bound"));
    for (recipient, status, failed) in [
        ("919876543210", "delivered", false),
        ("15550100002", "failed", true),
        ("15550100009", "delivered", false),
    ] {
        let mut message = message(recipient);
        message["post_back_url"] = json!(hook);
        message["post_back_data"] = json!("order \"42\" 🌍");
        let response = exchange_bytes(
            connect(&sandbox),
            &to(&sandbox, &request(&message.to_string())),
        );
        let (head, body) = receive(&listener);
        assert!(head.starts_with("POST /hook?x=1 HTTP/1.1\r\n"), "{head}");
        assert!(head.contains("content-type: application/json"), "{head}");
        if !response.is_empty() {
            let request_id = Response::parse(&response).accepted();
            assert!(
                body.contains(&format!(r#""request_id":"{request_id}""#)),
                "{body}"
            );
        }

        let keys = [
            "workspace_id",
            "type",
            "message_id",
            "request_id",
            "channel",
            "recipient",
            "status",
            "remark",
            "status_at",
            "post_back_data",
        ];
        let places = keys.map(|key| body.find(&format!("\"{key}\":")).expect(key));
        assert!(places.is_sorted(), "{body}");
        let notification: Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(
            notification.as_object().expect("an object").len(),
            keys.len()
        );
        assert_eq!(notification["workspace_id"], WORKSPACE);
        assert_eq!(notification["type"], "delivery_status");
        let message_id = notification["message_id"]
            .as_i64()
            .expect("64 bits, signed");
        assert!(message_id > 1 << 53, "{message_id}");
        assert_eq!(notification["channel"], "whatsapp");
        assert_eq!(notification["recipient"], recipient);
        assert_eq!(notification["status"], status);
        assert_eq!(notification["remark"] != "", failed);
        let status_at = notification["status_at"].as_str().expect("text");
        status_at.parse::<jiff::Timestamp>().expect("RFC 3339");
        assert_eq!(status_at.len(), "2026-01-28T17:17:59.254174911Z".len());
        assert_eq!(notification["post_back_data"], message["post_back_data"]);
    }
}

/// Sends a message, and takes as many post-backs as there are statuses.
fn notifications(sandbox: &Sandbox, recipient: &str, statuses: &[&str]) -> Vec<(String, Value)> {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback ports are free");
    let mut message = message(recipient);
    message["post_back_url"] = json!(format!("http://{}", listener.local_addr().expect("bound")));
    message["post_back_data"] = json!("order-1042");
    send(sandbox, &message).accepted();
    let come: Vec<(String, Value)> = statuses
        .iter()
        .map(|_| {
            let (_, body) = receive(&listener);
            let json = serde_json::from_str(&body).expect("JSON");
            (body, json)
        })
        .collect();
    let told: Vec<&Value> = come.iter().map(|(_, json)| &json["status"]).collect();
    assert_eq!(told, statuses, "{recipient}");
    // Nothing but the status tells them apart.
    for (_, json) in &come {
        for key in ["message_id", "request_id", "recipient", "post_back_data"] {
            assert_eq!(json[key], come[0].1[key], "{key}");
        }
    }
    listener.set_nonblocking(true).expect("a socket can");
    thread::sleep(Duration::from_millis(100));
    let more = listener.accept().expect_err("no more of them");
    assert_eq!(more.kind(), io::ErrorKind::WouldBlock);
    come
}

fn status_at(json: &Value) -> jiff::Timestamp {
    let text = json["status_at"].as_str().expect("text");
    text.parse().expect("RFC 3339")
}

#[test]
fn a_post_back_may_come_twice() {
    let come = notifications(&start(), "15550100014", &["delivered", "delivered"]);
    assert_eq!(come[0].0, come[1].0, "byte for byte the same");
}

#[test]
fn post_backs_may_come_out_of_order() {
    let come = notifications(&start(), "15550100015", &["read", "sent", "delivered"]);
    let [read, sent, delivered] = [0, 1, 2].map(|index| status_at(&come[index].1));
    assert!(sent < delivered && delivered < read, "{come:?}");
}

#[test]
fn a_post_back_may_come_late() {
    let sandbox = start();
    let started = Instant::now();
    let come = notifications(&sandbox, "15550100016", &["delivered"]);
    assert!(started.elapsed() >= config().notify_late);
    let late = status_at(&come[0].1).duration_until(jiff::Timestamp::now());
    let late = Duration::try_from(late).expect("it is past");
    assert!(late >= config().notify_late, "{late:?}");
}

#[test]
fn post_backs_go_to_this_machine_only() {
    let (sandbox, printed) = start_printing();
    for url in [
        "http://example.com/",
        "http://192.0.2.1/",
        "http://[2001:db8::1]/",
        "http://127.0.0.1.example.com/",
        "http://localhost@example.com/",
        "https://localhost/",
    ] {
        let mut message = message("919876543210");
        message["post_back_url"] = json!(url);
        send(&sandbox, &message).accepted();
        let line = loop {
            let text = printed
                .recv_timeout(PATIENCE)
                .expect("a line about the post-back");
            if text.starts_with("post-back") {
                break text;
            }
        };
        assert!(
            line.starts_with(&format!("post-back to {url}: refused: ")),
            "{line}"
        );
    }
}

#[test]
fn a_post_back_that_nobody_takes_is_told() {
    let (sandbox, printed) = start_printing();
    let closed = TcpListener::bind("127.0.0.1:0").expect("loopback ports are free");
    let address = closed.local_addr().expect("bound");
    drop(closed);
    let mut message = message("919876543210");
    message["post_back_url"] = json!(format!("http://localhost:{}", address.port()));
    send(&sandbox, &message).accepted();
    let mut lines = std::iter::from_fn(|| printed.recv_timeout(PATIENCE).ok());
    let line = lines
        .find(|text| text.starts_with("post-back"))
        .expect("a line");
    assert!(line.contains("not delivered: Connection refused"), "{line}");
}
