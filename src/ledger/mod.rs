//! What was sent, remembered over threads, processes and crashes: while an entry is kept, its key
//! never sends a second time what may have been queued.

#[allow(dead_code)]
mod entry;

use crate::status::Status;
