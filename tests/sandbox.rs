//! The sandbox itself, over plain sockets: what the other tests and a host's developer rely on.

mod support;

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};

use support::c;
use support::sandbox::recipients::{Behaviour, MAGIC_RECIPIENTS, table};
use support::sandbox::{Config, Sandbox};

const PATH: &str = "/api/ingest/whatsapp/v1/message/interactive/reply-buttons/send";
const KEY: &str = "key-for-this-test";
const WORKSPACE: &str = "69614209f51dfafb2231a6fe";

/// Generous: only a hang reaches it.
const PATIENCE: Duration = Duration::from_secs(20);

fn config() -> Config {
    Config {
        api_key: KEY.to_owned(),
        workspace_id: WORKSPACE.to_owned(),
        notify_after: Duration::from_millis(20),
        slow_answer: Duration::from_secs(1),
        ..Config::default()
    }
}

fn start() -> Sandbox {
    Sandbox::start(config()).expect("loopback ports are free")
}

/// A sandbox whose printed lines can be read.
fn start_printing() -> (Sandbox, mpsc::Receiver<String>) {
    let (sender, printed) = mpsc::channel();
    let sender = Mutex::new(sender);
    let config = Config {
        log: Arc::new(move |text| {
            // The test may be over while a post-back is under way.
            let _ = sender.lock().expect("not poisoned").send(text.to_owned());
        }),
        ..config()
    };
    let sandbox = Sandbox::start(config).expect("loopback ports are free");
    (sandbox, printed)
}

fn message(recipient: &str) -> Value {
    json!({
        "recipient": recipient,
        "phone_id": "1",
        "interactive": {
            "type": "button",
            "body": {"text": "Shall we?"},
            "action": {"buttons": [
                {"type": "reply", "reply": {"id": "a", "title": "Yes"}},
                {"type": "reply", "reply": {"id": "b", "title": "No"}},
            ]},
        },
    })
}

/// The text of a request with the right headers; the connection is to be closed after it.
fn request(body: &str) -> String {
    request_with(
        &format!("POST {PATH}"),
        KEY,
        WORKSPACE,
        "application/json",
        body,
    )
}

fn request_with(line: &str, key: &str, workspace: &str, media_type: &str, body: &str) -> String {
    format!(
        "{line} HTTP/1.1\r\nHost: sandbox\r\nX-Api-Key: {key}\r\nx-workspace-id: {workspace}\r\n\
         content-type: {media_type}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn connect(sandbox: &Sandbox) -> TcpStream {
    let url = sandbox.http_url().expect("HTTP is on");
    let stream = TcpStream::connect(url.trim_start_matches("http://")).expect("it listens");
    stream
        .set_read_timeout(Some(PATIENCE))
        .expect("a socket has one");
    stream
}

struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Answer {
    fn parse(bytes: &[u8]) -> Self {
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

    fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(header, _)| header == name);
        found.map(|(_, value)| value.as_str())
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("a JSON answer")
    }

    #[track_caller]
    fn refused_with(&self, status: u16, message: &str) {
        assert_eq!(self.status, status, "{}", self.body);
        let json = self.json();
        assert_eq!(json["success"], false);
        assert_eq!(json.get("request_id"), None);
        let given = json["message"].as_str().expect("a message");
        assert!(given.contains(message), "{given:?} lacks {message:?}");
    }

    #[track_caller]
    fn accepted(&self) -> String {
        assert_eq!(self.status, 202, "{}", self.body);
        let json = self.json();
        assert_eq!(json["success"], true);
        json["request_id"]
            .as_str()
            .expect("a request_id")
            .to_owned()
    }
}

fn exchange(sandbox: &Sandbox, request: &str) -> Answer {
    Answer::parse(&exchange_bytes(connect(sandbox), request))
}

fn exchange_bytes(mut stream: impl Read + Write, request: &str) -> Vec<u8> {
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = Vec::new();
    stream
        .read_to_end(&mut answer)
        .expect("it answers and closes");
    answer
}

fn send(sandbox: &Sandbox, message: &Value) -> Answer {
    exchange(sandbox, &request(&message.to_string()))
}

