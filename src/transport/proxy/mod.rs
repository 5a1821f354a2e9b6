//! Proxies: which one is used, and how it is asked to open the way to the API.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::IpAddr;

use base64::prelude::{BASE64_STANDARD, Engine};
use percent_encoding::percent_decode_str;

use super::authority::{Authority, are_escapes_whole};
use super::failure::Failure;
use crate::sys::environment;

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

/// As for the API's own.
const MAX_CREDENTIAL_BYTES: usize = 4 * 1024;

impl Proxy {
    /// A proxy from its URL. The error says what is wrong with it without repeating it: it may hold
    /// a password, anywhere.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        // Without a scheme it is an HTTP proxy's, as for curl.
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
        let (protocol, default_port) = match scheme.to_ascii_lowercase().as_str() {
            "http" => (Protocol::HttpConnect, 80),
            "socks5" | "socks5h" => (Protocol::Socks5, 1080),
            _ => return Err("must begin with http://, socks5:// or socks5h://".to_owned()),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (credentials, authority) = match rest.rsplit_once('@') {
            Some((credentials, authority)) => {
                (Some(Credentials::parse(credentials, protocol)?), authority)
            }
            None => (None, rest),
        };
        let authority = Authority::parse(authority, default_port).map_err(|reason| {
            format!(
                "must be a proxy's URL, such as http://user:password@proxy.example:3128; {reason}"
            )
        })?;
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
        let https: &[&str] = if is_https {
            &["https_proxy", "HTTPS_PROXY"]
        } else {
            &[]
        };
        let Some((name, url)) = first_variable(&[https, &["all_proxy", "ALL_PROXY"]].concat())?
        else {
            return Ok(None);
        };
        let exceptions = first_variable(&["no_proxy", "NO_PROXY"])?;
        if exceptions.is_some_and(|(_, list)| is_exempt(&list, target)) {
            return Ok(None);
        }
        Proxy::parse(&url)
            .map(Some)
            .map_err(|reason| format!("the environment variable {name} {reason}"))
    }

    /// What must not be told: the password, and the form in which it goes to an HTTP proxy.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = String> {
        let credentials = self.credentials.iter();
        credentials
            .filter(|credentials| !credentials.password.is_empty())
            .flat_map(|credentials| [credentials.password.clone(), credentials.pair()])
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

