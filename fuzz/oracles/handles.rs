//! Input: what a host does with what it was handed out, live or not, two bytes a step.

use std::ffi::{CStr, c_void};
use std::ptr;

use zixflow::ffi::Status::*;
use zixflow::ffi::*;

use super::{VALID_MESSAGE, new_client, reply_of};

/// More than what ever lives at once in a host that lost count, and few enough to be quick.
const MOST_STEPS: usize = 200;

/// Without TLS, as reading the roots would take most of the time.
const OPTIONS: &CStr = cr#"{"base_url":"http://127.0.0.1","proxy":""}"#;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Client,
    Token,
    Text,
    /// No pointer of the library's.
    Foreign,
}

/// A pointer that the host has, and what the library should know of it.
struct Handle {
    pointer: *mut c_void,
    kind: Kind,
    is_live: bool,
}

impl Handle {
    fn foreign(pointer: *mut c_void) -> Self {
        Handle {
            pointer,
            kind: Kind::Foreign,
            is_live: false,
        }
    }

    fn is(&self, kind: Kind) -> bool {
        self.is_live && self.kind == kind
    }

    /// A text is there to be read until it is freed.
    fn read(&self) {
        if self.is(Kind::Text) {
            // SAFETY: the library handed it out, and it was not yet released.
            let text = unsafe { CStr::from_ptr(self.pointer.cast()) };
            assert!(!text.is_empty());
        }
    }
}

pub fn check(input: &[u8]) {
    let mut on_stack = [0_u64; 2];
    let mut handles = vec![
        Handle::foreign(ptr::null_mut()),
        Handle::foreign(ptr::without_provenance_mut(1)),
        Handle::foreign((&raw mut on_stack).cast()),
        Handle::foreign(zx_version().cast_mut().cast()),
        Handle::foreign(zx_client_options_schema().cast_mut().cast()),
    ];
    for step in input.chunks_exact(2).take(MOST_STEPS) {
        let [action, which] = [step[0], step[1]].map(usize::from);
        let which = which % handles.len();
        take_step(action, which, &mut handles);
    }
    for handle in &handles {
        handle.read();
        zx_free(handle.pointer);
    }
    assert_eq!(on_stack, [0; 2]);
}

fn take_step(action: usize, which: usize, handles: &mut Vec<Handle>) {
    let handle = &mut handles[which];
    match action % 11 {
        0 => {
            // So that nothing but the handles decides what a call says.
            let client = new_client(OPTIONS).expect("the options are fine");
            zx_client_shutdown(client);
            hand_out(handles, client.cast(), Kind::Client);
        }
        1 => hand_out(handles, zx_cancel_new().cast(), Kind::Token),
        2 => {
            // SAFETY: both end with NUL.
            let text = unsafe { zx_json_get(c"[1]".as_ptr(), c"/0".as_ptr()) };
            hand_out(handles, text.cast(), Kind::Text);
        }
        3 => {
            handle.read();
            zx_free(handle.pointer);
            handle.is_live = false;
        }
        // Where a host ends up that counts wrongly: nothing was handed out there.
        4 => zx_free(handle.pointer.wrapping_byte_add(1)),
        5 => zx_cancel_now(handle.pointer.cast()),
        6 => zx_client_shutdown(handle.pointer.cast()),
        7 => {
            let mut text = ptr::null_mut();
            // SAFETY: no pointer to a client is followed, and the counts have a place.
            let status = unsafe { zx_client_stats(handle.pointer.cast(), &mut text) };
            let expected = match handle.is(Kind::Client) {
                true => ZX_OK,
                false => ZX_INVALID_ARGUMENT,
            };
            assert_eq!(status, expected as zx_status, "{:?}", handle.kind);
            hand_out(handles, text.cast(), Kind::Text);
        }
        8 => send(handle, &Handle::foreign(ptr::null_mut())),
        _ => {
            let client = handles.iter().rfind(|handle| handle.is(Kind::Client));
            if let Some(client) = client {
                send(client, &handles[which]);
            }
        }
    }
}

/// The address of a text that was freed may be handed out again, and nothing else's.
fn hand_out(handles: &mut Vec<Handle>, pointer: *mut c_void, kind: Kind) {
    assert!(!pointer.is_null(), "no {kind:?}");
    handles.retain(|earlier| {
        let is_again = earlier.pointer == pointer;
        let may_be = earlier.kind == Kind::Text && !earlier.is_live;
        assert!(
            !is_again || may_be,
            "{kind:?} where a {:?} was",
            earlier.kind
        );
        !is_again
    });
    handles.push(Handle {
        pointer,
        kind,
        is_live: true,
    });
}

fn send(client: &Handle, token: &Handle) {
    let reply = reply_of(|reply| {
        // SAFETY: the message ends with NUL, and the reply has a place. The rest is not followed.
        unsafe {
            zx_send_reply_buttons_with(
                client.pointer.cast(),
                VALID_MESSAGE.as_ptr(),
                ptr::null(),
                token.pointer.cast(),
                reply,
            )
        }
    });
    let is_token = token.pointer.is_null() || token.is(Kind::Token);
    let expected = match client.is(Kind::Client) && is_token {
        true => ZX_NOT_SENT,
        false => ZX_INVALID_ARGUMENT,
    };
    assert_eq!(reply.status, expected, "{reply:?}");
}
