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
    text(&message, "/phone_id", usize::MAX)?;
    check_header(&message)?;
    text(&message, "/interactive/body/text", 1024)?;
    if message.pointer("/interactive/footer").is_some() {
        text(&message, "/interactive/footer/text", 60)?;
    }
    exactly(&message, "/interactive/type", "button")?;
    check_buttons(&message)?;
    Ok(Message {
        recipient: recipient.to_owned(),
        post_back_url: optional_text(&message, "/post_back_url")?.map(str::to_owned),
        post_back_data: optional_text(&message, "/post_back_data")?
            .unwrap_or_default()
            .to_owned(),
    })
}

fn check_header(message: &Value) -> Result<(), String> {
    if message.pointer("/interactive/header").is_none() {
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
    match (message.pointer(&link), message.pointer(&id)) {
        (Some(_), None) => {
            let url: Option<Uri> = text(message, &link, usize::MAX)?.parse().ok();
            match url.as_ref().and_then(Uri::scheme_str) {
                Some("http" | "https") => Ok(()),
                _ => Err(wrong(&link, "must be an absolute http or https URL")),
            }
        }
        (None, Some(_)) => text(message, &id, usize::MAX).map(drop),
        _ => Err(wrong(path, "must hold exactly one of `link` and `id`")),
    }
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
        if id.trim() != id {
            return Err(wrong(&id_path, "must not begin or end with white space"));
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
    let text = optional_text(message, path)?.ok_or_else(|| wrong(path, "is missing"))?;
    match text.chars().count() {
        0 => Err(wrong(path, "must not be empty")),
        length if length > longest => Err(wrong(
            path,
            &format!("must have at most {longest} characters, and has {length}"),
        )),
        _ => Ok(text),
    }
}

fn optional_text<'a>(message: &'a Value, path: &str) -> Result<Option<&'a str>, String> {
    message
        .pointer(path)
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
