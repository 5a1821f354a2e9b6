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

/// Keeps a `pthread_cancel()` of this thread waiting for what `work` does, which does not unwind: nor could
/// a cancellation's unwinding pass through Rust, it would end the process. No system call.
pub(crate) fn without_cancellation<R>(work: impl FnOnce() -> R) -> R {
    let mut before = PTHREAD_CANCEL_DISABLE;
    // SAFETY: a state that there is, and a place for the one before, which stays as it is if the
    // call fails.
    unsafe { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &mut before) };
    let result = work();
    // SAFETY: a state that was this thread's, and no place for the one before.
    unsafe { pthread_setcancelstate(before, std::ptr::null_mut()) };
    result
}

/// Blocks every signal for this thread while `work` runs, and for good for a thread that it starts.
pub(crate) fn without_signals<R>(work: impl FnOnce() -> R) -> R {
    let mut all = MaybeUninit::<libc::sigset_t>::zeroed();
    let mut before = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: both sets are valid for writing, and all-zero is a valid, empty set, which `before`
    // stays if the call fails. The call cannot fail with these arguments.
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
    }
    let result = work();
    // SAFETY: the set was written above.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), std::ptr::null_mut()) };
    result
}
