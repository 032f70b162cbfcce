//! The sizes of a topic, and what it asks of the memory it is lent.

use super::control::{Control, Cursor};
use super::slot::Circle;
use crate::atomic::AtomicU64;
use crate::queue::member::Roster;

/// The most slots that a topic has.
pub const SLOTS_MAX: u32 = 1 << 20;
/// The fewest.
pub const SLOTS_MIN: u32 = 2;
/// Slots of a topic that keeps the latest value alone: one to read, and time to read it.
pub const SLOTS_LATEST: u32 = if cfg!(crosstie_loom) { 2 } else { 8 };
/// Bytes before a slot's payload: its word and its extent.
pub const SLOT_HEAD_BYTES: usize = 16;
/// The longest payload that a topic may be made for.
pub const PAYLOAD_BYTES_MAX: u32 = 1 << 30;

/// What becomes of a message that a subscriber has not read when its slot is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Publishers wait for it.
    Lossless,
    /// It is overwritten, and the subscriber is told.
    Lossy,
    /// Only the newest message is wanted anyway.
    Latest,
}

impl Mode {
    /// As a parameter of the segment.
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        match self {
            Self::Lossless => 1,
            Self::Lossy => 2,
            Self::Latest => 3,
        }
    }

    /// What a parameter says.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Option<Self> {
        match bits {
            1 => Some(Self::Lossless),
            2 => Some(Self::Lossy),
            3 => Some(Self::Latest),
            _ => None,
        }
    }
}

/// The sizes of a topic, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// What becomes of unread messages.
    pub mode: Mode,
    /// How many messages it keeps: slots, a power of two.
    pub slots: u32,
    /// The longest payload, in bytes.
    pub payload_bytes_max: u32,
}

impl Geometry {
    /// Those sizes; `None` where one is out of its range.
    ///
    /// # Examples
    /// ```
    /// use crosstie_core::topic::memory::{Geometry, Mode};
    /// let topic = Geometry::new(Mode::Lossy, 1024, 48).unwrap();
    /// assert_eq!(topic.stride_bytes(), 64);
    /// assert!(Geometry::new(Mode::Lossy, 1000, 48).is_none(), "a power of two");
    /// assert!(Geometry::new(Mode::Latest, 1024, 48).is_none());
    /// ```
    #[must_use]
    pub const fn new(mode: Mode, slots: u64, payload_bytes_max: u64) -> Option<Self> {
        let fits = slots >= SLOTS_MIN as u64
            && slots <= SLOTS_MAX as u64
            && slots.is_power_of_two()
            && payload_bytes_max >= 1
            && payload_bytes_max <= PAYLOAD_BYTES_MAX as u64
            && (!matches!(mode, Mode::Latest) || slots == SLOTS_LATEST as u64);
        if !fits {
            return None;
        }
        let (slots, payload_bytes_max) =
            ((slots & 0xFFFF_FFFF) as u32, (payload_bytes_max & 0xFFFF_FFFF) as u32);
        Some(Self { mode, slots, payload_bytes_max })
    }

    /// Bytes from one slot to the next: whole cache lines.
    #[must_use]
    pub const fn stride_bytes(self) -> u64 {
        (SLOT_HEAD_BYTES as u64 + self.payload_bytes_max as u64).next_multiple_of(64)
    }

    pub(super) const fn circle(self) -> Circle {
        Circle::new(self.slots)
    }
}

/// The memory of a topic: what processes map, or a model of it.
///
/// An implementor checks its bounds: a number out of range must panic, never touch other memory
/// (*M1*). The protocol asks only for slots below [`Geometry::slots`], and lengths up to its limit.
pub trait Memory: Roster {
    /// The sizes; they never change.
    fn geometry(&self) -> Geometry;

    /// The words that all share.
    fn control(&self) -> &Control;

    /// A subscriber's own words; as [`Roster::member`].
    fn cursor(&self, index: u16) -> &Cursor;

    /// A slot's word.
    fn word(&self, slot: u32) -> &AtomicU64;

    /// The length of a slot's payload.
    fn extent(&self, slot: u32) -> &AtomicU64;

    /// Says that a slot will be claimed soon, for a message of about so many bytes: a hint, which changes nothing and may do
    /// nothing.
    #[inline]
    fn prepare(&self, slot: u32, length: u32) {
        let _ = (slot, length);
    }

    /// Copies `bytes` to `at` bytes behind the first of the slot's payload.
    fn write(&self, slot: u32, at: usize, bytes: &[u8]);

    /// Copies the first bytes of the slot's payload into `bytes`, all of it. They may be overwritten
    /// meanwhile.
    fn read(&self, slot: u32, bytes: &mut [u8]);
}
