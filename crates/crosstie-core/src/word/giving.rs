//! How a mutex is given up while nobody waits: by a step, or by a plain store behind which its owner looks at this word again.
//!
//! The cells of readers are given back in the same way (`turns::rwlock`). There a cell stands in the place of the mutex, whoever has it in that
//! of the owner, the one writer that waits for readers in that of who waits; and who allows stores looks whether a writer is there, which has
//! said so in its own word before it looks here.
//!
//! A step (a compare-exchange) costs as much as the lock did. A store costs nothing, but may come late: it wipes out what those who
//! wait have marked meanwhile. So who comes to wait forbids it first, and lets the kernel fence all who might be at it
//! (`membarrier`): the price of the fence that owners leave out.
//!
//! The word is a version and one of four states, changed by compare-exchanges alone:
//!
//! # States
//! | state | who gives the mutex up |
//! |---|---|
//! | by step | does so by a step, and knows that it has to |
//! | forbidden | does so by a step, or began to store before and has not seen this yet |
//! | testing | does so by a step: the owner looks whether somebody waits |
//! | by store | may do so by a store |
//!
//! A bit beside them says that it was taken by force once: then nobody makes it "by store" any more.
//!
//! # Invariants
//! - **I1** The version grows with each change of state: who finds the word as it was has missed none, and who ends a state ends the one
//!   that it saw. (A version returns after 2^29 changes, while one participant stands between two instructions.)
//! - **I2** Who gives up by a store has found the word "by store" before it, and compares it behind it. If it has changed, it
//!   looks for the first in the queue, as after a step with `CONTENDED` (`word::mutex` I3).
//! - **I3** Who waits has published its record before it looks here, and relies on `word::mutex` once it has found "by step", or has
//!   fenced behind finding or making it "forbidden". From then on, and until it leaves the queue, whoever gives up does so by a step, or
//!   finds this word changed behind its store.
//! - **I4** The word becomes "by store" only through its owner, who owns the mutex unmarked: it makes "by step" "testing", and then finds nobody
//!   in the queue. So it never does while one stands there that has found "by step" or "forbidden". (Of several readers one makes it "testing", and
//!   ends only its own.)
//! - **I5** Where an owner finds "by store", the mutex is its own: who takes a mutex away by force forbids stores before, for good. So it need not read
//!   the mutex's own word, which it has just written to.
//!
//! # Transitions
//! | from → to | who | ordering | why |
//! |---|---|---|---|
//! | by store, testing → forbidden ([`Giving::forbid`]) | who waits | SeqCst, then everybody is fenced | I3 |
//! | any → forbidden for good ([`Giving::forbid_for_good`]) | who is about to take it by force | SeqCst, then everybody is fenced | I5 |
//! | forbidden → by step ([`Giving::forbid`]) | who waits, behind a fence of its own | Release | who finds it knows that the fence was |
//! | by step → testing ([`Giving::allow`]) | the owner | SeqCst | I4: it looks for waiters next |
//! | testing → by store, or by step ([`Giving::allow`]) | the same | Release | I4 |
//!
//! # Orderings
//! An owner writes the mutex's `word`, then reads this one; who waits writes this one, then reads the `word`. One of them sees the other:
//! the owner has a compiler's fence between the two, the waiter a fence of its own and of every other processor. An owner that was
//! interrupted by that before its look sees the change; one that was behind its look has its store seen.
//!
//! # Progress
//! Wait-free for the owner. Who waits repeats its first step only when another has just made one. Of many that come at once each fences, and
//! the first that has done so settles it for all: none undoes what another began.
//!
//! # Death
//! | killed | leaves | who goes on |
//! |---|---|---|
//! | owner before its store | its id | as `word::mutex` |
//! | owner behind its store | a free mutex, and nobody awake | the first, who watched it |
//! | who waits, before "by step" | forbidden | everybody gives up by a step; the next who waits fences |
//! | owner while it tests | testing, and its id | as above |
//!
//! # Source
//! Asymmetric fences: Dice, Huang and Yang, "Asymmetric Dekker Synchronization", 2001; membarrier(2). Reservable locks: Kawachiya, Koseki
//! and Onodera, "Lock Reservation", OOPSLA 2002, and Russell and Detlefs, "Eliminating Synchronization-Related Atomic Operations with
//! Biased Locking and Bulk Rebiasing", OOPSLA 2006, which spare the step of locking instead.

