//! What the tests share.

pub mod api;
pub mod c;
pub mod checked;
pub mod early;
pub mod go;
pub mod installed;
pub mod punctuality;
pub mod raw_server;
pub use zixflow_sandbox as sandbox;
