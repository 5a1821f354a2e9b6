//! `fork()`: how a child notices that it is one, and what a fork waits for.
//!
//! A child has one thread, a copy of the memory as it was at that moment, and every descriptor. From
//! when the library is loaded, handlers that the C library calls around a fork see to it that
//!
//! | of the library's state | the child |
//! | --- | --- |
//! | the registry of clients, tokens and strings | inherits it, whole: it is changed only under the [lock](super::lock) |
//! | connections | closes their descriptors at once, without a word on them ([`descriptors`]) |
//! | pools, calls under way, look-ups and their threads, rate limits, counts | forgets them, and makes its own when it needs them: each is a [`PerProcess`](crate::per_process::PerProcess), which compares the [`generation`] |
//! | a ledger's file | uses none where its parent had one open, and closes that of the keys' locks |
//! | what is made once and never changed (roots, schemas) | shares it: it is made without a lock |
//! | other locks | are in what it forgets: each is inside of a `PerProcess` |
//! | threads | has the one that forked, and no other |
//!
//! A fork takes the lock, and so waits for whoever has it: the registry as it looks up, adds and
//! removes, a descriptor as it is opened and closed, and the two below as they begin. Then it waits,
//! though not for ever, for threads that may hold locks of other people's code, which nobody would ever
//! release in the child: [`hold_up`] (ureq's at its first request, SQLite's while a ledger is looked at),
//! and [`thread_looks_names_up`] (the C library's).
//!
//! A handler may run at the process's exit, in the last moments of a thread, and inside of a signal
//! handler. So none of these can panic, allocates, or needs a thread-local that has a destructor and
//! may be gone.

#[cfg(target_os = "linux")]
use std::sync::atomic::AtomicI32;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;
use std::{process, thread};

pub(crate) use super::lock::{Guarded, while_forks_wait};
use super::{descriptors, lock};

/// One higher in each child.
static GENERATION: AtomicU32 = AtomicU32::new(0);

/// A number that differs from that of every ancestor. Where this process is a child that has not noticed
/// it yet, it does so here.
pub(crate) fn generation() -> u32 {
    // A fork handler of the host's own may come before this library's, and call it.
    if lock::forking_process().is_some_and(|it| it != process::id()) {
        begin_generation();
    }
    GENERATION.load(Ordering::Relaxed)
}

/// This process is a child.
fn begin_generation() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
    // Of threads that are not here.
    HOLD_UPS.store(0, Ordering::Relaxed);
    lock::note_forking_process();
    descriptors::close_all();
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
    if lock::enter_for_fork() {
        wait(20_000, || HOLD_UPS.load(Ordering::Acquire) == 0);
        #[cfg(target_os = "linux")]
        wait(200, || LOOKING_UP.iter().all(has_ended));
    }
}

extern "C" fn after_fork_in_parent() {
    lock::leave();
}

extern "C" fn after_fork_in_child() {
    begin_generation();
    lock::leave();
}

fn wait(looks: u32, is_over: impl Fn() -> bool) {
    for _ in 0..looks {
        if is_over() {
            return;
        }
        thread::sleep(Duration::from_micros(50));
    }
}

static HOLD_UPS: AtomicUsize = AtomicUsize::new(0);

/// Does work that takes microseconds and allocates. A fork waits for it, a second at least.
pub(crate) fn hold_up<R>(work: impl FnOnce() -> R) -> R {
    while_forks_wait(|| HOLD_UPS.fetch_add(1, Ordering::Relaxed));
    let result = work();
    // A child that was forked meanwhile has none.
    let _ = HOLD_UPS.fetch_update(Ordering::Release, Ordering::Relaxed, |it| it.checked_sub(1));
    result
}

/// The threads that look names up, more than there can be at once; 0: none.
#[cfg(target_os = "linux")]
static LOOKING_UP: [AtomicI32; 64] = [const { AtomicI32::new(0) }; 64];

/// Makes a fork wait for this thread's end, 10 ms at least: glibc takes locks for a look-up, such as one
/// around `resolv.conf`, and once more when the thread that made it is about to be gone. What takes
/// longer waits for a name server, and holds none meanwhile. Other C libraries see to their own locks.
pub(crate) fn thread_looks_names_up() {
    #[cfg(target_os = "linux")]
    while_forks_wait(|| {
        if let Some(place) = LOOKING_UP.iter().find(|place| has_ended(place)) {
            // SAFETY: the call takes nothing and cannot fail. glibc has a function for it only since 2.30.
            let this = unsafe { libc::syscall(libc::SYS_gettid) };
            place.store(this as i32, Ordering::Relaxed);
        }
    });
}

/// Whether a thread has gone, or has never been one: in a child, none of its parent's is there.
#[cfg(target_os = "linux")]
fn has_ended(place: &AtomicI32) -> bool {
    let thread = place.load(Ordering::Relaxed);
    // SAFETY: signal 0 is none: the call only tells whether there is such a thread.
    thread == 0 || unsafe { libc::syscall(libc::SYS_tgkill, process::id(), thread, 0) } != 0
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use super::{
        HOLD_UPS, after_fork_in_parent, before_fork, generation, hold_up, thread_looks_names_up,
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

    #[test]
    fn fork_waits_for_what_holds_it_up() {
        let is_over = AtomicBool::new(false);
        let (has_begun, begun) = mpsc::channel();
        thread::scope(|scope| {
            scope.spawn(|| {
                hold_up(|| {
                    has_begun.send(()).expect("a receiver");
                    thread::sleep(Duration::from_millis(50));
                    is_over.store(true, Ordering::SeqCst);
                });
            });
            begun.recv().expect("a sender");
            before_fork();
            let was_over = is_over.load(Ordering::SeqCst);
            after_fork_in_parent();
            assert!(was_over);
        });
    }

    #[test]
    fn child_is_held_up_by_no_thread_of_its_parents() {
        let (has_begun, begun) = mpsc::channel();
        let (end, ends) = mpsc::channel::<()>();
        thread::scope(|scope| {
            scope.spawn(move || {
                hold_up(move || {
                    has_begun.send(()).expect("a receiver");
                    let _ = ends.recv();
                });
            });
            begun.recv().expect("a sender");
            // SAFETY: the child reads a number, and ends.
            let child = unsafe { libc::fork() };
            if child == 0 {
                let is_held_up = HOLD_UPS.load(Ordering::SeqCst) != 0;
                // SAFETY: the call takes any number.
                unsafe { libc::_exit(is_held_up.into()) };
            }
            drop(end);
            let mut status = -1;
            // SAFETY: a place for the status.
            let ended = unsafe { libc::waitpid(child, &raw mut status, 0) };
            assert_eq!((ended, status), (child, 0));
        });
    }

    #[test]
    fn fork_does_not_wait_for_ever_for_a_name_server() {
        let (has_begun, begun) = mpsc::channel();
        let (end, ends) = mpsc::channel::<()>();
        let thread = thread::spawn(move || {
            thread_looks_names_up();
            has_begun.send(()).expect("a receiver");
            let _ = ends.recv();
        });
        begun.recv().expect("a sender");
        before_fork();
        after_fork_in_parent();
        drop(end);
        thread.join().expect("no panic");
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
