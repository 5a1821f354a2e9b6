//! TCP connections.

use std::io;
use std::mem::ManuallyDrop;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::ops::Deref;
use std::os::fd::AsRawFd;

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::descriptors;

/// How much the kernel takes ahead of what the peer has room for. Else it takes megabytes, and a message
/// counts as sent while most of it cannot leave.
const MOST_UNSENT_BYTES: u32 = 16 * 1024;

/// A TCP connection. It never blocks, and a child of a fork closes it.
#[derive(Debug)]
pub(crate) struct TcpSocket(ManuallyDrop<TcpStream>);

impl TcpSocket {
    /// Begins to open a connection, which goes on in the background: the socket becomes writable when
    /// that has succeeded, or failed.
    pub(crate) fn begin_connect(to: SocketAddr) -> io::Result<Self> {
        let domain = Domain::for_address(to);
        let stream = descriptors::open(|| Socket::new(domain, Type::STREAM, Some(Protocol::TCP)))?;
        let socket = TcpSocket(ManuallyDrop::new(stream.into()));
        socket.set_nonblocking(true)?;
        // A request is written as a whole: there is nothing to wait for.
        socket.set_nodelay(true)?;
        // Where a kernel has no such limit, more counts as sent than could leave.
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let _ = SockRef::from(&*socket).set_tcp_notsent_lowat(MOST_UNSENT_BYTES);
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        let _ = SockRef::from(&*socket).set_send_buffer_size(MOST_UNSENT_BYTES as usize);
        match SockRef::from(&*socket).connect(&to.into()) {
            Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => Err(error),
            _ => Ok(socket),
        }
    }

    /// Ends the sending, which tells the peer. What it says can still be received.
    pub(crate) fn end_sending(&self) {
        // It may have ended already.
        let _ = self.shutdown(Shutdown::Write);
    }
}

impl Deref for TcpSocket {
    type Target = TcpStream;

    fn deref(&self) -> &TcpStream {
        &self.0
    }
}

impl Drop for TcpSocket {
    fn drop(&mut self) {
        descriptors::close(self.as_raw_fd());
    }
}

#[cfg(test)]
mod tests {
    use std::mem::ManuallyDrop;
    use std::net::TcpStream;

    use super::{TcpSocket, descriptors};

    impl From<TcpStream> for TcpSocket {
        fn from(stream: TcpStream) -> Self {
            stream.set_nonblocking(true).expect("a socket");
            let stream = descriptors::open(|| Ok(stream)).expect("it is open");
            TcpSocket(ManuallyDrop::new(stream.into()))
        }
    }
}
