//! TLS: a session that knows when it is between two records.

use std::io::{self, Read};
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, KeyProvider, ring};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::sign::SigningKey;
use rustls::{ClientConfig, ClientConnection, HandshakeKind, ProtocolVersion, RootCertStore};

use super::deadline::Limits;
use super::failure::Failure;
use super::socket::{Limited, Received, Socket};
use crate::sys::is_transient;

/// A client talks to one server, so a few are enough.
const SESSIONS: usize = 8;

/// What a client shakes hands with. It keeps no sessions: those are [`with_sessions`].
pub(crate) fn configuration(roots: Arc<RootCertStore>) -> Result<ClientConfig, rustls::Error> {
    let provider = CryptoProvider {
        key_provider: &NoKeys,
        ..ring::default_provider()
    };
    let mut configuration = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    configuration.resumption = Resumption::disabled();
    Ok(configuration)
}

/// This client shows no certificate: without what reads private keys and signs with them the library
/// is smaller.
#[derive(Debug)]
struct NoKeys;

impl KeyProvider for NoKeys {
    fn load_private_key(
        &self,
        _: PrivateKeyDer<'static>,
    ) -> Result<Arc<dyn SigningKey>, rustls::Error> {
        Err(rustls::Error::General("no private keys".to_owned()))
    }
}

/// The same with sessions, which a later handshake resumes: those of one process.
pub(super) fn with_sessions(configuration: &ClientConfig) -> Arc<ClientConfig> {
    let mut configuration = configuration.clone();
    configuration.resumption = Resumption::in_memory_sessions(SESSIONS);
    Arc::new(configuration)
}

pub(super) struct TlsSession {
    tls: ClientConnection,
    records: RecordBoundary,
    /// Whether any application data came.
    has_received: bool,
    /// Whether the server has said that it has read none.
    pub(super) is_unread: bool,
}

impl TlsSession {
    /// Shakes hands with the server.
    pub(super) fn open(
        configuration: Arc<ClientConfig>,
        name: ServerName<'static>,
        socket: &Socket,
        limits: &Limits,
    ) -> Result<Self, Failure> {
        let mut session = TlsSession {
            tls: ClientConnection::new(configuration, name).map_err(Failure::Tls)?,
            records: RecordBoundary::default(),
            has_received: false,
            is_unread: false,
        };
        let completed = session.tls.complete_io(&mut Tracked {
            source: Limited { socket, limits },
            records: &mut session.records,
        });
        let Err(error) = completed else {
            return Ok(session);
        };
        Err(
            match (Failure::from(error), session.receive(socket, &mut [0])) {
                (Failure::Tls(error), _) => session.failure(error),
                // A server that breaks a connection off may have said why before.
                (Failure::Broken { .. }, Err(reason)) => reason,
                (failure, _) => failure,
            },
        )
    }

    /// With an alert about the client's certificate the server ends the handshake: it has read nothing
    /// that came behind it. In TLS 1.3 a request may have left by then.
    fn failure(&mut self, error: rustls::Error) -> Failure {
        use rustls::AlertDescription as Alert;

        let is_about_certificate = match error {
            rustls::Error::AlertReceived(
                Alert::CertificateRequired
                | Alert::BadCertificate
                | Alert::UnsupportedCertificate
                | Alert::CertificateRevoked
                | Alert::CertificateExpired
                | Alert::CertificateUnknown
                | Alert::UnknownCA
                | Alert::AccessDenied,
            ) => true,
            // TLS 1.2 has no alert of its own for it, and once there is a cipher, no other reason is left.
            // But after a completed handshake of TLS 1.2 it ends a renegotiation, before which a server
            // may have read the request.
            rustls::Error::AlertReceived(Alert::HandshakeFailure) => {
                self.tls.negotiated_cipher_suite().is_some()
                    && (self.tls.is_handshaking()
                        || self.tls.protocol_version() == Some(ProtocolVersion::TLSv1_3))
            }
            _ => false,
        };
        self.is_unread = is_about_certificate && !self.has_received;
        Failure::Tls(match is_about_certificate {
            true => rustls::Error::AlertReceived(Alert::CertificateRequired),
            false => error,
        })
    }

    pub(super) fn is_resumed(&self) -> bool {
        self.tls.handshake_kind() == Some(HandshakeKind::Resumed)
    }

    /// Takes plaintext, all of which [`send`](Self::send) has yet to send.
    pub(super) fn encrypt(&mut self, plaintext: &[u8]) -> io::Result<usize> {
        io::Write::write(&mut self.tls.writer(), plaintext)
    }

