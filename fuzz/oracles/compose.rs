//! Input: which fields are NULL (two bytes, one bit each), how many buttons there are, and then the
//! texts, each ended by a NUL: nine fields, and an ID and a title for each button.

use std::ffi::CString;
use std::mem::size_of;
use std::ptr;

use serde_json::{Map, Value, json};
use zixflow::ffi::Status::*;
use zixflow::ffi::*;

use super::reply::Reply;
use super::{API_KEY, reply_of, take};

pub fn check(input: &[u8]) {
    let [low, high, count, texts @ ..] = input else {
        return;
    };
    // A composed message is the host's own text.
    if input
        .windows(API_KEY.len())
        .any(|part| part == API_KEY.as_bytes())
    {
        return;
    }
    let nulls = u16::from_le_bytes([*low, *high]);
    let count = usize::from(count % 6);
    let mut texts = texts
        .split(|byte| *byte == 0)
        .map(|text| CString::new(text).expect("no NUL is in it"));
    let mut next = |bit: usize| {
        let text = texts.next().unwrap_or_default();
        (nulls >> bit & 1 == 0).then_some(text)
    };
    let fields: [_; 9] = std::array::from_fn(&mut next);
    let replies: Vec<_> = (0..count).map(|_| [next(9), next(10)]).collect();

    let pointer = |text: &Option<CString>| text.as_ref().map_or(ptr::null(), |it| it.as_ptr());
    let buttons: Vec<_> = replies
        .iter()
        .map(|[id, title]| zx_button {
            id: pointer(id),
            title: pointer(title),
        })
        .collect();
    let [
        recipient,
        phone_id,
        header_type,
        header,
        body,
        footer,
        url,
        data,
        filename,
    ] = fields.each_ref().map(pointer);
    let message = zx_reply_buttons {
        size: size_of::<zx_reply_buttons>(),
        recipient,
        phone_id,
        header_type,
        header,
        body,
        footer,
        buttons: buttons.as_ptr(),
        button_count: count,
        post_back_url: url,
        post_back_data: data,
        header_filename: filename,
    };
    let mut handed_out = ptr::null_mut();
    // SAFETY: the struct holds NULL and texts that end with NUL, and what comes has a place.
    let status = unsafe { zx_compose_reply_buttons(&message, &mut handed_out) };
    if status == ZX_OK as zx_status {
        assert_is_what_was_given(&take(handed_out), &fields, &replies);
        return;
    }
    let reply = Reply::take(handed_out);
    assert_eq!(reply.status as zx_status, status, "{reply:?}");
    let mut all = fields.iter().chain(replies.iter().flatten()).flatten();
    let is_utf8 = all.all(|text| text.to_str().is_ok());
    assert_eq!(reply.status == ZX_INVALID_ARGUMENT, !is_utf8, "{reply:?}");
    assert!(
        matches!(reply.status, ZX_INVALID_ARGUMENT | ZX_INVALID_MESSAGE),
        "{reply:?}"
    );
}

fn assert_is_what_was_given(
    json: &str,
    fields: &[Option<CString>; 9],
    replies: &[[Option<CString>; 2]],
) {
    let text = |text: &Option<CString>| {
        let text = text.as_ref()?.to_str().expect("what was accepted is UTF-8");
        Some(Value::from(text))
    };
    let [
        recipient,
        phone_id,
        header_type,
        header,
        body,
        footer,
        url,
        data,
        filename,
    ] = fields.each_ref().map(text);
    let wrapped = |text: Option<Value>| text.map(|text| json!({ "text": text }));
    let header = header_type.map(|kind| {
        let content = header.expect("a header has content");
        let name = kind.as_str().expect("a text").to_owned();
        let content = match &*name {
            "text" => content,
            _ => {
                let text = content.as_str().expect("a text").to_ascii_lowercase();
                let is_link = ["http://", "https://"]
                    .iter()
                    .any(|it| text.starts_with(it));
                let key = if is_link { "link" } else { "id" };
                object([(key, Some(content)), ("filename", filename)])
            }
        };
        object([("type", Some(kind)), (&name, Some(content))])
    });
    let buttons: Value = replies
        .iter()
        .map(|[id, title]| json!({ "type": "reply", "reply": { "id": text(id), "title": text(title) } }))
        .collect();
    let expected = object([
        ("recipient", recipient),
        ("phone_id", phone_id),
        (
            "interactive",
            Some(object([
                ("type", Some(json!("button"))),
                ("header", header),
                ("body", wrapped(body)),
                ("footer", wrapped(footer)),
                ("action", Some(json!({ "buttons": buttons }))),
            ])),
        ),
        ("post_back_url", url),
        ("post_back_data", data),
    ]);
    let composed: Value = serde_json::from_str(json).expect("JSON");
    assert_eq!(composed, expected);
    // What was composed is what a send would accept.
    let json = CString::new(json).expect("no NUL is in it");
    // SAFETY: the text ends with NUL, and the report has a place.
    let report = reply_of(|report| unsafe { zx_check_reply_buttons(json.as_ptr(), report) });
    assert_eq!(report.status, ZX_OK, "{report:?}");
}

/// What is `None` is left out.
fn object<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    let members = members.into_iter();
    let members = members.filter_map(|(key, value)| Some((key.to_owned(), value?)));
    Value::Object(members.collect::<Map<_, _>>())
}
