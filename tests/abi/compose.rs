//! From a C struct to a checked message, and what the checks of a message are at the C ABI.

use std::ffi::{CStr, CString, c_char};
use std::mem::{offset_of, size_of};
use std::ptr::{self, null};

use serde_json::{Value, json};
use support::api::{self, Reply, client};
use zixflow::ffi::{self, zx_button, zx_reply_buttons};

const NO_BUTTON: zx_button = zx_button {
    id: null(),
    title: null(),
};

/// The struct as a host zeroes it, with `size` set.
const EMPTY: zx_reply_buttons = zx_reply_buttons {
    size: size_of::<zx_reply_buttons>(),
    recipient: null(),
    phone_id: null(),
    header_type: null(),
    header: null(),
    body: null(),
    footer: null(),
    buttons: null(),
    button_count: 0,
    post_back_url: null(),
    post_back_data: null(),
    header_filename: null(),
};

const BUTTONS: [zx_button; 3] = [
    zx_button {
        id: c"yes".as_ptr(),
        title: c"Yes, please".as_ptr(),
    },
    zx_button {
        id: c"no".as_ptr(),
        title: c"No, thanks".as_ptr(),
    },
    zx_button {
        id: c"later".as_ptr(),
        title: c"Later".as_ptr(),
    },
];

/// What is required, and no more.
fn smallest() -> zx_reply_buttons {
    zx_reply_buttons {
        recipient: c"919876543210".as_ptr(),
        phone_id: c"1042".as_ptr(),
        body: c"Shall we?".as_ptr(),
        buttons: BUTTONS.as_ptr(),
        button_count: 1,
        ..EMPTY
    }
}

fn compose(message: &zx_reply_buttons) -> Result<String, Reply> {
    // SAFETY: a whole struct, of strings that end in NUL and as many buttons as it says.
    unsafe { compose_at(message) }
}

/// # Safety
///
/// As for `zx_compose_reply_buttons`.
unsafe fn compose_at(message: *const zx_reply_buttons) -> Result<String, Reply> {
    let mut out: *mut c_char = ptr::null_mut();
    // SAFETY: the caller's promise.
    let status = unsafe { ffi::zx_compose_reply_buttons(message, &mut out) };
    if status != ffi::Status::ZX_OK as i32 {
        return Err(Reply::of(status, out));
    }
    // SAFETY: with ZX_OK it is the message, which ends in NUL.
    let json = unsafe { CStr::from_ptr(out) }.to_str().expect("UTF-8");
    let json = json.to_owned();
    ffi::zx_free(out.cast());
    Ok(json)
}

#[track_caller]
fn composed(message: &zx_reply_buttons) -> Value {
    let json = compose(message).expect("a message");
    serde_json::from_str(&json).expect("JSON")
}

/// The paths of the problems of a message that was refused.
#[track_caller]
fn problems(message: &zx_reply_buttons) -> Vec<String> {
    let reply = compose(message).expect_err("problems");
    assert_eq!(reply.status(), "invalid_message", "{reply:?}");
    paths(&reply)
}

fn paths(reply: &Reply) -> Vec<String> {
    let problems = reply.json["problems"].as_array().expect("problems");
    let path = |problem: &Value| problem["path"].as_str().expect("a path").to_owned();
    problems.iter().map(path).collect()
}

#[track_caller]
fn assert_bad_argument(result: Result<String, Reply>, words: &str) {
    let reply = result.expect_err("a refusal");
    assert_eq!(reply.status(), "invalid_argument", "{reply:?}");
    let message = reply.json["message"].as_str().expect("a message");
    assert!(message.contains(words), "{message}");
}

