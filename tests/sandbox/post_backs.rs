//! The notifications that follow an accepted message.

use std::io::{Read, Write};
use std::net::TcpListener;

use serde_json::{Value, json};

use crate::client::{Answer, connect, exchange_bytes, request, send};
use crate::{PATIENCE, WORKSPACE, message, start, start_printing};

/// Takes one post-back, and returns its head and body.
fn receive(listener: &TcpListener) -> (String, String) {
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
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
            stream
                .write_all(answer)
                .expect("the sandbox reads the answer");
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
        let answer = exchange_bytes(connect(&sandbox), &request(&message.to_string()));
        let (head, body) = receive(&listener);
        assert!(head.starts_with("POST /hook?x=1 HTTP/1.1\r\n"), "{head}");
        assert!(head.contains("content-type: application/json"), "{head}");
        if !answer.is_empty() {
            let request_id = Answer::parse(&answer).accepted();
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
