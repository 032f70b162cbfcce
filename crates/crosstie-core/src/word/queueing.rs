//! Whether somebody queues for an object whose own word says nothing about it: one bit, with a count of
//! how often it was set.
//!
//! # States
//! | bit 63 | meaning |
//! |---|---|
//! | 0 | nobody queues, or who does has not said so yet and will look again |
//! | 1 | somebody may queue: whoever gives something up looks for waiters |
//!
//! Bits 32 to 62 count the announcements. Bits 0 to 31 are the object's own.
//!
//! # Invariants
//! - **I1** Who waits has published its record, then announced itself, then looked at the object.
//! - **I2** The bit is cleared only by one exchange that fails if anybody has announced itself since the
//!   look that found no waiter.
//!
//! # Transitions
//! | from → to | who | ordering | why |
//! |---|---|---|---|
//! | any → set, count + 1 ([`announce`]) | who queues | AcqRel, then fence | I1 |
//! | set → clear ([`settle`]) | who looked and found nobody | Relaxed | I2 |
//!
//! # Orderings
//! The announcement's Release meets the Acquire of the look: who finds the bit of an announcement finds the
//! record before it. The fence behind it pairs with the one in `look_for_waiters`: the waiter sees the change
//! of the object, or who changed it sees the bit.
//!
//! # Progress
//! One exchange, repeated when another announced itself or changed the object's own bits.
//!
//! # Death
//! A kill before the announcement: no bit, and nobody to wake. A kill behind it: a bit too many, which the
//! next look clears.
//!
//! # Source
//! HAZARDS H11; versioned flags against the ABA problem: IBM System/370 Principles of Operation, 1983, app. A.

use super::waiting::look_for_waiters;
use crate::atomic::{AtomicU64, Ordering};

/// Somebody may queue.
pub const QUEUED: u64 = 1 << 63;
const ONE: u64 = 1 << 32;
const COUNT: u64 = QUEUED - ONE;

/// Says that the caller queues, whose record is published; then look at the object.
pub fn announce(word: &AtomicU64) {
    // Relaxed: decided upon by the exchange below.
    let mut found = word.load(Ordering::Relaxed);
    loop {
        let count = (found & COUNT).wrapping_add(ONE) & COUNT;
        let wanted = (found & !COUNT & !QUEUED) | count | QUEUED;
        // AcqRel: the record is published before the bit is seen (I1). Relaxed on failure: read again.
        match word.compare_exchange(found, wanted, Ordering::AcqRel, Ordering::Relaxed) {
            Ok(_) => break,
            Err(now) => found = now,
        }
    }
    look_for_waiters();
}

/// Clears the bit of `seen`, behind which a look found nobody; not if anybody has come since (I2).
pub fn settle(word: &AtomicU64, seen: u64) {
    // Relaxed: the outcome does not matter; a word that changed is settled by who changed it.
    let _ = word.compare_exchange(seen, seen & !QUEUED, Ordering::Relaxed, Ordering::Relaxed);
}
