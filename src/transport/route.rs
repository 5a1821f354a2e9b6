//! The way to the API: name, TCP connection, proxy, TLS.

use std::sync::Arc;
use std::time::Instant;

use rustls::ClientConfig;
use ureq::unversioned::transport::{ConnectionDetails, Connector};

use super::attempt::CurrentAttempt;
use super::authority::Authority;
use super::connection::Connection;
use super::deadline::Limits;
use super::failure::Failure;
use super::proxy::Proxy;
use super::socket::{Limited, Socket};
use super::tls::TlsSession;
use super::{happy_eyeballs, resolver};
use crate::counts::{Count, Counts};
use crate::headers::Headers;

/// How a client reaches the API. The same in parent and child of a fork.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) target: Authority,
    pub(crate) proxy: Option<Proxy>,
    /// `None`: plain HTTP.
    pub(crate) tls: Option<ClientConfig>,
}

/// Opens connections for ureq along a route.
#[derive(Debug)]
pub(super) struct RouteConnector {
    pub(super) route: Arc<Route>,
    pub(super) headers: Arc<Headers>,
    /// Keeps the sessions that a later handshake resumes, so one for all agents.
    pub(super) tls: Option<Arc<ClientConfig>>,
    pub(super) attempt: CurrentAttempt,
    pub(super) counts: Arc<Counts>,
}

impl RouteConnector {
    fn open(&self, limits: &Limits) -> Result<Connection, Failure> {
        let socket = self.open_socket(limits)?;
        let tls = self.tls.as_ref();
        let tls = tls.map(|configuration| self.open_tls(configuration, &socket, limits));
        let tls = tls.transpose()?;
        let headers = Arc::clone(&self.headers);
        Ok(Connection::new(socket, tls, headers, self.attempt.clone()))
    }

    fn open_tls(
        &self,
        configuration: &Arc<ClientConfig>,
        socket: &Socket,
        limits: &Limits,
    ) -> Result<TlsSession, Failure> {
        let name = self.route.target.host.clone();
        let session = self.attempt.timed("tls_ms", || {
            TlsSession::open(Arc::clone(configuration), name, socket, limits)
        })?;
        if session.is_resumed() {
            self.counts.increase(Count::TlsHandshakesResumed);
        }
        Ok(session)
    }

    fn open_socket(&self, limits: &Limits) -> Result<Socket, Failure> {
        let target = &self.route.target;
        let Some(proxy) = &self.route.proxy else {
            return self.connect_to(target, limits);
        };
        let socket = self.connect_to(&proxy.authority, limits)?;
        let mut stream = Limited {
            socket: &socket,
            limits,
        };
        self.attempt
            .timed("proxy_ms", || proxy.open(&mut stream, target))?;
        Ok(socket)
    }

    fn connect_to(&self, to: &Authority, limits: &Limits) -> Result<Socket, Failure> {
        let look_up = || resolver::look_up(to, limits);
        let addresses = self.attempt.timed("look_up_ms", look_up)?;
        let connect = || happy_eyeballs::connect(to, &addresses, limits);
        let stream = self.attempt.timed("connect_ms", connect)?;
        let counts = Arc::clone(&self.counts);
        Ok(Socket { stream, counts })
    }
}

impl Connector for RouteConnector {
    type Out = Connection;

    fn connect(
        &self,
        _: &ConnectionDetails<'_>,
        _: Option<()>,
    ) -> Result<Option<Connection>, ureq::Error> {
        let call = self.attempt.limits();
        let connect_timeout = self.attempt.lock().connect_timeout;
        let connect_deadline = Instant::now() + connect_timeout;
        let limits = Limits {
            deadline: connect_deadline.min(call.deadline),
            interrupt: call.interrupt,
        };
        let connection = self.open(&limits).map_err(|failure| {
            self.counts.increase(Count::ConnectionsFailed);
            match failure {
                Failure::Deadline if connect_deadline < call.deadline => {
                    Failure::ConnectDeadline(connect_timeout)
                }
                failure => failure,
            }
        })?;
        self.counts.increase(Count::ConnectionsOpened);
        Ok(Some(connection))
    }
}
