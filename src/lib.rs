//! `libzixflow` sends one thing: Zixflow's "WhatsApp interactive reply buttons" message. It is a
//! C library written in Rust; `include/zixflow.h` is its documentation for hosts.
//!
//! A message flows one way:
//!
//! | step | where |
//! | --- | --- |
//! | the C call, and what keeps a host's mistakes and our own from crashing it | [`ffi`] |
//! | options, read and checked | `options` |
//! | check, attempt, read the answer, retry | `client`, `headers` |
//! | the rules of a message, composing one, its JSON Schema | `message` |
//! | the socket under ureq, which knows whether a request can have arrived | `transport` |
//! | the table that reads an answer | `outcome` |
//! | the JSON that goes back | `reply`, `secrets` |
//! | what the API tells later of the message | `post_back` |
//!
//! Three things run across: `json_pointer` (one value of a JSON text), `panics` (a bug of ours
//! becomes a status) and `per_process` (what a child of `fork()` must not share).

#![deny(unsafe_code)]
#![deny(clippy::undocumented_unsafe_blocks)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod backoff;
mod cancel;
mod client;
mod counts;
pub mod ffi;
mod headers;
mod json_pointer;
mod message;
mod options;
mod outcome;
mod pace;
mod panics;
mod per_process;
mod post_back;
mod reply;
mod secrets;
mod status;
mod sys;
mod transport;
mod tries;
