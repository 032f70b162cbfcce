//! [`AsyncReceiver`]: a receiver whose waits are futures.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use crate::contract::{Readiness, RecvError};
use crate::endpoint::{Message, Receiver};
use crate::error::{Error, Result};
use crate::os::poll::Interest;
use crate::os::reactor::{self, Registered};

/// How often a task looks before it lets others run.
const LOOKS: u32 = 16;

/// A [`Receiver`] whose waits are futures of the tokio runtime in which it was made.
///
/// As a `Stream` it gives what iterating the receiver gives, and ends where that ends; but each message is acknowledged when it
/// is given out.
///
/// # Death
/// As [`Receiver::arm`] says.
///
/// # Cost
/// A wait is one system call of the runtime's and those of [`Receiver::arm`]; while messages are there, none on a ring.
///
/// # Examples
/// ```
/// use crosstie::endpoint::{AsyncReceiver, AsyncSender, Options, Receiver, Sender};
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
/// # runtime.block_on(async {
/// let folder = tempfile::tempdir()?;
/// let options = Options { domain: Some(folder.path().join("domain")), ..Options::default() };
/// let mut rx = AsyncReceiver::new(Receiver::<str>::open_with("ring:greetings", &options)?)?;
/// let mut tx = AsyncSender::new(Sender::<str>::open_with("ring:greetings", &options)?)?;
/// let (sent, received) = tokio::join!(tx.send("hello"), rx.recv());
/// sent?;
/// assert_eq!(received?, "hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct AsyncReceiver<T: Message + ?Sized = [u8]> {
    registered: Registered,
    receiver: Receiver<T>,
    ended: bool,
}

impl<T: Message + ?Sized> AsyncReceiver<T> {
    /// Makes the waits of `receiver` futures. Opening it may have to wait: open it before, or by `spawn_blocking`.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) for a mechanism without a descriptor; outside of a runtime;
    /// when no descriptor is left.
    ///
    /// # Panics
    /// tokio does, in a runtime that was built without `enable_io`.
    pub fn new(mut receiver: Receiver<T>) -> Result<Self> {
        let registered = Registered::new(receiver.pollable()?, Interest::Readable);
        let registered = registered.map_err(|error| unregistered("a receiver", error))?;
        Ok(Self { registered, receiver, ended: false })
    }

    /// Receives the next message.
    ///
    /// # Cancellation
    /// Dropped before it is ready, it has received nothing: the message comes to the next call.
    ///
    /// # Errors
    /// As [`Receiver::recv`].
    pub async fn recv(&mut self) -> Result<T::Owned, RecvError> {
        poll_fn(|context| self.poll_recv(context)).await
    }

    /// As [`AsyncReceiver::recv`], for futures written by hand.
    ///
    /// # Errors
    /// As [`Receiver::recv`].
    pub fn poll_recv(&mut self, context: &mut Context<'_>) -> Poll<Result<T::Owned, RecvError>> {
        let budget = ready!(reactor::proceed(context));
        for _ in 0..LOOKS {
            match self.receiver.try_recv() {
                Err(RecvError::Empty) => {}
                other => {
                    budget.made_progress();
                    return Poll::Ready(other);
                }
            }
            if self.poll_ready(context)?.is_pending() {
                return Poll::Pending;
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Waits until there is something for [`AsyncReceiver::get_mut`] to take without waiting: a message, lent or in hand, an end.
    /// Rarely there is nothing after all ([`RecvError::Empty`]): wait again.
    ///
    /// # Cancellation
    /// It takes nothing, so dropping it loses nothing.
    ///
    /// # Errors
    /// As [`Receiver::arm`].
    ///
    /// # Examples
    /// ```
    /// use crosstie::Deadline;
    /// use crosstie::endpoint::AsyncReceiver;
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    /// # runtime.block_on(async {
    /// let (mut tx, rx) = crosstie::pair::<[u8]>()?;
    /// let mut rx = AsyncReceiver::new(rx)?;
    /// tx.send(b"hello")?;
    /// rx.ready().await?;
    /// assert_eq!(rx.get_mut().recv_bytes_until(Deadline::NOW)?.to_vec(), b"hello");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn ready(&mut self) -> Result<()> {
        poll_fn(|context| self.poll_ready(context)).await
    }

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        let watched = self.registered.watch(context);
        watched.map_err(|error| unregistered("a receiver", error))?;
        match self.receiver.arm()? {
            Readiness::Ready => Poll::Ready(Ok(())),
            Readiness::Armed => Poll::Pending,
        }
    }

    /// The receiver, for what does not wait.
    pub fn get_mut(&mut self) -> &mut Receiver<T> {
        &mut self.receiver
    }

    /// The receiver, which blocks again.
    #[must_use]
    pub fn into_inner(self) -> Receiver<T> {
        self.receiver
    }
}

impl<T: Message + ?Sized> Stream for AsyncReceiver<T> {
    type Item = Result<T::Owned, RecvError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.ended {
            return Poll::Ready(None);
        }
        let next = ready!(this.poll_recv(context));
        // A message of another type is passed over; behind every other error nothing follows.
        this.ended = !matches!(next, Ok(_) | Err(RecvError::Malformed(_)));
        Poll::Ready(match next {
            Err(RecvError::Closed) => None,
            next => Some(next),
        })
    }
}

impl<T: Message + ?Sized> fmt::Debug for AsyncReceiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncReceiver").field("receiver", &self.receiver).finish_non_exhaustive()
    }
}

pub(super) fn unregistered(what: &str, error: std::io::Error) -> Error {
    Error::os("wait in a runtime for", what, error)
        .advise("call it in a tokio runtime that is built with enable_io")
}
