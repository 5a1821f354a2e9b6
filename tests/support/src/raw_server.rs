//! A server that does on the wire, byte for byte, what a test tells it to, and knows what it saw.
//!
//! Each connection is served by a script: an ordinary function of the [`Peer`], which is the
//! server's side of that connection. An error ends the script and closes the connection.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::ServerSessionMemoryCache;
use rustls::{HandshakeKind, ServerConfig, ServerConnection};
use serde_json::{Value, json};
use socket2::{Domain, SockRef, Socket, Type};

use crate::c;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scheme {
    Http,
    Https,
}

pub const SCHEMES: [Scheme; 2] = [Scheme::Http, Scheme::Https];

/// How a connection ends before its time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    Reset,
    Close,
    /// It stays open, and nothing more comes or is read.
    Stop,
}

pub const ENDINGS: [Ending; 3] = [Ending::Reset, Ending::Close, Ending::Stop];

/// A whole request: head and body.
#[derive(Clone, Debug)]
pub struct Request {
    pub head: String,
    pub body: String,
    /// When its last byte was there.
    pub arrived: Instant,
}

impl Request {
    /// What tells messages apart: their `post_back_data`.
    pub fn tag(&self) -> String {
        let body: Value = serde_json::from_str(&self.body).expect("a message is JSON");
        body["post_back_data"].as_str().expect("a tag").to_owned()
    }
}

pub struct RawServer {
    address: SocketAddr,
    scheme: Scheme,
    seen: Arc<Seen>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Seen {
    requests: Mutex<Vec<Request>>,
    handshakes: Mutex<Vec<HandshakeKind>>,
    connections: AtomicUsize,
    closed: AtomicUsize,
    /// To end the scripts that still read when a server is dropped.
    sockets: Mutex<Vec<Weak<TcpStream>>>,
    scripts: Mutex<Vec<JoinHandle<()>>>,
    is_over: Mutex<bool>,
    over: Condvar,
}

impl RawServer {
    pub fn start(
        scheme: Scheme,
        script: impl Fn(&mut Peer) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self::on(listener(), scheme, script)
    }

    pub fn on(
        listener: TcpListener,
        scheme: Scheme,
        script: impl Fn(&mut Peer) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let address = listener.local_addr().expect("a listener has an address");
        let seen = Arc::new(Seen::default());
        let acceptor = thread::spawn({
            let seen = Arc::clone(&seen);
            let script = Arc::new(script);
            move || {
                for socket in listener.incoming() {
                    if *lock(&seen.is_over) {
                        return;
                    }
                    let socket = socket.expect("a connection can be accepted");
                    let mut peer = Peer::new(socket, scheme, &seen);
                    let script = Arc::clone(&script);
                    let running = thread::Builder::new()
                        .stack_size(256 * 1024)
                        // The client's going away is what ends many a script.
                        .spawn(move || {
                            drop(script(&mut peer));
                            let seen = Arc::clone(&peer.seen);
                            drop(peer);
                            seen.closed.fetch_add(1, Ordering::SeqCst);
                        })
                        .expect("a thread can be started");
                    lock(&seen.scripts).push(running);
                }
            }
        });
        RawServer {
            address,
            scheme,
            seen,
            acceptor: Some(acceptor),
        }
    }

    /// One that accepts every message.
    pub fn accepting(scheme: Scheme) -> Self {
        Self::start(scheme, Peer::serve)
    }

    /// One that gives every request the same response.
    pub fn responding(scheme: Scheme, response: Vec<u8>) -> Self {
        Self::start(scheme, move |peer| {
            loop {
                peer.request()?;
                peer.send(&response)?;
            }
        })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn base_url(&self) -> String {
        match self.scheme {
            Scheme::Http => format!("http://{}", self.address),
            Scheme::Https => format!("https://{}", self.address),
        }
    }

    /// What a client of this server needs: its URL and CA, and no proxy, but such as a test puts there.
    pub fn options(&self) -> Value {
        json!({
            "base_url": self.base_url(), "ca_file": ca_file(), "proxy": "",
            "allow_plain_http": true,
        })
    }

    /// [`options`](Self::options) and more.
    pub fn options_with(&self, more: Value) -> Value {
        let mut options = self.options();
        let all = options.as_object_mut().expect("an object");
        all.extend(more.as_object().expect("an object").clone());
        options
    }

    /// The whole requests, in the order in which they came.
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.seen.requests).clone()
    }

    pub fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    pub fn handshakes(&self) -> Vec<HandshakeKind> {
        lock(&self.seen.handshakes).clone()
    }

    /// Waits until `count` connections have come.
    pub fn await_connections(&self, count: usize) {
        await_true("connections", || self.connections() >= count);
    }

