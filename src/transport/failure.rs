//! Why an attempt got no answer, in words for the person who reads them.
//!
//! A failure never tells whether the message was queued: that is for the counts of an
//! [`Exchange`](super::Exchange) alone.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::wait::Interrupted;
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
    /// A proxy did not open the way. The flag: whether it may the next time.
    Proxy(String, bool),
    Tls(rustls::Error),
    /// The connection broke, or what came over it is no HTTP.
    Broken(String),
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

    /// Whether the same attempt may do better in a moment.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Failure::ShutDown | Failure::Cancelled => false,
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
            Failure::Cancelled => f.write_str("the call was cancelled"),
            Failure::Machine(what, error) => {
                write!(f, "the machine could not {what} ({error})")
            }
            Failure::Name { host, error } => {
                write!(f, "no address was found for the host {host} ({error})")
            }
            Failure::Connect { host, refused } => match refused.as_slice() {
                [Refused { error, .. }] => {
                    write!(f, "no connection could be made to {host} ({error})")
                }
                refused => {
                    let each: Vec<String> = refused
                        .iter()
                        .take(MAX_TOLD)
                        .map(|Refused { address, error }| format!("{}: {error}", address.ip()))
                        .collect();
                    write!(
                        f,
                        "no connection could be made to {host} ({}",
                        each.join("; ")
                    )?;
                    match refused.len().saturating_sub(MAX_TOLD) {
                        0 => f.write_str(")"),
                        more => write!(f, "; and {more} more)"),
                    }
                }
            },
            Failure::Early { http_status } => write!(
                f,
                "an answer (HTTP {http_status}) came before the whole of it had left, so that the \
                 API cannot have received it"
            ),
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
