//! The header fields of a request. The same for every message of a client, so made once.

use ureq::http::header::{ACCEPT, CONTENT_TYPE, HOST, USER_AGENT};
use ureq::http::{HeaderMap, HeaderName, HeaderValue, Uri};

/// Longer than any key, and short enough for a request's head to fit into one send.
const MAX_CREDENTIAL_BYTES: usize = 4 * 1024;

/// The error names the argument that no header can carry.
pub(crate) fn build(
    url: &Uri,
    api_key: &str,
    workspace_id: &str,
    user_agent_suffix: Option<&str>,
) -> Result<HeaderMap, String> {
    let json = HeaderValue::from_static("application/json");
    Ok(HeaderMap::from_iter([
        // ureq would write it anew for each request.
        (HOST, host(url)?),
        (CONTENT_TYPE, json.clone()),
        (ACCEPT, json),
        (
            HeaderName::from_static("x-api-key"),
            credential("api_key", api_key)?,
        ),
        (
            HeaderName::from_static("x-workspace-id"),
            credential("workspace_id", workspace_id)?,
        ),
        (USER_AGENT, user_agent(user_agent_suffix)?),
    ]))
}

/// A credential as a header's value.
fn credential(name: &str, text: &str) -> Result<HeaderValue, String> {
    let reason = if text.is_empty() {
        "is empty".to_owned()
    } else if text.len() > MAX_CREDENTIAL_BYTES {
        format!("is longer than {MAX_CREDENTIAL_BYTES} bytes")
    } else if text.trim() != text {
        "begins or ends with white space, such as the line break at the end of a file".to_owned()
    } else if !text
        .bytes()
        .all(|byte| byte == b' ' || byte.is_ascii_graphic())
    {
        "has a character that no HTTP header can carry, such as a line break".to_owned()
    } else {
        let mut value = HeaderValue::from_str(text).map_err(|error| error.to_string())?;
        value.set_sensitive(true);
        return Ok(value);
    };
    Err(format!(
        "{name} {reason}: copy it from your Zixflow workspace's settings"
    ))
}

fn host(url: &Uri) -> Result<HeaderValue, String> {
    let authority = url.authority().map_or("", |authority| authority.as_str());
    HeaderValue::from_str(authority).map_err(|error| error.to_string())
}

fn user_agent(suffix: Option<&str>) -> Result<HeaderValue, String> {
    let library = concat!("zixflow-c/", env!("CARGO_PKG_VERSION"));
    let value = match suffix {
        Some(suffix) => format!("{library} {suffix}"),
        None => library.to_owned(),
    };
    HeaderValue::from_str(&value).map_err(|error| error.to_string())
}
