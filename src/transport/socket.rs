//! The socket under a connection.
//!
//! It waits for an answer in the receive itself, where everything else waits in `poll`: that spares
//! each send one system call of four.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use socket2::SockRef;

use super::failure::Failure;
use super::wait::{Alarm, Interrupted, Limits, is_transient};

/// How far the kernel's time-out of a receive may be from the time that is left. Within this it need
/// not be told anew for each call, and a call still ends well within the 100 ms that are promised.
const TOLERANCE: Duration = Duration::from_millis(20);

#[derive(Debug)]
pub(super) struct Socket {
    stream: Arc<TcpStream>,
    /// How long the kernel lets a receive wait, as it was last told.
    receive_timeout: Duration,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, shut_down: &Alarm) -> io::Result<Self> {
        stream.set_nonblocking(false)?;
        let stream = Arc::new(stream);
        shut_down.end_receives_of(&stream);
        Ok(Socket {
            stream,
            receive_timeout: Duration::MAX,
        })
    }

    /// Whether the peer has said nothing that was not received, a good-bye included.
    pub(super) fn is_silent(&self) -> bool {
        let peeked = self.receive_with(&mut [0], libc::MSG_PEEK | libc::MSG_DONTWAIT);
        matches!(peeked, Err(error) if is_transient(&error))
    }

    /// Waits for bytes, as long as the limits allow, and receives them.
    fn receive(&mut self, into: &mut [u8], limits: Limits<'_>) -> io::Result<usize> {
        loop {
            let left = limits.time_left(Instant::now()).map_err(interrupted)?;
            if self.receive_timeout.abs_diff(left) > TOLERANCE {
                self.stream.set_read_timeout(Some(left))?;
                self.receive_timeout = left;
            }
            match self.receive_with(into, 0) {
                // A signal, or the kernel's time-out.
                Err(error) if is_transient(&error) => {}
                Ok(0) | Err(_) if limits.shut_down.is_raised() => {
                    return Err(interrupted(Interrupted::ShutDown));
                }
                result => return result,
            }
        }
    }

    #[allow(unsafe_code)]
    fn receive_with(&self, into: &mut [u8], flags: libc::c_int) -> io::Result<usize> {
        // SAFETY: the kernel writes at most as many bytes as the slice has; the descriptor is open.
        let count = unsafe {
            libc::recv(
                self.stream.as_raw_fd(),
                into.as_mut_ptr().cast(),
                into.len(),
                flags,
            )
        };
        usize::try_from(count).map_err(|_| io::Error::last_os_error())
    }
}

fn interrupted(interrupted: Interrupted) -> io::Error {
    io::Error::other(Failure::from(interrupted))
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

/// Takes what the kernel has room for, without waiting. Where the peer is gone, it fails without a
/// SIGPIPE: no `writev`, to which no flag can say so.
impl Write for &Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
        SockRef::from(&*self.stream).send_with_flags(bytes, flags)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A socket to be received from: at once, or with limits to wait within.
pub(super) struct Receiver<'a> {
    pub(super) socket: &'a mut Socket,
    pub(super) limits: Option<Limits<'a>>,
}

impl Read for Receiver<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self.limits {
            Some(limits) => self.socket.receive(into, limits),
            None => self.socket.receive_with(into, libc::MSG_DONTWAIT),
        }
    }
}
