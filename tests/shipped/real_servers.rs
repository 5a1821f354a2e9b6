//! Real web servers as gateways before the API: nginx, HAProxy, Apache. Whatever they do to a
//! connection, the books balance: what a call said of its message is what became of it.

use std::collections::{BTreeSet, HashMap};
use std::io::Write;
use std::iter;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::real::certificate::identity;
use crate::real::service::{Place, Service, find};
use crate::real::upstream::{Accepted, PASSED_BY, Upstream};
use serde_json::{Value, json};
use support::api::{Client, Reply, client, message};
use support::raw_server::{SCHEMES, Scheme};

/// Calls, each with its message's tag.
type Calls = Vec<(String, Reply)>;

/// How many of a hundred outcomes may be unknown: a send that crosses the server's closing of the
/// connection is one, which is rare.
const UNKNOWN_PER_CENT: usize = 10;

/// A gateway listens for HTTP at its first port, and for HTTPS at its second.
fn options(gateway: &Service, scheme: Scheme) -> Value {
    let place = &gateway.place;
    let base_url = match scheme {
        Scheme::Http => format!("http://{}", place.address(0)),
        Scheme::Https => format!("https://{}", place.address(1)),
    };
    json!({ "base_url": base_url, "ca_file": place.path("authority.pem"), "proxy": "" })
}

/// Writes what a gateway needs for TLS: the PEM file of its certificate and key.
fn write_identity(place: &Place) -> PathBuf {
    let identity = identity();
    place.write("authority.pem", &identity.authority);
    let both = format!("{}{}", identity.certificate, identity.key);
    place.write("identity.pem", &both)
}

fn send(client: &Client, tag: String) -> (String, Reply) {
    let reply = client.send(&message(&tag));
    (tag, reply)
}

/// Holds what the calls said to what the API accepted, prints the sums, and returns how many
/// outcomes are unknown.
fn balance(gateway: &str, calls: &Calls, accepted: &[Accepted]) -> usize {
    let mut times: HashMap<&str, usize> = HashMap::new();
    for it in accepted {
        *times.entry(&it.tag).or_default() += 1;
    }
    let mut sums: HashMap<&str, usize> = HashMap::new();
    let mut unknown_but_accepted = 0;
    for (tag, reply) in calls {
        let times = times.remove(tag.as_str()).unwrap_or_default();
        match reply.status() {
            "ok" => {
                assert_eq!(times, 1, "{gateway}: {tag} was accepted: {reply:?}");
                assert_eq!(reply.request_id(), Some(tag.as_str()), "{gateway}");
            }
            "outcome_unknown" => {
                assert!(times <= 1, "{gateway}: {tag}, {times} times: {reply:?}");
                unknown_but_accepted += times;
            }
            _ => assert_eq!(times, 0, "{gateway}: {tag} was not accepted: {reply:?}"),
        }
        *sums.entry(reply.status()).or_default() += 1;
    }
    assert!(times.is_empty(), "{gateway}: nobody sent {times:?}");

    let unknown = sums.get("outcome_unknown").copied().unwrap_or_default();
    let retried = calls.iter().filter(|(_, reply)| reply.attempts() > 1);
    let retried = retried.count();
    let words = calls.iter().map(|(_, reply)| reply);
    let words: BTreeSet<_> = words
        .filter(|reply| reply.status() != "ok")
        .map(Reply::message)
        .collect();
    // Past the capture of a test's output: the sums are worth knowing of a test that passes, too.
    let _ = writeln!(
        std::io::stderr(),
        "{gateway}: {} calls, {sums:?}, {retried} tried again, {unknown_but_accepted} of \
         {unknown} unknown were accepted {words:?}",
        calls.len()
    );
    let ok = sums.get("ok").copied().unwrap_or_default();
    assert_eq!(ok + unknown, calls.len(), "{gateway}: {words:?}");
    assert!(
        unknown * 100 <= calls.len() * UNKNOWN_PER_CENT,
        "{gateway}: {unknown} of {} are unknown: {words:?}",
        calls.len()
    );
    unknown
}