    /// Waits until the server has closed `count` connections.
    pub fn await_closed(&self, count: usize) {
        await_true("ends", || self.seen.closed.load(Ordering::SeqCst) >= count);
    }

    /// Waits until `count` whole requests have come.
    pub fn await_requests(&self, count: usize) {
        await_true("requests", || lock(&self.seen.requests).len() >= count);
    }

    /// Lets the scripts that stopped read the rest of what was sent to them, and returns all whole
    /// requests. The clients must be gone: the scripts read until the end.
    pub fn finish(mut self) -> Vec<Request> {
        self.stop_accepting();
        let scripts = std::mem::take(&mut *lock(&self.seen.scripts));
        for script in scripts {
            script.join().expect("a script does not panic");
        }
        self.requests()
    }

    fn stop_accepting(&mut self) {
        *lock(&self.seen.is_over) = true;
        self.seen.over.notify_all();
        if let Some(acceptor) = self.acceptor.take() {
            // Wakes it; it may be gone already.
            let _ = TcpStream::connect(self.address);
            let _ = acceptor.join();
        }
    }
}

impl Drop for RawServer {
    fn drop(&mut self) {
        self.stop_accepting();
        for socket in lock(&self.seen.sockets)
            .drain(..)
            .filter_map(|it| it.upgrade())
        {
            // The client may have closed it.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

/// The server's side of one connection.
pub struct Peer {
    /// How many connections came before this one.
    pub number: usize,
    wire: Wire,
    tls: Option<ServerConnection>,
    /// What was read and belongs to the next request.
    inbox: Vec<u8>,
    seen: Arc<Seen>,
}

impl Peer {
    fn new(socket: TcpStream, scheme: Scheme, seen: &Arc<Seen>) -> Self {
        socket.set_nodelay(true).expect("a socket has options");
        let socket = Arc::new(socket);
        lock(&seen.sockets).push(Arc::downgrade(&socket));
        Peer {
            number: seen.connections.fetch_add(1, Ordering::SeqCst),
            wire: Wire {
                socket,
                readable: usize::MAX,
                writable: usize::MAX,
                was_read: 0,
                was_written: 0,
            },
            tls: (scheme == Scheme::Https).then(new_session),
            inbox: Vec::new(),
            seen: Arc::clone(seen),
        }
    }

    /// Accepts every message.
    pub fn serve(&mut self) -> io::Result<()> {
        loop {
            let request = self.request()?;
            self.send(&accepted(&request.tag()))?;
        }
    }

    /// Reads a whole request.
    pub fn request(&mut self) -> io::Result<Request> {
        loop {
            if let Some((head, body, length)) = whole_request(&self.inbox) {
                self.inbox.drain(..length);
                let request = Request {
                    head,
                    body,
                    arrived: Instant::now(),
                };
                lock(&self.seen.requests).push(request.clone());
                return Ok(request);
            }
            let mut bytes = [0; 16 * 1024];
            match self.read(&mut bytes)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => self.inbox.extend(&bytes[..count]),
            }
        }
    }

    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)?;
        self.flush()
    }

    /// Shakes hands, which otherwise happens with the first byte that is read or sent.
    pub fn handshake(&mut self) -> io::Result<()> {
        while let Some(tls) = self.tls.as_mut().filter(|tls| tls.is_handshaking()) {
            tls.complete_io(&mut self.wire)?;
            self.note_handshake();
        }
        Ok(())
    }

    fn note_handshake(&mut self) {
        let kind = self.tls.as_ref().and_then(|tls| tls.handshake_kind());
        lock(&self.seen.handshakes).extend(kind);
    }

