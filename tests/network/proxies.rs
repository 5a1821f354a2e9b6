//! Proxies, HTTP's CONNECT and SOCKS5, named by the option or by the environment.

use std::io::{self, Read};
use std::net::SocketAddr;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::{Value, json};
use support::api::{Client, Reply, client, message};
use support::c;
use support::punctuality::patiently;
use support::raw_server::{Peer, RawServer, SCHEMES, Scheme, accepted, response};

const USER: &str = "proxy-user";
const PASSWORD: &str = "proxy-pass-5151";

/// A proxy, and what it was asked for: the target, and whatever proves who asks.
struct Proxy {
    server: RawServer,
    asked: Arc<Mutex<Vec<(String, String)>>>,
}

type Asked = Arc<Mutex<Vec<(String, String)>>>;

impl Proxy {
    fn start(script: impl Fn(&mut Peer, &Asked) -> io::Result<()> + Send + Sync + 'static) -> Self {
        let asked = Asked::default();
        let server = RawServer::start(Scheme::Http, {
            let asked = Arc::clone(&asked);
            move |peer| script(peer, &asked)
        });
        Proxy { server, asked }
    }

    fn http() -> Self {
        Self::start(http_connect)
    }

    fn socks5() -> Self {
        Self::start(socks5)
    }

    /// One that answers CONNECT with a status and headers, and opens nothing.
    fn refusing(response: &str) -> Self {
        let response = response.to_owned();
        Self::start(move |peer, asked| {
            let head = read_head(peer)?;
            note(asked, &head, "");
            peer.send_raw(response.as_bytes())
        })
    }

    fn url(&self, scheme: &str, credentials: &str) -> String {
        format!("{scheme}://{credentials}{}", self.server.address())
    }

    fn asked(&self) -> Vec<(String, String)> {
        self.asked.lock().expect("no panic").clone()
    }
}

fn note(asked: &Asked, target: &str, proof: &str) {
    let entry = (target.to_owned(), proof.to_owned());
    asked.lock().expect("no panic").push(entry);
}

fn read_head(peer: &mut Peer) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        peer.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    Ok(String::from_utf8(head).expect("ASCII"))
}

/// The names that the proxies know.
fn resolve(target: &str) -> io::Result<SocketAddr> {
    let target = target.replace("api.test", "127.0.0.1");
    target.parse().map_err(io::Error::other)
}

/// Asks for [`USER`] and [`PASSWORD`] where the client has any credentials.
fn http_connect(peer: &mut Peer, asked: &Asked) -> io::Result<()> {
    let head = read_head(peer)?;
    let target = head
        .strip_prefix("CONNECT ")
        .and_then(|rest| rest.split_once(' '))
        .expect("a CONNECT request")
        .0;
    let proof = head
        .lines()
        .find_map(|line| line.strip_prefix("Proxy-Authorization: Basic "))
        .map(|pair| BASE64_STANDARD.decode(pair).expect("Base64"))
        .map(|pair| String::from_utf8(pair).expect("UTF-8"));
    note(asked, target, proof.as_deref().unwrap_or_default());
    if proof.is_some_and(|pair| pair != format!("{USER}:{PASSWORD}")) {
        return peer.send_raw(b"HTTP/1.1 407 Who are you?\r\ncontent-length: 0\r\n\r\n");
    }
    let far = resolve(target)?;
    peer.send_raw(b"HTTP/1.1 200 Connection established\r\nvia: test\r\n\r\n")?;
    peer.tunnel(far)
}

/// Takes the user and password where the client offers them.
fn socks5(peer: &mut Peer, asked: &Asked) -> io::Result<()> {
    const USER_AND_PASSWORD: u8 = 2;
    let [version, count] = read_array(peer)?;
    let mut methods = vec![0; count.into()];
    peer.read_exact(&mut methods)?;
    assert_eq!(version, 5);
    let mut proof = String::new();
    if methods.contains(&USER_AND_PASSWORD) {
        peer.send_raw(&[5, USER_AND_PASSWORD])?;
        let [version] = read_array(peer)?;
        assert_eq!(version, 1);
        proof = format!("{}:{}", read_text(peer)?, read_text(peer)?);
        let is_right = proof == format!("{USER}:{PASSWORD}");
        if !is_right {
            note(asked, "", &proof);
            return peer.send_raw(&[1, 1]);
        }
        peer.send_raw(&[1, 0])?;
    } else {
        peer.send_raw(&[5, 0])?;
    }
    let [version, command, _, kind] = read_array(peer)?;
    assert_eq!((version, command), (5, 1));
    let host = match kind {
        1 => std::net::Ipv4Addr::from(read_array::<4>(peer)?).to_string(),
        4 => format!("[{}]", std::net::Ipv6Addr::from(read_array::<16>(peer)?)),
        _ => read_text(peer)?,
    };
    let target = format!("{host}:{}", u16::from_be_bytes(read_array(peer)?));
    note(asked, &target, &proof);
    let Ok(far) = resolve(&target) else {
        return peer.send_raw(&[5, 4, 0, 1, 0, 0, 0, 0, 0, 0]);
    };
    peer.send_raw(&[5, 0, 0, 3, 2, b'o', b'k', 0, 0])?;
    peer.tunnel(far)
}

