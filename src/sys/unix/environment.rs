//! With whose rights a process runs.

/// Whether these are others than its caller's, in whose environment it runs: a program with the
/// set-user-ID bit has its owner's.
pub(crate) fn is_privileged() -> bool {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    // SAFETY: the call takes a number and reads what the kernel told this process at its start.
    unsafe {
        libc::getauxval(libc::AT_SECURE) != 0
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    // SAFETY: the call takes nothing and cannot fail.
    unsafe {
        libc::issetugid() != 0
    }
}
