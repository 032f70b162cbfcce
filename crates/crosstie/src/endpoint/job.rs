//! [`Job`]: a message of a queue in hand, which says itself when it is done.

use std::fmt;
use std::ops::Deref;

use super::message::Message;
use crate::channel::queue;
use crate::error::Result;

/// A message of a queue in hand, made by [`Receiver::recv_job`](super::Receiver::recv_job); it derefs to
/// the message.
///
/// # Death
/// Dropped without [`Job::done`], or killed with it in hand: it is delivered again, to another receiver
/// or this one, unless that was as often as the queue allows: then it is a dead letter.
#[must_use = "a job that is dropped is delivered again"]
pub struct Job<'a, T: Message + ?Sized> {
    message: T::Owned,
    job: queue::Job<'a>,
}

impl<'a, T: Message + ?Sized> Job<'a, T> {
    pub(super) fn new(message: T::Owned, job: queue::Job<'a>) -> Self {
        Self { message, job }
    }

    /// How often it was delivered, this time included.
    #[must_use]
    pub fn deliveries(&self) -> u32 {
        self.job.deliveries()
    }

    /// Whether it was delivered before: somebody may have done it, or half of it.
    #[must_use]
    pub fn is_redelivered(&self) -> bool {
        self.job.is_redelivered()
    }

    /// Says that it is done: it is never delivered again.
    ///
    /// # Errors
    /// [`Lost`](crate::ErrorKind::Lost) if its lease had run out, and another receiver has it.
    pub fn done(self) -> Result<()> {
        self.job.done()
    }

    /// Says that it failed, as dropping it does.
    ///
    /// # Errors
    /// As [`Job::done`].
    pub fn fail(self) -> Result<()> {
        self.job.fail()
    }

    /// Says that nobody can do it: it is a dead letter at once.
    ///
    /// # Errors
    /// As [`Job::done`].
    pub fn reject(self) -> Result<()> {
        self.job.reject()
    }
}

impl<T: Message + ?Sized> Deref for Job<'_, T> {
    type Target = T::Owned;

    fn deref(&self) -> &T::Owned {
        &self.message
    }
}

impl<T: Message<Owned: fmt::Debug> + ?Sized> fmt::Debug for Job<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").field("message", &self.message).field("job", &self.job).finish()
    }
}