/// With one worker at a time, which says its process id. One that a reload replaces has `patience`
/// to finish what it has in its hands.
fn nginx(program: &Path, place: &Place, upstream: &Upstream, patience: &str) -> Command {
    let directory = place.directory().display();
    let configuration = format!(
        r#"
        daemon off;
        worker_processes 1;
        worker_shutdown_timeout {patience};
        pid {directory}/pid;
        error_log stderr notice;
        events {{ worker_connections 512; }}
        http {{
            access_log off;
            client_body_temp_path {directory}/client_body;
            proxy_temp_path {directory}/proxy;
            fastcgi_temp_path {directory}/fastcgi;
            uwsgi_temp_path {directory}/uwsgi;
            scgi_temp_path {directory}/scgi;
            upstream api {{ server {upstream}; keepalive 16; }}
            server {{
                listen {http};
                listen {https} ssl;
                ssl_certificate {identity};
                ssl_certificate_key {identity};
                location / {{
                    proxy_pass http://api;
                    proxy_http_version 1.1;
                    proxy_set_header Connection "";
                    proxy_set_header {PASSED_BY} $pid;
                }}
            }}
        }}
        "#,
        upstream = upstream.address,
        http = place.address(0),
        https = place.address(1),
        identity = write_identity(place).display(),
    );
    place.write("nginx.conf", &configuration);
    nginx_command(program, place)
}

fn nginx_command(program: &Path, place: &Place) -> Command {
    let mut command = Command::new(program);
    command
        .arg("-p")
        .arg(place.directory())
        .args(["-c", "nginx.conf", "-e", "stderr"]);
    command
}

#[test]
fn books_balance_while_nginx_is_reloaded_under_load() {
    let Some(program) = find("nginx") else { return };
    reload_under_load("nginx, reloaded", &program, "30s");
}

/// The worst that it can do: the API has a message, and the connection on which the response would
/// come is closed.
#[test]
fn books_balance_while_nginx_is_reloaded_and_drops_what_it_has_in_its_hands() {
    let Some(program) = find("nginx") else { return };
    let unknown = reload_under_load("nginx, reloaded without patience", &program, "1ms");
    assert!(unknown > 0, "nothing was in its hands");
}

/// Returns how many outcomes are unknown.
fn reload_under_load(name: &str, program: &Path, patience: &str) -> usize {
    const RELOADS: usize = 4;
    const THREADS: usize = 4;
    const SENDS: usize = 300;
    const ALL_SENDS: usize = SCHEMES.len() * THREADS * SENDS;

    let upstream = Upstream::start().expect("a server");
    let gateway = Service::start(2, |place| nginx(program, place, &upstream, patience));
    let clients = SCHEMES.map(|scheme| (scheme, client(&options(&gateway, scheme))));
    let done = AtomicUsize::new(0);

    let calls: Calls = thread::scope(|scope| {
        let threads: Vec<_> = clients
            .iter()
            .flat_map(|client| iter::repeat_n(client, THREADS))
            .enumerate()
            .map(|(number, (scheme, client))| {
                let done = &done;
                scope.spawn(move || {
                    let send = |count| {
                        let call = send(client, format!("{scheme:?}-{number}-{count}"));
                        done.fetch_add(1, Ordering::SeqCst);
                        // So that a connection is now in use and now at rest.
                        thread::sleep(Duration::from_micros(fastrand::u64(0..5_000)));
                        call
                    };
                    (0..SENDS).map(send).collect::<Calls>()
                })
            })
            .collect();
        for reload in 1..=RELOADS {
            let due = ALL_SENDS * reload / (RELOADS + 1);
            while done.load(Ordering::SeqCst) < due {
                thread::sleep(Duration::from_millis(1));
            }
            let mut command = nginx_command(program, &gateway.place);
            let output = command.args(["-s", "reload"]).output();
            let output = output.expect("nginx can be run");
            assert!(output.status.success(), "{output:?}");
        }
        threads
            .into_iter()
            .flat_map(|thread| thread.join().expect("a thread does not panic"))
            .collect()
    });

    drop(clients);
    drop(gateway);
    let accepted = upstream.finish();
    let workers: BTreeSet<_> = accepted.iter().map(|it| &it.passed_by).collect();
    assert_eq!(workers.len(), RELOADS + 1, "{workers:?}");
    balance(name, &calls, &accepted)
}

