//! What must not be shared with a child of `fork()`, and how a child notices that it is one.
//!
//! A child inherits its parent's connections, and locks that another thread of the parent held at
//! that moment. So a child never touches what it inherited: a [`PerProcess`] value is made anew in
//! each process, and the inherited one is forgotten, neither used nor dropped.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};

use once_cell::race::{OnceBool, OnceBox};

/// How many forks lie between this process and the one that loaded the library.
static GENERATION: AtomicU32 = AtomicU32::new(0);

fn generation() -> u32 {
    GENERATION.load(Ordering::Relaxed)
}

/// Makes sure that forks are noticed from now on. `before` runs in the parent ahead of each fork,
/// `after` behind it in parent and child.
///
/// A handler costs nothing per call, where asking for the process id is a system call each time.
pub(crate) fn watch_forks(before: extern "C" fn(), after: extern "C" fn()) -> io::Result<()> {
    static WATCHING: OnceBool = OnceBool::new();

    // Two threads that come here at once may both register: the handlers bear that.
    WATCHING
        .get_or_try_init(|| register(before, after).map(|()| true))
        .map(|_| ())
}

#[allow(unsafe_code)]
fn register(before: extern "C" fn(), after: extern "C" fn()) -> io::Result<()> {
    extern "C" fn next_generation() {
        GENERATION.fetch_add(1, Ordering::Relaxed);
    }

    type Handler = unsafe extern "C" fn();
    let register = |prepare: Option<Handler>, parent: Option<Handler>, child: Option<Handler>| {
        // SAFETY: the handlers are functions of this library, which is never unloaded
        // (`-z nodelete`), and they unwind no panic: none of them can panic.
        match unsafe { libc::pthread_atfork(prepare, parent, child) } {
            0 => Ok(()),
            code => Err(io::Error::from_raw_os_error(code)),
        }
    };
    register(None, None, Some(next_generation))?;
    register(Some(before), Some(after), Some(after))
}

/// A value that each process makes for itself.
///
/// Lock-free, because a lock that was held at the moment of a fork stays locked in the child.
pub(crate) struct PerProcess<T> {
    first: OnceBox<Node<T>>,
}

struct Node<T> {
    generation: u32,
    value: Option<T>,
    next: OnceBox<Node<T>>,
}

impl<T> PerProcess<T> {
    pub(crate) const fn new() -> Self {
        PerProcess {
            first: OnceBox::new(),
        }
    }

    /// This process's value, made by `make` where it has none yet. Where two threads make one at
    /// once, one of the two values is dropped.
    pub(crate) fn get_or_try_make<E>(&self, make: impl Fn() -> Result<T, E>) -> Result<&T, E> {
        let generation = generation();
        let mut place = &self.first;
        loop {
            let node = place.get_or_try_init(|| {
                Ok(Box::new(Node {
                    generation,
                    value: Some(make()?),
                    next: OnceBox::new(),
                }))
            })?;
            match &node.value {
                Some(value) if node.generation == generation => return Ok(value),
                _ => place = &node.next,
            }
        }
    }

    /// This process's value, if it has made one.
    pub(crate) fn get(&self) -> Option<&T> {
        let generation = generation();
        let mut place = &self.first;
        loop {
            let node = place.get()?;
            if node.generation == generation {
                return node.value.as_ref();
            }
            place = &node.next;
        }
    }
}

impl<T> Drop for Node<T> {
    fn drop(&mut self) {
        if self.generation != generation() {
            // Inherited: it may be in the middle of a change that another thread of the parent was
            // making, and its connections are the parent's.
            std::mem::forget(self.value.take());
        }
    }
}
