//! The socket under a connection: it never blocks.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use super::deadline::is_transient;
use crate::counts::Counts;

#[derive(Debug)]
pub(crate) struct Socket {
    stream: TcpStream,
    counts: Arc<Counts>,
}

/// What a receive came back with.
pub(super) enum Received {
    Bytes(usize),
    /// Not yet.
    Nothing,
    End,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, counts: Arc<Counts>) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Socket { stream, counts })
    }

    pub(super) fn peer(&self) -> Option<SocketAddr> {
        self.stream.peer_addr().ok()
    }

    /// Whether the peer has said nothing that was not received, a good-bye included.
    pub(super) fn is_silent(&self) -> bool {
        matches!(self.stream.peek(&mut [0]), Err(error) if is_transient(&error))
    }

    pub(super) fn receive(&self, into: &mut [u8]) -> io::Result<Received> {
        let mut socket = self;
        match socket.read(into) {
            Ok(0) => Ok(Received::End),
            Ok(count) => Ok(Received::Bytes(count)),
            Err(error) if is_transient(&error) => Ok(Received::Nothing),
            Err(error) => Err(error),
        }
    }

    /// Ends the connection, both ways. What has come over it can still be read.
    pub(super) fn shut_down(&self) {
        // It may be at its end already.
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

impl Read for &Socket {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = (&self.stream).read(into)?;
        self.counts.bytes_received.add(count);
        Ok(count)
    }
}

/// Takes what the kernel has room for. Where the peer is gone, it fails without a SIGPIPE: so no
/// `writev`, which would bring one.
impl Write for &Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = (&self.stream).write(bytes)?;
        self.counts.bytes_sent.add(count);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Read};
    use std::net::{TcpListener, TcpStream};
    use std::sync::Arc;
    use std::time::Duration;

    use socket2::SockRef;

    use super::{Received, Socket};

    fn connected() -> io::Result<(Socket, TcpStream)> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let stream = TcpStream::connect(listener.local_addr()?)?;
        let (peer, _) = listener.accept()?;
        peer.set_read_timeout(Some(Duration::from_secs(10)))?;
        Ok((Socket::new(stream, Arc::default())?, peer))
    }

    #[test]
    fn nothing_yet_is_neither_an_end_nor_an_error_and_a_reset_is_one() {
        let (socket, peer) = connected().expect("loopback");
        assert!(socket.is_silent());
        assert!(matches!(socket.receive(&mut [0; 8]), Ok(Received::Nothing)));
        SockRef::from(&peer)
            .set_linger(Some(Duration::ZERO))
            .expect("an option");
        drop(peer);
        assert!(socket.receive(&mut [0; 8]).is_err());
    }

    #[test]
    fn peer_of_a_socket_that_was_shut_down_is_told() {
        let (socket, mut peer) = connected().expect("loopback");
        socket.shut_down();
        assert_eq!(peer.read(&mut [0; 8]).expect("an end"), 0);
        // It may be so already.
        socket.shut_down();
    }
}
