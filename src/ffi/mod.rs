//! The C ABI: `include/zixflow.h` is generated from this module, and its rules are the header's
//! preface (`preface.h`).
//!
//! An export reads its arguments through `arguments`, does its work inside `boundary`, and hands
//! out what the `registry` keeps. Each module uses only modules listed below it:
//!
//! | module | what it is |
//! | --- | --- |
//! | `client`, `ledger`, `cancel`, `message`, `post_back`, `json`, `library` | the exports, one module for each C type; none uses another |
//! | `arguments` | what a host passes in |
//! | `boundary` | the one way in and out, which no panic leaves |
//! | `registry` | everything that was handed out and not got back |
//! | `types` | the structs and opaque types of C |

#![allow(unsafe_code)]
#![allow(non_camel_case_types)]
// What a host has to keep to is in the rules of the header, once.
#![allow(clippy::missing_safety_doc)]

mod arguments;
mod boundary;
mod registry;
mod types;

// The exports, in the order of the header, which is generated in this one.
mod client;

mod ledger;

mod cancel;

mod message;

mod post_back;

mod json;

mod library;

#[cfg(test)]
mod tests;

pub use crate::status::Status;
pub use cancel::*;
pub use client::*;
pub use json::*;
pub use ledger::*;
pub use library::*;
pub use message::*;
pub use post_back::*;
pub use types::*;
