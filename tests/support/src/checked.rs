//! What the C ABI says of a message, as Rust values.

use std::ffi::{CStr, CString};
use std::ptr;

use serde_json::{Value, json};
use zixflow::ffi;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub path: String,
    pub message: String,
}

/// The report of `zx_check_reply_buttons` on a text.
pub fn report(text: &str) -> Value {
    let text = CString::new(text).expect("a text without NUL");
    let mut report = ptr::null_mut();
    // SAFETY: the text ends in NUL, and the report has a place.
    let status = unsafe { ffi::zx_check_reply_buttons(text.as_ptr(), &mut report) };
    // SAFETY: the report is always set.
    let report_json = unsafe { CStr::from_ptr(report) }
        .to_str()
        .expect("UTF-8")
        .to_owned();
    ffi::zx_free(report.cast());

    assert!(report_json.len() < 64 * 1024, "{} bytes", report_json.len());
    let report: Value = serde_json::from_str(&report_json).expect("a report in JSON");
    let is_valid = report.get("problems").is_none();
    let expected_status = if is_valid { 0 } else { 2 };
    assert_eq!(status, expected_status, "{report_json}");
    assert_eq!(report["success"], json!(is_valid), "{report_json}");
    report
}

/// What a report says under a key, `problems` or `warnings`; nothing, if the key is not there.
pub fn findings(report: &Value, key: &str) -> Vec<Finding> {
    let findings = report[key].as_array().into_iter().flatten();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    findings
        .map(|finding| Finding {
            path: text(&finding["path"]),
            message: text(&finding["message"]),
        })
        .collect()
}

/// What `zx_check_reply_buttons` finds wrong with a text; nothing, if it answers `ZX_OK`.
pub fn problems(text: &str) -> Vec<Finding> {
    findings(&report(text), "problems")
}

pub fn schema() -> Value {
    // SAFETY: a constant string.
    let schema = unsafe { CStr::from_ptr(ffi::zx_reply_buttons_schema()) };
    serde_json::from_slice(schema.to_bytes()).expect("a schema in JSON")
}

/// A message with every field that the rules know, and a text header.
pub fn valid() -> Value {
    json!({
        "recipient": "919876543210",
        "phone_id": "123456789012345",
        "interactive": {
            "type": "button",
            "header": { "type": "text", "text": "Your order" },
            "body": { "text": "It is ready. Shall we bring it?" },
            "footer": { "text": "Acme Pizza" },
            "action": { "buttons": [
                { "type": "reply", "reply": { "id": "bring", "title": "Yes, please" } },
                { "type": "reply", "reply": { "id": "keep", "title": "I'll fetch it" } },
                { "type": "reply", "reply": { "id": "later", "title": "Later" } },
            ] },
        },
        "post_back_url": "https://example.com/status",
        "post_back_data": "order-1042",
    })
}