    pub(super) fn send(&mut self, mut socket: &Socket) -> io::Result<()> {
        self.tls.write_tls(&mut socket).map(|_| ())
    }

    pub(super) fn is_flushed(&self) -> bool {
        !self.tls.wants_write()
    }

    /// Whether TLS has something to say by itself: an alert, or new keys, which rustls holds back until
    /// something is written.
    pub(super) fn wants_to_send(&mut self) -> bool {
        let _ = self.encrypt(&[]);
        !self.is_flushed()
    }

    /// Says that nothing more will come, as far as the kernel takes that at once.
    pub(super) fn send_close_notify(&mut self, socket: &Socket) {
        self.tls.send_close_notify();
        while !self.is_flushed() && self.send(socket).is_ok() {}
    }

    /// Receives at most once: a peer that sends records without end and without content must not
    /// keep a call from its deadline.
    pub(super) fn receive(
        &mut self,
        socket: &Socket,
        into: &mut [u8],
    ) -> Result<Received, Failure> {
        match self.decrypted(into)? {
            Received::Nothing => {}
            received => return Ok(received),
        }
        let mut tracked = Tracked {
            source: socket,
            records: &mut self.records,
        };
        match self.tls.read_tls(&mut tracked) {
            Err(error) if is_transient(&error) => return Ok(Received::Nothing),
            read => read?,
        };
        let processed = self.tls.process_new_packets();
        processed.map_err(|error| self.failure(error))?;
        Ok(self.decrypted(into)?)
    }

    fn decrypted(&mut self, into: &mut [u8]) -> io::Result<Received> {
        let received = Received::of(self.tls.reader().read(into))?;
        self.has_received |= matches!(received, Received::Bytes(_));
        Ok(received)
    }

    /// Whether there is something to read that came over the socket earlier.
    pub(super) fn has_received(&mut self) -> bool {
        use std::io::BufRead;
        !matches!(self.tls.reader().fill_buf(), Err(error) if is_transient(&error))
    }

    /// Whether nothing of what came is left over: no plaintext, and no part of a record either, of
    /// which rustls does not tell.
    pub(super) fn is_at_rest(&mut self) -> bool {
        self.records.is_between() && !self.has_received()
    }
}

/// Follows the framing of TLS records: a type, a version, a length, and that many bytes (RFC 8446,
/// section 5.1).
#[derive(Default)]
struct RecordBoundary {
    header: [u8; 5],
    header_bytes: usize,
    remaining: usize,
}

impl RecordBoundary {
    fn pass(&mut self, mut bytes: &[u8]) {
        while let [first, rest @ ..] = bytes {
            if self.remaining > 0 {
                let passed = self.remaining.min(bytes.len());
                self.remaining -= passed;
                bytes = bytes.split_at(passed).1;
                continue;
            }
            if let Some(place) = self.header.get_mut(self.header_bytes) {
                *place = *first;
                self.header_bytes += 1;
                bytes = rest;
            }
            if self.header_bytes == self.header.len() {
                let [_, _, _, high, low] = self.header;
                self.remaining = usize::from(u16::from_be_bytes([high, low]));
                self.header_bytes = 0;
            }
        }
    }

    fn is_between(&self) -> bool {
        self.remaining == 0 && self.header_bytes == 0
    }
}

/// A socket whose incoming records are followed.
struct Tracked<'a, S> {
    source: S,
    records: &'a mut RecordBoundary,
}

impl<S: Read> Read for Tracked<'_, S> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(into)?;
        self.records.pass(into.get(..count).unwrap_or_default());
        Ok(count)
    }
}

impl<S: io::Write> io::Write for Tracked<'_, S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.source.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.source.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::RecordBoundary;

    #[test]
    fn boundary_is_known_however_the_bytes_are_cut() {
        let stream = [
            23, 3, 3, 0, 3, b'a', b'b', b'c', // a record of three bytes
            22, 3, 3, 0, 0, // an empty one
            23, 3, 3, 0, 1, b'd',
        ];
        for chunk in 1..=stream.len() {
            let mut records = RecordBoundary::default();
            let mut passed = 0;
            for bytes in stream.chunks(chunk) {
                records.pass(bytes);
                passed += bytes.len();
                let between = [0, 8, 13, 19].contains(&passed);
                assert_eq!(records.is_between(), between, "{passed} bytes in {chunk}s");
            }
        }
    }
}
