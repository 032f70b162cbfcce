//! [`Batch`]: messages that are acknowledged together.

use super::mechanism::RecvEnd;
use super::payload::{Lent, Payload};
use crate::Deadline;
use crate::contract::RecvError;

/// Messages that are acknowledged together: for whoever makes them safe together, in one write or
/// one transaction. Made by [`Receiver::batch`](super::Receiver::batch).
///
/// Dropped without [`Batch::acknowledge`], it acknowledges nothing.
///
/// # Death
/// On a ring or a queue what was taken and not acknowledged is delivered again. The kernel's mechanisms
/// acknowledge nothing: there what was taken is gone.
pub struct Batch<'a> {
    end: &'a mut RecvEnd,
    deadline: Deadline,
}

impl<'a> Batch<'a> {
    pub(super) fn new(end: &'a mut RecvEnd, deadline: Deadline) -> Self {
        Self { end, deadline }
    }

    /// Takes the next message: waits for the first, then takes only what is there.
    ///
    /// # Errors
    /// [`RecvError::Empty`] when nothing more is there; else as
    /// [`Receiver::recv_until`](super::Receiver::recv_until).
    pub fn take(&mut self) -> Result<Payload<'_>, RecvError> {
        let deadline = std::mem::replace(&mut self.deadline, Deadline::NOW);
        match self.end {
            RecvEnd::Ring(end) => Ok(Payload::new(Lent::Ring(end.recv_held(deadline)?))),
            RecvEnd::Queue(end) => Ok(Payload::new(Lent::Held(end.recv_held(deadline)?))),
            RecvEnd::Topic(end) => Ok(Payload::new(Lent::Topic(end.recv_held(deadline)?))),
            RecvEnd::Kernel(end) => Ok(Payload::new(Lent::Private(end.recv(deadline)?))),
        }
    }

    /// Does not acknowledge the message taken last.
    pub fn put_back(&mut self) {
        match self.end {
            RecvEnd::Ring(end) => end.put_back(),
            RecvEnd::Queue(end) => end.put_back(),
            RecvEnd::Topic(end) => end.put_back(),
            RecvEnd::Kernel(_) => {}
        }
    }

    /// Acknowledges every message that was taken and not put back.
    pub fn acknowledge(self) {
        self.end.acknowledge();
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        match self.end {
            RecvEnd::Ring(end) => end.put_all_back(),
            RecvEnd::Queue(end) => end.put_all_back(),
            RecvEnd::Topic(end) => end.put_all_back(),
            RecvEnd::Kernel(_) => {}
        }
    }
}
