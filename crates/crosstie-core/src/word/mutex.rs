//! The word of a mutex: who owns it, and what its owner must do for those who wait.
//!
//! It is one 64-bit word and holds no queue: who waits stands in the waiters' own slots
//! ([`super::waiting`]). Taking and giving up are one compare-exchange each, so there is no instant
//! at which it is unclear who owns it.
//!
//! # States
//! | owner id | flags | state |
//! |---|---|---|
//! | none | none | free; who waits, if anybody, is behind a first that is awake or dead |
//! | a living owner | none | owned; as above |
//! | a living owner | `CONTENDED` | owned; whoever gives it up looks for the first in the queue |
//! | a living owner | `CONTENDED` `HANDOFF` | owned; the first has been first for long enough to be the next owner |
//! | none | `CONTENDED` `HANDOFF` | free, and kept for the first, which is awake or dead |
//! | a waiter | `CONTENDED` `GRANTED` | handed to that waiter, which has not seen it yet |
//! | a dead owner | any but `GRANTED` | abandoned: the next owner is told |
//! | a dead waiter, or one that waits no longer | `GRANTED` | as good as free: it never owned |
//!
//! While nobody waits, an owner may give up by a plain store ([`super::giving`]): what was marked meanwhile
//! is gone then, and the owner looks for the first as if it had found `CONTENDED`. So the mutex can be free for an instant although it was
//! to be kept for the first; who is woken by that marks it again. Of a fair mutex nobody stores.
//!
//! Nothing here says that somebody was woken: until the first comes, everybody else takes the mutex and gives it up
//! in one step each, as if nobody waited.
//!
//! # Invariants
//! - **I1** An owner's id without `GRANTED` was put there by that owner, and nobody replaces it while it
//!   lives, unless somebody takes the mutex away by force: then every step below that the table gives to the owner
//!   may be that other's, and the owner's own comes too late.
//! - **I2** The first in the queue has published its record before it sees the word for the last time before it
//!   sleeps; and then the word has an owner and `CONTENDED` (`word::waiting` I4).
//! - **I3** Whoever gives the mutex up with `CONTENDED`, or takes that away, looks for the first afterwards, and wakes
//!   it or grants the mutex to it.
//! - **I4** Who takes the mutex as the first sets `CONTENDED`: those behind it, who need not have looked at the word
//!   at all, are looked for when it gives up.
//! - **I5** As long as the first sleeps, the owner is the one that it watches: only that one, or one who found it dead,
//!   can have ended the ownership in which the first set `CONTENDED`, and I3 follows.
//! - **I6** A grant counts while its receiver's record waits for this mutex. It accepts by a
//!   compare-exchange, and so does whoever takes a grant back: one of them wins. Nobody adds a mark to a grant.
//!
//! # Transitions
//! | from → to | who | ordering | why |
//! |---|---|---|---|
//! | free → owned, no flags ([`MutexWord::try_lock`]) | anyone | Acquire | meets the last owner's Release |
//! | free → owned, no flags ([`MutexWord::try_lock_before_look`]) | a writer among readers | SeqCst | as above; then it looks for readers |
//! | free, dead, void grant → owned + the same flags, and marks ([`MutexWord::overtake`]) | anyone not queued | AcqRel | as above; releases for the dead |
//! | owned → owned by another + the same flags ([`MutexWord::overtake`]) | who takes a lock away from a writer among readers by force | AcqRel | I1: it leaves as the owner |
//! | free, dead, void grant → owned + `CONTENDED` ([`MutexWord::take_first`]) | first in the queue | AcqRel | as above; I4 |
//! | owned → + `CONTENDED` ([`MutexWord::announce`]) | the first; of a fair one whoever queues | Relaxed | I2: the fence stands in `publish` |
//! | any but granted → + `CONTENDED` `HANDOFF` ([`MutexWord::announce`]) | who finds that the first has been first for long | Relaxed | a mark |
//! | granted → owned + `CONTENDED` ([`MutexWord::take_first`]) | the receiver | AcqRel | meets the granter's Release |
//! | owned → free, no flags ([`MutexWord::try_unlock`], [`MutexWord::release`]) | owner | Release | publishes what it protected; with flags it then looks for the first, I3 |
//! | owned → free, no flags ([`MutexWord::try_unlock_before_look`]) | such a writer | SeqCst | as above; then it looks for readers |
//! | owned → free, no flags ([`MutexWord::store_free`]) | owner, as `word::giving` allows | Release | as above; marks set meanwhile are gone: then it looks for the first, I3 |
//! | owned → owned, no flags ([`MutexWord::hush`]) | owner that hands over | Relaxed | then looks for the first, I3 |
//! | owned → granted ([`MutexWord::grant`]) | owner | Release | publishes what it protected |
//! | granted → owned by the granter ([`MutexWord::take_back`]) | granter | Acquire | its receiver had left, I6 |
//!
//! # Orderings
//! Each Release above meets the Acquire of whoever owns next. A dead owner published nothing; its
//! stores are visible because the kernel's mark, which told its death, came after them. The
//! two-sided look of I2 and I3 is ordered by the SeqCst fences of `word::waiting`.
//!
//! # Progress
//! Locking and unlocking without waiters: one step. Unlocking never waits for a waiter. Fair (patience
//! 0): who is in the queue is overtaken by nobody that comes later; who published an earlier place only after the first had looked, by that one. Otherwise: by whoever comes, until it has been the
//! first for the object's patience; then by nobody, as soon as one who waits, comes, or gives up with `CONTENDED` has
//! run to say so.
//!
//! # Death
//! | killed | leaves | who goes on |
//! |---|---|---|
//! | owner | its id | the first, if it sleeps, watches its life (I5); or whoever comes |
//! | owner between giving up and its look for the first, or at `word::giving` | free, and nobody awake | the first, who watched it |
//! | one who overtook the woken first | its id | the first, which is awake |
//! | granter before its wake | a grant | the receiver, who watched the granter |
//! | receiver of a grant | a void grant | its successor, who watched it |
//! | woken first | nobody awake | its successor, who watched it and is now the first |
//! | waiter, anywhere in the queue | a record that counts no longer | its successor, who watched it |
//!
//! # Source
//! Three-state futex mutexes: Drepper, "Futexes Are Tricky", 2011. The hand-over after a bounded wait:
//! WebKit's WTF::Lock and parking_lot. The waiter that watches its predecessor: CLH locks (Craig 1993).
//! The lost wake-up of a killed woken waiter: HAZARDS H2; grants: H12.

