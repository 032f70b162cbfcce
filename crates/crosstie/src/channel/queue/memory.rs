//! The file's bytes as the protocol of the queue sees them.
#![expect(unsafe_code, reason = "copies in and out of memory that other processes map")]

use std::ptr::NonNull;
use std::sync::Arc;

use crosstie_core::atomic::AtomicU64;
use crosstie_core::layout::shared::SharedLayout;
use crosstie_core::queue::control::Control;
use crosstie_core::queue::member::{Member, Roster, Tally};
use crosstie_core::queue::memory::{CHUNK_BYTES, Geometry, INLINE_BYTES, MEMBERS, Memory, Place};
use crosstie_core::queue::order::Order;
use crosstie_core::ring::sleepers::Sleepers;

use super::layout::{CONTROL_OFFSET, Layout};
use crate::channel::copy::{copy, copy_from_other};
use crate::channel::membership::Words;
use crate::channel::prefetch;
use crate::region::Segment;

/// The words and payloads of a queue.
#[derive(Clone)]
pub(super) struct Cells {
    base: NonNull<u8>,
    layout: Layout,
    /// Keeps the mapping.
    _segment: Arc<Segment>,
}

// SAFETY: `base` points into a mapping that `_segment` keeps for as long as this value lives, and
// that belongs to the process, not to a thread.
unsafe impl Send for Cells {}

// SAFETY: what is shared of it are atomics, and payloads, which only who has their `Access` reaches: a clone in another
// thread may do all that a shared reference may.
unsafe impl Sync for Cells {}

impl Cells {
    /// The cells of a segment that is as long as `layout` says (`Layout::found`).
    pub(super) fn new(segment: &Arc<Segment>, layout: Layout) -> Self {
        assert!(layout.total <= segment.len(), "the layout was checked against the segment (M1)");
        Self { base: segment.base(), layout, _segment: Arc::clone(segment) }
    }

    /// The `index`th of `count` values that lie side by side from `offset` on.
    #[inline]
    fn nth<T: SharedLayout>(&self, offset: usize, index: u32, count: u32) -> &T {
        assert!(index < count, "a number lies in its part (M1)");
        let at = offset + index as usize * size_of::<T>();
        let value = self.base.as_ptr().wrapping_add(at).cast::<T>();
        // SAFETY: M1: the part of `count` values lies in the mapping, aligned (`Layout::of`), and the
        // index in the part (asserted); T may be written by others; it lives as long as the mapping.
        unsafe { &*value }
    }

    /// The first byte of `place`, and how many lie there.
    #[inline]
    fn bytes_of(&self, place: Place) -> (*mut u8, usize) {
        let (offset, bytes) = match place {
            Place::InLine { job } => {
                assert!(job < self.layout.geometry.jobs, "a payload lies beside its job (M1)");
                (self.layout.payloads + job as usize * INLINE_BYTES, INLINE_BYTES)
            }
            Place::Pooled { first_chunk } => {
                let left = self.layout.geometry.chunks.checked_sub(first_chunk);
                assert!(left.is_some(), "a chunk lies in the pool (M1)");
                let at = self.layout.chunks + first_chunk as usize * CHUNK_BYTES;
                (at, left.unwrap_or(0) as usize * CHUNK_BYTES)
            }
        };
        (self.base.as_ptr().wrapping_add(offset), bytes)
    }

    pub(super) fn layout(&self) -> Layout {
        self.layout
    }

    /// The first byte of `place`, of which `length` are used.
    pub(super) fn address(&self, place: Place, length: usize) -> *mut u8 {
        let (address, bytes) = self.bytes_of(place);
        assert!(length <= bytes, "a length fits its place (M1)");
        address
    }
}

impl Roster for Cells {
    #[inline]
    fn member(&self, index: u16) -> &Member {
        self.nth(self.layout.members, u32::from(index), u32::from(MEMBERS))
    }

    fn tally(&self) -> &Tally {
        self.control().tally()
    }
}

impl Words for Cells {
    fn sleepers(&self) -> [&Sleepers; 2] {
        [self.control().receivers(), self.control().senders()]
    }
}

impl Memory for Cells {
    #[inline]
    fn geometry(&self) -> Geometry {
        self.layout.geometry
    }

    #[inline]
    fn control(&self) -> &Control {
        self.nth(CONTROL_OFFSET, 0, 1)
    }

    #[inline]
    fn job(&self, job: u32) -> &AtomicU64 {
        self.nth(self.layout.jobs, job, self.layout.geometry.jobs)
    }

    #[inline]
    fn extent(&self, job: u32) -> &AtomicU64 {
        self.nth(self.layout.extents, job, self.layout.geometry.jobs)
    }

    #[inline]
    fn delivered_at(&self, job: u32) -> &AtomicU64 {
        self.nth(self.layout.delivered, job, self.layout.geometry.jobs)
    }

    #[inline]
    fn order(&self, order: Order, slot: u32) -> &AtomicU64 {
        self.nth(self.layout.orders[order.index()], slot, self.layout.geometry.order_slots())
    }

    #[inline]
    fn chunk(&self, chunk: u32) -> &AtomicU64 {
        self.nth(self.layout.chunk_tags, chunk, self.layout.geometry.chunks)
    }

    #[inline]
    fn write(&self, place: Place, at: usize, bytes: &[u8]) {
        let to = self.address(place, at.saturating_add(bytes.len())).wrapping_add(at);
        // SAFETY: M1: `to` and the bytes behind it lie in the place (asserted); it is in this end's
        // hands (producer I1), and no reference to its bytes exists.
        unsafe { copy(bytes.as_ptr(), to, bytes.len()) };
    }

    #[inline]
    fn read(&self, place: Place, bytes: &mut [u8]) {
        let from = self.address(place, bytes.len());
        // SAFETY: M1: `from` and the bytes behind it lie in the place (asserted); the destination is
        // private; who keeps the protocol does not write them while they are in this end's hands.
        unsafe { copy_from_other(from, bytes.as_mut_ptr(), bytes.len()) };
    }

    #[inline]
    fn prefetch(&self, job: u32) {
        let (address, _) = self.bytes_of(Place::InLine { job });
        prefetch::for_reading(address);
    }
}

impl std::fmt::Debug for Cells {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cells").field("geometry", &self.layout.geometry).finish_non_exhaustive()
    }
}
