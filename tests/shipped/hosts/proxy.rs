//! A proxy that leads wherever it is asked to, by HTTP CONNECT and by SOCKS5.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

pub struct Proxy {
    pub address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Proxy {
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let proxy = Proxy {
            address: listener.local_addr().expect("a listener has an address"),
            connections: Arc::default(),
        };
        let connections = Arc::clone(&proxy.connections);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                connections.fetch_add(1, Ordering::SeqCst);
                // Ends with the connection.
                thread::spawn(move || serve(client));
            }
        });
        proxy
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

fn serve(mut client: TcpStream) -> io::Result<()> {
    let mut first = [0];
    client.peek(&mut first)?;
    let target = match first {
        [5] => greet_socks(&mut client)?,
        _ => greet_http(&mut client)?,
    };
    let server = TcpStream::connect(target)?;
    let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut from_client, &mut to_server);
        to_server.shutdown(Shutdown::Write)
    });
    let _ = io::copy(&mut &server, &mut client);
    client.shutdown(Shutdown::Write)
}

fn greet_http(client: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.extend(read::<1>(client)?);
    }
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    let head = String::from_utf8_lossy(&head);
    let target = head.split(' ').nth(1).ok_or(io::ErrorKind::InvalidData)?;
    Ok(target.to_owned())
}

/// With user and password (RFC 1929), to a host of any type (RFC 1928).
fn greet_socks(client: &mut TcpStream) -> io::Result<String> {
    let [_version, methods] = read(client)?;
    read_vec(client, methods)?;
    client.write_all(&[5, 2])?;
    let [_version, user] = read(client)?;
    read_vec(client, user)?;
    let [password] = read(client)?;
    read_vec(client, password)?;
    client.write_all(&[1, 0])?;

    let [_version, _command, _reserved, host_type] = read(client)?;
    let host = match host_type {
        1 => Ipv4Addr::from(read::<4>(client)?).to_string(),
        _ => {
            let [length] = read(client)?;
            String::from_utf8_lossy(&read_vec(client, length)?).into_owned()
        }
    };
    let port = u16::from_be_bytes(read(client)?);
    client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])?;
    Ok(format!("{host}:{port}"))
}

fn read<const N: usize>(client: &mut TcpStream) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    client.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn read_vec(client: &mut TcpStream, length: u8) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::from(length)];
    client.read_exact(&mut bytes)?;
    Ok(bytes)
}
