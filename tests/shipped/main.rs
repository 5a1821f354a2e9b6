//! What was shipped, tested where it was installed.

mod concurrency;
mod go;
mod hosts;
mod long_deadlines;
mod packages;
mod real;
mod real_proxies;
mod real_resolver;
mod real_servers;
mod real_tls;
mod shared_object;
mod static_archives;
mod temporal;
