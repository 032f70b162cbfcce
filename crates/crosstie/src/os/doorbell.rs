//! Doorbells: FIFOs of which one end is somebody's to wait at, and the other anybody's to write a byte into.
//!
//! Both sides open a FIFO for reading and writing. So no open waits, no reader ever meets the end, and no writer gets
//! SIGPIPE when the reader has gone.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;

/// Bytes that one read takes out: more than are there, unless nobody has looked for long.
const EMPTIED_BYTES: usize = 256;
/// Reads of one emptying: more bytes than a FIFO holds.
const READS_MAX: usize = 4096;

/// Makes the doorbell `name` in `directory` for those to whom `mode` gives it, instead of one that is there.
///
/// # Errors
/// The kernel's: no room, no descriptor left.
pub fn make(directory: BorrowedFd<'_>, name: &str, mode: u32) -> io::Result<OwnedFd> {
    match rustix::fs::unlinkat(directory, name, rustix::fs::AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(error) => return Err(error.into()),
    }
    let mode = Mode::from_raw_mode(mode);
    rustix::fs::mkfifoat(directory, name, mode)?;
    let fd = open(directory, name)?.ok_or(io::ErrorKind::NotFound)?;
    // The umask does not say who takes part.
    rustix::fs::fchmod(&fd, mode)?;
    Ok(fd)
}

/// Opens the doorbell `name` of `directory`; `None` if there is none, or something else.
///
/// # Errors
/// The kernel's: no descriptor left, not permitted.
pub fn open(directory: BorrowedFd<'_>, name: &str) -> io::Result<Option<OwnedFd>> {
    let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match rustix::fs::openat(directory, name, flags, Mode::empty()) {
        Ok(fd) => {
            let is_doorbell = FileType::from_raw_mode(rustix::fs::fstat(&fd)?.st_mode) == FileType::Fifo;
            Ok(is_doorbell.then_some(fd))
        }
        Err(Errno::NOENT | Errno::LOOP) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Makes whoever waits at the doorbell look; one that is full was rung often enough.
pub fn ring(doorbell: impl AsFd) {
    // Every error means that nobody can be told: full is rung already.
    let _ = rustix::io::retry_on_intr(|| rustix::io::write(&doorbell, &[0]));
}

/// Takes out what was rung, of a descriptor that does not block.
pub fn empty(fd: impl AsFd) {
    let mut bytes = [0; EMPTIED_BYTES];
    for _ in 0..READS_MAX {
        match rustix::io::retry_on_intr(|| rustix::io::read(&fd, &mut bytes)) {
            Ok(EMPTIED_BYTES) => {}
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::directory;
    use crate::os::poll::{self, Interest};
    use crosstie_core::Deadline;

    #[test]
    fn a_doorbell_that_is_full_or_removed_blocks_nobody_and_is_empty_again() {
        let folder = tempfile::tempdir().unwrap();
        let place = directory::open(folder.path()).unwrap();
        let mine = make(place.as_fd(), "d", 0o600).unwrap();
        let theirs = open(place.as_fd(), "d").unwrap().expect("a doorbell");
        let is_rung = || poll::wait(mine.as_fd(), Interest::Readable, Deadline::NOW).unwrap();
        assert!(!is_rung(), "nobody rang");
        for _ in 0..100_000 {
            ring(&theirs);
        }
        assert!(is_rung());
        empty(&mine);
        assert!(!is_rung(), "a byte was left");
        let instead = make(place.as_fd(), "d", 0o600).unwrap();
        drop(mine);
        ring(&theirs);
        assert!(!poll::wait(instead.as_fd(), Interest::Readable, Deadline::NOW).unwrap());
        std::fs::write(folder.path().join("f"), "text").unwrap();
        assert!(open(place.as_fd(), "f").unwrap().is_none(), "a file is no doorbell");
        assert!(open(place.as_fd(), "gone").unwrap().is_none());
    }
}
