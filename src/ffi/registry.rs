//! Everything the library has handed out and not got back.
//!
//! A pointer from the host is a key to look up here, never one to follow: so a second free, a
//! stale client, a pointer of the wrong kind and one from nowhere are answered, not suffered.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::client::Client;
use crate::sys::fork::{self, Guarded};
use crate::transport::{self, Failure};

static OBJECTS: Guarded<Registry<Client>> = Guarded::new(Registry::new());

/// The live objects by address, and the addresses that clients get.
struct Registry<C> {
    live: BTreeMap<usize, Object<C>>,
    addresses: Addresses,
}

enum Object<C> {
    Client(Arc<C>),
    /// With its NUL. Kept for the host to read.
    Text(#[expect(dead_code)] Vec<u8>),
}

/// What a host's pointer turned out to be, where it is no live client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NoClient {
    Null,
    Text,
    Unknown,
}

pub(super) fn keep_client(client: Client) -> Result<*mut u8, Failure> {
    fork::watch().map_err(|error| Failure::Machine("watch for forks", error))?;
    transport::prepare();
    Ok(OBJECTS.lock().insert_client(client))
}

pub(super) fn keep_text(text: String) -> *mut u8 {
    OBJECTS.lock().insert_text(text)
}

/// The client at that address, for as long as the caller holds on to it: a `zx_free` meanwhile
/// takes it from the host, not from the call.
pub(super) fn client(address: usize) -> Result<Arc<Client>, NoClient> {
    OBJECTS.lock().client(address)
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

    fn insert_client(&mut self, client: C) -> *mut u8 {
        let pointer = self.addresses.next();
        self.live
            .insert(pointer.addr(), Object::Client(Arc::new(client)));
        pointer
    }

    fn insert_text(&mut self, text: String) -> *mut u8 {
        let mut text = text.into_bytes();
        text.push(0);
        let pointer = text.as_mut_ptr();
        self.live.insert(pointer.addr(), Object::Text(text));
        pointer
    }

    fn client(&self, address: usize) -> Result<Arc<C>, NoClient> {
        match self.live.get(&address) {
            Some(Object::Client(client)) => Ok(Arc::clone(client)),
            Some(Object::Text(_)) => Err(NoClient::Text),
            None if address == 0 => Err(NoClient::Null),
            None => Err(NoClient::Unknown),
        }
    }
}

/// Addresses that stand for clients. Each is part of an allocation that is never given back, so
/// neither a later client nor anything else in the process ever has it.
struct Addresses {
    /// Never written to: they cost address space, not memory.
    blocks: Vec<Vec<u8>>,
    used: usize,
}

impl Addresses {
    const BLOCK_BYTES: usize = 1024 * 1024;
    /// As an allocator aligns.
    const STEP_BYTES: usize = 16;

    const fn new() -> Self {
        Addresses {
            blocks: Vec::new(),
            used: 0,
        }
    }

    fn next(&mut self) -> *mut u8 {
        if self.blocks.is_empty() || self.used == Self::BLOCK_BYTES {
            self.blocks.push(Vec::with_capacity(Self::BLOCK_BYTES));
            self.used = 0;
        }
        let offset = self.used;
        self.used += Self::STEP_BYTES;
        self.blocks
            .last_mut()
            .map_or(std::ptr::null_mut(), |block| {
                block.as_mut_ptr().wrapping_add(offset)
            })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_live_client_is_found_and_a_freed_one_is_not() {
        let mut registry = Registry::new();
        let pointer = registry.insert_client("client");
        assert_eq!(*registry.client(pointer.addr()).expect("live"), "client");
        assert!(registry.live.remove(&pointer.addr()).is_some());
        assert_eq!(registry.client(pointer.addr()), Err(NoClient::Unknown));
        assert!(registry.live.remove(&pointer.addr()).is_none());
    }

    #[test]
    fn what_is_no_client_is_told_apart() {
        let mut registry = Registry::<()>::new();
        let text = registry.insert_text("text".to_owned());
        assert_eq!(registry.client(text.addr()), Err(NoClient::Text));
        assert_eq!(registry.client(0), Err(NoClient::Null));
        assert_eq!(registry.client(1), Err(NoClient::Unknown));
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
        let distinct: HashSet<usize> = (0..count).map(|_| addresses.next().addr()).collect();
        assert_eq!(distinct.len(), count);
        assert!(!distinct.contains(&0));
    }
}
