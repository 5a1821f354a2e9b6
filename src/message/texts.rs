//! The kinds of texts: what each has to be, and what is probably not intended in it.

use std::net::IpAddr;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum TextKind {
    /// Of which no more is known than its length.
    Free,
    PhoneNumber,
    /// An absolute http or https URL that could be fetched: its host is an address or can be a name
    /// in the DNS, and its port is one.
    WebUrl,
    Headline,
    ButtonId,
    ButtonTitle,
}

impl TextKind {
    /// Whether it differs from those of an array's other items.
    pub(super) fn is_distinct(self) -> bool {
        matches!(self, TextKind::ButtonId | TextKind::ButtonTitle)
    }

    /// Whether it is shown without WhatsApp's markdown, and perhaps in one line.
    pub(super) fn is_plain(self) -> bool {
        matches!(self, TextKind::Headline | TextKind::ButtonTitle)
    }

    /// What is wrong with a text, if anything is.
    pub(super) fn complaint(self, text: &str) -> Option<&'static str> {
        match self {
            TextKind::PhoneNumber => wrong_in_phone_number(text),
            TextKind::ButtonId if text.starts_with(' ') || text.ends_with(' ') => {
                Some("must not begin or end with a space")
            }
            TextKind::WebUrl if !is_web_url(text) => Some(
                "must be an absolute http or https URL without spaces, \
                 such as https://example.com/menu.jpg",
            ),
            _ => None,
        }
    }

    /// What is probably not intended in a text that there is no complaint of.
    pub(super) fn warning(self, text: &str) -> Option<&'static str> {
        let TextKind::WebUrl = self else {
            return None;
        };
        let (host, _) = host_and_port(text)?;
        if is_local(host) {
            Some("has a host that cannot be reached from outside: a loopback or private address")
        } else if text.contains("&amp;") {
            Some("has &amp;, which is how HTML writes &")
        } else if text.contains(['{', '}']) {
            Some("has { or }, as if a placeholder were not filled in")
        } else {
            None
        }
    }
}

/// E.164: no country code begins with 0, and no number is longer.
fn wrong_in_phone_number(text: &str) -> Option<&'static str> {
    if text.is_empty() || !is_number(text.as_bytes()) {
        Some(
            "must be the phone number in digits only, country code first, \
             without +, spaces or dashes, such as 919876543210",
        )
    } else if text.starts_with('0') {
        Some(
            "must begin with the country code, which never begins with 0: leave out any 0 in \
             front, and put the country code first, such as 919876543210",
        )
    } else if !(7..=15).contains(&text.len()) {
        Some("must have 7 to 15 digits, country code included, such as 919876543210")
    } else {
        None
    }
}

fn is_number(text: &[u8]) -> bool {
    text.iter().all(u8::is_ascii_digit)
}

fn is_web_url(text: &str) -> bool {
    let has_sound_host = host_and_port(text).is_some_and(|(host, port)| {
        is_host(host) && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
    });
    has_sound_host && !has_space(text)
}

fn has_space(text: &str) -> bool {
    let in_ascii = text.bytes().any(|byte| byte <= b' ' || byte == 0x7f);
    in_ascii || !text.is_ascii() && text.contains(|c: char| c.is_whitespace() || c.is_control())
}

/// The host that a URL names, an IPv6 address in its brackets, and what follows it.
fn host_and_port(url: &str) -> Option<(&str, &str)> {
    let rest = after_web_scheme(url)?;
    let end = rest.bytes().position(|byte| b"/?#".contains(&byte));
    let authority = rest.get(..end.unwrap_or(rest.len()))?;
    let server = match authority.split_once('@') {
        Some(("", _)) => return None,
        Some((_, server)) => server,
        None => authority,
    };
    let end = if server.starts_with('[') {
        server.find(']')? + 1
    } else {
        server.find(':').unwrap_or(server.len())
    };
    server.split_at_checked(end)
}

fn is_host(host: &str) -> bool {
    let is_in_name =
        |byte: &u8| byte.is_ascii_alphanumeric() || !byte.is_ascii() || b"-_".contains(byte);
    let is_label = |label: &[u8]| !label.is_empty() && label.iter().all(is_in_name);
    let mut labels = without_dot(host).as_bytes().split(|byte| *byte == b'.');
    if host.starts_with('[') || labels.clone().next_back().is_none_or(is_number) {
        address(host).is_some()
    } else {
        labels.all(is_label)
    }
}

fn address(host: &str) -> Option<IpAddr> {
    match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?.parse().ok().map(IpAddr::V6),
        None => without_dot(host).parse().ok().map(IpAddr::V4),
    }
}

/// Whether a host is for this machine or this network alone.
fn is_local(host: &str) -> bool {
    let Some(address) = address(host).map(|address| address.to_canonical()) else {
        let last = without_dot(host).rsplit('.').next().unwrap_or_default();
        return last.eq_ignore_ascii_case("localhost");
    };
    let is_private = match address {
        IpAddr::V4(it) => it.is_private() || it.is_link_local(),
        IpAddr::V6(it) => it.is_unique_local() || it.is_unicast_link_local(),
    };
    is_private || address.is_loopback() || address.is_unspecified()
}

/// A name without the dot at its end, which makes it absolute.
fn without_dot(host: &str) -> &str {
    host.strip_suffix('.').unwrap_or(host)
}

fn is_port(text: &str) -> bool {
    text.is_empty() || is_number(text.as_bytes()) && text.parse::<u16>().is_ok_and(|port| port > 0)
}

/// What follows `http://` or `https://`, in upper or lower case.
pub(super) fn after_web_scheme(text: &str) -> Option<&str> {
    ["https://", "http://"].into_iter().find_map(|scheme| {
        let (start, rest) = text.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    })
}
