//! That a participant has changes under way for which others wait: readable by anyone, written by it alone.
//!
//! Whoever changes an object wakes those who wait for it afterwards. Killed between the two, it must be missed by them all.
//! Who sleeps hears of it by the domain's bell (`word::slot`). Who has looked at the object and does not sleep yet watches
//! whoever had changes under way when it looked; of a change that began later it learns by the object's count of them.
//!
//! # States
//! | under way | key | meaning |
//! |---|---|---|
//! | 0 | any | none |
//! | n | an object's | n changes of that object |
//! | n | all ones | n changes, of several objects |
//!
//! # Invariants
//! - **I1** Only the slot's living occupant writes it (`word::slot` I4).
//! - **I2** Who changes an object has said so here before it raises the object's count of changes
//!   ([`crate::word::head::Head::count_change`]), raises that before it changes anything, and takes it back here when it
//!   has woken whom it had to.
//! - **I3** Who waits reads the object's count, then these words, then the object, and sleeps only while the count is
//!   the same. So of a change that it has not seen in the object it has seen who makes it, or the count is another.
//! - **I4** Whoever sleeps stands at the domain's bell before its count is compared: a change that begins behind the comparison
//!   finds it there.
//!
//! # Transitions
//! | from → to | who | ordering | why |
//! |---|---|---|---|
//! | n → n + 1 ([`Changes::begin`]) | occupant | Release | the key is there with the number |
//! | n → n − 1 ([`Changes::end`]) | occupant | Release | the wakes came before |
//! | n → 0 ([`Changes::clear`]) | a slot's next occupant | Relaxed | published with the slot |
//!
//! # Orderings
//! The count of an object is raised with Release and read with Acquire: who reads the new one sees these words as they were
//! before.
//!
//! # Progress
//! Wait-free: no loop.
//!
//! # Death
//! It outlives its writer until the slot is taken over: whoever reads it asks the life word. A dead one's changes are all
//! to be seen in the objects by whoever looks at those behind its life word.
//!
//! # Source
//! HAZARDS H2; found by a poster that was killed while the one who waited was about to sleep.

use crate::atomic::{AtomicU64, Ordering};

/// Of several objects.
const SEVERAL: u64 = u64::MAX;

/// The changes that a participant has under way; see the module.
#[derive(Debug)]
#[repr(C)]
pub struct Changes {
    under_way: AtomicU64,
    key: AtomicU64,
}

impl Changes {
    /// None; zeroed memory is the same.
    #[must_use]
    pub fn none() -> Self {
        Self { under_way: AtomicU64::new(0), key: AtomicU64::new(0) }
    }

    /// Says that the occupant is about to change the object of `key`; answers whether it is its only change.
    pub fn begin(&self, key: u64) -> bool {
        // Relaxed: only this thread writes them (I1).
        let under_way = self.under_way.load(Ordering::Relaxed);
        // Relaxed: as above.
        let is_other = under_way > 0 && self.key.load(Ordering::Relaxed) != key;
        // Relaxed: ordered by the Release below; who reads it with the number of before looks too often.
        self.key.store(if is_other { SEVERAL } else { key }, Ordering::Relaxed);
        // Release: the key is there with the number.
        self.under_way.store(under_way.saturating_add(1), Ordering::Release);
        under_way == 0
    }

    /// Says that one change is over; answers whether it was the last.
    pub fn end(&self) -> bool {
        // Relaxed: only this thread writes it (I1).
        let left = self.under_way.load(Ordering::Relaxed).saturating_sub(1);
        // Release: the wakes came before.
        self.under_way.store(left, Ordering::Release);
        left == 0
    }

    /// Whether a change of the object of `key` is under way.
    #[must_use]
    pub fn concerns(&self, key: u64) -> bool {
        // Acquire: pairs with the Release in `begin`.
        if self.under_way.load(Ordering::Acquire) == 0 {
            return false;
        }
        // Relaxed: ordered by the Acquire above.
        let found = self.key.load(Ordering::Relaxed);
        found == key || found == SEVERAL
    }

    /// Forgets what the former occupant had under way.
    pub fn clear(&self) {
        // Relaxed: published with the slot.
        self.under_way.store(0, Ordering::Relaxed);
    }
}

#[cfg(all(test, not(crosstie_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_change_concerns_its_object_and_changes_of_several_concern_all() {
        let changes = Changes::none();
        assert!(!changes.concerns(7));
        assert!(changes.begin(7));
        assert_eq!((changes.concerns(7), changes.concerns(8)), (true, false));
        assert!(!changes.begin(7));
        assert!(!changes.concerns(8));
        assert!(!changes.begin(8));
        assert_eq!((changes.concerns(7), changes.concerns(8), changes.concerns(9)), (true, true, true));
        assert_eq!([changes.end(), changes.end(), changes.end()], [false, false, true]);
        assert!(!changes.concerns(7));
    }
}
