//! Panics: bugs of this library, which a host gets as a status.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::atomic::{AtomicBool, Ordering};

#[cfg(panic = "abort")]
compile_error!(
    "zixflow must be built with panic = \"unwind\": with \"abort\" a bug of the library would end \
     the host's process"
);

thread_local! {
    /// Whether this thread is inside a call of the library.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
    /// Where the panic that is now unwinding began.
    static PLACE: Cell<Option<String>> = const { Cell::new(None) };
}

/// Runs `work`; a panic in it ends here, without a word on standard error. `Err` is the line of
/// source in which it began; what it said is left out, as it could hold a part of a message.
pub(crate) fn catch<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    silence();
    let outer = INSIDE.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    INSIDE.set(outer);
    result.map_err(|payload| {
        // Dropping it could panic again.
        std::mem::forget(payload);
        let place = PLACE.try_with(Cell::take).ok().flatten();
        place.unwrap_or_else(|| "an unknown line".to_owned())
    })
}

/// Puts a hook before the program's own, once, that keeps the library's panics from being printed.
fn silence() {
    static DONE: AtomicBool = AtomicBool::new(false);

    // A hook cannot be set while this thread unwinds (a destructor in a Rust host that calls us).
    if DONE.load(Ordering::Relaxed) || std::thread::panicking() {
        return;
    }
    if !DONE.swap(true, Ordering::Relaxed) {
        let program = panic::take_hook();
        panic::set_hook(Box::new(move |panic: &PanicHookInfo<'_>| {
            if INSIDE.get() {
                let at = panic.location();
                let place = at.map(|at| format!("{}:{}", at.file(), at.line()));
                // In the last moments of a thread, it is gone.
                let _ = PLACE.try_with(|it| it.set(place));
            } else {
                program(panic);
            }
        }));
    }
}
