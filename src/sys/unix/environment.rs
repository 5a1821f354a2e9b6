//! With whose rights a process runs.

/// Whether the environment is of whoever's rights this process has. A program with the set-user-ID
/// bit runs with its owner's rights in its caller's environment.
pub(crate) fn is_environment_trusted() -> bool {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    // SAFETY: the call takes a number and reads what the kernel told this process at its start.
    let has_other_rights = unsafe { libc::getauxval(libc::AT_SECURE) } != 0;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    // SAFETY: the call takes nothing and cannot fail.
    let has_other_rights = unsafe { libc::issetugid() } != 0;
    !has_other_rights
}
