//! What TLS says beside the messages, from either side: alerts, new keys, and the end of a connection.

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use rustls::crypto::cipher::{MessageEncrypter, OutboundChunks, OutboundPlainMessage};
use rustls::server::WebPkiClientVerifier;
use rustls::{
    ConnectionTrafficSecrets, ContentType, ProtocolVersion, RootCertStore, ServerConfig,
    ServerConnection, SupportedCipherSuite, SupportedProtocolVersion,
};
use serde_json::{Value, json};
use support::api::{Client, Reply, client, message, message_with_more};
use support::raw_server::{Peer, RawServer, Scheme, accepted};

use crate::tls_failures::{Authority, for_this_machine};

/// Only a hang takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

static TLS12: &SupportedProtocolVersion = &rustls::version::TLS12;
static TLS13: &SupportedProtocolVersion = &rustls::version::TLS13;

/// A server's side of a session, which takes over from rustls where the test has a record of its own
/// to send.
struct Session {
    encrypter: Box<dyn MessageEncrypter>,
    sequence: u64,
}

impl Session {
    /// Takes over once rustls has read and sent what it has to.
    fn new(tls: ServerConnection) -> Self {
        let suite = tls.negotiated_cipher_suite().expect("it was agreed on");
        let secrets = tls.dangerous_extract_secrets().expect("that is allowed");
        let (sequence, ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv }) = secrets.tx else {
            panic!("it was the only cipher");
        };
        let encrypter = match suite {
            SupportedCipherSuite::Tls13(suite) => suite.aead_alg.encrypter(key, iv),
            SupportedCipherSuite::Tls12(suite) => suite.aead_alg.encrypter(key, iv.as_ref(), &[]),
        };
        Session {
            encrypter,
            sequence,
        }
    }

    fn send(&mut self, peer: &mut Peer, kind: ContentType, payload: &[u8]) -> io::Result<()> {
        let record = OutboundPlainMessage {
            typ: kind,
            version: ProtocolVersion::TLSv1_2,
            payload: OutboundChunks::Single(payload),
        };
        let record = self.encrypter.encrypt(record, self.sequence);
        self.sequence += 1;
        peer.send_raw(&record.expect("it can be encrypted").encode())
    }
}

/// A server of one version of TLS, which accepts so many messages on each connection before it reads
/// another whole, and does `then`.
fn server(
    authority: &Authority,
    version: &'static SupportedProtocolVersion,
    accepts: usize,
    then: impl Fn(&mut Peer, &mut Session) -> io::Result<()> + Send + Sync + 'static,
) -> RawServer {
    let mut provider = rustls::crypto::ring::default_provider();
    let is_chacha =
        |suite: &SupportedCipherSuite| format!("{:?}", suite.suite()).contains("CHACHA");
    provider.cipher_suites.retain(is_chacha);
    let identity = authority.sign(&for_this_machine());
    let mut configuration = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[version])
        .expect("a version")
        .with_no_client_auth()
        .with_single_cert(vec![identity.certificate.clone()], identity.key())
        .expect("a key that fits its certificate");
    configuration.enable_secret_extraction = true;
    let configuration = Arc::new(configuration);
    RawServer::start(Scheme::Http, move |peer| {
        let mut tls = ServerConnection::new(Arc::clone(&configuration)).expect("a session");
        for number in 0..=accepts {
            let mut stream = rustls::Stream::new(&mut tls, peer);
            read_request(&mut stream)?;
            if number < accepts {
                stream.write_all(&accepted("tag"))?;
                stream.flush()?;
            }
        }
        then(peer, &mut Session::new(tls))
    })
}

fn read_request(stream: &mut impl Read) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).expect("ASCII");
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .and_then(|length| length.parse().ok());
    stream.read_exact(&mut vec![0; length.expect("a length")])
}

fn options(server: &RawServer, authority: &Authority) -> Value {
    json!({
        "base_url": format!("https://{}", server.address()),
        "ca_file": authority.file, "proxy": "", "timeout_ms": PATIENCE.as_millis(),
    })
}

/// Sends the messages that the server accepts, and one that it does not.
fn send_after(server: &RawServer, authority: &Authority, accepts: usize) -> Reply {
    let client = client(&options(server, authority));
    for _ in 0..accepts {
        client.send(&message("tag")).assert_status("ok");
    }
    client.send(&message("tag"))
}

const FATAL: u8 = 2;
const HANDSHAKE_FAILURE: u8 = 40;
/// Bad, unsupported, revoked, expired and unknown, an unknown authority, access denied, required.
const ABOUT_A_CERTIFICATE: [u8; 8] = [42, 43, 44, 45, 46, 48, 49, 116];

