//! Signal masks.

use std::mem::MaybeUninit;

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