    /// RFC 9110, section 9.3.6. The fields are those that curl sends, spelt as it spells them: there
    /// are proxies that know no other.
    fn http_connect(
        &self,
        stream: &mut (impl Read + Write),
        target: &Authority,
    ) -> Result<(), Failure> {
        let credentials = self
            .credentials
            .as_ref()
            .map_or(String::new(), |credentials| {
                format!("Proxy-Authorization: Basic {}\r\n", credentials.pair())
            });
        let version = env!("CARGO_PKG_VERSION");
        let request = format!(
            "CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{credentials}\
             User-Agent: zixflow-c/{version}\r\nProxy-Connection: Keep-Alive\r\n\r\n"
        );
        stream.write_all(request.as_bytes())?;

        let code = loop {
            let code = read_status(stream)?;
            // What is only on its way (RFC 9110, section 15.2).
            if !(100..=199).contains(&code) {
                break code;
            }
        };
        let reason = match code {
            200..=299 => return Ok(()),
            // tinyproxy's own way to say 407.
            401 | 407 if self.credentials.is_some() => {
                format!("did not accept the user and password ({code}): check those in its URL")
            }
            401 | 407 => format!("wants a user and password ({code}): put them into its URL"),
            code => format!("refused to connect to {target} ({code})"),
        };
        Err(Failure::Proxy {
            reason,
            is_transient: matches!(code, 408 | 429 | 500..=599),
        })
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

        let refused = |reason: &str| Failure::Proxy {
            reason: reason.to_owned(),
            is_transient: false,
        };

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
                return Err(Failure::Proxy {
                    reason: format!("could not connect to {target} ({reason})"),
                    is_transient: matches!(code, 1 | 3..=6),
                });
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

/// The status of an HTTP answer, whose head is read to its end and no further: what follows belongs
/// to the way that it opened.
fn read_status(stream: &mut impl Read) -> Result<u16, Failure> {
    const MAX_HEAD_BYTES: usize = 16 * 1024;
    const MAX_FIELDS: usize = 64;

    let failure = |reason: &str, is_transient| Failure::Proxy {
        reason: reason.to_owned(),
        is_transient,
    };
    let mut head = Vec::new();
    for _ in 0..MAX_HEAD_BYTES {
        let mut byte = [0];
        if stream.read(&mut byte)? == 0 {
            return Err(failure("broke off its answer", true));
        }
        // An empty line before an answer is none of it (RFC 9112, section 2.2).
        if head.is_empty() && matches!(byte, [b'\r' | b'\n']) {
            continue;
        }
        head.extend(byte);
        if byte != [b'\n'] {
            continue;
        }
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut response = httparse::Response::new(&mut fields);
        match (response.parse(&head), response.code) {
            (Ok(httparse::Status::Partial), _) => {}
            (Ok(httparse::Status::Complete(_)), Some(code)) => return Ok(code),
            _ => {
                return Err(failure(
                    "gave an answer that is no HTTP: check its port",
                    false,
                ));
            }
        }
    }
    Err(failure(
        "gave an answer whose head is longer than 16 KiB",
        false,
    ))
}

fn read_array<const N: usize>(stream: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}

impl Credentials {
    /// What stands before a URL's `@`.
    fn parse(text: &str, protocol: Protocol) -> Result<Self, String> {
        let decoded = |text| {
            let text = percent_decode_str(text).decode_utf8().map_err(|_| {
                "has a user or password that is not UTF-8 once it is decoded".to_owned()
            })?;
            if text.chars().any(char::is_control) {
                return Err("has a control character in its user or password".to_owned());
            }
            Ok(text.into_owned())
        };
        if !text.bytes().all(may_be_in_credentials) || !are_escapes_whole(text) {
            return Err(
                "has a user or password in which a character has to be percent-encoded: %23 for #, \
                 %25 for %, %2F for /, %3A for :, %3F for ?, %40 for @, %20 for a space, and so on"
                    .to_owned(),
            );
        }
        let (user, password) = text.split_once(':').unwrap_or((text, ""));
        let credentials = Credentials {
            user: decoded(user)?,
            password: decoded(password)?,
        };
        // RFC 1929 has one byte for each length, and no empty field.
        let fits = |field: &String| (1..=255).contains(&field.len());
        if credentials.user.len().max(credentials.password.len()) > MAX_CREDENTIAL_BYTES {
            return Err("has a user or password of more than 4096 bytes".to_owned());
        }
        match protocol {
            Protocol::Socks5 if !fits(&credentials.user) || !fits(&credentials.password) => {
                Err("needs a SOCKS5 user and password of 1 to 255 bytes each".to_owned())
            }
            // RFC 7617, section 2: the first colon ends the user.
            Protocol::HttpConnect if credentials.user.contains(':') => {
                Err("has a colon in its user, which no HTTP proxy can be told".to_owned())
            }
            _ => Ok(credentials),
        }
    }

    /// User and password as HTTP's Basic authentication writes them.
    fn pair(&self) -> String {
        BASE64_STANDARD.encode(format!("{}:{}", self.user, self.password))
    }
}

/// What a URL may hold as it is before its `@` (RFC 3986, section 3.2.1). Anything else would end the
/// user, the password or the host in the wrong place.
fn may_be_in_credentials(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:%".contains(&byte)
}

/// The first of the variables that is set.
fn first_variable<'n>(names: &[&'n str]) -> Result<Option<(&'n str, String)>, String> {
    for name in names {
        let value = environment::variable(name)
            .map_err(|_| format!("the environment variable {name} is not UTF-8"))?;
        if let Some(value) = value {
            return Ok(Some((*name, value)));
        }
    }
    Ok(None)
}