/// An alert about the client's certificate ends the handshake: nothing behind it was read. A server
/// that fails later may have read the request, and handed it on.
#[test]
fn only_an_alert_that_ends_the_handshake_says_that_the_request_was_not_read() {
    let authority = Authority::new("client-alerts");
    let others = [
        10, 20, 22, 41, 47, 50, 51, 70, 71, 80, 86, 90, 109, 112, 113, 115, 120, 199,
    ];
    for version in [TLS12, TLS13] {
        for alert in ABOUT_A_CERTIFICATE
            .into_iter()
            .chain([HANDSHAKE_FAILURE])
            .chain(others)
        {
            for accepts in [0, 1] {
                let server = server(&authority, version, accepts, move |peer, session| {
                    session.send(peer, ContentType::Alert, &[FATAL, alert])?;
                    peer.stop();
                    Ok(())
                });
                let reply = send_after(&server, &authority, accepts);
                let ends_handshake = ABOUT_A_CERTIFICATE.contains(&alert)
                    || (alert == HANDSHAKE_FAILURE && version.version == ProtocolVersion::TLSv1_3);
                let case = format!("{:?}, {alert}, {accepts}: {reply:?}", version.version);
                let expected = match accepts == 0 && ends_handshake {
                    true => "not_sent",
                    false => "outcome_unknown",
                };
                assert_eq!(reply.status(), expected, "{case}");
                let (attempts, retryable) = (reply.attempts(), reply.retryable());
                assert_eq!((attempts, retryable), (1, Some(false)), "{case}");
                let says_so = reply.message().contains("certificate");
                assert!(says_so || expected == "outcome_unknown", "{case}");
            }
        }
    }
}

/// Small messages and large ones, so that the refusal comes behind the request or in its middle.
#[test]
fn server_that_requires_a_client_certificate_has_read_nothing_and_is_not_asked_again() {
    let authority = Authority::new("client-certificate");
    let identity = authority.sign(&for_this_machine());
    for version in [TLS12, TLS13] {
        let mut roots = RootCertStore::empty();
        roots.add(authority.der.clone()).expect("an authority");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let configuration = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .expect("a version")
            .with_client_cert_verifier(verifier.build().expect("a verifier"))
            .with_single_cert(vec![identity.certificate.clone()], identity.key())
            .expect("a key that fits its certificate");
        let configuration = Arc::new(configuration);
        let server = RawServer::start(Scheme::Http, move |peer| {
            let mut tls = ServerConnection::new(Arc::clone(&configuration)).expect("a session");
            let read = read_request(&mut rustls::Stream::new(&mut tls, peer));
            assert!(read.is_err(), "it was read");
            read
        });
        let client = client(&options(&server, &authority));
        for number in 0..100 {
            let size = [0, 20_000, 300_000][number % 3];
            let reply = client.send(&message_with_more("tag", size));
            let case = format!("{:?}, {size}: {reply:?}", version.version);
            assert_eq!(reply.status(), "not_sent", "{case}");
            let (attempts, retryable) = (reply.attempts(), reply.retryable());
            assert_eq!((attempts, retryable), (1, Some(false)), "{case}");
            assert!(reply.message().contains("certificate"), "{case}");
        }
        assert_eq!(server.connections(), 100);
    }
}

/// The server waits for the refusal, which TLS itself has to write.
#[test]
fn renegotiation_is_refused_while_a_response_is_awaited() {
    let authority = Authority::new("renegotiation");
    const HELLO_REQUEST: [u8; 4] = [0; 4];
    for goes_on in [true, false] {
        let server = server(&authority, TLS12, 0, move |peer, session| {
            session.send(peer, ContentType::Handshake, &HELLO_REQUEST)?;
            // It is encrypted, but for its type.
            let mut record = [0; 5];
            peer.read_exact(&mut record)?;
            assert_eq!(record[0], u8::from(ContentType::Alert));
            match goes_on {
                true => session.send(peer, ContentType::ApplicationData, &accepted("tag"))?,
                // As OpenSSL does. Whether it has handed the request on, nobody knows.
                false => session.send(peer, ContentType::Alert, &[FATAL, HANDSHAKE_FAILURE])?,
            }
            peer.stop();
            Ok(())
        });
        let reply = send_after(&server, &authority, 0);
        let expected = if goes_on { "ok" } else { "outcome_unknown" };
        assert_eq!(
            (reply.status(), reply.attempts()),
            (expected, 1),
            "{reply:?}"
        );
        assert!(!reply.message().contains("timeout_ms"), "{reply:?}");
    }
}

#[test]
fn new_keys_are_answered_while_a_response_is_awaited() {
    let server = RawServer::start(Scheme::Https, |peer| {
        for _ in 0..3 {
            let tag = peer.request()?.tag();
            peer.renew_keys()?;
            assert!(peer.wait_readable(PATIENCE)?, "nothing came");
            peer.send(&accepted(&tag))?;
        }
        Ok(())
    });
    let client = client(&server.options());
    for _ in 0..3 {
        client.send(&message("tag")).assert_status("ok");
    }
    assert_eq!(server.connections(), 1);
    drop(client);
    server.finish();
}

