//! What lies under ureq: the sockets, and the certainty about what went over them.
//!
//! ureq speaks HTTP; everything below is the library's own, because only whoever owns the socket
//! knows whether a request can have reached the API. From the top: a [`Pool`] holds [`Lane`]s. A
//! lane is one ureq agent with at most one connection, used by one call at a time, and the
//! [`Attempt`](attempt::Attempt) through which that call sets its limits and learns how far it came.

mod attempt;
mod connection;
mod failure;
mod names;
mod pool;
mod proxy;
mod race;
mod route;
mod socket;
mod tls;
mod wait;

use std::fmt;

use ureq::http::Uri;

pub(crate) use attempt::Progress;
pub(crate) use failure::Failure;
pub(crate) use pool::{Call, IdleLimits, Pool, prepare};
pub(crate) use proxy::Proxy;
pub(crate) use route::{Route, TlsRoute};
pub(crate) use tls::{Roots, add_file, root_store};
pub(crate) use wait::Interrupted;

/// A host and a port.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Authority {
    /// A name or an IP address, without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Authority {
    /// What a URL names; `None` where its host is missing, or its port is no port, of both of which
    /// the URL's parser says nothing.
    pub(crate) fn of(url: &Uri, default_port: u16) -> Option<Self> {
        let authority = url.authority()?;
        let host = authority.host().trim_matches(['[', ']']);
        let names_no_port = authority.as_str().ends_with(authority.host());
        let port = match authority.port_u16() {
            None if names_no_port => default_port,
            port => port.filter(|port| *port > 0)?,
        };
        (!host.is_empty()).then(|| Authority {
            host: host.to_owned(),
            port,
        })
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}
