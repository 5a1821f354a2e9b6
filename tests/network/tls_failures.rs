//! What a person is told where TLS fails: what is wrong, and what to do.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection};
use serde_json::json;
use support::api::{Reply, client, message};
use support::c;
use support::raw_server::{Ending, RawServer, Scheme, accepted};

/// An authority of a test's own, and what it signs.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub der: CertificateDer<'static>,
    pub file: PathBuf,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = parameters.self_signed(&key).expect("a certificate");
        Authority {
            file: ca_file(name, &certificate.pem()),
            der: certificate.der().clone(),
            issuer: Issuer::new(parameters, key),
        }
    }

    pub fn sign(&self, parameters: &CertificateParams) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let signed = parameters.signed_by(&key, &self.issuer);
        Identity {
            certificate: signed.expect("a certificate").der().clone(),
            key,
        }
    }
}

pub struct Identity {
    pub certificate: CertificateDer<'static>,
    key: KeyPair,
}

impl Identity {
    pub fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(self.key.serialize_der().into())
    }

    pub fn configuration(&self) -> ServerConfig {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.clone()], self.key())
            .expect("a key that fits its certificate")
    }
}

fn ca_file(name: &str, pem: &str) -> PathBuf {
    let path = c::scratch().join(format!("tls-failures-{name}.pem"));
    fs::write(&path, pem).expect("the target directory is writable");
    path
}

pub fn for_this_machine() -> CertificateParams {
    CertificateParams::new(["127.0.0.1".to_owned()]).expect("a name")
}

/// Accepts one message over TLS of this kind.
fn server(configuration: ServerConfig) -> RawServer {
    let configuration = Arc::new(configuration);
    RawServer::start(Scheme::Http, move |peer| {
        let mut tls = ServerConnection::new(Arc::clone(&configuration)).expect("a session");
        let accepted = accept(&mut rustls::Stream::new(&mut tls, peer));
        if accepted.is_err() {
            // A reset could overtake what TLS has to say.
            peer.stop();
        }
        accepted
    })
}

fn accept(stream: &mut (impl Read + Write)) -> io::Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"}") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        request.push(byte[0]);
    }
    stream.write_all(&accepted("tag"))?;
    stream.flush()
}

fn send(server: &RawServer, ca_file: &Path) -> Reply {
    let options = json!({
        "base_url": format!("https://{}", server.address()),
        "ca_file": ca_file, "proxy": "", "max_retries": 0,
    });
    client(&options).send(&message("tag"))
}

/// The sentence of a message that was not sent, and that sending again does not help.
#[track_caller]
fn assert_told(reply: &Reply, words: &[&str]) {
    reply.assert_status("not_sent");
    assert_eq!(reply.retryable(), Some(false), "{reply:?}");
    let told = reply.message();
    for word in words {
        assert!(told.contains(word), "{word}: {told}");
    }
    for debug in ["Error", "::", "{", "Context", "Other("] {
        assert!(!told.contains(debug), "{debug}: {told}");
    }
}

#[test]
fn sound_certificate_is_no_failure() {
    let authority = Authority::new("sound");
    let server = server(authority.sign(&for_this_machine()).configuration());
    send(&server, &authority.file).assert_status("ok");
}

fn self_signed(name: &str, is_ca: IsCa) -> (Identity, PathBuf) {
    let key = KeyPair::generate().expect("a key");
    let mut parameters = for_this_machine();
    parameters.is_ca = is_ca;
    let signed = parameters.self_signed(&key).expect("a certificate");
    let file = ca_file(name, &signed.pem());
    let certificate = signed.der().clone();
    (Identity { certificate, key }, file)
}

/// What `openssl req -x509` makes by itself.
#[test]
fn certificate_of_an_authority_is_told_and_the_advice_helps() {
    let authority = IsCa::Ca(BasicConstraints::Unconstrained);
    let (identity, file) = self_signed("authority", authority);
    let reply = send(&server(identity.configuration()), &file);
    assert_told(&reply, &["CA:TRUE", "CA:FALSE", "openssl req", "ca_file"]);

    let (identity, file) = self_signed("no-authority", IsCa::ExplicitNoCa);
    send(&server(identity.configuration()), &file).assert_status("ok");
}

