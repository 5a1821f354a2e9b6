//! Waiting: for a socket, for another thread, or for time to pass, always with a deadline, and
//! never past a shut-down.
//!
//! Every wait of the library but one is the `poll` in this file, which is why signals and shut-downs
//! need no further thought elsewhere. The other is that for an answer: see `socket`.

use std::fmt;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

/// Why a wait ended without what it waited for.
#[derive(Debug)]
pub(crate) enum Interrupted {
    Deadline,
    ShutDown,
    /// The machine refused to wait (out of memory).
    Refused(io::Error),
}

/// Until when to wait, and what else ends it.
#[derive(Clone, Copy)]
pub(crate) struct Limits<'a> {
    pub(crate) deadline: Instant,
    pub(crate) shut_down: &'a Alarm,
}

/// One thing to wait for.
pub(crate) struct Event<'a> {
    source: BorrowedFd<'a>,
    awaited: i16,
    seen: i16,
}

impl<'a> Event<'a> {
    pub(crate) fn readable(source: &'a impl AsFd) -> Self {
        Self::new(source, libc::POLLIN)
    }

    pub(crate) fn writable(source: &'a impl AsFd) -> Self {
        Self::new(source, libc::POLLOUT)
    }

    pub(crate) fn readable_or_writable(source: &'a impl AsFd) -> Self {
        Self::new(source, libc::POLLIN | libc::POLLOUT)
    }

    fn new(source: &'a impl AsFd, awaited: i16) -> Self {
        Event {
            source: source.as_fd(),
            awaited,
            seen: 0,
        }
    }

    /// Whether it happened. An error or a hang-up counts: the next read or write tells of it.
    pub(crate) fn happened(&self) -> bool {
        self.seen != 0
    }

    pub(crate) fn is_writable(&self) -> bool {
        self.seen & libc::POLLOUT != 0
    }
}

