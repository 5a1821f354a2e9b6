//! Waiting for sockets.
//!
//! `WSAPoll` tells of no connection that failed before Windows 10 2004, and nothing but an event object
//! can end a wait from another thread. So `select` says what has happened, and an event object, set
//! by the sockets or by whoever ends the wait, when to ask it.

use std::io;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use windows_sys::Win32::Foundation::WAIT_FAILED;
use windows_sys::Win32::Networking::WinSock::{
    FD_CLOSE, FD_CONNECT, FD_READ, FD_SET, FD_WRITE, SOCKET_ERROR, TIMEVAL, WSAEVENT,
    WSAEventSelect, select,
};
use windows_sys::Win32::System::Threading::{
    CreateEventW, INFINITE, ResetEvent, SetEvent, WaitForSingleObject,
};

use super::TcpSocket;

/// Something that may happen to a socket.
pub(crate) struct Event<'a> {
    socket: &'a TcpSocket,
    awaits_read: bool,
    awaits_write: bool,
    is_readable: bool,
    is_writable: bool,
    has_failed: bool,
}

impl<'a> Event<'a> {
    pub(crate) fn readable(socket: &'a TcpSocket) -> Self {
        Self::new(socket, true, false)
    }

    pub(crate) fn writable(socket: &'a TcpSocket) -> Self {
        Self::new(socket, false, true)
    }

    pub(crate) fn readable_or_writable(socket: &'a TcpSocket) -> Self {
        Self::new(socket, true, true)
    }

    fn new(socket: &'a TcpSocket, awaits_read: bool, awaits_write: bool) -> Self {
        Event {
            socket,
            awaits_read,
            awaits_write,
            is_readable: false,
            is_writable: false,
            has_failed: false,
        }
    }

    /// Whether it happened. An error or a hang-up counts: the next read or write tells of it.
    pub(crate) fn happened(&self) -> bool {
        self.is_readable || self.is_writable || self.has_failed
    }

    pub(crate) fn is_writable(&self) -> bool {
        self.is_writable
    }

    /// What a connection that fails shows as an exception. One that stands becomes readable.
    fn awaits_failure(&self) -> bool {
        self.awaits_write && !self.awaits_read
    }

    /// What sets the event object.
    fn network_events(&self) -> i32 {
        let read = if self.awaits_read { FD_READ } else { 0 };
        let write = if self.awaits_write {
            FD_WRITE | FD_CONNECT
        } else {
            0
        };
        (read | write | FD_CLOSE) as i32
    }
}

/// The event objects that no wait has: as many as there were waits at once.
static FREE: Mutex<Vec<Arc<OwnedHandle>>> = Mutex::new(Vec::new());

fn free() -> MutexGuard<'static, Vec<Arc<OwnedHandle>>> {
    FREE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The wait that is under way, for whoever has to end it.
#[derive(Debug, Default)]
pub(crate) struct Polled(Option<Arc<OwnedHandle>>);

impl Polled {
    pub(crate) fn begin<'p, 'e>(
        &mut self,
        events: &'p mut [Event<'e>],
    ) -> io::Result<Poll<'p, 'e>> {
        let free = free().pop();
        let object = match free {
            Some(object) => object,
            None => Arc::new(event_object()?),
        };
        // SAFETY: the object is an event, and open.
        unsafe { ResetEvent(object.as_raw_handle()) };
        self.0 = Some(Arc::clone(&object));
        Ok(Poll { events, object })
    }

    pub(crate) fn wake(&self) {
        if let Some(object) = &self.0 {
            // SAFETY: the object is an event, and open.
            unsafe { SetEvent(object.as_raw_handle()) };
        }
    }

    pub(crate) fn end(&mut self) {
        free().extend(self.0.take());
    }
}

