//! [`SendEnd`], [`RecvEnd`]: the mechanism behind an end.

use super::payload::{Doing, Lent, OnArrival, Payload};
use crate::Deadline;
use crate::channel::queue::{QueueReceiver, QueueSender};
use crate::channel::ring::{RingReceiver, RingSender};
use crate::channel::topic::{TopicReceiver, TopicSender};
use crate::contract::{ReceiveMessages, RecvError, SendError, SendMessages};
use crate::error::Result;

/// The mechanism behind a [`Sender`](super::Sender): the ring in line, a kernel's boxed (its system call costs
/// more than the indirect call).
pub(super) enum SendEnd {
    Ring(RingSender),
    Queue(Box<QueueSender>),
    Topic(Box<TopicSender>),
    Kernel(Box<dyn SendMessages>),
}

impl SendEnd {
    #[inline(always)]
    pub(super) fn send(&mut self, payload: &[u8], deadline: Deadline) -> Result<(), SendError> {
        match self {
            Self::Ring(end) => end.send(payload, deadline),
            others => others.send_elsewhere(payload, deadline),
        }
    }

    /// As [`SendEnd::send`], apart from the shortest way, which has nothing to prepare for it.
    #[inline(never)]
    fn send_elsewhere(&mut self, payload: &[u8], deadline: Deadline) -> Result<(), SendError> {
        match self {
            Self::Ring(end) => end.send(payload, deadline),
            Self::Queue(end) => end.send(payload, deadline),
            Self::Topic(end) => end.send(payload, deadline),
            Self::Kernel(end) => end.send(payload, deadline),
        }
    }
}

/// The mechanism behind a [`Receiver`](super::Receiver): the ring in line, a kernel's boxed.
pub(super) enum RecvEnd {
    Ring(RingReceiver),
    Queue(Box<QueueReceiver>),
    Topic(Box<TopicReceiver>),
    Kernel(Box<dyn ReceiveMessages>),
}

impl RecvEnd {
    /// Lends the next message, and waits for it until `deadline`.
    #[inline]
    pub(super) fn recv(&mut self, deadline: Deadline) -> Result<Payload<'_>, RecvError> {
        match self {
            Self::Ring(end) => Ok(Payload::new(Lent::Ring(end.recv(deadline)?))),
            Self::Queue(end) => Ok(Payload::new(Lent::Queue(Doing::new(end.recv(deadline)?)))),
            Self::Topic(end) => Ok(Payload::new(Lent::Topic(end.recv(deadline)?))),
            Self::Kernel(end) => Ok(Payload::new(Lent::Private(end.recv(deadline)?))),
        }
    }

    /// Lets `then` have the next message, as [`RecvEnd::recv`]; what it does of a ring's is compiled by itself.
    #[inline(always)]
    pub(super) fn recv_with<A: OnArrival>(
        &mut self,
        deadline: Deadline,
        then: A,
    ) -> Result<A::Answer, RecvError> {
        match self {
            Self::Ring(end) => Ok(Payload::new(Lent::Ring(end.recv(deadline)?)).show_to(then)),
            others => Ok(others.recv_elsewhere(deadline)?.show_to(then)),
        }
    }

    /// As [`RecvEnd::recv`], apart from the shortest way, which has nothing to prepare for it.
    #[inline(never)]
    fn recv_elsewhere(&mut self, deadline: Deadline) -> Result<Payload<'_>, RecvError> {
        self.recv(deadline)
    }

    /// Acknowledges every message that is held.
    pub(super) fn acknowledge(&mut self) {
        match self {
            Self::Ring(end) => end.acknowledge(),
            Self::Queue(end) => {
                end.acknowledge();
            }
            Self::Topic(end) => end.acknowledge(),
            Self::Kernel(_) => {}
        }
    }
}