#[test]
fn an_accepted_message_gets_a_fresh_uuid() {
    let sandbox = start();
    let first = send(&sandbox, &message("919876543210")).accepted();
    let second = send(&sandbox, &message("919876543210")).accepted();
    assert_ne!(first, second);
    let shape: String = first
        .chars()
        .map(|character| if character == '-' { '-' } else { 'x' })
        .collect();
    assert_eq!(shape, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx");
    assert_eq!(&first[14..15], "4", "version");
    assert!("89ab".contains(&first[19..20]), "variant");
}

#[test]
fn credentials_path_method_and_media_type_are_checked() {
    let sandbox = start();
    let body = message("919876543210").to_string();
    let post = format!("POST {PATH}");
    let get = format!("GET {PATH}");
    let json = "application/json";
    let too_long = " ".repeat((1 << 20) + 1);
    for (request, status, what) in [
        (
            request_with(&post, "wrong", WORKSPACE, json, &body),
            401,
            "x-api-key",
        ),
        (
            request_with(&post, KEY, "wrong", json, &body),
            401,
            "x-workspace-id",
        ),
        (
            request(&body).replace("X-Api-Key", "X-Other"),
            401,
            "x-api-key",
        ),
        (request_with(&get, KEY, WORKSPACE, json, ""), 405, "POST"),
        (
            request_with("POST /other", KEY, WORKSPACE, json, &body),
            404,
            PATH,
        ),
        (
            request_with(&format!("{post}/"), KEY, WORKSPACE, json, &body),
            404,
            PATH,
        ),
        (
            request_with(&post, KEY, WORKSPACE, "text/plain", &body),
            415,
            json,
        ),
        (request(&too_long), 413, "1 MiB"),
    ] {
        exchange(&sandbox, &request).refused_with(status, what);
    }
    let with_charset = request_with(
        &post,
        KEY,
        WORKSPACE,
        "Application/JSON; charset=utf-8",
        &body,
    );
    exchange(&sandbox, &with_charset).accepted();
}

#[test]
fn each_rule_of_a_message_is_checked() {
    let sandbox = start();
    let long = |length| json!("ç".repeat(length));
    let header = |kind: &str, media: Value| json!({"type": kind, kind: media});
    for (path, value, problem) in [
        ("/recipient", json!(null), "string"),
        ("/recipient", json!(""), "empty"),
        ("/recipient", json!("+919876543210"), "digits"),
        ("/phone_id", json!(7), "string"),
        ("/post_back_url", json!(7), "string"),
        ("/post_back_data", json!({}), "string"),
        ("/interactive", json!(7), "missing"),
        ("/interactive/type", json!("list"), "button"),
        ("/interactive/header", json!({"type": "sound"}), "video"),
        (
            "/interactive/header",
            json!({"type": "text", "text": long(61)}),
            "60",
        ),
        (
            "/interactive/header",
            header("image", json!({})),
            "exactly one",
        ),
        (
            "/interactive/header",
            header("video", json!({"id": "1", "link": "http://a/"})),
            "exactly one",
        ),
        (
            "/interactive/header",
            header("document", json!({"link": "ftp://a/"})),
            "absolute",
        ),
        (
            "/interactive/header",
            header("document", json!({"link": "/a"})),
            "absolute",
        ),
        (
            "/interactive/header",
            header("image", json!({"id": ""})),
            "empty",
        ),
        ("/interactive/body/text", long(1025), "1024"),
        ("/interactive/footer", json!({"text": long(61)}), "60"),
        ("/interactive/footer", json!({}), "missing"),
        ("/interactive/action/buttons", json!([]), "1 to 3"),
        ("/interactive/action/buttons", json!([1, 2, 3, 4]), "1 to 3"),
        ("/interactive/action/buttons", json!({}), "array"),
        ("/interactive/action/buttons/0/type", json!("url"), "reply"),
        ("/interactive/action/buttons/1/reply/id", long(257), "256"),
        (
            "/interactive/action/buttons/1/reply/id",
            json!(" b"),
            "white space",
        ),
        (
            "/interactive/action/buttons/1/reply/id",
            json!("a"),
            "unique",
        ),
        ("/interactive/action/buttons/1/reply/title", long(21), "20"),
        (
            "/interactive/action/buttons/1/reply/title",
            json!("Yes"),
            "unique",
        ),
    ] {
        let answer = send(&sandbox, &changed(path, value));
        answer.refused_with(400, problem);
        answer.refused_with(400, path);
    }
    for (body, problem) in [("", "not JSON"), ("{", "not JSON"), ("[]", "object")] {
        exchange(&sandbox, &request(body)).refused_with(400, problem);
    }
    for (path, value) in [
        (
            "/interactive/header",
            json!({"type": "text", "text": long(60)}),
        ),
        (
            "/interactive/header",
            header("image", json!({"link": "https://example.com/a.png"})),
        ),
        (
            "/interactive/header",
            header("document", json!({"id": "1", "filename": "a.pdf"})),
        ),
        ("/interactive/body/text", long(1024)),
        ("/interactive/footer", json!({"text": long(60)})),
        ("/interactive/action/buttons/1/reply/id", long(256)),
        ("/interactive/action/buttons/1/reply/title", long(20)),
        ("/interactive/unknown", json!(null)),
    ] {
        send(&sandbox, &changed(path, value)).accepted();
    }
}

/// A good message, but for the member at `path`.
fn changed(path: &str, value: Value) -> Value {
    let mut message = message("919876543210");
    let (parent, name) = path.rsplit_once('/').expect("a JSON Pointer");
    let parent = message.pointer_mut(parent).expect("a known object");
    parent[name] = value;
    message
}

#[test]
fn every_magic_recipient_behaves_as_documented() {
    let sandbox = start();
    for magic in &MAGIC_RECIPIENTS {
        let message = message(magic.number);
        match magic.behaviour {
            Behaviour::Accept | Behaviour::AcceptThenFail => {
                send(&sandbox, &message).accepted();
            }
            Behaviour::Unauthorized => send(&sandbox, &message).refused_with(401, ""),
            Behaviour::Reject => send(&sandbox, &message).refused_with(400, "rejected"),
            Behaviour::BusyOnce => turns_away_every_other_time(&sandbox, message),
            Behaviour::Busy => {
                for _ in 0..3 {
                    busy(&send(&sandbox, &message));
                }
            }
            Behaviour::BadGateway => {
                let answer = send(&sandbox, &message);
                assert_eq!(answer.status, 502);
                assert_eq!(answer.header("content-type"), Some("text/html"));
                assert!(answer.body.starts_with("<html>"), "{}", answer.body);
            }
            Behaviour::Silence => stays_silent(&sandbox, &message),
            Behaviour::HangUp => {
                let answer = exchange_bytes(connect(&sandbox), &request(&message.to_string()));
                assert_eq!(answer, b"", "a connection that is just closed");
            }
            Behaviour::SlowAnswer => answers_slowly(&sandbox, &message),
        }
    }
}

#[track_caller]
fn busy(answer: &Answer) {
    answer.refused_with(429, "Too many");
    assert_eq!(answer.header("retry-after"), Some("1"));
}

fn turns_away_every_other_time(sandbox: &Sandbox, message: Value) {
    let mut other = message.clone();
    other["post_back_data"] = json!("another message");
    busy(&send(sandbox, &message));
    busy(&send(sandbox, &other));
    send(sandbox, &message).accepted();
    send(sandbox, &other).accepted();
    busy(&send(sandbox, &message));
}

fn stays_silent(sandbox: &Sandbox, message: &Value) {
    let mut stream = connect(sandbox);
    let nothing = Some(Duration::from_millis(300));
    stream.set_read_timeout(nothing).expect("a socket has one");
    let request = request(&message.to_string());
    stream.write_all(request.as_bytes()).expect("it reads");
    let error = stream
        .read(&mut [0])
        .expect_err("neither an answer nor an end");
    assert_eq!(error.kind(), io::ErrorKind::WouldBlock, "{error}");
}

fn answers_slowly(sandbox: &Sandbox, message: &Value) {
    let mut stream = connect(sandbox);
    let request = request(&message.to_string());
    stream.write_all(request.as_bytes()).expect("it reads");
    let started = Instant::now();
    let mut answer = Vec::new();
    let mut pieces = 0;
    loop {
        let mut piece = [0; 4096];
        match stream.read(&mut piece).expect("it goes on") {
            0 => break,
            length => answer.extend_from_slice(&piece[..length]),
        }
        pieces += 1;
    }
    assert!(started.elapsed() >= config().slow_answer);
    let answer = Answer::parse(&answer);
    answer.accepted();
    // A busy machine may deliver a few bytes at once, but not the half of them.
    assert!(pieces > answer.body.len() / 2, "{pieces} pieces");
}

#[test]
fn the_table_shows_every_magic_recipient_once() {
    let table = table();
    for magic in &MAGIC_RECIPIENTS {
        assert_eq!(table.matches(magic.number).count(), 1, "{}", magic.number);
    }
    assert_eq!(table.lines().count(), MAGIC_RECIPIENTS.len() + 2);
}

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
        "file:///etc/passwd",
        "/hook",
        "",
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

#[test]
fn requests_and_answers_are_printed_with_the_key_masked() {
    let (sandbox, printed) = start_printing();
    let mut message = message("919876543210");
    message["post_back_data"] = json!(format!("by mistake: {KEY}"));
    let body = message.to_string();
    let wrong = request_with(
        &format!("POST {PATH}"),
        "almost-the-key",
        WORKSPACE,
        "application/json",
        &body,
    );
    exchange(&sandbox, &request(&body)).accepted();
    exchange(&sandbox, &wrong).refused_with(401, "");
    exchange(&sandbox, &request("{\x1b[2J")).refused_with(400, "JSON");
    drop(sandbox);
    let printed: String = printed.iter().collect();
    assert!(!printed.contains(KEY), "{printed}");
    assert!(!printed.contains("almost-the-key"), "{printed}");
    assert!(
        !printed.contains('\x1b'),
        "an escape sequence reached the terminal"
    );
    assert_eq!(
        printed.matches("X-Api-Key: ********").count(),
        3,
        "{printed}"
    );
    for expected in [
        &format!("> POST {PATH} (http)\n> Host: sandbox\n"),
        "    {\n",
        "      \"recipient\": \"919876543210\"",
        "      \"post_back_data\": \"by mistake: ********\",\n",
        "< 202 Accepted\n",
        "\"request_id\":",
        "< 401 Unauthorized\n",
    ] {
        assert!(
            printed.contains(expected),
            "{expected:?} is not in {printed}"
        );
    }
}

#[test]
fn requests_are_kept_as_they_were_sent() {
    let sandbox = start();
    let mut stream = connect(&sandbox);
    let body = " { \"recipient\" : 1,\n\t\"b\":1e2 } ";
    // Both at once, on one connection, the second in chunks.
    let one = format!(
        "POST /one?q HTTP/1.1\r\nhOST: a\r\nX-B:  2 \r\nx-a: 1\r\nX-b: 3\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let two = "POST /two HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\
               Connection: close\r\n\r\n2\r\n{}\r\n1\r\n \r\n0\r\n\r\n";
    stream
        .write_all(format!("{one}{two}").as_bytes())
        .expect("it reads");
    stream.read_to_end(&mut Vec::new()).expect("it answers");

    let requests = sandbox.requests();
    let [first, second] = &requests[..] else {
        panic!("{} requests", requests.len());
    };
    assert_eq!(
        (first.method.as_str(), first.path.as_str()),
        ("POST", "/one?q")
    );
    let length = body.len().to_string();
    let headers: Vec<(&str, &str)> = first
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let sent = [
        ("hOST", "a"),
        ("X-B", "2"),
        ("x-a", "1"),
        ("X-b", "3"),
        ("Content-Length", &length),
    ];
    assert_eq!(headers, sent);
    assert_eq!(first.header("x-B"), Some("2"));
    assert_eq!(first.body, body.as_bytes());
    assert_eq!(second.path, "/two");
    assert_eq!(second.body, b"{} ");
}

#[test]
fn a_request_that_breaks_off_is_not_kept() {
    let sandbox = start();
    let mut stream = connect(&sandbox);
    let request = request(&message("919876543210").to_string());
    let part = &request.as_bytes()[..request.len() - 1];
    stream.write_all(part).expect("it reads");
    stream.shutdown(Shutdown::Write).expect("it is open");
    stream.read_to_end(&mut Vec::new()).expect("it closes");
    assert_eq!(sandbox.requests().len(), 0);
}

#[test]
fn https_is_trusted_through_the_ca_file_alone() {
    let sandbox = start();
    let address = sandbox.https_url().expect("HTTPS is on");
    let address = address.trim_start_matches("https://");
    let mut trusting = rustls::RootCertStore::empty();
    let ca_file = sandbox.ca_file().expect("HTTPS has one");
    let ca = CertificateDer::from_pem_file(ca_file).expect("a certificate in PEM");
    trusting.add(ca).expect("an authority");

    for name in ["localhost", "127.0.0.1", "::1"] {
        let request = request(&message("919876543210").to_string());
        let stream = tls(address, name, trusting.clone());
        Answer::parse(&exchange_bytes(stream, &request)).accepted();
    }
    let strangers = rustls::RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    for (name, roots) in [("example.com", trusting), ("localhost", strangers)] {
        let error = tls(address, name, roots).write(b"x").expect_err("no trust");
        assert!(error.to_string().contains("certificate"), "{error}");
    }
}

fn tls(
    address: &str,
    name: &str,
    roots: rustls::RootCertStore,
) -> rustls::StreamOwned<rustls::ClientConnection, TcpStream> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has them")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    let session = rustls::ClientConnection::new(Arc::new(config), name).expect("a session");
    rustls::StreamOwned::new(session, TcpStream::connect(address).expect("it listens"))
}

#[test]
fn dropping_it_stops_it_and_takes_its_ca_file_along() {
    let sandbox = start();
    let ca_file = sandbox.ca_file().expect("HTTPS has one").to_owned();
    let url = sandbox.http_url().expect("HTTP is on").to_owned();
    let mut waiting = connect(&sandbox);
    let request = request(&message("15550100008").to_string());
    waiting.write_all(request.as_bytes()).expect("it reads");
    while sandbox.requests().is_empty() {
        thread::sleep(Duration::from_millis(5));
    }
    drop(sandbox);
    assert_eq!(waiting.read(&mut [0]).expect("an end"), 0);
    let address = url.trim_start_matches("http://");
    let error = TcpStream::connect(address).expect_err("nobody listens");
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    assert!(!ca_file.exists());
}

#[test]
fn a_taken_address_is_named() {
    let sandbox = start();
    let url = sandbox.http_url().expect("HTTP is on");
    let address = url.trim_start_matches("http://");
    let config = Config {
        http: Some(address.parse().expect("an address")),
        ..config()
    };
    let Err(error) = Sandbox::start(config) else {
        panic!("two sandboxes listen on {address}");
    };
    assert!(error.to_string().contains(address), "{error}");
}

#[test]
fn the_command_explains_itself() {
    let help = c::run(c::example("sandbox").arg("--help"), b"");
    assert_eq!(help.code(), 0, "{help:?}");
    assert!(help.stdout.contains(&table()), "{}", help.stdout);
    for (arguments, problem) in [
        (["--no-such", "x"], "no option --no-such"),
        (["--http", "nowhere"], "--http takes an address"),
        (["--slow-answer-ms", "soon"], "milliseconds"),
        (["--https", "off"], "--api-key"),
    ] {
        // The last one is in order, but for the empty key that every run here is given.
        let mut command = c::example("sandbox");
        let refused = c::run(command.args(arguments).args(["--api-key", ""]), b"");
        assert_eq!(refused.code(), 2, "{refused:?}");
        assert!(refused.stderr.contains(problem), "{}", refused.stderr);
    }
}