#[test]
fn every_field_is_written_in_the_documented_order() {
    let message = zx_reply_buttons {
        header_type: c"text".as_ptr(),
        header: c"Your order".as_ptr(),
        footer: c"Acme Pizza".as_ptr(),
        button_count: 3,
        post_back_url: c"https://example.com/status".as_ptr(),
        post_back_data: c"order-1042".as_ptr(),
        ..smallest()
    };
    let expected = concat!(
        r#"{"recipient":"919876543210","phone_id":"1042","interactive":{"type":"button","#,
        r#""header":{"type":"text","text":"Your order"},"body":{"text":"Shall we?"},"#,
        r#""footer":{"text":"Acme Pizza"},"action":{"buttons":["#,
        r#"{"type":"reply","reply":{"id":"yes","title":"Yes, please"}},"#,
        r#"{"type":"reply","reply":{"id":"no","title":"No, thanks"}},"#,
        r#"{"type":"reply","reply":{"id":"later","title":"Later"}}]}},"#,
        r#""post_back_url":"https://example.com/status","post_back_data":"order-1042"}"#,
    );
    assert_eq!(compose(&message).expect("a message"), expected);
}

#[test]
fn what_is_null_is_left_out() {
    let expected = json!({
        "recipient": "919876543210",
        "phone_id": "1042",
        "interactive": {
            "type": "button",
            "body": { "text": "Shall we?" },
            "action": { "buttons": [
                { "type": "reply", "reply": { "id": "yes", "title": "Yes, please" } },
            ] },
        },
    });
    assert_eq!(composed(&smallest()), expected);
}

#[test]
fn a_header_is_of_the_kind_that_its_type_says() {
    for (kind, content, expected) in [
        (c"text", c"https://a", json!({ "text": "https://a" })),
        (
            c"image",
            c"http://a",
            json!({ "image": { "link": "http://a" } }),
        ),
        (
            c"video",
            c"HTTPS://a",
            json!({ "video": { "link": "HTTPS://a" } }),
        ),
        (
            c"document",
            c"1042",
            json!({ "document": { "id": "1042" } }),
        ),
        (
            c"image",
            c"httpx://a",
            json!({ "image": { "id": "httpx://a" } }),
        ),
    ] {
        let message = zx_reply_buttons {
            header_type: kind.as_ptr(),
            header: content.as_ptr(),
            ..smallest()
        };
        let mut header = composed(&message)["interactive"]["header"].take();
        let written_kind = header.as_object_mut().expect("an object").remove("type");
        assert_eq!(written_kind, Some(json!(kind.to_str().expect("UTF-8"))));
        assert_eq!(header, expected);
    }
}

#[test]
fn half_a_header_is_a_problem() {
    for (kind, content, path) in [
        (c"text".as_ptr(), null(), "text"),
        (c"image".as_ptr(), null(), "image"),
        (c"video".as_ptr(), c"".as_ptr(), "video/id"),
        (c"document".as_ptr(), c"http://".as_ptr(), "document/link"),
        (c"audio".as_ptr(), c"1042".as_ptr(), "type"),
        (null(), c"Your order".as_ptr(), "type"),
    ] {
        let message = zx_reply_buttons {
            header_type: kind,
            header: content,
            ..smallest()
        };
        assert_eq!(problems(&message), [format!("/interactive/header/{path}")]);
    }
}

#[test]
fn a_document_is_called_what_its_file_name_says() {
    let named = |kind: *const c_char, content: *const c_char, name: &CStr| zx_reply_buttons {
        header_type: kind,
        header: content,
        header_filename: name.as_ptr(),
        ..smallest()
    };
    let document = c"document".as_ptr();
    for (content, member) in [(c"1042", "id"), (c"https://example.com/a", "link")] {
        let message = composed(&named(document, content.as_ptr(), c"Menu.pdf"));
        let mut expected = json!({ "filename": "Menu.pdf" });
        expected[member] = json!(content.to_str().expect("UTF-8"));
        assert_eq!(message["interactive"]["header"]["document"], expected);
    }
    let path = "/interactive/header/document/filename";
    assert_eq!(problems(&named(document, c"1042".as_ptr(), c"")), [path]);
    let path = "/interactive/header/document";
    assert_eq!(problems(&named(document, null(), c"Menu.pdf")), [path]);
    for (kind, content) in [
        (c"text".as_ptr(), c"Your order".as_ptr()),
        (c"image".as_ptr(), c"1042".as_ptr()),
        (c"video".as_ptr(), c"https://example.com/a".as_ptr()),
        (null(), null()),
    ] {
        let reply = compose(&named(kind, content, c"Menu.pdf")).expect_err("a problem");
        assert_eq!(paths(&reply), ["/interactive/header"]);
        assert!(
            reply.message().contains("only a document can have"),
            "{reply:?}"
        );
    }
}

