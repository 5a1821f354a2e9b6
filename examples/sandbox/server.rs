//! A local server that plays Zixflow's endpoint: the example binary `sandbox`, the demo and the
//! tests all run this one. It stops when it is dropped.

mod answer;
mod check;
mod post_back;
mod print;
pub mod recipients;
mod tls;
mod wire;

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http_body_util::channel::{Channel, Sender};
use http_body_util::{BodyExt, Either, Full, Limited};
use hyper::body::{Body, Bytes, Incoming};
use hyper::header::CONTENT_LENGTH;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{self, Runtime};
use tokio_rustls::TlsAcceptor;

use answer::{Answer, Endpoint, Reply, Verdict};
pub use wire::Request;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Where lines for a person go. The API key never reaches it.
pub type Log = Arc<dyn Fn(&str) + Send + Sync>;

/// A request longer than this is refused with 413.
const LONGEST_BODY: usize = 1 << 20;

/// How many requests are remembered, so that a sandbox can run for days.
const MOST_REQUESTS: usize = 10_000;

pub struct Config {
    pub api_key: String,
    pub workspace_id: String,
    /// Where to listen; port 0 takes any free one, `None` turns the scheme off.
    pub http: Option<SocketAddr>,
    pub https: Option<SocketAddr>,
    /// Where to write the CA's certificate. Without it, a temporary file that goes with the sandbox.
    pub ca_file: Option<PathBuf>,
    /// How long after its acceptance a message gets its status.
    pub notify_after: Duration,
    /// How long the very slow answer takes.
    pub slow_answer: Duration,
    pub log: Log,
}

impl Default for Config {
    fn default() -> Self {
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            api_key: "sandbox-key".to_owned(),
            workspace_id: "sandbox-workspace".to_owned(),
            http: Some(any_port),
            https: Some(any_port),
            ca_file: None,
            notify_after: Duration::from_millis(200),
            slow_answer: Duration::from_secs(12),
            log: Arc::new(|_| {}),
        }
    }
}

pub struct Sandbox {
    http_url: Option<String>,
    https_url: Option<String>,
    ca_file: Option<CaFile>,
    shared: Arc<Shared>,
    /// Its drop ends the listeners, the connections and the post-backs.
    runtime: Runtime,
}

enum CaFile {
    Kept(PathBuf),
    Temporary(tempfile::TempPath),
}

impl Sandbox {
    pub fn start(config: Config) -> Result<Self, Error> {
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        let shared = Arc::new(Shared {
            endpoint: Endpoint::new(config.api_key.clone(), config.workspace_id),
            requests: Mutex::default(),
            api_key: config.api_key,
            notify_after: config.notify_after,
            slow_answer: config.slow_answer,
            log: config.log,
        });
        let mut sandbox = Self {
            http_url: None,
            https_url: None,
            ca_file: None,
            shared,
            runtime,
        };
        if let Some(address) = config.http {
            sandbox.http_url = Some(sandbox.listen(address, None)?);
        }
        if let Some(address) = config.https {
            let identity = tls::Identity::new()?;
            sandbox.ca_file = Some(CaFile::write(config.ca_file, &identity.ca_pem)?);
            sandbox.https_url = Some(sandbox.listen(address, Some(identity.acceptor))?);
        }
        Ok(sandbox)
    }

    pub fn http_url(&self) -> Option<&str> {
        self.http_url.as_deref()
    }

    pub fn https_url(&self) -> Option<&str> {
        self.https_url.as_deref()
    }

    /// The PEM file that a client of `https_url` has to trust.
    pub fn ca_file(&self) -> Option<&Path> {
        self.ca_file.as_ref().map(CaFile::path)
    }

    /// The whole requests that have come, oldest first.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests().iter().cloned().collect()
    }

    /// Listens, serves in the background, and returns the base URL.
    fn listen(&self, address: SocketAddr, tls: Option<TlsAcceptor>) -> Result<String, Error> {
        let listener = self
            .runtime
            .block_on(TcpListener::bind(address))
            .map_err(|error| format!("cannot listen on {address}: {error}"))?;
        let bound = listener.local_addr()?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let shared = Arc::clone(&self.shared);
        self.runtime.spawn(async move {
            // A failed accept concerns the one connection that could not be had.
            loop {
                if let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(Arc::clone(&shared).serve(stream, tls.clone()));
                }
            }
        });
        Ok(if bound.ip().is_unspecified() {
            format!("{scheme}://localhost:{}", bound.port())
        } else {
            format!("{scheme}://{bound}")
        })
    }
}

impl CaFile {
    fn write(path: Option<PathBuf>, pem: &str) -> Result<Self, Error> {
        let file = match path {
            Some(path) => Self::Kept(path),
            None => Self::Temporary(
                tempfile::Builder::new()
                    .prefix("sandbox-ca-")
                    .suffix(".pem")
                    .tempfile()?
                    .into_temp_path(),
            ),
        };
        std::fs::write(file.path(), pem).map_err(|error| {
            let path = file.path().display();
            format!("cannot write the CA's certificate to {path}: {error}")
        })?;
        Ok(file)
    }

    fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Temporary(path) => path,
        }
    }
}

/// What all connections of a sandbox have in common.
struct Shared {
    endpoint: Endpoint,
    requests: Mutex<VecDeque<Request>>,
    api_key: String,
    notify_after: Duration,
    slow_answer: Duration,
    log: Log,
}

type AnswerBytes = Either<Full<Bytes>, Channel<Bytes>>;

impl Shared {
    async fn serve(self: Arc<Self>, stream: TcpStream, tls: Option<TlsAcceptor>) {
        // Without this the last byte of a slow answer may wait for the client's acknowledgement.
        if stream.set_nodelay(true).is_err() {
            return;
        }
        match tls {
            None => self.serve_stream(stream, "http").await,
            Some(tls) => match tls.accept(stream).await {
                Ok(stream) => self.serve_stream(stream, "https").await,
                Err(error) => self.log(&format!("TLS handshake failed: {error}\n")),
            },
        }
    }

    async fn serve_stream<S>(self: Arc<Self>, stream: S, scheme: &'static str)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (tap, heard) = wire::Tap::new(stream);
        let service = service_fn(|request| {
            let shared = Arc::clone(&self);
            let heard = heard.clone();
            async move { shared.answer(request, &heard, scheme).await }
        });
        // An error here is the client's going away, or the sandbox hanging up on purpose.
        let _ = http1::Builder::new()
            .serve_connection(TokioIo::new(tap), service)
            .await;
    }

    async fn answer(
        self: Arc<Self>,
        incoming: hyper::Request<Incoming>,
        heard: &wire::Heard,
        scheme: &str,
    ) -> io::Result<Response<AnswerBytes>> {
        let body = incoming.into_body();
        let framed = body.size_hint().exact().is_some();
        let body = match Limited::new(body, LONGEST_BODY).collect().await {
            Ok(body) => Vec::from(body.to_bytes()),
            Err(error) if error.is::<http_body_util::LengthLimitError>() => return too_long(),
            Err(error) => return Err(io::Error::other(error)),
        };
        let request = heard.take(body, framed)?;
        let Verdict { reply, post_back } = self.endpoint.decide(&request);
        self.log(&print::request(&request, scheme));
        self.log(&print::reply(&reply));
        self.remember(request);
        if let Some(post_back) = post_back {
            let shared = Arc::clone(&self);
            tokio::spawn(async move {
                shared.log(&post_back.deliver(shared.notify_after).await);
            });
        }
        match reply {
            Reply::AtOnce(answer) => at_once(answer),
            Reply::ByteByByte(answer) => byte_by_byte(answer, self.slow_answer),
            Reply::Silence => std::future::pending().await,
            // hyper closes a connection whose service fails, without an answer.
            Reply::HangUp => Err(io::ErrorKind::ConnectionAborted.into()),
        }
    }

    fn remember(&self, request: Request) {
        let mut requests = self.requests();
        if requests.len() == MOST_REQUESTS {
            requests.pop_front();
        }
        requests.push_back(request);
    }

    fn requests(&self) -> MutexGuard<'_, VecDeque<Request>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Masks the key wherever it stands: a host may have put it into the message by mistake.
    fn log(&self, text: &str) {
        (self.log)(&text.replace(&self.api_key, print::MASK));
    }
}

fn too_long() -> io::Result<Response<AnswerBytes>> {
    let message = "The body is longer than 1 MiB.";
    at_once(Answer::refusal(StatusCode::PAYLOAD_TOO_LARGE, message).closing())
}

fn at_once(answer: Answer) -> io::Result<Response<AnswerBytes>> {
    respond(answer, |body| Either::Left(Full::new(body)))
}

fn byte_by_byte(answer: Answer, takes: Duration) -> io::Result<Response<AnswerBytes>> {
    respond(answer, |bytes| {
        let (sender, body) = Channel::new(1);
        tokio::spawn(trickle(sender, bytes, takes));
        Either::Right(body)
    })
}

async fn trickle(mut sender: Sender<Bytes>, bytes: Bytes, takes: Duration) {
    let count = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    for index in 0..bytes.len() {
        tokio::time::sleep(takes / count).await;
        if sender.send_data(bytes.slice(index..=index)).await.is_err() {
            return;
        }
    }
}

fn respond(
    answer: Answer,
    body: impl FnOnce(Bytes) -> AnswerBytes,
) -> io::Result<Response<AnswerBytes>> {
    let mut response = Response::builder()
        .status(answer.status)
        .header(CONTENT_LENGTH, answer.body.len());
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    response
        .body(body(Bytes::from(answer.body)))
        .map_err(io::Error::other)
}
