//! Messages: checking one, their schema, and composing one from a C struct.

use std::ffi::c_char;
use std::mem::{offset_of, size_of};

use super::arguments::{self, optional_text};
use super::boundary::{Out, export_reply, export_text};
use super::types::{zx_button, zx_reply_buttons, zx_status};
use crate::message::{self, Button, Composition};
use crate::reply::Reply;
use crate::status::Status;

/// Checks a message as zx_send_reply_buttons() does, and sends nothing.
///
/// @param message_json  The message.
/// @param report_json   A reply, with every problem, and with `warnings` of what is valid, but
///                      probably not intended. Release it with zx_free().
/// @return              ZX_OK, ZX_INVALID_MESSAGE, ZX_INVALID_ARGUMENT or ZX_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zx_check_reply_buttons(
    message_json: *const c_char,
    report_json: *mut *mut c_char,
) -> zx_status {
    // SAFETY: rule 2 of the header.
    let out = unsafe { Out::new(report_json) };
    export_reply(&out, || {
        // SAFETY: rule 1 of the header.
        let message = unsafe { arguments::checked_text("message_json", "message", message_json)? };
        let found = message::check_with_warnings(message);
        let reply = if found.problems.is_empty() {
            Reply::new(
                Status::ZX_OK.not_retryable(),
                "nothing is wrong with the message",
            )
        } else {
            Reply::invalid("message", found.problems)
        };
        Ok(Reply {
            warnings: found.warnings,
            ..reply
        })
    })
}

/// The JSON Schema (draft 2020-12) of a message, with titles, descriptions, examples and limits,
/// such as a form can be made from.
///
/// @return  A constant string.
#[unsafe(no_mangle)]
pub extern "C" fn zx_reply_buttons_schema() -> *const c_char {
    message::SCHEMA.as_ptr().cast()
}

/// A count beyond this is no message with too many buttons, but a struct that was never zeroed.
const MAX_BUTTONS_READ: usize = 1000;

impl zx_reply_buttons {
    /// A copy of the host's struct, which may be shorter than ours.
    ///
    /// # Safety
    ///
    /// `message` is NULL or points to a struct of which the first `size` bytes can be read.
    unsafe fn read(message: *const Self) -> Result<Self, Reply> {
        if message.is_null() {
            return Err(Reply::invalid_argument("message is NULL"));
        }
        // SAFETY: not NULL, and every version of the struct begins with `size`.
        let size = unsafe { message.cast::<usize>().read() };
        if size < offset_of!(Self, recipient) || size > size_of::<Self>() {
            return Err(Reply::invalid_argument(format!(
                "message->size is {size}, and must be sizeof(zx_reply_buttons): {} in this \
                 library, version {}. Set it, and do not load a library older than the header",
                size_of::<Self>(),
                env!("CARGO_PKG_VERSION")
            )));
        }
        // What a shorter struct holds of a field that it cuts in two is no field.
        let whole_fields = size - size % size_of::<usize>();
        // SAFETY: NULL and 0 are values of all of its fields.
        let mut copy: Self = unsafe { std::mem::zeroed() };
        let bytes = message.cast::<u8>();
        // SAFETY: `whole_fields` is at most the size of both structs, which do not overlap.
        unsafe { bytes.copy_to_nonoverlapping((&raw mut copy).cast(), whole_fields) };
        Ok(copy)
    }

    /// # Safety
    ///
    /// The pointers are NULL or point to what the header says, for as long as `'a`.
    unsafe fn composition<'a>(&self) -> Result<Composition<'a>, Reply> {
        // SAFETY: the caller's promise, for each field.
        unsafe {
            Ok(Composition {
                recipient: optional_text("message->recipient", self.recipient)?,
                phone_id: optional_text("message->phone_id", self.phone_id)?,
                header_type: optional_text("message->header_type", self.header_type)?,
                header: optional_text("message->header", self.header)?,
                body: optional_text("message->body", self.body)?,
                footer: optional_text("message->footer", self.footer)?,
                buttons: self.read_buttons()?,
                post_back_url: optional_text("message->post_back_url", self.post_back_url)?,
                post_back_data: optional_text("message->post_back_data", self.post_back_data)?,
                header_filename: optional_text("message->header_filename", self.header_filename)?,
            })
        }
    }

    /// # Safety
    ///
    /// As for [`composition`](Self::composition).
    unsafe fn read_buttons<'a>(&self) -> Result<Vec<Button<'a>>, Reply> {
        let count = self.button_count;
        if count == 0 {
            return Ok(Vec::new());
        }
        if self.buttons.is_null() {
            return Err(Reply::invalid_argument(format!(
                "message->buttons is NULL, but message->button_count is {count}"
            )));
        }
        if count > MAX_BUTTONS_READ {
            return Err(Reply::invalid_argument(format!(
                "message->button_count is {count}: a message has 1 to 3 buttons. Was the struct \
                 zeroed?"
            )));
        }
        // SAFETY: not NULL, and the host promises `button_count` buttons.
        let buttons = unsafe { std::slice::from_raw_parts(self.buttons, count) };
        let read = |(index, button): (usize, &zx_button)| {
            let text = |field: &str, text| {
                let name = format!("message->buttons[{index}].{field}");
                // SAFETY: the caller's promise.
                unsafe { optional_text(&name, text) }
            };
            Ok(Button {
                id: text("id", button.id)?,
                title: text("title", button.title)?,
            })
        };
        buttons.iter().enumerate().map(read).collect()
    }
}

/// Writes a message's JSON, escaped as it must be, and checks it.
///
/// @param message       The message. Required. Its strings may hold any Unicode; a required one
///                      that is NULL is a problem in the report.
/// @param message_json  With ZX_OK: the JSON, for zx_send_reply_buttons(). Otherwise: a reply that
///                      says what was wrong. Release either with zx_free().
/// @return              ZX_OK, ZX_INVALID_MESSAGE, ZX_INVALID_ARGUMENT or ZX_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zx_compose_reply_buttons(
    message: *const zx_reply_buttons,
    message_json: *mut *mut c_char,
) -> zx_status {
    // SAFETY: rule 2 of the header.
    let out = unsafe { Out::new(message_json) };
    // SAFETY: rule 1 of the header, and what it says of the struct.
    export_text(&out, || unsafe { compose(message) })
}

/// # Safety
///
/// `message` is NULL or what the header says it is.
unsafe fn compose(message: *const zx_reply_buttons) -> Result<String, Reply> {
    // SAFETY: the caller's promise.
    let composition = unsafe { zx_reply_buttons::read(message)?.composition()? };
    message::compose(&composition).map_err(|problems| Reply::invalid("message", problems))
}
