//! What becomes of a message between the library and the API, whatever the network does.

mod bytes;
mod cancel;
mod concurrency;
mod deadlines;
mod early_responses;
mod fork;
mod idle_connections;
mod kept_connections;
mod outcomes;
mod pace;
mod proxies;
mod proxy_urls;
mod retries;
mod roots;
mod shutdown;
mod tls_alerts;
mod tls_failures;
mod waits;