impl Limits<'_> {
    /// Waits until one of `events` has happened.
    pub(crate) fn wait_for<const N: usize>(
        &self,
        events: &mut [Event<'_>; N],
    ) -> Result<(), Interrupted> {
        self.wait_until(events, self.deadline).map(|_| ())
    }

    /// Waits until one of `events` has happened (`true`) or until `pause`, which may be earlier
    /// than the deadline (`false`).
    pub(crate) fn wait_until(
        &self,
        events: &mut [Event<'_>],
        pause: Instant,
    ) -> Result<bool, Interrupted> {
        loop {
            // Before the look at the events: a peer that always has something to say must not
            // keep a call from its deadline.
            let now = Instant::now();
            let left = self.time_left(now)?;
            let pause_left = pause.saturating_duration_since(now);
            if pause_left.is_zero() {
                return Ok(false);
            }
            let timeout = left.min(pause_left);
            if poll(events, self.shut_down, timeout).map_err(Interrupted::Refused)? {
                return Ok(true);
            }
        }
    }

    /// Until the deadline: more than nothing.
    pub(crate) fn time_left(&self, now: Instant) -> Result<Duration, Interrupted> {
        if self.shut_down.is_raised() {
            return Err(Interrupted::ShutDown);
        }
        let left = self.deadline.saturating_duration_since(now);
        match left.is_zero() {
            true => Err(Interrupted::Deadline),
            false => Ok(left),
        }
    }

    /// Lets `pause` pass.
    pub(crate) fn sleep(&self, pause: Duration) -> Result<(), Interrupted> {
        self.wait_until(&mut [], Instant::now() + pause).map(|_| ())
    }
}

/// As many descriptors as one wait has to watch: the addresses of a host that are being tried.
pub(crate) const MAX_EVENTS: usize = 16;

/// Whether one of `events` happened within `timeout`; `false` also after a signal or the alarm.
#[allow(unsafe_code)]
fn poll(events: &mut [Event<'_>], alarm: &Alarm, timeout: Duration) -> io::Result<bool> {
    const NOTHING: libc::pollfd = libc::pollfd {
        fd: -1,
        events: 0,
        revents: 0,
    };
    let mut descriptors = [NOTHING; MAX_EVENTS + 1];
    descriptors[0].fd = alarm.reader.as_raw_fd();
    descriptors[0].events = libc::POLLIN;
    for (descriptor, event) in descriptors.iter_mut().skip(1).zip(events.iter()) {
        descriptor.fd = event.source.as_raw_fd();
        descriptor.events = event.awaited;
    }
    let count = 1 + events.len().min(MAX_EVENTS);
    // Rounded up, so that a wait does not end just before its time.
    let milliseconds = timeout.as_micros().div_ceil(1000).min(i32::MAX as u128) as i32;

    // SAFETY: `descriptors` is an array of at least `count` initialised entries, and outlives the
    // call; the descriptors in it are borrowed from objects that keep them open.
    let ready = unsafe {
        libc::poll(
            descriptors.as_mut_ptr(),
            count as libc::nfds_t,
            milliseconds,
        )
    };
    if ready < 0 {
        let error = io::Error::last_os_error();
        return match error.kind() {
            io::ErrorKind::Interrupted => Ok(false),
            _ => Err(error),
        };
    }
    for (event, descriptor) in events.iter_mut().zip(descriptors.iter().skip(1)) {
        event.seen = descriptor.revents;
    }
    Ok(events.iter().any(Event::happened))
}

/// Wakes every wait that watches it, once and for good.
pub(crate) struct Alarm {
    raised: AtomicBool,
    reader: PipeReader,
    writer: PipeWriter,
    /// Where a wait watches nothing but its socket: to be closed.
    sockets: Mutex<Vec<Weak<TcpStream>>>,
}

impl Alarm {
    pub(crate) fn new() -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        Ok(Alarm {
            raised: AtomicBool::new(false),
            reader,
            writer,
            sockets: Mutex::new(Vec::new()),
        })
    }

    pub(crate) fn raise(&self) {
        if !self.raised.swap(true, Ordering::SeqCst) {
            // Never read, so the pipe stays readable. One byte always fits into an empty pipe.
            let _ = (&self.writer).write(&[0]);
            for socket in self.sockets().drain(..).filter_map(|it| it.upgrade()) {
                // It may be closed already.
                let _ = socket.shutdown(Shutdown::Both);
            }
        }
    }

    /// When the alarm is raised, a receive from this socket ends. One that begins later finds it
    /// raised before it waits.
    pub(crate) fn end_receives_of(&self, socket: &Arc<TcpStream>) {
        let mut sockets = self.sockets();
        sockets.retain(|socket| socket.strong_count() > 0);
        sockets.push(Arc::downgrade(socket));
    }

    fn sockets(&self) -> MutexGuard<'_, Vec<Weak<TcpStream>>> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_raised(&self) -> bool {
        self.raised.load(Ordering::SeqCst)
    }
}

impl AsFd for Alarm {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.reader.as_fd()
    }
}

impl fmt::Debug for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Alarm").field(&self.is_raised()).finish()
    }
}

/// A socket with limits: reads and writes that wait, for code that speaks [`io::Read`] and
/// [`io::Write`] (a TLS handshake, a proxy's greeting).
pub(crate) struct Limited<'a, S> {
    pub(crate) socket: &'a S,
    pub(crate) limits: Limits<'a>,
}

impl<'a, S: AsFd> Limited<'a, S> {
    fn wait(&self, event: Event<'a>) -> io::Result<()> {
        self.limits
            .wait_for(&mut [event])
            .map_err(|interrupted| io::Error::other(super::Failure::from(interrupted)))
    }
}

impl<'a, S: AsFd> Read for Limited<'a, S>
where
    &'a S: Read,
{
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            self.wait(Event::readable(self.socket))?;
            let mut socket = self.socket;
            match socket.read(into) {
                Err(error) if is_transient(&error) => {}
                result => return result,
            }
        }
    }
}

impl<'a, S: AsFd> Write for Limited<'a, S>
where
    &'a S: Write,
{
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            let mut socket = self.socket;
            match socket.write(bytes) {
                Err(error) if is_transient(&error) => self.wait(Event::writable(self.socket))?,
                result => return result,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether the same system call may do better in a moment.
pub(crate) fn is_transient(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}
