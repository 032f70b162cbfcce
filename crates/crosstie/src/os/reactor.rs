//! A descriptor in tokio's reactor, from which a future learns that it must look again.
#![expect(unsafe_code, reason = "registers a descriptor that it owns")]

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::task::{Context, Poll};

use tokio::io::unix::AsyncFd;
use tokio::runtime::Handle;
use tokio::task::coop::{self, RestoreOnPending};

use super::poll::Interest;

/// A descriptor that the runtime of the calling task watches.
#[derive(Debug)]
pub struct Registered {
    fd: AsyncFd<OwnedFd>,
    interest: Interest,
}

impl Registered {
    /// Has a duplicate of `fd` watched for `interest` by the current runtime.
    ///
    /// # Errors
    /// `NotConnected` outside of a runtime; when no descriptor is left.
    ///
    /// # Panics
    /// tokio does, in a runtime that was built without `enable_io`.
    pub fn new(fd: BorrowedFd<'_>, interest: Interest) -> io::Result<Self> {
        if Handle::try_current().is_err() {
            return Err(io::ErrorKind::NotConnected.into());
        }
        let own = fd.try_clone_to_owned()?;
        let flags = match interest {
            Interest::Readable | Interest::Hangup => tokio::io::Interest::READABLE,
            Interest::Writable => tokio::io::Interest::WRITABLE,
        };
        // SAFETY: an OwnedFd names the same open descriptor for its whole life, and the AsyncFd owns it.
        let fd = unsafe { AsyncFd::register_with_interest(own, flags) }?;
        Ok(Self { fd, interest })
    }

    /// Forgets that the descriptor was ready, and wakes the task once it is ready anew: whoever calls looks
    /// whether it is, **behind** this call.
    ///
    /// # Errors
    /// When the runtime is shutting down.
    pub fn watch(&self, context: &mut Context<'_>) -> io::Result<()> {
        // Bounded: each turn takes a tick of the task's budget, and without one it is pending.
        loop {
            let polled = match self.interest {
                Interest::Readable | Interest::Hangup => self.fd.poll_read_ready(context),
                Interest::Writable => self.fd.poll_write_ready(context),
            };
            match polled {
                Poll::Pending => return Ok(()),
                Poll::Ready(guard) => guard?.clear_ready(),
            }
        }
    }
}

/// Ready unless the task has to let others run first; the answer is told of progress.
pub fn proceed(context: &mut Context<'_>) -> Poll<RestoreOnPending> {
    coop::poll_proceed(context)
}
