//! The word on which any number of ends sleep until there is something for them.
//!
//! It is for channels with many ends, where a sleeper cannot take its announcement back without
//! taking another's: so each wake changes the word, and everybody who slept looks again. Who is to
//! sleep, and what wakes it beside this word (deaths), is decided above.
//!
//! # States
//! | bits | meaning |
//! |---|---|
//! | 0 | somebody may sleep until there is something |
//! | 1 | somebody may sleep until there will be nothing more |
//! | 2 | some of those who ever slept did so at a doorbell: whoever wakes rings those too |
//! | 3..32 | wakes so far, modulo 2^29 |
//!
//! # Invariants
//! - **I1** Who sleeps has announced itself, and has found nothing after that; it sleeps on the very
//!   value that its announcement left or found.
//! - **I2** Who changes the channel looks at the word after its change, and wakes everybody if
//!   somebody is announced.
//! - **I3** Who takes an announcement is one whom the sleeper watches. An end that comes or goes is not watched, or no longer, so it
//!   leaves the bits: killed before its wake it has kept nobody's from whoever makes the next change.
//!
//! # Transitions
//! | who | from → to | by |
//! |---|---|---|
//! | who will sleep at a doorbell | bit 2 clear → set, for ever | fetch_or, before its first announcement |
//! | who falls asleep | bit clear → set | fetch_or, then a full fence, then its last look |
//! | who wakes | bits set → clear, one wake more | CAS, once; then it wakes all, whoever won |
//! | who comes or goes | one wake more, bits as they are | fetch_add; then it wakes all |
//!
//! # Orderings
//! Dekker's two-variable story: the sleeper writes the word, then reads the channel; the waker writes
//! the channel, then reads the word; a fence stands between on both sides ([`Barrier`]), so one of
//! them sees the other. A CAS that fails met another waker or another sleeper. In both cases who
//! announced itself before the waker's look is asleep on a value that is gone, or in the kernel, where the
//! wake finds it; and who announced itself later looks after its fence, which came after the waker's.
//!
//! # Progress
//! Wait-free. A wake wakes all: one that is stopped keeps no job from the others (a wake for one
//! could be spent on it). So a job that comes while N sleep costs N wake-ups.
//!
//! # Death
//! | dies | a survivor finds |
//! |---|---|
//! | a sleeper | a bit that says too much: one wake is spent on nobody |
//! | a waker between its change and its wake | sleepers that must watch its life, and look again |
//! | one that has come or gone, before its wake | those it had to wake by watching it, or by the next change (I3) |
//!
//! # Source
//! Event counts: Reed and Kanodia (CACM 1979); futex(2).

use super::spsc::Barrier;
use crate::atomic::{AtomicU32, Ordering, fence};
use crate::crash_point;

/// What somebody sleeps for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaits {
    /// That there is something.
    Something,
    /// That there is something, or that there will be nothing more.
    SomethingOrTheEnd,
}

const SOMETHING: u32 = 1;
const END: u32 = 2;
const ALL: u32 = SOMETHING | END;
const DOORBELLS: u32 = 4;
const ONE_WAKE: u32 = 8;

/// The word; zeroed memory is one on which nobody sleeps.
#[derive(Debug)]
#[repr(transparent)]
pub struct Sleepers(AtomicU32);

impl Sleepers {
    /// Nobody sleeps.
    #[must_use]
    pub fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    /// Announces a sleep: the caller runs `membarrier` if it can, looks once more, and then sleeps on
    /// [`Sleepers::word`] while it holds the answer.
    #[must_use]
    pub fn announce(&self, awaits: Awaits) -> u32 {
        let bits = match awaits {
            Awaits::Something => SOMETHING,
            Awaits::SomethingOrTheEnd => ALL,
        };
        // Relaxed: the fence below orders it.
        let seen = self.0.fetch_or(bits, Ordering::Relaxed) | bits;
        // SeqCst: the two-variable story of the module's header, this `word` against the channel.
        fence(Ordering::SeqCst);
        crash_point!("sleepers.announced");
        seen
    }

    /// After the channel has got something: whether anybody sleeps, and the caller must wake all.
    #[inline]
    pub fn must_wake(&self, barrier: Barrier) -> bool {
        self.take_wake(barrier, ALL)
    }

    /// After something was taken out for good: whether anybody sleeps until there will be nothing
    /// more, and the caller must wake all.
    #[inline]
    pub fn must_wake_for_the_end(&self, barrier: Barrier) -> bool {
        self.take_wake(barrier, END)
    }

