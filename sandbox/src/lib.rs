//! A local server that plays Zixflow's endpoint: the program `zixflow-sandbox`, the demo and the
//! tests all run this one. It stops when it is dropped.

mod bounded;
mod check;
mod connections;
mod endpoint;
mod messages;
mod page;
mod post_back;
mod print;
pub mod recipients;
mod respond;
mod tls;
mod wire;

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Incoming};
use hyper::{Response, StatusCode};
use tempfile::{NamedTempFile, TempDir};
use tokio::net::TcpListener;
use tokio::runtime::{self, Runtime};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use bounded::Latest;
use connections::MOST_CONNECTIONS;
use endpoint::{Accepted, ApiResponse, Endpoint, Reply, Verdict};
use messages::{Arrival, Messages, Shown};
use page::Entrance;
use post_back::{Hook, Update};
use respond::{ResponseBytes, at_once, byte_by_byte, too_long, too_slow};
pub use wire::Request;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Where lines for a person go. The API key never reaches it.
pub type Log = Arc<dyn Fn(&str) + Send + Sync>;

/// A request longer than this is refused with 413.
const LONGEST_BODY: usize = 1 << 20;

/// What a client may take for a body.
const BODY_WITHIN: Duration = Duration::from_secs(30);

/// How many requests are remembered, and how much memory they may take.
const MOST_REQUESTS: usize = 10_000;
const MOST_REQUEST_BYTES: usize = 64 << 20;

/// How much memory the post-backs that are due may take, in KiB.
const MOST_KIB_DUE: usize = 64 << 10;

