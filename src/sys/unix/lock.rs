//! The lock that every fork takes: no child inherits what another thread was in the middle of.
//!
//! It knows its owner from the moment in which it is taken. No other lock tells that, and a fork
//! handler that runs inside of another fork, or in a signal handler, must not wait for the thread
//! that it runs on.

use std::cell::{Cell, UnsafeCell};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;
use std::{process, thread};

pub(super) static LOCK: Lock = Lock {
    owner: AtomicUsize::new(0),
    nested: AtomicUsize::new(0),
    forking: AtomicU32::new(0),
};

/// Does what a fork of another thread must not find half done. It must neither allocate nor free: an
/// allocator may have a fork handler of its own, which took its locks before the fork took this one.
pub(crate) fn while_forks_wait<R>(work: impl FnOnce() -> R) -> R {
    struct Held;
    impl Drop for Held {
        fn drop(&mut self) {
            LOCK.leave();
        }
    }

    LOCK.enter();
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

pub(super) struct Lock {
    /// 0: nobody.
    owner: AtomicUsize,
    /// How often the owner has to leave it beyond the first time.
    nested: AtomicUsize,
    /// The process in which the owner is in the middle of a fork, and changes nothing; else 0.
    forking: AtomicU32,
}

impl Lock {
    fn enter(&self) {
        // A fork handler of the host's own may call the library, between the library's own two.
        if self.forking_process().is_some() {
            self.nested.fetch_add(1, Ordering::Relaxed);
        } else {
            self.acquire();
        }
    }

    /// Returns whether this is the first: not inside of another fork, or of work that a signal
    /// interrupted.
    pub(super) fn enter_for_fork(&self) -> bool {
        let is_first = !self.is_held_by_this_thread();
        if is_first {
            self.acquire();
            self.forking.store(process::id(), Ordering::Relaxed);
        } else {
            self.nested.fetch_add(1, Ordering::Relaxed);
        }
        is_first
    }

    /// The process that called the fork which this thread is in the middle of: of the child, its parent
    /// until it was noticed.
    pub(super) fn forking_process(&self) -> Option<u32> {
        let forking = self.forking.load(Ordering::Relaxed);
        (forking != 0 && self.is_held_by_this_thread()).then_some(forking)
    }

    /// This process is the child of the fork which this thread is in the middle of.
    pub(super) fn notice_child(&self) {
        self.forking.store(process::id(), Ordering::Relaxed);
    }

    pub(super) fn leave(&self) {
        if self.nested.load(Ordering::Relaxed) > 0 {
            self.nested.fetch_sub(1, Ordering::Relaxed);
        } else {
            self.forking.store(0, Ordering::Relaxed);
            self.owner.store(0, Ordering::Release);
        }
    }

    fn acquire(&self) {
        let mut looks = 0_u32;
        while self
            .owner
            .compare_exchange(0, this_thread(), Ordering::Acquire, Ordering::Relaxed)
            .is_err()
        {
            // It is held for less than a microsecond, or for as long as a fork takes.
            if looks < 100 {
                looks += 1;
                thread::yield_now();
            } else {
                thread::sleep(Duration::from_micros(50));
            }
        }
    }

    fn is_held_by_this_thread(&self) -> bool {
        self.owner.load(Ordering::Relaxed) == this_thread()
    }
}

/// A number that no other thread has while this one lives.
fn this_thread() -> usize {
    thread_local! {
        static PLACE: Cell<u8> = const { Cell::new(0) };
    }
    PLACE.with(|place| std::ptr::from_ref(place).addr())
}
