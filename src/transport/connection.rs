//! The transport that ureq is given: a socket, plain or with TLS, that counts, keeps deadlines, and
//! knows whether it is clean.

use std::fmt;
use std::io::{Read, Write};
use std::ops::Range;
use std::sync::Arc;

use memchr::memmem;
use ureq::unversioned::transport::{Buffers, NextTimeout, Transport};

use super::attempt::{CurrentAttempt, Progress, Step};
use super::failure::Failure;
use super::socket::{Received, Socket};
use super::tls::TlsSession;
use crate::counts::Count;
use crate::headers::Headers;
use crate::sys::{Event, is_transient};

pub(super) struct Connection {
    socket: Socket,
    /// `None`: plain HTTP.
    tls: Option<Box<TlsSession>>,
    buffers: ConnectionBuffers,
    attempt: CurrentAttempt,
    is_new: bool,
}

/// How much is received at once while a connection is asked whether it is still open: session
/// tickets, of which a server has a few.
const MAX_TICKET_RECEIVES: usize = 4;

impl Connection {
    pub(super) fn new(
        socket: Socket,
        tls: Option<TlsSession>,
        headers: Arc<Headers>,
        attempt: CurrentAttempt,
    ) -> Self {
        attempt.connected("new", &socket);
        Connection {
            socket,
            tls: tls.map(Box::new),
            buffers: ConnectionBuffers {
                headers,
                output: Window::default(),
                input: Window::default(),
                has_news: false,
            },
            attempt,
            is_new: true,
        }
    }

    /// Sends all that is pending. `false`: the peer responded, closed or broke before it took all, and
    /// what it said is still to be read.
    fn flush(&mut self) -> Result<bool, Failure> {
        // What came before the request is no response to it. For a kept connection ureq has asked `is_open`.
        let mut goes_on = !std::mem::take(&mut self.is_new) || self.is_silent_or_interim()?;
        while goes_on && !self.is_flushed() {
            goes_on = match self.send() {
                Ok(()) => true,
                Err(error) if is_transient(&error) => self.wait_to_send()?,
                Err(_) => {
                    // Where it is not the connection that broke, nobody would respond to half a request.
                    self.socket.stream.end_sending();
                    false
                }
            };
        }
        Ok(goes_on)
    }

    /// Waits until the peer takes more. `false`: it responded or closed instead.
    fn wait_to_send(&mut self) -> Result<bool, Failure> {
        let mut event = [Event::readable_or_writable(&self.socket.stream)];
        self.attempt.limits().wait_for(&mut event)?;
        let [event] = event;
        Ok(event.is_writable() || self.is_silent_or_interim()?)
    }

    /// Whether the peer has said nothing yet, or only that a response is on its way.
    fn is_silent_or_interim(&mut self) -> Result<bool, Failure> {
        Ok(match self.receive()? {
            Received::Nothing => true,
            Received::Bytes(_) => is_interim(self.buffers.input()),
            Received::End => false,
        })
    }

    fn send(&mut self) -> std::io::Result<()> {
        let pending = self.buffers.output.used();
        let Some(tls) = &mut self.tls else {
            let sent = (&self.socket).write(pending)?;
            self.buffers.output.consume(sent);
            return Ok(());
        };
        if !pending.is_empty() {
            let encrypted = tls.encrypt(pending)?;
            self.buffers.output.consume(encrypted);
        }
        tls.send(&self.socket)
    }

    fn is_flushed(&self) -> bool {
        let is_tls_flushed = || self.tls.as_ref().is_none_or(|tls| tls.is_flushed());
        self.buffers.output.used().is_empty() && is_tls_flushed()
    }

    /// Receives what is there into the input buffer.
    fn receive(&mut self) -> Result<Received, Failure> {
        let into = self.buffers.input_append_buf();
        if into.is_empty() {
            return Err(Failure::LongHead);
        }
        let received = match &mut self.tls {
            None => Received::of((&self.socket).read(into))?,
            Some(tls) => tls.receive(&self.socket, into).inspect_err(|_| {
                // Even if the kernel has taken all of it.
                if tls.is_unread {
                    self.attempt.proceed(Step::Unread);
                }
            })?,
        };
        if let Received::Bytes(count) = received {
            self.buffers.input_appended(count);
            self.attempt.received();
        }
        Ok(received)
    }

