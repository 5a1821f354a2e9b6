//! The page, as what a browser would ask of it: who may look and give orders, and what follows.
//! What a person sees there, `tests/page` looks at in a browser.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};

use serde_json::{Value, json};

use crate::client::{Response, exchange, send};
use crate::post_backs::receive;
use crate::{KEY, PATIENCE, config, message, start};
use support::sandbox::{Config, Sandbox};

/// The sandbox's own `Host`.
fn own(sandbox: &Sandbox) -> &str {
    let url = sandbox.http_url().expect("HTTP is on");
    url.trim_start_matches("http://")
}

fn get(sandbox: &Sandbox, path: &str, headers: &str) -> Response {
    let request = format!("GET {path} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n");
    exchange(sandbox, &request)
}

fn order_with(sandbox: &Sandbox, headers: &str, order: &str) -> Response {
    let request = format!(
        "POST /orders HTTP/1.1\r\n{headers}content-length: {}\r\nConnection: close\r\n\r\n{order}",
        order.len()
    );
    exchange(sandbox, &request)
}

/// An order as the page itself gives it.
fn order(sandbox: &Sandbox, order: &Value) -> Response {
    let own = own(sandbox);
    let headers = format!(
        "Host: {own}\r\nOrigin: http://{own}\r\nSec-Fetch-Site: same-origin\r\n\
         content-type: application/json\r\n"
    );
    order_with(sandbox, &headers, &order.to_string())
}

#[track_caller]
fn told(response: &Response, status: u16, words: &str) {
    assert_eq!(response.status, status, "{}", response.body);
    let message = response.json()["message"].clone();
    let message = message.as_str().expect("a message");
    assert!(message.contains(words), "{message}");
}

/// What the page is told, piece by piece.
struct Events {
    stream: TcpStream,
    text: String,
}

impl Events {
    fn open(sandbox: &Sandbox) -> Self {
        Self::open_at(own(sandbox))
    }

    fn open_at(address: &str) -> Self {
        let mut stream = TcpStream::connect(address).expect("it listens");
        let patience = Some(PATIENCE);
        stream.set_read_timeout(patience).expect("a socket has one");
        let request = format!("GET /events HTTP/1.1\r\nHost: {address}\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut events = Self {
            stream,
            text: String::new(),
        };
        events.wait_for("event: welcome");
        events
    }

    fn wait_for(&mut self, words: &str) {
        let mut piece = [0; 4096];
        while !self.text.contains(words) {
            let length = self.stream.read(&mut piece).expect("it goes on");
            assert_ne!(length, 0, "no {words:?} in {}", self.text);
            self.text += &String::from_utf8_lossy(&piece[..length]);
        }
    }
}

/// What a page is told that is opened now.
pub fn welcome(address: &str) -> Value {
    let mut events = Events::open_at(address);
    let end = "}\n\n";
    events.wait_for(end);
    let (_, data) = events.text.split_once("data: ").expect("an event");
    let (data, _) = data.split_once('\n').expect("a line");
    serde_json::from_str(data).expect("JSON")
}