use super::light::light;
use crate::atomic::{AtomicU32, Ordering};

/// The low bits of the word.
const STATE: u32 = 3;
const BY_STEP: u32 = 0;
const FORBIDDEN: u32 = 1;
const BY_STORE: u32 = 2;
const TESTING: u32 = 3;
/// It was taken by force.
const FOR_GOOD: u32 = 4;

/// The word, found "by store".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MayStore(u32);

/// How a mutex is given up; see the module. Zeroed memory says by step.
#[derive(Clone, Copy, Debug)]
pub struct Giving<'a>(&'a AtomicU32);

impl<'a> Giving<'a> {
    /// What `word` says.
    #[inline(always)]
    #[must_use]
    pub const fn new(word: &'a AtomicU32) -> Self {
        Self(word)
    }

    /// Whether its owner may give the mutex up by a store; it must be one whom the others' fence reaches.
    #[inline(always)]
    #[must_use]
    pub fn may_store(self) -> Option<MayStore> {
        // Relaxed: what it finds is compared again behind the store (I2).
        let found = self.0.load(Ordering::Relaxed);
        (found & STATE == BY_STORE).then_some(MayStore(found))
    }

    /// Whether the word is as it was `found`, behind the store.
    #[inline(always)]
    #[must_use]
    pub fn is_still(self, found: MayStore) -> bool {
        light();
        // Relaxed: ordered by the fence of who changed it, which the kernel made on this processor too (I3).
        self.0.load(Ordering::Relaxed) == found.0
    }

    /// Says that somebody waits, who has published that: `fence` is to fence every running thread of everybody, and to answer whether it
    /// did. Answers false where that failed: an owner may miss the caller, who therefore looks again soon.
    pub fn forbid(self, fence: impl Fn() -> bool) -> bool {
        self.forbid_and(0, fence)
    }

    /// As [`Giving::forbid`], for ever (I5).
    pub fn forbid_for_good(self, fence: impl Fn() -> bool) -> bool {
        self.forbid_and(FOR_GOOD, fence)
    }

    fn forbid_and(self, mark: u32, fence: impl Fn() -> bool) -> bool {
        // Acquire: who finds "by step" finds all owners knowing it (I3); it is ordered behind `publish` by the fence there.
        let mut found = self.0.load(Ordering::Acquire);
        loop {
            match found & STATE {
                BY_STEP if found & mark == mark => return true,
                FORBIDDEN if found & mark == mark => {
                    let is_fenced = fence();
                    if is_fenced {
                        self.end(found, BY_STEP);
                    }
                    return is_fenced;
                }
                _ => {
                    let forbidden = next(found, FORBIDDEN) | mark;
                    // SeqCst: `giving` is written before the mutex's `word` is read. Acquire on failure: as above.
                    let changed =
                        self.0.compare_exchange(found, forbidden, Ordering::SeqCst, Ordering::Acquire);
                    found = changed.map_or_else(|now| now, |_| forbidden);
                }
            }
        }
    }

