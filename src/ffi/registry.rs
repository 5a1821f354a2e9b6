//! Everything the library has handed out and not got back.
//!
//! A pointer from the host is a key to look up here, never one to follow: so a second free, a
//! stale client, a pointer of the wrong kind and one from nowhere are reported, not suffered.

use std::hash::BuildHasherDefault;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::address_map::AddressMap;
use crate::cancel::CancelToken;
use crate::client::Client;
use crate::sys::fork::Guarded;

/// The live objects by address.
static OBJECTS: Guarded<Objects> = Guarded::new(Objects::with_hasher(BuildHasherDefault::new()));

type Objects = AddressMap<Object>;

/// How much there is always room for.
const MIN_ROOM: usize = 64;

enum Object {
    Client(Arc<Client>),
    Cancel(Arc<CancelToken>),
    /// With its NUL. Kept for the host to read.
    Text(#[expect(dead_code)] Vec<u8>),
}

/// What a host's pointer turned out to be, where it is not what it was taken for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum BadHandle {
    Null,
    /// Something else that was handed out.
    Other(&'static str),
    /// Freed before, or never handed out.
    Unknown,
}

pub(super) fn keep_client(client: Client) -> *mut u8 {
    keep_handle(Object::Client(Arc::new(client)))
}

pub(super) fn keep_cancel(token: CancelToken) -> *mut u8 {
    keep_handle(Object::Cancel(Arc::new(token)))
}

/// Gives an object a number that no other one ever has, and that nothing lies at: a process has no
/// address so high unless it asks for one. It is exact in a double, too.
fn keep_handle(object: Object) -> *mut u8 {
    static NEXT: AtomicUsize = AtomicUsize::new(0);

    // Another copy of the library in this process lies in other pages, and counts from elsewhere: so
    // neither takes a handle of the other's for one of its own.
    let page = (&raw const NEXT).addr() >> 12;
    let first = 1 << 52 | page << 17;
    let handle = first + (NEXT.fetch_add(1, Ordering::Relaxed) << 4);
    keep(handle, object);
    std::ptr::without_provenance_mut(handle)
}

pub(super) fn keep_text(text: String) -> *mut u8 {
    let mut text = text.into_bytes();
    // Not twice its size: it may be a host's own large one.
    text.reserve_exact(1);
    text.push(0);
    let pointer = text.as_mut_ptr();
    keep(pointer.addr(), Object::Text(text));
    pointer
}

/// Nothing is allocated or freed under the lock, which forks wait for: where there is no room, some is
/// made without it.
fn keep(address: usize, object: Object) {
    let mut object = Some(object);
    loop {
        OBJECTS.with(|objects| {
            if objects.len() < objects.capacity()
                && let Some(object) = object.take()
            {
                objects.insert(address, object);
            }
        });
        if object.is_none() {
            return;
        }
        resize();
    }
}

/// Makes room for as much again as there is.
fn resize() {
    let room = OBJECTS.with(|objects| MIN_ROOM.max(2 * objects.len()));
    let mut resized = Objects::with_capacity_and_hasher(room, BuildHasherDefault::new());
    OBJECTS.with(|objects| {
        if objects.len() < resized.capacity() {
            resized.extend(objects.drain());
            std::mem::swap(objects, &mut resized);
        }
    });
}

/// The client at that address, for as long as the caller holds on to it: a `zx_free` meanwhile
/// takes it from the host, not from the call.
pub(super) fn client(address: usize) -> Result<Arc<Client>, BadHandle> {
    OBJECTS.with(|objects| match objects.get(&address) {
        Some(Object::Client(client)) => Ok(Arc::clone(client)),
        other => Err(BadHandle::of(other, address)),
    })
}

/// The same of a token.
pub(super) fn cancel(address: usize) -> Result<Arc<CancelToken>, BadHandle> {
    OBJECTS.with(|objects| match objects.get(&address) {
        Some(Object::Cancel(token)) => Ok(Arc::clone(token)),
        other => Err(BadHandle::of(other, address)),
    })
}

/// Forgets what is at that address, if anything is.
pub(super) fn release(address: usize) {
    let (object, is_too_large) = OBJECTS.with(|objects| {
        let object = objects.remove(&address);
        (object, objects.capacity() > 8 * MIN_ROOM.max(objects.len()))
    });
    drop(object);
    if is_too_large {
        resize();
    }
}

impl BadHandle {
    fn of(object: Option<&Object>, address: usize) -> Self {
        match object {
            Some(Object::Client(_)) => BadHandle::Other("client"),
            Some(Object::Cancel(_)) => BadHandle::Other("cancel token"),
            Some(Object::Text(_)) => BadHandle::Other("string of this library's"),
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
    fn what_is_no_client_is_told_apart() {
        let token = keep_cancel(CancelToken::new(Cause::Cancelled)).addr();
        let text = keep_text("text".to_owned()).addr();
        assert!(cancel(token).is_ok());
        for (address, expected) in [
            (token, BadHandle::Other("cancel token")),
            (text, BadHandle::Other("string of this library's")),
            (0, BadHandle::Null),
            (1, BadHandle::Unknown),
        ] {
            assert_eq!(client(address).err(), Some(expected));
        }
        assert!(matches!(cancel(text), Err(BadHandle::Other(_))));
        [token, text].into_iter().for_each(release);
        assert_eq!(cancel(token).err(), Some(BadHandle::Unknown));
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
        let capacity = || OBJECTS.with(|objects| objects.capacity());
        let handles: Vec<_> = (0..count)
            .map(|_| keep_cancel(CancelToken::new(Cause::Cancelled)).addr())
            .collect();
        assert!(handles.iter().all(|handle| cancel(*handle).is_ok()));
        assert!(capacity() >= count);
        handles.into_iter().for_each(release);
        assert!(capacity() < count / 2, "{}", capacity());
    }
}
