//! A token that ends the calls it was given to.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::per_process::PerProcess;
use crate::sys::{Cause, Interrupt};

/// Any number of calls, on any number of clients, may watch one.
pub(crate) struct CancelToken {
    is_raised: AtomicBool,
    /// Of the calls of this process that are under way.
    interrupts: PerProcess<Mutex<Vec<Arc<Interrupt>>>>,
}

/// A call that watches a token, until it is dropped.
pub(crate) struct Watch<'a> {
    token: &'a CancelToken,
    interrupt: &'a Arc<Interrupt>,
}

impl CancelToken {
    pub(crate) fn new() -> Self {
        CancelToken {
            is_raised: AtomicBool::new(false),
            interrupts: PerProcess::new(),
        }
    }

    /// Ends the calls that watch it, those to come included.
    pub(crate) fn raise(&self) {
        self.is_raised.store(true, Ordering::SeqCst);
        for interrupt in self.interrupts().iter() {
            interrupt.raise(Cause::Cancelled);
        }
    }

    pub(crate) fn watch<'a>(&'a self, interrupt: &'a Arc<Interrupt>) -> Watch<'a> {
        self.interrupts().push(Arc::clone(interrupt));
        // Whoever raised it before the line above did not see the interrupt.
        if self.is_raised.load(Ordering::SeqCst) {
            interrupt.raise(Cause::Cancelled);
        }
        Watch {
            token: self,
            interrupt,
        }
    }

    fn interrupts(&self) -> MutexGuard<'_, Vec<Arc<Interrupt>>> {
        let Ok(interrupts) = self
            .interrupts
            .get_or_try_make(|| Ok::<_, Infallible>(Mutex::default()));
        interrupts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        let mut interrupts = self.token.interrupts();
        if let Some(place) = interrupts
            .iter()
            .position(|interrupt| Arc::ptr_eq(interrupt, self.interrupt))
        {
            interrupts.swap_remove(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn a_raised_token_ends_the_waits_of_all_that_watch_it() {
        const LONG: Duration = Duration::from_secs(60);
        let token = CancelToken::new();
        let began = Instant::now();
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let interrupt = Arc::default();
                    let _watch = token.watch(&interrupt);
                    interrupt.wait(began + LONG, || false);
                    assert_eq!(interrupt.raised(), Some(Cause::Cancelled));
                });
            }
            // Some of them may begin to watch only now.
            token.raise();
        });
        assert!(began.elapsed() < LONG);
        assert!(token.interrupts().is_empty());
    }

    #[test]
    fn token_holds_on_to_no_call_that_is_over() {
        let token = CancelToken::new();
        let [over, under_way]: [Arc<Interrupt>; 2] = Default::default();
        let watch_of_over = token.watch(&over);
        let watch = token.watch(&under_way);
        drop(watch_of_over);
        token.raise();
        assert_eq!(over.raised(), None);
        assert_eq!(under_way.raised(), Some(Cause::Cancelled));
        drop(watch);
        assert!(token.interrupts().is_empty());
    }
}