#[test]
fn a_required_field_that_is_null_is_a_problem() {
    let buttons = [NO_BUTTON];
    let message = zx_reply_buttons {
        buttons: buttons.as_ptr(),
        button_count: 1,
        ..EMPTY
    };
    let button = "/interactive/action/buttons/0/reply";
    assert_eq!(
        problems(&message),
        [
            &format!("{button}/id"),
            &format!("{button}/title"),
            "/interactive/body",
            "/recipient",
            "/phone_id",
        ]
    );
}

#[test]
fn any_text_comes_out_as_it_went_in() {
    for text in [
        "\"Ana\" \\ 'Bo' / </script>",
        "line\nline\r\n\ttab",
        "😀 नमस्ते e\u{301} \u{202e}\u{feff}",
        "\u{1}\u{8}\u{b}\u{1f}\u{7f}\u{85}\u{2028}\u{2029}\u{fffd}\u{10ffff}",
        "{\"recipient\":\"1\"}",
    ] {
        let c_text = CString::new(text).expect("no NUL");
        let message = zx_reply_buttons {
            body: c_text.as_ptr(),
            footer: c_text.as_ptr(),
            post_back_data: c_text.as_ptr(),
            header_type: c"document".as_ptr(),
            header: c_text.as_ptr(),
            header_filename: c_text.as_ptr(),
            ..smallest()
        };
        let message = composed(&message);
        assert_eq!(message["interactive"]["body"]["text"], text);
        assert_eq!(message["interactive"]["footer"]["text"], text);
        let document = json!({ "id": text, "filename": text });
        assert_eq!(message["interactive"]["header"]["document"], document);
        assert_eq!(message["post_back_data"], text);
    }
}

#[test]
fn buttons_are_as_many_as_the_count_says() {
    let with_buttons = |buttons: &[zx_button], button_count| zx_reply_buttons {
        buttons: buttons.as_ptr(),
        button_count,
        ..smallest()
    };
    let ids = |message: &zx_reply_buttons| {
        let message = composed(message);
        let buttons = message["interactive"]["action"]["buttons"].as_array();
        let id = |button: &Value| button["reply"]["id"].clone();
        buttons.expect("buttons").iter().map(id).collect::<Vec<_>>()
    };
    assert_eq!(ids(&with_buttons(&BUTTONS, 2)), ["yes", "no"]);
    assert_eq!(ids(&with_buttons(&BUTTONS, 3)), ["yes", "no", "later"]);

    let count = "/interactive/action/buttons";
    assert_eq!(problems(&with_buttons(&BUTTONS, 0)), [count]);
    let none = zx_reply_buttons {
        buttons: null(),
        button_count: 0,
        ..smallest()
    };
    assert_eq!(problems(&none), [count]);
    let four = [BUTTONS[0], BUTTONS[1], BUTTONS[2], BUTTONS[0]];
    assert_eq!(
        problems(&with_buttons(&four, 4)),
        [
            &format!("{count}/3/reply/id"),
            &format!("{count}/3/reply/title"),
            count
        ]
    );

    // Neither count is believed: nothing is read.
    let null_buttons = zx_reply_buttons {
        buttons: null(),
        button_count: 2,
        ..smallest()
    };
    assert_bad_argument(compose(&null_buttons), "buttons is NULL");
    let many = with_buttons(&BUTTONS, 1001);
    assert_bad_argument(compose(&many), "button_count is 1001");
}

