//! The socket under a connection: it never blocks.

use std::io::{self, Read, Write};
use std::sync::Arc;

use super::deadline::Limits;
use crate::counts::{Count, Counts};
use crate::sys::{Event, TcpSocket, is_transient};

#[derive(Debug)]
pub(crate) struct Socket {
    pub(super) stream: TcpSocket,
    pub(super) counts: Arc<Counts>,
}

/// What a receive came back with.
pub(super) enum Received {
    Bytes(usize),
    /// Not yet.
    Nothing,
    End,
}

impl Socket {
    /// Whether the peer has said nothing that was not received, a good-bye included.
    pub(super) fn is_silent(&self) -> bool {
        matches!(self.stream.peek(&mut [0]), Err(error) if is_transient(&error))
    }
}

impl Received {
    pub(super) fn of(read: io::Result<usize>) -> io::Result<Self> {
        match read {
            Ok(0) => Ok(Received::End),
            Ok(count) => Ok(Received::Bytes(count)),
            Err(error) if is_transient(&error) => Ok(Received::Nothing),
            // Of TLS, without a close_notify.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(Received::End),
            Err(error) => Err(error),
        }
    }
}

impl Read for &Socket {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = (&*self.stream).read(into)?;
        self.counts.add(Count::BytesReceived, count);
        Ok(count)
    }
}

/// Takes what the kernel has room for. Where the peer is gone, it fails without a SIGPIPE: so no
/// `writev`, which would bring one.
impl Write for &Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = (&*self.stream).write(bytes)?;
        self.counts.add(Count::BytesSent, count);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A socket with limits: reads and writes that wait, for code that speaks [`io::Read`] and
/// [`io::Write`] (a TLS handshake, a proxy's greeting).
pub(crate) struct Limited<'a> {
    pub(crate) socket: &'a Socket,
    pub(crate) limits: &'a Limits,
}

impl Limited<'_> {
    /// Tries until there is no need to wait for `event`.
    fn retry(
        &self,
        mut event: Event<'_>,
        mut step: impl FnMut() -> io::Result<usize>,
    ) -> io::Result<usize> {
        loop {
            // Each time: a peer that always has something to say must not keep a call from its
            // deadline.
            self.limits.check()?;
            match step() {
                Err(error) if is_transient(&error) => {
                    self.limits.wait_for(std::slice::from_mut(&mut event))?;
                }
                result => return result,
            }
        }
    }
}

impl Read for Limited<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut socket = self.socket;
        self.retry(Event::readable(&self.socket.stream), || socket.read(into))
    }
}

impl Write for Limited<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut socket = self.socket;
        self.retry(Event::writable(&self.socket.stream), || socket.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use socket2::SockRef;

    use super::{Limited, Received, Socket};
    use crate::sys::{Cause, Event};
    use crate::transport::deadline::Limits;

    fn connected() -> io::Result<(Socket, TcpStream)> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let stream = TcpStream::connect(listener.local_addr()?)?;
        let (peer, _) = listener.accept()?;
        peer.set_read_timeout(Some(Duration::from_secs(10)))?;
        let socket = Socket {
            stream: stream.into(),
            counts: Arc::default(),
        };
        Ok((socket, peer))
    }

    #[test]
    fn peer_that_always_has_something_to_say_keeps_nobody_from_a_deadline_or_a_shut_down() {
        let (socket, mut peer) = connected().expect("loopback");
        peer.write_all(&[0; 64]).expect("room for it");
        let over = Limits::until(Instant::now());
        let shut_down = Limits::until(Instant::now() + Duration::from_secs(20));
        shut_down.interrupt.raise(Cause::ShutDown);
        for limits in [&over, &shut_down] {
            let mut limited = Limited {
                socket: &socket,
                limits,
            };
            assert!(limited.read(&mut [0; 8]).is_err());
            assert!(limited.write(&[0; 8]).is_err());
        }
    }

    #[test]
    fn nothing_yet_is_neither_an_end_nor_an_error_and_a_reset_is_one() {
        let (socket, peer) = connected().expect("loopback");
        assert!(socket.is_silent());
        assert!(matches!(
            Received::of((&socket).read(&mut [0; 8])),
            Ok(Received::Nothing)
        ));
        SockRef::from(&peer)
            .set_linger(Some(Duration::ZERO))
            .expect("an option");
        drop(peer);
        let limits = Limits::until(Instant::now() + Duration::from_secs(20));
        let mut event = [Event::readable(&socket.stream)];
        limits.wait_for(&mut event).expect("a reset");
        assert!(Received::of((&socket).read(&mut [0; 8])).is_err());
    }

    #[test]
    fn peer_is_told_of_the_end_and_can_still_respond() {
        let (socket, mut peer) = connected().expect("loopback");
        socket.stream.end_sending();
        assert_eq!(peer.read(&mut [0; 8]).expect("an end"), 0);
        peer.write_all(b"no").expect("a connection");
        socket.stream.set_nonblocking(false).expect("a socket");
        let received = Received::of((&socket).read(&mut [0; 8]));
        assert!(matches!(received, Ok(Received::Bytes(2))));
        // It may have ended already.
        socket.stream.end_sending();
    }

    #[test]
    fn what_will_not_do_better_in_a_moment_is_not_tried_again() {
        let (socket, _peer) = connected().expect("loopback");
        socket.stream.end_sending();
        let limits = Limits::until(Instant::now() + Duration::from_secs(2));
        let mut limited = Limited {
            socket: &socket,
            limits: &limits,
        };
        let error = limited.write(b"more").expect_err("no more can be sent");
        // The system's own error, of which Rust has no kind on Windows.
        assert!(error.raw_os_error().is_some(), "{error:?}");
    }
}
