//! What the tests of the network share. They leave the sandbox out, which takes long to compile.

#![allow(dead_code, reason = "each test program uses its own part of it")]

pub mod api;
pub mod c;
pub mod early;
pub mod punctuality;
pub mod raw_server;