pub struct Config {
    pub api_key: String,
    pub workspace_id: String,
    /// Where to listen; port 0 takes any free one, `None` turns the scheme off.
    pub http: Option<SocketAddr>,
    pub https: Option<SocketAddr>,
    /// Where to write the CA's certificate, anew. Without it, a directory that goes with the sandbox.
    pub ca_file: Option<PathBuf>,
    /// How long after its acceptance a message gets its status.
    pub notify_after: Duration,
    /// The same where the notification comes late.
    pub notify_late: Duration,
    /// How long the very slow response takes.
    pub slow_response: Duration,
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
            notify_late: Duration::from_secs(10),
            slow_response: Duration::from_secs(12),
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

/// What a client has to trust, in a directory that goes with it where nobody named one.
struct CaFile {
    path: PathBuf,
    _directory: Option<TempDir>,
}

impl Sandbox {
    pub fn start(config: Config) -> Result<Self, Error> {
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        let shared = Arc::new(Shared {
            endpoint: Endpoint::new(&config),
            messages: Messages::new(),
            requests: Mutex::new(Latest::new(MOST_REQUESTS, MOST_REQUEST_BYTES)),
            connections: Arc::new(Semaphore::new(MOST_CONNECTIONS)),
            kib_due: Arc::new(Semaphore::new(MOST_KIB_DUE)),
            run: fastrand::u64(..),
            api_key: config.api_key,
            workspace_id: config.workspace_id,
            slow_response: config.slow_response,
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
        self.ca_file.as_ref().map(|file| file.path.as_path())
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
        self.runtime.spawn(shared.accept(listener, tls));
        Ok(if bound.ip().is_unspecified() {
            format!("{scheme}://localhost:{}", bound.port())
        } else {
            format!("{scheme}://{bound}")
        })
    }
}

impl CaFile {
    /// Written beside its place and then moved there: whoever owned a file, or a link, that is there
    /// already could make clients trust another authority later.
    fn write(path: Option<PathBuf>, pem: &str) -> Result<Self, Error> {
        let (path, directory) = match path {
            Some(path) => (path, None),
            None => {
                let mut builder = tempfile::Builder::new();
                #[cfg(unix)]
                builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
                let directory = builder.prefix("zixflow-sandbox-").tempdir()?;
                (directory.path().join("ca.pem"), Some(directory))
            }
        };
        write_anew(&path, pem).map_err(|error| {
            let path = path.display();
            format!("cannot write the CA's certificate to {path}: {error}")
        })?;
        Ok(Self {
            path,
            _directory: directory,
        })
    }
}

fn write_anew(path: &Path, text: &str) -> io::Result<()> {
    if path.symlink_metadata().is_ok_and(|it| !it.is_file()) {
        return Err(io::Error::other("what is there is no regular file"));
    }
    let directory = path.parent().filter(|it| !it.as_os_str().is_empty());
    // With mode 0600.
    let mut file = NamedTempFile::new_in(directory.unwrap_or(Path::new(".")))?;
    file.write_all(text.as_bytes())?;
    file.persist(path)?;
    Ok(())
}

/// What all connections of a sandbox have in common.
struct Shared {
    endpoint: Endpoint,
    messages: Messages,
    requests: Mutex<Latest<Request>>,
    connections: Arc<Semaphore>,
    kib_due: Arc<Semaphore>,
    /// Tells a page that the sandbox was started anew.
    run: u64,
    api_key: String,
    workspace_id: String,
    slow_response: Duration,
    log: Log,
}

impl Shared {
    async fn respond(
        self: Arc<Self>,
        incoming: hyper::Request<Incoming>,
        heard: &wire::Heard,
        entrance: Entrance,
    ) -> io::Result<Response<ResponseBytes>> {
        let body = incoming.into_body();
        let framed = body.size_hint().exact().is_some();
        let body = Limited::new(body, LONGEST_BODY).collect();
        let body = match timeout(BODY_WITHIN, body).await {
            Ok(Ok(body)) => Vec::from(body.to_bytes()),
            Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => return too_long(),
            Ok(Err(error)) => return Err(io::Error::other(error)),
            Err(_) => return too_slow(),
        };
        let request = heard.take(body, framed)?;
        if let Some(response) = page::response(&self, &request, entrance) {
            return Ok(response);
        }
        if request.path == endpoint::PATH
            && let Err(problem) = page::is_from_itself(&request, entrance)
        {
            return at_once(ApiResponse::refusal(StatusCode::FORBIDDEN, problem));
        }
        let Verdict { reply, accepted } = self.endpoint.decide(&request);
        self.tell_of(&request, &reply, accepted, entrance);
        self.remember(request);
        match reply {
            Reply::AtOnce(response) => at_once(response),
            Reply::ByteByByte(response) => byte_by_byte(response, self.slow_response),
            Reply::Silence => std::future::pending().await,
            // hyper closes a connection whose service fails, without a response.
            Reply::HangUp => Err(io::ErrorKind::ConnectionAborted.into()),
        }
    }

    /// Tells the log, the page, and where the message was accepted its `post_back_url`.
    fn tell_of(
        self: &Arc<Self>,
        request: &Request,
        reply: &Reply,
        accepted: Option<Accepted>,
        entrance: Entrance,
    ) {
        let asked = self.mask(&print::request(request, entrance.scheme));
        let response = self.mask(&print::reply(reply));
        (self.log)(&asked);
        (self.log)(&response);
        if request.path != endpoint::PATH {
            return;
        }
        let is_accepted = accepted.is_some();
        let (hook, updates) = match accepted {
            Some(Accepted { hook, updates }) => (hook, updates),
            None => (None, Vec::new()),
        };
        let number = self.messages.add(Arrival {
            request: asked,
            response,
            shown: Shown::read(&self.mask(&String::from_utf8_lossy(&request.body))),
            is_accepted,
            hook: hook.clone(),
        });
        let Some(hook) = hook else { return };
        let kib = u32::try_from(hook.bytes() / 1024 + 1).unwrap_or(u32::MAX);
        let Ok(permit) = Arc::clone(&self.kib_due).try_acquire_many_owned(kib) else {
            self.log("post-backs are left out: too many are due\n");
            return;
        };
        let shared = Arc::clone(self);
        tokio::spawn(async move {
            for update in &updates {
                shared.tell(number, &hook, update).await;
            }
            drop(permit);
        });
    }

    /// Posts a notification as soon as it is due, and tells the log and the page what came of it.
    async fn tell(&self, number: u64, hook: &Hook, update: &Update) {
        let mut delivery = hook.deliver(update).await;
        delivery.body = self.mask(&delivery.body);
        delivery.remark = self.mask(&delivery.remark);
        delivery.outcome = self.mask(&delivery.outcome);
        self.log(&delivery.describe());
        self.messages.told(number, delivery);
    }

    fn remember(&self, request: Request) {
        let bytes = request.bytes();
        self.requests().push(request, bytes);
    }

    fn requests(&self) -> MutexGuard<'_, Latest<Request>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log(&self, text: &str) {
        (self.log)(&self.mask(text));
    }

    /// Masks the key wherever it stands: a host may have put it into the message by mistake.
    fn mask(&self, text: &str) -> String {
        text.replace(&self.api_key, print::MASK)
    }
}
