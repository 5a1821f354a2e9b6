//! What must not be shared with a child of `fork()`, and how a child notices that it is one.
//!
//! A child inherits its parent's connections, and locks that another thread of the parent held at
//! that moment. So a child never touches what it inherited: a [`PerProcess`] value is made anew in
//! each process, and the inherited one is forgotten, neither used nor dropped. What else a child does is told in
//! `sys/unix/fork.rs`.

use once_cell::race::OnceBox;

use crate::sys::fork::generation;

/// A value that each process makes for itself.
///
/// Lock-free, because a lock that was held at the moment of a fork stays locked in the child.
pub(crate) struct PerProcess<T>(OnceBox<Node<T>>);

struct Node<T> {
    generation: u32,
    value: Option<T>,
    next: OnceBox<Node<T>>,
}

impl<T> PerProcess<T> {
    pub(crate) const fn new() -> Self {
        PerProcess(OnceBox::new())
    }

    /// This process's value, made by `make` where it has none yet. Where two threads make one at
    /// once, one of the two values is dropped.
    pub(crate) fn get_or_make(&self, make: impl Fn() -> T) -> &T {
        let generation = generation();
        let mut place = &self.0;
        loop {
            let node = place.get_or_init(|| {
                Box::new(Node {
                    generation,
                    value: Some(make()),
                    next: OnceBox::new(),
                })
            });
            match &node.value {
                Some(value) if node.generation == generation => return value,
                _ => place = &node.next,
            }
        }
    }

    /// The values of this process's ancestors, as a fork found them: of use is only what is atomic.
    #[cfg(feature = "ledger")]
    pub(crate) fn inherited(&self) -> impl Iterator<Item = &T> {
        let generation = generation();
        let nodes = std::iter::successors(self.0.get(), |node| node.next.get());
        let inherited = nodes.filter(move |node| node.generation != generation);
        inherited.filter_map(|node| node.value.as_ref())
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

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use once_cell::race::OnceBox;

    use super::{Node, PerProcess};
    use crate::sys::fork::generation;

    fn make(values: &PerProcess<Rc<()>>) -> &Rc<()> {
        values.get_or_make(Rc::default)
    }

    #[test]
    fn value_is_made_once_and_dropped_with_its_owner() {
        let values = PerProcess::new();
        let value = Rc::clone(make(&values));
        assert!(Rc::ptr_eq(make(&values), &value));
        drop(values);
        assert_eq!(Rc::strong_count(&value), 1);
    }

    #[test]
    fn inherited_value_is_neither_used_nor_dropped() {
        let inherited = Rc::default();
        let values = PerProcess::new();
        let node = Node {
            generation: generation().wrapping_sub(1),
            value: Some(Rc::clone(&inherited)),
            next: OnceBox::new(),
        };
        assert!(values.0.set(Box::new(node)).is_ok());
        let own = Rc::clone(make(&values));
        assert!(!Rc::ptr_eq(&own, &inherited));
        assert!(Rc::ptr_eq(make(&values), &own));
        drop(values);
        assert_eq!(Rc::strong_count(&own), 1);
        assert_eq!(Rc::strong_count(&inherited), 2);
    }
}
