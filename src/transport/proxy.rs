//! Proxies: which one is used, and how it is asked to open the way to the API.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::IpAddr;

use base64::prelude::{BASE64_STANDARD, Engine};
use ureq::ProxyProtocol;

use super::Authority;
use super::failure::Failure;

/// A proxy that opens a way through: HTTP's CONNECT, or SOCKS5. Either looks the API's name up.
pub(crate) struct Proxy {
    pub(crate) authority: Authority,
    protocol: Protocol,
    credentials: Option<Credentials>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Protocol {
    HttpConnect,
    Socks5,
}

struct Credentials {
    user: String,
    password: String,
}

impl Proxy {
    /// A proxy from its URL. The error says what is wrong with it without repeating it: it may hold
    /// a password.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        let proxy = ureq::Proxy::new(url)
            .map_err(|_| "is not a proxy's URL, such as http://user:password@proxy.example:3128")?;
        let protocol = match proxy.protocol() {
            ProxyProtocol::Http => Protocol::HttpConnect,
            ProxyProtocol::Socks5 | ProxyProtocol::Socks5h => Protocol::Socks5,
            _ => return Err("must begin with http://, socks5:// or socks5h://".to_owned()),
        };
        let credentials = proxy.username().map(|user| Credentials {
            user: user.to_owned(),
            password: proxy.password().unwrap_or_default().to_owned(),
        });
        if let (Protocol::Socks5, Some(credentials)) = (protocol, &credentials) {
            // RFC 1929 has one byte for each length, and no empty field.
            for field in [&credentials.user, &credentials.password] {
                if !(1..=255).contains(&field.len()) {
                    return Err("needs a SOCKS5 user and password of 1 to 255 bytes each".into());
                }
            }
        }
        let authority = Authority::of(proxy.uri(), proxy.port())
            .ok_or("has a host or port that is missing or out of range")?;
        Ok(Proxy {
            authority,
            protocol,
            credentials,
        })
    }

    /// The proxy that the environment names for `target`, as curl reads it. `Err` names the
    /// variable.
    pub(crate) fn from_environment(
        target: &Authority,
        is_https: bool,
    ) -> Result<Option<Self>, String> {
        let variables: &[[&str; 2]] = match is_https {
            true => &[["https_proxy", "HTTPS_PROXY"], ["all_proxy", "ALL_PROXY"]],
            false => &[["all_proxy", "ALL_PROXY"]],
        };
        let Some((name, url)) = variables.iter().find_map(variable) else {
            return Ok(None);
        };
        let exceptions = variable(&["no_proxy", "NO_PROXY"]);
        if exceptions.is_some_and(|(_, list)| is_exempt(&list, target)) {
            return Ok(None);
        }
        Proxy::parse(&url)
            .map(Some)
            .map_err(|reason| format!("the environment variable {name} {reason}"))
    }

    pub(crate) fn password(&self) -> Option<&str> {
        self.credentials
            .as_ref()
            .map(|credentials| credentials.password.as_str())
            .filter(|password| !password.is_empty())
    }

    /// Asks the proxy at the other end of `stream` to open the way to `target`.
    pub(crate) fn open(
        &self,
        stream: &mut (impl Read + Write),
        target: &Authority,
    ) -> Result<(), Failure> {
        match self.protocol {
            Protocol::HttpConnect => self.http_connect(stream, target),
            Protocol::Socks5 => self.socks5(stream, target),
        }
    }

