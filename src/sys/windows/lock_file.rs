//! Files that processes share: locks of single bytes, which the kernel drops with whoever holds them,
//! whatever ends it; and what tells a file from another.

use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::windows::ffi::OsStrExt;
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::AsRawHandle;
use std::path::Path;

use windows_sys::Win32::Foundation::{ERROR_LOCK_VIOLATION, HANDLE};
use windows_sys::Win32::Storage::FileSystem::{
    BY_HANDLE_FILE_INFORMATION, GetDriveTypeW, GetFileInformationByHandle, GetVolumePathNameW,
    LOCKFILE_EXCLUSIVE_LOCK, LOCKFILE_FAIL_IMMEDIATELY, LockFileEx, UnlockFileEx,
};
use windows_sys::Win32::System::IO::OVERLAPPED;

/// What GetDriveTypeW calls another machine's.
const DRIVE_REMOTE: u32 = 4;

/// A file whose bytes, which it need not have, are locked one by one. No child process inherits it.
pub(crate) struct LockFile(File);

impl LockFile {
    /// Opens it, and makes it where there is none.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let mut options = File::options();
        let options = options.read(true).write(true).create(true).truncate(false);
        options.open(path).map(LockFile)
    }

    /// Whether it could be locked: else somebody has it.
    pub(crate) fn try_lock(&self, place: i64) -> io::Result<bool> {
        self.try_to(place, LOCKFILE_EXCLUSIVE_LOCK)
    }

    pub(crate) fn unlock(&self, place: i64) {
        let mut at = overlapped(place);
        // SAFETY: the file is open, and the place of the byte is there until the call returns.
        unsafe { UnlockFileEx(self.0.as_raw_handle() as HANDLE, 0, 1, 0, &mut at) };
    }

    /// Whether anybody has it locked. Those who ask at the same time do not take each other for one
    /// who has.
    pub(crate) fn is_locked(&self, place: i64) -> io::Result<bool> {
        let is_free = self.try_to(place, 0)?;
        if is_free {
            self.unlock(place);
        }
        Ok(!is_free)
    }

    fn try_to(&self, place: i64, kind: u32) -> io::Result<bool> {
        let flags = kind | LOCKFILE_FAIL_IMMEDIATELY;
        let mut at = overlapped(place);
        // SAFETY: as above; the file is not overlapped, so that nothing goes on after the call.
        match unsafe { LockFileEx(self.0.as_raw_handle() as HANDLE, flags, 0, 1, 0, &mut at) } {
            0 => match io::Error::last_os_error() {
                error if error.raw_os_error() == Some(ERROR_LOCK_VIOLATION as i32) => Ok(false),
                error => Err(error),
            },
            _ => Ok(true),
        }
    }
}

fn overlapped(place: i64) -> OVERLAPPED {
    let mut overlapped = OVERLAPPED::default();
    overlapped.Anonymous.Anonymous.Offset = place as u32;
    overlapped.Anonymous.Anonymous.OffsetHigh = (place >> 32) as u32;
    overlapped
}

/// Makes an empty file, unless there is one. Whose it is, its folder says.
pub(crate) fn make_private_file(path: &Path) -> io::Result<()> {
    match File::options().write(true).create_new(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made.map(drop),
    }
}

/// Opens a file that somebody else writes, to wait until that is on the disk.
pub(crate) fn open_to_sync(path: &Path) -> io::Result<File> {
    File::options().write(true).open(path)
}

/// What stays the same wherever a file is moved to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FileId {
    volume: u32,
    number: [u32; 2],
}

impl FileId {
    /// And how many names the file has.
    pub(crate) fn of(path: &Path) -> io::Result<(Self, u64)> {
        let file = information(path)?;
        let id = FileId {
            volume: file.dwVolumeSerialNumber,
            number: [file.nFileIndexHigh, file.nFileIndexLow],
        };
        Ok((id, file.nNumberOfLinks.into()))
    }
}

fn information(path: &Path) -> io::Result<BY_HANDLE_FILE_INFORMATION> {
    // To ask about it takes no rights to it, and keeps nobody from it.
    let file = File::options().access_mode(0).open(path)?;
    let mut information = MaybeUninit::<BY_HANDLE_FILE_INFORMATION>::zeroed();
    // SAFETY: the file is open, and there is a place for what is asked.
    unsafe {
        match GetFileInformationByHandle(file.as_raw_handle() as HANDLE, information.as_mut_ptr()) {
            0 => Err(io::Error::last_os_error()),
            _ => Ok(information.assume_init()),
        }
    }
}

/// A lock is that of a handle here, and not of a process: it does no harm to have the file open twice.
pub(crate) fn is_open_here(_: FileId) -> bool {
    false
}

/// Whether a file's data are on another machine: there, no memory is shared.
pub(crate) fn is_remote(path: &Path) -> io::Result<bool> {
    let path: Vec<u16> = path.as_os_str().encode_wide().chain([0]).collect();
    let mut root = vec![0; path.len().max(64)];
    // SAFETY: texts that end in NUL, and a place as long as it is said to be.
    unsafe {
        match GetVolumePathNameW(path.as_ptr(), root.as_mut_ptr(), root.len() as u32) {
            0 => Err(io::Error::last_os_error()),
            _ => Ok(GetDriveTypeW(root.as_ptr()) == DRIVE_REMOTE),
        }
    }
}
