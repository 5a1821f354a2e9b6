//! `fork()`: how a child notices that it is one, and what a fork waits for.
//!
//! A handler of a fork may run at the process's exit, in the last moments of a thread, and inside of
//! a signal handler. So none of these can panic, allocates, or needs a thread-local that has a
//! destructor and may be gone.

use std::cell::{Cell, UnsafeCell};
use std::ops::{Deref, DerefMut};
use std::process;
use std::sync::atomic::{AtomicI32, AtomicU32, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

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

/// Runs when the library is loaded, before any of its functions can be called: a fork is noticed
/// whatever was made before it.
#[used]
#[cfg_attr(
    target_vendor = "apple",
    unsafe(link_section = "__DATA,__mod_init_func")
)]
#[cfg_attr(not(target_vendor = "apple"), unsafe(link_section = ".init_array"))]
static ON_LOAD: extern "C" fn() = notice_forks;

extern "C" fn notice_forks() {
    // SAFETY: the handlers are functions of this library, which is never unloaded (`-z nodelete`).
    // What fails for want of memory at a program's start is the least of its troubles.
    unsafe {
        libc::pthread_atfork(
            Some(before_fork),
            Some(after_fork_in_parent),
            Some(after_fork_in_child),
        );
    }
}

extern "C" fn before_fork() {
    if LOCK.is_held_by_this_thread() {
        LOCK.nest();
    } else {
        LOCK.acquire();
        FORKING.store(process::id(), Ordering::Relaxed);
        wait_for_the_c_library();
    }
}

extern "C" fn after_fork_in_parent() {
    LOCK.release();
}

extern "C" fn after_fork_in_child() {
    IN_THE_C_LIBRARY.store(0, Ordering::Relaxed);
    ENDING
        .iter()
        .for_each(|thread| thread.store(0, Ordering::Relaxed));
    begin_generation();
    LOCK.release();
}

/// How many threads are in a function of the C library that takes locks which a fork leaves taken in
/// its child, such as glibc's around `resolv.conf`: the child could never look up a name again.
static IN_THE_C_LIBRARY: AtomicUsize = AtomicUsize::new(0);

/// Does such work. A fork does not let it begin, and waits for it, if not for long.
pub(crate) fn in_the_c_library<R>(work: impl FnOnce() -> R) -> R {
    while_forks_wait(|| {
        IN_THE_C_LIBRARY.fetch_add(1, Ordering::Relaxed);
    });
    let result = work();
    IN_THE_C_LIBRARY.fetch_sub(1, Ordering::Release);
    result
}

/// The threads that did such work and are about to end, which takes those locks once more. More than
/// there can be at once; 0: none.
static ENDING: [AtomicI32; 16] = [const { AtomicI32::new(0) }; 16];

/// This thread did such work, and returns from its function now.
pub(crate) fn thread_ends() {
    // SAFETY: the call takes no argument and cannot fail. glibc has a function for it only since 2.30.
    let thread = unsafe { libc::syscall(libc::SYS_gettid) };
    while_forks_wait(|| {
        if let Some(place) = ENDING.iter().find(|place| has_ended(place)) {
            place.store(thread as i32, Ordering::Relaxed);
        }
    });
}

/// Whether a thread has gone, or has never been one.
fn has_ended(place: &AtomicI32) -> bool {
    let thread = place.load(Ordering::Relaxed);
    // SAFETY: signal 0 is none: the call only tells whether there is such a thread.
    let has_ended =
        thread == 0 || unsafe { libc::syscall(libc::SYS_tgkill, process::id(), thread, 0) } != 0;
    if has_ended {
        place.store(0, Ordering::Relaxed);
    }
    has_ended
}

/// What takes longer than this waits for the network, and holds no lock meanwhile.
fn wait_for_the_c_library() {
    const LOOKS: u32 = 200;
    const BETWEEN_LOOKS: Duration = Duration::from_micros(50);

    for _ in 0..LOOKS {
        if IN_THE_C_LIBRARY.load(Ordering::Acquire) == 0 && ENDING.iter().all(has_ended) {
            return;
        }
        thread::sleep(BETWEEN_LOOKS);
    }
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
    use std::time::{Duration, Instant};

    use super::{
        after_fork_in_parent, before_fork, generation, in_the_c_library, thread_ends,
        while_forks_wait,
    };

    #[test]
    fn generation_stays_the_same_in_a_process_that_did_not_fork() {
        let before = generation();
        while_forks_wait(|| assert_eq!(generation(), before));
        before_fork();
        let in_a_fork = generation();
        after_fork_in_parent();
        assert_eq!((in_a_fork, generation()), (before, before));
    }

    /// How long a fork waits for a thread that sleeps in `around`, and whether it slept to its end.
    fn fork_beside(around: fn(&dyn Fn()), takes: Duration) -> (Duration, bool) {
        let (has_begun, is_over) = (AtomicBool::new(false), AtomicBool::new(false));
        thread::scope(|scope| {
            scope.spawn(|| {
                around(&|| {
                    has_begun.store(true, Ordering::SeqCst);
                    thread::sleep(takes);
                    is_over.store(true, Ordering::SeqCst);
                });
            });
            while !has_begun.load(Ordering::SeqCst) {
                thread::yield_now();
            }
            let began = Instant::now();
            before_fork();
            let outcome = (began.elapsed(), is_over.load(Ordering::SeqCst));
            after_fork_in_parent();
            outcome
        })
    }

    #[test]
    fn fork_waits_for_the_c_library_but_not_for_long() {
        fn look_up(sleep: &dyn Fn()) {
            in_the_c_library(sleep);
        }
        fn end(sleep: &dyn Fn()) {
            thread_ends();
            sleep();
        }
        for around in [look_up, end] {
            let (_, is_over) = fork_beside(around, Duration::from_millis(2));
            assert!(is_over);
            let (took, is_over) = fork_beside(around, Duration::from_secs(2));
            assert!(!is_over && took < Duration::from_secs(1), "{took:?}");
        }
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
