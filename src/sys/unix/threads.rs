//! What a host's threads expect of the library, and the library's own of them: signals, and
//! `pthread_cancel()`.

use std::mem::MaybeUninit;

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

/// What the thread's signal mask was, to be restored when dropped.
pub(crate) struct SignalGuard(libc::sigset_t);

/// Blocks every signal for this thread, and so for a thread that it starts.
pub(crate) fn block_all_signals() -> SignalGuard {
    let mut all = MaybeUninit::<libc::sigset_t>::zeroed();
    let mut before = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: both sets are valid for writing, and all-zero is a valid, empty set, which `before`
    // stays if the call fails. The call cannot fail with these arguments.
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
        SignalGuard(before.assume_init())
    }
}

impl Drop for SignalGuard {
    fn drop(&mut self) {
        // SAFETY: the set was written by `pthread_sigmask` when it was made.
        unsafe {
            libc::pthread_sigmask(libc::SIG_SETMASK, &self.0, std::ptr::null_mut());
        }
    }
}
