//! Waiting for sockets.

use std::io;
use std::marker::PhantomData;
use std::net::Shutdown;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::time::{Duration, Instant};

use socket2::SockRef;

use super::TcpSocket;
use crate::sys::MAX_POLLED;

/// Something that may happen to a socket.
#[repr(transparent)]
pub(crate) struct Event<'a> {
    entry: libc::pollfd,
    socket: PhantomData<BorrowedFd<'a>>,
}

impl<'a> Event<'a> {
    pub(crate) fn readable(socket: &'a TcpSocket) -> Self {
        Self::new(socket, libc::POLLIN)
    }

    pub(crate) fn writable(socket: &'a TcpSocket) -> Self {
        Self::new(socket, libc::POLLOUT)
    }

    pub(crate) fn readable_or_writable(socket: &'a TcpSocket) -> Self {
        Self::new(socket, libc::POLLIN | libc::POLLOUT)
    }

    fn new(socket: &'a TcpSocket, awaited: i16) -> Self {
        Event {
            entry: libc::pollfd {
                fd: socket.as_raw_fd(),
                events: awaited,
                revents: 0,
            },
            socket: PhantomData,
        }
    }

    /// Whether it happened. An error or a hang-up counts: the next read or write tells of it.
    pub(crate) fn happened(&self) -> bool {
        self.entry.revents != 0
    }

    pub(crate) fn is_writable(&self) -> bool {
        self.entry.revents & libc::POLLOUT != 0
    }
}

/// The sockets that a wait is under way for, which keeps them open. They need no descriptor beside their
/// own: a thousand calls take a thousand sockets and no more.
#[derive(Debug, Default)]
pub(crate) struct Polled([Option<RawFd>; MAX_POLLED]);

impl Polled {
    pub(crate) fn begin<'p, 'e>(
        &mut self,
        events: &'p mut [Event<'e>],
    ) -> io::Result<Poll<'p, 'e>> {
        for (place, event) in self.0.iter_mut().zip(&*events) {
            *place = Some(event.entry.fd);
        }
        Ok(Poll(events))
    }

    /// Ends the wait.
    pub(crate) fn wake(&mut self) {
        for descriptor in self.0.iter_mut().filter_map(Option::take) {
            // SAFETY: whoever waits calls `end` before the socket can be closed, and shares the lock
            // under which this is called.
            let socket = unsafe { BorrowedFd::borrow_raw(descriptor) };
            // It may be shut down already.
            let _ = SockRef::from(&socket).shutdown(Shutdown::Both);
        }
    }

    pub(crate) fn end(&mut self) {
        *self = Polled::default();
    }
}

/// A wait for sockets.
pub(crate) struct Poll<'p, 'e>(&'p mut [Event<'e>]);

/// The kernel lets a poll end late by a thousandth of its length (for a process that is nice by five
/// thousandths), and by this at most: `select_estimate_accuracy` in Linux' fs/select.c.
const MOST_LATE: Duration = Duration::from_millis(100);
/// Where a wait is too short for that to be noticed.
const SHORT: Duration = Duration::from_millis(300);

impl Poll<'_, '_> {
    /// Waits until one of the events happened, or until a time; or not so long, after a signal, and once
    /// just before a time that is far off, so that the rest of the wait is short, and exact.
    pub(crate) fn until(self, until: Instant) -> io::Result<()> {
        let Poll(events) = self;
        let left = until.saturating_duration_since(Instant::now());
        let timeout = match left > SHORT {
            true => left - MOST_LATE - MOST_LATE / 2,
            false => left,
        };
        // Rounded up, so that a wait does not end just before its time.
        let rounded_up = timeout.saturating_add(Duration::from_nanos(999_999));
        let milliseconds = rounded_up.as_millis().min(i32::MAX as u128) as i32;
        // SAFETY: an event is a `pollfd` and nothing else, and there are as many as the slice has; their
        // descriptors are borrowed from objects that keep them open.
        let ready = unsafe {
            libc::poll(
                events.as_mut_ptr().cast(),
                events.len() as libc::nfds_t,
                milliseconds,
            )
        };
        match io::Error::last_os_error() {
            error if ready < 0 && error.kind() != io::ErrorKind::Interrupted => Err(error),
            _ => Ok(()),
        }
    }
}
