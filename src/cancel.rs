//! A token that ends the calls that watch it: a host's cancel token, or a client's own, which its
//! shut-down raises.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, MutexGuard};

use rustc_hash::FxHashMap;

use crate::mutex::Mutex;
use crate::per_process::PerProcess;
use crate::sys::{Cause, Interrupt};

/// Any number of calls, on any number of clients, may watch one.
pub(crate) struct CancelToken {
    /// What the calls that it ends are told.
    cause: Cause,
    is_raised: AtomicBool,
    watchers: PerProcess<Mutex<Watchers>>,
}

/// The calls of this process that are under way, by the address of what interrupts each.
type Watchers = FxHashMap<usize, Arc<Interrupt>>;

/// A call that watches a token, until it is dropped.
pub(crate) struct Watch<'a> {
    token: &'a CancelToken,
    key: usize,
}

impl CancelToken {
    pub(crate) const fn new(cause: Cause) -> Self {
        CancelToken {
            cause,
            is_raised: AtomicBool::new(false),
            watchers: PerProcess::new(),
        }
    }

    /// Ends the calls that watch it, those to come included.
    pub(crate) fn raise(&self) {
        self.is_raised.store(true, Ordering::SeqCst);
        for interrupt in self.watchers().values() {
            interrupt.raise(self.cause);
        }
    }

    pub(crate) fn is_raised(&self) -> bool {
        self.is_raised.load(Ordering::SeqCst)
    }

    /// How many calls of this process watch it.
    pub(crate) fn watcher_count(&self) -> usize {
        self.watchers().len()
    }

    pub(crate) fn watch(&self, interrupt: &Arc<Interrupt>) -> Watch<'_> {
        let key = Arc::as_ptr(interrupt).addr();
        self.watchers().insert(key, Arc::clone(interrupt));
        // Whoever raised it before the line above did not see the interrupt.
        if self.is_raised() {
            interrupt.raise(self.cause);
        }
        Watch { token: self, key }
    }

    fn watchers(&self) -> MutexGuard<'_, Watchers> {
        self.watchers.get_or_make(Mutex::default).lock()
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.token.watchers().remove(&self.key);
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
        let token = CancelToken::new(Cause::Cancelled);
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
        assert_eq!(token.watcher_count(), 0);
    }

    #[test]
    fn token_holds_on_to_no_call_that_is_over() {
        let token = CancelToken::new(Cause::Cancelled);
        let [over, under_way]: [Arc<Interrupt>; 2] = Default::default();
        let watch_of_over = token.watch(&over);
        let watch = token.watch(&under_way);
        drop(watch_of_over);
        token.raise();
        assert_eq!(over.raised(), None);
        assert_eq!(under_way.raised(), Some(Cause::Cancelled));
        assert_eq!(token.watcher_count(), 1);
        drop(watch);
        assert_eq!(token.watcher_count(), 0);
    }
}
