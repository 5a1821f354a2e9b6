//! Every option, once: its name, type, range and default, who may give it, and what it is for.

use std::time::Duration;

use super::{CallOptions, ClientValues, Text};
use crate::message::Validation;
use crate::transport::Roots;

use Place::{Call, Client};

/// A day: longer than any host waits, and far from where a clock overflows.
const MAX_MILLISECONDS: u64 = 24 * 60 * 60 * 1000;
/// As long as any server takes (RFC 9110, section 4.1, asks for 8000 bytes), and short enough for a
/// request's head to fit into one send.
pub(super) const MAX_BASE_URL_BYTES: usize = 8000;
/// Enough for a product and its version.
pub(super) const MAX_USER_AGENT_BYTES: usize = 256;

pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) title: &'static str,
    /// What it does: a sentence without its subject, which is the option.
    pub(super) description: &'static str,
}

/// What may be given, what holds where nothing is, and where it goes.
pub(super) enum Kind {
    Flag(bool, Place<bool>),
    Whole {
        least: u64,
        most: u64,
        default: u64,
        place: Place<u64>,
    },
    /// There is none by default.
    Number {
        least: f64,
        most: f64,
        place: Place<f64>,
    },
    /// One of these words. The first is the default.
    Word(&'static [(&'static str, Place<()>)]),
    Text {
        format: Format,
        default: Option<&'static str>,
        /// The environment variables that hold where it is not given. Where there are several, which
        /// one does is decided when the route is known.
        variables: &'static [&'static str],
        place: Place<Text>,
    },
}

/// What a schema can say of a text. All of it is checked where the text is used.
pub(super) struct Format {
    pub(super) pattern: &'static str,
    pub(super) most_bytes: Option<usize>,
    pub(super) example: &'static str,
}

/// Where a value goes, and so who may give it.
pub(super) enum Place<T> {
    /// To a call's options: the client's, and those of a single call.
    Call(fn(&mut CallOptions, T)),
    /// To the client's own.
    Client(fn(&mut ClientValues, T)),
}

macro_rules! host_and_port {
    () => {
        r"(?:\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z_.-]+)(?::0*[1-9][0-9]*)?"
    };
}

