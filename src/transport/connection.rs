//! The transport that ureq is given: a socket, plain or with TLS, that counts, keeps deadlines, and
//! knows whether it is clean.

use std::fmt;
use std::io::Write;
use std::sync::Arc;

use ureq::unversioned::transport::{Buffers, NextTimeout, Transport};

use super::attempt::{CurrentAttempt, Progress};
use super::failure::Failure;
use super::socket::{Received, Socket};
use super::tls::TlsStream;
use super::trace::Origin;
use crate::counts::Count;
use crate::headers::Headers;
use crate::sys::{Event, is_transient};

pub(super) struct Connection {
    stream: Stream,
    buffers: ConnectionBuffers,
    attempt: CurrentAttempt,
    is_new: bool,
}

pub(super) enum Stream {
    Plain(Socket),
    Tls(Box<TlsStream>),
}

/// How much is received at once while a connection is asked whether it is still open: session
/// tickets, of which a server has a few.
const MAX_TICKET_RECEIVES: usize = 4;

impl Connection {
    pub(super) fn new(stream: Stream, headers: Arc<Headers>, attempt: CurrentAttempt) -> Self {
        attempt.connected(Origin::New, stream.socket());
        Connection {
            stream,
            buffers: ConnectionBuffers::new(headers),
            attempt,
            is_new: true,
        }
    }

    /// Sends all that is pending. `false`: the peer responded, closed or broke before it took all, and
    /// what it said is still to be read.
    fn flush(&mut self) -> Result<bool, Failure> {
        // What came before the request is no response to it. Of a kept connection ureq asks that.
        let mut goes_on = !std::mem::take(&mut self.is_new) || self.is_silent_or_interim()?;
        while goes_on && !self.is_flushed() {
            goes_on = match self.send() {
                Ok(()) => true,
                Err(error) if is_transient(&error) => self.wait_to_send()?,
                Err(_) => {
                    // Where it is not the connection that broke, nobody would respond to half a request.
                    self.stream.socket().end_sending();
                    false
                }
            };
        }
        Ok(goes_on)
    }

    /// Waits until the peer takes more. `false`: it responded or closed instead.
    fn wait_to_send(&mut self) -> Result<bool, Failure> {
        let mut event = [Event::readable_or_writable(self.stream.socket())];
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
        let pending = self.buffers.pending();
        match &mut self.stream {
            Stream::Plain(socket) => {
                let sent = (&*socket).write(pending)?;
                self.buffers.consume_output(sent);
                Ok(())
            }
            Stream::Tls(tls) => {
                if !pending.is_empty() {
                    let encrypted = tls.encrypt(pending)?;
                    self.buffers.consume_output(encrypted);
                }
                tls.send()
            }
        }
    }

    fn is_flushed(&self) -> bool {
        self.buffers.pending().is_empty()
            && match &self.stream {
                Stream::Plain(_) => true,
                Stream::Tls(tls) => tls.is_flushed(),
            }
    }

