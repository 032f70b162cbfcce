//! The words that the two ends of a ring share beside the cells.
//!
//! Each word lies on a 128-byte line pair of its own, because processors prefetch lines in pairs:
//! a word that one end writes often never shares one with a word that the other end reads often.

use crate::atomic::{AtomicU32, AtomicU64};

/// The shared words of a ring, 512 bytes.
///
/// | word | written by | read by |
/// |---|---|---|
/// | `acked` | consumer, after each message | producer, only when out of credit; a new consumer or producer once |
/// | `credit` | consumer, each eighth of the ring, and before it sleeps | producer, only when out of credit |
/// | `consumer_waits` | consumer, before and after a sleep; producer, to wake it | producer, after each commit |
/// | `producer_waits` | producer, before and after a sleep; consumer, to wake it | consumer, after each message |
#[derive(Debug)]
#[repr(C, align(128))]
pub struct Control {
    pub(super) acked: Line<AtomicU64>,
    pub(super) credit: Line<AtomicU64>,
    pub(super) consumer_waits: Line<AtomicU32>,
    pub(super) producer_waits: Line<AtomicU32>,
}

/// One word on a line pair of its own.
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct Line<T>(pub(crate) T);

#[cfg(not(crosstie_loom))]
const _: () = {
    assert!(size_of::<Control>() == 512);
    assert!(core::mem::offset_of!(Control, acked) == 0);
    assert!(core::mem::offset_of!(Control, credit) == 128);
    assert!(core::mem::offset_of!(Control, consumer_waits) == 256);
    assert!(core::mem::offset_of!(Control, producer_waits) == 384);
};

impl Control {
    /// The words of a new ring; zeroed memory is the same.
    #[must_use]
    pub fn new() -> Self {
        Self {
            acked: Line(AtomicU64::new(0)),
            credit: Line(AtomicU64::new(0)),
            consumer_waits: Line(AtomicU32::new(0)),
            producer_waits: Line(AtomicU32::new(0)),
        }
    }

    /// The word on which a consumer sleeps while the ring is empty: it holds 1 while it may, or the doorbell at which it sleeps.
    pub fn consumer_waits(&self) -> &AtomicU32 {
        &self.consumer_waits.0
    }

    /// The word on which a producer sleeps while the ring is full: it holds 1 while it may, or the doorbell at which it sleeps.
    pub fn producer_waits(&self) -> &AtomicU32 {
        &self.producer_waits.0
    }
}

impl Default for Control {
    fn default() -> Self {
        Self::new()
    }
}
