//! [`Loan`]: room for a message of a ring, written in place.

use crosstie_core::ring::record::Geometry;

use super::sender::RingSender;

/// Bytes of the ring, lent to write one message in place.
///
/// The bytes lie in memory that a peer could write if it broke the protocol, so they are written
/// by copying or through a raw pointer, never through a `&mut [u8]`.
#[must_use = "a loan that is dropped was never sent"]
pub struct Loan<'a> {
    pub(super) sender: &'a mut RingSender,
    pub(super) offset: u64,
    pub(super) length: u32,
}

impl Loan<'_> {
    /// Bytes that may be written.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length as usize
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
        assert!(end.is_some_and(|end| end <= self.len()), "written beyond the loan");
        self.sender.producer.memory().write_at(self.offset, at, bytes);
    }

    /// The first byte of the message, valid for writes of [`Loan::len`] bytes until the commit.
    #[must_use]
    pub fn as_mut_ptr(&mut self) -> *mut u8 {
        self.sender.producer.memory().address(self.offset)
    }

    /// Sends the message.
    pub fn commit(self) {
        let length = self.length;
        self.commit_prefix(length as usize);
    }

    /// Sends the first `length` bytes as the message.
    ///
    /// # Panics
    /// If `length` is more than the loan's.
    pub fn commit_prefix(self, length: usize) {
        assert!(length <= self.len(), "committed beyond the loan");
        debug_assert!(Geometry::record_bytes(length as u64) <= self.sender.shared.capacity_bytes() as u64);
        self.sender.producer.commit(u32::try_from(length).unwrap_or(self.length));
        self.sender.shared.statistics().count_sent(1, length as u64);
        self.sender.wake();
    }
}
