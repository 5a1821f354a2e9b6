//! TLS as others speak it: servers that require a client certificate, and one that tells what it hears.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::api::{Client, client, message};
use support::c;

use crate::real::certificate::identity;
use crate::real::service::{OUTPUT, Place, Service, find};

const SENDS: usize = 100;

/// Generous: only a hang reaches it.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Version {
    Tls12,
    Tls13,
}

const VERSIONS: [Version; 2] = [Version::Tls12, Version::Tls13];

impl Version {
    /// As a server's configuration has it.
    fn named(self, tls12: &'static str, tls13: &'static str) -> &'static str {
        match self {
            Version::Tls12 => tls12,
            Version::Tls13 => tls13,
        }
    }
}

/// Writes what a server needs: certificate and key in one file, and the authority that signed it, which
/// is to have signed the clients', too.
fn write_identity(place: &Place) {
    let identity = identity();
    place.write("authority.pem", &identity.authority);
    place.write(
        "identity.pem",
        &format!("{}{}", identity.certificate, identity.key),
    );
}

fn options(server: &Service) -> Value {
    json!({
        "base_url": format!("https://{}", server.place.address(0)),
        "ca_file": server.place.path("authority.pem"), "proxy": "",
    })
}

fn openssl(program: &Path, place: &Place, version: Version, more: &str) -> Command {
    write_identity(place);
    let mut command = Command::new("sh");
    command.args([
        "-c",
        &format!(
            "exec {} s_server -accept {} -cert identity.pem -key identity.pem {} {more}",
            program.display(),
            place.address(0),
            version.named("-tls1_2", "-tls1_3"),
        ),
    ]);
    command
}

fn haproxy(program: &Path, place: &Place, version: Version) -> Command {
    write_identity(place);
    let version = version.named("TLSv1.2", "TLSv1.3");
    let configuration = format!(
        "
        defaults
            mode http
            timeout connect 5s
            timeout client 30s
            timeout server 30s
        frontend gateway
            bind {} ssl crt identity.pem ca-file authority.pem verify required ssl-min-ver {version} ssl-max-ver {version}
            http-request return status 202
        ",
        place.address(0),
    );
    let mut command = Command::new(program);
    let file = place.write("haproxy.cfg", &configuration);
    command.args(["-db", "-f"]).arg(file);
    command
}

fn apache(program: &Path, place: &Place, version: Version) -> Command {
    write_identity(place);
    let directory = place.directory().display();
    let modules: String = ["mpm_event", "authz_core", "socache_shmcb", "ssl"]
        .map(|it| format!("LoadModule {it}_module /usr/lib/apache2/modules/mod_{it}.so\n"))
        .concat();
    let configuration = format!(
        "
        {modules}
        ServerRoot {directory}
        DefaultRuntimeDir {directory}
        PidFile {directory}/pid
        ServerName localhost
        User #65534
        Group #65534
        ErrorLog /dev/stderr
        Listen {address}
        <VirtualHost {address}>
            SSLEngine on
            SSLProtocol {version}
            SSLCertificateFile {directory}/identity.pem
            SSLCACertificateFile {directory}/authority.pem
            SSLVerifyClient require
        </VirtualHost>
        ",
        address = place.address(0),
        version = version.named("TLSv1.2", "TLSv1.3"),
    );
    let mut command = Command::new(program);
    let file = place.write("apache.conf", &configuration);
    command.args(["-D", "FOREGROUND", "-f"]).arg(file);
    command
}

fn nginx(program: &Path, place: &Place, version: Version) -> Command {
    write_identity(place);
    let directory = place.directory().display();
    let configuration = format!(
        "
        daemon off;
        pid {directory}/pid;
        error_log stderr notice;
        events {{ }}
        http {{
            access_log off;
            client_body_temp_path {directory}/client_body;
            proxy_temp_path {directory}/proxy;
            fastcgi_temp_path {directory}/fastcgi;
            uwsgi_temp_path {directory}/uwsgi;
            scgi_temp_path {directory}/scgi;
            server {{
                listen {address} ssl;
                ssl_protocols {version};
                ssl_certificate {directory}/identity.pem;
                ssl_certificate_key {directory}/identity.pem;
                ssl_client_certificate {directory}/authority.pem;
                ssl_verify_client on;
                location / {{ return 202; }}
            }}
        }}
        ",
        address = place.address(0),
        version = version.named("TLSv1.2", "TLSv1.3"),
    );
    place.write("nginx.conf", &configuration);
    let mut command = Command::new(program);
    command
        .arg("-p")
        .arg(place.directory())
        .args(["-c", "nginx.conf", "-e", "stderr"]);
    command
}

/// Sends to a server that ends the handshake for want of a certificate.
fn assert_refused_in_the_handshake(
    name: &str,
    program: &str,
    command: impl Fn(&Path, &Place, Version) -> Command,
) {
    let Some(program) = find(program) else { return };
    for version in VERSIONS {
        let server = Service::start(1, |place| command(&program, place, version));
        let client = client(&options(&server));
        for number in 0..SENDS {
            let reply = client.send(&message(&number.to_string()));
            let case = format!("{name}, {version:?}, {number}: {reply:?}");
            assert_eq!(reply.status(), "not_sent", "{case}");
            assert_eq!(
                (reply.attempts(), reply.retryable()),
                (1, Some(false)),
                "{case}"
            );
            assert!(reply.message().contains("client certificate"), "{case}");
        }
        assert_eq!(
            client.stats()["calls_not_sent"],
            SENDS,
            "{name}, {version:?}"
        );
    }
}

