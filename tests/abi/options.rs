//! Every option: a value that works, and values that are refused.

use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use support::api::{Client, client, message};
use support::punctuality::{ends_at, processor_time};
use support::raw_server::{RawServer, SCHEMES, Scheme, accepted, ca_file, response};

/// The message of the refusal, which names the option.
#[track_caller]
fn refusal(options: &Value, names: &str) -> String {
    let Err(refusal) = Client::new(options) else {
        panic!("{options} is taken");
    };
    refusal.assert_status("invalid_argument");
    let message = refusal.message();
    assert!(message.contains(names), "{options}: {message}");
    message.to_owned()
}

#[track_caller]
fn assert_refused(option: &str, values: &[Value]) {
    for value in values {
        let mut options = json!({});
        options[option] = value.clone();
        refusal(&options, option);
    }
}

#[test]
fn null_and_an_empty_object_are_the_defaults() {
    assert!(Client::new(&json!({ "proxy": "" })).is_ok());
    let null = std::ptr::null();
    let text = c"text".as_ptr();
    // SAFETY: two strings, NULL for no options, and no place for an error.
    let client = unsafe { zixflow::ffi::zx_client_new(text, text, null, std::ptr::null_mut()) };
    assert!(!client.is_null());
    zixflow::ffi::zx_free(client.cast());
}

#[test]
fn misspelt_option_is_refused_and_the_message_lists_what_there_is() {
    let message = refusal(&json!({ "time_out_ms": 1000 }), "time_out_ms");
    for option in ["timeout_ms", "base_url", "max_retries", "user_agent"] {
        assert!(message.contains(option), "{message}");
    }
    refusal(&json!({ "Timeout_ms": 1000 }), "Timeout_ms");
    refusal(&json!({ "": 1 }), "unknown option");
}

#[test]
fn whole_number_may_be_spelt_as_any_number() {
    let server = RawServer::accepting(Scheme::Http);
    let client = client(&server.options());
    for (spelling, status) in [
        ("30000.0", "ok"),
        ("3e4", "ok"),
        ("30000.5", "invalid_argument"),
        ("-0.0", "invalid_argument"),
        ("-3e4", "invalid_argument"),
        ("1e300", "invalid_argument"),
        ("1e999", "invalid_argument"),
    ] {
        let options = serde_json::from_str(&format!("{{\"timeout_ms\":{spelling}}}"));
        let reply = match options {
            Ok(options) => client.send_with(&message("tag"), &options),
            // Beyond what this test's own reader takes.
            Err(_) => refusal_of_text(&format!("{{\"timeout_ms\":{spelling}}}")),
        };
        reply.assert_status(status);
    }
}

#[test]
fn option_that_is_given_twice_is_refused() {
    let server = RawServer::accepting(Scheme::Http);
    let client = client(&server.options());
    let (text, mut reply) = (message("tag"), std::ptr::null_mut());
    let text = std::ffi::CString::new(text).expect("no NUL");
    let twice = c"{\"timeout_ms\": 1000, \"timeout_ms\": 1000}";
    // SAFETY: strings that end in NUL, and a place for the reply.
    let status = unsafe {
        zixflow::ffi::zx_send_reply_buttons_with(
            client.as_ptr(),
            text.as_ptr(),
            twice.as_ptr(),
            std::ptr::null(),
            &mut reply,
        )
    };
    let reply = support::api::Reply::of(status, reply);
    reply.assert_status("invalid_argument");
    assert!(
        reply.message().contains("timeout_ms is given twice"),
        "{reply:?}"
    );
}

#[test]
fn base_url_takes_a_port_and_a_path_prefix() {
    let server = RawServer::accepting(Scheme::Http);
    for (suffix, prefix) in [
        ("", ""),
        ("/", ""),
        ("/gate/way", "/gate/way"),
        ("/a/", "/a"),
    ] {
        let url = format!("{}{suffix}", server.base_url());
        let client = client(&server.options_with(json!({ "base_url": url })));
        client.send(&message("tag")).assert_status("ok");
        let head = server.requests().pop().expect("a request").head;
        let path = format!("POST {prefix}/api/ingest/whatsapp/v1/message/");
        assert!(head.starts_with(&path), "{head}");
    }
}

