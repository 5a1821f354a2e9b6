//! The parts of a URL that tell where it leads.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A host and a port.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Authority {
    /// A name or an IP address, without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Authority {
    /// What stands between a URL's `//`, or the `@` behind it, and its path. The error tells what is
    /// wrong, and repeats nothing of it.
    pub(crate) fn parse(text: &str, default_port: u16) -> Result<Self, &'static str> {
        let (host, port) = match text.strip_prefix('[') {
            Some(bracketed) => {
                let (address, rest) = bracketed
                    .split_once(']')
                    .ok_or("its IPv6 address lacks the closing bracket")?;
                address.parse::<Ipv6Addr>().map_err(|_| {
                    "what it has in brackets is no IPv6 address (one with a zone, such as %eth0, \
                     cannot be used)"
                })?;
                match rest.strip_prefix(':') {
                    None if rest.is_empty() => (address, None),
                    None => return Err("it has text between its IPv6 address and its port"),
                    port => (address, port),
                }
            }
            None => {
                let (host, port) = match text.split_once(':') {
                    Some((host, port)) => (host, Some(port)),
                    None => (text, None),
                };
                check_name(host)?;
                (host, port)
            }
        };
        let port = port.map_or(Some(default_port), port_number);
        Ok(Authority {
            host: host.to_owned(),
            port: port.ok_or("its port must be a number from 1 to 65535")?,
        })
    }

    /// `localhost` and the names below it: always this machine, whatever a name service says
    /// (RFC 6761, section 6.3).
    pub(crate) fn is_localhost(&self) -> bool {
        let name = self.host.strip_suffix('.').unwrap_or(&self.host);
        let last_label = name.rsplit('.').next();
        last_label.is_some_and(|label| label.eq_ignore_ascii_case("localhost"))
    }

    /// `localhost`, 127.0.0.0/8 and ::1.
    pub(crate) fn is_loopback(&self) -> bool {
        match self.host.parse::<IpAddr>() {
            Ok(address) => address.to_canonical().is_loopback(),
            Err(_) => self.is_localhost(),
        }
    }
}

/// Digits alone: Rust takes a sign as well.
fn port_number(text: &str) -> Option<u16> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let port = text.parse().ok().filter(|port| *port > 0);
    port.filter(|_| is_number)
}

/// A name that can be looked up (RFC 1123, section 2.1, with the underscore that some networks
/// allow), or an IPv4 address.
fn check_name(host: &str) -> Result<(), &'static str> {
    const MAX_NAME_BYTES: usize = 253;
    const MAX_LABEL_BYTES: usize = 63;

    let name = host.strip_suffix('.').unwrap_or(host);
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let is_number = |label: &str| {
        let hexadecimal = label.strip_prefix("0x").or(label.strip_prefix("0X"));
        label.bytes().all(|byte| byte.is_ascii_digit())
            || hexadecimal.is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    if name.is_empty() {
        Err("its host is missing")
    } else if !name.is_ascii() {
        Err("its host has a letter that is not ASCII: write the name in its xn-- form")
    } else if !name.bytes().all(is_allowed) {
        Err(
            "its host has a character that no host name has, or its port is no number (an IPv6 \
             address stands in brackets)",
        )
    } else if name.len() > MAX_NAME_BYTES {
        Err("its host is longer than the 253 characters that a name can have")
    } else if name.split('.').any(str::is_empty) {
        Err("its host has two dots in a row, or begins with one")
    } else if name.split('.').any(|label| label.len() > MAX_LABEL_BYTES) {
        Err("its host has more than 63 characters without a dot, which no name can have")
    } else if name
        .split('.')
        .any(|label| label.starts_with('-') || label.ends_with('-'))
    {
        Err("its host has a hyphen beside a dot or at an end, which no name can have")
    } else if name.rsplit('.').next().is_some_and(is_number) && host.parse::<Ipv4Addr>().is_err() {
        // The system's look-up would take 127.1 for 127.0.0.1.
        Err("its host ends in a number but is no IPv4 address (four numbers from 0 to 255)")
    } else {
        Ok(())
    }
}

/// Whether each `%` begins a percent-encoding.
pub(crate) fn are_escapes_whole(text: &str) -> bool {
    let is_hexadecimal = |byte: &u8| byte.is_ascii_hexdigit();
    text.split('%').skip(1).all(|rest| {
        let digits = rest.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(is_hexadecimal))
    })
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Authority;

    #[test]
    fn hosts_and_ports_that_can_be_reached_are_taken() {
        let label = "a".repeat(63);
        let longest = format!("{label}.{label}.{label}.{}", "a".repeat(61));
        for (text, host, port) in [
            ("example.com", "example.com", 443),
            ("example.com.:8443", "example.com.", 8443),
            ("my_gateway:1", "my_gateway", 1),
            (
                "xn--bcher-kva.example:65535",
                "xn--bcher-kva.example",
                65535,
            ),
            ("127.0.0.1", "127.0.0.1", 443),
            ("3com.example", "3com.example", 443),
            ("[::1]", "::1", 443),
            ("[2001:db8::7]:8080", "2001:db8::7", 8080),
            (&longest, &longest, 443),
        ] {
            let authority = Authority::parse(text, 443).expect(text);
            assert_eq!((&*authority.host, authority.port), (host, port), "{text}");
        }
    }

    #[test]
    fn what_is_no_host_or_port_is_refused() {
        let long_label = "a".repeat(64);
        let long_name = "a.".repeat(126) + "aa";
        for text in [
            "",
            ":80",
            ".",
            "..",
            "a..b",
            ".a",
            "-a.example",
            "a-.example",
            "a b",
            "a%20b",
            "bücher.example",
            "a,b",
            "a;b",
            "a(b)",
            "a*b",
            "a=b",
            "a'b",
            "a\"b",
            "a<b>",
            "a\\b",
            "a^b",
            "a`b",
            "a{b}",
            "a|b",
            "a\u{7f}b",
            "a\tb",
            "1.2.3",
            "256.0.0.1",
            "1.2.3.4.5",
            "7",
            "127.1",
            "0x7f000001",
            "127.0.0.0x1",
            "example.1",
            "::1",
            "[::1",
            "[::1]x",
            "[::1]x:80",
            "[::1%eth0]",
            "[::1%25eth0]",
            "[127.0.0.1]",
            "[]",
            "[v1.a]",
            "a:",
            "a:0",
            "a:65536",
            "a:+80",
            "a:-1",
            "a:8 0",
            "a:80:80",
            "a:eighty",
            "[::1]:",
            "[::1]:+80",
            &long_label,
            &long_name,
        ] {
            assert!(Authority::parse(text, 443).is_err(), "{text:?}");
        }
    }
}
