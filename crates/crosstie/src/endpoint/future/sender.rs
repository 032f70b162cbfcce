//! [`AsyncSender`]: a sender whose waits are futures.

use std::borrow::Borrow;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_sink::Sink;

use super::receiver::unregistered;
use crate::Deadline;
use crate::contract::{Readiness, SendError};
use crate::endpoint::{Message, Sender};
use crate::error::Result;
use crate::os::reactor::{self, Registered};

/// How often a task looks before it lets others run.
const LOOKS: u32 = 16;

/// A [`Sender`] whose waits are futures of the tokio runtime in which it was made.
///
/// As a `Sink` it takes whatever borrows as a message, and holds one until it is flushed.
///
/// # Death
/// As [`Sender::arm`] says.
///
/// # Cost
/// While there is room, that of [`Sender::try_send`].
///
/// # Examples
/// ```
/// use crosstie::endpoint::AsyncSender;
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
/// # runtime.block_on(async {
/// let (tx, mut rx) = crosstie::pair::<u32>()?;
/// let reader = std::thread::spawn(move || rx.recv());
/// let mut tx = AsyncSender::new(tx)?;
/// tx.send(&7).await?;
/// assert_eq!(reader.join().unwrap()?, 7);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct AsyncSender<T: Message + ?Sized = [u8]> {
    registered: Registered,
    sender: Sender<T>,
    /// What the sink has taken and not sent.
    taken: Option<Vec<u8>>,
}

impl<T: Message + ?Sized> AsyncSender<T> {
    /// Makes the waits of `sender` futures. Opening it may have to wait: open it before, or by `spawn_blocking`.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) for a mechanism without a descriptor; outside of a runtime;
    /// when no descriptor is left.
    ///
    /// # Panics
    /// tokio does, in a runtime that was built without `enable_io`.
    pub fn new(mut sender: Sender<T>) -> Result<Self> {
        let (fd, interest) = sender.pollable()?;
        let registered = Registered::new(fd, interest).map_err(|error| unregistered("a sender", error))?;
        Ok(Self { registered, sender, taken: None })
    }

    /// Sends `message`; ready once the mechanism has it whole.
    ///
    /// # Cancellation
    /// Dropped before it is ready, it has sent the message not at all; or, where the kernel carries a stream and has taken a part
    /// of it, wholly: the rest goes out before anything else, with the next message, [`AsyncSender::flush`] or the end.
    ///
    /// # Errors
    /// As [`Sender::send`].
    pub async fn send(&mut self, message: &T) -> Result<(), SendError> {
        poll_fn(|context| self.poll_taken(context)).await?;
        poll_fn(|context| self.poll_until(context, |sender| sender.try_send(message))).await?;
        self.flush().await
    }

    /// Ready once the mechanism has everything whole that was sent before.
    ///
    /// # Cancellation
    /// Dropping it changes nothing.
    ///
    /// # Errors
    /// As [`Sender::send`].
    pub async fn flush(&mut self) -> Result<(), SendError> {
        poll_fn(|context| self.poll_all(context)).await
    }

    /// Says that this end is done: the receiver gets everything, then a clean end.
    ///
    /// # Cancellation
    /// Dropping it drops the sender, which says the same.
    ///
    /// # Errors
    /// As [`Sender::close`].
    pub async fn close(mut self) -> Result<(), SendError> {
        self.flush().await?;
        self.sender.close()
    }

    /// The sender, for what does not wait.
    pub fn get_mut(&mut self) -> &mut Sender<T> {
        &mut self.sender
    }

    /// The sender, which blocks again; what a sink has taken and not flushed is lost.
    #[must_use]
    pub fn into_inner(self) -> Sender<T> {
        self.sender
    }

    /// Tries until it does not fail for want of room.
    fn poll_until(
        &mut self,
        context: &mut Context<'_>,
        mut attempt: impl FnMut(&mut Sender<T>) -> Result<(), SendError>,
    ) -> Poll<Result<(), SendError>> {
        let budget = ready!(reactor::proceed(context));
        for _ in 0..LOOKS {
            match attempt(&mut self.sender) {
                Err(SendError::Full | SendError::TimedOut) => {}
                other => {
                    budget.made_progress();
                    return Poll::Ready(other);
                }
            }
            let watched = self.registered.watch(context);
            watched.map_err(|error| unregistered("a sender", error))?;
            if self.sender.arm()? == Readiness::Armed {
                return Poll::Pending;
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Sends what the sink has taken.
    fn poll_taken(&mut self, context: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        let Some(taken) = self.taken.take() else { return Poll::Ready(Ok(())) };
        let sent = self.poll_until(context, |sender| sender.send_encoded(&taken, Deadline::NOW));
        if sent.is_pending() {
            self.taken = Some(taken);
        }
        sent
    }

    fn poll_all(&mut self, context: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        ready!(self.poll_taken(context))?;
        self.poll_until(context, |sender| sender.settle(Deadline::NOW))
    }
}

impl<T: Message + ?Sized, M: Borrow<T>> Sink<M> for AsyncSender<T> {
    type Error = SendError;

    fn poll_ready(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        self.get_mut().poll_taken(context)
    }

    fn start_send(self: Pin<&mut Self>, message: M) -> Result<(), SendError> {
        let mut scratch = Vec::new();
        let payload = message.borrow().encode(&mut scratch).map_err(SendError::Malformed)?;
        self.get_mut().taken = Some(payload.to_vec());
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        self.get_mut().poll_all(context)
    }

    fn poll_close(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        let this = self.get_mut();
        ready!(this.poll_all(context))?;
        Poll::Ready(this.sender.say_end())
    }
}

impl<T: Message + ?Sized> fmt::Debug for AsyncSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncSender").field("sender", &self.sender).finish_non_exhaustive()
    }
}