#[test]
fn certificate_out_of_its_time_is_told_with_the_time() {
    let authority = Authority::new("time");
    let mut parameters = for_this_machine();
    (parameters.not_before, parameters.not_after) =
        (date_time_ymd(2001, 1, 1), date_time_ymd(2002, 2, 3));
    let expired = server(authority.sign(&parameters).configuration());
    let reply = send(&expired, &authority.file);
    assert_told(&reply, &["expired on", "03 Feb 2002", "clock", "renew"]);

    (parameters.not_before, parameters.not_after) =
        (date_time_ymd(2901, 1, 1), date_time_ymd(2902, 2, 3));
    let early = server(authority.sign(&parameters).configuration());
    assert_told(
        &send(&early, &authority.file),
        &["not valid before", "01 Jan 2901", "clock"],
    );
}

#[test]
fn certificate_for_other_names_is_told_with_them() {
    let authority = Authority::new("names");
    let names = ["api.example", "*.example.com", "192.0.2.7"].map(str::to_owned);
    let parameters = CertificateParams::new(names).expect("names");
    let server = server(authority.sign(&parameters).configuration());
    let reply = send(&server, &authority.file);
    assert_told(
        &reply,
        &[
            "is not for 127.0.0.1",
            "it is for api.example, *.example.com, 192.0.2.7",
            "base_url",
        ],
    );
}

#[test]
fn certificate_of_another_authority_is_told() {
    let (signer, other) = (Authority::new("signer"), Authority::new("other"));
    let server = server(signer.sign(&for_this_machine()).configuration());
    let reply = send(&server, &other.file);
    // Its name is that of the one that is trusted.
    assert_told(&reply, &["is not signed by a trusted CA", "ca_file"]);
}

#[test]
fn certificate_for_another_purpose_is_told() {
    let authority = Authority::new("purpose");
    let mut parameters = for_this_machine();
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let server = server(authority.sign(&parameters).configuration());
    assert_told(
        &send(&server, &authority.file),
        &["not for a server", "server authentication"],
    );
}

#[test]
fn server_that_wants_a_certificate_of_the_client_is_told() {
    let authority = Authority::new("client");
    let identity = authority.sign(&for_this_machine());
    let mut roots = RootCertStore::empty();
    roots.add(authority.der.clone()).expect("an authority");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    // With TLS 1.3 the refusal comes after the client has sent.
    let configuration = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS12])
        .expect("TLS 1.2")
        .with_client_cert_verifier(verifier.build().expect("a verifier"))
        .with_single_cert(vec![identity.certificate.clone()], identity.key())
        .expect("a key that fits its certificate");
    assert_told(
        &send(&server(configuration), &authority.file),
        &["requires a client certificate"],
    );
}

/// A server that answers the beginning of a handshake with these bytes.
fn responding(bytes: &'static [u8]) -> RawServer {
    RawServer::start(Scheme::Http, move |peer| {
        peer.read_exact(&mut [0; 5])?;
        peer.send_raw(bytes)?;
        peer.stop();
        peer.end(Ending::Close)
    })
}

#[test]
fn what_is_no_tls_is_told() {
    let authority = Authority::new("no-tls");
    for bytes in [
        &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"220 ESMTP\r\n",
    ] {
        let reply = send(&responding(bytes), &authority.file);
        assert_told(&reply, &["did not respond with TLS", "base_url", "http://"]);
    }
}

#[test]
fn alerts_are_told() {
    let authority = Authority::new("alerts");
    for (alert, words) in [
        (&[21, 3, 3, 0, 2, 2, 40], "cipher"),
        (&[21, 3, 3, 0, 2, 2, 70], "TLS 1.2 nor TLS 1.3"),
        (&[21, 3, 3, 0, 2, 2, 112], "base_url"),
        (&[21, 3, 3, 0, 2, 2, 42], "requires a client certificate"),
        (&[21, 3, 3, 0, 2, 2, 47], "(IllegalParameter)"),
        (&[21, 3, 3, 0, 2, 2, 199], "(alert 199)"),
    ] {
        assert_told(&send(&responding(alert), &authority.file), &[words]);
    }
    let reply = send(&responding(&[21, 3, 3, 0, 2, 2, 80]), &authority.file);
    assert_eq!(reply.retryable(), Some(true), "{reply:?}");
    assert!(reply.message().contains("(InternalError)"), "{reply:?}");
}
