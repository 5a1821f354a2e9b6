//! The way to the API: name, TCP connection, proxy, TLS.

use std::sync::Arc;
use std::time::Instant;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use ureq::unversioned::transport::{ConnectionDetails, Connector};

use super::attempt::Attempt;
use super::connection::{Connection, Stream};
use super::failure::Failure;
use super::socket::Socket;
use super::tls::{self, TlsStream};
use super::wait::{Limited, Limits};
use super::{Authority, Proxy, names, pool, race};
use crate::headers::Headers;

/// How a client reaches the API. The same in parent and child of a fork.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) target: Authority,
    pub(crate) proxy: Option<Proxy>,
    /// `None`: plain HTTP.
    pub(crate) tls: Option<TlsRoute>,
}

#[derive(Debug)]
pub(crate) struct TlsRoute {
    pub(crate) name: ServerName<'static>,
    pub(crate) roots: Arc<RootCertStore>,
}

/// Opens connections for ureq along a route.
#[derive(Debug)]
pub(super) struct RouteConnector {
    pub(super) route: Arc<Route>,
    pub(super) headers: Arc<Headers>,
    /// Keeps the sessions that a later handshake resumes, so one for all lanes.
    pub(super) tls: Option<Arc<ClientConfig>>,
    pub(super) attempt: Arc<Attempt>,
}

impl Route {
    pub(super) fn tls_configuration(&self) -> Result<Option<Arc<ClientConfig>>, Failure> {
        self.tls
            .as_ref()
            .map(|tls| tls::configuration(Arc::clone(&tls.roots)))
            .transpose()
    }
}

impl RouteConnector {
    /// Opens a connection. Where the process has no descriptor left for it, connections that are only
    /// kept give theirs.
    fn open(&self, limits: &Limits) -> Result<Stream, Failure> {
        match self.try_to_open(limits) {
            Err(failure) if failure.is_out_of_descriptors() && pool::close_idle_everywhere() => {
                self.try_to_open(limits)
            }
            result => result,
        }
    }

    fn try_to_open(&self, limits: &Limits) -> Result<Stream, Failure> {
        let socket = self.open_socket(limits)?;
        match (&self.tls, &self.route.tls) {
            (Some(configuration), Some(TlsRoute { name, .. })) => {
                TlsStream::open(Arc::clone(configuration), name.clone(), socket, limits)
                    .map(|tls| Stream::Tls(Box::new(tls)))
            }
            _ => Ok(Stream::Plain(socket)),
        }
    }

    fn open_socket(&self, limits: &Limits) -> Result<Socket, Failure> {
        let target = &self.route.target;
        let Some(proxy) = &self.route.proxy else {
            return connect(target, limits);
        };
        let socket = connect(&proxy.authority, limits)?;
        let mut stream = Limited {
            socket: &socket,
            limits,
        };
        proxy.open(&mut stream, target)?;
        Ok(socket)
    }
}

fn connect(to: &Authority, limits: &Limits) -> Result<Socket, Failure> {
    let addresses = names::look_up(to, limits)?;
    let stream = race::connect(to, &addresses, limits)?;
    Ok(Socket::new(stream)?)
}

impl Connector for RouteConnector {
    type Out = Connection;

    fn connect(
        &self,
        _: &ConnectionDetails<'_>,
        _: Option<()>,
    ) -> Result<Option<Connection>, ureq::Error> {
        let call = self.attempt.limits();
        let connect_timeout = self.attempt.connect_timeout();
        let connect_deadline = Instant::now() + connect_timeout;
        let limits = Limits {
            deadline: connect_deadline.min(call.deadline),
            interrupt: call.interrupt,
        };
        let stream = self.open(&limits).map_err(|failure| match failure {
            Failure::Deadline if connect_deadline < call.deadline => {
                Failure::ConnectDeadline(connect_timeout)
            }
            failure => failure,
        })?;
        Ok(Some(Connection::new(
            stream,
            Arc::clone(&self.headers),
            Arc::clone(&self.attempt),
        )))
    }
}
