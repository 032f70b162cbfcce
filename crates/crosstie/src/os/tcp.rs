//! TCP: names, listening, connecting within a deadline.
#![expect(unsafe_code, reason = "SIOCOUTQ has no wrapper")]

use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// How many bytes of a connection the other side's kernel has not acknowledged, the end included.
///
/// # Errors
/// When it is no stream socket.
pub fn unacknowledged_bytes(fd: impl AsFd) -> io::Result<usize> {
    let mut count: libc::c_int = 0;
    // SAFETY: SIOCOUTQ (= TIOCOUTQ) writes one int, which `count` is.
    let answer = unsafe { libc::ioctl(fd.as_fd().as_raw_fd(), libc::TIOCOUTQ, &raw mut count) };
    if answer == 0 { Ok(usize::try_from(count).unwrap_or(0)) } else { Err(io::Error::last_os_error()) }
}