fn haproxy(program: &Path, place: &Place, upstream: &Upstream) -> Command {
    let configuration = format!(
        "
        global
            maxconn 512
        defaults
            mode http
            timeout connect 5s
            timeout client 30s
            timeout server 30s
            timeout http-keep-alive 1s
        frontend gateway
            bind {http}
            bind {https} ssl crt {identity}
            default_backend api
        backend api
            server api {upstream}
        ",
        upstream = upstream.address,
        http = place.address(0),
        https = place.address(1),
        identity = write_identity(place).display(),
    );
    let mut command = Command::new(program);
    command
        .args(["-db", "-f"])
        .arg(place.write("haproxy.cfg", &configuration));
    command
}

#[test]
fn books_balance_with_an_haproxy_that_keeps_a_connection_for_a_second() {
    let Some(program) = find("haproxy") else {
        return;
    };
    send_as_connections_expire("HAProxy, keep-alive 1 s", |place, upstream| {
        haproxy(&program, place, upstream)
    });
}

fn apache(program: &Path, place: &Place, upstream: &Upstream) -> Command {
    let directory = place.directory().display();
    let modules: String = [
        "mpm_event",
        "authz_core",
        "proxy",
        "proxy_http",
        "socache_shmcb",
        "ssl",
    ]
    .map(|name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"))
    .concat();
    let configuration = format!(
        "
        {modules}
        ServerRoot {directory}
        DefaultRuntimeDir {directory}
        PidFile {directory}/pid
        ServerName localhost
        # Whoever starts it but root stays who they are.
        User #65534
        Group #65534
        ErrorLog /dev/stderr
        KeepAlive On
        KeepAliveTimeout 1
        MaxKeepAliveRequests 0
        Listen {http}
        Listen {https}
        ProxyPass / http://{upstream}/
        <VirtualHost {https}>
            SSLEngine on
            SSLCertificateFile {identity}
            ProxyPass / http://{upstream}/
        </VirtualHost>
        ",
        upstream = upstream.address,
        http = place.address(0),
        https = place.address(1),
        identity = write_identity(place).display(),
    );
    let mut command = Command::new(program);
    command
        .args(["-D", "FOREGROUND", "-f"])
        .arg(place.write("apache.conf", &configuration));
    command
}

#[test]
fn books_balance_with_an_apache_that_keeps_a_connection_for_a_second() {
    let Some(program) = find("apache2") else {
        return;
    };
    send_as_connections_expire("Apache, keep-alive 1 s", |place, upstream| {
        apache(&program, place, upstream)
    });
}

/// Sends at pauses of about the second after which the gateway closes a connection, each thread
/// with a client, and so a connection, of its own.
fn send_as_connections_expire(name: &str, configure: impl Fn(&Place, &Upstream) -> Command) {
    const THREADS: usize = 32;
    const SENDS: usize = 8;

    let upstream = Upstream::start().expect("a server");
    let gateway = Service::start(2, |place| configure(place, &upstream));
    let calls: Calls = thread::scope(|scope| {
        let threads: Vec<_> = SCHEMES
            .iter()
            .flat_map(|scheme| iter::repeat_n(scheme, THREADS))
            .enumerate()
            .map(|(number, scheme)| {
                let gateway = &gateway;
                scope.spawn(move || {
                    let client = client(&options(gateway, *scheme));
                    let send = |count| {
                        let call = send(&client, format!("{scheme:?}-{number}-{count}"));
                        thread::sleep(Duration::from_micros(fastrand::u64(900_000..1_200_000)));
                        call
                    };
                    (0..SENDS).map(send).collect::<Calls>()
                })
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().expect("a thread does not panic"))
            .collect()
    });
    drop(gateway);
    balance(name, &calls, &upstream.finish());
}
