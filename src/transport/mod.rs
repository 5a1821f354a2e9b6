//! What lies under ureq: the sockets, and the certainty about what went over them.
//!
//! ureq speaks HTTP; everything below is the library's own, because only whoever owns the socket
//! knows whether a request can have reached the API. From the top: a [`Pool`] holds [`PooledAgent`]s. A
//! pooled agent is one ureq agent with at most one connection, used by one call at a time, and the
//! [`CurrentAttempt`](attempt::CurrentAttempt) through which that call sets its limits and learns how
//! far it came.
//!
//! Each module uses only modules listed below it:
//!
//! | module | what it is |
//! | --- | --- |
//! | `pool` | the idle connections of one client |
//! | `route` | opens a connection: name, TCP, proxy, TLS |
//! | `connection` | what ureq drives: sends, receives, and reports how far a request came |
//! | `attempt`, `trace` | what the caller and the connection share: limits, and how far the request came |
//! | `proxy`, `happy_eyeballs`, `resolver` | the steps of the way |
//! | `tls`, `socket` | a session that knows when it is at rest; a socket that never blocks |
//! | `deadline` | every wait of the library |
//! | `failure` | why an attempt got no response |
//! | `roots`, `tls_failure` | the certificates that are trusted; what went wrong in TLS |
//! | `give_way` | who gives way when descriptors run out |
//! | `authority` | the host and port of a URL |

mod attempt;
mod authority;
mod connection;
mod deadline;
mod failure;
mod give_way;
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

pub(crate) use attempt::Attempt;
pub(crate) use authority::{Authority, are_escapes_whole};
pub(crate) use deadline::Limits;
pub(crate) use failure::Failure;
pub(crate) use pool::{IdleLimits, Pool};
pub(crate) use proxy::Proxy;
pub(crate) use roots::{Roots, add_file, root_store};
pub(crate) use route::Route;
pub(crate) use tls::configuration as tls_configuration;
pub(crate) use trace::{Milliseconds, Trace};
