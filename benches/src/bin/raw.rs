//! The floor: a socket, a request written by hand, and no more of the response read than its end.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use zixflow_benches::{Arguments, HEADERS, PATH};

fn main() {
    zixflow_benches::drive(|arguments| {
        let (scheme, authority) = arguments.base_url.split_once("://").expect("a base URL");
        let mut exchange: Box<dyn Exchange> = match scheme {
            "https" => Box::new(Tls::connect(authority, arguments)),
            _ => Box::new(connect(authority)),
        };
        let request = request(authority, &arguments.message);
        let mut response = [0; 4096];
        move || {
            exchange.write(&request);
            let mut filled = 0;
            while !is_complete(&response[..filled]) {
                filled += exchange.read(&mut response[filled..]);
            }
            assert!(response.starts_with(b"HTTP/1.1 200 "));
        }
    });
}

fn request(authority: &str, message: &str) -> Vec<u8> {
    let mut request = format!("POST {PATH} HTTP/1.1\r\nhost: {authority}\r\n");
    for (name, value) in HEADERS {
        request += &format!("{name}: {value}\r\n");
    }
    request += &format!("content-length: {}\r\n\r\n{message}", message.len());
    request.into_bytes()
}

fn is_complete(response: &[u8]) -> bool {
    const LENGTH: &[u8] = b"content-length: ";
    let Some(head) = response.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
        return false;
    };
    let length = response[..head]
        .windows(LENGTH.len())
        .position(|bytes| bytes == LENGTH)
        .expect("the server states the length");
    let length: usize = response[length + LENGTH.len()..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .fold(0, |length, digit| length * 10 + usize::from(digit - b'0'));
    response.len() == head + 4 + length
}

/// Bytes of HTTP out and in, each with one system call where the kernel allows.
trait Exchange {
    fn write(&mut self, request: &[u8]);
    fn read(&mut self, response: &mut [u8]) -> usize;
}

fn connect(authority: &str) -> TcpStream {
    let socket = TcpStream::connect(authority).expect("the server listens");
    socket.set_nodelay(true).expect("a TCP socket");
    let timeout = Some(Duration::from_secs(30));
    socket.set_read_timeout(timeout).expect("a TCP socket");
    socket
}

impl Exchange for TcpStream {
    fn write(&mut self, request: &[u8]) {
        self.write_all(request).expect("the server reads");
    }

    fn read(&mut self, response: &mut [u8]) -> usize {
        let read = Read::read(self, response).expect("the server responds");
        assert_ne!(read, 0, "the server closed the connection");
        read
    }
}

struct Tls {
    socket: TcpStream,
    session: ClientConnection,
}

impl Tls {
    fn connect(authority: &str, arguments: &Arguments) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring supports them")
            .with_root_certificates(arguments.roots())
            .with_no_client_auth();
        let (host, _port) = authority.split_once(':').expect("a port");
        let name = ServerName::try_from(host.to_owned()).expect("a host");
        let session = ClientConnection::new(Arc::new(config), name).expect("a configuration");
        Self {
            socket: connect(authority),
            session,
        }
    }
}

impl Exchange for Tls {
    fn write(&mut self, request: &[u8]) {
        while self.session.is_handshaking() {
            self.session.complete_io(&mut self.socket).expect("TLS");
        }
        self.session.writer().write_all(request).expect("room");
        while self.session.wants_write() {
            self.session.write_tls(&mut self.socket).expect("TLS");
        }
    }

    fn read(&mut self, response: &mut [u8]) -> usize {
        loop {
            match self.session.reader().read(response) {
                Ok(read) => return read,
                Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock),
            }
            let read = self.session.read_tls(&mut self.socket).expect("TLS");
            assert_ne!(read, 0, "the server closed the connection");
            self.session.process_new_packets().expect("TLS");
        }
    }
}
