//! The parts of a URL that tell where it leads.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use rustls::pki_types::ServerName;

/// A host and a port.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Authority {
    pub(crate) host: ServerName<'static>,
    /// The same as it is looked up: a dot at its end makes a name absolute.
    pub(crate) name: String,
    pub(crate) port: u16,
}

impl Authority {
    /// What stands between a URL's `//`, or the `@` behind it, and its path. The error tells what is
    /// wrong, and repeats nothing of it.
    pub(crate) fn parse(text: &str, default_port: u16) -> Result<Self, &'static str> {
        let bracketed = text.strip_prefix('[').and_then(|text| text.split_once(']'));
        let (name, port) =
            bracketed.unwrap_or_else(|| text.split_at(text.find(':').unwrap_or(text.len())));
        let is_address = name.parse::<Ipv6Addr>().is_ok();
        let host = ServerName::try_from(name.to_owned()).ok();
        let port = match port.strip_prefix(':') {
            None if port.is_empty() => Some(default_port),
            port => port.and_then(port_number),
        };
        match (host, port) {
            (Some(host), Some(port)) if is_address == bracketed.is_some() => Ok(Authority {
                host,
                name: name.to_owned(),
                port,
            }),
            _ => Err(
                "its host must be a name in ASCII (xn-- for other letters), an IPv4 address, or an \
                 IPv6 address in brackets and without a zone; and its port a number from 1 to 65535",
            ),
        }
    }

    /// The host's, if it is an address and no name.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        match &self.host {
            ServerName::IpAddress(address) => Some((*address).into()),
            _ => None,
        }
    }

    /// `localhost` and the names below it: always this machine, whatever a name service says
    /// (RFC 6761, section 6.3).
    pub(crate) fn is_localhost(&self) -> bool {
        let name = self.host.to_str();
        let last_label = name.rsplit('.').next();
        last_label.is_some_and(|label| label.eq_ignore_ascii_case("localhost"))
    }

    /// `localhost`, 127.0.0.0/8 and ::1.
    pub(crate) fn is_loopback(&self) -> bool {
        match self.address() {
            Some(address) => address.to_canonical().is_loopback(),
            None => self.is_localhost(),
        }
    }
}

/// Digits alone: Rust takes a sign as well.
fn port_number(text: &str) -> Option<u16> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let port = text.parse().ok().filter(|port| *port > 0);
    port.filter(|_| is_number)
}

/// Whether each `%` begins a percent-encoding.
pub(crate) fn are_escapes_whole(text: &str) -> bool {
    text.split('%').skip(1).all(|rest| {
        let digits = rest.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    })
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address() {
            Some(IpAddr::V6(address)) => write!(f, "[{address}]:{}", self.port),
            _ => write!(f, "{}:{}", self.name, self.port),
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
            assert_eq!((&*authority.name, authority.port), (host, port), "{text}");
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