pub(super) static OPTIONS: &[Row] = &[
    Row {
        name: "base_url",
        kind: Kind::Text {
            format: Format {
                pattern: concat!(
                    "^[Hh][Tt][Tt][Pp][Ss]?://",
                    host_and_port!(),
                    "(?:/(?:[-A-Za-z0-9._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*)?$"
                ),
                most_bytes: Some(MAX_BASE_URL_BYTES),
                example: "https://gateway.example:8443/zixflow",
            },
            default: Some("https://api-ai.zixflow.com"),
            variables: &["ZIXFLOW_BASE_URL"],
            place: Client(|it, text| it.base_url = text),
        },
        title: "Base URL",
        description: "Scheme, host, port and an optional path prefix of the API; http:// only for a \
                      loopback host.",
    },
    Row {
        name: "allow_plain_http",
        kind: Kind::Flag(false, Client(|it, flag| it.allow_plain_http = flag)),
        title: "Allow plain HTTP",
        description: "Allows http:// for any host, such as a gateway in one's own network.",
    },
    Row {
        name: "timeout_ms",
        kind: milliseconds(
            1,
            30_000,
            Call(|it, number| it.timeout = to_duration(number)),
        ),
        title: "Time-out",
        description: "Limits the whole call, retries and waits included, in milliseconds.",
    },
    Row {
        name: "connect_timeout_ms",
        kind: milliseconds(
            1,
            5_000,
            Call(|it, number| it.connect_timeout = to_duration(number)),
        ),
        title: "Time-out of connecting",
        description: "Limits name look-up, TCP, proxy and TLS together, in milliseconds.",
    },
    Row {
        name: "max_retries",
        kind: Kind::Whole {
            least: 0,
            most: 100,
            default: 2,
            place: Call(|it, number| it.max_retries = number as u32),
        },
        title: "Retries",
        description: "Limits how often a call that can be retried is; 0 turns retries off.",
    },
    Row {
        name: "validation",
        kind: Kind::Word(&[
            ("strict", Call(|it, ()| it.validation = Validation::Strict)),
            ("basic", Call(|it, ()| it.validation = Validation::Basic)),
        ]),
        title: "Validation",
        description: "Says how much of a message is checked; \"basic\": only the presence and types \
                      of the outermost fields.",
    },
    Row {
        name: "max_idle_connections",
        kind: Kind::Whole {
            least: 0,
            most: 10_000,
            default: 1_000,
            place: Client(|it, number| it.max_idle_connections = number as usize),
        },
        title: "Idle connections",
        description: "Limits how many connections are kept open for the next call.",
    },
    Row {
        name: "idle_timeout_ms",
        kind: milliseconds(
            0,
            15_000,
            Client(|it, number| it.idle_timeout = to_duration(number)),
        ),
        title: "Time-out of idle connections",
        description: "Says how long a connection is kept for the next call, in milliseconds; it is \
                      closed when the client is next used.",
    },
    Row {
        name: "proxy",
        kind: Kind::Text {
            format: Format {
                pattern: concat!(
                    "^$|^(?:(?:[Hh][Tt][Tt][Pp]|[Ss][Oo][Cc][Kk][Ss]5[Hh]?)://)?",
                    "(?:(?:[-A-Za-z0-9._~!$&'()*+,;=:]|%[0-9A-Fa-f]{2})*@)?",
                    host_and_port!(),
                    "/?$"
                ),
                most_bytes: None,
                example: "http://user:p%40ssword@proxy.example:3128",
            },
            default: None,
            variables: &["HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"],
            place: Client(|it, text| it.proxy = Some(text)),
        },
        title: "Proxy",
        description: "The URL of a proxy, http://, socks5:// or socks5h://, with user and password \
                      percent-encoded; \"\" for none. The proxy looks names up. Plain http:// to a \
                      loopback host takes the environment's never, and this one only with \
                      allow_plain_http.",
    },
    Row {
        name: "tls_roots",
        kind: Kind::Word(&[
            ("bundled", Client(|it, ()| it.roots = Roots::Bundled)),
            ("system", Client(|it, ()| it.roots = Roots::System)),
        ]),
        title: "Trusted authorities",
        description: "Says which authorities are trusted: Mozilla's, which are built in, or \
                      \"system\", the machine's own.",
    },
    Row {
        name: "ca_file",
        kind: Kind::Text {
            format: Format {
                pattern: ".",
                most_bytes: None,
                example: "/etc/ssl/acme-root.pem",
            },
            default: None,
            variables: &["ZIXFLOW_CA_FILE"],
            place: Client(|it, text| it.ca_file = Some(text)),
        },
        title: "Further authorities",
        description: "Names a PEM file of further authorities to trust, every one of which must be \
                      usable.",
    },
    Row {
        name: "user_agent",
        kind: Kind::Text {
            format: Format {
                pattern: "^[!-~]([ -~]*[!-~])?$",
                most_bytes: Some(MAX_USER_AGENT_BYTES),
                example: "acme-flows/2.1",
            },
            default: None,
            variables: &[],
            place: Client(|it, text| it.user_agent = Some(text)),
        },
        title: "User agent",
        description: "The host's own addition to the user-agent header, in visible ASCII.",
    },
    Row {
        name: "tries",
        kind: Kind::Flag(false, Call(|it, flag| it.tries = flag)),
        title: "Tell of each attempt",
        description: "Says whether the reply tells of each attempt.",
    },
    Row {
        name: "messages_per_second",
        kind: Kind::Number {
            least: 0.01,
            most: 10_000.0,
            place: Client(|it, number| it.messages_per_second = Some(number)),
        },
        title: "Messages per second",
        description: "Limits the attempts of the client, over all threads, to an even rate; a call \
                      waits for its turn within its timeout_ms.",
    },
];

const fn milliseconds(least: u64, default: u64, place: Place<u64>) -> Kind {
    Kind::Whole {
        least,
        most: MAX_MILLISECONDS,
        default,
        place,
    }
}

fn to_duration(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

impl Row {
    pub(super) fn of(name: &str) -> Option<&'static Row> {
        OPTIONS.iter().find(|row| row.name == name)
    }

    /// Whether a single call can have it.
    pub(super) fn is_for_calls(&self) -> bool {
        match &self.kind {
            Kind::Flag(_, place) => place.is_for_calls(),
            Kind::Whole { place, .. } => place.is_for_calls(),
            Kind::Number { place, .. } => place.is_for_calls(),
            Kind::Word(words) => words.iter().all(|(_, place)| place.is_for_calls()),
            Kind::Text { place, .. } => place.is_for_calls(),
        }
    }
}

impl<T> Place<T> {
    fn is_for_calls(&self) -> bool {
        matches!(self, Call(_))
    }

    pub(super) fn put(&self, into: &mut ClientValues, value: T) {
        match self {
            Call(put) => put(&mut into.call, value),
            Client(put) => put(into, value),
        }
    }
}