#[test]
fn text_that_is_not_utf_8_is_refused_by_name() {
    type Set = fn(&mut zx_reply_buttons, *const c_char);
    let bad = c"a\xff";
    let set: [(&str, Set); 9] = [
        ("recipient", |message, text| message.recipient = text),
        ("phone_id", |message, text| message.phone_id = text),
        ("header_type", |message, text| message.header_type = text),
        ("header", |message, text| message.header = text),
        ("body", |message, text| message.body = text),
        ("footer", |message, text| message.footer = text),
        ("post_back_url", |message, text| {
            message.post_back_url = text
        }),
        ("post_back_data", |message, text| {
            message.post_back_data = text
        }),
        ("header_filename", |message, text| {
            message.header_filename = text
        }),
    ];
    for (field, set) in set {
        let mut message = smallest();
        set(&mut message, bad.as_ptr());
        let words = format!("message->{field} is not UTF-8 from byte 1 on");
        assert_bad_argument(compose(&message), &words);
    }
    for (field, button) in [
        (
            "id",
            zx_button {
                id: bad.as_ptr(),
                ..BUTTONS[1]
            },
        ),
        (
            "title",
            zx_button {
                title: bad.as_ptr(),
                ..BUTTONS[1]
            },
        ),
    ] {
        let buttons = [BUTTONS[0], button];
        let message = zx_reply_buttons {
            buttons: buttons.as_ptr(),
            button_count: 2,
            ..smallest()
        };
        let words = format!("message->buttons[1].{field} is not UTF-8");
        assert_bad_argument(compose(&message), &words);
    }
}

/// Each size from nothing to too much, in a block of just that size: to read further is a fault
/// that valgrind and Miri see.
#[test]
fn a_struct_of_another_size_is_read_as_far_as_it_goes() {
    let whole = zx_reply_buttons {
        footer: c"Acme Pizza".as_ptr(),
        post_back_url: c"https://u".as_ptr(),
        post_back_data: c"d".as_ptr(),
        header_type: c"document".as_ptr(),
        header: c"1042".as_ptr(),
        header_filename: c"Menu.pdf".as_ptr(),
        ..smallest()
    };
    let word = size_of::<usize>();
    let sized = |size: usize| {
        let mut block = vec![usize::MAX; size.div_ceil(word).max(1)];
        // SAFETY: as many bytes as both have.
        unsafe {
            ptr::copy_nonoverlapping(
                (&raw const whole).cast::<u8>(),
                block.as_mut_ptr().cast::<u8>(),
                size.min(size_of::<zx_reply_buttons>()),
            );
        }
        block[0] = size;
        // SAFETY: the first `size` bytes are a struct's, or `size` is refused.
        unsafe { compose_at(block.as_ptr().cast()) }
    };
    for size in offset_of!(zx_reply_buttons, post_back_url)..=size_of::<zx_reply_buttons>() {
        let message: Value = serde_json::from_str(&sized(size).expect("a message")).expect("JSON");
        assert_eq!(message["interactive"]["footer"]["text"], "Acme Pizza");
        // A field that is cut short is not there.
        let holds = |offset| size >= offset + word;
        let has = |field: &str| message.get(field).is_some();
        let url = offset_of!(zx_reply_buttons, post_back_url);
        let data = offset_of!(zx_reply_buttons, post_back_data);
        let name = offset_of!(zx_reply_buttons, header_filename);
        assert_eq!(has("post_back_url"), holds(url), "{size}");
        assert_eq!(has("post_back_data"), holds(data), "{size}");
        let document = &message["interactive"]["header"]["document"];
        assert_eq!(document["id"], "1042");
        assert_eq!(document.get("filename").is_some(), holds(name), "{size}");
    }
    // Buttons without their count are none.
    let size = offset_of!(zx_reply_buttons, button_count);
    let reply = sized(size).expect_err("no buttons");
    assert_eq!(paths(&reply), ["/interactive/action/buttons"]);
    let reply = sized(word).expect_err("nothing");
    assert_eq!(reply.status(), "invalid_message", "{reply:?}");

    let longer = size_of::<zx_reply_buttons>() + 1;
    for size in [0, 1, word - 1, longer, usize::MAX / 2] {
        let refused = if size > longer {
            let message = zx_reply_buttons { size, ..whole };
            compose(&message)
        } else {
            sized(size)
        };
        assert_bad_argument(refused, &format!("message->size is {size}"));
    }
}

