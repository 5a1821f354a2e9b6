//! There is no `fork()`: nothing is inherited, and nothing waits for one.

use std::sync::{Mutex, PoisonError};

/// The same in every process.
pub(crate) fn generation() -> u32 {
    0
}

pub(crate) fn hold_up<R>(work: impl FnOnce() -> R) -> R {
    work()
}

pub(crate) fn thread_looks_names_up() {}

/// A value that one thread at a time changes.
pub(crate) struct Guarded<T>(Mutex<T>);

impl<T> Guarded<T> {
    pub(crate) const fn new(value: T) -> Self {
        Guarded(Mutex::new(value))
    }

    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
