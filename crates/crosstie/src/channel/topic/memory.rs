//! The file's bytes as the protocol of the topic sees them.
#![expect(unsafe_code, reason = "copies in and out of memory that other processes map")]

use std::ptr::NonNull;
use std::sync::Arc;

use crosstie_core::atomic::AtomicU64;
use crosstie_core::layout::shared::SharedLayout;
use crosstie_core::queue::member::{Member, Part, Roster, Tally};
use crosstie_core::queue::memory::MEMBERS;
use crosstie_core::ring::sleepers::Sleepers;
use crosstie_core::topic::control::{Control, Cursor};
use crosstie_core::topic::memory::{Geometry, Memory, SLOT_HEAD_BYTES};

use super::layout::{self, CONTROL_OFFSET, CURSORS_OFFSET, MEMBERS_OFFSET, SLOTS_OFFSET};
use crate::channel::copy::{copy, copy_from_other};
use crate::channel::membership::Words;
use crate::channel::prefetch;
use crate::region::Segment;

const LINE_BYTES: usize = 64;
/// So many lines of a slot are asked for ahead at most: more would not be on their way together.
const LINES_PREPARED: usize = 4;

/// The words and payloads of a topic.
#[derive(Clone)]
pub(super) struct Cells {
    base: NonNull<u8>,
    geometry: Geometry,
    stride: usize,
    /// Keeps the mapping.
    _segment: Arc<Segment>,
}

// SAFETY: `base` points into a mapping that `_segment` keeps for as long as this value lives, and
// that belongs to the process, not to a thread.
unsafe impl Send for Cells {}

impl Cells {
    /// The cells of a segment that is as long as its sizes say (`layout::found`).
    pub(super) fn new(segment: &Arc<Segment>, geometry: Geometry) -> Self {
        let spec = layout::spec(geometry);
        let total = spec.header_bytes + spec.data_bytes;
        assert!(total <= segment.len() as u64, "the sizes were checked against the segment (M1)");
        // It is no more than the mapping's own size.
        let stride = usize::try_from(geometry.stride_bytes()).unwrap_or(usize::MAX);
        Self { base: segment.base(), geometry, stride, _segment: Arc::clone(segment) }
    }

    /// The value `inside` bytes behind the `index`th of `count` parts of `stride` bytes that begin at `offset`.
    #[inline]
    fn nth<T: SharedLayout>(
        &self,
        (offset, stride): (usize, usize),
        index: u32,
        count: u32,
        inside: usize,
    ) -> &T {
        assert!(index < count, "a number lies in its part (M1)");
        let at = offset + index as usize * stride + inside;
        let value = self.base.as_ptr().wrapping_add(at).cast::<T>();
        // SAFETY: M1: the part of `count` values lies in the mapping, aligned (`layout`), and the
        // index in the part (asserted); T may be written by others; it lives as long as the mapping.
        unsafe { &*value }
    }

    /// The first byte of a slot's payload, of which `length` are used.
    #[inline]
    pub(super) fn address(&self, slot: u32, length: usize) -> *mut u8 {
        assert!(slot < self.geometry.slots, "a slot lies in its part (M1)");
        assert!(length <= self.geometry.payload_bytes_max as usize, "a length fits its slot (M1)");
        self.base.as_ptr().wrapping_add(SLOTS_OFFSET + slot as usize * self.stride + SLOT_HEAD_BYTES)
    }
}

impl Roster for Cells {
    #[inline]
    fn member(&self, index: u16) -> &Member {
        self.nth((MEMBERS_OFFSET, size_of::<Member>()), u32::from(index), u32::from(MEMBERS), 0)
    }

    fn tally(&self) -> &Tally {
        self.control().tally()
    }

    /// A subscriber maps the slots read-only, so it cannot bring back what a publisher has left there.
    fn may_inherit(&self, part: Part, from: Part) -> bool {
        part == Part::Sender || from == Part::Receiver
    }
}

impl Words for Cells {
    fn sleepers(&self) -> [&Sleepers; 2] {
        [self.control().subscribers(), self.control().publishers()]
    }

    /// As [`Roster::may_inherit`].
    fn leaves_entry(&self, part: Part, dead: Part) -> bool {
        part == Part::Receiver && dead == Part::Sender
    }
}

impl Memory for Cells {
    #[inline]
    fn geometry(&self) -> Geometry {
        self.geometry
    }

    #[inline]
    fn control(&self) -> &Control {
        self.nth((CONTROL_OFFSET, 0), 0, 1, 0)
    }

    #[inline]
    fn cursor(&self, index: u16) -> &Cursor {
        self.nth((CURSORS_OFFSET, size_of::<Cursor>()), u32::from(index), u32::from(MEMBERS), 0)
    }

    #[inline]
    fn word(&self, slot: u32) -> &AtomicU64 {
        self.nth((SLOTS_OFFSET, self.stride), slot, self.geometry.slots, 0)
    }

    #[inline]
    fn extent(&self, slot: u32) -> &AtomicU64 {
        self.nth((SLOTS_OFFSET, self.stride), slot, self.geometry.slots, size_of::<AtomicU64>())
    }

    #[inline]
    fn prepare(&self, slot: u32, length: u32) {
        let lines = (SLOT_HEAD_BYTES + length as usize).div_ceil(LINE_BYTES).min(LINES_PREPARED);
        let first = std::ptr::from_ref(self.word(slot)).cast::<u8>();
        for line in 0..lines {
            prefetch::for_writing(first.wrapping_add(line * LINE_BYTES));
        }
    }

    #[inline]
    fn write(&self, slot: u32, at: usize, bytes: &[u8]) {
        let to = self.address(slot, at.saturating_add(bytes.len())).wrapping_add(at);
        // SAFETY: M1: `to` and the bytes behind it lie in the slot (asserted); it is in this end's
        // hands (publisher I2), and no reference to its bytes exists.
        unsafe { copy(bytes.as_ptr(), to, bytes.len()) };
    }

    #[inline]
    fn read(&self, slot: u32, bytes: &mut [u8]) {
        let from = self.address(slot, bytes.len());
        // SAFETY: M1: `from` and the bytes behind it lie in the slot (asserted); the destination is private; a
        // copy that a publisher may have written into meanwhile is thrown away (subscriber I2).
        unsafe { copy_from_other(from, bytes.as_mut_ptr(), bytes.len()) };
    }
}

impl std::fmt::Debug for Cells {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cells").field("geometry", &self.geometry).finish_non_exhaustive()
    }
}
