//! Memory with a bound, so that a sandbox can run for days, whatever is sent to it.

use std::collections::VecDeque;

/// The latest items: at most so many, and of at most so many bytes, but always the last one.
pub struct Latest<T> {
    items: VecDeque<(T, usize)>,
    bytes: usize,
    most_items: usize,
    most_bytes: usize,
}

impl<T> Latest<T> {
    pub const fn new(most_items: usize, most_bytes: usize) -> Self {
        Self {
            items: VecDeque::new(),
            bytes: 0,
            most_items,
            most_bytes,
        }
    }

    /// Keeps an item that takes so many bytes.
    pub fn push(&mut self, item: T, bytes: usize) {
        self.items.push_back((item, bytes));
        self.bytes += bytes;
        while self.items.len() > self.most_items
            || self.bytes > self.most_bytes && self.items.len() > 1
        {
            let (_, bytes) = self.items.pop_front().expect("there is one");
            self.bytes -= bytes;
        }
    }

    /// Oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.items.iter().map(|(item, _)| item)
    }

    pub fn iter_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut T> {
        self.items.iter_mut().map(|(item, _)| item)
    }

    pub fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        self.items.retain(|(item, _)| keep(item));
        self.bytes = self.items.iter().map(|(_, bytes)| bytes).sum();
    }
}

/// The beginning of a text, with a word about what was left out.
pub fn shortened(text: &str, most_bytes: usize) -> String {
    if text.len() <= most_bytes {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(most_bytes);
    format!("{}… ({} bytes more)", &text[..end], text.len() - end)
}