    /// Whether TLS has something to say by itself, and nothing of a request is left that would go with it.
    fn wants_to_send(&mut self) -> bool {
        let is_sent = self.attempt.progress() == Progress::Sent;
        is_sent && self.tls.as_mut().is_some_and(|tls| tls.wants_to_send())
    }

    /// Whether the peer has said nothing since the last exchange. What belongs to no exchange is not
    /// counted: over TLS, a session ticket that came after the response.
    fn is_silent(&mut self) -> bool {
        for _ in 0..MAX_TICKET_RECEIVES {
            if self.socket.is_silent() {
                return true;
            }
            let is_ticket = self.tls.is_some()
                && matches!(self.receive(), Ok(Received::Nothing))
                && self.is_clean();
            if !is_ticket {
                return false;
            }
        }
        false
    }

    /// Whether the last attempt left nothing behind, sent or received.
    fn is_clean(&mut self) -> bool {
        self.is_flushed()
            && self.buffers.input().is_empty()
            && self.tls.as_mut().is_none_or(|tls| tls.is_at_rest())
    }
}

impl Transport for Connection {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    /// Head and body come one after the other and go out together: nothing is sent before the
    /// request is complete or the buffer is full. Here and in `receive` is said how far a request came.
    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), ureq::Error> {
        let before = self.attempt.progress();
        if before == Progress::Aborted {
            return Ok(());
        }
        self.buffers.output.add(amount);
        let is_head = matches!(before, Progress::Head { .. });
        let progress = match is_head && self.buffers.complete_head() {
            true => self.attempt.proceed(Step::HeadWritten),
            false => self.attempt.proceed(Step::BodyWritten(amount)),
        };
        if progress == Progress::Written || self.buffers.output.free().is_empty() {
            let attempt = self.attempt.clone();
            if attempt.timed("send_ms", || self.flush())? {
                attempt.proceed(Step::Flushed);
            } else {
                attempt.proceed(Step::Aborted);
                self.buffers.output.clear();
            }
        }
        Ok(())
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, ureq::Error> {
        loop {
            if !self.tls.as_mut().is_some_and(|tls| tls.has_received()) {
                let wants_to_send = self.wants_to_send();
                let mut event = [match wants_to_send {
                    true => Event::readable_or_writable(&self.socket.stream),
                    false => Event::readable(&self.socket.stream),
                }];
                self.attempt.limits().wait_for(&mut event)?;
                let [event] = event;
                if wants_to_send && event.is_writable() {
                    // Where it fails, what the server said before is still to be read.
                    let _ = self.send();
                }
            }
            match self.receive()? {
                Received::Bytes(_) => return Ok(true),
                Received::End => return Ok(false),
                Received::Nothing => {}
            }
        }
    }

    /// ureq asks before it uses a kept connection, and when it puts one back. The network is asked
    /// only the first time, which is the time that counts.
    fn is_open(&mut self) -> bool {
        match self.attempt.progress() {
            Progress::Head { .. } => {}
            progress => return progress == Progress::Sent && self.is_clean(),
        }
        let is_open = self.is_clean() && self.is_silent();
        let counts = &self.socket.counts;
        if is_open {
            counts.increase(Count::ConnectionsReused);
            self.attempt.connected("kept", &self.socket);
        } else {
            counts.increase(Count::ConnectionsFoundClosed);
        }
        is_open
    }

    fn is_tls(&self) -> bool {
        self.tls.is_some()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let is_request_gone = self.is_flushed() || self.attempt.progress() == Progress::Sent;
        if let (Some(tls), true) = (&mut self.tls, is_request_gone) {
            tls.send_close_notify(&self.socket);
        }
        self.attempt.lock().has_connection = false;
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Connection").field(&self.socket).finish()
    }
}

