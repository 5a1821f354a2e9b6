//! How requests and responses look on the screen.

use super::bounded::shortened;
use super::endpoint::{ApiResponse, Reply};
use super::wire::Request;

/// How much of a body is shown.
const MOST_SHOWN: usize = 64 * 1024;

/// Deeper, nothing is indented any further: a body of nothing but brackets must not cost the square
/// of its length.
const DEEPEST_INDENTATION: usize = 16;

pub const MASK: &str = "********";

/// A request as the client sent it, but with the key masked, whether it was the right one or not.
pub fn request(request: &Request, scheme: &str) -> String {
    let mut text = format!("> {} {} ({scheme})\n", request.method, request.path);
    for (name, value) in &request.headers {
        let shown = if name.eq_ignore_ascii_case("x-api-key") {
            MASK
        } else {
            value
        };
        text += &format!("> {name}: {}\n", shown.escape_debug());
    }
    text + ">\n" + &indented(&pretty(&request.body))
}

pub fn reply(reply: &Reply) -> String {
    match reply {
        Reply::AtOnce(response) => response_text(response, ""),
        Reply::ByteByByte(response) => response_text(response, " (byte by byte)"),
        Reply::Silence => "< (no response)\n".to_owned(),
        Reply::HangUp => "< (connection closed)\n".to_owned(),
    }
}

fn response_text(response: &ApiResponse, how: &str) -> String {
    let mut text = format!("< {}{how}\n", response.status);
    for (name, value) in &response.headers {
        text += &format!("< {name}: {value}\n");
    }
    text + "<\n" + &indented(&response.body)
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}

/// JSON with one member a line, and otherwise as it came: order, repeated keys and the spelling of
/// numbers are what a host's developer wants to see. What is not JSON is shown escaped. Of a long
/// body, only the beginning.
fn pretty(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    if serde_json::from_slice::<serde::de::IgnoredAny>(body).is_err() {
        let escaped = shortened(&text, MOST_SHOWN).escape_debug().to_string();
        return shortened(&escaped, MOST_SHOWN);
    }
    let line_break = |depth: usize| "\n".to_owned() + &"  ".repeat(depth.min(DEEPEST_INDENTATION));
    let mut shown = String::new();
    let mut depth = 0;
    let mut in_string = false;
    let mut escaped = false;
    let mut opened = false;
    for (place, character) in text.char_indices() {
        if shown.len() > MOST_SHOWN {
            return format!("{shown}… ({} bytes more)", text.len() - place);
        }
        if in_string {
            // JSON allows those beyond U+007E as they are, and terminals obey some of them.
            if character.is_control() {
                shown.extend(character.escape_unicode());
            } else {
                shown.push(character);
            }
            in_string = escaped || character != '"';
            escaped = !escaped && character == '\\';
            continue;
        }
        if character.is_ascii_whitespace() {
            continue;
        }
        let closes = matches!(character, '}' | ']');
        if closes {
            depth -= 1;
        }
        // An empty object or array stays on its line.
        if opened != closes {
            shown.push_str(&line_break(depth));
        }
        opened = matches!(character, '{' | '[');
        if opened {
            depth += 1;
        }
        in_string = character == '"';
        shown.push(character);
        match character {
            ':' => shown.push(' '),
            ',' => shown.push_str(&line_break(depth)),
            _ => {}
        }
    }
    shown
}
