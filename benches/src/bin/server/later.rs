//! Responds after a delay, any number of calls at once on one thread: what they wait for is the delay,
//! and not the server.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;

use crate::request::Request;
use crate::{count_connection, response};

/// A thousand threads connect at once.
const BACKLOG: u32 = 4096;

/// Tells the ports of HTTP and HTTPS.
pub fn listen(tls: Arc<ServerConfig>, delay: Duration) -> Result<(u16, u16)> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (http, https) = runtime.block_on(async { anyhow::Ok((bind()?, bind()?)) })?;
    let ports = (http.local_addr()?.port(), https.local_addr()?.port());
    runtime.spawn(accept(http, move |socket| serve(socket, delay)));
    let acceptor = TlsAcceptor::from(tls);
    let https = accept(https, move |socket| {
        let acceptor = acceptor.clone();
        async move { serve(acceptor.accept(socket).await?, delay).await }
    });
    std::thread::spawn(move || runtime.block_on(https));
    Ok(ports)
}

fn bind() -> Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
    Ok(socket.listen(BACKLOG)?)
}

async fn accept<Serve, Served>(listener: TcpListener, serve: Serve)
where
    Serve: Fn(TcpStream) -> Served,
    Served: Future<Output = Result<()>> + Send + 'static,
{
    loop {
        match listener.accept().await {
            Ok((socket, _)) => {
                count_connection();
                let no_delay = socket.set_nodelay(true);
                let served = serve(socket);
                tokio::spawn(async move {
                    if let Err(error) = no_delay.map_err(Into::into).and(served.await) {
                        eprintln!("server: {error:#}");
                    }
                });
            }
            Err(error) => eprintln!("server: {error}"),
        }
    }
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, delay: Duration) -> Result<()> {
    let response = response();
    let mut request = Request::default();
    while read(&mut stream, &mut request).await? {
        sleep(delay).await;
        stream.write_all(&response).await?;
        stream.flush().await?;
        request.clear();
    }
    Ok(())
}

/// Reads one request; false where the client has closed instead.
async fn read(stream: &mut (impl AsyncRead + Unpin), request: &mut Request) -> Result<bool> {
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer).await {
            // However a client leaves, with or without TLS's good-bye, is its own affair.
            Ok(0) | Err(_) if request.is_empty() => return Ok(false),
            Ok(0) => bail!("the client closed in the middle of a request"),
            Ok(read) if request.add(&buffer[..read])? => return Ok(true),
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
