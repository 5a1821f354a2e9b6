//! Signals and cancellation, of which a thread here knows nothing.

/// Nothing to be restored.
pub(crate) struct Guard(());

pub(crate) fn block_all_signals() -> Guard {
    Guard(())
}

pub(crate) fn hold_off_cancellation() -> Guard {
    Guard(())
}
