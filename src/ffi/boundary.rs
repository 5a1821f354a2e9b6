//! The one way in and out: every export that does work runs inside [`guarded`] or [`export`].

use std::ffi::c_char;

use super::registry;
use super::types::zx_status;
use crate::panics;
use crate::reply::Reply;
use crate::status::Status;
use crate::sys;

/// An out-parameter, NULL from the start so that a host can clean up whatever happens.
pub(super) struct Out(*mut *mut c_char);

impl Out {
    /// # Safety
    ///
    /// `place` is NULL or points to where a pointer can be written until the export returns.
    pub(super) unsafe fn new(place: *mut *mut c_char) -> Self {
        let out = Out(place);
        out.write(std::ptr::null_mut());
        out
    }

    fn hand_out(&self, text: String) {
        if !self.0.is_null() {
            self.write(registry::keep_text(text).cast());
        }
    }

    fn write(&self, pointer: *mut c_char) {
        if !self.0.is_null() {
            // SAFETY: not NULL, and valid for writing by the contract of `new`.
            unsafe { self.0.write(pointer) }
        }
    }
}

/// Runs `work`, which gives what the export returns. A panic becomes `on_panic`.
pub(super) fn guarded<R>(on_panic: R, work: impl FnOnce() -> R) -> R {
    sys::without_cancellation(|| panics::catch(work).unwrap_or(on_panic))
}

/// The same with an out-parameter: `work` gives what the export returns, and the text to hand out. A panic
/// becomes `on_panic` and a reply that says so.
pub(super) fn export<R: Copy>(
    out: &Out,
    on_panic: R,
    work: impl FnOnce() -> (R, Option<String>),
) -> R {
    // Where even the reply panics (no memory), the out-parameter stays NULL.
    guarded(on_panic, || {
        let done = panics::catch(work);
        let internal = |place: String| (on_panic, Some(Reply::internal(&place).to_json()));
        let (returned, text) = done.unwrap_or_else(internal);
        if let Some(text) = text {
            out.hand_out(text);
        }
        returned
    })
}

/// [`export`], for one that returns the status of a reply and hands the reply out.
pub(super) fn export_reply(out: &Out, work: impl FnOnce() -> Result<Reply, Reply>) -> zx_status {
    export(out, Status::ZX_INTERNAL as zx_status, || {
        let reply = work().unwrap_or_else(|reply| reply);
        (reply.status as zx_status, Some(reply.to_json()))
    })
}

/// [`export`], for one that hands out a text, or a reply that says why there is none.
pub(super) fn export_text(out: &Out, work: impl FnOnce() -> Result<String, Reply>) -> zx_status {
    export(out, Status::ZX_INTERNAL as zx_status, || match work() {
        Ok(text) => (Status::ZX_OK as zx_status, Some(text)),
        Err(reply) => (reply.status as zx_status, Some(reply.to_json())),
    })
}
