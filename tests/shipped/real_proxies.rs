//! Real proxies: squid, tinyproxy, microsocks, dante. Each lets through who it knows and nobody
//! else, and what the library says of it is true.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::real::service::{OUTPUT, Place, Service, find};
use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::json;
use support::api::{Reply, client, message};
use support::raw_server::{RawServer, SCHEMES};

const WRONG_PASSWORD: &str = "wrong%41 5151";

/// A proxy that knows one user.
struct Proxy {
    service: Service,
    scheme: &'static str,
    user: &'static str,
    password: &'static str,
    /// What the sentence says of a user or password that it does not know.
    refusal: &'static str,
    /// The file of which some line tells that a way was opened, and which line that is.
    log: &'static str,
    opened: fn(line: &str, target: SocketAddr) -> bool,
}

impl Proxy {
    fn url(&self, credentials: &str) -> String {
        let address = self.service.place.address(0);
        format!("{}://{credentials}{address}", self.scheme)
    }

    /// How often the way to `target` was opened, by what the proxy itself wrote.
    fn times_opened(&self, target: SocketAddr) -> usize {
        let log = self.service.place.read(self.log);
        log.lines()
            .filter(|line| (self.opened)(line, target))
            .count()
    }

    /// It may write when it closes the way, which is after the client has.
    fn await_opened(&self, target: SocketAddr, times: usize) {
        let started = Instant::now();
        while self.times_opened(target) != times {
            let log = self.service.place.read(self.log);
            let waited = started.elapsed();
            assert!(waited < Duration::from_secs(20), "no {target} in:\n{log}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// What this proxy must show with each kind of target.
    fn assert_lets_through_who_it_knows(&self) {
        for scheme in SCHEMES {
            let server = RawServer::accepting(scheme);
            let target = server.address();
            let opened_before = self.times_opened(target);
            let send = |credentials: &str| {
                let proxy = self.url(credentials);
                let client = client(&server.options_with(json!({ "proxy": proxy })));
                [
                    client.send(&message("first")),
                    client.send(&message("second")),
                ]
            };

            for (user, password) in [
                (self.user, WRONG_PASSWORD),
                ("nobody-5151", self.password),
                (self.user, ""),
            ] {
                // SOCKS5 has no empty password, and the client is not made with one.
                if password.is_empty() && self.scheme == "socks5" {
                    continue;
                }
                for reply in send(&credentials(user, password)) {
                    assert_refused(&reply, self.refusal);
                    assert_no_secret(&reply, user, password);
                }
            }
            for reply in send("") {
                assert_refused(&reply, "requires authentication");
            }
            assert_eq!(server.connections(), 0);
            assert_eq!(self.times_opened(target), opened_before);

            for reply in send(&credentials(self.user, self.password)) {
                reply.assert_status("ok");
                assert_eq!(reply.attempts(), 1, "{reply:?}");
                assert_no_secret(&reply, self.user, self.password);
            }
            // One way serves both.
            assert_eq!((server.requests().len(), server.connections()), (2, 1));
            self.await_opened(target, opened_before + 1);
        }
    }

    /// The proxy lets the client in, and the API is not there.
    fn assert_tells_of_a_target_that_is_gone(&self) {
        let server = RawServer::accepting(SCHEMES[0]);
        let options = server.options_with(json!({
            "proxy": self.url(&credentials(self.user, self.password)),
            "max_retries": 1,
        }));
        let target = server.address();
        drop(server);
        let reply = client(&options).send(&message("tag"));
        reply.assert_status("not_sent");
        let expected = (2, Some(true));
        assert_eq!((reply.attempts(), reply.retryable()), expected, "{reply:?}");
        assert!(reply.message().contains("the proxy "), "{reply:?}");
        assert!(reply.message().contains(&target.to_string()), "{reply:?}");
        assert_no_secret(&reply, self.user, self.password);
    }
}

fn assert_refused(reply: &Reply, reason: &str) {
    reply.assert_status("not_sent");
    let expected = (1, Some(false));
    assert_eq!((reply.attempts(), reply.retryable()), expected, "{reply:?}");
    for words in ["the proxy ", reason] {
        assert!(reply.message().contains(words), "{reply:?}");
    }
    assert!(reply.json.get("http_status").is_none(), "{reply:?}");
}

/// In no spelling in which it travelled.
fn assert_no_secret(reply: &Reply, user: &str, password: &str) {
    let spellings = [
        password.to_owned(),
        encoded(password),
        BASE64_STANDARD.encode(format!("{user}:{password}")),
    ];
    for spelling in spellings.iter().filter(|it| !it.is_empty()) {
        assert!(!reply.text.contains(spelling), "{reply:?}");
    }
}

/// The part of a URL that says who asks.
fn credentials(user: &str, password: &str) -> String {
    format!("{}:{}@", encoded(user), encoded(password))
}

fn encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

/// Something as crypt(3) keeps it: what `openssl passwd -6 -salt zixflow 'pass%41 100%'` prints.
const STRANGE_PASSWORD: &str = "pass%41 100%";
const STRANGE_PASSWORD_HASH: &str = "$6$zixflow$ZG7x8GbLXKLBKIYN7g6x//O.8uT5Ejxl/ob1QyDJcIr1Gf.\
                                     Yh2v/PD6x1iDXSUt7IkUNk/hU/nya85emLr80Q/";

#[test]
fn squid() {
    const USER: &str = "acme service";
    let (Some(program), Some(helper)) = (find("squid"), find("basic_ncsa_auth")) else {
        return;
    };
    let proxy = Proxy {
        service: Service::start(1, |place| squid_command(&program, &helper, USER, place)),
        scheme: "http",
        user: USER,
        password: STRANGE_PASSWORD,
        refusal: "user and password",
        log: "access.log",
        opened: |line, target| line.contains(&format!("TCP_TUNNEL/200 CONNECT {target} ")),
    };
    proxy.assert_lets_through_who_it_knows();
    proxy.assert_tells_of_a_target_that_is_gone();
}

fn squid_command(program: &Path, helper: &Path, user: &str, place: &Place) -> Command {
    let directory = place.directory().display();
    let configuration = format!(
        "
        http_port {address}
        auth_param basic program {helper} {passwords}
        auth_param basic children 1
        auth_param basic realm test
        acl known proxy_auth REQUIRED
        acl tunnel method CONNECT
        http_access allow tunnel known
        http_access deny all
        logformat plain %Ss/%>Hs %rm %ru %un
        access_log stdio:{directory}/access.log plain
        cache_log /dev/null
        pid_filename none
        cache deny all
        coredump_dir none
        pinger_enable off
        shutdown_lifetime 0 seconds
        max_filedescriptors 512
        visible_hostname localhost
        ",
        address = place.address(0),
        helper = helper.display(),
        passwords = place
            .write("passwords", &format!("{user}:{STRANGE_PASSWORD_HASH}"))
            .display(),
    );
    let mut command = Command::new(program);
    command
        .args(["-N", "-d", "1", "-f"])
        .arg(place.write("squid.conf", &configuration));
    command
}

#[test]
fn tinyproxy() {
    let Some(program) = find("tinyproxy") else {
        return;
    };
    let proxy = Proxy {
        service: Service::start(1, |place| tinyproxy_command(&program, place)),
        scheme: "http",
        user: "acme-service",
        password: "pass.5151",
        // Where others say 407.
        refusal: "(401)",
        log: OUTPUT,
        opened: |line, target| {
            line.contains(&format!(
                "Established connection to host \"{}\"",
                target.ip()
            ))
        },
    };
    proxy.assert_lets_through_who_it_knows();
    proxy.assert_tells_of_a_target_that_is_gone();
}

/// It takes only letters, digits, dots, dashes and underscores in a user's name and password.
fn tinyproxy_command(program: &Path, place: &Place) -> Command {
    let configuration = format!(
        "
        Listen {address}
        Port {port}
        BasicAuth acme-service pass.5151
        LogLevel Info
        Timeout 30
        ",
        address = place.address(0).ip(),
        port = place.address(0).port(),
    );
    let mut command = Command::new(program);
    command
        .args(["-d", "-c"])
        .arg(place.write("tinyproxy.conf", &configuration));
    command
}

#[test]
fn microsocks() {
    let Some(program) = find("microsocks") else {
        return;
    };
    let proxy = Proxy {
        service: Service::start(1, |place| {
            let address = place.address(0);
            let mut command = Command::new(&program);
            command
                .args(["-i", &address.ip().to_string()])
                .args(["-p", &address.port().to_string()])
                .args(["-u", "acme service", "-P", STRANGE_PASSWORD]);
            command
        }),
        scheme: "socks5",
        user: "acme service",
        password: STRANGE_PASSWORD,
        refusal: "user and password",
        log: OUTPUT,
        opened: |line, target| line.ends_with(&format!("connected to {target}")),
    };
    proxy.assert_lets_through_who_it_knows();
    proxy.assert_tells_of_a_target_that_is_gone();
}

#[test]
fn dante() {
    // Its users are the machine's. The wrapper has it see a user who is only in our files.
    let (Some(program), Some(wrapper)) = (find("danted"), find("libnss_wrapper.so")) else {
        return;
    };
    let proxy = Proxy {
        service: Service::start(1, |place| dante_command(&program, &wrapper, place)),
        scheme: "socks5",
        user: "acme-service",
        password: STRANGE_PASSWORD,
        refusal: "user and password",
        log: OUTPUT,
        opened: |line, target| {
            let target = format!("{}.{}", target.ip(), target.port());
            line.contains("pass(1): tcp/connect [") && line.ends_with(&target)
        },
    };
    proxy.assert_lets_through_who_it_knows();
    proxy.assert_tells_of_a_target_that_is_gone();
}

fn dante_command(program: &Path, wrapper: &Path, place: &Place) -> Command {
    let id = Command::new("id").arg("-un").output().expect("an id");
    let me = String::from_utf8(id.stdout).expect("UTF-8");
    let configuration = format!(
        "
        logoutput: stderr
        internal: {address} port = {port}
        external: {address}
        user.privileged: {me}
        user.unprivileged: {me}
        clientmethod: none
        socksmethod: username
        client pass {{ from: 127.0.0.0/8 to: 127.0.0.0/8 log: error }}
        socks pass {{ from: 127.0.0.0/8 to: 127.0.0.0/8 log: connect error }}
        ",
        me = me.trim(),
        address = place.address(0).ip(),
        port = place.address(0).port(),
    );
    let mut users = fs::read_to_string("/etc/passwd").expect("a file for all");
    users.push_str("acme-service:x:61234:61234::/nonexistent:/usr/sbin/nologin");
    let shadow = format!("acme-service:{STRANGE_PASSWORD_HASH}:20000:0:99999:7:::");
    let mut command = Command::new(program);
    command
        .arg("-f")
        .arg(place.write("danted.conf", &configuration))
        .env("LD_PRELOAD", wrapper)
        .env("NSS_WRAPPER_PASSWD", place.write("passwd", &users))
        .env("NSS_WRAPPER_SHADOW", place.write("shadow", &shadow))
        .env("NSS_WRAPPER_GROUP", "/etc/group");
    command
}
