//! C, C++ and Go programs that send the same messages: nothing is lost between the languages.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use support::c::{self, C99, CXX17, Program};
use support::go;
use support::sandbox::recipients::MAGIC_RECIPIENTS;
use support::sandbox::{Config, Sandbox};

/// A message that a driver has to send.
struct Order {
    recipient: String,
    name: String,
}

#[test]
fn the_same_message_arrives_from_every_language() {
    let orders = [order("919876543210", "\"Zoë\" \\ O'Neil\r\n\t\u{1}👩‍👩‍👧")];
    for (language, _, bodies) in send_in_every_language(&orders) {
        assert_eq!(bodies, [expected(&orders[0])], "{language}");
    }
}

#[test]
fn any_name_arrives_unchanged_from_every_language() {
    let names = vec(
        vec(
            any::<char>().prop_filter("NUL ends a C string", |&c| c != '\0'),
            1..=40,
        ),
        300,
    );
    let names = names
        .new_tree(&mut TestRunner::default())
        .expect("names can be made");
    let orders: Vec<_> = names
        .current()
        .into_iter()
        .map(|name| order("919876543210", &String::from_iter(name)))
        .collect();
    for (language, statuses, bodies) in send_in_every_language(&orders) {
        assert_eq!(statuses, vec!["ZX_OK"; orders.len()], "{language}");
        assert_eq!(bodies.len(), orders.len(), "{language}");
        for (body, order) in bodies.iter().zip(&orders) {
            assert_eq!(*body, expected(order), "{language}");
        }
    }
}

#[test]
fn each_magic_recipient_has_its_status_in_every_language() {
    let orders = MAGIC_RECIPIENTS.map(|magic| order(magic.number, "Zoë"));
    let documented = MAGIC_RECIPIENTS.map(|magic| magic.status);
    for (language, statuses, _) in send_in_every_language(&orders) {
        assert_eq!(statuses, documented, "{language}");
    }
}

fn order(recipient: &str, name: &str) -> Order {
    Order {
        recipient: recipient.to_owned(),
        name: name.to_owned(),
    }
}

/// What every driver says in an order's message.
fn expected(order: &Order) -> Value {
    json!({
        "recipient": order.recipient,
        "phone_id": "1234567890",
        "interactive": {
            "type": "button",
            "header": {"type": "text", "text": order.name},
            "body": {"text": format!("Hi {}", order.name)},
            "footer": {"text": "Answer\n\twith a tap 👋"},
            "action": {"buttons": [
                {"type": "reply", "reply": {"id": "yes", "title": "Yes \"please\""}},
                {"type": "reply", "reply": {"id": "no", "title": "No \\ never"}},
            ]},
        },
        "post_back_url": "https://192.0.2.1/changes?of=status",
        "post_back_data": order.name,
    })
}

/// The status that each driver printed of each order, and the messages that arrived from it.
fn send_in_every_language(orders: &[Order]) -> Vec<(&'static str, Vec<String>, Vec<Value>)> {
    thread::scope(|scope| {
        let senders: Vec<_> = drivers()
            .iter()
            .map(|(language, driver)| scope.spawn(move || send(language, driver, orders)))
            .collect();
        senders
            .into_iter()
            .map(|sender| sender.join().expect("a driver's failure was printed"))
            .collect()
    })
}

fn send(
    language: &'static str,
    driver: &Path,
    orders: &[Order],
) -> (&'static str, Vec<String>, Vec<Value>) {
    let sandbox = Sandbox::start(Config {
        slow_response: Duration::from_millis(500),
        ..Config::default()
    })
    .expect("loopback ports are free");
    let file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    let text: String = orders
        .iter()
        .map(|order| format!("{}\0{}\0", order.recipient, order.name))
        .collect();
    fs::write(file.path(), text).expect("a temporary file can be written");
    let finished = c::run(
        Command::new(driver)
            .arg(sandbox.http_url().expect("it listens for HTTP"))
            .arg(file.path()),
        b"",
    );
    assert_eq!(finished.code(), 0, "{language}: {finished:?}");
    let statuses = finished.stdout.lines().map(str::to_owned).collect();
    let bodies = sandbox
        .requests()
        .iter()
        .map(|request| serde_json::from_slice(&request.body).expect("it is JSON"))
        .collect();
    (language, statuses, bodies)
}

/// The drivers in the languages that this machine has.
fn drivers() -> &'static [(&'static str, PathBuf)] {
    static DRIVERS: OnceLock<Vec<(&str, PathBuf)>> = OnceLock::new();
    DRIVERS.get_or_init(|| {
        let program = Program::c("tests/c/driver.c");
        let mut drivers = vec![("C", program.flags(C99).compile())];
        if let Some(compiler) = c::cxx() {
            let program = Program::new(&compiler, "tests/cpp/driver.cpp");
            drivers.push(("C++", program.flags(CXX17).compile()));
        }
        if c::require_tool("go") {
            let executable = Path::new(env!("CARGO_TARGET_TMPDIR")).join("go-driver");
            let go = go::go("tests/languages/go");
            drivers.push(("Go", go::build(go, ".", executable)));
        }
        drivers
    })
}
