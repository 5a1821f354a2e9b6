//! The texts that have to differ from each other.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// A text and the name of its field.
type Key<'a> = (Cow<'a, str>, &'static str);

/// Each with the index of the item that it stands in.
#[derive(Default)]
pub(super) struct Distinct<'a> {
    /// The IDs and titles of three buttons: compared one by one, they need no allocation.
    few: [Option<(Key<'a>, usize)>; 6],
    many: BTreeMap<Key<'a>, usize>,
}

impl<'a> Distinct<'a> {
    /// The index of the first that is the same; if there is none, remembers this one.
    pub(super) fn insert(&mut self, text: Key<'a>, index: usize) -> Option<usize> {
        for place in &mut self.few {
            match place {
                Some((earlier, index)) if *earlier == text => return Some(*index),
                Some(_) => {}
                None => {
                    *place = Some((text, index));
                    return None;
                }
            }
        }
        match self.many.entry(text) {
            Entry::Occupied(earlier) => Some(*earlier.get()),
            Entry::Vacant(place) => {
                place.insert(index);
                None
            }
        }
    }
}
