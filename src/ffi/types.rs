//! The types of the C ABI that hold data, or stand for an object. What they mean is said here, what is
//! done with them in the modules of the exports.

use std::ffi::c_char;

/// The outcome of a call: ZX_OK, which is 0, to ZX_INTERNAL.
pub type zx_status = i32;

/// The version of this header; zx_version() is that of the library that was loaded.
pub const ZX_VERSION_MAJOR: u32 = 0;
/// See ZX_VERSION_MAJOR.
pub const ZX_VERSION_MINOR: u32 = 3;
/// See ZX_VERSION_MAJOR.
pub const ZX_VERSION_PATCH: u32 = 0;

/// A client: one set of credentials and options, and the connections that its calls share.
///
/// Opaque. Made by zx_client_new(), released by zx_free().
pub struct zx_client {
    _opaque: [u8; 0],
}

/// A cancel token: ends the calls that it was given to.
///
/// Opaque. Made by zx_cancel_new(), released by zx_free().
pub struct zx_cancel {
    _opaque: [u8; 0],
}

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