#[test]
fn longest_head_arrives_whole() {
    const MAX_BASE_URL_BYTES: usize = 8000;
    const MAX_CREDENTIAL_BYTES: usize = 4096;

    for scheme in SCHEMES {
        let server = RawServer::accepting(scheme);
        let url = format!("{:a<MAX_BASE_URL_BYTES$}", server.base_url() + "/");
        let options = |url: &str| {
            let user_agent = "u".repeat(256);
            server.options_with(json!({ "base_url": url, "user_agent": user_agent }))
        };
        refusal(&options(&format!("{url}a")), "base_url is longer");

        let [key, workspace] = ["k", "w"].map(|letter| letter.repeat(MAX_CREDENTIAL_BYTES));
        let client = Client::with_credentials(&key, &workspace, &options(&url)).expect("a client");
        client.send(&message("tag")).assert_status("ok");
        let head = server.requests().pop().expect("a request").head;
        for field in [
            format!("x-api-key: {key}\r\n"),
            format!("x-workspace-id: {workspace}\r\n"),
            format!(" {}\r\n", "u".repeat(256)),
        ] {
            assert_eq!(head.matches(&field).count(), 1, "{head}");
        }
    }
}

#[test]
fn base_url_of_another_form_is_refused() {
    assert_refused(
        "base_url",
        &[
            json!(7),
            json!(null),
            json!(""),
            json!("api-ai.zixflow.com"),
            json!("ftp://example.com"),
            json!("https://"),
            json!("https://example.com:99999"),
            json!("https://example.com:0"),
            json!("https://user:password@example.com"),
            json!("https://example.com/?a=b"),
            json!("https://example.com/#a"),
            json!("https://exa mple.com"),
            json!("https://example.com\r\nx: y"),
        ],
    );
}

#[test]
fn base_url_that_cannot_go_over_the_wire_is_refused() {
    for path in [
        "a/ü", "a b", "a\"b", "a<b", "a>b", "a\\b", "a^b", "a`b", "a{b}", "a|b", "[a]", "a\u{7f}",
        "a\tb", "a\nb", "a\u{a0}", "%", "a%2", "%zz", "a%2/b", "😀",
    ] {
        for base in ["http://127.0.0.1:8080/", "https://example.com/"] {
            let message = refusal(&json!({ "base_url": format!("{base}{path}") }), "base_url");
            assert!(
                message.contains("percent-encod") || path == "a b",
                "{message}"
            );
        }
    }
    let message = refusal(&json!({ "base_url": "http://127.0.0.1/a/ü" }), "base_url");
    assert!(message.contains("%C3%BC"), "{message}");
    for authority in [
        "bücher.example",
        "exa\"mple.com",
        "a..b",
        "-a",
        "127.1",
        "1.2.3.4.5",
        "a:+80",
        "a:",
        "a:80:80",
        "[::1",
        "[::1%25eth0]",
        "[fe80::1%eth0]",
        "::1",
        "a%2fb",
        "a,b",
        "user@a",
        "@a",
        &"a".repeat(64),
    ] {
        refusal(
            &json!({ "base_url": format!("https://{authority}/path") }),
            "base_url",
        );
    }
}

#[test]
fn base_url_goes_over_the_wire_as_it_is() {
    let server = RawServer::accepting(Scheme::Http);
    for path in ["/%C3%BC/%2f", "/a-._~!$&'()*+,;=:@", "/..//b"] {
        let url = format!("{}{path}", server.base_url());
        let client = client(&server.options_with(json!({ "base_url": url })));
        client.send(&message("tag")).assert_status("ok");
        let head = server.requests().pop().expect("a request").head;
        let expected = format!("POST {path}/api/ingest/whatsapp/v1/message/");
        assert!(head.starts_with(&expected), "{head}");
    }
}

#[test]
fn plain_http_is_for_loopback_hosts_unless_it_is_allowed() {
    for host in [
        "127.0.0.1",
        "127.9.9.9",
        "localhost",
        "sandbox.localhost",
        "[::1]",
    ] {
        let options = json!({ "base_url": format!("http://{host}:1"), "proxy": "" });
        assert!(Client::new(&options).is_ok(), "{host}");
    }
    for host in [
        "example.com",
        "192.0.2.1",
        "localhost.example.com",
        "0.0.0.0",
        "notlocalhost",
    ] {
        let mut options = json!({ "base_url": format!("http://{host}"), "proxy": "" });
        let message = refusal(&options, "base_url");
        assert!(message.contains("allow_plain_http"), "{message}");
        options["allow_plain_http"] = json!(true);
        assert!(Client::new(&options).is_ok(), "{host}");
        options["allow_plain_http"] = json!(false);
        refusal(&options, "base_url");
    }
    assert_refused("allow_plain_http", &[json!(1), json!("true"), json!(null)]);
}

