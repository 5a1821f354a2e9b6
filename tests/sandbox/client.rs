//! A client that leaves nothing to a library.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use crate::{KEY, PATH, PATIENCE, WORKSPACE};
use support::sandbox::Sandbox;

/// The text of a request with the right headers; the connection is to be closed after it. Its `Host`
/// stands for the sandbox that it is sent to.
pub fn request(body: &str) -> String {
    request_with(
        &format!("POST {PATH}"),
        KEY,
        WORKSPACE,
        "application/json",
        body,
    )
}

pub fn request_with(
    line: &str,
    key: &str,
    workspace: &str,
    media_type: &str,
    body: &str,
) -> String {
    format!(
        "{line} HTTP/1.1\r\nHost: sandbox\r\nX-Api-Key: {key}\r\nx-workspace-id: {workspace}\r\n\
         content-type: {media_type}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

pub fn connect(sandbox: &Sandbox) -> TcpStream {
    let url = sandbox.http_url().expect("HTTP is on");
    let stream = TcpStream::connect(url.trim_start_matches("http://")).expect("it listens");
    stream
        .set_read_timeout(Some(PATIENCE))
        .expect("a socket has one");
    stream
}

pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Response {
    pub fn parse(bytes: &[u8]) -> Self {
        let mut slots = [httparse::EMPTY_HEADER; 16];
        let mut head = httparse::Response::new(&mut slots);
        let length = head.parse(bytes).expect("HTTP").unwrap();
        Self {
            status: head.code.expect("a status"),
            headers: head
                .headers
                .iter()
                .map(|header| {
                    let value = String::from_utf8_lossy(header.value).into_owned();
                    (header.name.to_ascii_lowercase(), value)
                })
                .collect(),
            body: String::from_utf8(bytes[length..].to_vec()).expect("UTF-8"),
        }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(header, _)| header == name);
        found.map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("a JSON response")
    }

    #[track_caller]
    pub fn refused_with(&self, status: u16, message: &str) {
        assert_eq!(self.status, status, "{}", self.body);
        let json = self.json();
        assert_eq!(json["success"], false);
        assert_eq!(json.get("request_id"), None);
        let given = json["message"].as_str().expect("a message");
        assert!(given.contains(message), "{given:?} lacks {message:?}");
    }

    #[track_caller]
    pub fn accepted(&self) -> String {
        assert_eq!(self.status, 202, "{}", self.body);
        let json = self.json();
        assert_eq!(json["success"], true);
        json["request_id"]
            .as_str()
            .expect("a request_id")
            .to_owned()
    }
}

pub fn exchange(sandbox: &Sandbox, request: &str) -> Response {
    Response::parse(&exchange_bytes(connect(sandbox), &to(sandbox, request)))
}

/// The request with the sandbox's own `Host`.
pub fn to(sandbox: &Sandbox, request: &str) -> String {
    let url = sandbox.http_url().expect("HTTP is on");
    request.replace(
        "Host: sandbox",
        &format!("Host: {}", url.trim_start_matches("http://")),
    )
}

pub fn exchange_bytes(mut stream: impl Read + Write, request: &str) -> Vec<u8> {
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut response = Vec::new();
    stream
        .read_to_end(&mut response)
        .expect("it answers and closes");
    response
}

pub fn send(sandbox: &Sandbox, message: &Value) -> Response {
    exchange(sandbox, &request(&message.to_string()))
}
