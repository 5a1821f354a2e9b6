//! Everything the library has handed out and not got back.
//!
//! A pointer from the host is a key to look up here, never one to follow: so a second free, a
//! stale client, a pointer of the wrong kind and one from nowhere are reported, not suffered.

use std::hash::BuildHasherDefault;
use std::sync::Arc;

use crate::address_map::AddressMap;
use crate::cancel::CancelToken;
use crate::client::Client;
use crate::sys::fork::Guarded;

/// How much there is always room for.
const MIN_ROOM: usize = 64;

static OBJECTS: Guarded<Registry<Client>> = Guarded::new(Registry::new());

/// The live objects by address.
struct Registry<C> {
    live: Live<C>,
    next_handle: usize,
}

type Live<C> = AddressMap<Object<C>>;

enum Object<C> {
    Client(Arc<C>),
    Cancel(Arc<CancelToken>),
    /// With its NUL. Kept for the host to read.
    Text(#[expect(dead_code)] Vec<u8>),
}

/// What a host's pointer turned out to be, where it is not what it was taken for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum BadHandle {
    Null,
    Client,
    Cancel,
    Text,
    /// Freed before, or never handed out.
    Unknown,
}

pub(super) fn keep_client(client: Client) -> *mut u8 {
    keep_handle(Object::Client(Arc::new(client)))
}

pub(super) fn keep_cancel(token: CancelToken) -> *mut u8 {
    keep_handle(Object::Cancel(Arc::new(token)))
}

fn keep_handle(object: Object<Client>) -> *mut u8 {
    std::ptr::without_provenance_mut(with_room(|registry| registry.insert_handle(object)))
}

pub(super) fn keep_text(text: String) -> *mut u8 {
    let mut text = text.into_bytes();
    // Not twice its size: it may be a host's own large one.
    text.reserve_exact(1);
    text.push(0);
    let pointer = text.as_mut_ptr();
    with_room(|registry| registry.live.insert(pointer.addr(), Object::Text(text)));
    pointer
}

/// Adds to the registry. Nothing is allocated or freed under its lock, which forks wait for: where it
/// is full, a larger one is made without it.
fn with_room<R>(add: impl FnOnce(&mut Registry<Client>) -> R) -> R {
    loop {
        let mut registry = OBJECTS.lock();
        if registry.live.len() < registry.live.capacity() {
            return add(&mut registry);
        }
        drop(registry);
        resize();
    }
}

/// Gives the registry room for as much again as it holds.
fn resize() {
    let mut other = Live::default();
    loop {
        let mut registry = OBJECTS.lock();
        let wanted = MIN_ROOM.max(2 * registry.live.len());
        if other.capacity() >= wanted {
            other.extend(registry.live.drain());
            std::mem::swap(&mut other, &mut registry.live);
            drop(registry);
            return;
        }
        drop(registry);
        other = Live::with_capacity_and_hasher(wanted, BuildHasherDefault::new());
    }
}

/// The client at that address, for as long as the caller holds on to it: a `zx_free` meanwhile
/// takes it from the host, not from the call.
pub(super) fn client(address: usize) -> Result<Arc<Client>, BadHandle> {
    OBJECTS.lock().client(address)
}

/// The same of a token.
pub(super) fn cancel(address: usize) -> Result<Arc<CancelToken>, BadHandle> {
    OBJECTS.lock().cancel(address)
}

/// Forgets what is at that address, if anything is.
pub(super) fn release(address: usize) {
    let mut registry = OBJECTS.lock();
    let object = registry.live.remove(&address);
    let is_too_large = registry.live.capacity() > 8 * MIN_ROOM.max(registry.live.len());
    drop(registry);
    drop(object);
    if is_too_large {
        resize();
    }
}

impl<C> Registry<C> {
    const fn new() -> Self {
        Registry {
            live: Live::with_hasher(BuildHasherDefault::new()),
            next_handle: 0,
        }
    }

    /// Gives an object a number that no other one ever has, and that nothing lies at: a process has no
    /// address so high unless it asks for one. It is exact in a double, too.
    fn insert_handle(&mut self, object: Object<C>) -> usize {
        let handle = 1 << 48 | self.next_handle << 4;
        self.next_handle += 1;
        self.live.insert(handle, object);
        handle
    }

