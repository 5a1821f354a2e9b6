//! The C ABI: `include/zixflow.h` is generated from this module, and its rules are the header's
//! preface (`cbindgen.toml`).
//!
//! An export reads its arguments through `arguments`, does its work inside `boundary`, and hands
//! out what the `registry` keeps. There is one module of exports for each C type.

#![allow(unsafe_code)]
#![allow(non_camel_case_types)]
// What a host has to keep to is in the rules of the header, once.
#![allow(clippy::missing_safety_doc)]

// From the bottom up: none uses one that comes after it.
mod types;

mod registry;

mod boundary;

mod arguments;

// The exports, in the header's order. None uses another.
mod client;

mod cancel;

mod message;

mod post_back;

mod json;

mod library;

#[cfg(test)]
mod tests;

pub use crate::status::Status;
pub use cancel::{zx_cancel_new, zx_cancel_now};
pub use client::{
    zx_client_new, zx_client_options_schema, zx_client_shutdown, zx_client_stats,
    zx_send_reply_buttons, zx_send_reply_buttons_with,
};
pub use json::zx_json_get;
pub use library::{zx_free, zx_status_name, zx_version};
pub use message::{zx_check_reply_buttons, zx_compose_reply_buttons, zx_reply_buttons_schema};
pub use post_back::zx_read_post_back;
pub use types::*;
