//! The endpoint's checks.

use std::net::{TcpListener, UdpSocket};

use serde_json::{Value, json};

use crate::client::{exchange, request, request_with, send};
use support::sandbox::{Config, Sandbox};

use crate::{KEY, PATH, WORKSPACE, config, message, start};

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

/// A page from elsewhere, open in a browser on this machine, could have it post to any local port.
#[test]
fn only_programs_under_a_name_of_this_machine_are_served() {
    let sandbox = start();
    let url = sandbox.http_url().expect("HTTP is on");
    let own = url.trim_start_matches("http://");
    let port = own.split_once(':').expect("with a port").1;
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback ports are free");
    let mut message = message("919876543210");
    message["post_back_url"] = json!(format!("http://{}", listener.local_addr().expect("bound")));
    let whole = request(&message.to_string());
    for foreign in [
        String::new(),
        "Host:\r\n".to_owned(),
        format!("Host: evil.example:{port}\r\n"),
        format!("Host: localhost.evil.example:{port}\r\n"),
        format!("Host: 192.0.2.1:{port}\r\n"),
        "Host: localhost:1\r\n".to_owned(),
        format!("Host: evil.example:{port}\r\nOrigin: http://evil.example:{port}\r\n"),
        format!("Host: {own}\r\nOrigin: http://evil.example\r\n"),
        format!("Host: {own}\r\nOrigin: null\r\n"),
        format!("Host: {own}\r\nSec-Fetch-Site: cross-site\r\n"),
        format!("Host: {own}\r\nSec-Fetch-Site: same-site\r\n"),
    ] {
        let request = whole.replace("Host: sandbox\r\n", &foreign);
        exchange(&sandbox, &request).refused_with(403, "sandbox's own");
    }
    assert_eq!(sandbox.requests().len(), 0);
    listener.set_nonblocking(true).expect("a socket can");
    assert!(listener.accept().is_err(), "something was posted");
    for host in ["localhost", "LocalHost", "127.0.0.1"] {
        let own = format!("Host: {host}:{port}");
        exchange(&sandbox, &whole.replace("Host: sandbox", &own)).accepted();
    }
}

/// Where it listens beyond this machine, programs know it by names of their own: a container's, say.
/// A browser that posts says its origin.
#[test]
fn other_machines_programs_may_know_it_by_any_name_but_no_pages() {
    let address = UdpSocket::bind("0.0.0.0:0").and_then(|socket| {
        // Nothing is sent: the kernel looks for the way.
        socket.connect("192.0.2.1:9")?;
        Ok(socket.local_addr()?.ip())
    });
    let Ok(address) = address else {
        println!("skipped: this machine has but its loopback address");
        return;
    };
    let everywhere = Config {
        http: Some((address, 0).into()),
        ..config()
    };
    let sandbox = Sandbox::start(everywhere).expect("an address of this machine");
    let whole = request(&message("919876543210").to_string());
    for host in ["sandbox:9000", "localhost:9000"] {
        let named = whole.replace("Host: sandbox", &format!("Host: {host}"));
        exchange(&sandbox, &named).accepted();
        let page = named.replace("Host:", &format!("Origin: http://{host}\r\nHost:"));
        exchange(&sandbox, &page).refused_with(403, "sandbox's own");
    }
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
        ("/recipient", json!("123456"), "7 to 15"),
        ("/recipient", json!("1234567890123456"), "7 to 15"),
        ("/recipient", json!("0612345678"), "not with 0"),
        ("/phone_id", json!(7), "string"),
        ("/post_back_url", json!(7), "string"),
        ("/post_back_url", json!("example.com/status"), "absolute"),
        ("/post_back_url", json!("https://"), "absolute"),
        ("/post_back_url", json!("file:///etc/passwd"), "absolute"),
        ("/post_back_url", json!("/hook"), "absolute"),
        ("/post_back_url", json!(""), "absolute"),
        ("/post_back_url", json!("https://?"), "absolute"),
        ("/post_back_url", json!("http://["), "absolute"),
        ("/post_back_url", json!("http://a:99999"), "absolute"),
        ("/post_back_url", json!("http://a:0"), "absolute"),
        ("/post_back_url", json!("http://a b"), "absolute"),
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
        (
            "/interactive/header",
            header("document", json!({"id": "1", "filename": ""})),
            "empty",
        ),
        (
            "/interactive/header",
            header("image", json!({"id": null, "link": null})),
            "exactly one",
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
            "a space",
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
        let response = send(&sandbox, &changed(path, value));
        response.refused_with(400, problem);
        response.refused_with(400, path);
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
        ("/interactive/footer", json!({"text": ""})),
        ("/interactive/footer", json!(null)),
        ("/interactive/header", json!(null)),
        (
            "/interactive/header",
            header("image", json!({"id": "1", "link": null})),
        ),
        ("/post_back_url", json!(null)),
        ("/post_back_url", json!("http://[::1]:8080/ü?a#b")),
        ("/post_back_url", json!("https://user@bücher.example")),
        ("/recipient", json!("1234567")),
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
