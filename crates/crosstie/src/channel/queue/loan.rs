//! [`Loan`]: room for a message of a queue, written in place.

use crosstie_core::queue::memory::Memory;
use crosstie_core::queue::producer::Room;

use super::sender::QueueSender;
use crate::contract::SendError;

/// Room of the queue, lent to write one message in place.
///
/// The bytes lie in memory that a peer could write if it broke the protocol, so they are written
/// by copying or through a raw pointer, never through a `&mut [u8]`.
#[must_use = "a loan that is dropped was never sent"]
#[derive(Debug)]
pub struct Loan<'a> {
    pub(super) sender: &'a mut QueueSender,
    pub(super) room: Option<Room>,
    pub(super) length: usize,
}

impl Loan<'_> {
    /// Bytes that may be written.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether the message is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Copies `bytes` into the message, from its byte `at` on.
    ///
    /// # Panics
    /// If they run beyond the loan.
    pub fn write_at(&mut self, at: usize, bytes: &[u8]) {
        let end = at.checked_add(bytes.len());
        assert!(end.is_some_and(|end| end <= self.length), "written beyond the loan");
        if let Some(room) = &self.room {
            self.sender.producer.memory().write(room.place, at, bytes);
        }
    }

    /// The first byte of the message, valid for writes of [`Loan::len`] bytes until the commit.
    #[must_use]
    pub fn as_mut_ptr(&mut self) -> *mut u8 {
        match &self.room {
            Some(room) => self.sender.producer.memory().address(room.place, self.length),
            None => std::ptr::null_mut(),
        }
    }

    /// Sends the message.
    ///
    /// # Errors
    /// [`SendError::Failed`] when the queue is corrupt.
    pub fn commit(self) -> Result<(), SendError> {
        let length = self.length;
        self.commit_prefix(length)
    }

    /// Sends the first `length` bytes as the message.
    ///
    /// # Errors
    /// As [`Loan::commit`].
    ///
    /// # Panics
    /// If `length` is more than the loan's.
    pub fn commit_prefix(mut self, length: usize) -> Result<(), SendError> {
        assert!(length <= self.length, "committed beyond the loan");
        let Some(room) = self.room.take() else { return Ok(()) };
        self.sender.commit(room, u32::try_from(length).unwrap_or(u32::MAX))?;
        self.sender.wake();
        Ok(())
    }
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        if let Some(room) = self.room.take()
            && self.sender.shared.is_ours()
        {
            self.sender.producer.abandon(room);
            self.sender.has_place = false;
            self.sender.wake_senders();
        }
    }
}
