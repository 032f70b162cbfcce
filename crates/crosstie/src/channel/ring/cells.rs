//! [`Cells`]: the cells of a ring as the protocol sees them.
#![expect(unsafe_code, reason = "copies in and out of memory that other processes map")]

use std::ptr::NonNull;
use std::sync::Arc;

use crosstie_core::atomic::AtomicU64;
use crosstie_core::ring::control::Control;
use crosstie_core::ring::memory::Memory;
use crosstie_core::ring::record::CELL_BYTES;

use super::super::copy::{copy, copy_from_other};
use super::shared::Shared;

/// The cells of a ring as the protocol sees them.
pub(super) struct Cells {
    base: NonNull<u8>,
    control: NonNull<Control>,
    capacity_bytes: u64,
    /// The bits of an offset at which a cell starts.
    cell_mask: u64,
    /// Keeps the mappings.
    _shared: Arc<Shared>,
}

// SAFETY: `base` and `control` point into mappings that `shared` keeps for as long as this value
// lives, and that belong to the process, not to a thread.
unsafe impl Send for Cells {}

impl Cells {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        let base = shared.cells().base();
        let control = NonNull::from(shared.control());
        let capacity_bytes = shared.cells().len() as u64;
        // A capacity is a power of two (`open` checked it), so that one comparison checks an offset.
        let cell_mask = (capacity_bytes - 1) & !(CELL_BYTES - 1);
        Self { base, control, capacity_bytes, cell_mask, _shared: Arc::clone(shared) }
    }

    /// The address of `offset`, which must lie below the capacity; valid for the capacity's bytes.
    #[inline(always)]
    pub(super) fn address(&self, offset: u64) -> *mut u8 {
        assert!(offset < self.capacity_bytes, "an offset lies in the ring (M1)");
        self.base.as_ptr().wrapping_add(offset as usize)
    }

    /// Copies `bytes` to `at` bytes behind `offset`.
    #[inline(always)]
    pub(super) fn write_at(&self, offset: u64, at: usize, bytes: &[u8]) {
        let end = at as u64 + bytes.len() as u64;
        assert!(end <= self.capacity_bytes, "a length fits the ring (M1)");
        let to = self.address(offset).wrapping_add(at);
        // SAFETY: M1: `to` and the bytes behind it lie in the doubled mapping (both asserted); the
        // cells are this producer's own (I4), and no reference to them exists.
        unsafe { copy(bytes.as_ptr(), to, bytes.len()) };
    }
}

impl Memory for Cells {
    #[inline]
    fn capacity_bytes(&self) -> u64 {
        self.capacity_bytes
    }

    #[inline(always)]
    fn control(&self) -> &Control {
        // SAFETY: made from a reference into the segment, which `shared` keeps for as long as `self`.
        unsafe { self.control.as_ref() }
    }

    #[inline(always)]
    fn commit_word(&self, offset: u64) -> &AtomicU64 {
        assert!(offset & !self.cell_mask == 0, "a commit word starts a cell of the ring (M1)");
        let word = self.base.as_ptr().wrapping_add(offset as usize).cast::<u64>();
        // SAFETY: M1: inside the mapping and aligned (asserted), alive as long as `shared`; commit
        // words are only ever accessed atomically, payload copies over them only by their owner (I4).
        unsafe { AtomicU64::from_ptr(word) }
    }

    #[inline(always)]
    fn write(&self, offset: u64, bytes: &[u8]) {
        self.write_at(offset, 0, bytes);
    }

    #[inline(always)]
    fn read(&self, offset: u64, bytes: &mut [u8]) {
        assert!(bytes.len() as u64 <= self.capacity_bytes, "a length fits the ring (M1)");
        let from = self.address(offset);
        // SAFETY: M1: `from` and the bytes behind it lie in the doubled mapping (both asserted); the
        // destination is private; a producer that keeps the protocol does not write them now (I4).
        unsafe { copy_from_other(from, bytes.as_mut_ptr(), bytes.len()) };
    }
}

impl std::fmt::Debug for Cells {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cells").field("capacity_bytes", &self.capacity_bytes).finish_non_exhaustive()
    }
}
