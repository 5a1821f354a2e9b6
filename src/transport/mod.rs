//! What lies under ureq: the sockets, and the certainty about what went over them.
//!
//! ureq speaks HTTP; everything below is the library's own, because only whoever owns the socket
//! knows whether a request can have reached the API. From the top: a [`Pool`] holds [`PooledAgent`]s. A
//! pooled agent is one ureq agent with at most one connection, used by one call at a time, and the
//! [`Attempt`](attempt::Attempt) through which that call sets its limits and learns how far it came.

mod attempt;
mod authority;
mod connection;
mod deadline;
mod failure;
mod happy_eyeballs;
mod pool;
mod proxy;
mod resolver;
mod roots;
mod route;
mod socket;
mod tls;
mod tls_failure;
mod trace;

pub(crate) use attempt::Progress;
pub(crate) use authority::{Authority, are_escapes_whole};
pub(crate) use deadline::{Interrupted, Limits};
pub(crate) use failure::Failure;
pub(crate) use pool::{Call, IdleLimits, Pool};
pub(crate) use proxy::Proxy;
pub(crate) use roots::{Roots, add_file, root_store};
pub(crate) use route::{Route, TlsRoute};
pub(crate) use trace::{Milliseconds, Trace};
