//! The notification that a participant carries: from the queue of a condition to the mutex, through which it is out of
//! both queues' sight otherwise.
//!
//! # States
//! | key | meaning |
//! |---|---|
//! | 0 | it carries nothing |
//! | k | it was notified at the place `place` of the condition k, and has not yet taken the notification with the mutex in hand |
//!
//! # Invariants
//! - **I1** Only the slot's living occupant writes it.
//! - **I2** It is set before the occupant's wait at the condition is withdrawn, and taken away only while the occupant
//!   has the mutex, or gives the notification up: whoever has the mutex sees every waiter at the condition, in one
//!   form or the other.
//!
//! # Transitions
//! | from → to | who | ordering | why |
//! |---|---|---|---|
//! | 0 → k ([`Carry::take_up`]) | occupant | Release | the place before the key |
//! | k → 0 ([`Carry::put_down`]) | occupant, or the slot's next | Release | what it took comes before |
//!
//! # Orderings
//! What ends the wait record, or begins the next, is a Release behind `take_up`; who finds the record gone fences
//! (Acquire) before it looks here.
//!
//! # Progress
//! Wait-free.
//!
//! # Death
//! It outlives its writer until the slot is taken over: whoever reads it asks the life word.
//!
//! # Source
//! HAZARDS H2, H12; found by a bounded buffer that hung: a carrier between the queues was counted as gone.

use crate::atomic::{AtomicU64, Ordering, fence};

/// What a participant carries; see the module.
#[derive(Debug)]
#[repr(C)]
pub struct Carry {
    key: AtomicU64,
    place: AtomicU64,
}

impl Carry {
    /// Nothing; zeroed memory is the same.
    #[must_use]
    pub fn nothing() -> Self {
        Self { key: AtomicU64::new(0), place: AtomicU64::new(0) }
    }

    /// Says that the occupant carries a notification of the condition `key`, for which it waited at `place`.
    pub fn take_up(&self, key: u64, place: u64) {
        // Relaxed: ordered by the Release below.
        self.place.store(place, Ordering::Relaxed);
        // Release: the place is there with the key.
        self.key.store(key, Ordering::Release);
    }

    /// Says that it carries nothing any more.
    pub fn put_down(&self) {
        // Release: the notification is taken before (I2).
        self.key.store(0, Ordering::Release);
    }

    /// Whether the occupant carries anything; for itself.
    #[must_use]
    pub fn is_carried(&self) -> bool {
        // Relaxed: only this thread writes it (I1).
        self.key.load(Ordering::Relaxed) != 0
    }

    /// The place in the queue of `key` from which the occupant carries a notification, if it does.
    #[must_use]
    pub fn place(&self, key: u64) -> Option<u64> {
        // Acquire: whichever word of its wait record told the caller that the occupant waits no longer was written
        // (Release) behind `take_up` (I2).
        fence(Ordering::Acquire);
        // Acquire: pairs with the Release in `take_up`.
        if key == 0 || self.key.load(Ordering::Acquire) != key {
            return None;
        }
        // Relaxed: ordered by the Acquire above; of a later carry it is a place in the same queue.
        Some(self.place.load(Ordering::Relaxed))
    }
}

#[cfg(all(test, not(crosstie_loom)))]
mod tests {
    use super::*;

    #[test]
    fn what_is_carried_is_seen_until_it_is_put_down() {
        let carry = Carry::nothing();
        assert_eq!((carry.place(0), carry.place(7), carry.is_carried()), (None, None, false));
        carry.take_up(7, 3);
        assert_eq!((carry.place(7), carry.place(8), carry.is_carried()), (Some(3), None, true));
        carry.put_down();
        assert_eq!((carry.place(7), carry.is_carried()), (None, false));
    }
}
