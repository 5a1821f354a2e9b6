//! The server that every contender talks to: kept-alive HTTP and HTTPS on loopback, one fixed answer.
//!
//! `server CA_FILE DELAY_MS` writes its CA's certificate to `CA_FILE`, prints both ports, and serves
//! until its standard input ends, so that it never outlives whoever started it. Then it prints how
//! many connections it accepted.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

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

    let tls = Arc::new(tls_config(&ca_file)?);
    let http = listen(move |socket| serve(socket, delay))?;
    let https = listen(move |socket| {
        let session = ServerConnection::new(tls.clone())?;
        serve(StreamOwned::new(session, socket), delay)
    })?;
    println!("{http} {https}");

    io::stdin().read_to_end(&mut Vec::new())?;
    // Nobody reads it where whoever started the server is gone.
    let _ = writeln!(io::stdout(), "{}", CONNECTIONS.load(Ordering::Relaxed));
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

/// Serves each connection on a thread of its own, and tells the port.
fn listen<Serve>(serve: Serve) -> Result<u16>
where
    Serve: Fn(TcpStream) -> Result<()> + Clone + Send + 'static,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let serve = serve.clone();
            std::thread::spawn(move || {
                CONNECTIONS.fetch_add(1, Ordering::Relaxed);
                let served = socket.map_err(Into::into).and_then(|socket| {
                    socket.set_nodelay(true)?;
                    serve(socket)
                });
                if let Err(error) = served {
                    eprintln!("server: {error:#}");
                }
            });
        }
    });
    Ok(port)
}

fn serve(mut stream: impl Read + Write, delay: Duration) -> Result<()> {
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{REPLY}",
        REPLY.len()
    );
    let mut request = Vec::with_capacity(4096);
    while read_request(&mut stream, &mut request)? {
        if !delay.is_zero() {
            std::thread::sleep(delay);
        }
        stream.write_all(answer.as_bytes())?;
        request.clear();
    }
    Ok(())
}

/// Reads one request with a `content-length`; false where the client has closed instead.
fn read_request(stream: &mut impl Read, request: &mut Vec<u8>) -> Result<bool> {
    let mut buffer = [0; 4096];
    let mut length = None;
    while length.is_none_or(|length| request.len() < length) {
        match stream.read(&mut buffer) {
            Ok(0) if request.is_empty() => return Ok(false),
            Ok(0) => bail!("the client closed in the middle of a request"),
            Ok(read) => request.extend_from_slice(&buffer[..read]),
            // However a client leaves, with or without TLS's good-bye, is its own affair.
            Err(_) if request.is_empty() => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        if length.is_none() {
            length = request_length(request)?;
        }
    }
    if length != Some(request.len()) {
        bail!("the client sent more than its request");
    }
    Ok(true)
}

/// The length of head and body, once the head is there.
fn request_length(request: &[u8]) -> Result<Option<usize>> {
    let Some(head) = request.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head_text = std::str::from_utf8(&request[..head])?;
    let (_, length) = head_text
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .context("the request has no content-length")?;
    Ok(Some(head + 4 + length.parse::<usize>()?))
}
