//! From a C struct to a checked message.

use std::ffi::c_char;
use std::mem::{offset_of, size_of};

use super::arguments::optional_text;
use super::boundary::{Out, export};
use super::constants::{ZX_INTERNAL, ZX_OK, zx_status};
use crate::message::{self, Button, Composition};
use crate::reply::{Refusal, Reply};

/// A reply button.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct zx_button {
    /// What the host gets back when the button is tapped: 1 to 256 characters, no space at
    /// either end, unique in the message.
    pub id: *const c_char,
    /// What the customer sees: 1 to 20 characters, unique in the message.
    pub title: *const c_char,
}

/// A reply-buttons message for zx_compose_reply_buttons(). Zero it first, then set `size`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct zx_reply_buttons {
    /// sizeof(zx_reply_buttons), so that the struct can grow.
    pub size: usize,
    /// The phone number: 7 to 15 digits, country code first, no 0 before it. Required.
    pub recipient: *const c_char,
    /// The Phone ID of the WhatsApp Business account that sends. Required.
    pub phone_id: *const c_char,
    /// NULL for no header, or "text", "image", "video" or "document".
    pub header_type: *const c_char,
    /// The header's text, 1 to 60 characters; or for the other types a link if it begins with
    /// http:// or https://, else a media ID.
    pub header: *const c_char,
    /// The message's text, 1 to 1024 characters. Required.
    pub body: *const c_char,
    /// NULL for none, or a text of up to 60 characters.
    pub footer: *const c_char,
    /// 1 to 3 buttons.
    pub buttons: *const zx_button,
    /// How many there are.
    pub button_count: usize,
    /// NULL, or where Zixflow posts a notification each time the message's status changes: an
    /// absolute http or https URL.
    pub post_back_url: *const c_char,
    /// NULL, or what those notifications hand back.
    pub post_back_data: *const c_char,
    /// NULL, or what a document in the header is called. With any other header it is a problem.
    pub header_filename: *const c_char,
}

/// A count beyond this is no message with too many buttons, but a struct that was never zeroed.
const MAX_BUTTONS_READ: usize = 1000;

impl zx_reply_buttons {
    const EMPTY: Self = zx_reply_buttons {
        size: 0,
        recipient: std::ptr::null(),
        phone_id: std::ptr::null(),
        header_type: std::ptr::null(),
        header: std::ptr::null(),
        body: std::ptr::null(),
        footer: std::ptr::null(),
        buttons: std::ptr::null(),
        button_count: 0,
        post_back_url: std::ptr::null(),
        post_back_data: std::ptr::null(),
        header_filename: std::ptr::null(),
    };

    /// A copy of the host's struct, which may be shorter than ours.
    ///
    /// # Safety
    ///
    /// `message` is NULL or points to a struct of which the first `size` bytes can be read.
    unsafe fn read(message: *const Self) -> Result<Self, Refusal> {
        if message.is_null() {
            return Err(Refusal::Argument("message is NULL".to_owned()));
        }
        // SAFETY: not NULL, and every version of the struct begins with `size`.
        let size = unsafe { message.cast::<usize>().read() };
        if size < offset_of!(Self, recipient) || size > size_of::<Self>() {
            return Err(Refusal::Argument(format!(
                "message->size is {size}, and must be sizeof(zx_reply_buttons): {} in this \
                 library, version {}. Set it, and do not load a library older than the header",
                size_of::<Self>(),
                env!("CARGO_PKG_VERSION")
            )));
        }
        // What a shorter struct holds of a field that it cuts in two is no field.
        let whole_fields = size - size % size_of::<usize>();
        let mut copy = Self::EMPTY;
        // SAFETY: `whole_fields` is at most the size of both structs, which do not overlap.
        unsafe {
            std::ptr::copy_nonoverlapping(
                message.cast::<u8>(),
                (&raw mut copy).cast::<u8>(),
                whole_fields,
            );
        }
        Ok(copy)
    }

    /// # Safety
    ///
    /// The pointers are NULL or point to what the header says, for as long as `'a`.
    unsafe fn composition<'a>(&self) -> Result<Composition<'a>, Refusal> {
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
    unsafe fn read_buttons<'a>(&self) -> Result<Vec<Button<'a>>, Refusal> {
        let count = self.button_count;
        if count == 0 {
            return Ok(Vec::new());
        }
        if self.buttons.is_null() {
            return Err(Refusal::Argument(format!(
                "message->buttons is NULL, but message->button_count is {count}"
            )));
        }
        if count > MAX_BUTTONS_READ {
            return Err(Refusal::Argument(format!(
                "message->button_count is {count}: a message has 1 to 3 buttons. Was the struct \
                 zeroed?"
            )));
        }
        // SAFETY: not NULL, and the host promises `button_count` buttons.
        let buttons = unsafe { std::slice::from_raw_parts(self.buttons, count) };
        buttons
            .iter()
            .enumerate()
            .map(|(index, button)| {
                // SAFETY: the caller's promise.
                unsafe {
                    Ok(Button {
                        id: optional_text(&format!("message->buttons[{index}].id"), button.id)?,
                        title: optional_text(
                            &format!("message->buttons[{index}].title"),
                            button.title,
                        )?,
                    })
                }
            })
            .collect()
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
    export(&out, ZX_INTERNAL, || {
        // SAFETY: rule 1 of the header, and what it says of the struct.
        match unsafe { compose(message) } {
            Ok(json) => (ZX_OK, Some(json)),
            Err(refusal) => {
                let reply = Reply::from(refusal);
                (reply.status as zx_status, Some(reply.to_json()))
            }
        }
    })
}

/// # Safety
///
/// `message` is NULL or what the header says it is.
unsafe fn compose(message: *const zx_reply_buttons) -> Result<String, Refusal> {
    // SAFETY: the caller's promise.
    let composition = unsafe { zx_reply_buttons::read(message)?.composition()? };
    message::compose(&composition).map_err(Refusal::Message)
}
