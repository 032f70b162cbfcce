//! Descriptors that the parent left open, known by their number.
//!
//! Before `main` Rust's runtime opens /dev/null in the place of a standard stream that is closed, so
//! that what is written there vanishes without an error. Whether one was closed is looked at earlier,
//! while the program is loaded.
#![expect(unsafe_code, reason = "a number is turned into a descriptor; a function runs before main")]

use std::io;
use std::os::fd::{FromRawFd as _, OwnedFd};

use crosstie_core::atomic::{AtomicU32, Ordering};

/// Bit N is set when descriptor N, of 0 and 1, was closed when the process began.
static CLOSED_AT_START: AtomicU32 = AtomicU32::new(0);

// The loader calls what this section holds as functions, before `main`; this one touches nothing
// but system calls and an atomic, which need no runtime.
#[unsafe(link_section = ".init_array")]
#[used]
static LOOK: extern "C" fn() = look_at_standard_streams;

extern "C" fn look_at_standard_streams() {
    for number in [0, 1] {
        // SAFETY: fcntl takes any number and answers EBADF for one that is not open; no memory is passed.
        let flags = unsafe { libc::fcntl(number, libc::F_GETFD) };
        if flags < 0 {
            // Relaxed: written before main, while there is one thread.
            CLOSED_AT_START.fetch_or(1 << number, Ordering::Relaxed);
        }
    }
}

/// Refuses standard input (0) or output (1) if it was closed when the process began.
///
/// # Errors
/// If it was closed.
pub fn require_standard(number: i32) -> io::Result<()> {
    // Relaxed: written before main, while there was one thread.
    let closed = CLOSED_AT_START.load(Ordering::Relaxed);
    if matches!(number, 0 | 1) && closed & (1 << number) != 0 {
        return Err(io::Error::other("it was closed when this process began"));
    }
    Ok(())
}

/// An own, close-on-exec duplicate of the descriptor `number`, which stays open as it is.
///
/// # Errors
/// `EBADF` if no descriptor of that number is open, or if it was closed when the process began and
/// is a standard stream.
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
    require_standard(number)?;
    // SAFETY: fcntl takes any number and answers EBADF for one that is not open; no memory is passed.
    let own = unsafe { libc::fcntl(number, libc::F_DUPFD_CLOEXEC, 3) };
    if own < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel made `own` just now for this call, so nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(own) })
}
