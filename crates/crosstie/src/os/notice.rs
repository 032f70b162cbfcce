//! [`Notice`]: a descriptor of this process that polls readable once another of its threads has said so.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::task::Wake;

use rustix::event::{EventfdFlags, eventfd};

/// Raised by one thread, seen by another that polls. As a waker it is raised by the wake.
///
/// # Examples
/// ```
/// use crosstie::Deadline;
/// use crosstie::os::notice::Notice;
/// use crosstie::os::poll::{self, Interest};
/// use std::os::fd::AsFd;
/// let notice = Notice::new()?;
/// notice.raise();
/// assert!(poll::wait(notice.as_fd(), Interest::Readable, Deadline::NEVER)?);
/// notice.clear();
/// assert!(!poll::wait(notice.as_fd(), Interest::Readable, Deadline::NOW)?);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Notice(OwnedFd);

impl Notice {
    /// One that is not raised.
    ///
    /// # Errors
    /// When the process has no descriptor left.
    pub fn new() -> io::Result<Self> {
        Ok(Self(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?))
    }

    /// Makes it readable.
    pub fn raise(&self) {
        // Every error means that it is readable already.
        let _ = rustix::io::retry_on_intr(|| rustix::io::write(&self.0, &1u64.to_ne_bytes()));
    }

    /// Takes that back.
    pub fn clear(&self) {
        // Not raised is an error, and nothing to take back.
        let _ = rustix::io::retry_on_intr(|| rustix::io::read(&self.0, &mut [0; 8]));
    }
}

impl AsFd for Notice {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Wake for Notice {
    fn wake(self: Arc<Self>) {
        self.raise();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.raise();
    }
}
