//! [`Job`]: a message of a queue in hand, which says itself when it is done; [`JobTicket`]: one that is settled by its
//! receiver.

use std::fmt;
use std::ops::Deref;

use crosstie_core::Deadline;
use crosstie_core::queue::consumer::Claim;

use super::message::Message;
use super::receiver::Receiver;
use crate::channel::queue::{self, QueueReceiver};
use crate::contract::RecvError;
use crate::error::{Error, ErrorKind, Result};

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

/// A job in hand without a borrow of its receiver, for who keeps both apart: a binding, a table of jobs.
///
/// # Death
/// As a [`Job`]'s. Dropped unsettled, it stays in hand until the receiver is dropped or dies; then it is delivered again.
#[derive(Debug)]
#[must_use = "a job is to be settled by its receiver"]
pub struct JobTicket(Claim);

impl JobTicket {
    /// How often it was delivered, this time included.
    #[must_use]
    pub fn deliveries(&self) -> u32 {
        u32::from(self.0.deliveries)
    }
}

/// What has become of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is done: it is never delivered again.
    Done,
    /// It failed: it is delivered again, or is a dead letter.
    Failed,
    /// Nobody can do it: it is a dead letter at once.
    Rejected,
}

impl<T: Message + ?Sized> Receiver<T> {
    /// Takes the next message of a queue into hand, until it is said to be [done](Job::done); dropped
    /// without that, it is delivered again. Blocks while there is none, until `deadline`. Several may be in
    /// hand, up to the [credit](super::Options::credit).
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] on other mechanisms, which deliver once; else as
    /// [`Receiver::recv_until`]. A message that is not of the type is a dead letter.
    ///
    /// # Examples
    /// ```
    /// use crosstie::Deadline;
    /// use crosstie::endpoint::{Options, Receiver, Sender};
    /// let folder = tempfile::tempdir()?;
    /// let options = Options { domain: Some(folder.path().join("domain")), ..Options::default() };
    /// let mut tx = Sender::<u32>::open_with("queue:jobs", &options)?;
    /// let rx = Receiver::<u32>::open_with("queue:jobs", &options)?;
    /// tx.send(&7)?;
    /// drop(rx.recv_job(Deadline::NEVER)?); // not done
    /// let job = rx.recv_job(Deadline::NEVER)?;
    /// assert_eq!((*job, job.deliveries()), (7, 2));
    /// job.done()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn recv_job(&self, deadline: Deadline) -> Result<Job<'_, T>, RecvError> {
        self.job(self.queue_of_jobs()?.recv(deadline)?)
    }

    /// Takes a dead letter of a queue into hand, if there is one: [`Job::done`] removes it; failed, rejected or dropped it stays
    /// what it is, for the next who looks.
    ///
    /// # Errors
    /// [`RecvError::Empty`] if there is none; else as [`Receiver::recv_job`].
    ///
    /// # Death
    /// Killed with it in hand: it is a dead letter again.
    ///
    /// # Examples
    /// ```
    /// use crosstie::Deadline;
    /// use crosstie::endpoint::{Options, Receiver, Sender};
    /// let folder = tempfile::tempdir()?;
    /// let options = Options { domain: Some(folder.path().join("domain")), ..Options::default() };
    /// let mut tx = Sender::<u32>::open_with("queue:jobs", &options)?;
    /// let rx = Receiver::<u32>::open_with("queue:jobs", &options)?;
    /// tx.send(&7)?;
    /// rx.recv_job(Deadline::NEVER)?.reject()?;
    /// let letter = rx.recv_dead_letter_job()?;
    /// tx.send(&letter)?; // somebody shall try once more
    /// letter.done()?;
    /// assert_eq!(*rx.recv_job(Deadline::NEVER)?, 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn recv_dead_letter_job(&self) -> Result<Job<'_, T>, RecvError> {
        self.job(self.queue_of_jobs()?.recv_dead_letter()?)
    }

    /// The message of a job; one that is not of the type is a dead letter.
    fn job<'a>(&'a self, job: queue::Job<'a>) -> Result<Job<'a, T>, RecvError> {
        match T::decode(&job.to_vec()) {
            Ok(message) => Ok(Job::new(message, job)),
            Err(wrong) => {
                job.reject()?;
                Err(RecvError::Malformed(wrong))
            }
        }
    }

    fn queue_of_jobs(&self) -> Result<&QueueReceiver, RecvError> {
        self.queue().ok_or_else(|| {
            Error::new("receive a job", "", ErrorKind::Unsupported)
                .because("only a queue delivers again what is not done")
                .advise("open queue:NAME")
                .into()
        })
    }

    /// As [`Receiver::recv_job`], with a ticket for [`Receiver::settle`] in the guard's place.
    ///
    /// # Errors
    /// As [`Receiver::recv_job`].
    ///
    /// # Examples
    /// ```
    /// use crosstie::Deadline;
    /// use crosstie::endpoint::{Options, Outcome, Receiver, Sender};
    /// let folder = tempfile::tempdir()?;
    /// let options = Options { domain: Some(folder.path().join("domain")), ..Options::default() };
    /// let mut tx = Sender::<u32>::open_with("queue:jobs", &options)?;
    /// let rx = Receiver::<u32>::open_with("queue:jobs", &options)?;
    /// tx.send(&7)?;
    /// let (number, ticket) = rx.take_job(Deadline::NEVER)?;
    /// rx.settle(ticket, Outcome::Failed)?;
    /// let (again, ticket) = rx.take_job(Deadline::NEVER)?;
    /// assert_eq!((number, again, ticket.deliveries()), (7, 7, 2));
    /// rx.settle(ticket, Outcome::Done)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn take_job(&self, deadline: Deadline) -> Result<(T::Owned, JobTicket), RecvError> {
        let Job { message, job } = self.recv_job(deadline)?;
        Ok((message, JobTicket(job.into_claim())))
    }

    /// Says what has become of a job that this receiver took.
    ///
    /// # Errors
    /// [`Lost`](crate::ErrorKind::Lost) if its lease had run out, and another receiver has it; `Corrupt`.
    pub fn settle(&self, ticket: JobTicket, outcome: Outcome) -> Result<()> {
        // Whoever has a ticket got it from a receiver of a queue; another mechanism's has none to settle.
        let Some(queue) = self.queue() else { return Ok(()) };
        let job = queue::Job::of(queue, ticket.0);
        match outcome {
            Outcome::Done => job.done(),
            Outcome::Failed => job.fail(),
            Outcome::Rejected => job.reject(),
        }
    }
}
