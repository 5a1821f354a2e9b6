//! The lock that every fork takes: no child inherits what another thread was in the middle of.
//!
//! It knows its owner from the moment in which it is taken. No other lock tells that, and a fork
//! handler that runs inside of another fork, or in a signal handler, must not wait for the thread
//! that it runs on.

use std::cell::UnsafeCell;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU32, AtomicUsize};
use std::time::Duration;
use std::{process, thread};

/// The thread that has the lock; 0: none.
static OWNER: AtomicUsize = AtomicUsize::new(0);
/// How often the owner has to leave it beyond the first time.
static NESTED: AtomicUsize = AtomicUsize::new(0);
/// The process in which the owner is in the middle of a fork, and changes nothing; else 0.
static FORKING: AtomicU32 = AtomicU32::new(0);

/// Does what a fork of another thread must not find half done. It must neither allocate nor free: an
/// allocator may have a fork handler of its own, which took its locks before the fork took this one.
pub(crate) fn while_forks_wait<R>(work: impl FnOnce() -> R) -> R {
    struct Held;
    impl Drop for Held {
        fn drop(&mut self) {
            leave();
        }
    }

    // A fork handler of the host's own may call the library, between the library's own two.
    if forking_process().is_some() {
        NESTED.fetch_add(1, Relaxed);
    } else {
        acquire();
    }
    let _held = Held;
    work()
}

/// A value that is changed only while forks wait.
pub(crate) struct Guarded<T>(UnsafeCell<T>);

// SAFETY: only whoever holds the lock reaches the value.
unsafe impl<T: Send> Sync for Guarded<T> {}

impl<T> Guarded<T> {
    pub(crate) const fn new(value: T) -> Self {
        Guarded(UnsafeCell::new(value))
    }

    /// As [`while_forks_wait`]; `work` does not come here again.
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        // SAFETY: this thread holds the lock, and so nobody else has the value.
        while_forks_wait(|| work(unsafe { &mut *self.0.get() }))
    }
}

/// Takes the lock for a fork. Returns whether this is the first: not inside of another fork, or of work
/// that a signal interrupted.
pub(super) fn enter_for_fork() -> bool {
    let is_first = !is_held_by_this_thread();
    if is_first {
        acquire();
        note_forking_process();
    } else {
        NESTED.fetch_add(1, Relaxed);
    }
    is_first
}

/// The process that called the fork which this thread is in the middle of: of the child, its parent
/// until it was noticed.
pub(super) fn forking_process() -> Option<u32> {
    let forking = FORKING.load(Relaxed);
    (forking != 0 && is_held_by_this_thread()).then_some(forking)
}

/// The fork which this thread is in the middle of goes on in this process.
pub(super) fn note_forking_process() {
    FORKING.store(process::id(), Relaxed);
}

pub(super) fn leave() {
    if NESTED.load(Relaxed) > 0 {
        NESTED.fetch_sub(1, Relaxed);
    } else {
        FORKING.store(0, Relaxed);
        OWNER.store(0, Release);
    }
}

fn acquire() {
    let this = this_thread();
    let mut yields = 0..100;
    while OWNER.compare_exchange(0, this, Acquire, Relaxed).is_err() {
        // It is held for less than a microsecond, or for as long as a fork takes.
        match yields.next() {
            Some(_) => thread::yield_now(),
            None => thread::sleep(Duration::from_micros(50)),
        }
    }
}

fn is_held_by_this_thread() -> bool {
    OWNER.load(Relaxed) == this_thread()
}

/// A number that no other thread has while this one lives.
fn this_thread() -> usize {
    // SAFETY: the call takes nothing and cannot fail.
    unsafe { libc::pthread_self() as usize }
}
