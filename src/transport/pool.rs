//! The connections of one client in one process, and the calls that are under way on them.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use once_cell::race::OnceBool;
use rustls::ClientConfig;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;
use ureq::{Agent, http};

use super::attempt::Attempt;
use super::deadline::Limits;
use super::failure::Failure;
use super::route::{Route, RouteConnector};
use crate::counts::{Counts, Stats};
use crate::headers::Headers;
use crate::per_process::PerProcess;
use crate::sys::{Cause, Interrupt, fork, time_since_boot};

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
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    is_shut_down: bool,
    /// The least recently used first.
    idle: VecDeque<Idle>,
    /// By number, which tells one call from the next.
    calls: BTreeMap<u64, Arc<Interrupt>>,
    next_call: u64,
}

struct Idle {
    pooled: PooledAgent,
    /// As [`time_since_boot`] tells it.
    until: Duration,
}

/// One ureq agent with at most one connection, and the attempt that the call which uses it shares
/// with that connection.
pub(crate) struct PooledAgent {
    pub(crate) agent: Agent,
    pub(crate) attempt: Arc<Attempt>,
}

/// A call that is under way, until it is dropped: a shut-down ends its waits.
pub(crate) struct Call<'a> {
    pool: &'a Pool,
    number: u64,
    pub(crate) began: Instant,
    pub(crate) limits: Limits,
}

impl Pool {
    pub(crate) fn new(
        route: &Arc<Route>,
        headers: &Arc<Headers>,
        idle_limits: IdleLimits,
    ) -> Result<Self, Failure> {
        prepare_ureq();
        let pool = Pool {
            route: Arc::clone(route),
            headers: Arc::clone(headers),
            idle_limits,
            tls: route.tls_configuration()?,
            counts: Arc::default(),
            state: Arc::default(),
        };
        everywhere().push(Arc::downgrade(&pool.state));
        Ok(pool)
    }

    pub(crate) fn begin_call(
        &self,
        began: Instant,
        deadline: Instant,
    ) -> Result<Call<'_>, Failure> {
        let mut state = lock(&self.state);
        if state.is_shut_down {
            return Err(Failure::ShutDown);
        }
        let interrupt = Arc::new(Interrupt::default());
        let number = state.next_call;
        state.next_call += 1;
        state.calls.insert(number, Arc::clone(&interrupt));
        Ok(Call {
            pool: self,
            number,
            began,
            limits: Limits {
                deadline,
                interrupt,
            },
        })
    }

    /// The most recently used agent, whose connection is the most likely to be open still, or a new
    /// one.
    pub(crate) fn take(&self) -> PooledAgent {
        let now = time_since_boot();
        let mut state = lock(&self.state);
        let mut stale = state.remove_stale(now);
        // A server may have named a shorter time than those that lie around it.
        let mut pooled = None;
        while let Some(idle) = state.idle.pop_back() {
            if idle.until > now {
                pooled = Some(idle);
                break;
            }
            stale.push(idle);
        }
        drop(state);
        drop(stale);
        pooled.map_or_else(|| self.new_agent(), |idle| idle.pooled)
    }

    /// Keeps a pooled agent's connection, if it has one: no longer than the server said that it will.
    pub(crate) fn put_back(&self, pooled: PooledAgent, server_keeps_it: Option<Duration>) {
        if !pooled.attempt.has_connection() {
            return;
        }
        let now = time_since_boot();
        let keep = server_keeps_it.map_or(self.idle_limits.timeout, |it| {
            it.min(self.idle_limits.timeout)
        });
        let mut state = lock(&self.state);
        if state.is_shut_down {
            drop(state);
            return;
        }
        let until = now + keep;
        state.idle.push_back(Idle { pooled, until });
        let mut closing = state.remove_stale(now);
        let surplus = state
            .idle
            .len()
            .saturating_sub(self.idle_limits.connections);
        closing.extend(state.idle.drain(..surplus));
        drop(state);
        drop(closing);
    }

    /// Ends every wait of a call in flight, and closes what is idle.
    pub(crate) fn shut_down(&self) {
        let mut state = lock(&self.state);
        state.is_shut_down = true;
        for interrupt in state.calls.values() {
            interrupt.raise(Cause::ShutDown);
        }
        let idle = std::mem::take(&mut state.idle);
        drop(state);
        drop(idle);
    }

    pub(crate) fn stats(&self) -> Stats<'_> {
        let state = lock(&self.state);
        Stats {
            counts: &self.counts,
            calls_under_way: state.calls.len(),
            connections_idle: state.idle.len(),
        }
    }

    fn new_agent(&self) -> PooledAgent {
        let attempt = Arc::new(Attempt::new());
        let connector = RouteConnector {
            route: Arc::clone(&self.route),
            headers: Arc::clone(&self.headers),
            tls: self.tls.clone(),
            attempt: Arc::clone(&attempt),
            counts: Arc::clone(&self.counts),
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
        PooledAgent {
            agent: Agent::with_parts(configuration, connector, NoLookUp),
            attempt,
        }
    }
}