#[test]
fn numbers_out_of_range_and_other_types_are_refused() {
    let no_numbers = [
        json!(-1),
        json!(1.5),
        json!("1"),
        json!(null),
        json!(1e300),
        json!([]),
    ];
    for option in [
        "timeout_ms",
        "connect_timeout_ms",
        "max_retries",
        "max_idle_connections",
        "idle_timeout_ms",
    ] {
        assert_refused(option, &no_numbers);
        assert_refused(option, &[json!(u64::MAX)]);
    }
    assert_refused("timeout_ms", &[json!(0)]);
    assert_refused("connect_timeout_ms", &[json!(0)]);
}

#[test]
fn timeout_ms_limits_the_call() {
    let server = RawServer::start(Scheme::Http, |peer| {
        peer.stop();
        Ok(())
    });
    let client = client(&server.options_with(json!({ "timeout_ms": 1500 })));
    let send = || client.send(&message("tag"));
    ends_at(Duration::from_millis(1500), send).assert_status("outcome_unknown");
}

#[test]
fn max_idle_connections_limits_what_is_kept() {
    for (kept, connections) in [(0, 3), (1, 1)] {
        let server = RawServer::accepting(Scheme::Http);
        let options = server.options_with(json!({ "max_idle_connections": kept }));
        let client = client(&options);
        for _ in 0..3 {
            client.send(&message("tag")).assert_status("ok");
        }
        assert_eq!(server.connections(), connections);
    }
}

#[test]
fn max_idle_connections_closes_what_is_one_too_many() {
    let all_are_here = Barrier::new(5);
    let server = RawServer::start(Scheme::Http, move |peer| {
        loop {
            let tag = peer.request()?.tag();
            all_are_here.wait();
            peer.send(&accepted(&tag))?;
        }
    });
    let client = client(&server.options_with(json!({ "max_idle_connections": 2 })));
    let send_at_once = |count| {
        thread::scope(|scope| {
            for _ in 0..count {
                scope.spawn(|| client.send(&message("tag")).assert_status("ok"));
            }
        });
    };
    send_at_once(5);
    assert_eq!(server.connections(), 5);
    send_at_once(5);
    assert_eq!(server.connections(), 5 + 3);
}

#[test]
fn idle_timeout_ms_limits_how_long_a_connection_is_kept() {
    for (idle_timeout_ms, connections) in [(0, 2), (50, 2), (10_000, 1)] {
        let server = RawServer::accepting(Scheme::Http);
        let options = server.options_with(json!({ "idle_timeout_ms": idle_timeout_ms }));
        let client = client(&options);
        client.send(&message("tag")).assert_status("ok");
        thread::sleep(Duration::from_millis(100));
        client.send(&message("tag")).assert_status("ok");
        assert_eq!(server.connections(), connections, "{idle_timeout_ms}");
    }
}

#[test]
fn max_retries_limits_the_attempts() {
    let server = RawServer::responding(Scheme::Http, response(429, "", "{}"));
    for (max_retries, attempts) in [(0, 1), (1, 2)] {
        let client = client(&server.options_with(json!({ "max_retries": max_retries })));
        assert_eq!(client.send(&message("tag")).attempts(), attempts);
    }
    assert_refused("max_retries", &[json!(101)]);
}

/// Breaks a rule of WhatsApp's, and none of the endpoint's own.
fn lenient_message() -> String {
    message("tag").replace("\"Yes\"", "\"longer than twenty characters\"")
}

#[test]
fn validation_is_strict_or_basic() {
    let server = RawServer::accepting(Scheme::Http);
    let send = |options: Value| client(&server.options_with(options)).send(&lenient_message());
    send(json!({})).assert_status("invalid_message");
    send(json!({ "validation": "strict" })).assert_status("invalid_message");
    send(json!({ "validation": "basic" })).assert_status("ok");
    assert_refused(
        "validation",
        &[json!("none"), json!("Strict"), json!(true), json!(null)],
    );
}

