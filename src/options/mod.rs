//! The options of a client and of a single call, from their JSON.

mod endpoint;
mod schema;
mod table;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use ureq::http::Uri;

pub(crate) use schema::schema;

use endpoint::Endpoint;
use table::{Kind, MAX_USER_AGENT_BYTES, OPTIONS, Row};

use crate::message::Validation;
use crate::misspelling::distance;
use crate::sys::environment;
use crate::transport::{IdleLimits, Proxy, Roots, Route, TlsRoute, add_file, root_store};

/// Some hundred times what all options take.
const MAX_TEXT_BYTES: usize = 64 * 1024;
/// Linux's PATH_MAX.
const MAX_PATH_BYTES: usize = 4096;
pub(crate) const TOO_LONG: &str = "options_json is longer than 64 KiB";

/// What may differ from call to call.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CallOptions {
    pub(crate) timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) max_retries: u32,
    pub(crate) validation: Validation,
    /// Whether the reply tells of each attempt.
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

/// The values of all options, as far as each can be judged by itself.
#[derive(Default)]
struct ClientValues {
    call: CallOptions,
    base_url: Text,
    allow_plain_http: bool,
    max_idle_connections: usize,
    idle_timeout: Duration,
    proxy: Option<Text>,
    roots: Roots,
    ca_file: Option<Text>,
    user_agent: Option<Text>,
    messages_per_second: Option<f64>,
}

/// A text, and what a message that tells of it names: the option, or an environment variable.
#[derive(Default)]
struct Text {
    text: String,
    origin: String,
}

impl CallOptions {
    /// A call's own options over those of its client.
    pub(crate) fn parse(self, json: Option<&str>) -> Result<Self, String> {
        let mut values = ClientValues {
            call: self,
            ..ClientValues::default()
        };
        for (row, json) in entries(json, Row::is_for_calls)? {
            row.set(&mut values, json)?;
        }
        Ok(values.call)
    }
}

impl ClientOptions {
    pub(crate) fn parse(json: Option<&str>) -> Result<Self, String> {
        let mut values = ClientValues::default();
        let given = entries(json, |_| true)?;
        let is_given = |row: &Row| given.iter().any(|(it, _)| it.name == row.name);
        for row in OPTIONS.iter().filter(|row| !is_given(row)) {
            row.set_default(&mut values)?;
        }
        for (row, json) in given {
            row.set(&mut values, json)?;
        }
        values.resolve()
    }
}

impl ClientValues {
    /// Judges the options together, and reads what they name.
    fn resolve(self) -> Result<ClientOptions, String> {
        let Endpoint {
            url,
            target,
            is_https,
        } = Endpoint::parse(&self.base_url.text, self.allow_plain_http)
            .map_err(|reason| self.base_url.blame(&reason))?;
        // Over plain http the API key would leave this machine in the clear.
        let is_local = !is_https && target.is_loopback();
        let proxy = match &self.proxy {
            None if is_local => None,
            None => Proxy::from_environment(&target, is_https)?,
            Some(proxy) if proxy.text.is_empty() => None,
            Some(proxy) if is_local && !self.allow_plain_http => {
                return Err(proxy.blame(
                    "would get the API key in the clear, as base_url is http://: leave it out, or \
                     set allow_plain_http",
                ));
            }
            Some(proxy) => Some(Proxy::parse(&proxy.text).map_err(|reason| proxy.blame(&reason))?),
        };
        // Read even where no connection will need them: a mistake shows here or not at all.
        let mut roots = root_store(self.roots).map_err(|reason| format!("tls_roots {reason}"))?;
        if let Some(file) = &self.ca_file {
            if file.text.len() > MAX_PATH_BYTES {
                return Err(file.blame("is longer than any path can be"));
            }
            add_file(Arc::make_mut(&mut roots), Path::new(&file.text))
                .map_err(|reason| file.blame(&format!("{} {reason}", file.text)))?;
        }
        let name = ServerName::try_from(target.host.clone());
        let tls = if is_https {
            let name = name.map_err(|_| {
                self.base_url
                    .blame("has a host that no certificate can name")
            })?;
            Some(TlsRoute { name, roots })
        } else {
            None
        };
        Ok(ClientOptions {
            url,
            route: Route { target, proxy, tls },
            call: self.call,
            idle_limits: IdleLimits {
                connections: self.max_idle_connections,
                timeout: self.idle_timeout,
            },
            user_agent: self.user_agent.map(Text::into_product).transpose()?,
            messages_per_second: self.messages_per_second,
        })
    }
}

impl Text {
    fn blame(&self, reason: &str) -> String {
        format!("{} {reason}", self.origin)
    }

    /// A suffix of the `user-agent` field.
    fn into_product(self) -> Result<String, String> {
        let is_visible = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
        let length = self.text.len();
        let is_fit = (1..=MAX_USER_AGENT_BYTES).contains(&length)
            && self.text.bytes().all(is_visible)
            && self.text.trim() == self.text;
        if !is_fit {
            return Err(self.blame(&format!(
                "must be 1 to {MAX_USER_AGENT_BYTES} visible ASCII characters, such as \
                 acme-flows/2.1, with spaces only between them"
            )));
        }
        Ok(self.text)
    }
}