impl State {
    /// Takes out what has been idle for too long. No thread does this in the background: it happens
    /// when the client is used. To be dropped without the lock: closing takes time.
    fn remove_stale(&mut self, now: Duration) -> Vec<Idle> {
        let stale = self
            .idle
            .iter()
            .take_while(|idle| idle.until <= now)
            .count();
        self.idle.drain(..stale).collect()
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        lock(&self.pool.state).calls.remove(&self.number);
    }
}

/// Lets ureq make what it makes with its first request, under a lock of its own, while forks wait: a
/// child would wait for ever for a lock that another thread of its parent held.
fn prepare_ureq() {
    static IS_PREPARED: OnceBool = OnceBool::new();

    IS_PREPARED.get_or_init(|| {
        let _hold_up = fork::HoldUp::begin();
        let configuration = Agent::config_builder().proxy(None).build();
        let agent = Agent::with_parts(configuration, (), NoLookUp);
        // Nothing connects it to anything.
        let _ = agent.post("http://localhost/").send_empty();
        true
    });
}

/// The pools of this process.
fn everywhere() -> MutexGuard<'static, Vec<Weak<Mutex<State>>>> {
    static POOLS: PerProcess<Mutex<Vec<Weak<Mutex<State>>>>> = PerProcess::new();

    let Ok(pools) = POOLS.get_or_try_make(|| Ok::<_, Infallible>(Mutex::default()));
    let mut pools = lock(pools);
    if pools.len() == pools.capacity() {
        pools.retain(|pool| pool.strong_count() > 0);
    }
    pools
}

/// Takes a step that needs descriptors. Where the process has none left for it, connections that are
/// only kept give theirs, and it is taken again.
pub(super) fn with_descriptors<T>(step: impl Fn() -> T, lacks_descriptors: fn(&T) -> bool) -> T {
    let outcome = step();
    if lacks_descriptors(&outcome) && close_idle_everywhere() {
        step()
    } else {
        outcome
    }
}

/// Closes the connections that are only kept, of all clients. Returns whether there were any.
fn close_idle_everywhere() -> bool {
    let pools: Vec<_> = everywhere().iter().filter_map(Weak::upgrade).collect();
    let mut closed = false;
    for pool in pools {
        let idle = std::mem::take(&mut lock(&pool).idle);
        closed |= !idle.is_empty();
        drop(idle);
    }
    closed
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("route", &self.route)
            .field("idle_limits", &self.idle_limits)
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

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::Arc;
    use std::time::Duration;

    use super::{Idle, Pool, State, everywhere, lock, with_descriptors};
    use crate::headers::Headers;
    use crate::options::ClientOptions;
    use crate::sys::time_since_boot;

    fn pool() -> Pool {
        let options = ClientOptions::parse(Some(r#"{"base_url": "http://127.0.0.1:9"}"#))
            .expect("sound options");
        let headers = Headers::new("key", "workspace", None).expect("sound headers");
        let route = Arc::new(options.route);
        Pool::new(&route, &Arc::new(headers), options.idle_limits).expect("a pool")
    }

    fn keep_one(pool: &Pool) {
        let until = time_since_boot() + Duration::from_secs(60);
        let pooled = pool.new_agent();
        lock(&pool.state).idle.push_back(Idle { pooled, until });
    }

    fn kept(pool: &Pool) -> usize {
        lock(&pool.state).idle.len()
    }

    /// How often a step is taken that finds none left so many times.
    fn steps(times_lacking: u32) -> u32 {
        let taken = Cell::new(0);
        let step = || {
            taken.set(taken.get() + 1);
            taken.get() <= times_lacking
        };
        with_descriptors(step, |lacks| *lacks);
        taken.get()
    }

    #[test]
    fn kept_connections_give_way_once_in_every_pool_that_there_still_is() {
        let pools = [pool(), pool()];
        // The list of the pools forgets those that are gone, and no other.
        for _ in 0..1000 {
            drop(pool());
        }
        assert!(everywhere().len() < 100);

        pools.iter().for_each(keep_one);
        assert_eq!(steps(0), 1);
        assert_eq!(pools.each_ref().map(kept), [1, 1]);
        assert_eq!(steps(1), 2);
        assert_eq!(pools.each_ref().map(kept), [0, 0]);
        assert_eq!(steps(1), 1);
        keep_one(&pools[0]);
        assert_eq!(steps(9), 2);
    }

    #[test]
    fn what_was_kept_too_long_is_taken_out_and_nothing_else() {
        let pool = pool();
        let now = time_since_boot();
        let mut state = State::default();
        for until in [now, now + Duration::from_nanos(1)] {
            let pooled = pool.new_agent();
            state.idle.push_back(Idle { pooled, until });
        }
        assert_eq!(state.remove_stale(now).len(), 1);
        assert_eq!(state.idle.len(), 1);
    }
}