    /// Lets the owners give up by a store from now on, if nobody waits, as `waits` tells, which fences before it looks. Only the owner
    /// calls it, who has found the mutex unmarked.
    pub fn allow(self, waits: impl FnOnce() -> bool) {
        // Relaxed: the exchange compares it.
        let found = self.0.load(Ordering::Relaxed);
        if found & (STATE | FOR_GOOD) != BY_STEP {
            return;
        }
        let testing = next(found, TESTING);
        // SeqCst: `giving` is written before the waiters' `sequence`s are read; who waits writes its own, fences, and reads
        // `giving` (I4). Relaxed on failure: somebody waits.
        if self.0.compare_exchange(found, testing, Ordering::SeqCst, Ordering::Relaxed).is_ok() {
            self.end(testing, if waits() { BY_STEP } else { BY_STORE });
        }
    }

    /// Ends the state that was `seen`, unless another has.
    fn end(self, seen: u32, state: u32) {
        // Release: behind the caller's fence, or look. Relaxed on failure: who came meanwhile sees to it.
        let _ = self.0.compare_exchange(seen, next(seen, state), Ordering::Release, Ordering::Relaxed);
    }
}

/// The next version, in this state (I1), marked as it was.
const fn next(found: u32, state: u32) -> u32 {
    (found | STATE | FOR_GOOD).wrapping_add(1) | found & FOR_GOOD | state
}

#[cfg(all(test, not(crosstie_loom)))]
mod tests {
    use super::*;

    #[test]
    fn who_waits_forbids_the_store_and_an_owner_to_whom_nobody_waits_allows_it() {
        let word = AtomicU32::new(0);
        let giving = Giving::new(&word);
        assert_eq!(giving.may_store(), None);
        giving.allow(|| true);
        assert_eq!(giving.may_store(), None);
        giving.allow(|| false);
        let seen = giving.may_store().unwrap();
        assert!(giving.is_still(seen));
        assert!(giving.forbid(|| true) && !giving.is_still(seen));
        assert!(giving.forbid(|| unreachable!("everybody knows")));
        giving.allow(|| false);
        assert!(giving.may_store().is_some_and(|again| again != seen), "a version comes once");
    }

    #[test]
    fn what_was_forbidden_for_good_is_never_allowed_again_and_only_once_fenced() {
        let word = AtomicU32::new(0);
        let giving = Giving::new(&word);
        giving.allow(|| false);
        assert!(giving.may_store().is_some());
        assert!(!giving.forbid_for_good(|| false) && giving.may_store().is_none());
        assert!(giving.forbid(|| true) && giving.forbid_for_good(|| unreachable!("everybody knows")));
        giving.allow(|| false);
        assert_eq!(giving.may_store(), None);
        assert!(giving.forbid(|| unreachable!("everybody knows still")));
        // Where owners step already, it is marked all the same.
        let word = AtomicU32::new(0);
        let giving = Giving::new(&word);
        assert!(giving.forbid_for_good(|| true));
        giving.allow(|| false);
        assert_eq!(giving.may_store(), None);
    }

    #[test]
    fn who_comes_while_an_owner_looks_for_waiters_is_not_passed_over() {
        let word = AtomicU32::new(0);
        let giving = Giving::new(&word);
        giving.allow(|| {
            assert!(giving.forbid(|| true));
            false
        });
        assert_eq!(giving.may_store(), None);
    }

    #[test]
    fn where_nobody_can_be_fenced_every_owner_steps_all_the_same() {
        let word = AtomicU32::new(0);
        let giving = Giving::new(&word);
        giving.allow(|| false);
        assert!(!giving.forbid(|| false));
        assert_eq!(giving.may_store(), None);
        assert!(!giving.forbid(|| false), "the next one has to fence, too");
        giving.allow(|| false);
        assert!(giving.may_store().is_none(), "and no owner allows it behind their backs");
        assert!(giving.forbid(|| true) && giving.forbid(|| unreachable!("now everybody knows")));
    }

    #[test]
    fn of_many_that_come_at_once_none_undoes_what_another_began() {
        let word = AtomicU32::new(0);
        let giving = Giving::new(&word);
        giving.allow(|| false);
        assert!(giving.forbid(|| giving.forbid(|| true)));
        assert!(giving.forbid(|| unreachable!("it is settled")));
    }
}
