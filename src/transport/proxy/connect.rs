//! The way through an HTTP proxy: CONNECT (RFC 9110, section 9.3.6).

use std::io::{Read, Write};

use super::Credentials;
use crate::transport::authority::Authority;
use crate::transport::failure::Failure;

/// Asks for the way to `target`. The fields are those that curl sends, spelt as it spells them: there
/// are proxies that know no other.
pub(super) fn open(
    stream: &mut (impl Read + Write),
    credentials: Option<&Credentials>,
    target: &Authority,
) -> Result<(), Failure> {
    let authorization = credentials.map_or(String::new(), |credentials| {
        format!("Proxy-Authorization: Basic {}\r\n", credentials.pair())
    });
    let version = env!("CARGO_PKG_VERSION");
    let request = format!(
        "CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{authorization}\
         User-Agent: zixflow-c/{version}\r\nProxy-Connection: Keep-Alive\r\n\r\n"
    );
    stream.write_all(request.as_bytes())?;

    let (code, schemes) = loop {
        let (code, schemes) = read_head(stream)?;
        // What is only on its way (RFC 9110, section 15.2).
        if !(100..=199).contains(&code) {
            break (code, schemes);
        }
    };
    let is_basic = |scheme: &String| scheme.eq_ignore_ascii_case("Basic");
    let takes_basic = schemes.is_empty() || schemes.iter().any(is_basic);
    let reason = match code {
        200..=299 => return Ok(()),
        // tinyproxy's own way to say 407.
        401 | 407 if !takes_basic => format!(
            "does not accept Basic credentials ({code}), which are all that this library has, but {}: \
             enable Basic there",
            schemes.get(..5).unwrap_or(&schemes).join(", ")
        ),
        401 | 407 if credentials.is_some() => {
            format!("did not accept the user and password ({code}): check those in its URL")
        }
        401 | 407 => format!("requires authentication ({code}): add user:password@ to its URL"),
        code => format!("refused to connect to {target} ({code})"),
    };
    let is_transient = matches!(code, 408 | 429 | 500..=599);
    Err(Failure::of_proxy(reason, is_transient))
}

/// The status of an HTTP response, and the schemes by which it offers to authenticate. Its head is read
/// to its end and no further: what follows belongs to the way that it opened.
fn read_head(stream: &mut impl Read) -> Result<(u16, Vec<String>), Failure> {
    const MAX_HEAD_BYTES: usize = 16 * 1024;
    const MAX_FIELDS: usize = 64;

    let mut head = Vec::new();
    for _ in 0..MAX_HEAD_BYTES {
        let mut byte = [0];
        if stream.read(&mut byte)? == 0 {
            return Err(Failure::of_proxy("broke off its response", true));
        }
        // An empty line before a response is none of it (RFC 9112, section 2.2).
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
            (Ok(httparse::Status::Complete(_)), Some(code)) => {
                return Ok((code, response.headers.iter().flat_map(schemes).collect()));
            }
            _ => {
                let reason = "did not respond with HTTP: check its port";
                return Err(Failure::of_proxy(reason, false));
            }
        }
    }
    let reason = "gave a response whose head is longer than 16 KiB";
    Err(Failure::of_proxy(reason, false))
}

/// The schemes of a field that asks to authenticate (RFC 9110, section 11.6.1): what begins behind a
/// comma and is no parameter.
fn schemes(field: &httparse::Header<'_>) -> Vec<String> {
    let name = field.name.to_ascii_lowercase();
    if !matches!(&*name, "proxy-authenticate" | "www-authenticate") {
        return Vec::new();
    }
    let is_scheme = |word: &&str| word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let value = String::from_utf8_lossy(field.value);
    let words = value
        .split(',')
        .filter_map(|it| it.split_whitespace().next());
    words.filter(is_scheme).map(str::to_owned).collect()
}
