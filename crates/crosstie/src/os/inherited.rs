//! Descriptors that the parent left open, known by their number.
#![expect(unsafe_code, reason = "a number is turned into a descriptor")]

use std::io;
use std::os::fd::{FromRawFd as _, OwnedFd};

/// An own, close-on-exec duplicate of the descriptor `number`, which stays open as it is.
///
/// # Errors
/// `EBADF` if no descriptor of that number is open.
///
/// # Examples
/// ```
/// use crosstie::os::inherited::duplicate;
/// use std::os::fd::AsRawFd;
/// let file = tempfile::tempfile()?;
/// assert!(duplicate(file.as_raw_fd()).is_ok());
/// assert!(duplicate(i32::MAX).is_err());
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn duplicate(number: i32) -> io::Result<OwnedFd> {
    // SAFETY: fcntl takes any number and answers EBADF for one that is not open; no memory is passed.
    let own = unsafe { libc::fcntl(number, libc::F_DUPFD_CLOEXEC, 3) };
    if own < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel made `own` just now for this call, so nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(own) })
}
