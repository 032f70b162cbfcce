//! The words that all ends of a topic share, and those of one subscriber.

use crate::atomic::{AtomicU32, AtomicU64};
use crate::queue::member::Tally;
use crate::ring::control::Line;
use crate::ring::sleepers::Sleepers;

/// The shared words of a topic, 640 bytes.
///
/// | word | written by | read by |
/// |---|---|---|
/// | `subscribers`, `publishers` | who falls asleep, and who wakes them | who may have to wake them, after each message |
/// | `tail` | a publisher, each so many messages | an end that opens or has fallen behind |
/// | `tally` | an end that opens or leaves; who tells a death | a subscriber that finds nothing |
/// | `joins` | a subscriber that joins | a publisher, before each message, where nothing may be lost |
#[derive(Debug)]
#[repr(C, align(128))]
pub struct Control {
    pub(super) subscribers: Line<Sleepers>,
    pub(super) publishers: Line<Sleepers>,
    pub(super) tail: Line<AtomicU64>,
    pub(super) tally: Line<Tally>,
    pub(super) joins: Line<AtomicU32>,
}

#[cfg(not(crosstie_loom))]
const _: () = {
    assert!(size_of::<Control>() == 640);
    assert!(core::mem::offset_of!(Control, subscribers) == 0);
    assert!(core::mem::offset_of!(Control, publishers) == 128);
    assert!(core::mem::offset_of!(Control, tail) == 256);
    assert!(core::mem::offset_of!(Control, tally) == 384);
    assert!(core::mem::offset_of!(Control, joins) == 512);
};

impl Control {
    /// The words of a new topic; zeroed memory is the same.
    #[must_use]
    pub fn new() -> Self {
        Self {
            subscribers: Line(Sleepers::new()),
            publishers: Line(Sleepers::new()),
            tail: Line(AtomicU64::new(0)),
            tally: Line(Tally::new()),
            joins: Line(AtomicU32::new(0)),
        }
    }

    /// Where subscribers sleep while there is no message.
    pub fn subscribers(&self) -> &Sleepers {
        &self.subscribers.0
    }

    /// Where publishers sleep while there is no room.
    pub fn publishers(&self) -> &Sleepers {
        &self.publishers.0
    }

    /// How the publishers' ends are told.
    pub fn tally(&self) -> &Tally {
        &self.tally.0
    }
}

impl Default for Control {
    fn default() -> Self {
        Self::new()
    }
}

/// What one subscriber says of itself, 64 bytes; zeroed memory says nothing.
#[derive(Debug)]
#[repr(C, align(64))]
pub struct Cursor {
    /// The number that it reads next, plus one; 0 while it has not joined.
    pub(super) next: AtomicU64,
    /// Numbers that were overwritten before it read them.
    pub(super) lost: AtomicU64,
}

#[cfg(not(crosstie_loom))]
const _: () = {
    assert!(size_of::<Cursor>() == 64);
    assert!(core::mem::offset_of!(Cursor, next) == 0);
    assert!(core::mem::offset_of!(Cursor, lost) == 8);
};

impl Cursor {
    /// That of a subscriber that has not joined.
    #[must_use]
    pub fn new() -> Self {
        Self { next: AtomicU64::new(0), lost: AtomicU64::new(0) }
    }
}

impl Default for Cursor {
    fn default() -> Self {
        Self::new()
    }
}
