//! Everything the library has handed out and not got back.
//!
//! A pointer from the host is a key to look up here, never one to follow: so a second free, a
//! stale client, a pointer of the wrong kind and one from nowhere are reported, not suffered.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustc_hash::{FxBuildHasher, FxHashMap};
use strum::IntoStaticStr;

use crate::cancel::CancelToken;
use crate::client::Client;
use crate::sys::fork::Guarded;

/// The live objects by address.
static OBJECTS: Guarded<Objects> = Guarded::new(Objects::with_hasher(FxBuildHasher));

type Objects = FxHashMap<usize, Object>;

/// How much there is always room for.
const MIN_ROOM: usize = 64;

/// What was handed out, and how a host is told that it is that and nothing else.
#[derive(IntoStaticStr)]
enum Object {
    #[strum(serialize = "client")]
    Client(Arc<Client>),
    #[strum(serialize = "cancel token")]
    Cancel(Arc<CancelToken>),
    /// With its NUL. Kept for the host to read.
    #[strum(serialize = "string of this library's")]
    Text(#[expect(dead_code)] Vec<u8>),
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
    let mut unkept = Some(object);
    while let Some(object) = unkept.take() {
        unkept = OBJECTS.with(|objects| {
            if objects.len() == objects.capacity() {
                return Some(object);
            }
            objects.insert(address, object);
            None
        });
        if unkept.is_some() {
            resize();
        }
    }
}

/// Makes room for as much again as there is.
fn resize() {
    let room = OBJECTS.with(|objects| MIN_ROOM.max(2 * objects.len()));
    let mut resized = Objects::with_capacity_and_hasher(room, FxBuildHasher);
    OBJECTS.with(|objects| {
        if objects.len() < resized.capacity() {
            resized.extend(objects.drain());
            std::mem::swap(objects, &mut resized);
        }
    });
}

/// The client at that address, for as long as the caller holds on to it: a `zx_free` meanwhile
/// takes it from the host, not from the call. The error is what is there instead, if anything is.
pub(super) fn client(address: usize) -> Result<Arc<Client>, Option<&'static str>> {
    OBJECTS.with(|objects| match objects.get(&address) {
        Some(Object::Client(client)) => Ok(Arc::clone(client)),
        other => Err(other.map(Into::into)),
    })
}

/// The same of a token.
pub(super) fn cancel(address: usize) -> Result<Arc<CancelToken>, Option<&'static str>> {
    OBJECTS.with(|objects| match objects.get(&address) {
        Some(Object::Cancel(token)) => Ok(Arc::clone(token)),
        other => Err(other.map(Into::into)),
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
            (token, Some("cancel token")),
            (text, Some("string of this library's")),
            (1, None),
        ] {
            assert_eq!(client(address).err(), Some(expected));
        }
        assert!(matches!(cancel(text), Err(Some(_))));
        [token, text].into_iter().for_each(release);
        assert_eq!(cancel(token).err(), Some(None));
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