/// Whether there is nothing but responses of a 1xx status, the last of them perhaps not whole: others are
/// to come (RFC 9110, section 15.2).
fn is_interim(mut input: &[u8]) -> bool {
    const BEGINNING: &[u8] = b"HTTP/1.1 1";

    while input.starts_with(BEGINNING) {
        let end = memmem::find(input, END_OF_HEAD).map(|end| end + END_OF_HEAD.len());
        input = end.and_then(|end| input.get(end..)).unwrap_or_default();
    }
    BEGINNING.starts_with(input)
}

const LINE_BREAK: &[u8] = b"\r\n";
const END_OF_HEAD: &[u8] = b"\r\n\r\n";

/// A whole request of the usual size, so that it goes out in one send.
const OUTPUT_BYTES: usize = 16 * 1024;
/// A whole response of the usual size.
const INPUT_BYTES: usize = 4 * 1024;
/// Where a head that is still not complete counts as broken; ureq's own limit.
const MAX_INPUT_BYTES: usize = 64 * 1024;

/// The buffers that ureq writes to and reads from. Allocated when first used.
struct ConnectionBuffers {
    headers: Arc<Headers>,
    /// What is written and not sent.
    output: Window,
    /// What is received and not consumed.
    input: Window,
    /// Whether ureq may make more of the input than at its last look.
    has_news: bool,
}

/// A buffer of which a part is in use.
#[derive(Default)]
struct Window {
    bytes: Vec<u8>,
    used: Range<usize>,
}

impl Window {
    fn used(&self) -> &[u8] {
        self.bytes.get(self.used.clone()).unwrap_or_default()
    }

    /// What is free behind it.
    fn free(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.used.end..).unwrap_or_default()
    }

    fn add(&mut self, amount: usize) {
        self.used.end += amount;
    }

    fn consume(&mut self, amount: usize) {
        self.used.start += amount;
        if self.used.is_empty() {
            self.clear();
        }
    }

    fn clear(&mut self) {
        self.used = 0..0;
    }
}

impl ConnectionBuffers {
    /// Whether the head is complete. Then the library's header fields stand behind those that ureq
    /// wrote, ahead of the empty line that ends it.
    fn complete_head(&mut self) -> bool {
        if !self.output.used().ends_with(END_OF_HEAD) {
            return false;
        }
        self.output.used.end -= LINE_BREAK.len();
        for part in [self.headers.as_bytes(), LINE_BREAK] {
            if let Some(place) = self.output.free().get_mut(..part.len()) {
                place.copy_from_slice(part);
                self.output.add(part.len());
            }
        }
        true
    }
}

impl Buffers for ConnectionBuffers {
    fn output(&mut self) -> &mut [u8] {
        let size = OUTPUT_BYTES + self.headers.as_bytes().len();
        self.output.bytes.resize(size, 0);
        self.output.free()
    }

    fn input(&self) -> &[u8] {
        self.input.used()
    }

    /// Free space, of which there is always some until the input has reached its limit.
    fn input_append_buf(&mut self) -> &mut [u8] {
        let Window { bytes, used } = &mut self.input;
        if used.end == bytes.len() {
            if used.start > 0 {
                bytes.copy_within(used.clone(), 0);
                *used = 0..used.len();
            } else {
                let larger = (bytes.len() * 2).clamp(INPUT_BYTES, MAX_INPUT_BYTES);
                bytes.resize(larger, 0);
            }
        }
        self.input.free()
    }

    fn input_appended(&mut self, amount: usize) {
        self.input.add(amount);
        self.has_news = true;
    }

    fn input_consume(&mut self, amount: usize) {
        self.input.consume(amount);
        self.has_news = amount > 0;
    }

    /// The body goes straight to the output. The other buffer would only be used for a body of
    /// unknown length, which no message has.
    fn tmp_and_output(&mut self) -> (&mut [u8], &mut [u8]) {
        (&mut [], self.output())
    }

    fn can_use_input(&self) -> bool {
        self.has_news && !self.input.used().is_empty()
    }
}