    /// Says something over TLS that belongs to no response: new keys, on which the client may have to
    /// say the same.
    pub fn renew_keys(&mut self) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            tls.refresh_traffic_keys().map_err(io::Error::other)?;
        }
        self.flush()
    }

    /// From now on, no more than `count` bytes are read off the wire; then the script fails.
    pub fn read_at_most(&mut self, count: usize) {
        self.wire.readable = count;
    }

    /// From now on, no more than `count` bytes are put on the wire; then the script fails.
    pub fn send_at_most(&mut self, count: usize) {
        self.wire.writable = count;
    }

    /// How many bytes were read off the wire and put on it.
    pub fn passed(&self) -> (usize, usize) {
        (self.wire.was_read, self.wire.was_written)
    }

    /// Encrypts without sending: what would go over the wire.
    pub fn encrypted(&mut self, plaintext: &[u8]) -> Vec<u8> {
        match &mut self.tls {
            None => plaintext.to_vec(),
            Some(tls) => {
                let mut wire = Vec::new();
                tls.writer().write_all(plaintext).expect("room for it");
                while tls.wants_write() {
                    tls.write_tls(&mut wire).expect("a vector takes all");
                }
                wire
            }
        }
    }

    /// Sends bytes as they are, encrypted before or not at all.
    pub fn send_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.wire.write_all(bytes)
    }

    /// The last line of a script: it closes the connection, and this says how.
    pub fn end(&mut self, ending: Ending) -> io::Result<()> {
        match ending {
            Ending::Reset => SockRef::from(&*self.wire.socket).set_linger(Some(Duration::ZERO)),
            Ending::Close => Ok(()),
            Ending::Stop => {
                self.stop();
                Ok(())
            }
        }
    }

    /// Says that nothing more will come: over TLS with a `close_notify`, and with a FIN. What the
    /// client sends can still be read.
    pub fn close_output(&mut self) -> io::Result<()> {
        self.send_close_notify()?;
        self.close_bare_output()
    }

    /// The same with a FIN alone, which over TLS may be a cut.
    pub fn close_bare_output(&mut self) -> io::Result<()> {
        self.wire.socket.shutdown(Shutdown::Write)
    }

    /// Says over TLS that nothing more will come, and leaves the connection open.
    pub fn send_close_notify(&mut self) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            tls.write_tls(&mut self.wire)?;
        }
        Ok(())
    }

    /// Lets the TLS session come upon a record that it cannot read, and sends the alert that it has
    /// for that: fatal, and encrypted.
    pub fn send_fatal_alert(&mut self) -> io::Result<()> {
        let tls = self.tls.as_mut().expect("a session");
        let mut unreadable = io::repeat(0x17);
        while tls.process_new_packets().is_ok() {
            tls.read_tls(&mut unreadable)?;
        }
        while tls.wants_write() {
            tls.write_tls(&mut self.wire)?;
        }
        Ok(())
    }

    /// Neither reads nor sends until the server finishes; then reads what there is.
    pub fn stop(&mut self) {
        let mut is_over = lock(&self.seen.is_over);
        while !*is_over {
            is_over = self
                .seen
                .over
                .wait(is_over)
                .unwrap_or_else(PoisonError::into_inner);
        }
        drop(is_over);
        self.wire.readable = usize::MAX;
        self.wire.writable = usize::MAX;
        while self.request().is_ok() {}
    }

    /// Passes everything on, both ways, until one side closes.
    pub fn tunnel(&mut self, to: SocketAddr) -> io::Result<()> {
        let mut far = TcpStream::connect(to)?;
        far.set_nodelay(true)?;
        let near = Arc::clone(&self.wire.socket);
        let mut from_far = far.try_clone()?;
        let back = thread::spawn(move || {
            // It ends with the connection, one way or the other.
            let _ = io::copy(&mut from_far, &mut &*near);
            let _ = near.shutdown(Shutdown::Both);
        });
        let _ = io::copy(&mut &*self.wire.socket, &mut far);
        let _ = far.shutdown(Shutdown::Both);
        back.join().expect("copying does not panic");
        Ok(())
    }

    /// Waits for the client to say something more, or to close; `false` if it does neither.
    pub fn wait_readable(&mut self, patience: Duration) -> io::Result<bool> {
        self.wire.socket.set_read_timeout(Some(patience))?;
        let peeked = self.wire.socket.peek(&mut [0]);
        self.wire.socket.set_read_timeout(None)?;
        match peeked {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl Read for Peer {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.handshake()?;
        match &mut self.tls {
            None => self.wire.read(into),
            Some(tls) => rustls::Stream::new(tls, &mut self.wire).read(into),
        }
    }
}

impl Write for Peer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.handshake()?;
        match &mut self.tls {
            None => self.wire.write(bytes),
            Some(tls) => rustls::Stream::new(tls, &mut self.wire).write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.tls {
            None => Ok(()),
            Some(tls) => rustls::Stream::new(tls, &mut self.wire).flush(),
        }
    }
}

/// A socket that passes only so many bytes each way.
struct Wire {
    socket: Arc<TcpStream>,
    readable: usize,
    writable: usize,
    was_read: usize,
    was_written: usize,
}

