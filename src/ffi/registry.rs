//! Everything the library has handed out and not got back.
//!
//! A pointer from the host is a key to look up here, never one to follow: so a second free, a
//! stale client, a pointer of the wrong kind and one from nowhere are answered, not suffered.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use crate::cancel::CancelToken;
use crate::client::Client;
use crate::sys;
use crate::sys::fork::Guarded;
use crate::transport::{self, Failure};

static OBJECTS: Guarded<Registry<Client>> = Guarded::new(Registry::new());

/// The live objects by address, and the addresses that clients and tokens get.
struct Registry<C> {
    live: BTreeMap<usize, Object<C>>,
    addresses: Addresses,
}

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

pub(super) fn keep_client(client: Client) -> Result<*mut u8, Failure> {
    keep(Object::Client(Arc::new(client)))
}

pub(super) fn keep_cancel(token: CancelToken) -> Result<*mut u8, Failure> {
    keep(Object::Cancel(Arc::new(token)))
}

fn keep(object: Object<Client>) -> Result<*mut u8, Failure> {
    transport::prepare();
    let kept = OBJECTS.lock().insert(object);
    kept.map_err(|error| Failure::Machine("reserve an address", error))
}

pub(super) fn keep_text(text: String) -> *mut u8 {
    OBJECTS.lock().insert_text(text)
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
    let object = OBJECTS.lock().live.remove(&address);
    // Closing connections takes time: not under the lock.
    drop(object);
}

impl<C> Registry<C> {
    const fn new() -> Self {
        Registry {
            live: BTreeMap::new(),
            addresses: Addresses::new(),
        }
    }

    fn insert(&mut self, object: Object<C>) -> io::Result<*mut u8> {
        let pointer = self.addresses.next()?;
        self.live.insert(pointer.addr(), object);
        Ok(pointer)
    }

    fn insert_text(&mut self, text: String) -> *mut u8 {
        let mut text = text.into_bytes();
        // Not twice its size: it may be a host's own large one.
        text.reserve_exact(1);
        text.push(0);
        let pointer = text.as_mut_ptr();
        self.live.insert(pointer.addr(), Object::Text(text));
        pointer
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

/// Addresses that stand for clients and tokens. None is ever given back, so neither a later one nor
/// anything else in the process ever has it.
struct Addresses {
    block: usize,
    used: usize,
}

impl Addresses {
    const BLOCK_BYTES: usize = 1024 * 1024;
    /// As an allocator aligns.
    const STEP_BYTES: usize = 16;

    const fn new() -> Self {
        Addresses {
            block: 0,
            used: Self::BLOCK_BYTES,
        }
    }

    fn next(&mut self) -> io::Result<*mut u8> {
        if self.used == Self::BLOCK_BYTES {
            self.block = sys::reserve_addresses(Self::BLOCK_BYTES)?;
            self.used = 0;
        }
        let address = self.block + self.used;
        self.used += Self::STEP_BYTES;
        Ok(std::ptr::without_provenance_mut(address))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_live_client_is_found_and_a_freed_one_is_not() {
        let mut registry = Registry::new();
        let client = Object::Client(Arc::new("client"));
        let pointer = registry.insert(client).expect("an address");
        assert_eq!(*registry.client(pointer.addr()).expect("live"), "client");
        assert!(registry.live.remove(&pointer.addr()).is_some());
        assert_eq!(registry.client(pointer.addr()), Err(BadHandle::Unknown));
        assert!(registry.live.remove(&pointer.addr()).is_none());
    }

    #[test]
    fn what_is_no_client_is_told_apart() {
        let mut registry = Registry::<()>::new();
        let token = Object::Cancel(Arc::new(CancelToken::new()));
        let token = registry.insert(token).expect("an address");
        assert_eq!(registry.client(token.addr()), Err(BadHandle::Cancel));
        assert!(registry.cancel(token.addr()).is_ok());
        let client = Object::Client(Arc::new(()));
        let client = registry.insert(client).expect("an address");
        assert!(matches!(
            registry.cancel(client.addr()),
            Err(BadHandle::Client)
        ));
        let text = registry.insert_text("text".to_owned());
        assert_eq!(registry.client(text.addr()), Err(BadHandle::Text));
        assert_eq!(registry.client(0), Err(BadHandle::Null));
        assert_eq!(registry.client(1), Err(BadHandle::Unknown));
    }

    #[test]
    fn a_text_ends_with_nul_and_can_be_read_where_it_was_handed_out() {
        let mut registry = Registry::<()>::new();
        let pointers: Vec<_> = (0..100)
            .map(|number| registry.insert_text(number.to_string()))
            .collect();
        for (number, pointer) in pointers.into_iter().enumerate() {
            // SAFETY: the registry keeps the text until it is removed.
            let text = unsafe { std::ffi::CStr::from_ptr(pointer.cast()) };
            assert_eq!(text.to_str(), Ok(number.to_string().as_str()));
            registry.live.remove(&pointer.addr());
        }
    }

    #[test]
    fn no_address_is_handed_out_twice() {
        let per_block = Addresses::BLOCK_BYTES / Addresses::STEP_BYTES;
        let count = if cfg!(miri) { 100 } else { 2 * per_block + 1 };
        let mut addresses = Addresses::new();
        let distinct: HashSet<usize> = (0..count)
            .map(|_| addresses.next().expect("an address").addr())
            .collect();
        assert_eq!(distinct.len(), count);
        assert!(!distinct.contains(&0));
    }
}
