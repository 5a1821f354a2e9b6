//! The options of a client and of a single call, from their JSON.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use ureq::http::Uri;

use crate::message::Validation;
use crate::transport::{
    Authority, IdleLimits, Proxy, Roots, Route, TlsRoute, add_file, root_store,
};

const DEFAULT_BASE_URL: &str = "https://api-ai.zixflow.com";
const PATH: &str = "/api/ingest/whatsapp/v1/message/interactive/reply-buttons/send";

/// A day: longer than any host waits, and far from where a clock overflows.
const MAX_MILLISECONDS: u64 = 24 * 60 * 60 * 1000;
const MAX_RETRIES: u64 = 100;
const MAX_IDLE_CONNECTIONS: u64 = 10_000;
/// As long as any server takes (RFC 9110, section 4.1, asks for 8000 bytes), and short enough for a
/// request's head to fit into one send.
const MAX_BASE_URL_BYTES: usize = 8000;
/// Enough for a product and its version.
const MAX_USER_AGENT_BYTES: usize = 256;

/// What may differ from call to call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallOptions {
    pub(crate) timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) max_retries: u32,
    pub(crate) validation: Validation,
    pub(crate) tries: bool,
}

/// What a client is made from.
#[derive(Debug)]
pub(crate) struct ClientOptions {
    pub(crate) url: Uri,
    pub(crate) route: Route,
    pub(crate) call: CallOptions,
    pub(crate) idle_limits: IdleLimits,
    pub(crate) user_agent: Option<String>,
    pub(crate) messages_per_second: Option<f64>,
}

impl Default for CallOptions {
    fn default() -> Self {
        CallOptions {
            timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(5),
            max_retries: 2,
            validation: Validation::Strict,
            tries: false,
        }
    }
}

impl CallOptions {
    /// A call's own options over those of its client.
    pub(crate) fn parse(self, json: Option<&str>) -> Result<Self, String> {
        let mut options = self;
        for (key, value) in entries(json)? {
            if !options.set(&key, &value)? {
                return Err(match CLIENT_OPTIONS.contains(&key.as_str()) {
                    true => format!("{key} is an option of the client: give it to zx_client_new"),
                    false => unknown(&key, &CALL_OPTIONS, &[]),
                });
            }
        }
        Ok(options)
    }

