//! Responds at once, each connection on a thread that blocks: nothing responds sooner.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;

use anyhow::{Result, bail};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::request::Request;
use crate::{count_connection, response};

/// Tells the ports of HTTP and HTTPS.
pub fn listen(tls: Arc<ServerConfig>) -> Result<(u16, u16)> {
    let http = listen_with(serve)?;
    let https = listen_with(move |socket| {
        let session = ServerConnection::new(tls.clone())?;
        serve(StreamOwned::new(session, socket))
    })?;
    Ok((http, https))
}

fn listen_with<Serve>(serve: Serve) -> Result<u16>
where
    Serve: Fn(TcpStream) -> Result<()> + Clone + Send + 'static,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let serve = serve.clone();
            std::thread::spawn(move || {
                count_connection();
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

fn serve(mut stream: impl Read + Write) -> Result<()> {
    let response = response();
    let mut request = Request::default();
    while read(&mut stream, &mut request)? {
        stream.write_all(&response)?;
        request.clear();
    }
    Ok(())
}

/// Reads one request; false where the client has closed instead.
fn read(stream: &mut impl Read, request: &mut Request) -> Result<bool> {
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            // However a client leaves, with or without TLS's good-bye, is its own affair.
            Ok(0) | Err(_) if request.is_empty() => return Ok(false),
            Ok(0) => bail!("the client closed in the middle of a request"),
            Ok(read) if request.add(&buffer[..read])? => return Ok(true),
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
