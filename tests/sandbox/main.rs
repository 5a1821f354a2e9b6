//! The sandbox itself, over plain sockets: what the other tests and a host's developer rely on.

mod client;
mod endpoint;
mod hostile;
mod lifetime;
mod magic_recipients;
mod page;
mod paste;
mod post_backs;
mod printing;
mod records;
mod running;

use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use serde_json::{Value, json};

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
        notify_late: Duration::from_millis(600),
        slow_response: Duration::from_secs(1),
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