#[test]
fn user_agent_gets_the_hosts_suffix() {
    let server = RawServer::accepting(Scheme::Http);
    let client = client(&server.options_with(json!({ "user_agent": "acme-flows/2.1 (linux)" })));
    client.send(&message("tag")).assert_status("ok");
    let expected = format!(
        "user-agent: zixflow-c/{} acme-flows/2.1 (linux)\r\n",
        env!("CARGO_PKG_VERSION")
    );
    let head = server.requests().pop().expect("a request").head;
    assert!(head.contains(&expected), "{head}");
    let too_long = "x".repeat(257);
    let values = [
        json!(""),
        json!("a\r\nb"),
        json!("café"),
        json!(" "),
        json!("acme-flows/2.1 "),
        json!(too_long),
        json!(7),
    ];
    assert_refused("user_agent", &values);
}

#[test]
fn proxy_of_another_form_is_refused_without_repeating_its_password() {
    for proxy in [
        json!("ftp://user:pass-word@127.0.0.1:1"),
        json!("http://user:pass-word@"),
        json!("socks4://user:pass-word@127.0.0.1:1"),
        json!("http://user:pass-word@127.0.0.1:port"),
        json!("user:pass-word"),
        json!(["pass-word"]),
        json!(7),
        json!(null),
    ] {
        let message = refusal(&json!({ "proxy": proxy }), "proxy");
        assert!(!message.contains("pass-word"), "{message}");
    }
}

#[test]
fn password_in_options_that_are_not_json_is_not_repeated() {
    let text = c"{\"proxy\": \"http://user:pass-word@127.0.0.1\" \"pass-word\"}";
    let mut error = std::ptr::null_mut();
    let key = c"key".as_ptr();
    // SAFETY: strings that end in NUL, and a place for the error.
    let client = unsafe { zixflow::ffi::zx_client_new(key, key, text.as_ptr(), &mut error) };
    assert!(client.is_null());
    let reply = support::api::Reply::take(error);
    reply.assert_status("invalid_argument");
    assert!(!reply.text.contains("pass-word"), "{reply:?}");
}

#[test]
fn key_that_is_like_no_option_is_not_repeated() {
    let url = "http://user:pass-word@proxy.example:3128";
    for key in [
        url.to_owned(),
        "k".repeat(41),
        "k".repeat(60_000),
        "key-9f8e7d".to_owned(),
        "a b".to_owned(),
    ] {
        let message = refusal(
            &json!({ &key: "" }),
            "unknown option in options_json; valid options: ",
        );
        assert!(
            !message.contains(&key) && !message.contains("pass-word"),
            "{message}"
        );
        assert!(message.len() < 1000, "{message}");
    }
    for key in [
        "timeout-ms",
        "timeout_ms2",
        "max_retries ",
        "proxy.",
        "2tries",
    ] {
        refusal(&json!({ key: 1 }), &format!("unknown option \"{key}\""));
    }
    // What stands where an option's value should is never repeated either.
    for option in [
        "base_url",
        "validation",
        "tls_roots",
        "timeout_ms",
        "user_agent",
        "proxy",
    ] {
        let message = refusal(&json!({ option: format!("{url}\n") }), option);
        assert!(!message.contains("pass-word"), "{message}");
    }
}

/// The refusal of a text that need not be JSON.
fn refusal_of_text(text: &str) -> support::api::Reply {
    let (text, key) = (
        std::ffi::CString::new(text).expect("no NUL"),
        c"key".as_ptr(),
    );
    let mut error = std::ptr::null_mut();
    // SAFETY: strings that end in NUL, and a place for the error.
    let client = unsafe { zixflow::ffi::zx_client_new(key, key, text.as_ptr(), &mut error) };
    assert!(client.is_null(), "{text:?} is taken");
    let reply = support::api::Reply::take(error);
    reply.assert_status("invalid_argument");
    reply
}

#[test]
fn options_have_at_most_64_kib() {
    const MAX_BYTES: usize = 64 * 1024;
    let of_length = |length: usize| format!("{{\"proxy\":\"\"{}}}", " ".repeat(length - 12));
    let text = std::ffi::CString::new(of_length(MAX_BYTES)).expect("no NUL");
    assert_eq!(text.as_bytes().len(), MAX_BYTES);
    let key = c"key".as_ptr();
    // SAFETY: strings that end in NUL, and no place for the error.
    let client =
        unsafe { zixflow::ffi::zx_client_new(key, key, text.as_ptr(), std::ptr::null_mut()) };
    assert!(!client.is_null());
    zixflow::ffi::zx_free(client.cast());
    for length in [MAX_BYTES + 1, 1024 * 1024, 1024 * 1024 + 1, 3 * 1024 * 1024] {
        let reply = refusal_of_text(&of_length(length));
        assert_eq!(reply.message(), "options_json is longer than 64 KiB");
    }
}