    fn client(&self, address: usize) -> Result<Arc<C>, BadHandle> {
        match self.live.get(&address) {
            Some(Object::Client(client)) => Ok(Arc::clone(client)),
            other => Err(BadHandle::of(other, address)),
        }
    }

    fn cancel(&self, address: usize) -> Result<Arc<CancelToken>, BadHandle> {
        match self.live.get(&address) {
            Some(Object::Cancel(token)) => Ok(Arc::clone(token)),
            other => Err(BadHandle::of(other, address)),
        }
    }
}

impl BadHandle {
    fn of<C>(object: Option<&Object<C>>, address: usize) -> Self {
        match object {
            Some(Object::Client(_)) => BadHandle::Client,
            Some(Object::Cancel(_)) => BadHandle::Cancel,
            Some(Object::Text(_)) => BadHandle::Text,
            None if address == 0 => BadHandle::Null,
            None => BadHandle::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::Cause;

    #[test]
    fn a_live_client_is_found_and_a_freed_one_is_not() {
        let mut registry = Registry::new();
        let handle = registry.insert_handle(Object::Client(Arc::new("client")));
        assert_eq!(*registry.client(handle).expect("live"), "client");
        assert!(registry.live.remove(&handle).is_some());
        assert_eq!(registry.client(handle), Err(BadHandle::Unknown));
        assert!(registry.live.remove(&handle).is_none());
    }

    #[test]
    fn what_is_no_client_is_told_apart() {
        let mut registry = Registry::<()>::new();
        let token = CancelToken::new(Cause::Cancelled);
        let token = registry.insert_handle(Object::Cancel(Arc::new(token)));
        assert_eq!(registry.client(token), Err(BadHandle::Cancel));
        assert!(registry.cancel(token).is_ok());
        let client = registry.insert_handle(Object::Client(Arc::new(())));
        assert!(matches!(registry.cancel(client), Err(BadHandle::Client)));
        registry.live.insert(16, Object::Text(Vec::new()));
        assert_eq!(registry.client(16), Err(BadHandle::Text));
        assert_eq!(registry.client(0), Err(BadHandle::Null));
        assert_eq!(registry.client(1), Err(BadHandle::Unknown));
    }

    #[test]
    fn a_text_ends_with_nul_and_can_be_read_where_it_was_handed_out() {
        let pointers: Vec<_> = (0..100)
            .map(|number| keep_text(number.to_string()))
            .collect();
        for (number, pointer) in pointers.into_iter().enumerate() {
            // SAFETY: the registry keeps the text until it is released.
            let text = unsafe { std::ffi::CStr::from_ptr(pointer.cast()) };
            assert_eq!(text.to_str(), Ok(number.to_string().as_str()));
            release(pointer.addr());
        }
    }

    /// As hosts count in JavaScript, which has no other numbers.
    #[test]
    fn no_handle_is_handed_out_twice_and_each_is_exact_in_a_double() {
        let count = if cfg!(miri) { 100 } else { 100_000 };
        let mut last = 0;
        for _ in 0..count {
            let handle = keep_cancel(CancelToken::new(Cause::Cancelled)).addr();
            assert!(handle > last && handle as f64 as usize == handle);
            assert!(cancel(handle).is_ok() && cancel(handle + 1).is_err());
            release(handle);
            assert!(cancel(handle).is_err());
            last = handle;
        }
    }

    #[test]
    fn registry_has_room_for_what_it_holds_and_little_more() {
        let count = if cfg!(miri) { 1000 } else { 100_000 };
        let capacity = || OBJECTS.lock().live.capacity();
        let handles: Vec<_> = (0..count)
            .map(|_| keep_cancel(CancelToken::new(Cause::Cancelled)).addr())
            .collect();
        assert!(handles.iter().all(|handle| cancel(*handle).is_ok()));
        assert!(capacity() >= count);
        handles.into_iter().for_each(release);
        assert!(capacity() < count / 2, "{}", capacity());
    }
}
