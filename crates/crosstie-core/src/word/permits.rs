//! The permits of a semaphore: one cell each, which holds its owner's id.
//!
//! # States
//! | cell | state |
//! |---|---|
//! | 0 | free |
//! | a living owner's id | held |
//! | a living owner's id + [`OFFERED`] | held by one to whom it was passed on, and who has not accepted it yet |
//! | a living owner's id + [`LOST`] | nobody's; not given back by one from whom it was taken by force |
//! | a dead owner's id, with whatever beside it | as good as free |
//!
//! # Invariants
//! - **I1** Taking a permit and recording who has it are one step, so no death loses or doubles one.
//! - **I2** Only its owner frees a cell, also one that it has lost: what it does late cannot meet another's. Anybody may take it over from
//!   the dead.
//! - **I3** `uses` of a cell is written by its owner alone.
//!
//! # Transitions
//! | from → to | who | ordering | why |
//! |---|---|---|---|
//! | free, dead → held ([`Permit::try_take`]) | anyone | SeqCst | meets the last owner's Release; then a look at the object |
//! | held → free ([`Permit::give_back`]) | owner | SeqCst | publishes what was done under it; then a look for waiters |
//! | held → free ([`Permit::store_back`]) | owner, as `word::giving` allows | Release | as above; the look is at that word |
//! | held → offered to another ([`Permit::pass_on`]) | owner | SeqCst | as giving back: who waits watches the owner |
//! | held → lost ([`Permit::lose`]) | anyone | SeqCst | then a look for waiters |
//! | offered → held ([`Permit::accept`]) | the new owner | Acquire | meets the Release of who passed it on |
//!
//! # Orderings
//! A permit's Release meets the Acquire of who takes that permit next. Both exchanges are SeqCst, and so is the
//! load that follows them ([`look`]): whoever waits has a SeqCst fence between its announcement and its look at the
//! permits, so one of the two sees the other, without a fence on the fast path. loom knows no total order of
//! SeqCst accesses (HAZARDS H15): a model gets the fence.
//!
//! # Progress
//! One exchange a try.
//!
//! # Death
//! A dead owner's id in a cell is a free permit: whoever meets it takes it. Who passes a permit on and dies before that
//! step had it, and has lost it; behind it the other one has it, and finds it by [`Permit::accept`] whether it was told or
//! not. Those who wait watch the old owner until they are told or it dies; then they watch the new one.
//!
//! # Source
//! Dijkstra, EWD 74 (1965); ownership in the cell: iceoryx2's robust index set; research/sync.md §2a.

use crate::OwnerId;
use crate::atomic::{AtomicU64, Ordering};

/// Set beside the owner's id: it has not accepted the permit yet.
pub const OFFERED: u64 = 1 << 60;
/// Set beside the owner's id: it was taken away from that one by force.
pub const LOST: u64 = 1 << 61;

/// One permit; zeroed memory is a free one.
#[derive(Debug)]
#[repr(C)]
pub struct Permit {
    owner: AtomicU64,
    uses: AtomicU64,
}

impl Permit {
    /// Who has it now, dead or alive.
    #[inline]
    #[must_use]
    pub fn owner(&self) -> Option<OwnerId> {
        // Acquire: who sees a dead owner's id sees what it did.
        OwnerId::from_bits(self.owner.load(Ordering::Acquire))
    }

    /// Who has it now, dead or alive, and has not lost it.
    #[inline]
    #[must_use]
    pub fn holder(&self) -> Option<OwnerId> {
        // Acquire: as in `owner`.
        let found = self.owner.load(Ordering::Acquire);
        if found & LOST == 0 { OwnerId::from_bits(found) } else { None }
    }

    /// Takes it for `me` from `found`, who is dead or nobody; answers its fencing number, larger than that
    /// of every holder of this permit before.
    #[must_use]
    #[inline]
    pub fn try_take(&self, found: Option<OwnerId>, me: OwnerId) -> Option<u64> {
        let word = found.map_or(0, OwnerId::to_bits);
        // SeqCst: `owner` is written before the object's `word` is read (`look`); a writer writes its `word`,
        // fences, and reads the `owner`. Relaxed on failure: somebody else was first.
        match self.owner.compare_exchange(word, me.to_bits(), Ordering::SeqCst, Ordering::Relaxed) {
            Ok(_) => Some(self.use_once()),
            Err(now) if found.is_some() && now & !(OFFERED | LOST) == word => self.try_take_marked(now, me),
            Err(_) => None,
        }
    }

    /// Takes a free one for `me`, and counts no use: what is held has no fencing number.
    #[must_use]
    #[inline]
    pub fn try_take_free(&self, me: OwnerId) -> bool {
        // SeqCst: as in `try_take`: `owner` is written before the object's `word` is read. Relaxed on failure: somebody else
        // was first.
        self.owner.compare_exchange(0, me.to_bits(), Ordering::SeqCst, Ordering::Relaxed).is_ok()
    }

    /// The dead had not accepted it, or had lost it.
    #[cold]
    fn try_take_marked(&self, found: u64, me: OwnerId) -> Option<u64> {
        // SeqCst: as in `try_take`: `owner` is written before the object's `word` is read. Relaxed on failure: somebody else
        // was first.
        self.owner.compare_exchange(found, me.to_bits(), Ordering::SeqCst, Ordering::Relaxed).ok()?;
        Some(self.use_once())
    }

    /// Counts a use, for its owner; answers how many there were.
    #[inline(always)]
    pub fn use_once(&self) -> u64 {
        // Relaxed: the owner's own (I3).
        let uses = self.uses.load(Ordering::Relaxed).wrapping_add(1);
        // Relaxed: as above.
        self.uses.store(uses, Ordering::Relaxed);
        uses
    }