#[test]
fn hostile_options_are_refused_at_once_and_shortly() {
    let keys: String = (0..130_000)
        .map(|number| format!("\"{number:x}\":1,"))
        .collect();
    for length in [64 * 1024, 1024 * 1024] {
        let repeated = |part: &str| part.repeat(length / part.len());
        for text in [
            format!("{{{}", &keys[..length - 1]),
            format!("{{{}\"timeout_ms\":1}}", repeated("\"timeout_ms\":1,")),
            format!("{{{}\"timeout_ms\":1}}", repeated("\"\":{},")),
            format!("{{\"timeout_ms\":{}", repeated("[")),
            format!("{{\"timeout_ms\":{}", repeated("{\"a\":")),
            format!("{{\"timeout_ms\":{}}}", repeated("9")),
            format!("{{\"timeout_ms\":0.{}1}}", repeated("0")),
            format!("{{\"proxy\":\"{}\"}}", repeated("@")),
            format!("{{\"proxy\":\"http://{}\"}}", repeated("%41:")),
            format!("{{\"base_url\":\"https://{}\"}}", repeated("a.")),
            format!("{{\"ca_file\":\"{}\"}}", repeated("a/")),
            format!("{{\"ca_file\":\"{}\"}}", repeated("\\u0001")),
            format!("{{\"{}\":1}}", repeated("k")),
            repeated("{"),
            repeated("["),
            repeated(" "),
            repeated("\u{e9}"),
        ] {
            let cut = text.floor_char_boundary(length);
            for text in [&text, &text[..cut]] {
                let before = processor_time();
                let reply = refusal_of_text(text);
                let took = processor_time() - before;
                assert!(
                    took < Duration::from_secs(1),
                    "{took:?} for {}",
                    &text[..20]
                );
                assert!(reply.text.len() < 64 * 1024, "{}", &text[..20]);
            }
        }
    }
}

#[test]
fn tls_roots_and_ca_file_of_another_form_are_refused() {
    assert_refused(
        "tls_roots",
        &[json!("mozilla"), json!(""), json!(1), json!(null)],
    );
    assert_refused("ca_file", &[json!(1), json!(null), json!("")]);
    assert!(Client::new(&json!({ "tls_roots": "bundled", "ca_file": ca_file() })).is_ok());
}

#[test]
fn options_of_a_call_hold_for_that_call_alone() {
    let server = RawServer::responding(Scheme::Http, response(429, "", "{}"));
    let client = client(&server.options_with(json!({ "max_retries": 1 })));
    let reply = client.send_with(&message("tag"), &json!({ "max_retries": 0 }));
    assert_eq!(reply.attempts(), 1);
    assert_eq!(client.send(&message("tag")).attempts(), 2);

    let server = RawServer::accepting(Scheme::Http);
    let client = support::api::client(&server.options());
    let basic = json!({ "validation": "basic" });
    client
        .send_with(&lenient_message(), &basic)
        .assert_status("ok");
    client
        .send(&lenient_message())
        .assert_status("invalid_message");

    let server = RawServer::start(Scheme::Http, |peer| {
        peer.stop();
        Ok(())
    });
    let client = support::api::client(&server.options());
    let soon = json!({ "timeout_ms": 1500, "connect_timeout_ms": 1000 });
    let send = || client.send_with(&message("tag"), &soon);
    ends_at(Duration::from_millis(1500), send).assert_status("outcome_unknown");
}

#[test]
fn option_that_a_call_cannot_have_is_refused_and_nothing_is_sent() {
    let server = RawServer::accepting(Scheme::Http);
    let client = client(&server.options());
    for (options, names) in [
        (
            json!({ "base_url": "https://example.com" }),
            "base_url is an option of the client",
        ),
        (json!({ "proxy": "" }), "proxy is an option of the client"),
        (json!({ "timeout": 1 }), "timeout"),
        (json!({ "timeout_ms": 0 }), "timeout_ms"),
        (json!({ "validation": "lax" }), "validation"),
        (json!([]), "options_json"),
    ] {
        let reply = client.send_with(&message("tag"), &options);
        reply.assert_status("invalid_argument");
        assert_eq!(reply.attempts(), 0);
        assert!(reply.message().contains(names), "{reply:?}");
    }
    assert_eq!(server.connections(), 0);
}