    /// RFC 9110, section 9.3.6.
    fn http_connect(
        &self,
        stream: &mut (impl Read + Write),
        target: &Authority,
    ) -> Result<(), Failure> {
        let mut request = format!("CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n");
        if let Some(Credentials { user, password }) = &self.credentials {
            let pair = BASE64_STANDARD.encode(format!("{user}:{password}"));
            request.push_str(&format!("proxy-authorization: Basic {pair}\r\n"));
        }
        request.push_str("\r\n");
        stream.write_all(request.as_bytes())?;

        const MAX_HEAD_BYTES: usize = 16 * 1024;
        let mut head = Vec::new();
        // Byte by byte: what follows the head belongs to the way that it opened.
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            if head.len() == MAX_HEAD_BYTES || stream.read(&mut byte)? == 0 {
                return Err(Failure::Proxy("broke off its answer".to_owned(), true));
            }
            head.extend(byte);
        }
        let mut fields = [httparse::EMPTY_HEADER; 64];
        let mut response = httparse::Response::new(&mut fields);
        match (response.parse(&head), response.code) {
            (Ok(_), Some(200..=299)) => Ok(()),
            (Ok(_), Some(code)) => Err(Failure::Proxy(
                match code {
                    407 => "wants a user and password, or others (407)".to_owned(),
                    code => format!("refused to connect to {target} ({code})"),
                },
                matches!(code, 408 | 429 | 500..=599),
            )),
            _ => Err(Failure::Proxy("did not answer in HTTP".to_owned(), false)),
        }
    }

    /// RFC 1928, with the user name and password of RFC 1929.
    fn socks5(&self, stream: &mut (impl Read + Write), target: &Authority) -> Result<(), Failure> {
        const VERSION: u8 = 5;
        const NO_AUTHENTICATION: u8 = 0;
        const USER_AND_PASSWORD: u8 = 2;
        const CONNECT: u8 = 1;
        const IPV4: u8 = 1;
        const NAME: u8 = 3;
        const IPV6: u8 = 4;

        let refused = |what: &str| Failure::Proxy(what.to_owned(), false);

        match self.credentials {
            None => stream.write_all(&[VERSION, 1, NO_AUTHENTICATION])?,
            Some(_) => {
                stream.write_all(&[VERSION, 2, NO_AUTHENTICATION, USER_AND_PASSWORD])?;
            }
        }
        match (read_array(stream)?, &self.credentials) {
            ([VERSION, NO_AUTHENTICATION], _) => {}
            ([VERSION, USER_AND_PASSWORD], Some(Credentials { user, password })) => {
                let mut request = vec![1];
                for field in [user, password] {
                    request.push(field.len() as u8);
                    request.extend(field.as_bytes());
                }
                stream.write_all(&request)?;
                let [_, status] = read_array(stream)?;
                if status != 0 {
                    return Err(refused("did not accept the user and password"));
                }
            }
            ([VERSION, _], _) => return Err(refused("wants a user and password, or others")),
            _ => return Err(refused("does not speak SOCKS5")),
        }

        let mut request = vec![VERSION, CONNECT, 0];
        match target.host.parse() {
            Ok(IpAddr::V4(address)) => {
                request.push(IPV4);
                request.extend(address.octets());
            }
            Ok(IpAddr::V6(address)) => {
                request.push(IPV6);
                request.extend(address.octets());
            }
            Err(_) => {
                let length = u8::try_from(target.host.len())
                    .map_err(|_| refused("takes no host name over 255 bytes"))?;
                request.extend([NAME, length]);
                request.extend(target.host.as_bytes());
            }
        }
        request.extend(target.port.to_be_bytes());
        stream.write_all(&request)?;

        let [version, reply, _, address_kind] = read_array(stream)?;
        match (version, reply) {
            (VERSION, 0) => {}
            (VERSION, 2) => return Err(refused("may not connect there (its rules)")),
            (VERSION, code @ 1..=8) => {
                let reason = match code {
                    1 => "it failed",
                    3 => "network unreachable",
                    4 => "host unreachable",
                    5 => "connection refused",
                    6 => "time to live expired",
                    _ => "not supported",
                };
                let what = format!("could not connect to {target} ({reason})");
                return Err(Failure::Proxy(what, matches!(code, 1 | 3..=6)));
            }
            _ => return Err(refused("does not speak SOCKS5")),
        }
        // The address that it bound, which nobody needs.
        let length = match address_kind {
            IPV4 => 4,
            IPV6 => 16,
            NAME => usize::from(u8::from_be_bytes(read_array(stream)?)),
            _ => return Err(refused("does not speak SOCKS5")),
        };
        const PORT_BYTES: usize = 2;
        stream.read_exact(&mut vec![0; length + PORT_BYTES])?;
        Ok(())
    }
}

fn read_array<const N: usize>(stream: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn variable(names: &[&'static str; 2]) -> Option<(&'static str, String)> {
    names.iter().find_map(|name| {
        std::env::var(name)
            .ok()
            .filter(|value| !value.is_empty())
            .map(|value| (*name, value))
    })
}

/// Whether `NO_PROXY` lists the target: `*`, or hosts with all that is below them, each with or
/// without a port.
fn is_exempt(list: &str, target: &Authority) -> bool {
    let host = target.host.to_ascii_lowercase();
    list.split([',', ' ']).map(str::trim).any(|entry| {
        let entry = entry.to_ascii_lowercase();
        let entry = entry
            .strip_suffix(&format!(":{}", target.port))
            .filter(|bare| !bare.ends_with(':'))
            .unwrap_or(&entry);
        let domain = entry
            .trim_matches(['[', ']'])
            .trim_start_matches('*')
            .trim_start_matches('.');
        entry == "*"
            || !domain.is_empty()
                && (host == domain
                    || host
                        .strip_suffix(domain)
                        .is_some_and(|rest| rest.ends_with('.')))
    })
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Proxy").field(&self.authority).finish()
    }
}
