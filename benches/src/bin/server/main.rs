//! The server that every contender talks to: kept-alive HTTP and HTTPS on loopback, one fixed response.
//!
//! `server CA_FILE DELAY_MS` writes its CA's certificate to `CA_FILE`, prints both ports, and serves
//! until its standard input ends, so that it never outlives whoever started it. Then it prints how
//! many connections it accepted.

mod at_once;
mod later;
mod request;

use std::io::{self, Read, Write};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;

const REPLY: &str = concat!(
    r#"{"success":true,"message":"Message queued successfully","#,
    r#""request_id":"65ca1d21-8854-4d39-a0bd-64f1cd7b8db1"}"#,
);

static CONNECTIONS: AtomicUsize = AtomicUsize::new(0);

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let ca_file = arguments.next().context("usage: server CA_FILE DELAY_MS")?;
    let delay = arguments.next().context("usage: server CA_FILE DELAY_MS")?;
    let delay = Duration::from_millis(delay.parse()?);

    allow_many_connections()?;
    let tls = Arc::new(tls_config(&ca_file)?);
    let (http, https) = if delay.is_zero() {
        at_once::listen(tls)?
    } else {
        later::listen(tls, delay)?
    };
    println!("{http} {https}");

    io::stdin().read_to_end(&mut Vec::new())?;
    // Nobody reads it where whoever started the server is gone.
    let _ = writeln!(io::stdout(), "{}", CONNECTIONS.load(Ordering::Relaxed));
    Ok(())
}

fn count_connection() {
    CONNECTIONS.fetch_add(1, Ordering::Relaxed);
}

/// Head and body.
fn response() -> Vec<u8> {
    let length = REPLY.len();
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{REPLY}")
        .into_bytes()
}

/// Each takes a descriptor.
fn allow_many_connections() -> Result<()> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `limit` is valid for both calls.
    let is_raised = unsafe {
        let known = libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) == 0;
        limit.rlim_cur = limit.rlim_max;
        known && libc::setrlimit(libc::RLIMIT_NOFILE, &limit) == 0
    };
    ensure!(is_raised, "{}", io::Error::last_os_error());
    Ok(())
}

/// A fresh CA, written to `ca_file`, and a certificate of its for 127.0.0.1.
fn tls_config(ca_file: &str) -> Result<ServerConfig> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    // OpenSSL takes a certificate whose issuer has the same name for one that signed itself.
    let name = "zixflow benchmarks' CA";
    params.distinguished_name.push(DnType::CommonName, name);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    std::fs::write(ca_file, ca.pem()).with_context(|| format!("cannot write {ca_file}"))?;

    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new([Ipv4Addr::LOCALHOST.to_string()])?;
    let certificate = certificate.signed_by(&key, &ca)?;
    let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(anyhow::Error::msg)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)?)
}
