//! TCP connections.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::ops::Deref;
use std::os::windows::io::AsRawSocket;
use std::ptr;

use socket2::{Domain, Protocol, Socket, Type};
use windows_sys::Win32::Networking::WinSock::{
    SIO_TCP_INITIAL_RTO, SOCKET, TCP_INITIAL_RTO_NO_SYN_RETRANSMISSIONS,
    TCP_INITIAL_RTO_PARAMETERS, WSAIoctl,
};

/// How much the system takes before the peer has it. There is no limit to what is not yet sent: with
/// this one, more counts as sent than could leave, but not megabytes.
const SEND_BUFFER_BYTES: usize = 16 * 1024;

/// A TCP connection. It never blocks, and no child process inherits it.
#[derive(Debug)]
pub(crate) struct TcpSocket(TcpStream);

impl TcpSocket {
    /// Begins to open a connection, which goes on in the background: the socket becomes writable when
    /// that has succeeded, or failed.
    pub(crate) fn begin_connect(to: SocketAddr) -> io::Result<Self> {
        let domain = Domain::for_address(to);
        let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        // A request is written as a whole: there is nothing to wait for.
        socket.set_tcp_nodelay(true)?;
        let _ = socket.set_send_buffer_size(SEND_BUFFER_BYTES);
        if to.ip().is_loopback() {
            believe_the_first_refusal(&socket);
        }
        match socket.connect(&to.into()) {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            _ => Ok(TcpSocket(socket.into())),
        }
    }

    /// Ends the sending, which tells the peer. What it says can still be received.
    pub(crate) fn end_sending(&self) {
        // It may have ended already.
        let _ = self.shutdown(Shutdown::Write);
    }

    pub(super) fn raw(&self) -> SOCKET {
        self.as_raw_socket() as SOCKET
    }
}

/// Windows asks a port at which nobody listens three times, over two seconds. On this machine the
/// first response is as good as the third. Without it a refusal takes longer, and no more.
fn believe_the_first_refusal(socket: &Socket) {
    let parameters = TCP_INITIAL_RTO_PARAMETERS {
        Rtt: TCP_INITIAL_RTO_NO_SYN_RETRANSMISSIONS,
        MaxSynRetransmissions: TCP_INITIAL_RTO_NO_SYN_RETRANSMISSIONS as u8,
    };
    let mut returned = 0;
    // SAFETY: the socket is open, and the parameters are what this request takes; it returns nothing.
    unsafe {
        WSAIoctl(
            socket.as_raw_socket() as SOCKET,
            SIO_TCP_INITIAL_RTO,
            (&raw const parameters).cast(),
            size_of_val(&parameters) as u32,
            ptr::null_mut(),
            0,
            &mut returned,
            ptr::null_mut(),
            None,
        );
    }
}

impl Deref for TcpSocket {
    type Target = TcpStream;

    fn deref(&self) -> &TcpStream {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::TcpSocket;

    impl From<TcpStream> for TcpSocket {
        fn from(stream: TcpStream) -> Self {
            stream.set_nonblocking(true).expect("a socket");
            TcpSocket(stream)
        }
    }
}
