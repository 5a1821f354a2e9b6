//! Who gives way when the process has no descriptor left: connections that are only kept, of whatever
//! client.

use std::io;
use std::sync::{MutexGuard, Weak};

use crate::mutex::Mutex;
use crate::per_process::PerProcess;
use crate::sys::is_out_of_descriptors;

/// What holds descriptors that it can do without.
pub(super) trait GiveWay: Send + Sync {
    /// Closes them. Returns whether there were any.
    fn give_way(&self) -> bool;
}

/// Lets what needs a descriptor take those of this holder.
pub(super) fn register(holder: Weak<dyn GiveWay>) {
    let mut holders = holders();
    if holders.len() == holders.capacity() {
        holders.retain(|holder| holder.strong_count() > 0);
    }
    holders.push(holder);
}

/// Takes a step that needs descriptors. Where the process has none left for it, the holders give
/// theirs, and it is taken again.
pub(super) fn with_descriptors<T>(step: impl Fn() -> T, lacks_descriptors: fn(&T) -> bool) -> T {
    let outcome = step();
    match lacks_descriptors(&outcome) && all_give_way() {
        true => step(),
        false => outcome,
    }
}

pub(super) fn are_lacking<T>(outcome: &io::Result<T>) -> bool {
    outcome.as_ref().is_err_and(is_out_of_descriptors)
}

fn all_give_way() -> bool {
    // Not under the lock: closing takes time.
    let holders: Vec<_> = holders().iter().filter_map(Weak::upgrade).collect();
    // Each of them, and not only the first that has something to give.
    holders.iter().filter(|holder| holder.give_way()).count() > 0
}

/// Those of this process.
fn holders() -> MutexGuard<'static, Vec<Weak<dyn GiveWay>>> {
    static HOLDERS: PerProcess<Mutex<Vec<Weak<dyn GiveWay>>>> = PerProcess::new();
    HOLDERS.get_or_make(Mutex::default).lock()
}

/// For a test whose holders give way to nobody else: the list is the process's.
#[cfg(test)]
pub(super) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Weak};

    use super::{GiveWay, alone, holders, register, with_descriptors};

    /// How many descriptors it holds.
    struct Holder(AtomicUsize);

    impl GiveWay for Holder {
        fn give_way(&self) -> bool {
            self.0.swap(0, Ordering::Relaxed) > 0
        }
    }

    fn holder(descriptors: usize) -> Arc<Holder> {
        let holder = Arc::new(Holder(AtomicUsize::new(descriptors)));
        let weak: Weak<Holder> = Arc::downgrade(&holder);
        register(weak);
        holder
    }

    /// How often a step is taken that finds none left so many times.
    fn steps(times_lacking: usize) -> usize {
        let taken = AtomicUsize::new(0);
        let step = || taken.fetch_add(1, Ordering::Relaxed) < times_lacking;
        with_descriptors(step, |lacks| *lacks);
        taken.into_inner()
    }

    #[test]
    fn every_holder_that_there_still_is_gives_way_once() {
        let _alone = alone();
        let two = [holder(1), holder(2)];
        let held = || two.each_ref().map(|it| it.0.load(Ordering::Relaxed));
        // The list forgets those that are gone, and no other.
        for _ in 0..1000 {
            drop(holder(1));
        }
        assert!(holders().len() < 100);

        assert_eq!(steps(0), 1);
        assert_eq!(held(), [1, 2]);
        assert_eq!(steps(1), 2);
        assert_eq!(held(), [0, 0]);
        assert_eq!(steps(1), 1);
        two[0].0.store(1, Ordering::Relaxed);
        assert_eq!(steps(9), 2);
    }
}
