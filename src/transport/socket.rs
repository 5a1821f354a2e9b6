//! The socket under a connection: it never blocks.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};

use super::wait::is_transient;

#[derive(Debug)]
pub(crate) struct Socket(TcpStream);

impl Socket {
    pub(super) fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Socket(stream))
    }

    /// Whether the peer has said nothing that was not received, a good-bye included.
    pub(super) fn is_silent(&self) -> bool {
        matches!(self.0.peek(&mut [0]), Err(error) if is_transient(&error))
    }

    /// Ends the connection, both ways. What has come over it can still be read.
    pub(super) fn shut_down(&self) {
        // It may be at its end already.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Read for &Socket {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        (&self.0).read(into)
    }
}

/// Takes what the kernel has room for. Where the peer is gone, it fails without a SIGPIPE: so no
/// `writev`, which would bring one.
impl Write for &Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&self.0).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
