//! Where the messages go: the option `base_url`.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use ureq::http::Uri;

use crate::transport::{Authority, are_escapes_whole};

const PATH: &str = "/api/ingest/whatsapp/v1/message/interactive/reply-buttons/send";

pub(super) struct Endpoint {
    pub(super) url: Uri,
    /// The same for all that say the same in other words.
    pub(super) base_url: String,
    pub(super) target: Authority,
    pub(super) is_https: bool,
}

impl Endpoint {
    /// The error completes a sentence that begins with the option's name.
    pub(super) fn parse(base_url: &str, allow_plain_http: bool) -> Result<Self, String> {
        const FORM: &str = "must be scheme, host, port and an optional path, such as \
                            https://api-ai.zixflow.com";

        let (scheme, rest) = base_url.split_once("://").unwrap_or_default();
        let scheme = scheme.to_ascii_lowercase();
        let is_https = match scheme.as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(format!("{FORM}; it must begin with https:// or http://")),
        };
        if rest.contains(['?', '#']) {
            return Err(format!("{FORM}; it takes no query and no fragment"));
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(format!("{FORM}; it takes no user or password"));
        }
        let default_port = if is_https { 443 } else { 80 };
        let target = Authority::parse(authority, default_port)
            .map_err(|reason| format!("{FORM}; {reason}"))?;
        // As it is written in the Host field of a request.
        let suffix = format!(":{default_port}");
        let authority = authority.strip_suffix(&suffix).unwrap_or(authority);
        if !is_https && !allow_plain_http && !target.is_loopback() {
            return Err(
                "is http://, which would send the API key in the clear: use https://, or set \
                 allow_plain_http for a gateway in your own network"
                    .to_owned(),
            );
        }
        check_path(path)?;
        let path = path.trim_end_matches('/');
        let url = format!("{scheme}://{authority}{path}{PATH}");
        Ok(Endpoint {
            url: url.parse().map_err(|_| FORM.to_owned())?,
            base_url: format!(
                "{scheme}://{}:{}{path}",
                target.name.to_ascii_lowercase(),
                target.port
            ),
            target,
            is_https,
        })
    }
}

/// What goes over the wire as it is: RFC 3986, section 3.3. Parsers let more pass.
fn check_path(path: &str) -> Result<(), String> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "/-._~!$&'()*+,;=:@%".contains(c);
    if let Some(character) = path.chars().find(|c| !is_allowed(*c)) {
        let mut bytes = [0; 4];
        let encoded = utf8_percent_encode(character.encode_utf8(&mut bytes), NON_ALPHANUMERIC);
        return Err(format!(
            "has a character in its path that has to be percent-encoded: write it as {encoded}"
        ));
    }
    if !are_escapes_whole(path) {
        return Err(
            "has a % in its path that begins no percent-encoding: write it as %25".to_owned(),
        );
    }
    Ok(())
}
