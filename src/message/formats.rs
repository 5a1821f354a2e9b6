//! The formats of texts: each said twice, for the check and for the schema.

use std::net::{Ipv4Addr, Ipv6Addr};

pub(super) struct Format {
    /// A regular expression of ECMA-262 that fits exactly what there is no complaint of.
    pub(super) pattern: &'static str,
    /// What is wrong with a text, if anything is.
    pub(super) complaint: fn(&str) -> Option<&'static str>,
}

pub(super) static PHONE_NUMBER: Format = Format {
    // E.164: no country code begins with 0, and no number is longer.
    pattern: "^[1-9][0-9]{6,14}$",
    complaint: |text| {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
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
    },
};

pub(super) static NO_OUTER_SPACE: Format = Format {
    pattern: r"^(?:[^ ](?:[\s\S]*[^ ])?)?$",
    complaint: |text| {
        let has_outer_space = text.starts_with(' ') || text.ends_with(' ');
        has_outer_space.then_some("must not begin or end with a space")
    },
};

/// Control characters beyond ASCII, and what Unicode calls white space: what \s means differs from
/// one dialect of regular expressions to the next.
macro_rules! odd_space {
    () => {
        r"\u007F-\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000"
    };
}

/// What a name in the DNS is made of: of ASCII, letters, digits, hyphens and underscores.
macro_rules! name_character {
    () => {
        concat!(
            r"[^\u0000-\u002C\u002E\u002F\u003A-\u0040\u005B-\u005E\u0060\u007B-\u007E",
            odd_space!(),
            "]"
        )
    };
    (but no digit) => {
        concat!(
            r"[^\u0000-\u002C\u002E-\u0040\u005B-\u005E\u0060\u007B-\u007E",
            odd_space!(),
            "]"
        )
    };
}

macro_rules! byte {
    () => {
        "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
    };
}

/// An absolute http or https URL that could be fetched: its host is an address or can be a name in
/// the DNS, and its port is one.
pub(super) static WEB_URL: Format = Format {
    pattern: concat!(
        r"^[Hh][Tt][Tt][Pp][Ss]?:\/\/",
        // A user, and a password.
        concat!(r"(?:[^\u0000-\u0020\/?#@", odd_space!(), r"]+@)?"),
        // An address of IPv6, roughly, or of IPv4.
        r"(?:\[[0-9A-Fa-f:.]+\]|",
        concat!("(?:", byte!(), r"\.){3}", byte!(), r"\.?|"),
        // A name, of which the last part is no number: that would be an address.
        concat!("(?:", name_character!(), r"+\.)*"),
        concat!(
            "[0-9]*",
            name_character!(but no digit),
            name_character!(),
            r"*\.?)"
        ),
        // A port.
        "(?::(?:0*(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|",
        "6553[0-5]))?)?",
        concat!(r"(?:[\/?#][^\u0000-\u0020", odd_space!(), "]*)?$"),
    ),
    complaint: |text| {
        (!is_web_url(text)).then_some(
            "must be an absolute http or https URL without spaces, \
             such as https://example.com/menu.jpg",
        )
    },
};

fn is_web_url(text: &str) -> bool {
    let has_space = text.contains(|c: char| c.is_whitespace() || c.is_control());
    let authority = after_web_scheme(text).and_then(|rest| rest.split(['/', '?', '#']).next());
    authority.is_some_and(|authority| {
        let (user, server) = authority.split_once('@').unwrap_or(("user", authority));
        !has_space && !user.is_empty() && is_server(server)
    })
}

/// A host, and a port if there is one.
fn is_server(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        Some((address, port)) => (address, port),
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let is_host = if text.starts_with('[') {
        host.parse::<Ipv6Addr>().is_ok()
    } else {
        is_name_or_ipv4(host)
    };
    is_host && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
}

fn is_name_or_ipv4(host: &str) -> bool {
    let name = host.strip_suffix('.').unwrap_or(host);
    let is_in_name = |c: char| !c.is_ascii() || c.is_ascii_alphanumeric() || "-_".contains(c);
    let is_part = |part: &str| !part.is_empty() && part.chars().all(is_in_name);
    let last = name.rsplit('.').next().unwrap_or_default();
    if last.bytes().all(|byte| byte.is_ascii_digit()) {
        name.parse::<Ipv4Addr>().is_ok()
    } else {
        name.split('.').all(is_part)
    }
}

fn is_port(text: &str) -> bool {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.is_empty() || is_number && text.parse::<u16>().is_ok_and(|port| port > 0)
}

/// What follows `http://` or `https://`, in upper or lower case.
pub(super) fn after_web_scheme(text: &str) -> Option<&str> {
    ["https://", "http://"].into_iter().find_map(|scheme| {
        let (start, rest) = text.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    })
}