#[test]
fn null_pointers_are_answered() {
    // SAFETY: NULL is allowed.
    assert_bad_argument(unsafe { compose_at(null()) }, "message is NULL");
    // SAFETY: a whole struct, and no place for the JSON.
    let status = unsafe { ffi::zx_compose_reply_buttons(&smallest(), ptr::null_mut()) };
    assert_eq!(status, ffi::Status::ZX_OK as i32);
}

/// A megabyte is the most that a message has, given as a text or composed from texts.
#[test]
fn a_message_of_more_than_one_megabyte_is_refused() {
    const MOST: usize = 1024 * 1024;
    let offline = unreachable_client();
    // As a text: padded with white space to the byte.
    let padded = |length: usize| {
        let message = api::message("tag");
        let padding = " ".repeat(length - message.len());
        message + &padding
    };
    assert_eq!(offline.send(&padded(MOST)).status(), "not_sent");
    let reply = offline.send(&padded(MOST + 1));
    assert_eq!(reply.status(), "invalid_message", "{reply:?}");
    assert_eq!(paths(&reply), [""]);
    assert_eq!(reply.json["problems"][0]["message"], "is longer than 1 MiB");

    // As a struct: one text makes it as long.
    let around = compose(&zx_reply_buttons {
        post_back_data: c"".as_ptr(),
        ..smallest()
    });
    let around = around.expect("a message").len();
    let with_data = |length: usize| {
        let data = CString::new("d".repeat(length)).expect("no NUL");
        compose(&zx_reply_buttons {
            post_back_data: data.as_ptr(),
            ..smallest()
        })
    };
    assert_eq!(with_data(MOST - around).expect("a message").len(), MOST);
    let reply = with_data(MOST - around + 1).expect_err("a byte too many");
    assert_eq!(reply.status(), "invalid_message", "{reply:?}");
    assert_eq!(reply.json["problems"][0]["message"], "is longer than 1 MiB");
    assert_bad_argument(with_data(MOST + 1), "message->post_back_data is longer");
}

/// A client that finds no server: what gets as far as sending is `not_sent`.
fn unreachable_client() -> api::Client {
    client(&json!({ "base_url": "http://127.0.0.1:1", "max_retries": 0, "proxy": "" }))
}

#[test]
fn basic_validation_of_a_call_wants_presence_and_types_only() {
    let client = unreachable_client();
    let basic =
        |message: &Value| client.send_with(&message.to_string(), &json!({ "validation": "basic" }));
    let loose = json!({
        "recipient": "+91 98765",
        "phone_id": "",
        "interactive": { "type": "list", "header": null },
        "post_back_url": "",
    });
    let reply = client.send(&loose.to_string());
    assert_eq!(reply.status(), "invalid_message", "strict: {reply:?}");
    let reply = basic(&loose);
    assert_eq!(reply.status(), "not_sent", "basic: {reply:?}");
    let mut with_null = loose.clone();
    with_null["post_back_data"] = json!(null);
    assert_eq!(basic(&with_null).status(), "not_sent");

    for (field, value) in [
        ("recipient", json!(919876543210_u64)),
        ("phone_id", json!(null)),
        ("interactive", json!("{}")),
        ("post_back_url", json!(7)),
        ("post_back_data", json!({})),
    ] {
        let mut message = loose.clone();
        message[field] = value;
        let reply = basic(&message);
        assert_eq!(reply.status(), "invalid_message", "{reply:?}");
        assert_eq!(paths(&reply), [format!("/{field}")]);
    }
    for field in ["recipient", "phone_id", "interactive"] {
        let mut message = loose.clone();
        message.as_object_mut().expect("an object").remove(field);
        assert_eq!(paths(&basic(&message)), [format!("/{field}")]);
    }
}
