//! Why an attempt got no answer, in words for the person who reads them.
//!
//! A failure never tells whether the message was queued: that is for the counts of an
//! [`Exchange`](super::Exchange) alone.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

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
    /// A proxy did not open the way. The flag: whether it may the next time.
    Proxy(String, bool),
    Tls(rustls::Error),
    /// The connection broke, or what came over it is no HTTP.
    Broken(String),
}

impl Failure {
    /// Whether the same attempt may do better in a moment.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Failure::ShutDown => false,
            Failure::Proxy(_, may_pass) => *may_pass,
            // A handshake that broke off is an `io::Error`. What rustls itself refuses (a
            // certificate, a version, bytes that are no TLS) it will refuse again.
            Failure::Tls(rustls::Error::AlertReceived(alert)) => matches!(
                alert,
                rustls::AlertDescription::InternalError
                    | rustls::AlertDescription::CloseNotify
                    | rustls::AlertDescription::UserCanceled
            ),
            Failure::Tls(_) => false,
            _ => true,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Deadline => f.write_str("the time that timeout_ms allows ran out"),
            Failure::ConnectDeadline(limit) => write!(
                f,
                "opening a connection took longer than connect_timeout_ms ({} ms) allows",
                limit.as_millis()
            ),
            Failure::ShutDown => f.write_str("the client was shut down"),
            Failure::Machine(what, error) => {
                write!(f, "the machine could not {what} ({error})")
            }
            Failure::Name { host, reason } => {
                write!(f, "no address was found for the host {host} ({reason})")
            }
            Failure::Connect { host, error } => {
                write!(f, "no connection could be made to {host} ({error})")
            }
            Failure::Proxy(what, _) => write!(f, "the proxy {what}"),
            Failure::Tls(rustls::Error::InvalidCertificate(reason)) => write!(
                f,
                "the server's certificate does not verify ({reason}); where it is signed by an \
                 authority of your own, name that in the option ca_file or use tls_roots \"system\""
            ),
            Failure::Tls(error) => write!(f, "TLS failed ({error})"),
            Failure::Broken(what) => f.write_str(what),
        }
    }
}

impl Error for Failure {}

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
                    Err(error) => Failure::Broken(format!("the connection broke ({error})")),
                },
            },
        }
    }
}

impl From<ureq::Error> for Failure {
    fn from(error: ureq::Error) -> Self {
        match error {
            ureq::Error::Io(error) => Failure::from(error),
            error => Failure::Broken(format!("what came back is no HTTP answer ({error})")),
        }
    }
}