/// Whether `NO_PROXY` lists the target, as curl reads it: `*` alone, or hosts with all that is below
/// them, addresses and their ranges; and each also with a port, in brackets, or behind `*.`.
fn is_exempt(list: &str, target: &Authority) -> bool {
    let port = format!(":{}", target.port);
    let mut entries = list.split([',', ' ', '\t']);
    list == "*"
        || entries.any(|entry| {
            let without_port = entry.strip_suffix(&port).unwrap_or_default();
            [entry, without_port]
                .iter()
                .any(|entry| covers(entry, &target.host))
        })
}

fn covers(entry: &str, host: &str) -> bool {
    let entry = entry.replace(['[', ']'], "");
    if let Ok(address) = host.parse::<IpAddr>() {
        let (network, bits) = match entry.split_once('/') {
            Some((network, bits)) => (network, bits.parse().ok()),
            None => (&*entry, Some(0)),
        };
        return match (network.parse(), bits) {
            (Ok(network), Some(bits)) => is_within(address, network, bits),
            _ => false,
        };
    }
    let lower = |name: &str| name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    let (host, domain) = (lower(host), lower(entry.trim_start_matches('*')));
    let domain = domain.strip_prefix('.').unwrap_or(&domain);
    let above = host.strip_suffix(domain);
    !domain.is_empty() && above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
}

