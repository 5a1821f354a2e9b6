//! The environment, as far as a process may trust it.

use std::env::{self, VarError};

pub(crate) use super::is_environment_trusted as is_trusted;

/// The value of a variable is not UTF-8.
#[derive(Debug)]
pub(crate) struct NotUtf8;

/// An environment variable's value; `None` where it is empty, missing, or not to be trusted.
pub(crate) fn variable(name: &str) -> Result<Option<String>, NotUtf8> {
    if !is_trusted() {
        return Ok(None);
    }
    match env::var(name) {
        Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(NotUtf8),
    }
}