    /// Gives it back; nothing happens if `me` does not have it.
    #[inline]
    pub fn give_back(&self, me: OwnerId) {
        // SeqCst: `owner` is written before the announcements in `word` are read (`look`); who waits announces
        // itself in `word`, fences, and reads the `owner`. Relaxed on failure: it was taken away by force.
        if self.owner.compare_exchange(me.to_bits(), 0, Ordering::SeqCst, Ordering::Relaxed).is_err() {
            self.give_back_lost(me);
        }
    }

    #[cold]
    fn give_back_lost(&self, me: OwnerId) {
        // Release: as the last use of the cell by its owner. Relaxed on failure: another's.
        let _ = self.owner.compare_exchange(me.to_bits() | LOST, 0, Ordering::Release, Ordering::Relaxed);
    }

    /// Takes it away from `owner`, who gives the cell back all the same; answers whether that one had it.
    #[must_use]
    pub fn lose(&self, owner: OwnerId) -> bool {
        let (held, lost) = (owner.to_bits(), owner.to_bits() | LOST);
        // SeqCst: `owner` is written before the object's `word` is read, as in `give_back`. Relaxed on failure: it was given back.
        self.owner.compare_exchange(held, lost, Ordering::SeqCst, Ordering::Relaxed).is_ok()
    }

    /// As [`Permit::give_back`], by a store: for its owner, also of one that it has lost (I2), who keeps `word::giving` I2.
    #[inline(always)]
    pub fn store_back(&self) {
        // Release: publishes what was done under it to who has it next, or finds nobody here.
        #[cfg(not(crosstie_loom))]
        self.owner.store(0, Ordering::Release);
        // Release: as above. loom would let a store stand between an exchange of others and what that read.
        #[cfg(crosstie_loom)]
        self.owner.swap(0, Ordering::Release);
    }

    /// Makes `to` its owner in place of `from`, who then tells those who wait; answers whether `from` was it.
    #[must_use]
    pub fn pass_on(&self, from: OwnerId, to: OwnerId) -> bool {
        let offered = to.to_bits() | OFFERED;
        // SeqCst: as `give_back`: `owner` is written before the announcements in `word` are read. Relaxed on failure: it
        // was taken away by force.
        self.owner.compare_exchange(from.to_bits(), offered, Ordering::SeqCst, Ordering::Relaxed).is_ok()
    }

    /// Accepts for `me` what was passed on to it; answers the fencing number, larger than that of who did.
    #[must_use]
    pub fn accept(&self, me: OwnerId) -> Option<u64> {
        let offered = me.to_bits() | OFFERED;
        // Acquire: what the old owner did comes before what the new one does. Relaxed on failure: it was not offered, or
        // another thread has accepted it.
        self.owner.compare_exchange(offered, me.to_bits(), Ordering::Acquire, Ordering::Relaxed).ok()?;
        Some(self.use_once())
    }

    /// Whether nobody has it, as [`look`] sees it: behind an exchange of the object's word.
    #[inline]
    #[must_use]
    pub fn looks_free(&self) -> bool {
        look(&self.owner) == 0
    }

    /// How often it was taken, where that is counted.
    #[must_use]
    pub fn uses(&self) -> u64 {
        // Relaxed: a number for people.
        self.uses.load(Ordering::Relaxed)
    }
}

/// The object's word, behind an exchange of a permit.
#[inline]
#[must_use]
pub fn look(word: &AtomicU64) -> u64 {
    #[cfg(crosstie_loom)]
    crate::word::waiting::look_for_waiters();
    // SeqCst: the second half of the story of `owner` and `word` above.
    word.load(Ordering::SeqCst)
}

#[cfg(not(crosstie_loom))]
impl Permit {
    /// A free one.
    #[must_use]
    pub const fn free() -> Self {
        Self { owner: AtomicU64::new(0), uses: AtomicU64::new(0) }
    }
}

#[cfg(all(test, not(crosstie_loom)))]
mod tests {
    use super::*;

    #[test]
    fn what_was_lost_is_nobodys_and_comes_back_only_from_who_lost_it_or_is_dead() {
        let [me, other] = [0x1_0001, 0x2_0002].map(|bits| OwnerId::from_bits(bits).unwrap());
        let back: [fn(&Permit, OwnerId); 2] = [Permit::give_back, |cell, _| cell.store_back()];
        for (give_back, may_be_late) in back.into_iter().zip([true, false]) {
            let cell = Permit::free();
            assert!(!cell.lose(me) && cell.try_take_free(me) && cell.lose(me) && !cell.lose(me));
            assert_eq!((cell.owner(), cell.holder(), cell.looks_free()), (Some(me), None, false));
            cell.give_back(other);
            assert!(!cell.try_take_free(other) && cell.try_take(None, other).is_none());
            give_back(&cell, me);
            assert!(cell.looks_free() && cell.try_take_free(other));
            if may_be_late {
                give_back(&cell, me);
            }
            assert_eq!(cell.holder(), Some(other), "what is done late meets nobody else's");
            // Behind the death of who has it.
            assert!(cell.lose(other) && cell.try_take(Some(other), me).is_some());
            assert_eq!(cell.holder(), Some(me));
        }
    }
}

#[cfg(crosstie_loom)]
impl Permit {
    /// A free one.
    #[must_use]
    pub fn free() -> Self {
        Self { owner: AtomicU64::new(0), uses: AtomicU64::new(0) }
    }
}