    /// Sets the option of that name; `false` where there is none.
    fn set(&mut self, key: &str, value: &Value) -> Result<bool, String> {
        match key {
            "timeout_ms" => self.timeout = milliseconds(key, value, 1)?,
            "connect_timeout_ms" => self.connect_timeout = milliseconds(key, value, 1)?,
            "max_retries" => self.max_retries = number(key, value, 0, MAX_RETRIES)? as u32,
            "tries" => self.tries = flag(key, value)?,
            "validation" => {
                self.validation = match text(key, value)? {
                    "strict" => Validation::Strict,
                    "basic" => Validation::Basic,
                    _ => return Err(format!("{key} must be \"strict\" or \"basic\"")),
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

const CALL_OPTIONS: [&str; 5] = [
    "tries",
    "timeout_ms",
    "connect_timeout_ms",
    "max_retries",
    "validation",
];
const CLIENT_OPTIONS: [&str; 9] = [
    "messages_per_second",
    "base_url",
    "allow_plain_http",
    "max_idle_connections",
    "idle_timeout_ms",
    "proxy",
    "tls_roots",
    "ca_file",
    "user_agent",
];

impl ClientOptions {
    pub(crate) fn parse(json: Option<&str>) -> Result<Self, String> {
        let mut call = CallOptions::default();
        let mut idle_limits = IdleLimits {
            connections: 1000,
            timeout: Duration::from_secs(15),
        };
        let mut base_url = DEFAULT_BASE_URL.to_owned();
        let mut allow_plain_http = false;
        let mut proxy = None;
        let mut roots = Roots::Bundled;
        let mut ca_file = None;
        let mut user_agent = None;
        let mut messages_per_second = None;

        for (key, value) in entries(json)? {
            let key = key.as_str();
            match key {
                "base_url" => base_url = text(key, &value)?.to_owned(),
                "allow_plain_http" => allow_plain_http = flag(key, &value)?,
                "max_idle_connections" => {
                    idle_limits.connections =
                        number(key, &value, 0, MAX_IDLE_CONNECTIONS)? as usize;
                }
                "idle_timeout_ms" => idle_limits.timeout = milliseconds(key, &value, 0)?,
                "proxy" => proxy = Some(text(key, &value)?.to_owned()),
                "tls_roots" => {
                    roots = match text(key, &value)? {
                        "bundled" => Roots::Bundled,
                        "system" => Roots::System,
                        _ => return Err(format!("{key} must be \"bundled\" or \"system\"")),
                    }
                }
                "ca_file" => ca_file = Some(PathBuf::from(text(key, &value)?)),
                "messages_per_second" => messages_per_second = value.as_f64(),
                "user_agent" => user_agent = Some(product(key, text(key, &value)?)?),
                _ if call.set(key, &value)? => {}
                _ => return Err(unknown(key, &CLIENT_OPTIONS, &CALL_OPTIONS)),
            }
        }

        let Endpoint {
            url,
            target,
            is_https,
        } = Endpoint::parse(&base_url, allow_plain_http)
            .map_err(|reason| format!("base_url {reason}"))?;
        let proxy = match proxy.as_deref() {
            None => Proxy::from_environment(&target, is_https)?,
            Some("") => None,
            Some(url) => Some(Proxy::parse(url).map_err(|reason| format!("proxy {reason}"))?),
        };
        // Read even where no connection will need them: a mistake shows here or not at all.
        let mut store = root_store(roots).map_err(|reason| format!("tls_roots {reason}"))?;
        if let Some(file) = ca_file {
            add_file(&mut store, &file)
                .map_err(|reason| format!("ca_file {} {reason}", file.display()))?;
        }
        let tls = match is_https {
            true => Some(TlsRoute {
                name: ServerName::try_from(target.host.clone())
                    .map_err(|_| "base_url has a host that no certificate can name".to_owned())?,
                roots: Arc::new(store),
            }),
            false => None,
        };
        Ok(ClientOptions {
            url,
            route: Route { target, proxy, tls },
            call,
            idle_limits,
            user_agent,
            messages_per_second,
        })
    }
}

/// Where the messages go.
struct Endpoint {
    url: Uri,
    target: Authority,
    is_https: bool,
}

impl Endpoint {
    /// The error completes a sentence that begins with the option's name.
    fn parse(base_url: &str, allow_plain_http: bool) -> Result<Self, String> {
        const FORM: &str = "must be scheme, host, port and an optional path, such as \
                            https://api-ai.zixflow.com";
        if base_url.len() > MAX_BASE_URL_BYTES {
            return Err(format!("is longer than {MAX_BASE_URL_BYTES} bytes"));
        }
        // What the parser passes over without a word.
        if base_url.contains(['?', '#', ' ']) {
            return Err(format!("{FORM}; it has a query, a fragment or a space"));
        }
        let base: Uri = base_url.parse().map_err(|_| FORM.to_owned())?;
        let is_https = match base.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(format!("{FORM}; it must begin with https:// or http://")),
        };
        let authority = base.authority().ok_or(FORM)?;
        if authority.as_str().contains('@') {
            return Err(format!("{FORM}; it takes no user or password"));
        }
        let target = Authority::of(&base, if is_https { 443 } else { 80 })
            .ok_or_else(|| format!("{FORM}; its host or port is missing or out of range"))?;
        if !is_https && !allow_plain_http && !is_loopback(&target.host) {
            return Err(
                "is http://, which would send the API key in the clear: use https://, or set \
                 allow_plain_http for a gateway in your own network"
                    .to_owned(),
            );
        }
        let path = base.path().trim_end_matches('/');
        let url = format!(
            "{}://{authority}{path}{PATH}",
            if is_https { "https" } else { "http" }
        );
        Ok(Endpoint {
            url: url.parse().map_err(|_| FORM.to_owned())?,
            target,
            is_https,
        })
    }
}

/// `localhost` and what is below it (RFC 6761, section 6.3), 127.0.0.0/8 and ::1.
fn is_loopback(host: &str) -> bool {
    let name = host.to_ascii_lowercase();
    match host.parse::<std::net::IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => name == "localhost" || name.ends_with(".localhost"),
    }
}

/// The members of an options object, a key that is given twice included.
struct Entries(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

fn entries(json: Option<&str>) -> Result<Vec<(String, Value)>, String> {
    let Some(json) = json else {
        return Ok(Vec::new());
    };
    // What is wrong, and where, but not the text itself: it may hold a proxy's password.
    let Entries(entries) = serde_json::from_str(json).map_err(|error| {
        let what = match error.classify() {
            serde_json::error::Category::Data => "not a JSON object",
            serde_json::error::Category::Eof => "JSON that ends too soon",
            _ => "not JSON",
        };
        format!(
            "options_json is {what} (line {}, column {}): it must be NULL or an object such as \
             {{\"timeout_ms\": 10000}}",
            error.line(),
            error.column()
        )
    })?;
    for (index, (key, _)) in entries.iter().enumerate() {
        if entries
            .iter()
            .take(index)
            .any(|(earlier, _)| earlier == key)
        {
            return Err(format!("{key} is given twice"));
        }
    }
    Ok(entries)
}

fn text<'v>(key: &str, value: &'v Value) -> Result<&'v str, String> {
    value
        .as_str()
        .ok_or_else(|| format!("{key} must be a string"))
}

fn flag(key: &str, value: &Value) -> Result<bool, String> {
    value
        .as_bool()
        .ok_or_else(|| format!("{key} must be true or false"))
}

fn number(key: &str, value: &Value, least: u64, most: u64) -> Result<u64, String> {
    value
        .as_u64()
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| format!("{key} must be a whole number from {least} to {most}"))
}

fn milliseconds(key: &str, value: &Value, least: u64) -> Result<Duration, String> {
    number(key, value, least, MAX_MILLISECONDS).map(Duration::from_millis)
}

/// A suffix of the `user-agent` field.
fn product(key: &str, text: &str) -> Result<String, String> {
    let is_visible = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    if text.is_empty() || text.len() > MAX_USER_AGENT_BYTES || !text.bytes().all(is_visible) {
        return Err(format!(
            "{key} must be 1 to {MAX_USER_AGENT_BYTES} visible ASCII characters, such as \
             acme-flows/2.1"
        ));
    }
    Ok(text.to_owned())
}

fn unknown(key: &str, these: &[&str], and_these: &[&str]) -> String {
    let known: Vec<&str> = [these, and_these].concat();
    format!("{key:?} is no option; there are: {}", known.join(", "))
}