#[test]
fn a_record_that_makes_no_sense_is_answered_with_an_alert() {
    let server = RawServer::start(Scheme::Https, |peer| {
        peer.request()?;
        peer.send_raw(&[&[23, 3, 3, 0, 32][..], &[7; 32]].concat())?;
        let error = peer.read(&mut [0]).expect_err("an alert");
        assert!(error.to_string().contains("BadRecordMac"), "{error}");
        Ok(())
    });
    let reply = client(&server.options()).send(&message("tag"));
    reply.assert_status("outcome_unknown");
    server.finish();
}

/// How a connection that is only kept comes to its end, and how many there are.
type Close = (&'static str, Value, fn(Client));

#[test]
fn end_of_a_kept_connection_is_announced() {
    let closes: [Close; 5] = [
        ("freed", json!({}), drop),
        ("shut down", json!({}), |client| {
            client.shut_down();
            std::mem::forget(client);
        }),
        (
            "idle for too long",
            json!({ "idle_timeout_ms": 1 }),
            |client| {
                thread::sleep(Duration::from_millis(50));
                client.send(&message("next"));
                std::mem::forget(client);
            },
        ),
        (
            "one too many",
            json!({ "max_idle_connections": 0 }),
            |client| {
                std::mem::forget(client);
            },
        ),
        (
            "asked for by the server",
            json!({ "tries": true }),
            |client| {
                client.send(&message("close"));
                std::mem::forget(client);
            },
        ),
    ];
    for (case, more, close) in closes {
        let (sender, ends) = mpsc::channel();
        let sender = Mutex::new(sender);
        let server = RawServer::start(Scheme::Https, move |peer| {
            loop {
                match peer.request() {
                    Ok(request) if request.tag() == "close" => {
                        let response = b"HTTP/1.1 202 Accepted\r\nconnection: close\r\n\
                                         content-length: 16\r\n\r\n{\"success\":true}";
                        peer.send(response)?;
                    }
                    Ok(request) => peer.send(&accepted(&request.tag()))?,
                    // rustls tells an end that was announced from one that was not.
                    Err(error) => {
                        let is_announced = !error.to_string().contains("close_notify");
                        sender
                            .lock()
                            .expect("no panic")
                            .send(is_announced)
                            .expect("it is awaited");
                        return Ok(());
                    }
                }
            }
        });
        let client = client(&server.options_with(more));
        client.send(&message("tag")).assert_status("ok");
        close(client);
        let is_announced = ends.recv_timeout(PATIENCE).expect("an end");
        assert!(is_announced, "{case}");
    }
}

/// A request that is cut short stays so, though there is room again: what TLS says by itself, or the end of
/// the connection, would carry the rest of it along.
#[test]
fn nothing_more_leaves_of_a_request_that_an_early_response_cut_short() {
    let sizes = (16..80).step_by(2).map(|kib| kib * 1024);
    let mut cut_short = 0;
    let authority = Authority::new("cut-short");
    let configuration = Arc::new(authority.sign(&for_this_machine()).configuration());
    for size in sizes {
        let (sender, wholes) = mpsc::channel();
        let sender = Mutex::new(sender);
        let listener = support::raw_server::narrow_listener();
        let configuration = Arc::clone(&configuration);
        let server = RawServer::on(listener, Scheme::Http, move |peer| {
            let mut tls = ServerConnection::new(Arc::clone(&configuration)).expect("a session");
            while tls.is_handshaking() {
                tls.complete_io(peer)?;
            }
            // Until the client has to wait for room.
            thread::sleep(Duration::from_millis(50));
            let head = b"HTTP/1.1 202 Accepted\r\ncontent-length: 16\r\n\r\n{\"success\"";
            tls.writer().write_all(head)?;
            tls.write_tls(peer)?;
            thread::sleep(Duration::from_millis(50));
            let mut request = Vec::new();
            let mut read = |peer: &mut Peer, tls: &mut ServerConnection| {
                // Record by record, of which the last may not be whole.
                let count = tls.read_tls(peer)?;
                tls.process_new_packets().map_err(io::Error::other)?;
                let _ = tls.reader().read_to_end(&mut request);
                Ok::<_, io::Error>(count)
            };
            while peer.wait_readable(Duration::from_millis(50))? && read(peer, &mut tls)? > 0 {}
            tls.writer().write_all(b":true}")?;
            tls.write_tls(peer)?;
            while matches!(read(peer, &mut tls), Ok(1..)) {}
            let is_whole = request.ends_with(b"\"}");
            sender
                .lock()
                .expect("no panic")
                .send(is_whole)
                .expect("it is awaited");
            Ok(())
        });
        let client = client(&options(&server, &authority));
        let options = json!({ "max_retries": 0 });
        let reply = client.send_with(&message_with_more("tag", size), &options);
        drop(client);
        let is_whole = wholes.recv_timeout(PATIENCE).expect("an end");
        let expected = if is_whole { "ok" } else { "not_sent" };
        assert_eq!(reply.status(), expected, "{size}: {reply:?}");
        cut_short += usize::from(!is_whole);
    }
    assert!(cut_short > 5, "{cut_short} were cut short");
}
