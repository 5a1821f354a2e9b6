//! The environment, as far as a process may trust it.

use std::env::{self, VarError};

pub(crate) use super::is_environment_trusted as is_trusted;

/// An environment variable's value; `None` where it is empty, missing, or not to be trusted. The error
/// names it.
pub(crate) fn variable(name: &str) -> Result<Option<String>, String> {
    if !is_trusted() {
        return Ok(None);
    }
    match env::var(name) {
        Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
        Err(VarError::NotPresent) => Ok(None),
        Err(_) => Err(format!("the environment variable {name} is not UTF-8")),
    }
}