use crate::OwnerId;
use crate::atomic::{AtomicU64, Ordering};
use crate::crash_point;

/// Whoever gives the mutex up looks for the first in the queue.
pub const CONTENDED: u64 = 1 << 63;
/// The first in the queue is to be the next owner.
pub const HANDOFF: u64 = 1 << 61;
/// The owner was made so by another and has not seen it yet.
pub const GRANTED: u64 = 1 << 60;

/// What the word held when it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found(u64);

impl Found {
    /// The owner, if there is one; ask whether it lives.
    #[must_use]
    pub const fn owner(self) -> Option<OwnerId> {
        OwnerId::from_bits(self.0)
    }

    /// Whether all of `flags` are set.
    #[must_use]
    pub const fn has(self, flags: u64) -> bool {
        self.0 & flags == flags
    }

    /// Whether no flag is set.
    #[must_use]
    pub const fn has_no_flags(self) -> bool {
        self.0 & OwnerId::FLAG_BITS == 0
    }

    /// The whole word.
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        self.0
    }
}

/// The word of a mutex; see the module.
#[derive(Clone, Copy, Debug)]
pub struct MutexWord<'a>(&'a AtomicU64);

impl<'a> MutexWord<'a> {
    /// The mutex whose word is `word`; 0 is free.
    #[must_use]
    #[inline]
    pub const fn new(word: &'a AtomicU64) -> Self {
        Self(word)
    }

