//! The options of a client and of a single call, from their JSON. `schema.json` is their table: an
//! option is described there, and has its place here, in the field of its name: with `x-per-call` in
//! [`CallOptions`], else in `ClientValues`, [`ClientOptions`] and its `parse`. What checks them reads the
//! table. The header's list of options is in `ffi/client.rs`; a test holds it, the README and the
//! wrappers to the schema.

mod endpoint;
mod schema;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use ureq::http::Uri;

pub(crate) use schema::{MAX_TEXT_BYTES, SCHEMA};

use endpoint::Endpoint;
use schema::Values;

use crate::message::Validation;
use crate::transport::{IdleLimits, Proxy, Roots, Route, add_file, root_store, tls_configuration};

/// What may differ from call to call.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CallOptions {
    timeout_ms: u64,
    connect_timeout_ms: u64,
    pub(crate) max_retries: u32,
    pub(crate) validation: Validation,
    pub(crate) tries: bool,
    pub(crate) idempotency_key: Option<String>,
}

/// The other options of a client, as far as each can be judged by itself.
#[derive(Deserialize)]
struct ClientValues {
    base_url: String,
    allow_plain_http: bool,
    max_idle_connections: usize,
    idle_timeout_ms: u64,
    proxy: Option<String>,
    tls_roots: Roots,
    ca_file: Option<String>,
    ledger: Option<String>,
    ledger_days: u32,
    user_agent: Option<String>,
    messages_per_second: Option<f64>,
}

/// What a client is made from.
#[derive(Debug)]
pub(crate) struct ClientOptions {
    pub(crate) url: Uri,
    pub(crate) base_url: String,
    pub(crate) route: Arc<Route>,
    pub(crate) call: CallOptions,
    pub(crate) idle_limits: IdleLimits,
    pub(crate) ledger: Option<String>,
    pub(crate) ledger_days: u32,
    pub(crate) user_agent: Option<String>,
    pub(crate) messages_per_second: Option<f64>,
}

impl CallOptions {
    /// A call's own options over those of its client.
    pub(crate) fn parse(&self, json: Option<&str>) -> Result<Self, String> {
        match json {
            None => Ok(self.clone()),
            Some(_) => Values::of_call(json)?.place_over(self),
        }
    }

    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    pub(crate) fn connect_timeout(&self) -> Duration {
        Duration::from_millis(self.connect_timeout_ms)
    }
}

impl ClientOptions {
    pub(crate) fn parse(json: Option<&str>) -> Result<Self, String> {
        let given = Values::of_client(json)?;
        let values: ClientValues = given.place()?;
        // The options together, and what they name.
        let endpoint = Endpoint::parse(&values.base_url, values.allow_plain_http)
            .map_err(|reason| given.blame("base_url", &reason))?;
        let Endpoint {
            target, is_https, ..
        } = endpoint;
        // Over plain http the API key would leave this machine in the clear.
        let is_local = !is_https && target.is_loopback();
        let proxy = match values.proxy.as_deref() {
            None if is_local => None,
            None => Proxy::from_environment(&target, is_https)?,
            Some("") => None,
            Some(_) if is_local && !values.allow_plain_http => {
                return Err(
                    "proxy would get the API key in the clear, as base_url is http://: leave it \
                     out, or set allow_plain_http"
                        .to_owned(),
                );
            }
            Some(url) => Some(Proxy::parse(url).map_err(|reason| format!("proxy {reason}"))?),
        };
        // Read even where no connection will need them: a mistake shows here or not at all.
        let roots = root_store(values.tls_roots);
        let mut roots = roots.map_err(|reason| given.blame("tls_roots", &reason))?;
        if let Some(file) = &values.ca_file {
            add_file(Arc::make_mut(&mut roots), Path::new(file))
                .map_err(|reason| given.blame("ca_file", &format!("{file} {reason}")))?;
        }
        let tls = is_https.then(|| tls_configuration(roots));
        let tls = tls.transpose().map_err(|error| error.to_string())?;
        Ok(ClientOptions {
            url: endpoint.url,
            base_url: endpoint.base_url,
            route: Arc::new(Route { target, proxy, tls }),
            call: given.place()?,
            idle_limits: IdleLimits {
                connections: values.max_idle_connections,
                timeout: Duration::from_millis(values.idle_timeout_ms),
            },
            ledger: values.ledger,
            ledger_days: values.ledger_days,
            user_agent: values.user_agent,
            messages_per_second: values.messages_per_second,
        })
    }
}
