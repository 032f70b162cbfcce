//! A message as those receive it who look into its bytes: calls, whose frames are messages. Its first bytes, the *head*, come apart
//! from its *body*, which may become what the receiver makes of it without a copy.

use super::mechanism::RecvEnd;
use super::message::Message;
use super::payload::{Lent, Payload};
use super::receiver::Receiver;
use crate::Deadline;
use crate::channel::ring::RingReceiver;
use crate::contract::RecvError;
use crate::error::Result;

/// The longest head of a frame, in bytes.
pub(crate) const FRONT_BYTES_MAX: usize = 16;

/// As much memory is made ready for a body before it is there, at most.
const READY_BYTES_MAX: usize = 1024;

/// A message in two parts.
pub(crate) struct Frame<'a> {
    front: [u8; FRONT_BYTES_MAX],
    front_bytes: usize,
    /// What is behind the head.
    pub(crate) body: Body<'a>,
}

impl<'a> Frame<'a> {
    /// A message that lies in memory of its receiver's; `head_bytes` as of [`Receiver::recv_frame`].
    pub(crate) fn of(bytes: &'a [u8], head_bytes: impl FnOnce(&[u8]) -> usize) -> Self {
        let mut front = [0; FRONT_BYTES_MAX];
        let front_bytes = head_bytes(bytes).min(FRONT_BYTES_MAX).min(bytes.len());
        front[..front_bytes].copy_from_slice(&bytes[..front_bytes]);
        Self { front, front_bytes, body: Body::Lent(&bytes[front_bytes..]) }
    }

    /// Its head.
    #[inline(always)]
    pub(crate) fn head(&self) -> &[u8] {
        &self.front[..self.front_bytes]
    }
}

/// What is behind the head of a message.
pub(crate) enum Body<'a> {
    /// Somebody else's memory.
    Lent(&'a [u8]),
    /// Memory that whoever has it may keep.
    Own(&'a mut Vec<u8>),
}

impl Body<'_> {
    #[inline(always)]
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Lent(bytes) => bytes,
            Self::Own(memory) => memory,
        }
    }

    /// The message of type `T` that it is; it is of no more use.
    ///
    /// # Errors
    /// As [`Message::decode`].
    #[inline(always)]
    pub(crate) fn decode<T: Message + ?Sized>(&mut self) -> Result<T::Owned> {
        match self {
            Self::Lent(bytes) => T::decode(bytes),
            Self::Own(memory) => T::take(memory),
        }
    }
}

/// Memory for the bodies of frames, one at a time.
#[derive(Debug, Default)]
pub(crate) struct Room {
    memory: Vec<u8>,
    /// Bytes of the last body: the next one mostly has as many.
    last_bytes: usize,
}

impl Room {
    /// The memory itself, for a frame that is copied into it whole.
    pub(crate) fn memory(&mut self) -> &mut Vec<u8> {
        &mut self.memory
    }

    /// If its memory was taken, there is other one, if `spare` has some for so many bytes as are expected.
    pub(crate) fn refill(&mut self, spare: impl FnOnce(usize) -> Vec<u8>) {
        if self.memory.capacity() == 0 {
            self.memory = spare(self.last_bytes);
        }
    }

    /// Before a wait: there is memory behind it.
    #[inline(always)]
    fn prepare(&mut self) {
        let ready_bytes = self.last_bytes.min(READY_BYTES_MAX);
        if self.memory.len() < ready_bytes {
            self.memory.resize(ready_bytes, 0);
        }
    }

    /// Room for a body of so many bytes.
    #[inline(always)]
    fn take(&mut self, bytes: usize) -> &mut Vec<u8> {
        self.last_bytes = bytes;
        if self.memory.len() < bytes {
            self.memory.resize(bytes, 0);
        } else {
            self.memory.truncate(bytes);
        }
        &mut self.memory
    }
}

impl<T: Message + ?Sized> Receiver<T> {
    /// The next message, whose head is as long as `head_bytes` says of its first bytes, 16 or all; it is acknowledged by
    /// [`Receiver::acknowledge_held`], which is due before the next. Waits for it until `deadline`.
    #[inline(always)]
    pub(crate) fn recv_frame<'s>(
        &'s mut self,
        room: &'s mut Room,
        deadline: Deadline,
        head_bytes: impl FnOnce(&[u8]) -> usize,
    ) -> Result<Frame<'s>, RecvError> {
        match &mut self.end {
            RecvEnd::Ring(end) => recv_frame_of_ring(end, room, deadline, head_bytes),
            others => Ok(Frame::of(recv_elsewhere(others, room, deadline)?, head_bytes)),
        }
    }
}

#[inline(always)]
fn recv_frame_of_ring<'s>(
    end: &mut RingReceiver,
    room: &'s mut Room,
    deadline: Deadline,
    head_bytes: impl FnOnce(&[u8]) -> usize,
) -> Result<Frame<'s>, RecvError> {
    room.prepare();
    let message = end.recv_held(deadline)?;
    let mut front = [0; FRONT_BYTES_MAX];
    let copied = message.copy_to(&mut front);
    let front_bytes = head_bytes(&front[..copied]).min(copied);
    let memory = room.take(message.len() - front_bytes);
    message.copy_behind(front_bytes, memory);
    Ok(Frame { front, front_bytes, body: Body::Own(memory) })
}

/// The bytes of the next message of another mechanism than a ring, where they lie or copied into `room`.
#[inline(never)]
fn recv_elsewhere<'s>(
    end: &'s mut RecvEnd,
    room: &'s mut Room,
    deadline: Deadline,
) -> Result<&'s [u8], RecvError> {
    let payload = match end {
        RecvEnd::Kernel(end) => return Ok(end.recv(deadline)?.payload),
        RecvEnd::Ring(end) => Payload::new(Lent::Ring(end.recv_held(deadline)?)),
        RecvEnd::Queue(end) => Payload::new(Lent::Held(end.recv_held(deadline)?)),
        RecvEnd::Topic(end) => Payload::new(Lent::Topic(end.recv_held(deadline)?)),
    };
    room.memory.clear();
    payload.append_to(&mut room.memory);
    Ok(&room.memory)
}
