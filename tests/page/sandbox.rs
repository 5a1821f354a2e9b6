//! The sandbox as its user starts it, a client, and a host that takes post-backs.

use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use serde_json::Value;

pub const KEY: &str = "key-of-this-test";

/// Generous: only a hang reaches it.
const PATIENCE: Duration = Duration::from_secs(30);

pub fn root() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", ".."].iter().collect()
}

pub struct Sandbox {
    pub url: String,
    program: Child,
}

impl Sandbox {
    pub fn start() -> Self {
        let mut program = Command::new(installed().unwrap_or_else(build))
            .args(["--http", "127.0.0.1:0", "--https", "off", "--api-key", KEY])
            .args(["--notify-after-ms", "20"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the sandbox runs");
        let mut lines = BufReader::new(program.stdout.take().expect("it is piped")).lines();
        let url = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| {
                let (_, url) = line.split_once("export ZIXFLOW_BASE_URL='")?;
                Some(url.trim_end_matches('\'').to_owned())
            })
            .expect("it says where it is");
        // It blocks where nobody reads what it prints.
        thread::spawn(|| lines.map_while(Result::ok).for_each(drop));
        Self { url, program }
    }

    pub fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// Posts a message as a client does, and returns the response's head and body.
    pub fn send(&self, message: &Value) -> String {
        let body = message.to_string();
        let path = "/api/ingest/whatsapp/v1/message/interactive/reply-buttons/send";
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nx-api-key: {KEY}\r\n\
             x-workspace-id: sandbox-workspace\r\ncontent-type: application/json\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n{body}",
            self.address(),
            body.len()
        );
        let mut stream = TcpStream::connect(self.address()).expect("it listens");
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut response = String::new();
        stream.read_to_string(&mut response).expect("it answers");
        response
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// The program of an installed tree, where the tests are told of one.
fn installed() -> Option<PathBuf> {
    let prefix = env::var_os("ZIXFLOW_INSTALLED")?;
    Some(PathBuf::from(prefix).join("bin/zixflow-sandbox"))
}

fn build() -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    // What `cargo test` tells its programs of their package: a build script may look at it, and all
    // that depends on it would be built anew, here and by the next `cargo test` of the library.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        let prefixes = ["CARGO_PKG_", "CARGO_MANIFEST_", "OUT_DIR"];
        if prefixes.iter().any(|prefix| text.starts_with(prefix)) {
            cargo.env_remove(&name);
        }
    }
    let built = cargo
        .args([
            "build",
            "--package=zixflow-sandbox",
            "--message-format=json",
        ])
        .arg("--manifest-path")
        .arg(root().join("Cargo.toml"))
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs");
    assert!(built.status.success(), "the sandbox does not build");
    String::from_utf8_lossy(&built.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
        .next_back()
        .expect("cargo tells where the program is")
}

/// A host's own web server. It also serves a page, as any other site would.
pub struct Host {
    pub url: String,
    post_backs: Receiver<Value>,
}

impl Host {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback ports are free");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let (sender, post_backs) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // Each apart: a browser opens some connections ahead, and says nothing on them.
                let sender = sender.clone();
                thread::spawn(move || {
                    serve(stream).map(|post_back| sender.send(post_back));
                });
            }
        });
        Self { url, post_backs }
    }

    /// The next post-back, for which the host waits.
    #[track_caller]
    pub fn post_back(&self) -> Value {
        self.post_backs
            .recv_timeout(PATIENCE)
            .expect("a post-back comes")
    }

    /// Whether one comes that nobody has taken.
    pub fn has_more_within(&self, time: Duration) -> bool {
        self.post_backs.recv_timeout(time).is_ok()
    }
}

fn serve(mut stream: TcpStream) -> Option<Value> {
    let mut request = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let length = stream.read(&mut piece).ok().filter(|length| *length > 0)?;
        request.extend_from_slice(&piece[..length]);
        let text = String::from_utf8_lossy(&request).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        if head.starts_with("GET ") {
            let page = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 15\r\n\
                        connection: close\r\n\r\n<h1>Other</h1>\r\n";
            let _ = stream.write_all(page.as_bytes());
            return None;
        }
        if head.contains(&format!("content-length: {}", body.len())) {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
            return serde_json::from_str(body).ok();
        }
    }
}