    /// Receives what is there into the input buffer.
    fn receive(&mut self) -> Result<Received, Failure> {
        let into = self.buffers.input_append_buf();
        if into.is_empty() {
            return Err(Failure::LongHead);
        }
        let received = match &mut self.stream {
            Stream::Plain(socket) => socket.receive(into)?,
            Stream::Tls(tls) => tls.receive(into).inspect_err(|_| {
                if tls.is_unread {
                    self.attempt.unread();
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
        match &mut self.stream {
            Stream::Tls(tls) if self.attempt.progress() == Progress::Sent => tls.wants_to_send(),
            _ => false,
        }
    }

    /// Whether the peer has said nothing since the last exchange. What belongs to no exchange is not
    /// counted: over TLS, a session ticket that came after the response.
    fn is_silent(&mut self) -> bool {
        for _ in 0..MAX_TICKET_RECEIVES {
            if self.stream.socket().is_silent() {
                return true;
            }
            let is_ticket = matches!(self.stream, Stream::Tls(_))
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
            && match &mut self.stream {
                Stream::Plain(_) => true,
                Stream::Tls(tls) => tls.is_at_rest(),
            }
    }
}

impl Transport for Connection {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    /// Head and body come one after the other and go out together: nothing is sent before the
    /// request is complete or the buffer is full. The one place that says how far a request came.
    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), ureq::Error> {
        let progress = match self.attempt.progress() {
            Progress::Aborted => return Ok(()),
            Progress::Head => match self.buffers.write_head(amount) {
                true => self.attempt.head_written(),
                false => Progress::Head,
            },
            _ => {
                self.buffers.write(amount);
                self.attempt.body_written(amount)
            }
        };
        if progress == Progress::Written || self.buffers.is_output_full() {
            let attempt = self.attempt.clone();
            if attempt.timed(|trace| &mut trace.send_ms, || self.flush())? {
                attempt.flushed();
            } else {
                attempt.abort();
                self.buffers.discard_output();
            }
        }
        Ok(())
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, ureq::Error> {
        loop {
            if !self.stream.has_received() {
                let wants_to_send = self.wants_to_send();
                let socket = self.stream.socket();
                let mut event = [match wants_to_send {
                    true => Event::readable_or_writable(socket),
                    false => Event::readable(socket),
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
            Progress::Head => {}
            progress => return progress == Progress::Sent && self.is_clean(),
        }
        let is_open = self.is_clean() && self.is_silent();
        let socket = self.stream.socket();
        if is_open {
            socket.counts.increase(Count::ConnectionsReused);
            self.attempt.connected(Origin::Kept, socket);
        } else {
            socket.counts.increase(Count::ConnectionsFoundClosed);
        }
        is_open
    }

    fn is_tls(&self) -> bool {
        matches!(self.stream, Stream::Tls(_))
    }
}

impl Stream {
    fn socket(&self) -> &Socket {
        match self {
            Stream::Plain(socket) => socket,
            Stream::Tls(tls) => &tls.socket,
        }
    }

    /// Whether something is there that needs no receive.
    fn has_received(&mut self) -> bool {
        match self {
            Stream::Plain(_) => false,
            Stream::Tls(tls) => tls.has_received(),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let is_request_gone = self.is_flushed() || self.attempt.progress() == Progress::Sent;
        if let (Stream::Tls(tls), true) = (&mut self.stream, is_request_gone) {
            tls.send_close_notify();
        }
        self.attempt.disconnected();
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Connection")
            .field(self.stream.socket())
            .finish()
    }
}

/// Whether there is nothing but responses of a 1xx status, the last of them perhaps not whole: others are
/// to come (RFC 9110, section 15.2).
fn is_interim(mut input: &[u8]) -> bool {
    const BEGINNING: &[u8] = b"HTTP/1.1 1";

    while input.starts_with(BEGINNING) {
        let end = input
            .windows(END_OF_HEAD.len())
            .position(|it| it == END_OF_HEAD);
        input = end
            .and_then(|end| input.get(end + END_OF_HEAD.len()..))
            .unwrap_or_default();
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
    output: Vec<u8>,
    /// What of `output` is written but not sent.
    pending: std::ops::Range<usize>,
    input: Vec<u8>,
    /// What of `input` is received but not consumed.
    unconsumed: std::ops::Range<usize>,
    /// Whether ureq may make more of the input than at its last look.
    has_news: bool,
}

impl ConnectionBuffers {
    fn new(headers: Arc<Headers>) -> Self {
        ConnectionBuffers {
            headers,
            output: Vec::new(),
            pending: 0..0,
            input: Vec::new(),
            unconsumed: 0..0,
            has_news: false,
        }
    }

    fn pending(&self) -> &[u8] {
        self.output.get(self.pending.clone()).unwrap_or_default()
    }

    fn write(&mut self, amount: usize) {
        self.pending.end += amount;
    }

    /// Returns whether the head is complete with this. Then the library's header fields stand behind
    /// those that ureq wrote, ahead of the empty line that ends it.
    fn write_head(&mut self, amount: usize) -> bool {
        self.write(amount);
        if !self.pending().ends_with(END_OF_HEAD) {
            return false;
        }
        self.pending.end -= LINE_BREAK.len();
        for part in [self.headers.as_bytes(), LINE_BREAK] {
            let end = self.pending.end + part.len();
            if let Some(place) = self.output.get_mut(self.pending.end..end) {
                place.copy_from_slice(part);
                self.pending.end = end;
            }
        }
        true
    }

    fn consume_output(&mut self, amount: usize) {
        self.pending.start += amount;
        if self.pending.is_empty() {
            self.pending = 0..0;
        }
    }

    fn discard_output(&mut self) {
        self.pending = 0..0;
    }

    fn is_output_full(&self) -> bool {
        self.pending.end == self.output.len()
    }
}

impl Buffers for ConnectionBuffers {
    fn output(&mut self) -> &mut [u8] {
        self.output
            .resize(OUTPUT_BYTES + self.headers.as_bytes().len(), 0);
        self.output.get_mut(self.pending.end..).unwrap_or_default()
    }

    fn input(&self) -> &[u8] {
        self.input.get(self.unconsumed.clone()).unwrap_or_default()
    }

    /// Free space, of which there is always some until the input has reached its limit.
    fn input_append_buf(&mut self) -> &mut [u8] {
        if self.unconsumed.end == self.input.len() {
            if self.unconsumed.start > 0 {
                self.input.copy_within(self.unconsumed.clone(), 0);
                self.unconsumed = 0..self.unconsumed.len();
            } else {
                let larger = (self.input.len() * 2).clamp(INPUT_BYTES, MAX_INPUT_BYTES);
                self.input.resize(larger, 0);
            }
        }
        self.input
            .get_mut(self.unconsumed.end..)
            .unwrap_or_default()
    }

    fn input_appended(&mut self, amount: usize) {
        self.unconsumed.end += amount;
        self.has_news = true;
    }

    fn input_consume(&mut self, amount: usize) {
        self.has_news = amount > 0;
        self.unconsumed.start += amount;
        if self.unconsumed.is_empty() {
            self.unconsumed = 0..0;
        }
    }

    /// The body goes straight to the output. The other buffer would only be used for a body of
    /// unknown length, which no message has.
    fn tmp_and_output(&mut self) -> (&mut [u8], &mut [u8]) {
        (&mut [], self.output())
    }

    fn can_use_input(&self) -> bool {
        self.has_news && !self.unconsumed.is_empty()
    }
}
