//! What the tests share.

// Pointers and constructors are as the tests want them: nobody else uses this crate.
#![allow(clippy::new_without_default, clippy::not_unsafe_ptr_arg_deref)]

pub mod api;
pub mod c;
pub mod checked;
pub mod early;
pub mod go;
pub mod installed;
pub mod parallel;
pub mod punctuality;
pub mod raw_server;
pub use zixflow_sandbox as sandbox;
