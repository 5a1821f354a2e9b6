//! The server in its process.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::programs::Programs;

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    Http,
    Https,
}

impl Protocol {
    pub const ALL: [Self; 2] = [Self::Http, Self::Https];

    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "HTTP",
            Self::Https => "HTTPS",
        }
    }
}

/// Ends when it is dropped: the process serves until its standard input closes.
pub struct Server {
    process: Child,
    output: BufReader<ChildStdout>,
    ports: (u16, u16),
    ca_file: PathBuf,
    message_file: PathBuf,
}

impl Server {
    pub fn start(programs: &Programs, delay: Duration) -> Result<Self> {
        let name = format!("ca-{}ms.pem", delay.as_millis());
        let ca_file = programs.directory.join(name);
        let message_file = programs.directory.join("message.json");
        std::fs::write(&message_file, message())?;

        let mut process = Command::new(&programs.server)
            .arg(&ca_file)
            .arg(delay.as_millis().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the server")?;
        let mut output = BufReader::new(process.stdout.take().context("a piped output")?);
        let mut line = String::new();
        output.read_line(&mut line)?;
        let (http, https) = line.trim().split_once(' ').context("two ports")?;
        Ok(Self {
            ports: (http.parse()?, https.parse()?),
            process,
            output,
            ca_file,
            message_file,
        })
    }

    /// What every driver takes first: `BASE_URL CA_FILE MESSAGE_FILE`.
    pub fn arguments(&self, protocol: Protocol) -> [std::ffi::OsString; 3] {
        let base_url = match protocol {
            Protocol::Http => format!("http://127.0.0.1:{}", self.ports.0),
            Protocol::Https => format!("https://127.0.0.1:{}", self.ports.1),
        };
        [
            base_url.into(),
            self.ca_file.clone().into(),
            self.message_file.clone().into(),
        ]
    }

    /// Ends it, and tells how many connections it accepted.
    pub fn stop(mut self) -> Result<usize> {
        drop(self.process.stdin.take());
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        self.process.wait()?;
        line.trim().parse().context("the number of connections")
    }
}

/// A valid message of exactly 600 bytes.
fn message() -> String {
    let with_body = |body: &str| {
        serde_json::json!({
            "recipient": "919876543210",
            "phone_id": "108212345678901",
            "interactive": {
                "type": "button",
                "header": {"type": "text", "text": "Your order"},
                "body": {"text": body},
                "footer": {"text": "Reply within 24 hours"},
                "action": {"buttons": [
                    {"type": "reply", "reply": {"id": "order-1042-confirm", "title": "Confirm"}},
                    {"type": "reply", "reply": {"id": "order-1042-change", "title": "Change"}},
                    {"type": "reply", "reply": {"id": "order-1042-cancel", "title": "Cancel"}},
                ]},
            },
            "post_back_data": "order-1042",
        })
        .to_string()
    };
    let body: String = "Please confirm. "
        .chars()
        .cycle()
        .take(600 - with_body("").len())
        .collect();
    with_body(&body)
}
