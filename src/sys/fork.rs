//! `fork()`: how a child notices that it is one, and what a fork waits for.
//!
//! A handler of a fork may run at the process's exit, in the last moments of a thread, and inside of
//! a signal handler. So none of these can panic, allocates, or needs a thread-local that has a
//! destructor and may be gone.

use std::cell::{Cell, UnsafeCell};
use std::io;
use std::ops::{Deref, DerefMut};
use std::process;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use once_cell::race::OnceBool;

/// Differs from that of every process between this one and the one that loaded the library.
static GENERATION: AtomicU32 = AtomicU32::new(0);

/// The process in which the lock's owner is in the middle of a fork, and changes nothing; else 0.
static FORKING: AtomicU32 = AtomicU32::new(0);

pub(crate) fn generation() -> u32 {
    let forking = FORKING.load(Ordering::Relaxed);
    // A fork handler of the program's own may come before this library's, and call it.
    if forking != 0 && LOCK.is_held_by_this_thread() && forking != process::id() {
        begin_generation();
    }
    GENERATION.load(Ordering::Relaxed)
}

fn begin_generation() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
    if FORKING.load(Ordering::Relaxed) != 0 {
        FORKING.store(process::id(), Ordering::Relaxed);
    }
}

/// Makes sure that forks are noticed from now on.
///
/// A handler costs nothing per call, where asking for the process id is a system call each time.
pub(crate) fn watch() -> io::Result<()> {
    static WATCHING: OnceBool = OnceBool::new();

    // Two threads that come here at once may both register: the handlers bear that.
    WATCHING
        .get_or_try_init(|| register().map(|()| true))
        .map(|_| ())
}

fn register() -> io::Result<()> {
    // SAFETY: the handlers are functions of this library, which is never unloaded (`-z nodelete`).
    match unsafe {
        libc::pthread_atfork(
            Some(before_fork),
            Some(after_fork_in_parent),
            Some(after_fork_in_child),
        )
    } {
        0 => Ok(()),
        code => Err(io::Error::from_raw_os_error(code)),
    }
}

extern "C" fn before_fork() {
    if LOCK.is_held_by_this_thread() {
        LOCK.nest();
    } else {
        LOCK.acquire();
        FORKING.store(process::id(), Ordering::Relaxed);
    }
}

extern "C" fn after_fork_in_parent() {
    LOCK.release();
}

extern "C" fn after_fork_in_child() {
    begin_generation();
    LOCK.release();
}

/// Does what a fork of another thread must not find half done.
pub(crate) fn while_forks_wait(work: impl FnOnce()) {
    static NOTHING: Guarded<()> = Guarded::new(());

    let _guard = NOTHING.lock();
    work();
}

/// Who holds it keeps every fork waiting, so that no child inherits what another thread was in the
/// middle of changing.
static LOCK: Lock = Lock {
    owner: AtomicUsize::new(0),
    nested: AtomicUsize::new(0),
};

/// A value that is changed only while forks wait.
pub(crate) struct Guarded<T>(UnsafeCell<T>);

pub(crate) struct Guard<'a, T>(&'a Guarded<T>);

// SAFETY: only whoever holds the lock reaches the value.
unsafe impl<T: Send> Sync for Guarded<T> {}

impl<T> Guarded<T> {
    pub(crate) const fn new(value: T) -> Self {
        Guarded(UnsafeCell::new(value))
    }

    pub(crate) fn lock(&self) -> Guard<'_, T> {
        // Called by a fork handler of the program's own, between this library's: it has no guard.
        if FORKING.load(Ordering::Relaxed) != 0 && LOCK.is_held_by_this_thread() {
            LOCK.nest();
        } else {
            LOCK.acquire();
        }
        Guard(self)
    }
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: this thread holds the lock, and has one guard at a time.
        unsafe { &*self.0.0.get() }
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this thread holds the lock, and has one guard at a time.
        unsafe { &mut *self.0.0.get() }
    }
}

impl<T> Drop for Guard<'_, T> {
    fn drop(&mut self) {
        LOCK.release();
    }
}

/// A lock that knows its owner from the moment in which it is taken.
///
/// That is what no other lock tells: a fork handler that runs in a signal handler, or inside of
/// another fork, must not wait for the thread that it runs on.
struct Lock {
    /// 0: nobody.
    owner: AtomicUsize,
    /// How often the owner has to release it beyond the first time.
    nested: AtomicUsize,
}

impl Lock {
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

    fn nest(&self) {
        self.nested.fetch_add(1, Ordering::Relaxed);
    }

    fn release(&self) {
        if self.nested.load(Ordering::Relaxed) > 0 {
            self.nested.fetch_sub(1, Ordering::Relaxed);
        } else {
            FORKING.store(0, Ordering::Relaxed);
            self.owner.store(0, Ordering::Release);
        }
    }
}

/// A number that no other thread has while this one lives.
fn this_thread() -> usize {
    thread_local! {
        static PLACE: Cell<u8> = const { Cell::new(0) };
    }
    PLACE.with(|place| std::ptr::from_ref(place).addr())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;
    use std::time::Duration;

    use super::{after_fork_in_parent, before_fork, generation, while_forks_wait};

    #[test]
    fn generation_stays_the_same_in_a_process_that_did_not_fork() {
        let before = generation();
        while_forks_wait(|| assert_eq!(generation(), before));
        before_fork();
        let in_a_fork = generation();
        after_fork_in_parent();
        assert_eq!((in_a_fork, generation()), (before, before));
    }

    #[test]
    fn no_other_thread_gets_the_lock_in_the_middle_of_a_fork() {
        let got_it = AtomicBool::new(false);
        before_fork();
        thread::scope(|scope| {
            scope.spawn(|| while_forks_wait(|| got_it.store(true, Ordering::SeqCst)));
            thread::sleep(Duration::from_millis(50));
            let too_early = got_it.load(Ordering::SeqCst);
            after_fork_in_parent();
            assert!(!too_early);
        });
        assert!(got_it.load(Ordering::SeqCst));
    }
}