    /// Takes the mutex if it is free and nobody waits.
    #[must_use]
    #[inline]
    pub fn try_lock(self, me: OwnerId) -> bool {
        // Acquire: meets the Release with which the last owner gave it up.
        // Relaxed on failure: nothing is read.
        self.0.compare_exchange(0, me.to_bits(), Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Gives the mutex up if nobody waits.
    #[must_use]
    #[inline]
    pub fn try_unlock(self, me: OwnerId) -> bool {
        // Release: publishes what it protected to the next owner.
        // Relaxed on failure: the word is read again.
        self.0.compare_exchange(me.to_bits(), 0, Ordering::Release, Ordering::Relaxed).is_ok()
    }

    /// Gives the mutex up by a store: what others mark meanwhile is lost. For who keeps `word::giving` I2.
    #[inline(always)]
    pub fn store_free(self) {
        // Release: publishes what it protected to the next owner.
        #[cfg(not(crosstie_loom))]
        self.0.store(0, Ordering::Release);
        // Release: as above. loom would let a store stand between an exchange of others and what that read.
        #[cfg(crosstie_loom)]
        self.0.swap(0, Ordering::Release);
    }

    /// As [`MutexWord::try_lock`], for who then looks at other words by [`look`](crate::word::permits::look).
    #[must_use]
    #[inline]
    pub fn try_lock_before_look(self, me: OwnerId) -> bool {
        // SeqCst: the `word` is written before the readers' `owner`s and `queueing` are read; a reader writes its own, then
        // reads the `word`: one of them sees the other. Relaxed on failure: nothing is read.
        self.0.compare_exchange(0, me.to_bits(), Ordering::SeqCst, Ordering::Relaxed).is_ok()
    }

    /// As [`MutexWord::try_unlock`], for who then looks at other words by [`look`](crate::word::permits::look).
    #[must_use]
    #[inline]
    pub fn try_unlock_before_look(self, me: OwnerId) -> bool {
        // SeqCst: the `word` is written before `queueing` is read; who queues writes `queueing`, fences, and reads the
        // `word`. Relaxed on failure: the word is read again.
        self.0.compare_exchange(me.to_bits(), 0, Ordering::SeqCst, Ordering::Relaxed).is_ok()
    }

    /// The word now.
    #[inline]
    #[must_use]
    pub fn read(self) -> Found {
        // Acquire: who finds a dead owner or a grant sees what came before it.
        Found(self.0.load(Ordering::Acquire))
    }

    /// Takes a vacant mutex, or by force another's, without having queued: its flags stay, for those who have, and `marks` are added.
    ///
    /// # Errors
    /// What the word holds instead of `found`.
    pub fn overtake(self, found: Found, me: OwnerId, marks: u64) -> Result<(), Found> {
        let kept = found.0 & (CONTENDED | HANDOFF);
        // AcqRel: meets the Release with which the last owner gave it up; a dead one released nothing, and who sees the new
        // owner's id is to see what it did (the phase of `turns::rwlock`). Acquire on failure: as `read`.
        told(self.0.compare_exchange(
            found.0,
            me.to_bits() | kept | marks,
            Ordering::AcqRel,
            Ordering::Acquire,
        ))
    }

    /// Takes a vacant mutex as the first in the queue, or accepts a grant.
    ///
    /// # Errors
    /// What the word holds instead of `found`.
    pub fn take_first(self, found: Found, me: OwnerId) -> Result<(), Found> {
        // AcqRel: meets the last owner's or the granter's Release; for the dead as in `overtake`. Acquire on failure: as
        // `read`.
        told(self.0.compare_exchange(found.0, me.to_bits() | CONTENDED, Ordering::AcqRel, Ordering::Acquire))
    }

    /// Adds `marks` to the word of an owner. A grant stays as it is (I6): it has what its receiver needs.
    ///
    /// # Errors
    /// What the word holds instead of `found`.
    pub fn announce(self, found: Found, marks: u64) -> Result<(), Found> {
        if found.has(GRANTED) || found.has(marks) {
            return Ok(());
        }
        // Relaxed: a mark; the waiter's fence in `publish` orders it (I2). Acquire on failure: as `read`.
        told(self.0.compare_exchange(found.0, found.0 | marks, Ordering::Relaxed, Ordering::Acquire))
    }

    /// Gives the mutex up with all its flags; look for the first in the queue next.
    ///
    /// # Errors
    /// What the word holds instead of `found`.
    pub fn release(self, found: Found) -> Result<(), Found> {
        crash_point!("mutex.release");
        // Release: publishes what it protected to the next owner. Acquire on failure: as `read`.
        told(self.0.compare_exchange(found.0, 0, Ordering::Release, Ordering::Acquire))
    }

    /// Takes the flags away before a look for waiters, the mutex still owned.
    ///
    /// # Errors
    /// What the word holds instead of `found`.
    pub fn hush(self, found: Found, me: OwnerId) -> Result<(), Found> {
        // Relaxed: it stays owned; the look that follows fences (I3). Acquire on failure: as `read`.
        told(self.0.compare_exchange(found.0, me.to_bits(), Ordering::Relaxed, Ordering::Acquire))
    }

    /// Makes the waiter `to` the owner; it has to accept.
    ///
    /// # Errors
    /// What the word holds instead of `found`.
    pub fn grant(self, found: Found, to: OwnerId) -> Result<Found, Found> {
        let granted = to.to_bits() | CONTENDED | GRANTED;
        // Release: publishes what it protected to the receiver. Acquire on failure: as `read`.
        told(self.0.compare_exchange(found.0, granted, Ordering::Release, Ordering::Acquire))
            .map(|()| Found(granted))
    }

    /// Takes the grant `granted` back, which nobody has accepted.
    ///
    /// # Errors
    /// What the word holds instead.
    pub fn take_back(self, granted: Found, me: OwnerId) -> Result<(), Found> {
        // Acquire: as an owner takes it; nobody was in between. On failure as `read`.
        told(self.0.compare_exchange(
            granted.0,
            me.to_bits() | CONTENDED,
            Ordering::Acquire,
            Ordering::Acquire,
        ))
    }

    /// Makes `to` the owner in place of `from`, flags as they are; answers whether `from` was it.
    #[must_use]
    pub fn pass_on(self, from: OwnerId, to: OwnerId) -> bool {
        let mut found = self.read();
        // Only waiters change the word of a living owner, and each at most twice.
        while found.owner() == Some(from) {
            let kept = found.0 & OwnerId::FLAG_BITS;
            // AcqRel: what the old owner did comes before what the new one does. Acquire on failure:
            // as `read`.
            let passed =
                self.0.compare_exchange(found.0, to.to_bits() | kept, Ordering::AcqRel, Ordering::Acquire);
            match told(passed) {
                Ok(()) => return true,
                Err(now) => found = now,
            }
        }
        false
    }
}

/// What a compare-exchange of the word answers: a value that is decided upon as [`MutexWord::read`]'s is.
fn told(answer: Result<u64, u64>) -> Result<(), Found> {
    answer.map(drop).map_err(Found)
}

#[cfg(all(test, not(crosstie_loom)))]
mod tests {
    use super::*;

    const A: OwnerId = OwnerId::new(1, 5);
    const B: OwnerId = OwnerId::new(2, 9);

    #[test]
    fn a_mutex_without_waiters_is_taken_and_given_up_in_one_step_each() {
        let word = AtomicU64::new(0);
        let mutex = MutexWord::new(&word);
        assert!(mutex.try_lock(A) && !mutex.try_lock(B));
        assert!(!mutex.try_unlock(B) && mutex.try_unlock(A));
        assert_eq!(mutex.read().to_bits(), 0);
    }

    #[test]
    fn a_contended_mutex_is_not_given_up_without_a_look_for_waiters() {
        let word = AtomicU64::new(0);
        let mutex = MutexWord::new(&word);
        assert!(mutex.try_lock(A));
        mutex.announce(mutex.read(), CONTENDED).unwrap();
        let found = mutex.read();
        assert!(found.has(CONTENDED) && !mutex.try_unlock(A));
        mutex.release(found).unwrap();
        assert_eq!(mutex.read().to_bits(), 0);
    }

    #[test]
    fn a_grant_is_accepted_or_taken_back_never_both() {
        let word = AtomicU64::new(0);
        let mutex = MutexWord::new(&word);
        assert!(mutex.try_lock(A));
        let granted = mutex.grant(mutex.read(), B).unwrap();
        assert_eq!((granted.owner(), granted.has(GRANTED)), (Some(B), true));
        mutex.take_first(granted, B).unwrap();
        assert!(mutex.take_back(granted, A).is_err());
        assert_eq!(mutex.read().owner(), Some(B));
    }
}
