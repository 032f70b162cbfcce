//! The words that all ends of a queue share.
//!
//! Each word that is written often lies on a 128-byte line pair of its own.

use super::member::Tally;
use crate::atomic::AtomicU64;
use crate::ring::control::Line;
use crate::ring::sleepers::Sleepers;

/// The shared words of a queue, 1,024 bytes.
///
/// | word | written by | read by |
/// |---|---|---|
/// | `receivers`, `senders` | who falls asleep, and who wakes them | who may have to wake them, after each job |
/// | `heads`, `tails` | an end, each so many jobs | an end that opens or has fallen behind |
/// | `ended`, `died` | a sender that leaves; who recovers from its death | a receiver that finds nothing |
/// | `ordinals`, `members` | an end that opens | the same; who looks for the dead |
/// | `redelivered`, `dropped` | who gives a job back; who drops one | people |
#[derive(Debug)]
#[repr(C, align(128))]
pub struct Control {
    pub(super) receivers: Line<Sleepers>,
    pub(super) senders: Line<Sleepers>,
    /// Everything before it was taken; by order.
    pub(super) heads: [Line<AtomicU64>; 2],
    /// Everything before it was put there; by order.
    pub(super) tails: [Line<AtomicU64>; 2],
    pub(super) ends: Line<Tally>,
    pub(super) counts: Line<Counts>,
}

/// What is counted for people.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Counts {
    pub(super) redelivered: AtomicU64,
    pub(super) dropped: AtomicU64,
}

#[cfg(not(crosstie_loom))]
const _: () = {
    assert!(size_of::<Control>() == 1024);
    assert!(core::mem::offset_of!(Control, receivers) == 0);
    assert!(core::mem::offset_of!(Control, senders) == 128);
    assert!(core::mem::offset_of!(Control, heads) == 256);
    assert!(core::mem::offset_of!(Control, tails) == 512);
    assert!(core::mem::offset_of!(Control, ends) == 768);
    assert!(core::mem::offset_of!(Control, counts) == 896);
};

impl Control {
    /// The words of a new queue; zeroed memory is the same.
    #[must_use]
    pub fn new() -> Self {
        let zero = || Line(AtomicU64::new(0));
        Self {
            receivers: Line(Sleepers::new()),
            senders: Line(Sleepers::new()),
            heads: [zero(), zero()],
            tails: [zero(), zero()],
            ends: Line(Tally::new()),
            counts: Line(Counts { redelivered: AtomicU64::new(0), dropped: AtomicU64::new(0) }),
        }
    }

    /// Where receivers sleep while there is no job.
    pub fn receivers(&self) -> &Sleepers {
        &self.receivers.0
    }

    /// How the senders' ends are told.
    pub fn tally(&self) -> &Tally {
        &self.ends.0
    }

    /// Where senders sleep while there is no room.
    pub fn senders(&self) -> &Sleepers {
        &self.senders.0
    }
}

impl Default for Control {
    fn default() -> Self {
        Self::new()
    }
}
