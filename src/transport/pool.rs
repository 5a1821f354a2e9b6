//! The idle connections of one client in one process.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::Duration;

use once_cell::race::OnceBool;
use rustls::ClientConfig;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;
use ureq::{Agent, http};

use super::attempt::{Attempt, CurrentAttempt};
use super::give_way::{self, GiveWay};
use super::route::{Route, RouteConnector};
use super::tls::with_sessions;
use crate::counts::Counts;
use crate::headers::Headers;
use crate::mutex::Mutex;
use crate::sys::{fork, time_since_boot};

/// How many idle connections are kept, and how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IdleLimits {
    pub(crate) connections: usize,
    pub(crate) timeout: Duration,
}

pub(crate) struct Pool {
    route: Arc<Route>,
    headers: Arc<Headers>,
    idle_limits: IdleLimits,
    tls: Option<Arc<ClientConfig>>,
    pub(crate) counts: Arc<Counts>,
    idle: Arc<IdleAgents>,
}

/// The least recently used first.
type IdleAgents = Mutex<VecDeque<IdleAgent>>;

struct IdleAgent {
    pooled: PooledAgent,
    /// As [`time_since_boot`] tells it.
    until: Duration,
}

/// One ureq agent with at most one connection, and the attempt that it makes.
pub(crate) struct PooledAgent {
    pub(crate) agent: Agent,
    pub(crate) attempt: CurrentAttempt,
}

impl Pool {
    pub(crate) fn new(route: &Arc<Route>, headers: &Arc<Headers>, idle_limits: IdleLimits) -> Self {
        let pool = Pool {
            route: Arc::clone(route),
            headers: Arc::clone(headers),
            idle_limits,
            tls: route.tls.as_ref().map(with_sessions),
            counts: Arc::default(),
            idle: Arc::default(),
        };
        let idle: Weak<IdleAgents> = Arc::downgrade(&pool.idle);
        give_way::register(idle);
        pool
    }

    /// The agent for an attempt: the most recently used one, whose connection is the most likely to be
    /// open still, or a new one.
    pub(crate) fn take(&self, attempt: Attempt) -> PooledAgent {
        let now = time_since_boot();
        loop {
            // Let go of the lock before a connection is closed, which takes time.
            let last = self.idle.lock().pop_back();
            match last {
                None => return self.new_agent(CurrentAttempt::new(attempt)),
                Some(IdleAgent { pooled, until }) if until > now => {
                    *pooled.attempt.lock() = attempt;
                    return pooled;
                }
                // The server may have named a shorter time than for those that lie below it.
                Some(_stale) => {}
            }
        }
    }

    /// Keeps a pooled agent's connection, if it has one: no longer than the server said that it will.
    pub(crate) fn put_back(&self, pooled: PooledAgent, server_keeps_it: Option<Duration>) {
        if !pooled.attempt.lock().has_connection {
            return;
        }
        let now = time_since_boot();
        let own_limit = self.idle_limits.timeout;
        let until = now + server_keeps_it.map_or(own_limit, |it| it.min(own_limit));
        let mut idle = self.idle.lock();
        idle.push_back(IdleAgent { pooled, until });
        // No thread does this in the background: it happens when the client is used.
        let mut closing = Vec::new();
        let is_stale = |idle: &IdleAgent| idle.until <= now;
        while idle.len() > self.idle_limits.connections || idle.front().is_some_and(is_stale) {
            closing.extend(idle.pop_front());
        }
        // Not under the lock: closing takes time.
        drop(idle);
        drop(closing);
    }

    pub(crate) fn close_idle(&self) {
        self.idle.give_way();
    }

    pub(crate) fn idle_count(&self) -> usize {
        self.idle.lock().len()
    }

    fn new_agent(&self, attempt: CurrentAttempt) -> PooledAgent {
        prepare_ureq();
        let connector = RouteConnector {
            route: Arc::clone(&self.route),
            headers: Arc::clone(&self.headers),
            tls: self.tls.clone(),
            attempt: attempt.clone(),
            counts: Arc::clone(&self.counts),
        };
        // No time-out, proxy or header field: all are the connection's business. This pool knows its age.
        let configuration = Agent::config_builder()
            .proxy(None)
            .max_redirects(0)
            .accept("")
            .accept_encoding("")
            .user_agent("")
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .timeout_await_100(None)
            .max_idle_age(Duration::MAX)
            .build();
        PooledAgent {
            agent: Agent::with_parts(configuration, connector, NoLookUp),
            attempt,
        }
    }
}

impl GiveWay for IdleAgents {
    fn give_way(&self) -> bool {
        let closing = std::mem::take(&mut *self.lock());
        !closing.is_empty()
    }
}

/// Lets ureq make what it makes with its first request, under a lock of its own, while forks wait: a
/// child would wait for ever for a lock that another thread of its parent held.
fn prepare_ureq() {
    static IS_PREPARED: OnceBool = OnceBool::new();

    IS_PREPARED.get_or_init(|| {
        fork::hold_up(|| {
            let configuration = Agent::config_builder().proxy(None).build();
            let agent = Agent::with_parts(configuration, (), NoLookUp);
            // Nothing connects it to anything.
            agent.post("http://localhost/").send_empty().is_err()
        })
    });
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

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use super::{GiveWay, IdleAgent, IdleLimits, Pool};
    use crate::headers::Headers;
    use crate::options::ClientOptions;
    use crate::sys::time_since_boot;
    use crate::transport::attempt::{Attempt, CurrentAttempt};
    use crate::transport::deadline::Limits;
    use crate::transport::give_way::alone;
    use crate::transport::socket::Socket;

    fn pool() -> Pool {
        let options = ClientOptions::parse(Some(r#"{"base_url": "http://127.0.0.1:9"}"#))
            .expect("sound options");
        let headers = Headers::new("key", "workspace", None).expect("sound headers");
        Pool::new(&options.route, &Arc::new(headers), options.idle_limits)
    }

    fn idle(pool: &Pool, until: Duration) -> IdleAgent {
        let limits = Limits::until(Instant::now());
        let attempt = Attempt::new(&limits, Duration::ZERO, 0, None);
        let pooled = pool.new_agent(CurrentAttempt::new(attempt));
        IdleAgent { pooled, until }
    }

    #[test]
    fn what_is_put_back_takes_the_place_of_what_is_stale_or_too_much() {
        let _alone = alone();
        let pool = pool();
        let (now, long) = (time_since_boot(), Duration::from_secs(60));
        for until in [now, now + long, now + long] {
            pool.idle.lock().push_back(idle(&pool, until));
        }
        let pool = Pool {
            idle_limits: IdleLimits {
                connections: 2,
                timeout: long,
            },
            ..pool
        };
        let IdleAgent { pooled, .. } = idle(&pool, now);
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let address = listener.local_addr().expect("an address");
        let stream = TcpStream::connect(address).expect("a listener");
        let socket = Socket {
            stream: stream.into(),
            counts: Arc::default(),
        };
        pooled.attempt.connected("new", &socket);
        pool.put_back(pooled, None);
        let idle = pool.idle.lock();
        assert_eq!(idle.len(), 2);
        assert!(idle.iter().all(|idle| idle.until >= now + long));
    }

    #[test]
    fn what_is_idle_gives_way() {
        let _alone = alone();
        let pool = pool();
        assert!(!pool.idle.give_way());
        let kept = idle(&pool, time_since_boot() + Duration::from_secs(60));
        pool.idle.lock().push_back(kept);
        assert!(pool.idle.give_way());
        assert_eq!(pool.idle_count(), 0);
    }
}
