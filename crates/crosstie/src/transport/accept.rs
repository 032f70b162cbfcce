//! Where connections come from.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

use crosstie_core::Deadline;

use crate::error::{Error, ErrorKind, Result};
use crate::os::poll::{self, Interest};

/// A listening socket of any kind.
pub(crate) trait Accept: Send {
    /// The next connection that waits, with its process where the kernel says it; `WouldBlock`
    /// when none waits.
    fn accept(&self) -> io::Result<(OwnedFd, Option<u32>)>;
    /// The listening descriptor.
    fn descriptor(&self) -> BorrowedFd<'_>;
}

/// Takes the next connection, and waits for it until `deadline`.
///
/// # Errors
/// `Busy` or `TimedOut` when nobody connected; what the kernel answers.
pub(crate) fn accept_until(
    accept: &dyn Accept,
    object: &str,
    deadline: Deadline,
) -> Result<(OwnedFd, Option<u32>)> {
    loop {
        match accept.accept() {
            Ok(taken) => return Ok(taken),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(Error::os("accept on", object, error)),
        }
        if let Err(error) = poll::wait_or_fail(accept.descriptor(), Interest::Readable, deadline) {
            let kind = ErrorKind::of_io(&error);
            return Err(match kind {
                ErrorKind::Busy | ErrorKind::TimedOut => {
                    Error::new("accept on", object, kind).because("nobody connected")
                }
                _ => Error::os("accept on", object, error),
            });
        }
    }
}
