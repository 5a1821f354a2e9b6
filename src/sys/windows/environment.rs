//! With whose rights a process runs.

/// No process runs with other rights than those of whoever set its environment.
pub(crate) fn is_environment_trusted() -> bool {
    true
}
