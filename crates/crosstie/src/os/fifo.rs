//! FIFOs: pipes with a path, in packet mode.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{FileType, FlockOperation, Mode, OFlags};
use rustix::pipe::SpliceFlags;

/// No write of at most so many bytes is torn apart by another's.
pub const ATOMIC_WRITE_BYTES: usize = 4096;

/// Makes a FIFO that only this user may open; one that is there already is left as it is.
///
/// # Errors
/// When the directory does not allow it.
pub fn make(path: &Path) -> io::Result<()> {
    match rustix::fs::mkfifoat(rustix::fs::CWD, path, Mode::RUSR | Mode::WUSR) {
        Ok(()) | Err(rustix::io::Errno::EXIST) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Opens the reading end; never waits for a writer. Reads of it block.
///
/// # Errors
/// `AlreadyExists` when the path is no FIFO.
pub fn open_to_read(path: &Path) -> io::Result<OwnedFd> {
    let fd = open(path, OFlags::RDONLY)?;
    rustix::io::ioctl_fionbio(&fd, false)?;
    Ok(fd)
}

/// Opens the writing end, in which each write of at most [`ATOMIC_WRITE_BYTES`] is one packet that
/// one read takes; `None` when nobody reads. Writes to it never block.
///
/// # Errors
/// `AlreadyExists` when the path is no FIFO, `NotFound` when it is not there.
pub fn open_to_write(path: &Path) -> io::Result<Option<OwnedFd>> {
    match open(path, OFlags::WRONLY) {
        Ok(fd) => {
            rustix::fs::fcntl_setfl(&fd, OFlags::NONBLOCK | OFlags::DIRECT)?;
            Ok(Some(fd))
        }
        Err(error) if error.raw_os_error() == Some(libc::ENXIO) => Ok(None),
        Err(error) => Err(error),
    }
}

fn open(path: &Path, mode: OFlags) -> io::Result<OwnedFd> {
    // A regular file must not even be opened for writing, nor a directory for reading.
    let not_a_fifo = || io::Error::from(io::ErrorKind::AlreadyExists);
    if FileType::from_raw_mode(rustix::fs::stat(path)?.st_mode) != FileType::Fifo {
        return Err(not_a_fifo());
    }
    let fd = rustix::fs::open(path, mode | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty())?;
    if FileType::from_raw_mode(rustix::fs::fstat(&fd)?.st_mode) != FileType::Fifo {
        return Err(not_a_fifo());
    }
    Ok(fd)
}

/// Whether a process has the writing end open, or left something unread; takes nothing.
///
/// # Errors
/// When no descriptor is left.
pub fn has_writers(reading_end: impl AsFd) -> io::Result<bool> {
    let (_read, write) = super::pipe::pair()?;
    match rustix::pipe::tee(reading_end, &write, 1, SpliceFlags::NONBLOCK) {
        // What a read would answer: the end.
        Ok(0) => Ok(false),
        Ok(_) | Err(rustix::io::Errno::AGAIN) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// Takes the reader's place, which the kernel gives back when the process ends; answers whether it
/// was free.
///
/// # Errors
/// When the file system knows no locks.
pub fn take_place(fifo: impl AsFd) -> io::Result<bool> {
    match rustix::fs::flock(fifo, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::AGAIN) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Which file a descriptor leads to: (device, inode).
///
/// # Errors
/// None that are known.
pub fn identity(fifo: impl AsFd) -> io::Result<(u64, u64)> {
    let file = rustix::fs::fstat(fifo)?;
    Ok((file.st_dev, file.st_ino))
}
