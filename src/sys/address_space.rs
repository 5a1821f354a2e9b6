//! Addresses that nothing else in the process will ever have.

use std::io;

/// Reserves so many bytes of the process's address space, for good, and tells where they begin. Nothing
/// touches them, so that no memory is ever behind them.
pub(crate) fn reserve_addresses(bytes: usize) -> io::Result<usize> {
    // SAFETY: a new mapping, where the kernel chooses, changes none that there is.
    let start = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            bytes,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    if start == libc::MAP_FAILED {
        Err(io::Error::last_os_error())
    } else {
        Ok(start.addr())
    }
}
