//! `libzixflow` sends one thing: Zixflow's "WhatsApp interactive reply buttons" message. It is a
//! C library written in Rust; `include/zixflow.h` is its documentation for hosts.
//!
//! A message flows one way:
//!
//! | step | where |
//! | --- | --- |
//! | the C call, and what keeps a host's mistakes and our own from crashing it | [`ffi`] |
//! | options, read and checked | `options` |
//! | check, attempt, read the answer, retry | `client`; beside it `backoff`, `rate_limit`, `cancel` |
//! | the rules of a message, composing one, its JSON Schema | `message` |
//! | the socket under ureq, which knows whether a request can have arrived | `transport`, `headers` |
//! | the table that reads an answer | `outcome`, `status` |
//! | the JSON that goes back | `reply`, `tries`, `secrets`; `counts` for the statistics |
//! | what Zixflow tells afterwards | `post_back` |
//!
//! These run across: `sys` (what is the operating system's own, safe to call), `panics` (a bug of ours
//! becomes a status), `per_process` (what a child of `fork()` must not share), `json` (how all JSON is
//! read), `findings` (what is wrong with a text, and where) and `misspelling` (what a name was meant to
//! be).

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
mod findings;
mod headers;
mod json;
mod message;
mod misspelling;
mod options;
mod outcome;
mod panics;
mod per_process;
mod post_back;
mod rate_limit;
mod reply;
mod secrets;
mod status;
mod sys;
mod transport;
mod tries;
