//! Proxies: which one is used, and how it is asked to open the way to the API.

mod connect;
mod no_proxy;
mod socks5;

use std::fmt;
use std::io::{Read, Write};

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
        const FORM: &str = "must be a proxy's URL, such as http://user:password@proxy.example:3128";
        let authority = Authority::parse(authority, default_port)
            .map_err(|reason| format!("{FORM}; {reason}"))?;
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
        let named = match is_https {
            true => first_variable(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])?,
            false => first_variable(&["all_proxy", "ALL_PROXY"])?,
        };
        let Some((name, url)) = named else {
            return Ok(None);
        };
        let exceptions = first_variable(&["no_proxy", "NO_PROXY"])?;
        if exceptions.is_some_and(|(_, list)| no_proxy::is_exempt(&list, target)) {
            return Ok(None);
        }
        let proxy = Proxy::parse(&url).map(Some);
        proxy.map_err(|reason| format!("the environment variable {name} {reason}"))
    }

    /// What must not be told: the password, and the form in which it goes to an HTTP proxy.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = String> {
        let credentials = self.credentials.iter();
        let secret = credentials.filter(|it| !it.password.is_empty());
        secret.flat_map(|it| [it.password.clone(), it.pair()])
    }

    /// Asks the proxy at the other end of `stream` to open the way to `target`.
    pub(crate) fn open(
        &self,
        stream: &mut (impl Read + Write),
        target: &Authority,
    ) -> Result<(), Failure> {
        match self.protocol {
            Protocol::HttpConnect => connect::open(stream, self.credentials.as_ref(), target),
            Protocol::Socks5 => socks5::open(stream, self.credentials.as_ref(), target),
        }
    }
}

impl Credentials {
    /// What stands before a URL's `@`.
    fn parse(text: &str, protocol: Protocol) -> Result<Self, &'static str> {
        let decoded = |text| {
            let text = percent_decode_str(text).decode_utf8();
            let text = text.map_err(|_| "has a user or password that is not UTF-8 once decoded")?;
            match text.chars().any(char::is_control) {
                true => Err("has a control character in its user or password"),
                false => Ok(text.into_owned()),
            }
        };
        if !text.bytes().all(may_be_in_credentials) || !are_escapes_whole(text) {
            return Err(
                "has a user or password in which a character has to be percent-encoded: %23 for #, \
                 %25 for %, %2F for /, %3A for :, %3F for ?, %40 for @, %20 for a space, and so on",
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
            return Err("has a user or password of more than 4096 bytes");
        }
        match protocol {
            Protocol::Socks5 if !fits(&credentials.user) || !fits(&credentials.password) => {
                Err("needs a SOCKS5 user and password of 1 to 255 bytes each")
            }
            // RFC 7617, section 2: the first colon ends the user.
            Protocol::HttpConnect if credentials.user.contains(':') => {
                Err("has a colon in its user, which no HTTP proxy can be told")
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
        if let Some(value) = environment::variable(name)? {
            return Ok(Some((*name, value)));
        }
    }
    Ok(None)
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Proxy").field(&self.authority).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::Proxy;

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
                (&*proxy.authority.name, proxy.authority.port),
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