fn read_array<const N: usize>(peer: &mut Peer) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    peer.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn read_text(peer: &mut Peer) -> io::Result<String> {
    let [length] = read_array(peer)?;
    let mut bytes = vec![0; length.into()];
    peer.read_exact(&mut bytes)?;
    Ok(String::from_utf8(bytes).expect("UTF-8"))
}

fn send_through(proxy_url: &str, server: &RawServer) -> Reply {
    let options = server.options_with(json!({ "proxy": proxy_url, "max_retries": 1 }));
    let reply = client(&options).send(&message("tag"));
    assert!(!reply.text.contains(PASSWORD), "{reply:?}");
    reply
}

#[test]
fn proxy_opens_the_way_without_and_with_credentials() {
    for scheme in SCHEMES {
        let server = RawServer::accepting(scheme);
        for (proxy, kind) in [
            (Proxy::http(), "http"),
            (Proxy::socks5(), "socks5"),
            (Proxy::socks5(), "socks5h"),
        ] {
            send_through(&proxy.url(kind, ""), &server).assert_status("ok");
            let pair = format!("{USER}:{PASSWORD}");
            let reply = send_through(&proxy.url(kind, &format!("{pair}@")), &server);
            reply.assert_status("ok");
            assert_eq!(reply.attempts(), 1);
            let target = server.address().to_string();
            let expected = [(target.clone(), String::new()), (target, pair)];
            assert_eq!(proxy.asked(), expected, "{scheme:?}, {kind}");
        }
        for request in server.requests() {
            assert!(!request.head.contains("proxy-"), "{}", request.head);
        }
    }
}

/// A proxy, or what is behind it, that has a response to another message at hand.
#[test]
fn response_that_came_before_the_request_counts_only_where_it_says_no() {
    let refused = r#"{"success":false,"message":"No."}"#;
    for (early, status) in [
        (accepted("another"), "not_sent"),
        (response(502, "", "<html>"), "not_sent"),
        (response(429, "", refused), "busy"),
        (response(401, "", refused), "unauthorized"),
    ] {
        let proxy = Proxy::start(move |peer, asked| {
            let head = read_head(peer)?;
            note(asked, &head, "");
            peer.send_raw(&[b"HTTP/1.1 200 OK\r\n\r\n", &early[..]].concat())?;
            peer.stop();
            Ok(())
        });
        let options = json!({
            "base_url": "http://api.example", "allow_plain_http": true,
            "proxy": proxy.url("http", ""), "max_retries": 0,
        });
        let reply = client(&options).send(&message("tag"));
        reply.assert_status(status);
        assert_eq!(reply.attempts(), 1, "{reply:?}");
    }
}

#[test]
fn connection_through_a_proxy_is_kept() {
    let server = RawServer::accepting(Scheme::Https);
    for (proxy, kind) in [(Proxy::http(), "http"), (Proxy::socks5(), "socks5")] {
        let client = client(&server.options_with(json!({ "proxy": proxy.url(kind, "") })));
        for _ in 0..5 {
            client.send(&message("tag")).assert_status("ok");
        }
        assert_eq!(proxy.asked().len(), 1);
    }
}

#[test]
fn name_of_the_api_is_looked_up_by_the_proxy() {
    let server = RawServer::accepting(Scheme::Https);
    let port = server.address().port();
    for (proxy, kind) in [(Proxy::http(), "http"), (Proxy::socks5(), "socks5")] {
        let options = server.options_with(json!({
            // No name server knows it.
            "base_url": format!("https://api.test:{port}"),
            "proxy": proxy.url(kind, ""),
        }));
        client(&options).send(&message("tag")).assert_status("ok");
        assert_eq!(proxy.asked()[0].0, format!("api.test:{port}"));
    }
}

