//! What a client really sent. hyper lower-cases header names and groups repeated ones, so the
//! sandbox listens in below it.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// One whole request, as it came.
#[derive(Clone)]
pub struct Request {
    pub method: String,
    pub path: String,
    /// In the order of arrival, the names spelt as the client spelt them.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// More is not heard of one request: a head, and a body of 1 MiB in chunks of a sensible size.
const MOST_HEARD: usize = 2 << 20;

impl Request {
    /// How much memory it takes, roughly.
    pub fn bytes(&self) -> usize {
        let headers = self.headers.iter();
        let headers = headers.map(|(name, value)| name.len() + value.len() + 64);
        self.path.len() + self.body.len() + headers.sum::<usize>()
    }

    /// The value of the first header of that name, in whatever case it came.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(header, _)| header.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// A stream that keeps a copy of what is read from it.
pub struct Tap<S> {
    stream: S,
    heard: Heard,
}

/// What a [`Tap`] has heard and nobody took yet.
#[derive(Clone, Default)]
pub struct Heard(Arc<Mutex<Vec<u8>>>);

impl<S> Tap<S> {
    pub fn new(stream: S) -> (Self, Heard) {
        let heard = Heard::default();
        let tap = Self {
            stream,
            heard: heard.clone(),
        };
        (tap, heard)
    }
}

impl Heard {
    /// Takes the oldest request, whose decoded `body` is known by now. `framed` says whether the
    /// body came with its length; one in chunks is taken to be all that was heard.
    pub fn take(&self, body: Vec<u8>, framed: bool) -> io::Result<Request> {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut slots = [httparse::EMPTY_HEADER; 128];
        let mut parsed = httparse::Request::new(&mut slots);
        let head_length = match parsed.parse(&heard) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
        };
        let request = Request {
            method: parsed.method.unwrap_or_default().to_owned(),
            path: parsed.path.unwrap_or_default().to_owned(),
            headers: parsed
                .headers
                .iter()
                .map(|header| {
                    let value = String::from_utf8_lossy(header.value).into_owned();
                    (header.name.to_owned(), value)
                })
                .collect(),
            body,
        };
        let end = if framed {
            head_length + request.body.len()
        } else {
            heard.len()
        };
        heard.drain(..end);
        Ok(request)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tap<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(context, buffer);
        let mut heard = self.heard.0.lock().unwrap_or_else(PoisonError::into_inner);
        heard.extend_from_slice(&buffer.filled()[before..]);
        if heard.len() > MOST_HEARD {
            return Poll::Ready(Err(io::ErrorKind::FileTooLarge.into()));
        }
        result
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tap<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