#[test]
fn openssl_that_requires_a_client_certificate_has_read_nothing() {
    assert_refused_in_the_handshake("OpenSSL", "openssl", |program, place, version| {
        openssl(
            program,
            place,
            version,
            "-www -Verify 1 -verify_return_error -CAfile authority.pem",
        )
    });
}

#[test]
fn haproxy_that_requires_a_client_certificate_has_read_nothing() {
    assert_refused_in_the_handshake("HAProxy", "haproxy", haproxy);
}

#[test]
fn apache_that_requires_a_client_certificate_has_read_nothing() {
    assert_refused_in_the_handshake("Apache", "apache2", apache);
}

/// It completes the handshake, and refuses the request by HTTP.
#[test]
fn nginx_that_requires_a_client_certificate_refuses_the_request() {
    let Some(program) = find("nginx") else { return };
    for version in VERSIONS {
        let server = Service::start(1, |place| nginx(&program, place, version));
        let client = client(&options(&server));
        for number in 0..SENDS {
            let reply = client.send(&message(&number.to_string()));
            let case = format!("{version:?}, {number}: {reply:?}");
            assert_eq!(reply.status(), "rejected", "{case}");
            assert_eq!(
                (reply.attempts(), reply.retryable()),
                (1, Some(false)),
                "{case}"
            );
            let response = reply.json["response"].as_str().expect("a page");
            assert!(response.contains("No required SSL certificate"), "{case}");
        }
    }
}

/// `openssl s_server`, which prints what it is sent and what TLS says beside it, and sends what it is
/// told.
struct Listener {
    server: Service,
    input: File,
}

impl Listener {
    fn start(program: &Path, version: Version) -> Self {
        let server = Service::start(1, |place| {
            let made = Command::new("mkfifo").arg(place.path("input")).status();
            assert!(made.expect("coreutils").success());
            openssl(program, place, version, "-msg <>input")
        });
        let input = OpenOptions::new()
            .write(true)
            .open(server.place.path("input"));
        Listener {
            input: input.expect("it is read"),
            server,
        }
    }

    fn output(&self) -> String {
        self.server.place.read(OUTPUT)
    }

    /// How often a client has announced the end of a connection.
    fn announced(&self) -> usize {
        let output = self.output();
        let lines = output.lines().filter(|line| line.starts_with("<<<"));
        lines.filter(|line| line.contains("close_notify")).count()
    }

    fn await_true(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        let started = Instant::now();
        while !condition(self) {
            assert!(
                started.elapsed() < PATIENCE,
                "{what} in:\n{}",
                self.output()
            );
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Accepts the next message, which is the so manieth, once it is there.
    fn accept(&mut self, number: usize) {
        self.await_true("no message", |it| {
            it.output().matches("post_back_data").count() >= number
        });
        let response = b"HTTP/1.1 202 Accepted\r\ncontent-length: 16\r\n\r\n{\"success\":true}";
        self.input.write_all(response).expect("it reads");
    }
}

type Close = (&'static str, Value, fn(&mut Listener, Client));

#[test]
fn openssl_hears_the_end_of_each_connection() {
    let Some(program) = find("openssl") else {
        return;
    };
    let closes: [Close; 3] = [
        ("freed", json!({}), |_, client| drop(client)),
        ("shut down", json!({}), |_, client| {
            client.shut_down();
            std::mem::forget(client);
        }),
        (
            "idle for too long",
            json!({ "idle_timeout_ms": 1 }),
            |listener, client| {
                thread::scope(|scope| {
                    thread::sleep(Duration::from_millis(20));
                    // The next call closes it, and opens another.
                    scope.spawn(|| client.send(&message("next")).assert_status("ok"));
                    listener.accept(2);
                });
                std::mem::forget(client);
            },
        ),
    ];
    for version in VERSIONS {
        for (case, more, close) in &closes {
            let mut listener = Listener::start(&program, version);
            let mut options = options(&listener.server);
            options
                .as_object_mut()
                .expect("an object")
                .extend(more.as_object().expect("one").clone());
            let client = client(&options);
            thread::scope(|scope| {
                scope.spawn(|| client.send(&message("first")).assert_status("ok"));
                listener.accept(1);
            });
            assert_eq!(listener.announced(), 0, "{version:?}, {case}");
            close(&mut listener, client);
            listener.await_true(case, |it| it.announced() == 1);
        }
    }
}

#[test]
fn openssl_hears_nothing_of_a_child_that_is_done_with_its_parents_client() {
    let Some(program) = find("openssl") else {
        return;
    };
    for version in VERSIONS {
        let mut listener = Listener::start(&program, version);
        let options = options(&listener.server).to_string();
        let program = c::compile("tests/c/fork_and_close.c");
        thread::scope(|scope| {
            let host = scope.spawn(|| c::run(Command::new(program).arg(options), b""));
            listener.accept(1);
            // All children have come to their end before the second is sent.
            listener.await_true("no message", |it| {
                it.output().matches("post_back_data").count() == 2
            });
            assert_eq!(listener.announced(), 0, "{}", listener.output());
            listener.accept(2);
            let finished = host.join().expect("no panic");
            assert_eq!(finished.code(), 0, "{finished:?}");
        });
        listener.await_true("no end", |it| it.announced() == 1);
    }
}
