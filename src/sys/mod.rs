//! What is the operating system's own, behind interfaces that are safe to call.

#![allow(unsafe_code)]

pub(crate) mod environment;