#[test]
fn credentials_are_decoded_as_a_url_writes_them() {
    let server = RawServer::accepting(Scheme::Http);
    for (proxy, kind) in [(Proxy::http(), "http"), (Proxy::socks5(), "socks5")] {
        send_through(&proxy.url(kind, "us%40er:p%3Aa%2Fss@"), &server);
        assert_eq!(proxy.asked()[0].1, "us@er:p:a/ss");
    }
}

#[test]
fn wrong_credentials_are_not_sent_and_trying_again_would_not_help() {
    let server = RawServer::accepting(Scheme::Http);
    for (proxy, kind) in [(Proxy::http(), "http"), (Proxy::socks5(), "socks5")] {
        let reply = send_through(&proxy.url(kind, "someone:wrong-5151@"), &server);
        reply.assert_status("not_sent");
        assert_eq!((reply.attempts(), reply.retryable()), (1, Some(false)));
        assert!(reply.message().contains("proxy"), "{reply:?}");
        assert!(!reply.text.contains("wrong-5151"), "{reply:?}");
    }
    assert_eq!(server.connections(), 0);
}

/// No other user and password would help.
#[test]
fn proxy_that_takes_no_basic_credentials_is_told_with_what_it_takes() {
    let server = RawServer::accepting(Scheme::Http);
    let cases = [
        ("Proxy-Authenticate: NTLM\r\n", Some("NTLM")),
        (
            "Proxy-Authenticate: Negotiate\r\nproxy-authenticate: NTLM\r\n",
            Some("Negotiate, NTLM"),
        ),
        (
            "PROXY-AUTHENTICATE: Digest realm=\"a, Basic\", qop=\"auth,auth-int\", nonce=x==\r\n",
            Some("Digest"),
        ),
        ("Proxy-Authenticate: Bearer\r\n", Some("Bearer")),
        ("Proxy-Authenticate: Basic realm=\"x\"\r\n", None),
        ("Proxy-Authenticate: NTLM, bAsIc realm=\"x\"\r\n", None),
        (
            "Proxy-Authenticate: NTLM\r\nProxy-Authenticate: Basic\r\n",
            None,
        ),
        ("", None),
    ];
    for (fields, takes) in cases {
        for (code, credentials) in [(407, ""), (407, "u:pw5151@"), (401, "u:pw5151@")] {
            let fields = match code {
                401 => fields
                    .replace("Proxy-", "WWW-")
                    .replace("proxy-", "www-")
                    .replace("PROXY-", "WWW-"),
                _ => fields.to_owned(),
            };
            let proxy = Proxy::refusing(&format!("HTTP/1.1 {code} No\r\n{fields}\r\n"));
            let reply = send_through(&proxy.url("http", credentials), &server);
            reply.assert_status("not_sent");
            assert_eq!((reply.attempts(), reply.retryable()), (1, Some(false)));
            let told = reply.message();
            match takes {
                Some(takes) => {
                    let expected = format!("Basic credentials ({code}), ");
                    assert!(told.contains(&expected), "{told}");
                    assert!(told.contains(&format!("but {takes}: ")), "{told}");
                }
                None => assert!(!told.contains("Basic credentials"), "{told}"),
            }
            assert!(!reply.text.contains("pw5151"), "{told}");
        }
    }
    // SOCKS5's way to say that it takes none of what is offered.
    for (credentials, words) in [
        ("", "requires authentication"),
        ("u:pw5151@", "does not accept a user and password"),
    ] {
        let proxy = Proxy::start(|peer, _| {
            let [_, count] = read_array(peer)?;
            peer.read_exact(&mut vec![0; usize::from(count)])?;
            peer.send_raw(&[5, 0xff])
        });
        let reply = send_through(&proxy.url("socks5", credentials), &server);
        assert_eq!((reply.attempts(), reply.retryable()), (1, Some(false)));
        assert!(reply.message().contains(words), "{reply:?}");
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn refusal_of_a_proxy_is_not_sent_and_retried_where_it_may_pass() {
    let server = RawServer::accepting(Scheme::Http);
    for (response, is_retried) in [
        ("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", false),
        ("HTTP/1.1 403 Forbidden\r\n\r\n", false),
        (
            "HTTP/1.1 302 Found\r\nlocation: http://example.com/\r\n\r\n",
            false,
        ),
        ("HTTP/1.1 502 Bad Gateway\r\n\r\n<html>", true),
        ("HTTP/1.1 503 Unavailable\r\n\r\n", true),
        ("HTTP/1.1 429 Too Many\r\n\r\n", true),
        ("SSH-2.0-OpenSSH_9.9\r\n\r\n", false),
        ("HTTP/1.1 200 OK\r\n", true),
        ("", true),
    ] {
        let proxy = Proxy::refusing(response);
        let credentials = format!("{USER}:{PASSWORD}@");
        let reply = send_through(&proxy.url("http", &credentials), &server);
        reply.assert_status("not_sent");
        assert_eq!(
            reply.retryable(),
            Some(is_retried),
            "{response:?}: {reply:?}"
        );
        assert_eq!(
            proxy.asked().len(),
            1 + usize::from(is_retried),
            "{response:?}"
        );
        assert!(
            reply.json.get("http_status").is_none(),
            "the API did not answer: {reply:?}"
        );
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn refusal_of_a_socks5_proxy_is_not_sent_and_retried_where_it_may_pass() {
    let server = RawServer::accepting(Scheme::Http);
    for (code, is_retried) in [
        (1, true),
        (2, false),
        (3, true),
        (4, true),
        (5, true),
        (7, false),
    ] {
        let proxy = Proxy::start(move |peer, asked| {
            let _: [u8; 3] = read_array(peer)?;
            peer.send_raw(&[5, 0])?;
            let _: [u8; 10] = read_array(peer)?;
            note(asked, "", "");
            peer.send_raw(&[5, code, 0, 1, 0, 0, 0, 0, 0, 0])
        });
        let reply = send_through(&proxy.url("socks5", ""), &server);
        reply.assert_status("not_sent");
        assert_eq!(reply.retryable(), Some(is_retried), "{code}: {reply:?}");
        assert_eq!(proxy.asked().len(), 1 + usize::from(is_retried), "{code}");
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn connect_is_what_curl_sends_but_for_who_asks() {
    let server = RawServer::accepting(Scheme::Http);
    let proxy = Proxy::refusing("HTTP/1.1 403 Forbidden\r\n\r\n");
    let credentials = format!("{USER}:{PASSWORD}@");
    let target = server.address();
    let version = env!("CARGO_PKG_VERSION");
    let pair = BASE64_STANDARD.encode(format!("{USER}:{PASSWORD}"));
    for (credentials, field) in [
        ("", String::new()),
        (
            &credentials,
            format!("Proxy-Authorization: Basic {pair}\r\n"),
        ),
    ] {
        send_through(&proxy.url("http", credentials), &server).assert_status("not_sent");
        let (head, _) = proxy.asked().pop().expect("a request");
        assert_eq!(
            head,
            format!(
                "CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{field}\
                 User-Agent: zixflow-c/{version}\r\nProxy-Connection: Keep-Alive\r\n\r\n"
            )
        );
    }
}

#[test]
fn response_of_a_proxy_is_read_as_curl_reads_it() {
    let server = RawServer::accepting(Scheme::Https);
    for response in [
        "HTTP/1.1 200 OK\n\n",
        "HTTP/1.0 200 Connection established\nVia: bare\n\n",
        "HTTP/1.1 200 OK\r\nvia: both\n\r\n",
        "HTTP/1.1 200\r\n\r\n",
        "\r\n\nHTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n",
    ] {
        let proxy = Proxy::start(move |peer, asked| {
            let head = read_head(peer)?;
            let target = head.split(' ').nth(1).expect("a target");
            note(asked, target, "");
            peer.send_raw(response.as_bytes())?;
            peer.tunnel(resolve(target)?)
        });
        let reply = send_through(&proxy.url("http", ""), &server);
        assert_eq!(
            (reply.status(), reply.attempts()),
            ("ok", 1),
            "{response:?}: {reply:?}"
        );
    }
}

#[test]
fn response_of_a_proxy_that_does_not_end_is_given_up() {
    let server = RawServer::accepting(Scheme::Http);
    for (begin, more) in [
        ("HTTP/1.1 200 OK\r\n", "a: b\r\n"),
        ("HTTP/1.1 200 OK\r\na: ", "b"),
        ("", "\n"),
        ("220 mail.example ESMTP\r\n", ""),
        ("HTTP/1.1 100 Continue\r\n\r\n", ""),
    ] {
        let proxy = Proxy::start(move |peer, asked| {
            note(asked, &read_head(peer)?, "");
            peer.send_raw(begin.as_bytes())?;
            if more.is_empty() {
                peer.stop();
            }
            loop {
                peer.send_raw(more.as_bytes())?;
            }
        });
        let send = |timeout: Duration| {
            let options = json!({
                "proxy": proxy.url("http", ""),
                "max_retries": 0,
                "connect_timeout_ms": timeout.as_millis(),
            });
            client(&server.options_with(options)).send(&message("tag"))
        };
        let waits = begin.starts_with("HTTP/1.1 100");
        let waited = |reply: &Reply| reply.message().contains("connect_timeout_ms");
        let reply = patiently(send, |reply| waited(reply) == waits);
        reply.assert_status("not_sent");
        assert_eq!(waited(&reply), waits, "{begin:?}: {reply:?}");
    }
    assert_eq!(server.connections(), 0);
}

/// The spellings of the secrets in what a peer says, as JSON, HTML and a URL have them.
fn spellings(secret: &str) -> Vec<String> {
    let escaped = ["/", "\\/", "&#47;", "&#x2F;", "%2F", "%2f"];
    escaped.map(|slash| secret.replace('/', slash)).to_vec()
}

#[test]
fn password_that_a_proxy_repeats_is_in_no_reply() {
    const SECRET: &str = "proxy/pass/5151";
    let server = RawServer::accepting(Scheme::Http);
    let credentials = format!("{USER}:{}@", SECRET.replace('/', "%2F"));
    let pair = BASE64_STANDARD.encode(format!("{USER}:{SECRET}"));
    let mut said = spellings(SECRET);
    said.extend([pair.clone(), pair.replace('=', "%3D")]);
    for said in said {
        for response in [
            format!("HTTP/1.1 407 {said}\r\n\r\n{said}"),
            format!("{said}\r\n\r\n"),
            format!("HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 502 {said}\r\n\r\n{said}"),
            format!(
                "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 502 {said}\r\n\r\n{{\"message\": \"{said}\"}}"
            ),
        ] {
            let proxy = Proxy::refusing(&response);
            let reply = send_through(&proxy.url("http", &credentials), &server);
            for spelling in spellings(SECRET).iter().chain([&said, &pair]) {
                let text = serde_json::to_string(spelling).expect("a string");
                let escaped = text.trim_matches('"');
                assert!(!reply.text.contains(escaped), "{spelling}: {reply:?}");
            }
        }
    }
}

#[test]
fn proxy_that_is_not_there_is_not_sent() {
    let server = RawServer::accepting(Scheme::Http);
    let gone = Proxy::http();
    let url = gone.url("http", &format!("{USER}:{PASSWORD}@"));
    drop(gone);
    let reply = send_through(&url, &server);
    reply.assert_status("not_sent");
    assert_eq!((reply.attempts(), reply.retryable()), (2, Some(true)));
    assert_eq!(server.connections(), 0);
}

/// The reply that a program gets in an environment with these variables, and no other of the kind.
fn send_with_environment(variables: &[(&str, &str)], options: &Value) -> Value {
    let mut command = Command::new(c::compile("tests/c/send.c"));
    command.args([options.to_string(), message("tag")]);
    for name in ["http", "https", "all", "no"] {
        let name = format!("{name}_proxy");
        command.env_remove(name.to_uppercase()).env_remove(name);
    }
    command.envs(variables.iter().copied());
    let finished = c::run(&mut command, b"");
    assert!(!finished.stdout.contains(PASSWORD), "{finished:?}");
    serde_json::from_str(&finished.stdout).unwrap_or_else(|_| panic!("{finished:?}"))
}

/// The options of a server, without one about a proxy.
fn options(server: &RawServer) -> Value {
    let mut options = server.options();
    options.as_object_mut().expect("an object").remove("proxy");
    options
}

#[test]
fn proxy_is_the_one_that_the_environment_names() {
    let cases: [(Scheme, &[&str], bool); 6] = [
        (Scheme::Https, &["HTTPS_PROXY"], true),
        (Scheme::Https, &["https_proxy"], true),
        (Scheme::Https, &["ALL_PROXY"], true),
        (Scheme::Https, &["all_proxy"], true),
        (Scheme::Https, &["HTTP_PROXY", "http_proxy"], false),
        (Scheme::Https, &[], false),
    ];
    for (scheme, names, is_used) in cases {
        let server = RawServer::accepting(scheme);
        let proxy = Proxy::http();
        let url = proxy.url("http", &format!("{USER}:{PASSWORD}@"));
        let variables: Vec<_> = names.iter().map(|name| (*name, url.as_str())).collect();
        let reply = send_with_environment(&variables, &options(&server));
        assert_eq!(reply["status"], "ok", "{scheme:?}, {names:?}: {reply}");
        assert_eq!(
            proxy.asked().len(),
            usize::from(is_used),
            "{scheme:?}, {names:?}"
        );
    }
}

/// Where plain http is allowed, the API is on another machine.
#[test]
fn all_proxy_alone_is_for_plain_http() {
    let server = RawServer::accepting(Scheme::Http);
    let options = json!({
        "base_url": format!("http://api.test:{}", server.address().port()),
        "allow_plain_http": true, "max_retries": 0,
    });
    for (name, is_used) in [
        ("ALL_PROXY", true),
        ("all_proxy", true),
        ("HTTPS_PROXY", false),
        ("https_proxy", false),
        ("HTTP_PROXY", false),
        ("http_proxy", false),
    ] {
        let proxy = Proxy::http();
        let reply = send_with_environment(&[(name, &proxy.url("http", ""))], &options);
        // Only the proxy knows the name.
        let expected = if is_used { "ok" } else { "not_sent" };
        assert_eq!(reply["status"], expected, "{name}: {reply}");
        assert_eq!(proxy.asked().len(), usize::from(is_used), "{name}");
    }
}

/// The API key would go to the proxy in the clear.
#[test]
fn no_proxy_of_the_environment_gets_what_goes_to_this_machine_over_plain_http() {
    let port = RawServer::accepting(Scheme::Http);
    let port = (port.address().port(), port);
    let proxy = Proxy::start(|peer, asked| {
        let head = read_head(peer)?;
        note(asked, &head, "");
        peer.send_raw(b"HTTP/1.1 200 OK\r\n\r\n")?;
        peer.serve()
    });
    let url = proxy.url("http", "");
    let all = [
        "http_proxy",
        "HTTP_PROXY",
        "https_proxy",
        "HTTPS_PROXY",
        "all_proxy",
        "ALL_PROXY",
    ];
    let variables = all.map(|name| (name, url.as_str()));
    for host in LOOPBACK {
        let base_url = format!("http://{host}:{}", port.0);
        for allow_plain_http in [false, true] {
            let options = json!({ "base_url": base_url, "allow_plain_http": allow_plain_http });
            let reply = send_with_environment(&variables, &options);
            assert_eq!(proxy.asked(), [], "{host}: {reply}");
        }
    }
    for name in all {
        let options = json!({ "base_url": port.1.base_url() });
        let reply = send_with_environment(&[(name, &url)], &options);
        assert_eq!(reply["status"], "ok", "{name}: {reply}");
        assert_eq!(proxy.asked(), [], "{name}");
    }
}

/// Each spelling of this machine that a `base_url` may have. Nobody may listen at some.
const LOOPBACK: [&str; 12] = [
    "127.0.0.1",
    "127.1.2.3",
    "localhost",
    "LocalHost",
    "localhost.",
    "api.localhost",
    "A.B.LOCALHOST.",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::FFFF:7f00:1]",
    "[::ffff:127.255.255.254]",
];

#[test]
fn named_proxy_gets_what_goes_to_this_machine_over_plain_http_only_where_that_is_allowed() {
    for host in LOOPBACK {
        for proxy in
            ["http", "socks5", "socks5h"].map(|scheme| format!("{scheme}://u:pw5151@[::1]:1"))
        {
            let base_url = format!("http://{host}:1");
            let mut options = json!({
                "base_url": base_url, "proxy": proxy, "allow_plain_http": false,
            });
            let refusal = Client::new(&options).err().expect("a refusal");
            refusal.assert_status("invalid_argument");
            let message = refusal.message();
            assert!(
                message.starts_with("proxy ") && message.contains("allow_plain_http"),
                "{message}"
            );
            assert!(!refusal.text.contains("pw5151"), "{refusal:?}");
            for (key, value) in [
                ("allow_plain_http", json!(true)),
                ("base_url", json!(format!("https://{host}:1"))),
                ("proxy", json!("")),
            ] {
                let before = std::mem::replace(&mut options[key], value);
                client(&options);
                options[key] = before;
            }
        }
    }
}

#[test]
fn https_proxy_goes_before_all_proxy() {
    let server = RawServer::accepting(Scheme::Https);
    let (used, unused) = (Proxy::socks5(), Proxy::socks5());
    let (used_url, unused_url) = (used.url("socks5", ""), unused.url("socks5", ""));
    let variables = [
        ("ALL_PROXY", unused_url.as_str()),
        ("HTTPS_PROXY", used_url.as_str()),
    ];
    let reply = send_with_environment(&variables, &options(&server));
    assert_eq!(reply["status"], "ok", "{reply}");
    assert_eq!((used.asked().len(), unused.asked().len()), (1, 0));
}

#[test]
fn no_proxy_lists_the_hosts_that_need_none() {
    let server = RawServer::accepting(Scheme::Https);
    let port = server.address().port();
    let with_port = format!("127.0.0.1:{port}");
    let cases = [
        ("*", true),
        ("127.0.0.1", true),
        ("example.com, 127.0.0.1", true),
        ("example.com 127.0.0.1", true),
        (with_port.as_str(), true),
        ("127.0.0.1:1", false),
        ("example.com", false),
        ("7.0.0.1", false),
        ("10.0.0.0/8,127.0.0.0/8", true),
        ("10.0.0.0/8", false),
        ("", false),
    ];
    for (list, is_exempt) in cases {
        let proxy = Proxy::http();
        let url = proxy.url("http", "");
        for name in ["NO_PROXY", "no_proxy"] {
            let before = proxy.asked().len();
            let variables = [("ALL_PROXY", url.as_str()), (name, list)];
            let reply = send_with_environment(&variables, &options(&server));
            assert_eq!(reply["status"], "ok", "{reply}");
            let asked = proxy.asked().len() - before;
            assert_eq!(asked, usize::from(!is_exempt), "{name}={list:?}");
        }
    }
}

#[test]
fn no_proxy_covers_what_is_below_a_domain() {
    let cases = [
        ("test", true),
        (".test", true),
        ("*.test", true),
        ("API.Test", true),
        ("pi.test", false),
        ("v1.api.test", false),
    ];
    let server = RawServer::accepting(Scheme::Http);
    let base_url = format!("http://api.test:{}", server.address().port());
    for (list, is_exempt) in cases {
        let proxy = Proxy::http();
        let url = proxy.url("http", "");
        let variables = [("ALL_PROXY", url.as_str()), ("NO_PROXY", list)];
        let options = json!({ "base_url": base_url, "allow_plain_http": true, "max_retries": 0 });
        // Only the proxy knows the name.
        let expected = if is_exempt { "not_sent" } else { "ok" };
        let reply = send_with_environment(&variables, &options);
        assert_eq!(reply["status"], expected, "{list:?}: {reply}");
        assert_eq!(proxy.asked().len(), usize::from(!is_exempt), "{list:?}");
    }
}

#[test]
fn option_goes_before_the_environment() {
    let server = RawServer::accepting(Scheme::Https);
    let (named, unused) = (Proxy::http(), Proxy::http());
    let unused_url = unused.url("http", "");
    let variables = [("HTTPS_PROXY", unused_url.as_str()), ("NO_PROXY", "*")];
    let mut options = options(&server);
    options["proxy"] = json!(named.url("http", ""));
    assert_eq!(send_with_environment(&variables, &options)["status"], "ok");
    assert_eq!(named.asked().len(), 1);
    options["proxy"] = json!("");
    assert_eq!(
        send_with_environment(&variables[..1], &options)["status"],
        "ok"
    );
    assert!(unused.asked().is_empty());
}

#[test]
fn bad_proxy_in_the_environment_is_refused_by_the_name_of_its_variable() {
    let server = RawServer::accepting(Scheme::Https);
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        let url = format!("ftp://{USER}:{PASSWORD}@127.0.0.1:1");
        let reply = send_with_environment(&[(name, &url)], &options(&server));
        assert_eq!(reply["status"], "invalid_argument", "{reply}");
        let message = reply["message"].as_str().expect("a message");
        assert!(message.contains(name), "{message}");
    }
}