    /// After an end has come or gone, which sleepers must see whatever they sleep for: the caller then wakes all, announced
    /// or not, because a waker that died may have taken the announcement and not made its wake. Announcements stay (I3).
    pub fn rouse(&self) {
        // SeqCst: the two-variable story of the module's header, this `word` against the `members`.
        fence(Ordering::SeqCst);
        // Relaxed: the fence above orders it; who falls asleep on the value of before looks again.
        self.0.fetch_add(ONE_WAKE, Ordering::Relaxed);
        crash_point!("sleepers.roused");
    }

    /// Says that from now on somebody may sleep at a doorbell, not on the word: the caller announces itself as others do.
    pub fn use_doorbells(&self) {
        // Relaxed: the fence of the announcement that follows orders it.
        self.0.fetch_or(DOORBELLS, Ordering::Relaxed);
    }

    /// After a wake was taken, or made for all: whether doorbells are to be rung beside it.
    #[must_use]
    pub fn have_doorbells(&self) -> bool {
        // Relaxed: set before any announcement, and the wake was taken from one.
        self.0.load(Ordering::Relaxed) & DOORBELLS != 0
    }

    /// The word to sleep on.
    pub fn word(&self) -> &AtomicU32 {
        &self.0
    }

    /// Whether who announced a sleep, and was answered `seen`, has not been woken since: for who only looks.
    #[must_use]
    pub fn is_asleep_since(&self, seen: u32) -> bool {
        // Acquire: what is read behind it is not older.
        self.0.load(Ordering::Acquire) / ONE_WAKE == seen / ONE_WAKE
    }

    #[inline]
    fn take_wake(&self, barrier: Barrier, bits: u32) -> bool {
        barrier.light();
        // Relaxed: the barrier above orders it; a stale 0 is excluded by the sleeper's own fence.
        let seen = self.0.load(Ordering::Relaxed);
        if seen & bits == 0 {
            return false;
        }
        self.count_wake(seen);
        crash_point!("sleepers.wake-taken");
        true
    }

    fn count_wake(&self, seen: u32) {
        let woken = (seen & !ALL).wrapping_add(ONE_WAKE);
        // Relaxed: it only makes those who fall asleep on `seen` look again; they read the channel by
        // their own orderings. Failure: see Orderings.
        let _ = self.0.compare_exchange(seen, woken, Ordering::Relaxed, Ordering::Relaxed);
    }
}

impl Default for Sleepers {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(all(test, not(crosstie_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_wake_is_for_who_announced_itself_and_changes_what_it_sleeps_on() {
        let sleepers = Sleepers::new();
        assert!(!sleepers.must_wake(Barrier::Fence));
        let first = sleepers.announce(Awaits::Something);
        assert!(!sleepers.must_wake_for_the_end(Barrier::Fence));
        assert_eq!(sleepers.announce(Awaits::Something), first, "a second sleeper wakes no first one");
        assert!(sleepers.is_asleep_since(first));
        assert!(sleepers.must_wake(Barrier::Fence));
        assert!(!sleepers.is_asleep_since(first));
        assert!(!sleepers.must_wake(Barrier::Fence), "woken twice");
        assert_ne!(sleepers.announce(Awaits::SomethingOrTheEnd), first);
        assert!(sleepers.must_wake_for_the_end(Barrier::Fence));
    }

    #[test]
    fn who_goes_and_is_killed_before_its_wake_leaves_the_announcement_to_the_next() {
        let sleepers = Sleepers::new();
        let seen = sleepers.announce(Awaits::SomethingOrTheEnd);
        sleepers.rouse();
        assert!(!sleepers.is_asleep_since(seen), "who is about to sleep looks again");
        assert!(sleepers.must_wake(Barrier::Fence), "and who sleeps already is woken by the next change");
    }

    #[test]
    fn that_there_are_doorbells_outlasts_every_wake() {
        let sleepers = Sleepers::new();
        assert!(!sleepers.have_doorbells());
        sleepers.use_doorbells();
        assert!(!sleepers.must_wake(Barrier::Fence), "nobody sleeps");
        let before = sleepers.announce(Awaits::Something);
        assert!(sleepers.must_wake(Barrier::Fence) && sleepers.have_doorbells());
        assert_ne!(sleepers.announce(Awaits::Something), before, "the wake counted for nothing");
    }
}
