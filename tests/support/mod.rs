//! What the integration tests share.

#![allow(dead_code, reason = "each test program uses its own part of it")]

pub mod c;
pub mod go;
pub use zixflow_sandbox as sandbox;
