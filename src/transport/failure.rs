//! Why an attempt got no answer, in words for the person who reads them.
//!
//! A failure never tells whether the message was queued: that is for the counts of an
//! [`Attempt`](super::attempt::Attempt) alone.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::deadline::Interrupted;
use super::tls_failure;
use crate::sys::{self, Cause};

#[derive(Debug)]
pub(crate) enum Failure {
    /// The call's `timeout_ms` ran out.
    Deadline,
    /// `connect_timeout_ms` ran out.
    ConnectDeadline(Duration),
    ShutDown,
    Cancelled,
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
    /// An answer came before the whole request had left, and did not say no.
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
    Broken {
        error: io::Error,
    },
    /// The head of an answer does not end.
    LongHead,
    /// What came over the connection is no HTTP, or not what was asked for.
    ///
    /// ureq also refuses some that is HTTP: folded header fields (RFC 9112, section 5.2), a 100 with
    /// fields of its own, and a chunk-size line of more than 20 characters, which an extension makes
    /// (section 7.1.1). To its maintainers: please read chunk extensions of any length, and pass over
    /// the fields of a 100. A second parser here would be worse than an unknown outcome that is rare.
    NoHttp {
        error: ureq::Error,
    },
}

/// What is told of a failure.
pub(super) struct Account {
    pub(super) sentence: String,
    /// Whether the same attempt may do better in a moment.
    pub(super) is_transient: bool,
}

impl Account {
    pub(super) fn transient(sentence: impl Into<String>) -> Self {
        Account {
            sentence: sentence.into(),
            is_transient: true,
        }
    }

    pub(super) fn permanent(sentence: impl Into<String>) -> Self {
        Account {
            sentence: sentence.into(),
            is_transient: false,
        }
    }
}

/// An address that took no connection, and why.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) address: SocketAddr,
    pub(crate) error: io::Error,
}

/// How many addresses a failure tells of.
const MAX_TOLD: usize = 8;

impl Failure {
    /// Whether the process had no descriptor left.
    pub(crate) fn is_out_of_descriptors(&self) -> bool {
        match self {
            Failure::Machine(_, error) => sys::is_out_of_descriptors(error),
            Failure::Name { error, .. } => sys::is_out_of_descriptors(error),
            Failure::Connect { refused, .. } => refused
                .iter()
                .any(|refused| sys::is_out_of_descriptors(&refused.error)),
            _ => false,
        }
    }

    fn account(&self) -> Account {
        match self {
            Failure::Deadline => Account::transient("the time that timeout_ms allows ran out"),
            Failure::ConnectDeadline(limit) => Account::transient(format!(
                "opening a connection took longer than connect_timeout_ms ({} ms) allows",
                limit.as_millis()
            )),
            Failure::ShutDown => Account::permanent("the client was shut down"),
            Failure::Cancelled => Account::permanent("the call was cancelled"),
            Failure::Machine(what, error) => {
                Account::transient(format!("the machine could not {what} ({error})"))
            }
            Failure::Name { host, error } => Account::transient(format!(
                "no address was found for the host {host} ({error})"
            )),
            Failure::Connect { host, refused } => Account::transient(format!(
                "no connection could be made to {host} ({})",
                reasons(refused)
            )),
            Failure::Early { http_status } => Account::transient(format!(
                "an answer (HTTP {http_status}) came before the whole of it had left, so that the \
                 API cannot have received it"
            )),
            Failure::Proxy {
                reason,
                is_transient,
            } => Account {
                sentence: format!("the proxy {reason}"),
                is_transient: *is_transient,
            },
            Failure::Tls(error) => tls_failure::account(error),
            Failure::Broken { error } => {
                Account::transient(format!("the connection broke ({error})"))
            }
            Failure::LongHead => Account::transient("the head of the answer is longer than 64 KiB"),
            Failure::NoHttp { error } => {
                Account::transient(format!("what came back is no HTTP answer ({error})"))
            }
        }
    }

    /// Whether the same attempt may do better in a moment.
    pub(crate) fn is_transient(&self) -> bool {
        self.account().is_transient
    }
}

/// Why each address took no connection: the reason alone, where there is one address.
fn reasons(refused: &[Refused]) -> String {
    if let [Refused { error, .. }] = refused {
        return error.to_string();
    }
    let each = refused
        .iter()
        .take(MAX_TOLD)
        .map(|Refused { address, error }| format!("{}: {error}", address.ip()));
    let more = refused
        .len()
        .checked_sub(MAX_TOLD)
        .filter(|more| *more > 0)
        .map(|more| format!("and {more} more"));
    each.chain(more).collect::<Vec<_>>().join("; ")
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.account().sentence)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Failure::Machine(_, error) | Failure::Broken { error } => Some(error),
            Failure::Name { error, .. } => Some(&**error),
            Failure::Connect { refused, .. } => match refused.last() {
                Some(last) => Some(&last.error),
                None => None,
            },
            Failure::Tls(error) => Some(error),
            Failure::NoHttp { error } => Some(error),
            Failure::Deadline
            | Failure::ConnectDeadline(_)
            | Failure::ShutDown
            | Failure::Cancelled
            | Failure::Early { .. }
            | Failure::Proxy { .. }
            | Failure::LongHead => None,
        }
    }
}

impl From<Interrupted> for Failure {
    fn from(interrupted: Interrupted) -> Self {
        match interrupted {
            Interrupted::Deadline => Failure::Deadline,
            Interrupted::Raised(Cause::ShutDown) => Failure::ShutDown,
            Interrupted::Raised(Cause::Cancelled) => Failure::Cancelled,
            Interrupted::Refused(error) => Failure::Machine("wait for the network", error),
        }
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
                    Err(error) => Failure::Broken { error },
                },
            },
        }
    }
}

impl From<ureq::Error> for Failure {
    fn from(error: ureq::Error) -> Self {
        match error {
            ureq::Error::Io(error) => Failure::from(error),
            error => Failure::NoHttp { error },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_caused_a_failure_is_kept() {
        let broken = || io::Error::from(io::ErrorKind::ConnectionReset);
        let (host, what) = ("api.example".to_owned(), "open a pipe");
        for failure in [
            Failure::from(broken()),
            Failure::Machine(what, broken()),
            Failure::Connect {
                host: host.clone(),
                refused: vec![Refused {
                    address: SocketAddr::from(([127, 0, 0, 1], 9)),
                    error: broken(),
                }],
            },
            Failure::Name {
                host,
                error: Arc::new(broken()),
            },
            Failure::from(ureq::Error::Io(broken())),
            Failure::from(ureq::Error::BodyStalled),
            Failure::from(io::Error::other(rustls::Error::DecryptError)),
        ] {
            let cause = failure.source().map(ToString::to_string);
            assert!(cause.is_some_and(|cause| !cause.is_empty()), "{failure:?}");
        }
        assert!(Failure::Deadline.source().is_none());
    }

    #[test]
    fn a_failure_is_itself_however_often_it_was_wrapped() {
        let mut error = io::Error::other(Failure::ShutDown);
        for _ in 0..3 {
            error = io::Error::other(ureq::Error::Io(error));
        }
        let failure = Failure::from(error);
        assert!(matches!(failure, Failure::ShutDown), "{failure:?}");
        assert!(!failure.is_transient());
    }
}
