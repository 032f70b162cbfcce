//! Locks of a whole file: `flock(2)`, and open file description locks (`fcntl` with `F_OFD_SETLKW`).
#![expect(unsafe_code, reason = "calls the kernel")]

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::path::Path;

use crate::succeeded;

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// `flock(2)`.
    Flock,
    /// `fcntl(2)` with `F_OFD_SETLKW`.
    OpenFileDescription,
}

/// A file that is locked as a whole. Each opening is an owner of its own.
#[derive(Debug)]
pub struct FileLock {
    file: File,
    family: Family,
}

impl FileLock {
    /// Opens the file, which is made if need be.
    ///
    /// # Errors
    /// The kernel's.
    pub fn open(path: &Path, family: Family) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        Ok(Self { file, family })
    }

    /// Locks it, alone.
    ///
    /// # Errors
    /// The kernel's: no locks left.
    #[inline]
    pub fn lock(&self) -> io::Result<FileLockGuard<'_>> {
        loop {
            match self.set(true) {
                Ok(()) => return Ok(FileLockGuard { lock: self }),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    #[inline]
    fn set(&self, is_held: bool) -> io::Result<()> {
        let fd = self.file.as_raw_fd();
        match self.family {
            Family::Flock => flock(fd, if is_held { libc::LOCK_EX } else { libc::LOCK_UN }),
            Family::OpenFileDescription => whole(fd, if is_held { libc::F_WRLCK } else { libc::F_UNLCK }),
        }
    }
}

#[inline]
fn flock(fd: RawFd, operation: libc::c_int) -> io::Result<()> {
    // SAFETY: takes a descriptor and a number; no memory is touched.
    succeeded(unsafe { libc::flock(fd, operation) }).map(drop)
}

#[inline]
fn whole(fd: RawFd, kind: libc::c_int) -> io::Result<()> {
    let range = libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    // SAFETY: reads the range from where it stands.
    succeeded(unsafe { libc::fcntl(fd, libc::F_OFD_SETLKW, &raw const range) }).map(drop)
}

/// The file, locked by this opening of it until it is dropped.
#[derive(Debug)]
pub struct FileLockGuard<'a> {
    lock: &'a FileLock,
}

impl Drop for FileLockGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        // To unlock what is locked does not fail.
        let _ = self.lock.set(false);
    }
}
