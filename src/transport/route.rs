//! The way to the API: name, TCP connection, proxy, TLS.

use std::net::TcpStream;
use std::sync::Arc;
use std::time::Instant;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use ureq::unversioned::transport::{ConnectionDetails, Connector};

use super::connection::{Connection, Stream};
use super::exchange::Exchange;
use super::failure::Failure;
use super::socket::Socket;
use super::tls::{self, TlsStream};
use super::wait::{Alarm, Limited, Limits};
use super::{Authority, Proxy, names, race};
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
    pub(super) exchange: Arc<Exchange>,
    pub(super) shut_down: Arc<Alarm>,
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
    fn open(&self, limits: Limits<'_>) -> Result<Stream, Failure> {
        let socket = self.open_socket(limits)?;
        match (&self.tls, &self.route.tls) {
            (Some(configuration), Some(TlsRoute { name, .. })) => {
                TlsStream::open(Arc::clone(configuration), name.clone(), socket, limits)
                    .map(|tls| Stream::Tls(Box::new(tls)))
            }
            _ => Ok(Stream::Plain(Socket::new(socket, &self.shut_down)?)),
        }
    }

    fn open_socket(&self, limits: Limits<'_>) -> Result<TcpStream, Failure> {
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

fn connect(to: &Authority, limits: Limits<'_>) -> Result<TcpStream, Failure> {
    let addresses = names::look_up(&to.host, &limits)?;
    race::connect(to, &addresses, &limits)
}

impl Connector for RouteConnector {
    type Out = Connection;

    fn connect(
        &self,
        _: &ConnectionDetails<'_>,
        _: Option<()>,
    ) -> Result<Option<Connection>, ureq::Error> {
        let state = self.exchange.state();
        let connect_deadline = Instant::now() + state.connect_timeout;
        let limits = Limits {
            deadline: connect_deadline.min(state.deadline),
            shut_down: &self.shut_down,
        };
        let stream = self.open(limits).map_err(|failure| match failure {
            Failure::Deadline if connect_deadline < state.deadline => {
                Failure::ConnectDeadline(state.connect_timeout)
            }
            failure => failure,
        })?;
        Ok(Some(Connection::new(
            stream,
            Arc::clone(&self.headers),
            Arc::clone(&self.exchange),
            Arc::clone(&self.shut_down),
        )))
    }
}
