//! [`Arm`]: one of the things that a [`Select`](super::Select) waits for.

use std::os::fd::BorrowedFd;

use super::job::JobTicket;
use super::message::Message;
use super::receiver::Receiver;
use super::sender::Sender;
use crate::Deadline;
use crate::contract::{Readiness, RecvError, SendError};
use crate::error::{Error, Result};
use crate::os::poll::{self, Interest};

/// What to make of an outcome that has nothing to say but that it came.
type Then<'a, R> = Option<Box<dyn FnOnce() -> R + 'a>>;

/// One thing that is waited for.
pub(super) enum Arm<'a, R> {
    Channel(Box<dyn Operation<R> + 'a>),
    /// The source of this index.
    Source(usize, Then<'a, R>),
    Descriptor(BorrowedFd<'a>, Interest, Then<'a, R>),
}

impl<R> Arm<'_, R> {
    /// Does it if it is ready; `passes` tells whether a source lets the caller.
    pub(super) fn attempt(&mut self, passes: &mut impl FnMut(usize) -> bool) -> Result<Option<R>> {
        Ok(match self {
            Self::Channel(operation) => operation.attempt(),
            Self::Source(source, then) => {
                if passes(*source) {
                    then.take().map(|then| then())
                } else {
                    None
                }
            }
            Self::Descriptor(fd, interest, then) => {
                let is_ready = poll::wait(*fd, *interest, Deadline::NOW);
                let is_ready = is_ready.map_err(|error| Error::os("wait for", "a descriptor", error))?;
                if is_ready { then.take().map(|then| then()) } else { None }
            }
        })
    }

    /// Makes its descriptor ready as soon as it may be; the outcome if that is not possible.
    pub(super) fn arm(&mut self) -> Result<Readiness, R> {
        match self {
            Self::Channel(operation) => operation.arm(),
            Self::Source(..) | Self::Descriptor(..) => Ok(Readiness::Armed),
        }
    }

    /// What to poll for it.
    pub(super) fn pollable(&mut self) -> Option<(BorrowedFd<'_>, Interest)> {
        match self {
            Self::Channel(operation) => operation.pollable(),
            Self::Source(..) => None,
            Self::Descriptor(fd, interest, _) => Some((*fd, *interest)),
        }
    }
}

/// An operation on an end of a channel.
pub(super) trait Operation<R> {
    /// Does it unless it would wait.
    fn attempt(&mut self) -> Option<R>;
    /// As [`Arm::arm`].
    fn arm(&mut self) -> Result<Readiness, R>;
    /// As [`Arm::pollable`].
    fn pollable(&mut self) -> Option<(BorrowedFd<'_>, Interest)>;
}

/// The next message.
pub(super) struct Receiving<'a, T: Message + ?Sized, F> {
    pub(super) receiver: &'a mut Receiver<T>,
    pub(super) then: Option<F>,
}

impl<T: Message + ?Sized, R, F: FnOnce(Result<T::Owned, RecvError>) -> R> Receiving<'_, T, F> {
    fn end(&mut self, outcome: Result<T::Owned, RecvError>) -> Option<R> {
        self.then.take().map(|then| then(outcome))
    }
}

impl<T: Message + ?Sized, R, F: FnOnce(Result<T::Owned, RecvError>) -> R> Operation<R>
    for Receiving<'_, T, F>
{
    fn attempt(&mut self) -> Option<R> {
        match self.receiver.try_recv() {
            Err(RecvError::Empty) => None,
            outcome => self.end(outcome),
        }
    }

    fn arm(&mut self) -> Result<Readiness, R> {
        match self.receiver.arm() {
            Ok(readiness) => Ok(readiness),
            // invariant: an arm has an outcome once, and this one had none yet.
            Err(error) => Err(self.end(Err(error.into())).expect("an arm without an outcome")),
        }
    }

    fn pollable(&mut self) -> Option<(BorrowedFd<'_>, Interest)> {
        self.receiver.pollable().ok().map(|fd| (fd, Interest::Readable))
    }
}

/// The next job of a queue, in hand.
pub(super) struct Taking<'a, T: Message + ?Sized, F> {
    pub(super) receiver: &'a mut Receiver<T>,
    pub(super) then: Option<F>,
}

/// A message in hand, and what settles it.
type Taken<T> = (<T as Message>::Owned, JobTicket);

impl<T: Message + ?Sized, R, F: FnOnce(Result<Taken<T>, RecvError>) -> R> Taking<'_, T, F> {
    fn end(&mut self, outcome: Result<Taken<T>, RecvError>) -> Option<R> {
        self.then.take().map(|then| then(outcome))
    }
}

impl<T: Message + ?Sized, R, F: FnOnce(Result<Taken<T>, RecvError>) -> R> Operation<R> for Taking<'_, T, F> {
    fn attempt(&mut self) -> Option<R> {
        match self.receiver.take_job(Deadline::NOW) {
            Err(RecvError::Empty) => None,
            outcome => self.end(outcome),
        }
    }

    fn arm(&mut self) -> Result<Readiness, R> {
        match self.receiver.arm() {
            Ok(readiness) => Ok(readiness),
            // invariant: an arm has an outcome once, and this one had none yet.
            Err(error) => Err(self.end(Err(error.into())).expect("an arm without an outcome")),
        }
    }

    fn pollable(&mut self) -> Option<(BorrowedFd<'_>, Interest)> {
        self.receiver.pollable().ok().map(|fd| (fd, Interest::Readable))
    }
}

/// Room for a message, which is sent then.
pub(super) struct Sending<'a, T: Message + ?Sized, F> {
    pub(super) sender: &'a mut Sender<T>,
    pub(super) message: &'a T,
    pub(super) then: Option<F>,
}

impl<T: Message + ?Sized, R, F: FnOnce(Result<(), SendError>) -> R> Operation<R> for Sending<'_, T, F> {
    fn attempt(&mut self) -> Option<R> {
        match self.sender.try_send(self.message) {
            Err(SendError::Full | SendError::TimedOut) => None,
            outcome => self.then.take().map(|then| then(outcome)),
        }
    }

    fn arm(&mut self) -> Result<Readiness, R> {
        match self.sender.arm() {
            Ok(readiness) => Ok(readiness),
            Err(error) => {
                let outcome = self.then.take().map(|then| then(Err(error.into())));
                // invariant: an arm has an outcome once, and this one had none yet.
                Err(outcome.expect("an arm without an outcome"))
            }
        }
    }

    fn pollable(&mut self) -> Option<(BorrowedFd<'_>, Interest)> {
        self.sender.pollable().ok()
    }
}