impl Read for Wire {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let limit = into.len().min(self.readable);
        if limit == 0 {
            return Err(io::Error::other("all was read that may be read"));
        }
        let count = (&*self.socket).read(&mut into[..limit])?;
        self.readable -= count;
        self.was_read += count;
        Ok(count)
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let limit = bytes.len().min(self.writable);
        if limit == 0 {
            return Err(io::Error::other("all was sent that may be sent"));
        }
        let count = (&*self.socket).write(&bytes[..limit])?;
        self.writable -= count;
        self.was_written += count;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Head, body and length of the request at the beginning of `bytes`, if it is whole, and no CONNECT.
fn whole_request(bytes: &[u8]) -> Option<(String, String, usize)> {
    let head_length = 4 + bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8(bytes[..head_length].to_vec()).expect("a head is ASCII");
    let body_length: usize = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))?
        .parse()
        .expect("a length is a number");
    let length = head_length + body_length;
    let body = bytes.get(head_length..length)?.to_vec();
    Some((
        head,
        String::from_utf8(body).expect("JSON is UTF-8"),
        length,
    ))
}

/// The response to a message that was queued.
pub fn accepted(request_id: &str) -> Vec<u8> {
    let body = json!({ "success": true, "message": "Queued.", "request_id": request_id });
    response(202, "", &body.to_string())
}

/// A response with further header lines, each of which ends in `\r\n`.
pub fn response(status: u16, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status} Status\r\n{headers}content-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").expect("a free port")
}

/// A listener whose connections take in little before somebody reads, so that a large message
/// stands still in the middle.
pub fn narrow_listener() -> TcpListener {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.set_recv_buffer_size(4096).expect("an option");
    // Small segments make for a small buffer on the other side as well.
    #[cfg(unix)]
    socket.set_tcp_mss(536).expect("an option");
    socket.bind(&any_port().into()).expect("a free port");
    socket.listen(128).expect("a listener");
    socket.into()
}

/// A listener whose queue is full: who connects to it hears nothing.
pub struct BlackHole {
    pub address: SocketAddr,
    _listener: Socket,
    _queue: Vec<Socket>,
}

impl BlackHole {
    pub fn new() -> Self {
        Self::at(any_port())
    }

    pub fn at(address: SocketAddr) -> Self {
        let new_socket = || {
            let socket = Socket::new(Domain::for_address(address), Type::STREAM, None);
            socket.expect("a socket")
        };
        let listener = new_socket();
        listener.bind(&address.into()).expect("a free port");
        listener.listen(0).expect("a listener");
        let bound = listener.local_addr().expect("an address");
        let mut queue = Vec::new();
        // Until one is not taken any more.
        loop {
            let socket = new_socket();
            let taken = socket.connect_timeout(&bound, Duration::from_millis(200));
            queue.push(socket);
            if taken.is_err() {
                break;
            }
        }
        BlackHole {
            address: bound.as_socket().expect("an IP address"),
            _listener: listener,
            _queue: queue,
        }
    }
}

fn any_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// The PEM file that clients of these servers have to trust.
pub fn ca_file() -> &'static Path {
    &identity().ca_file
}

struct Identity {
    configuration: Arc<ServerConfig>,
    ca_file: PathBuf,
}

fn new_session() -> ServerConnection {
    ServerConnection::new(Arc::clone(&identity().configuration)).expect("a configuration")
}

/// One certificate for all servers of a test program.
fn identity() -> &'static Identity {
    static IDENTITY: OnceLock<Identity> = OnceLock::new();
    IDENTITY.get_or_init(|| {
        let ca_key = KeyPair::generate().expect("a key");
        let mut ca = CertificateParams::default();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca_pem = ca.self_signed(&ca_key).expect("a certificate").pem();
        let ca_file = c::scratch().join(format!("{}-ca.pem", std::process::id()));
        fs::write(&ca_file, ca_pem).expect("the target directory is writable");

        // Its signatures are all of one length, and so are the handshakes.
        let key = KeyPair::generate_for(&rcgen::PKCS_ED25519).expect("a key");
        let names = ["localhost", "127.0.0.1", "::1", "api.test"].map(str::to_owned);
        let certificate = CertificateParams::new(names)
            .and_then(|server| server.signed_by(&key, &Issuer::new(ca, ca_key)))
            .expect("a certificate");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut configuration = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(key.serialize_der().into()),
            )
            .expect("a key that fits its certificate");
        // One server's sessions must not push out another's.
        configuration.session_storage = ServerSessionMemoryCache::new(100_000);
        Identity {
            configuration: Arc::new(configuration),
            ca_file,
        }
    })
}

/// What a script waits at until a test opens it.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub fn open(&self) {
        *lock(&self.0.0) = true;
        self.0.1.notify_all();
    }

    /// Gives up after a minute, so that a test that fails ends.
    pub fn pass(&self) {
        let (is_open, opened) = &*self.0;
        let minute = Duration::from_secs(60);
        let waited = opened.wait_timeout_while(lock(is_open), minute, |is_open| !*is_open);
        drop(waited);
    }
}

fn await_true(what: &str, condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < Duration::from_secs(60), "no {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