#[test]
fn the_page_needs_nothing_but_the_sandbox() {
    let sandbox = start();
    let host = format!("Host: {}\r\n", own(&sandbox));
    for (path, media_type) in [
        ("/", "text/html; charset=utf-8"),
        ("/page.css", "text/css; charset=utf-8"),
        ("/page.js", "text/javascript; charset=utf-8"),
        ("/icon.svg", "image/svg+xml"),
    ] {
        let response = get(&sandbox, path, &host);
        assert_eq!(response.status, 200, "{path}");
        assert_eq!(response.header("content-type"), Some(media_type));
        let policy = response.header("content-security-policy").expect(path);
        assert!(policy.starts_with("default-src 'none';"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(response.header("x-content-type-options"), Some("nosniff"));
        for elsewhere in ["https://", "src=\"//", "@import", "url("] {
            assert!(!response.body.contains(elsewhere), "{elsewhere} in {path}");
        }
        let namespace = "http://www.w3.org/2000/svg";
        let addresses = response.body.matches("http://").count();
        assert_eq!(
            addresses,
            response.body.matches(namespace).count(),
            "{path}"
        );
        for markup in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
        ] {
            let uses = response.body.matches(&format!("{markup} =")).count();
            assert_eq!(uses, 0, "{markup} in {path}");
        }
    }
    // What a browser asks for is no message.
    assert_eq!(sandbox.requests().len(), 0);
}

#[test]
fn only_a_host_that_is_this_machines_is_answered() {
    let sandbox = start();
    let (address, port) = own(&sandbox).split_once(':').expect("with a port");
    assert_eq!(address, "127.0.0.1");
    for path in ["/", "/page.js", "/events"] {
        for foreign in [
            "".to_owned(),
            "Host:\r\n".to_owned(),
            format!("Host: evil.example:{port}\r\n"),
            format!("Host: 127.0.0.1.evil.example:{port}\r\n"),
            format!("Host: localhost.evil.example:{port}\r\n"),
            format!("Host: 192.0.2.1:{port}\r\n"),
            format!("Host: localhost@evil.example:{port}\r\n"),
            format!("Host: evil.example@localhost:{port}\r\n"),
            format!("Host: localhost:{port}/\r\n"),
            "Host: localhost:1\r\n".to_owned(),
            "Host: localhost\r\n".to_owned(),
            "Host: ///\r\n".to_owned(),
        ] {
            told(&get(&sandbox, path, &foreign), 403, "Host");
        }
    }
    for known in ["localhost", "LOCALHOST", "127.0.0.1"] {
        let response = get(&sandbox, "/", &format!("Host: {known}:{port}\r\n"));
        assert_eq!(response.status, 200, "{known}");
    }
}

#[test]
fn only_the_page_itself_reads_along() {
    let sandbox = start();
    let host = format!("Host: {}\r\n", own(&sandbox));
    for foreign in [
        "Origin: http://evil.example\r\n",
        "Origin: null\r\n",
        "Sec-Fetch-Site: cross-site\r\n",
        "Sec-Fetch-Site: same-site\r\n",
    ] {
        let response = get(&sandbox, "/events", &format!("{host}{foreign}"));
        told(&response, 403, "sandbox's own page");
    }
    // A link from elsewhere may lead to the page.
    let linked = get(
        &sandbox,
        "/",
        &format!("{host}Sec-Fetch-Site: cross-site\r\n"),
    );
    assert_eq!(linked.status, 200);
}

#[test]
fn orders_are_taken_from_the_page_alone() {
    let sandbox = start();
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback ports are free");
    send(&sandbox, &told_at(&listener, "919876543210")).accepted();
    receive(&listener);
    let own = own(&sandbox);
    let port = own.split_once(':').expect("with a port").1;
    let json = "content-type: application/json\r\n";
    let text = json!({"message": 1, "read": ""}).to_string();
    for foreign in [
        String::new(),
        format!("Host: {own}\r\n"),
        format!("Host: {own}\r\nOrigin: null\r\n"),
        format!("Host: {own}\r\nOrigin: http://evil.example\r\n"),
        format!("Host: {own}\r\nOrigin: https://{own}\r\n"),
        format!("Host: {own}\r\nOrigin: http://localhost:{port}\r\n"),
        format!("Host: {own}\r\nOrigin: http://{own}.evil.example\r\n"),
        format!("Host: evil.example:{port}\r\nOrigin: http://evil.example:{port}\r\n"),
        format!("Host: {own}\r\nOrigin: http://{own}\r\nSec-Fetch-Site: cross-site\r\n"),
    ] {
        let response = order_with(&sandbox, &format!("{foreign}{json}"), &text);
        assert_eq!(response.status, 403, "{foreign}");
    }
    let from_itself = format!("Host: {own}\r\nOrigin: http://{own}\r\n");
    let as_form = format!("{from_itself}content-type: text/plain\r\n");
    told(
        &order_with(&sandbox, &as_form, &text),
        415,
        "application/json",
    );
    let by_get = get(&sandbox, "/orders", &from_itself);
    told(&by_get, 405, "method");
    assert_eq!(by_get.header("allow"), Some("POST"));
    listener.set_nonblocking(true).expect("a socket can");
    assert!(listener.accept().is_err(), "an order was carried out");
}

fn told_at(listener: &TcpListener, recipient: &str) -> Value {
    let mut message = message(recipient);
    message["post_back_url"] = json!(format!("http://{}", listener.local_addr().expect("bound")));
    message
}

#[test]
fn an_order_is_a_post_back() {
    let sandbox = start();
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback ports are free");
    send(&sandbox, &told_at(&listener, "919876543210")).accepted();
    let (_, first) = receive(&listener);
    let first: Value = serde_json::from_str(&first).expect("JSON");
    for (what, status, remark) in [
        (json!({"message": 1, "sent": ""}), "sent", ""),
        (json!({"message": 1, "delivered": ""}), "delivered", ""),
        (json!({"message": 1, "read": ""}), "read", ""),
        (
            json!({"message": 1, "failed": "no \"such\" phone"}),
            "failed",
            "no \"such\" phone",
        ),
        (json!({"message": 1, "tap": 1}), "clicked", ""),
    ] {
        told(&order(&sandbox, &what), 202, "on its way");
        let (_, body) = receive(&listener);
        let body: Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(body["status"], status);
        assert_eq!(body["remark"], remark);
        for key in ["message_id", "request_id", "recipient"] {
            assert_eq!(body[key], first[key], "{key}");
        }
    }
    let mut events = Events::open(&sandbox);
    events.wait_for("\"taps\":[1]");
}

#[test]
fn an_order_that_makes_no_sense_is_refused() {
    let sandbox = start();
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback ports are free");
    send(&sandbox, &told_at(&listener, "919876543210")).accepted();
    send(&sandbox, &told_at(&listener, "15550100004")).refused_with(400, "");
    send(&sandbox, &message("919876543210")).accepted();
    let mut numbers = Vec::new();
    let welcome = welcome(own(&sandbox));
    for message in welcome["messages"].as_array().expect("a list") {
        numbers.push(message["number"].as_u64().expect("a number"));
    }
    let [accepted, refused, untold] = numbers[..] else {
        panic!("three messages: {numbers:?}");
    };
    for (what, status, words) in [
        (json!({"message": 4711, "read": ""}), 404, "no longer"),
        (json!({"message": refused, "read": ""}), 409, "not accepted"),
        (json!({"message": untold, "tap": 0}), 409, "post_back_url"),
        (
            json!({"message": accepted, "tap": 2}),
            400,
            "no such button",
        ),
        (json!({"message": accepted, "eaten": ""}), 400, "no order"),
        (json!({"message": accepted, "read": 7}), 400, "no order"),
        (json!({"message": accepted}), 400, "no order"),
        (json!({"read": ""}), 400, "no order"),
        (json!([]), 400, "no order"),
        (
            json!({"message": accepted, "failed": "x".repeat(501)}),
            400,
            "too long",
        ),
    ] {
        told(&order(&sandbox, &what), status, words);
    }
}

#[test]
fn messages_come_by_themselves_and_without_the_key() {
    let sandbox = start();
    let mut events = Events::open(&sandbox);
    let mut message = message("919876543210");
    message["interactive"]["body"]["text"] = json!(format!("by mistake: {KEY}"));
    message["post_back_data"] = json!(KEY);
    let request_id = send(&sandbox, &message).accepted();
    events.wait_for(&request_id);
    events.wait_for("by mistake: ********");
    let mut later = Events::open(&sandbox);
    later.wait_for(&request_id);
    for text in [events.text, later.text] {
        assert!(!text.contains(KEY), "{text}");
    }
}

#[test]
fn the_page_is_there_over_tls_and_under_every_address_of_its_own() {
    let everywhere = Config {
        http: Some((Ipv4Addr::UNSPECIFIED, 0).into()),
        ..config()
    };
    let sandbox = Sandbox::start(everywhere).expect("a port is free");
    let url = sandbox.http_url().expect("HTTP is on");
    let port = url.rsplit_once(':').expect("with a port").1;
    for (host, status) in [("localhost", 200), ("127.0.0.1", 200), ("127.0.0.2", 403)] {
        let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).expect("it listens");
        let request = format!("GET / HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut response = Vec::new();
        stream.read_to_end(&mut response).expect("it answers");
        assert_eq!(Response::parse(&response).status, status, "{host}");
    }
}