/// Whether the first `bits` of both are the same. To curl, no bits are all of them.
fn is_within(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    let (same_bits, all_bits) = match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => (
            (address.to_bits() ^ network.to_bits()).leading_zeros(),
            u32::BITS,
        ),
        (IpAddr::V6(address), IpAddr::V6(network)) => (
            (address.to_bits() ^ network.to_bits()).leading_zeros(),
            u128::BITS,
        ),
        _ => return false,
    };
    match bits {
        0 => same_bits == all_bits,
        bits => bits <= all_bits && same_bits >= bits,
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Proxy").field(&self.authority).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::{Authority, Proxy, is_exempt};

    #[test]
    fn no_proxy_is_read_as_curl_reads_it() {
        for (host, list, expected) in [
            ("example.com", "*", true),
            ("example.com", "x,*", false),
            ("example.com", "*,x", false),
            ("127.0.0.1", "x,*", false),
            ("example.com", "", false),
            ("example.com", " , ,", false),
            (
                "www.example.com",
                "localhost,.example.com,.example.de",
                true,
            ),
            (
                "www.example.com.",
                "localhost,.example.com,.example.de",
                true,
            ),
            ("example.com", "localhost,.example.com,.example.de", true),
            ("example.com.", "localhost,example.com,.example.de", true),
            (
                "www.example.com",
                "localhost,.example.com.,.example.de",
                true,
            ),
            ("www.example.com", "localhost, WWW.Example.COM", true),
            ("nexample.com", "localhost,example.com,.example.de", false),
            ("example.com", "www.example.com", false),
            ("example.com", "com", true),
            ("example.com", "om", false),
            ("example.com", ".", false),
            ("example.com", "foo\texample.com", true),
            ("127.0.0.1", "127.0.0.1,localhost", true),
            ("127.0.0.1", "127.0.0.1/8,localhost,", true),
            ("127.0.0.1", "127.0.0.1/31,localhost,", true),
            ("127.0.0.1", "127.0.0.2/32", false),
            ("127.0.0.1", "0.0.1", false),
            ("10.1.2.3", "10.0.0.0/8,127.0.0.0/8", true),
            ("11.1.2.3", "10.0.0.0/8,127.0.0.0/8", false),
            ("10.1.2.3", "10.1.2.0/23", true),
            ("10.1.4.3", "10.1.2.0/23", false),
            ("192.168.0.1", "192.168.0.1/0", true),
            ("192.168.0.1", "192.168.0.2/0", false),
            ("192.168.0.1", "192.168.0.1/33", false),
            ("192.168.0.1", "192.168.0.1/x", false),
            ("192.168.0.1", "192.168.0.1/", false),
            ("192.168.0.1", "10.0.0.0/8 192.168.0.0/16", true),
            ("::1", "::1", true),
            ("::1", "[::1]", true),
            ("::1", "[::1]:8080", true),
            ("::1", "[::1]:8081", false),
            ("::1", "0:0:0:0:0:0:0:1", true),
            ("2001:db8::7", "2001:db8::/32", true),
            ("2001:db8::7", "[2001:db8::]/32", true),
            ("2001:db9::7", "2001:db8::/31", true),
            ("2001:dba::7", "2001:db8::/31", false),
            ("2001:db8::7", "2001:db8::7/129", false),
            ("::1", "127.0.0.0/8", false),
            ("127.0.0.1", "::/1", false),
            ("example.com", "10.0.0.0/8", false),
            ("example.com", "example.com:8080", true),
            ("example.com", "example.com:80", false),
            ("www.example.com", "*.example.com", true),
        ] {
            let target = Authority {
                host: host.to_owned(),
                port: 8080,
            };
            assert_eq!(is_exempt(list, &target), expected, "{host} in {list:?}");
        }
    }

    fn refusal(url: &str) -> String {
        match Proxy::parse(url) {
            Ok(proxy) => panic!("{url} is taken for {proxy:?}"),
            Err(refusal) => refusal,
        }
    }

    #[test]
    fn a_url_says_who_asks_which_proxy() {
        for (url, host, port, user, password) in [
            ("http://proxy.example", "proxy.example", 80, "", ""),
            ("HTTP://proxy.example/", "proxy.example", 80, "", ""),
            ("proxy.example:3128", "proxy.example", 3128, "", ""),
            ("socks5h://[::1]:9/", "::1", 9, "", ""),
            ("socks5://u:p@127.0.0.1", "127.0.0.1", 1080, "u", "p"),
            ("http://u@proxy.example", "proxy.example", 80, "u", ""),
            ("http://:p@proxy.example", "proxy.example", 80, "", "p"),
            (
                "http://u:a:b@proxy.example",
                "proxy.example",
                80,
                "u",
                "a:b",
            ),
            ("u:p@proxy.example:1", "proxy.example", 1, "u", "p"),
            (
                "http://svc%20user:100%25%23%2F%3F%40%3A%C3%A9@proxy.example",
                "proxy.example",
                80,
                "svc user",
                "100%#/?@:é",
            ),
        ] {
            let proxy = Proxy::parse(url).expect(url);
            assert_eq!(
                (&*proxy.authority.host, proxy.authority.port),
                (host, port),
                "{url}"
            );
            let credentials = proxy.credentials;
            let told = credentials
                .map(|it| (it.user, it.password))
                .unwrap_or_default();
            assert_eq!((&*told.0, &*told.1), (user, password), "{url}");
        }
    }

    #[test]
    fn what_only_percent_encoding_may_say_is_refused_and_not_repeated() {
        for what in [
            "#", "/", "?", "@", " ", "%", "%zz", "[", "\\", "\"", "<", "\t", "\n", "\u{1}", "é",
            "%00", "%0A", "%ff",
        ] {
            for url in [
                format!("http://svc.ur:zq{what}zqword@proxy.example:8080"),
                format!("http://svc{what}user:zqword@proxy.example:8080"),
                format!("http://svc:zqword@proxy{what}example:8080"),
                format!("http://svc:zqword@proxy.example:80{what}80"),
                format!("http://svc:zqword@proxy.example:8080/{what}x"),
                format!("socks5://svc.ur:zq@zqword{what}@proxy.example:8080"),
            ] {
                let refusal = refusal(&url);
                for part in ["svc", "zq"] {
                    assert!(!refusal.contains(part), "{url}: {refusal}");
                }
            }
        }
        assert!(refusal("http://a%3Ab:c@proxy.example").contains("colon"));
        refusal("socks5://u@proxy.example");
        let longest = "%41".repeat(4096);
        assert!(Proxy::parse(&format!("http://{longest}:{longest}@proxy.example")).is_ok());
        refusal(&format!("http://{longest}a:p@proxy.example"));
        refusal(&format!("http://u:{longest}a@proxy.example"));
        refusal(&format!("socks5://{}:p@proxy.example", "u".repeat(256)));
        for scheme in ["https", "socks4", "socks4a", "ftp", ""] {
            assert!(refusal(&format!("{scheme}://proxy.example")).contains("begin"));
        }
    }
}
