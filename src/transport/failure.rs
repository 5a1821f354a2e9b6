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

use super::deadline::Stop;
use super::tls_failure;
use crate::sys;

#[derive(Debug)]
pub(crate) enum Failure {
    /// A wait of the call ended.
    Stopped(Stop),
    /// `connect_timeout_ms` ran out.
    ConnectDeadline(Duration),
    /// The machine had no memory, thread or descriptor left.
    Machine(&'static str, io::Error),
    /// No address was found for a host.
    Name {
        host: String,
        error: Arc<io::Error>,
    },
    /// No address of a host took the connection.
    Connect {
        host: String,
        refused: Vec<Refused>,
    },
    /// A response came before the whole request had left, and did not say no.
    Early {
        http_status: u16,
    },
    /// A proxy did not open the way.
    Proxy {
        /// The rest of a sentence that "the proxy" begins.
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

/// An address that took no connection, and why.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) address: SocketAddr,
    pub(crate) error: io::Error,
}

impl Failure {
    /// Whether the same attempt may do better in a moment.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Failure::Stopped(Stop::Raised(_)) => false,
            Failure::Proxy { is_transient, .. } => *is_transient,
            Failure::Tls(error) => tls_failure::account(error).is_transient,
            _ => true,
        }
    }

    /// How long until another call may do better, where that is known.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Failure::Stopped(Stop::RateLimit(delay)) => Some(*delay),
            _ => None,
        }
    }

    /// Whether the process had no descriptor left.
    pub(super) fn is_out_of_descriptors(&self) -> bool {
        match self {
            Failure::Machine(_, error) => sys::is_out_of_descriptors(error),
            Failure::Name { error, .. } => sys::is_out_of_descriptors(error),
            Failure::Connect { refused, .. } => refused
                .iter()
                .any(|refused| sys::is_out_of_descriptors(&refused.error)),
            _ => false,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Stopped(stop) => stop.fmt(f),
            Failure::ConnectDeadline(limit) => write!(
                f,
                "opening a connection took longer than connect_timeout_ms ({} ms) allows",
                limit.as_millis()
            ),
            Failure::Machine(what, error) => write!(f, "the machine could not {what} ({error})"),
            Failure::Name { host, error } => {
                write!(f, "no address was found for the host {host} ({error})")
            }
            Failure::Connect { host, refused } => write!(
                f,
                "no connection could be made to {host} ({})",
                reasons(refused)
            ),
            Failure::Early { http_status } => write!(
                f,
                "the server responded (HTTP {http_status}) before the request was fully sent, so it \
                 cannot have been accepted"
            ),
            Failure::Proxy { reason, .. } => write!(f, "the proxy {reason}"),
            Failure::Tls(error) => f.write_str(&tls_failure::account(error).sentence),
            Failure::Broken(error) => write!(f, "the connection broke ({error})"),
            Failure::LongHead => f.write_str("the header of the response is longer than 64 KiB"),
            Failure::NoHttp(error) => write!(f, "the server did not respond with HTTP ({error})"),
        }
    }
}

/// So that it can travel through ureq inside of an [`io::Error`].
impl Error for Failure {}

/// How many addresses a failure names.
const MAX_SHOWN: usize = 8;

/// Why each address took no connection: the reason alone, where there is one address.
fn reasons(refused: &[Refused]) -> String {
    if let [Refused { error, .. }] = refused {
        return error.to_string();
    }
    let each = refused
        .iter()
        .take(MAX_SHOWN)
        .map(|Refused { address, error }| format!("{}: {error}", address.ip()));
    let more = refused
        .len()
        .checked_sub(MAX_SHOWN)
        .filter(|more| *more > 0)
        .map(|more| format!("and {more} more"));
    each.chain(more).collect::<Vec<_>>().join("; ")
}

impl From<Stop> for Failure {
    fn from(stop: Stop) -> Self {
        Failure::Stopped(stop)
    }
}

/// ureq hands an `io::Error` through as it is; a failure travels inside it.
impl From<Failure> for ureq::Error {
    fn from(failure: Failure) -> Self {
        ureq::Error::Io(io::Error::other(failure))
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.downcast::<Failure>() {
            Ok(failure) => failure,
            Err(error) => match error.downcast::<rustls::Error>() {
                Ok(error) => Failure::Tls(error),
                Err(error) => match error.downcast::<ureq::Error>() {
                    Ok(error) => Failure::from(error),
                    Err(error) => Failure::Broken(error),
                },
            },
        }
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
    use crate::sys::Cause;

    #[test]
    fn a_failure_is_itself_however_often_it_was_wrapped() {
        let mut error = io::Error::other(Failure::Stopped(Stop::Raised(Cause::ShutDown)));
        for _ in 0..3 {
            error = io::Error::other(ureq::Error::Io(error));
        }
        let failure = Failure::from(error);
        let is_same = matches!(failure, Failure::Stopped(Stop::Raised(Cause::ShutDown)));
        assert!(is_same && !failure.is_transient(), "{failure:?}");
    }
}
