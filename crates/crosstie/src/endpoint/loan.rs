//! [`Loan`]: room for a message, written in place.

use crate::Deadline;
use crate::channel::{queue, ring, topic};
use crate::contract::{SendError, SendMessages};

/// Room for a message, lent by a [`Sender`](super::Sender): write it in place, then commit it.
///
/// Dropping it sends nothing.
pub struct Loan<'a> {
    room: Room<'a>,
}

enum Room<'a> {
    Ring(ring::Loan<'a>),
    Queue(queue::Loan<'a>),
    Topic(topic::Loan<'a>),
    Private { end: &'a mut dyn SendMessages, bytes: &'a mut Vec<u8>, deadline: Deadline },
}

impl<'a> Loan<'a> {
    pub(super) fn in_ring(loan: ring::Loan<'a>) -> Self {
        Self { room: Room::Ring(loan) }
    }

    pub(super) fn in_queue(loan: queue::Loan<'a>) -> Self {
        Self { room: Room::Queue(loan) }
    }

    pub(super) fn in_topic(loan: topic::Loan<'a>) -> Self {
        Self { room: Room::Topic(loan) }
    }

    pub(super) fn private(
        end: &'a mut dyn SendMessages,
        bytes: &'a mut Vec<u8>,
        len: usize,
        deadline: Deadline,
    ) -> Self {
        bytes.clear();
        bytes.resize(len, 0);
        Self { room: Room::Private { end, bytes, deadline } }
    }

    /// Bytes of the message.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.room {
            Room::Ring(loan) => loan.len(),
            Room::Queue(loan) => loan.len(),
            Room::Topic(loan) => loan.len(),
            Room::Private { bytes, .. } => bytes.len(),
        }
    }

    /// Whether the message has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Copies `bytes` to `offset`.
    ///
    /// # Panics
    /// If they reach beyond the room.
    pub fn write_at(&mut self, offset: usize, bytes: &[u8]) {
        match &mut self.room {
            Room::Ring(loan) => loan.write_at(offset, bytes),
            Room::Queue(loan) => loan.write_at(offset, bytes),
            Room::Topic(loan) => loan.write_at(offset, bytes),
            Room::Private { bytes: room, .. } => room[offset..][..bytes.len()].copy_from_slice(bytes),
        }
    }

    /// The first byte of the room, valid for writes of [`Loan::len`] bytes until the commit, and for reads of what was written.
    #[must_use]
    pub fn as_mut_ptr(&mut self) -> *mut u8 {
        match &mut self.room {
            Room::Ring(loan) => loan.as_mut_ptr(),
            Room::Queue(loan) => loan.as_mut_ptr(),
            Room::Topic(loan) => loan.as_mut_ptr(),
            Room::Private { bytes, .. } => bytes.as_mut_ptr(),
        }
    }

    /// Sends what was written.
    ///
    /// # Errors
    /// As [`Sender::send_until`](super::Sender::send_until).
    pub fn commit(self) -> Result<(), SendError> {
        match self.room {
            Room::Ring(loan) => {
                loan.commit();
                Ok(())
            }
            Room::Queue(loan) => loan.commit(),
            Room::Topic(loan) => loan.commit(),
            Room::Private { end, bytes, deadline } => end.send(bytes, deadline),
        }
    }
}