impl Row {
    /// Sets the option to what its JSON says.
    fn set(&self, values: &mut ClientValues, json: &RawValue) -> Result<(), String> {
        let json = json.get();
        let name = self.name;
        match &self.kind {
            Kind::Flag(_, place) => {
                let flag = serde_json::from_str(json);
                place.put(
                    values,
                    flag.map_err(|_| format!("{name} must be true or false"))?,
                );
            }
            Kind::Whole {
                least, most, place, ..
            } => {
                // Some serialisers have but one kind of number: 30000.0 is whole.
                let number = serde_json::from_str(json).ok();
                let number = number.filter(|it: &f64| it.fract() == 0.0 && *it >= 0.0);
                let number = number.map(|number| number as u64);
                let number = number.filter(|number| (*least..=*most).contains(number));
                place.put(
                    values,
                    number.ok_or_else(|| {
                        format!("{name} must be a whole number from {least} to {most}")
                    })?,
                );
            }
            Kind::Number { least, most, place } => {
                let number = serde_json::from_str(json).ok();
                let number = number.filter(|number| (*least..=*most).contains(number));
                place.put(
                    values,
                    number
                        .ok_or_else(|| format!("{name} must be a number from {least} to {most}"))?,
                );
            }
            Kind::Word(words) => {
                let word: Option<String> = serde_json::from_str(json).ok();
                let row = words.iter().find(|row| word.as_deref() == Some(row.0));
                let (_, place) = row.ok_or_else(|| {
                    let words: Vec<_> = words.iter().map(|row| format!("{:?}", row.0)).collect();
                    format!("{name} must be {}", words.join(" or "))
                })?;
                place.put(values, ());
            }
            Kind::Text { place, .. } => {
                let text = serde_json::from_str(json);
                let text = Text {
                    text: text.map_err(|_| format!("{name} must be a string"))?,
                    origin: name.to_owned(),
                };
                place.put(values, text);
            }
        }
        Ok(())
    }

    /// Sets the option to what holds where it is not given.
    fn set_default(&self, values: &mut ClientValues) -> Result<(), String> {
        match &self.kind {
            Kind::Flag(default, place) => place.put(values, *default),
            Kind::Whole { default, place, .. } => place.put(values, *default),
            Kind::Number { .. } => {}
            Kind::Word(words) => {
                if let Some((_, place)) = words.first() {
                    place.put(values, ());
                }
            }
            Kind::Text {
                default,
                variables,
                place,
                ..
            } => {
                let text = match variables {
                    [variable] => Text::of_variable(variable)?,
                    _ => None,
                };
                let default = default.map(|default| Text {
                    text: default.to_owned(),
                    origin: self.name.to_owned(),
                });
                if let Some(text) = text.or(default) {
                    place.put(values, text);
                }
            }
        }
        Ok(())
    }
}

impl Text {
    fn of_variable(name: &str) -> Result<Option<Self>, String> {
        let origin = format!("the environment variable {name}");
        let text = environment::variable(name).map_err(|_| format!("{origin} is not UTF-8"))?;
        Ok(text.map(|text| Text { text, origin }))
    }
}

/// The members of an options object, a key that is given twice included.
struct Entries<'j>(Vec<(String, &'j RawValue)>);

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Entries<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<'de>, A::Error> {
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

/// The options of a text, and the JSON of each. `is_allowed` tells whether one may be given here.
fn entries(
    json: Option<&str>,
    is_allowed: fn(&Row) -> bool,
) -> Result<Vec<(&'static Row, &RawValue)>, String> {
    let Some(json) = json else {
        return Ok(Vec::new());
    };
    if json.len() > MAX_TEXT_BYTES {
        return Err(TOO_LONG.to_owned());
    }
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
    let mut given: Vec<(&Row, &RawValue)> = Vec::new();
    for (key, json) in entries {
        let row = Row::of(&key).ok_or_else(|| unknown(&key, is_allowed))?;
        let name = row.name;
        if !is_allowed(row) {
            return Err(format!(
                "{name} is an option of the client: give it to zx_client_new"
            ));
        }
        if given.iter().any(|(earlier, _)| earlier.name == name) {
            return Err(format!("{name} is given twice"));
        }
        given.push((row, json));
    }
    Ok(given)
}

/// A key is told only where it may have been meant for an option: anything else in its place may be
/// a secret.
fn unknown(key: &str, is_allowed: fn(&Row) -> bool) -> String {
    const MAX_NAME_BYTES: usize = 40;

    let is_a_name = key.len() <= MAX_NAME_BYTES
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'-'));
    let is_close = OPTIONS.iter().any(|row| distance(key, row.name).is_some());
    let key = if is_a_name || is_close {
        format!("{key:?}")
    } else {
        "a key of options_json".to_owned()
    };
    let known = OPTIONS.iter().filter(|row| is_allowed(row));
    let known: Vec<&str> = known.map(|row| row.name).collect();
    format!("{key} is no option; there are: {}", known.join(", "))
}
