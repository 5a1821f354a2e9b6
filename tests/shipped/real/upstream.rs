//! The API as a gateway sees it: it accepts every message that arrives whole.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// How long the API takes for a message: long enough that a gateway always has some in its hands.
const SERVICE: Duration = Duration::from_millis(5);

/// The header field in which a gateway may say which of its processes passed a message on.
pub const PASSED_BY: &str = "x-passed-by";

#[derive(Clone, Debug)]
pub struct Accepted {
    /// The message's `post_back_data`.
    pub tag: String,
    pub passed_by: String,
}

#[derive(Default)]
struct Books {
    accepted: Mutex<Vec<Accepted>>,
    connections: AtomicUsize,
}

pub struct Upstream {
    pub address: SocketAddr,
    books: Arc<Books>,
    _runtime: Runtime,
}

impl Upstream {
    pub fn start() -> io::Result<Self> {
        let runtime = Runtime::new()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?;
        let books = Arc::new(Books::default());
        runtime.spawn(accept(listener, Arc::clone(&books)));
        Ok(Upstream {
            address,
            books,
            _runtime: runtime,
        })
    }

    /// What was accepted, once the gateway is gone and nothing more can come.
    pub fn finish(self) -> Vec<Accepted> {
        let started = Instant::now();
        while self.books.connections.load(Ordering::SeqCst) > 0 {
            assert!(
                started.elapsed() < Duration::from_secs(20),
                "the gateway still holds connections"
            );
            thread::sleep(Duration::from_millis(5));
        }
        let accepted = self.books.accepted.lock();
        accepted.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn accept(listener: TcpListener, books: Arc<Books>) {
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        books.connections.fetch_add(1, Ordering::SeqCst);
        let books = Arc::clone(&books);
        tokio::spawn(async move {
            let service = service_fn(|request| response(request, &books));
            // The gateway's going away is what ends it.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
            books.connections.fetch_sub(1, Ordering::SeqCst);
        });
    }
}

async fn response(
    request: Request<Incoming>,
    books: &Books,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let passed_by = request.headers().get(PASSED_BY);
    let passed_by = passed_by.map_or("", |field| field.to_str().expect("ASCII"));
    let passed_by = passed_by.to_owned();
    // A body that is cut short ends here.
    let body = request.into_body().collect().await?.to_bytes();
    let message: Value = serde_json::from_slice(&body).expect("a message is JSON");
    let tag = message["post_back_data"]
        .as_str()
        .expect("a tag")
        .to_owned();
    let response = json!({ "success": true, "message": "Queued.", "request_id": tag });
    let accepted = Accepted { tag, passed_by };
    books
        .accepted
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(accepted);
    tokio::time::sleep(SERVICE).await;
    Ok(Response::builder()
        .status(202)
        .header("content-type", "application/json")
        .body(Full::from(response.to_string()))
        .expect("a response"))
}
