//! Why an attempt got no answer, in words for the person who reads them.
//!
//! A failure never tells whether the message was queued: that is for the counts of an
//! [`Exchange`](super::Exchange) alone.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::tls_failure;
use super::wait::Interrupted;

#[derive(Debug)]
pub(crate) enum Failure {
    /// The call's `timeout_ms` ran out.
    Deadline,
    /// `connect_timeout_ms` ran out.
    ConnectDeadline(Duration),
    ShutDown,
    /// The machine had no memory, thread or descriptor left.
    Machine(&'static str, io::Error),
    /// No address was found for a host.
    Name {
        host: String,
        reason: Arc<str>,
    },
    /// No address of a host took the connection; the error is that of the last one tried.
    Connect {
        host: String,
        error: io::Error,
    },
    /// A proxy did not open the way.
    Proxy {
        /// The rest of a sentence that "the proxy" begins.
        reason: String,
        may_pass: bool,
    },
    Tls(rustls::Error),
    /// The connection broke.
    Broken {
        error: io::Error,
    },
    /// The head of an answer does not end.
    LongHead,
    /// What came over the connection is no HTTP, or not what was asked for.
    NoHttp {
        error: ureq::Error,
    },
}

/// What is told of a failure.
pub(super) struct Account {
    pub(super) sentence: String,
    /// Whether the same attempt may do better in a moment.
    pub(super) may_pass: bool,
}

impl Account {
    pub(super) fn passing(sentence: impl Into<String>) -> Self {
        Account {
            sentence: sentence.into(),
            may_pass: true,
        }
    }

    pub(super) fn lasting(sentence: impl Into<String>) -> Self {
        Account {
            sentence: sentence.into(),
            may_pass: false,
        }
    }
}

impl Failure {
    fn account(&self) -> Account {
        match self {
            Failure::Deadline => Account::passing("the time that timeout_ms allows ran out"),
            Failure::ConnectDeadline(limit) => Account::passing(format!(
                "opening a connection took longer than connect_timeout_ms ({} ms) allows",
                limit.as_millis()
            )),
            Failure::ShutDown => Account::lasting("the client was shut down"),
            Failure::Machine(what, error) => {
                Account::passing(format!("the machine could not {what} ({error})"))
            }
            Failure::Name { host, reason } => Account::passing(format!(
                "no address was found for the host {host} ({reason})"
            )),
            Failure::Connect { host, error } => {
                Account::passing(format!("no connection could be made to {host} ({error})"))
            }
            Failure::Proxy { reason, may_pass } => Account {
                sentence: format!("the proxy {reason}"),
                may_pass: *may_pass,
            },
            Failure::Tls(error) => tls_failure::account(error),
            Failure::Broken { error } => {
                Account::passing(format!("the connection broke ({error})"))
            }
            Failure::LongHead => Account::passing("the head of the answer is longer than 64 KiB"),
            Failure::NoHttp { error } => {
                Account::passing(format!("what came back is no HTTP answer ({error})"))
            }
        }
    }

    /// Whether the same attempt may do better in a moment.
    pub(crate) fn may_pass(&self) -> bool {
        self.account().may_pass
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.account().sentence)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Failure::Machine(_, error)
            | Failure::Connect { error, .. }
            | Failure::Broken { error } => Some(error),
            Failure::Tls(error) => Some(error),
            Failure::NoHttp { error } => Some(error),
            Failure::Deadline
            | Failure::ConnectDeadline(_)
            | Failure::ShutDown
            | Failure::Name { .. }
            | Failure::Proxy { .. }
            | Failure::LongHead => None,
        }
    }
}

impl From<Interrupted> for Failure {
    fn from(interrupted: Interrupted) -> Self {
        match interrupted {
            Interrupted::Deadline => Failure::Deadline,
            Interrupted::ShutDown => Failure::ShutDown,
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
