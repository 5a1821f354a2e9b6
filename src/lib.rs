//! `libzixflow` sends one thing: Zixflow's "WhatsApp interactive reply buttons" message. It is a
//! C library written in Rust; `include/zixflow.h` is its documentation for hosts.
//!
//! Each module uses only modules listed below it (`tests/abi/source.rs` sees to that):
//!
//! | module | what it is |
//! | --- | --- |
//! | [`ffi`] | the C calls, and what keeps a host's mistakes and our own from crashing it |
//! | `client` | one call: check, attempt, read the response, retry |
//! | `backoff`, `rate_limit` | how long it waits before an attempt |
//! | `options` | the options of a client and of a call, read and checked |
//! | `ledger` | what was sent, remembered over crashes |
//! | `post_back`, `message` | what Zixflow reports afterwards; the rules of a message, composing one, its JSON Schema |
//! | `secrets` | what no reply may repeat |
//! | `reply` | the JSON that goes back |
//! | `outcome` | the table that reads a response |
//! | `transport` | the sockets under ureq; its attempt.rs decides whether a request was sent |
//! | `cancel` | what ends a call from another thread: a token, a shut-down |
//! | `counts`, `headers`, `status` | statistics; the header fields; the outcome of a call, as C sees it |
//! | `per_process` | what a child of `fork()` must not share |
//! | `findings`, `json` | what is wrong with a text, and where; how all JSON is read |
//! | `misspelling`, `panics` | what a name was meant to be; a bug of ours becomes a status |
//! | `sys` | safe wrappers of what is the operating system's own; `sys/unix/fork.rs` tells what a child of `fork()` does |
//! | `mutex` | a lock that outlasts a panic |

#![deny(unsafe_code)]
#![deny(clippy::undocumented_unsafe_blocks)]
// An error that is a `Reply` is handed out once in a call: a box would save nothing.
#![allow(clippy::result_large_err)]
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
#[cfg_attr(not(feature = "ledger"), path = "ledger/without.rs")]
mod ledger;
mod message;
mod misspelling;
mod mutex;
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
