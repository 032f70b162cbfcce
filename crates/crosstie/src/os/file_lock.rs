//! Locks that end with their holder: a byte for each process, a directory for its changes.
//!
//! The byte locks belong to an open file description (OFD): the kernel drops one when the last
//! descriptor of that description is closed, that is when the process ends or execs (descriptors
//! are close-on-exec). A fork child keeps the description alive, so a held byte proves nothing; a
//! free one proves that nobody is left (HAZARDS H1). The bytes need not exist in the file.
#![expect(unsafe_code, reason = "rustix has no OFD locks")]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};

use rustix::fs::FlockOperation;
use rustix::io::Errno;

/// Locks the byte at `offset` for the open file description of `fd`; answers false when another
/// description has it.
///
/// # Errors
/// The kernel's: no memory for locks, a file system without them.
pub fn try_lock_byte(fd: BorrowedFd<'_>, offset: u64) -> io::Result<bool> {
    match ofd_lock(fd, libc::F_OFD_SETLK, libc::F_WRLCK, offset) {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EACCES)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Locks the byte at `offset` for the open file description of `fd` beside others who do the same;
/// answers false when another description has it alone.
///
/// # Errors
/// The kernel's.
pub fn try_share_byte(fd: BorrowedFd<'_>, offset: u64) -> io::Result<bool> {
    match ofd_lock(fd, libc::F_OFD_SETLK, libc::F_RDLCK, offset) {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EACCES)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Unlocks the byte at `offset` for the open file description of `fd`.
///
/// # Errors
/// The kernel's.
pub fn unlock_byte(fd: BorrowedFd<'_>, offset: u64) -> io::Result<()> {
    ofd_lock(fd, libc::F_OFD_SETLK, libc::F_UNLCK, offset).map(|_| ())
}

/// Whether a description other than that of `fd` has the byte at `offset` locked.
///
/// # Errors
/// The kernel's.
pub fn is_byte_locked(fd: BorrowedFd<'_>, offset: u64) -> io::Result<bool> {
    let found = ofd_lock(fd, libc::F_OFD_GETLK, libc::F_WRLCK, offset)?;
    Ok(found != libc::F_UNLCK)
}

/// Asks for a lock of `kind` on one byte; answers the type of lock that the kernel then reports.
fn ofd_lock(fd: BorrowedFd<'_>, command: i32, kind: i32, offset: u64) -> io::Result<i32> {
    let mut lock = libc::flock {
        l_type: i16::try_from(kind).map_err(|_| io::ErrorKind::InvalidInput)?,
        l_whence: 0,
        l_start: i64::try_from(offset).map_err(|_| io::ErrorKind::InvalidInput)?,
        l_len: 1,
        l_pid: 0,
    };
    // SAFETY: both commands take a pointer to a flock, which `lock` is, writable for the answer.
    let answer = unsafe { libc::fcntl(fd.as_raw_fd(), command, &raw mut lock) };
    if answer == -1 { Err(io::Error::last_os_error()) } else { Ok(i32::from(lock.l_type)) }
}

/// The same open file under the smallest free number from `number` on, close-on-exec; under its own
/// where the process may have none so high.
///
/// # Errors
/// When the process has no descriptor left.
pub fn at_number_from(fd: BorrowedFd<'_>, number: RawFd) -> io::Result<OwnedFd> {
    match rustix::io::fcntl_dupfd_cloexec(fd, number) {
        Err(Errno::INVAL) => Ok(fd.try_clone_to_owned()?),
        other => Ok(other?),
    }
}

/// Locks the file or directory behind `fd` against others who do the same, until `fd` is closed.
///
/// # Errors
/// The kernel's.
pub fn lock_whole(fd: BorrowedFd<'_>) -> io::Result<()> {
    Ok(rustix::io::retry_on_intr(|| rustix::fs::flock(fd, FlockOperation::LockExclusive))?)
}
