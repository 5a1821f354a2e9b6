//! Why an attempt got no response, in words for the person who reads them.
//!
//! A failure never tells whether the message was queued: that is for the
//! [`Progress`](super::attempt) of its attempt alone.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::tls_failure;
use crate::sys::Cause;

#[derive(Debug)]
pub(crate) enum Failure {
    /// The call's `timeout_ms` ran out.
    Deadline,
    /// The turn under the rate limit comes after the deadline: so long from now.
    RateLimit(Duration),
    /// The client was shut down, or the call cancelled.
    Stopped(Cause),
    /// `connect_timeout_ms` ran out.
    ConnectDeadline(Duration),
    /// The machine had no memory, thread or descriptor left.
    Machine(&'static str, io::Error),
    /// No address was found for a host.
    Name {
        host: String,
        error: Arc<io::Error>,
    },
    /// No address of a host took the connection; and why each did not.
    Connect {
        host: String,
        refused: Vec<(SocketAddr, io::Error)>,
    },
    /// A response came before the whole request had left, and did not say no.
    Early(u16),
    /// A proxy did not open the way.
    Proxy {
        reason: String,
        is_transient: bool,
    },
    Tls(rustls::Error),
    /// The connection broke.
    Broken(io::Error),
    /// The head of a response does not end.
    LongHead,
    /// What came over the connection is no HTTP, or not what was asked for.
    ///
    /// ureq also refuses some that is HTTP: folded header fields (RFC 9112, section 5.2), a 100 with
    /// fields of its own, and a chunk-size line of more than 20 characters, which an extension makes
    /// (section 7.1.1). To its maintainers: please read chunk extensions of any length, and pass over
    /// the fields of a 100. A second parser here would be worse than an unknown outcome that is rare.
    NoHttp(ureq::Error),
}

impl Failure {
    /// The reason is the rest of a sentence that "the proxy" begins.
    pub(super) fn of_proxy(reason: impl Into<String>, is_transient: bool) -> Self {
        Failure::Proxy {
            reason: reason.into(),
            is_transient,
        }
    }

    /// Whether the same attempt may do better in a moment.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Failure::Stopped(_) => false,
            Failure::Proxy { is_transient, .. } => *is_transient,
            Failure::Tls(error) => tls_failure::is_transient(error),
            _ => true,
        }
    }

    /// How long until another call may do better, where that is known.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Failure::RateLimit(delay) => Some(*delay),
            _ => None,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Deadline => f.write_str("timed out (timeout_ms)"),
            Failure::RateLimit(_) => f.write_str(
                "rate limit: the next slot under messages_per_second is after timeout_ms",
            ),
            Failure::Stopped(Cause::ShutDown) => f.write_str("the client was shut down"),
            Failure::Stopped(Cause::Cancelled) => f.write_str("the call was cancelled"),
            Failure::ConnectDeadline(limit) => write!(
                f,
                "opening a connection took longer than connect_timeout_ms ({} ms) allows",
                limit.as_millis()
            ),
            Failure::Machine(what, error) => write!(f, "the machine could not {what} ({error})"),
            Failure::Name { host, error } => {
                write!(f, "no address was found for the host {host} ({error})")
            }
            Failure::Connect { host, refused } => {
                let reasons = reasons(refused);
                write!(f, "no connection could be made to {host} ({reasons})")
            }
            Failure::Early(http_status) => write!(
                f,
                "the server responded (HTTP {http_status}) before the request was fully sent, so it \
                 cannot have been accepted"
            ),
            Failure::Proxy { reason, .. } => write!(f, "the proxy {reason}"),
            Failure::Tls(error) => f.write_str(&tls_failure::sentence(error)),
            Failure::Broken(error) => write!(f, "the connection broke ({error})"),
            Failure::LongHead => f.write_str("the header of the response is longer than 64 KiB"),
            Failure::NoHttp(error) => write!(f, "the server did not respond with HTTP ({error})"),
        }
    }
}

impl Error for Failure {}

/// How many addresses a failure names.
const MAX_SHOWN: usize = 8;

/// Why each address took no connection: the reason alone, where there is one address.
fn reasons(refused: &[(SocketAddr, io::Error)]) -> String {
    if let [(_, error)] = refused {
        return error.to_string();
    }
    let shown = refused.iter().take(MAX_SHOWN);
    let shown = shown.map(|(address, error)| format!("{}: {error}", address.ip()));
    let omitted = refused.len().saturating_sub(MAX_SHOWN);
    let more = (omitted > 0).then(|| format!("and {omitted} more"));
    shown.chain(more).collect::<Vec<_>>().join("; ")
}

/// ureq and rustls hand an `io::Error` through as it is; a failure travels inside it.
impl From<Failure> for io::Error {
    fn from(failure: Failure) -> Self {
        io::Error::other(failure)
    }
}

impl From<Failure> for ureq::Error {
    fn from(failure: Failure) -> Self {
        ureq::Error::Io(failure.into())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        error
            .downcast::<Failure>()
            .or_else(|error| error.downcast().map(Failure::Tls))
            .or_else(|error| error.downcast::<ureq::Error>().map(Failure::from))
            .unwrap_or_else(Failure::Broken)
    }
}

impl From<ureq::Error> for Failure {
    fn from(error: ureq::Error) -> Self {
        match error {
            ureq::Error::Io(error) => Failure::from(error),
            error => Failure::NoHttp(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_itself_however_often_it_was_wrapped() {
        let mut error = io::Error::from(Failure::Stopped(Cause::ShutDown));
        for _ in 0..3 {
            error = io::Error::other(ureq::Error::Io(error));
        }
        let failure = Failure::from(error);
        let is_same = matches!(failure, Failure::Stopped(Cause::ShutDown));
        assert!(is_same && !failure.is_transient(), "{failure:?}");
    }
}
