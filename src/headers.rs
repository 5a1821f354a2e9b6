//! The header fields of a request that the API's page asks for. The same in every request of a
//! client, so written once.

use std::fmt;

/// Longer than any key, and short enough for a request's head to fit into one send.
const MAX_BYTES: usize = 4 * 1024;

/// Header fields as they go over the wire, each with its line break.
///
/// They reach a request where it leaves: in the connection. So ureq, which handles the request until
/// then, has no credentials that it could log or send elsewhere, and nothing to write anew each time.
pub(crate) struct Headers(String);

impl Headers {
    /// The error names the argument or the option that no header can carry.
    pub(crate) fn new(
        api_key: &str,
        workspace_id: &str,
        user_agent_suffix: Option<&str>,
    ) -> Result<Self, String> {
        let library = concat!("zixflow-c/", env!("CARGO_PKG_VERSION"));
        let user_agent = match user_agent_suffix {
            Some(suffix) => format!("{library} {}", carried("user_agent", suffix)?),
            None => library.to_owned(),
        };
        let credential = |name, text| {
            let advice = "copy it from your Zixflow workspace's settings";
            carried(name, text).map_err(|reason| format!("{reason}: {advice}"))
        };
        let fields = [
            ("content-type", "application/json"),
            ("accept", "application/json"),
            // Else a server may send any coding (RFC 9110, section 12.5.3), which ureq would not read.
            ("accept-encoding", "identity"),
            ("x-api-key", credential("api_key", api_key)?),
            ("x-workspace-id", credential("workspace_id", workspace_id)?),
            ("user-agent", &user_agent),
        ];
        let fields = fields.map(|(name, value)| format!("{name}: {value}\r\n"));
        Ok(Headers(fields.concat()))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Headers").finish_non_exhaustive()
    }
}

/// A text that a header can carry. The error says what is wrong with it.
fn carried<'t>(name: &str, text: &'t str) -> Result<&'t str, String> {
    let is_carried = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    let reason = if text.is_empty() {
        "is empty"
    } else if text.len() > MAX_BYTES {
        "is longer than 4096 bytes"
    } else if text.trim() != text {
        "begins or ends with white space, such as the line break at the end of a file"
    } else if !text.bytes().all(is_carried) {
        "has a character that no HTTP header can carry, such as a line break"
    } else {
        return Ok(text);
    };
    Err(format!("{name} {reason}"))
}
