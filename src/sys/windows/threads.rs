//! Signals and cancellation, of which a thread here knows nothing.

pub(crate) fn without_signals<R>(work: impl FnOnce() -> R) -> R {
    work()
}

pub(crate) fn without_cancellation<R>(work: impl FnOnce() -> R) -> R {
    work()
}
