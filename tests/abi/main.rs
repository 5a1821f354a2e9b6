//! What a host hands in and gets back through the C ABI, in one process.

mod compose;
#[cfg(unix)]
mod environment;
mod fuzz_corpus;
mod header;
mod json_get;
mod message;
mod options;
mod options_table;
mod post_back;
mod readme;
mod schema;
mod secrets;
mod source;
mod stats;
