//! The connections of one client in one process.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;
use ureq::{Agent, http};

use super::exchange::Exchange;
use super::failure::Failure;
use super::route::{Route, RouteConnector};
use super::wait::Alarm;
use crate::headers::Headers;

/// How many idle connections are kept, and how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keep {
    pub(crate) connections: usize,
    pub(crate) idle: Duration,
}

pub(crate) struct Pool {
    route: Arc<Route>,
    headers: Arc<Headers>,
    keep: Keep,
    tls: Option<Arc<ClientConfig>>,
    shut_down: Arc<Alarm>,
    /// The least recently used first.
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    lane: Lane,
    since: Instant,
}

/// One ureq agent with one connection, and what the call that uses it shares with that connection.
pub(crate) struct Lane {
    pub(crate) agent: Agent,
    pub(crate) exchange: Arc<Exchange>,
}

impl Pool {
    pub(crate) fn new(
        route: &Arc<Route>,
        headers: &Arc<Headers>,
        keep: Keep,
    ) -> Result<Self, Failure> {
        let tls = route.tls_configuration()?;
        let shut_down = Alarm::new().map_err(|error| Failure::Machine("open a pipe", error))?;
        Ok(Pool {
            route: Arc::clone(route),
            headers: Arc::clone(headers),
            keep,
            tls,
            shut_down: Arc::new(shut_down),
            idle: Mutex::new(Vec::new()),
        })
    }

    pub(crate) fn alarm(&self) -> &Alarm {
        &self.shut_down
    }

    /// The most recently used lane, whose connection is the most likely to be open still, or a new
    /// one.
    pub(crate) fn take(&self) -> Lane {
        self.drop_stale(Instant::now());
        let idle = self.lock().pop();
        idle.map_or_else(|| self.new_lane(), |idle| idle.lane)
    }

    pub(crate) fn put_back(&self, lane: Lane) {
        if self.keep.connections == 0 || self.shut_down.is_raised() {
            return;
        }
        let since = Instant::now();
        self.lock().push(Idle { lane, since });
        self.drop_stale(since);
    }

    /// Ends every wait of a call in flight, and closes what is idle.
    pub(crate) fn shut_down(&self) {
        self.shut_down.raise();
        let idle = std::mem::take(&mut *self.lock());
        drop(idle);
    }

    /// Closes what has been idle for too long, or is one too many. No thread does this in the
    /// background: it happens when the client is used.
    fn drop_stale(&self, now: Instant) {
        let mut idle = self.lock();
        let surplus = idle.len().saturating_sub(self.keep.connections);
        let stale = idle
            .iter()
            .take_while(|idle| now.duration_since(idle.since) >= self.keep.idle)
            .count();
        if surplus.max(stale) > 0 {
            let closing: Vec<Idle> = idle.drain(..surplus.max(stale)).collect();
            drop(idle);
            drop(closing);
        }
    }

    fn new_lane(&self) -> Lane {
        let exchange = Arc::new(Exchange::new());
        let connector = RouteConnector {
            route: Arc::clone(&self.route),
            headers: Arc::clone(&self.headers),
            tls: self.tls.clone(),
            exchange: Arc::clone(&exchange),
            shut_down: Arc::clone(&self.shut_down),
        };
        // No time-out, proxy or header field: all are the connection's business. One connection, of
        // which this pool knows the age.
        let configuration = Agent::config_builder()
            .proxy(None)
            .max_redirects(0)
            .accept("")
            .accept_encoding("")
            .user_agent("")
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .timeout_await_100(None)
            .max_idle_connections(1)
            .max_idle_connections_per_host(1)
            .max_idle_age(Duration::MAX)
            .build();
        Lane {
            agent: Agent::with_parts(configuration, connector, NoLookUp),
            exchange,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("route", &self.route)
            .field("keep", &self.keep)
            .finish_non_exhaustive()
    }
}

/// ureq asks for addresses before it looks for a kept connection. The connector looks the name up,
/// where there is none.
#[derive(Debug)]
struct NoLookUp;

impl Resolver for NoLookUp {
    fn resolve(
        &self,
        _: &http::Uri,
        _: &ureq::config::Config,
        _: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        Ok(self.empty())
    }
}