/// An event object that stays set until it is reset.
fn event_object() -> io::Result<OwnedHandle> {
    // SAFETY: an event object without a name, with the usual rights.
    let object = unsafe { CreateEventW(ptr::null(), 1, 0, ptr::null()) };
    if object.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it was opened just now.
    Ok(unsafe { OwnedHandle::from_raw_handle(object) })
}

/// A wait for sockets, at most 64 of them.
pub(crate) struct Poll<'p, 'e> {
    events: &'p mut [Event<'e>],
    object: Arc<OwnedHandle>,
}

/// How long to wait for room to write before asking again. Windows sets the event object where a write
/// found no room before, and not where one took the last of it.
const ROOM_WITHIN: Duration = Duration::from_millis(50);

impl Poll<'_, '_> {
    /// Waits until one of the events happened, or until a time; or not so long.
    pub(crate) fn until(self, until: Instant) -> io::Result<()> {
        let attached = self.attach();
        attached?;
        if look(self.events)? {
            return Ok(());
        }
        let mut left = until.saturating_duration_since(Instant::now());
        if self.events.iter().any(|event| event.awaits_write) {
            left = left.min(ROOM_WITHIN);
        }
        // Rounded up, so that a wait does not end just before its time.
        let milliseconds = left
            .as_micros()
            .div_ceil(1000)
            .min(u128::from(INFINITE - 1));
        // SAFETY: the object is open.
        let ended =
            unsafe { WaitForSingleObject(self.object.as_raw_handle(), milliseconds as u32) };
        if ended == WAIT_FAILED {
            return Err(io::Error::last_os_error());
        }
        look(self.events).map(drop)
    }

    /// Has the sockets set the event object, anew for each wait: what set it once sets it again only
    /// after a read or a write. What happened before that shows in a [`look`] after it.
    fn attach(&self) -> io::Result<()> {
        for event in self.events.iter() {
            let object = self.object.as_raw_handle() as WSAEVENT;
            // SAFETY: socket and object are open.
            let failed =
                unsafe { WSAEventSelect(event.socket.raw(), object, event.network_events()) };
            if failed == SOCKET_ERROR {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(())
    }
}

/// The object is another wait's next.
impl Drop for Poll<'_, '_> {
    fn drop(&mut self) {
        for event in self.events.iter() {
            // SAFETY: the socket is open, and needs no object to be set by no event.
            unsafe { WSAEventSelect(event.socket.raw(), 0, 0) };
        }
    }
}

/// Asks what has happened to the sockets. Returns whether anything has.
fn look(events: &mut [Event<'_>]) -> io::Result<bool> {
    let mut to_read = sockets(events, |event| event.awaits_read);
    let mut to_write = sockets(events, |event| event.awaits_write);
    let mut failing = sockets(events, Event::awaits_failure);
    let no_time = TIMEVAL::default();
    // SAFETY: sets of sockets that are open, in which the call leaves those to which it happened. The
    // first argument is for show.
    let happened = unsafe { select(0, &mut to_read, &mut to_write, &mut failing, &no_time) };
    if happened == SOCKET_ERROR {
        return Err(io::Error::last_os_error());
    }
    for event in events {
        event.is_readable = holds(&to_read, event.socket);
        event.is_writable = holds(&to_write, event.socket);
        event.has_failed = holds(&failing, event.socket);
    }
    Ok(happened > 0)
}

/// The sockets of those events, as far as there is room.
fn sockets<'e>(events: &[Event<'e>], wanted: impl Fn(&Event<'e>) -> bool) -> FD_SET {
    let mut set = FD_SET::default();
    for (place, event) in set
        .fd_array
        .iter_mut()
        .zip(events.iter().filter(|it| wanted(it)))
    {
        *place = event.socket.raw();
        set.fd_count += 1;
    }
    set
}

fn holds(set: &FD_SET, socket: &TcpSocket) -> bool {
    let sockets = set.fd_array.iter().take(set.fd_count as usize);
    sockets.into_iter().any(|it| *it == socket.raw())
}
