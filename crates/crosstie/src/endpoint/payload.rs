//! [`Payload`]: the bytes of a message that has arrived, lent.

use crate::channel::queue;
use crate::channel::queue::receiver::Held;
use crate::channel::ring::RingMessage;
use crate::channel::topic::Received;
use crate::contract::Arrived;

/// The bytes of a message that has arrived, lent by its receiver.
///
/// On a mechanism of the kernel they lie in this end's private memory. On a ring or a queue, and on a topic that loses
/// nothing, they lie in shared memory, where a sender that breaks the protocol could still write: they are copied out.
///
/// # Examples
/// ```
/// let (mut tx, mut rx) = crosstie::pair::<[u8]>()?;
/// tx.send(b"hello")?;
/// let payload = rx.recv_bytes()?;
/// assert_eq!((payload.len(), payload.to_vec()), (5, b"hello".to_vec()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Payload<'a> {
    lent: Lent<'a>,
}

/// What is done with a message as soon as it is there: [`Receiver::recv_with`](super::Receiver::recv_with).
///
/// A trait and not a closure, so that [`OnArrival::arrived`] can be marked `#[inline(always)]`: then it is compiled once for messages of
/// a ring, without a look at which mechanism they came by, and once for all others.
pub trait OnArrival {
    /// What it answers.
    type Answer;

    /// Reads the message, which is acknowledged when this answers. Where this panics, a message of a ring or a queue is not, and is delivered
    /// again; elsewhere it is gone.
    fn arrived(self, payload: &Payload<'_>) -> Self::Answer;
}

/// Where the bytes lie.
#[derive(Debug)]
pub(super) enum Lent<'a> {
    Private(Arrived<'a>),
    Ring(RingMessage<'a>),
    /// Done when it is dropped.
    Queue(Doing<'a>),
    Held(Held<'a>),
    Topic(Received<'a>),
}

/// A job that is done when this is dropped, except while panicking: then it is delivered again.
#[derive(Debug)]
pub(super) struct Doing<'a>(Option<queue::Job<'a>>);

impl<'a> Doing<'a> {
    pub(super) fn new(job: queue::Job<'a>) -> Self {
        Self(Some(job))
    }

    fn len(&self) -> usize {
        self.0.as_ref().map_or(0, queue::Job::len)
    }

    fn copy_to(&self, into: &mut [u8]) -> usize {
        self.0.as_ref().map_or(0, |job| job.copy_to(into))
    }
}

impl Drop for Doing<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking()
            && let Some(job) = self.0.take()
        {
            // Taken away after its lease: another receiver does it again, flagged.
            let _ = job.done();
        }
    }
}

impl Lent<'_> {
    /// As dropping it, apart from the shortest way, which is a ring's.
    #[inline(never)]
    fn acknowledge(self) {
        drop(self);
    }

    /// As [`Payload::copy_to`], likewise.
    #[inline(never)]
    fn copy_to(&self, into: &mut [u8]) -> usize {
        match self {
            Lent::Ring(message) => message.copy_to(into),
            Lent::Queue(job) => job.copy_to(into),
            Lent::Held(held) => held.copy_to(into),
            Lent::Topic(received) => received.copy_to(into),
            Lent::Private(arrived) => {
                let n = into.len().min(arrived.payload.len());
                into[..n].copy_from_slice(&arrived.payload[..n]);
                n
            }
        }
    }
}

impl<'a> Payload<'a> {
    #[inline]
    pub(super) fn new(lent: Lent<'a>) -> Self {
        Self { lent }
    }

    /// Lets `then` read it, and acknowledges it; what that takes of a ring's is compiled by itself.
    #[inline(always)]
    pub(super) fn show_to<A: OnArrival>(self, then: A) -> A::Answer {
        let answer = then.arrived(&self);
        match self.lent {
            Lent::Ring(message) => message.acknowledge(),
            others => others.acknowledge(),
        }
        answer
    }

    /// Bytes of the message.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        match &self.lent {
            Lent::Private(arrived) => arrived.payload.len(),
            Lent::Ring(message) => message.len(),
            Lent::Queue(job) => job.len(),
            Lent::Held(held) => held.len(),
            Lent::Topic(received) => received.len(),
        }
    }

    /// Whether the message has no bytes.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes themselves, without a copy, where they lie in private memory: on every mechanism
    /// of the kernel, and on a topic that may lose messages.
    #[must_use]
    pub fn private(&self) -> Option<&[u8]> {
        match &self.lent {
            Lent::Private(arrived) => Some(arrived.payload),
            Lent::Topic(received) => received.private(),
            Lent::Ring(_) | Lent::Queue(_) | Lent::Held(_) => None,
        }
    }

    /// Where the bytes lie, valid for reads of [`Payload::len`] bytes as long as this is there; `None` where only a copy of them is
    /// whole. In shared memory a sender that breaks the protocol could still write them: no reference to them may be made.
    #[must_use]
    pub fn as_ptr(&self) -> Option<*const u8> {
        match &self.lent {
            Lent::Ring(message) => Some(message.as_ptr()),
            Lent::Queue(job) => job.0.as_ref().map(queue::Job::as_ptr),
            Lent::Topic(received) => Some(received.as_ptr()),
            Lent::Private(_) | Lent::Held(_) => self.private().map(<[u8]>::as_ptr),
        }
    }

    /// Copies the bytes into the front of `into`, as much as fits; answers how many.
    #[inline(always)]
    pub fn copy_to(&self, into: &mut [u8]) -> usize {
        match &self.lent {
            Lent::Ring(message) => message.copy_to(into),
            others => others.copy_to(into),
        }
    }

    /// Appends the bytes to `into`; one copy.
    pub fn append_to(&self, into: &mut Vec<u8>) {
        let start = into.len();
        if let Some(bytes) = self.private() {
            return into.extend_from_slice(bytes);
        }
        into.resize(start + self.len(), 0);
        let copied = self.copy_to(&mut into[start..]);
        debug_assert_eq!(start + copied, into.len());
    }

    /// The bytes, copied.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.len());
        self.append_to(&mut bytes);
        bytes
    }

    /// The bytes: where they lie, or copied into `scratch` (whose content is overwritten).
    pub fn bytes<'s>(&'s self, scratch: &'s mut Vec<u8>) -> &'s [u8] {
        if let Some(bytes) = self.private() {
            return bytes;
        }
        scratch.clear();
        self.append_to(scratch);
        scratch
    }

    /// The sender's process id, where the kernel, the framing or the ring says it.
    #[must_use]
    #[inline]
    pub fn sender_pid(&self) -> Option<u32> {
        match &self.lent {
            Lent::Private(arrived) => arrived.sender_pid,
            Lent::Ring(message) => message.sender_pid(),
            Lent::Queue(_) | Lent::Held(_) | Lent::Topic(_) => None,
        }
    }

    /// The message's number, where the mechanism numbers what everybody gets: on a topic.
    #[must_use]
    #[inline]
    pub fn number(&self) -> Option<u64> {
        match &self.lent {
            Lent::Topic(received) => Some(received.number()),
            Lent::Private(_) | Lent::Ring(_) | Lent::Queue(_) | Lent::Held(_) => None,
        }
    }
}
