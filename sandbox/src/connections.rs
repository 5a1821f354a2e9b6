//! Who is let in, and for how long: a sandbox outlives clients that hang, trickle or flood.

use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::Shared;
use super::page::Entrance;
use super::wire::Tap;

/// A head longer than this is refused by hyper.
const LONGEST_HEAD: usize = 64 << 10;

/// What a client may take for a head, which is also how long a connection may rest; and for the
/// handshake of TLS.
const HEAD_WITHIN: Duration = Duration::from_secs(60);
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);

/// Others wait until one of these ends.
pub const MOST_CONNECTIONS: usize = 4096;

/// How long nobody is let in where there are no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

impl Shared {
    pub async fn accept(self: Arc<Self>, listener: TcpListener, tls: Option<TlsAcceptor>) {
        let mut can_accept = true;
        loop {
            // Never closed.
            let Ok(permit) = Arc::clone(&self.connections).acquire_owned().await else {
                return;
            };
            match listener.accept().await {
                Ok((stream, _)) => {
                    can_accept = true;
                    let serve = Arc::clone(&self).serve(stream, tls.clone());
                    tokio::spawn(async move {
                        serve.await;
                        drop(permit);
                    });
                }
                // Without a pause this would be a loop of nothing but failures.
                Err(error) => {
                    if can_accept {
                        self.log(&format!("nobody can be let in: {error}\n"));
                    }
                    can_accept = false;
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    async fn serve(self: Arc<Self>, stream: TcpStream, tls: Option<TlsAcceptor>) {
        // Without this the last byte of a slow response may wait for the client's acknowledgement.
        if stream.set_nodelay(true).is_err() {
            return;
        }
        let Ok(address) = stream.local_addr() else {
            return;
        };
        let entrance = |scheme| Entrance { scheme, address };
        match tls {
            None => self.serve_stream(stream, entrance("http")).await,
            Some(tls) => match timeout(HANDSHAKE_WITHIN, tls.accept(stream)).await {
                Ok(Ok(stream)) => self.serve_stream(stream, entrance("https")).await,
                Ok(Err(error)) => self.log(&format!("TLS handshake failed: {error}\n")),
                Err(_) => self.log("TLS handshake failed: it took too long\n"),
            },
        }
    }

    async fn serve_stream<S>(self: Arc<Self>, stream: S, entrance: Entrance)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (tap, heard) = Tap::new(stream);
        let service = service_fn(|request| {
            let shared = Arc::clone(&self);
            let heard = heard.clone();
            async move { shared.respond(request, &heard, entrance).await }
        });
        // An error here is the client's going away, or the sandbox hanging up on purpose.
        let _ = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_WITHIN)
            .max_buf_size(LONGEST_HEAD)
            .serve_connection(TokioIo::new(tap), service)
            .await;
    }
}
