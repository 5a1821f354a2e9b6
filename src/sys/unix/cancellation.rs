//! `pthread_cancel()`.

use libc::c_int;

// The libc crate declares it for other systems than Linux.
unsafe extern "C" {
    fn pthread_setcancelstate(state: c_int, before: *mut c_int) -> c_int;
}

/// As glibc, musl and FreeBSD have it; Apple's 1 would turn cancellation on.
const PTHREAD_CANCEL_DISABLE: c_int = if cfg!(target_vendor = "apple") { 0 } else { 1 };

/// Whether the thread could be cancelled, to be restored when dropped.
pub(crate) struct CancelGuard(c_int);

/// Keeps a `pthread_cancel()` of this thread waiting. Its unwinding cannot pass through Rust: it
/// would end the process. Neither this nor the restoring is a system call.
pub(crate) fn hold_off_cancellation() -> CancelGuard {
    let mut before = PTHREAD_CANCEL_DISABLE;
    // SAFETY: a state that there is, and a place for the one before, which stays as it is if the
    // call fails.
    unsafe { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &mut before) };
    CancelGuard(before)
}

impl Drop for CancelGuard {
    fn drop(&mut self) {
        // SAFETY: a state that was this thread's, and no place for the one before.
        unsafe { pthread_setcancelstate(self.0, std::ptr::null_mut()) };
    }
}
