//! The sandbox's own reading of the message rules. It never calls the library: the two sides of
//! the wire must be able to disagree.

use std::collections::HashSet;

use hyper::Uri;
use serde_json::Value;

/// What the sandbox keeps of a message that it found to be in order.
#[derive(Debug)]
pub struct Message {
    pub recipient: String,
    pub post_back_url: Option<String>,
    pub post_back_data: String,
}

/// Checks a request's body; the error is a sentence that names the first field that is wrong.
pub fn check(body: &[u8]) -> Result<Message, String> {
    let message: Value =
        serde_json::from_slice(body).map_err(|error| format!("The body is not JSON: {error}."))?;
    if !message.is_object() {
        return Err("The body must be a JSON object.".to_owned());
    }
    let recipient = text(&message, "/recipient", usize::MAX)?;
    if !recipient.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong("/recipient", "must hold digits only"));
    }
    if !(7..=15).contains(&recipient.len()) || recipient.starts_with('0') {
        return Err(wrong(
            "/recipient",
            "must have 7 to 15 digits, and begin with a country code and not with 0",
        ));
    }
    text(&message, "/phone_id", usize::MAX)?;
    check_header(&message)?;
    text(&message, "/interactive/body/text", 1024)?;
    if given(&message, "/interactive/footer").is_some() {
        let path = "/interactive/footer/text";
        let text = optional_text(&message, path)?.ok_or_else(|| wrong(path, "is missing"))?;
        at_most(60, text, path)?;
    }
    exactly(&message, "/interactive/type", "button")?;
    check_buttons(&message)?;
    let post_back_url = optional_text(&message, "/post_back_url")?;
    if let Some(url) = post_back_url {
        web_url(url, "/post_back_url")?;
    }
    Ok(Message {
        recipient: recipient.to_owned(),
        post_back_url: post_back_url.map(str::to_owned),
        post_back_data: optional_text(&message, "/post_back_data")?
            .unwrap_or_default()
            .to_owned(),
    })
}

fn check_header(message: &Value) -> Result<(), String> {
    if given(message, "/interactive/header").is_none() {
        return Ok(());
    }
    match text(message, "/interactive/header/type", usize::MAX)? {
        "text" => text(message, "/interactive/header/text", 60).map(drop),
        kind @ ("image" | "video" | "document") => {
            check_media(message, &format!("/interactive/header/{kind}"))
        }
        _ => Err(wrong(
            "/interactive/header/type",
            "must be \"text\", \"image\", \"video\" or \"document\"",
        )),
    }
}

fn check_media(message: &Value, path: &str) -> Result<(), String> {
    let link = format!("{path}/link");
    let id = format!("{path}/id");
    match (given(message, &link), given(message, &id)) {
        (Some(_), None) => web_url(text(message, &link, usize::MAX)?, &link)?,
        (None, Some(_)) => text(message, &id, usize::MAX).map(drop)?,
        _ => return Err(wrong(path, "must hold exactly one of `link` and `id`")),
    }
    let filename = format!("{path}/filename");
    if path.ends_with("/document") && given(message, &filename).is_some() {
        text(message, &filename, usize::MAX)?;
    }
    Ok(())
}

/// A URL that hyper could send a request to.
fn web_url(text: &str, path: &str) -> Result<(), String> {
    // hyper knows ASCII only: a letter stands for any other character, but for white space.
    let is_letter = |c: char| !c.is_ascii() && !c.is_whitespace();
    let url: Option<Uri> = text.replace(is_letter, "x").parse().ok();
    if url.as_ref().is_some_and(has_a_server) {
        Ok(())
    } else {
        Err(wrong(path, "must be an absolute http or https URL"))
    }
}

fn has_a_server(url: &Uri) -> bool {
    let host = url.host().unwrap_or_default();
    let server = url
        .authority()
        .and_then(|it| it.as_str().rsplit('@').next());
    let port = server.and_then(|server| server.strip_prefix(host));
    matches!(url.scheme_str(), Some("http" | "https"))
        && !host.is_empty()
        && (matches!(port, Some("" | ":")) || url.port_u16().is_some_and(|port| port > 0))
}

fn check_buttons(message: &Value) -> Result<(), String> {
    let path = "/interactive/action/buttons";
    let count = message
        .pointer(path)
        .and_then(Value::as_array)
        .ok_or_else(|| wrong(path, "must be an array"))?
        .len();
    if !(1..=3).contains(&count) {
        return Err(wrong(path, "must hold 1 to 3 buttons"));
    }
    let mut ids = HashSet::new();
    let mut titles = HashSet::new();
    for index in 0..count {
        exactly(message, &format!("{path}/{index}/type"), "reply")?;
        let id_path = format!("{path}/{index}/reply/id");
        let id = text(message, &id_path, 256)?;
        if id.trim_matches(' ') != id {
            return Err(wrong(&id_path, "must not begin or end with a space"));
        }
        if !ids.insert(id) {
            return Err(wrong(&id_path, "must be unique in the message"));
        }
        let title_path = format!("{path}/{index}/reply/title");
        if !titles.insert(text(message, &title_path, 20)?) {
            return Err(wrong(&title_path, "must be unique in the message"));
        }
    }
    Ok(())
}

/// The required string at `path`, of 1 to `longest` characters.
fn text<'a>(message: &'a Value, path: &str, longest: usize) -> Result<&'a str, String> {
    let value = message
        .pointer(path)
        .ok_or_else(|| wrong(path, "is missing"))?;
    let text = value
        .as_str()
        .ok_or_else(|| wrong(path, "must be a string"))?;
    if text.is_empty() {
        return Err(wrong(path, "must not be empty"));
    }
    at_most(longest, text, path)?;
    Ok(text)
}

fn at_most(longest: usize, text: &str, path: &str) -> Result<(), String> {
    let length = text.chars().count();
    if length <= longest {
        return Ok(());
    }
    Err(wrong(
        path,
        &format!("must have at most {longest} characters, and has {length}"),
    ))
}

/// What is at `path`; `null` is as good as nothing.
fn given<'a>(message: &'a Value, path: &str) -> Option<&'a Value> {
    message.pointer(path).filter(|value| !value.is_null())
}

fn optional_text<'a>(message: &'a Value, path: &str) -> Result<Option<&'a str>, String> {
    given(message, path)
        .map(|value| {
            value
                .as_str()
                .ok_or_else(|| wrong(path, "must be a string"))
        })
        .transpose()
}

fn exactly(message: &Value, path: &str, expected: &str) -> Result<(), String> {
    if text(message, path, usize::MAX)? == expected {
        Ok(())
    } else {
        Err(wrong(path, &format!("must be \"{expected}\"")))
    }
}

fn wrong(path: &str, what: &str) -> String {
    format!("{path} {what}.")
}
