//! The exports that need no client, for Miri to see what they read and write of a host's memory.

use std::ffi::{CStr, c_char, c_void};
use std::mem::size_of;
use std::ptr::{null, null_mut, without_provenance};

use super::*;

/// Reads and releases what an export handed out; twice, which a host may do by mistake.
fn take(text: *mut c_char) -> String {
    assert!(!text.is_null(), "nothing was handed out");
    // SAFETY: the library hands out strings that end in NUL, and this one was not yet released.
    let read = unsafe { CStr::from_ptr(text) };
    let read = read.to_str().expect("UTF-8").to_owned();
    zx_free(text.cast());
    zx_free(text.cast());
    read
}

/// What an export returns, and what it hands out.
fn call(export: impl FnOnce(*mut *mut c_char) -> zx_status) -> (zx_status, String) {
    let mut text = null_mut();
    let status = export(&mut text);
    (status, take(text))
}

#[test]
fn texts_are_read_to_their_end_and_no_further() {
    let message = c"{\"recipient\":\"+1\"}";
    let post_back = c"{\"request_id\":\"r\",\"status\":\"read\",\"message_id\":9007199254740993}";
    // SAFETY: each text ends in NUL, and what comes has a place.
    unsafe {
        let (status, report) = call(|it| zx_check_reply_buttons(message.as_ptr(), it));
        assert_eq!(status, Status::ZX_INVALID_MESSAGE as zx_status);
        assert!(report.contains("\"/recipient\""), "{report}");
        let (status, read) = call(|it| zx_read_post_back(post_back.as_ptr(), it));
        assert_eq!(status, Status::ZX_OK as zx_status);
        assert!(
            read.contains("\"message_id\":\"9007199254740993\""),
            "{read}"
        );
        let found = zx_json_get(post_back.as_ptr(), c"/message_id".as_ptr());
        assert_eq!(take(found), "9007199254740993");
        assert!(zx_json_get(c"\xff".as_ptr(), c"".as_ptr()).is_null());
        assert!(zx_json_get(null(), null()).is_null());
        for not_utf8 in [null(), c"\xff".as_ptr()] {
            let (status, _) = call(|it| zx_check_reply_buttons(not_utf8, it));
            assert_eq!(status, Status::ZX_INVALID_ARGUMENT as zx_status);
            let (status, _) = call(|it| zx_read_post_back(not_utf8, it));
            assert_eq!(status, Status::ZX_INVALID_ARGUMENT as zx_status);
            assert_eq!(
                zx_check_reply_buttons(not_utf8, null_mut()),
                Status::ZX_INVALID_ARGUMENT as zx_status
            );
        }
        for constant in [
            zx_reply_buttons_schema(),
            zx_client_options_schema(),
            zx_status_name(8),
            zx_status_name(-1),
            zx_version(),
        ] {
            zx_free(constant.cast_mut().cast());
            assert!(!CStr::from_ptr(constant).is_empty());
        }
    }
}

/// Nothing behind what its size says is read of a struct, and nothing behind the last button.
#[test]
fn a_struct_is_read_as_far_as_its_size_says() {
    let buttons = [
        zx_button {
            id: c"yes".as_ptr(),
            title: c"Yes".as_ptr(),
        },
        zx_button {
            id: c"no".as_ptr(),
            title: null(),
        },
    ];
    let number = without_provenance::<c_void>;
    let text = |text: &'static CStr| text.as_ptr().cast();
    let whole = [
        number(size_of::<zx_reply_buttons>()),
        text(c"919876543210"),
        text(c"1"),
        text(c"document"),
        text(c"https://example.com/a.pdf"),
        text(c"Shall we?"),
        text(c"Acme"),
        buttons.as_ptr().cast(),
        number(buttons.len()),
        text(c"https://example.com"),
        text(c"order-1"),
        text(c"a.pdf"),
    ];
    assert_eq!(size_of_val(&whole), size_of::<zx_reply_buttons>());
    for fields in 0..=whole.len() + 1 {
        let size = fields * size_of::<usize>();
        // Of exactly that size, but for a host that promises more than there can be.
        let mut message: Box<[_]> = whole.iter().copied().take(fields.max(1)).collect();
        message[0] = number(size);
        // SAFETY: as much as the size says can be read, and what comes has a place.
        let (status, report) =
            call(|it| unsafe { zx_compose_reply_buttons(message.as_ptr().cast(), it) });
        let is_readable = (1..=whole.len()).contains(&fields);
        let expected = match is_readable {
            true => Status::ZX_INVALID_MESSAGE,
            false => Status::ZX_INVALID_ARGUMENT,
        };
        assert_eq!(status, expected as zx_status, "{fields}: {report}");
        let has_buttons = report.contains("/interactive/action/buttons/1/reply/title");
        assert_eq!(has_buttons, is_readable && fields >= 9, "{report}");
    }
}

#[test]
fn a_token_is_known_until_it_is_freed() {
    let token = zx_cancel_new();
    let told = |token: *const zx_cancel| {
        // SAFETY: the message ends in NUL, what comes has a place, and the rest is not followed.
        let (status, reply) =
            call(|it| unsafe { zx_send_reply_buttons_with(null(), null(), null(), token, it) });
        assert_eq!(status, Status::ZX_INVALID_ARGUMENT as zx_status);
        assert!(reply.contains("client is NULL"), "{reply}");
        zx_cancel_now(token);
    };
    assert!(!token.is_null());
    told(token);
    zx_free(token.cast());
    zx_free(token.cast());
    told(token);
    told(null());
    zx_client_shutdown(token.cast());
    // SAFETY: what comes has a place.
    let (status, _) = call(|it| unsafe { zx_client_stats(token.cast(), it) });
    assert_eq!(status, Status::ZX_INVALID_ARGUMENT as zx_status);
    assert_ne!(zx_cancel_new(), token);
}

/// What Miri lacks of the C library.
#[cfg(miri)]
mod c_library {
    use std::ffi::{c_char, c_int};

    #[unsafe(no_mangle)]
    unsafe extern "C" fn strnlen(text: *const c_char, most: usize) -> usize {
        // SAFETY: the caller's promise: the text ends in NUL, or is as long as that.
        (0..most)
            .find(|length| unsafe { *text.add(*length) } == 0)
            .unwrap_or(most)
    }

    #[unsafe(no_mangle)]
    unsafe extern "C" fn pthread_setcancelstate(_: c_int, _: *mut c_int) -> c_int {
        0
    }
}
