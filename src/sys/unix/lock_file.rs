//! Files that processes share: locks of single bytes, which the kernel drops with whoever holds them,
//! whatever ends it; and what tells a file from another.

use std::ffi::CString;
use std::fs::{self, File};
use std::io;
use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use libc::{c_int, off_t};

use super::descriptors;

/// Those of an open file, where there are such: nothing that a host opens and closes drops them. A
/// child of a fork closes the file at once. Others are a process's own, and no child inherits them.
#[cfg(any(target_os = "linux", target_os = "android"))]
const COMMANDS: [c_int; 2] = [libc::F_OFD_SETLK, libc::F_OFD_GETLK];
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const COMMANDS: [c_int; 2] = [libc::F_SETLK, libc::F_GETLK];

/// A file whose bytes, which it need not have, are locked one by one.
pub(crate) struct LockFile(RawFd);

impl LockFile {
    /// Opens it, and makes it where there is none: for this user alone.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let path = CString::new(path.as_os_str().as_bytes())?;
        let descriptor = descriptors::open(|| {
            const FLAGS: c_int = libc::O_RDWR | libc::O_CREAT | libc::O_CLOEXEC;
            // SAFETY: a string that ends in NUL, and the mode that a new file needs.
            let descriptor = unsafe { libc::open(path.as_ptr(), FLAGS, 0o600) };
            if descriptor < 0 {
                return Err(io::Error::last_os_error());
            }
            // SAFETY: it was opened just now.
            Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
        })?;
        Ok(LockFile(descriptor.into_raw_fd()))
    }

    /// Whether it could be locked: else somebody has it.
    pub(crate) fn try_lock(&self, place: i64) -> io::Result<bool> {
        match self.control(COMMANDS[0], libc::F_WRLCK, place) {
            Ok(_) => Ok(true),
            Err(error) => match error.raw_os_error() {
                Some(libc::EACCES | libc::EAGAIN) => Ok(false),
                _ => Err(error),
            },
        }
    }

    pub(crate) fn unlock(&self, place: i64) {
        // It cannot fail but for want of memory, and then the lock goes with the process.
        let _ = self.control(COMMANDS[0], libc::F_UNLCK, place);
    }

    /// Whether somebody else has it locked.
    pub(crate) fn is_locked(&self, place: i64) -> io::Result<bool> {
        let found = self.control(COMMANDS[1], libc::F_WRLCK, place)?;
        // Of which systems make an integer of another width.
        Ok(i64::from(found) != i64::from(libc::F_UNLCK))
    }

    fn control(&self, command: c_int, kind: impl Into<c_int>, place: i64) -> io::Result<c_int> {
        // SAFETY: zeros are a value of each of its fields.
        let mut lock: libc::flock = unsafe { std::mem::zeroed() };
        lock.l_type = kind.into() as _;
        lock.l_whence = libc::SEEK_SET as _;
        lock.l_start = place as off_t;
        lock.l_len = 1;
        // SAFETY: the descriptor is open, and the command takes a place for such a struct.
        match unsafe { libc::fcntl(self.0, command, &raw mut lock) } {
            0 => Ok(lock.l_type.into()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

impl Drop for LockFile {
    fn drop(&mut self) {
        descriptors::close(self.0);
    }
}

/// Makes an empty file, for this user alone, unless there is one.
pub(crate) fn make_private_file(path: &Path) -> io::Result<()> {
    let mut options = File::options();
    let made = options.write(true).create_new(true).mode(0o600).open(path);
    match made.and_then(|file| descriptors::above_standard_streams(file.into())) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made.map(drop),
    }
}

/// Opens a file that somebody else writes, to wait until that is on the disk.
pub(crate) fn open_to_sync(path: &Path) -> io::Result<File> {
    let file = File::options().write(true).open(path)?;
    descriptors::above_standard_streams(file.into()).map(File::from)
}

/// What stays the same wherever a file is moved to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FileId {
    device: u64,
    number: u64,
}

impl FileId {
    /// And how many names the file has.
    pub(crate) fn of(path: &Path) -> io::Result<(Self, u64)> {
        let file = fs::metadata(path)?;
        let id = FileId {
            device: file.dev(),
            number: file.ino(),
        };
        Ok((id, file.nlink()))
    }
}

/// Whether this process has a descriptor of the file, as far as the system tells.
pub(crate) fn is_open_here(file: FileId) -> bool {
    let descriptors = fs::read_dir("/dev/fd").into_iter().flatten().flatten();
    descriptors
        .map(|descriptor| FileId::of(&descriptor.path()))
        .any(|it| it.is_ok_and(|(it, _)| it == file))
}

/// Whether a file's data are on another machine, or in the hands of a program (FUSE): there, no
/// memory is shared, and a lock may not be one.
pub(crate) fn is_remote(path: &Path) -> io::Result<bool> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: zeros are a value of each of its fields.
    let mut system: libc::statfs = unsafe { std::mem::zeroed() };
    // SAFETY: a string that ends in NUL, and a place for the struct.
    match unsafe { libc::statfs(path.as_ptr(), &raw mut system) } {
        0 => Ok(is_system_remote(&system)),
        _ => Err(io::Error::last_os_error()),
    }
}

/// statfs(2) has most of these numbers.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn is_system_remote(system: &libc::statfs) -> bool {
    const REMOTE: [u32; 15] = [
        0x6969,      // NFS
        0x517b,      // SMB
        0xfe53_4d42, // SMB2
        0xff53_4d42, // CIFS
        0x0102_1997, // 9p
        0x6573_5546, // FUSE
        0x00c3_6400, // Ceph
        0x5346_414f, // AFS
        0x6b41_4653, // kAFS
        0x7375_7245, // Coda
        0x564c,      // NCP
        0x0bd0_0bd0, // Lustre
        0x7461_636f, // OCFS2
        0x0116_1970, // GFS2
        0x786f_4256, // VirtualBox's shared folders
    ];
    REMOTE.contains(&(system.f_type as u32))
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn is_system_remote(system: &libc::statfs) -> bool {
    system.f_flags as u64 & libc::MNT_LOCAL as u64 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_seen_by_others_until_it_is_dropped() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("locks");
        let [own, other] = [(); 2].map(|()| LockFile::open(&path).expect("a file"));
        let is_locked = |place| other.is_locked(place).expect("it can be asked");
        let lock = |file: &LockFile, place| file.try_lock(place).expect("it can be tried");
        assert!(lock(&own, 7) && lock(&own, i64::MAX - 1));
        assert!(is_locked(7) && is_locked(i64::MAX - 1) && !is_locked(8));
        assert!(
            !own.is_locked(7).expect("it can be asked"),
            "by somebody else"
        );
        assert!(!lock(&other, 7));
        own.unlock(7);
        assert!(!is_locked(7));
        drop(own);
        assert!(!is_locked(i64::MAX - 1));
        assert_eq!(fs::metadata(&path).expect("a file").mode() & 0o777, 0o600);
    }

    #[test]
    fn file_is_known_by_its_descriptor() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        make_private_file(&path).expect("a file");
        make_private_file(&path).expect("it is there");
        let (id, names) = FileId::of(&path).expect("a file");
        assert_eq!(names, 1);
        assert!(!is_open_here(id));
        let open = File::open(&path).expect("a file");
        assert!(is_open_here(id));
        drop(open);
        assert!(!is_open_here(id));
        assert!(!is_remote(&path).expect("a file"));
    }
}
