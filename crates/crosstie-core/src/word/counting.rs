//! A counting semaphore that anyone may raise: no owner, nothing comes back by itself.
//!
//! # States
//! Bits 0 to 31 of the word: the value. The rest: [`super::queueing`].
//!
//! # Invariants
//! - **I1** The value changes by one exchange of the whole word, so who raises it sees in the same step
//!   whether somebody queues.
//!
//! # Transitions
//! | from → to | who | ordering | why |
//! |---|---|---|---|
//! | n → n + 1 ([`Counting::try_post`]) | anyone | Release | publishes what was done before |
//! | n > 0 → n − 1 ([`Counting::try_wait`]) | anyone; the first if somebody queues | Acquire | meets a post's Release |
//! | n → 0 ([`Counting::take_all`]) | who found nobody that they were for | Relaxed | nobody goes on by them |
//!
//! # Orderings
//! A post's Release meets the Acquire of whoever takes a unit after it (a release sequence: all changes
//! are exchanges).
//!
//! # Progress
//! One exchange, repeated when another changed the word.
//!
//! A load that follows a thread's own exchange of the same word waits until that is over: as long as a third of the exchange. So who comes again and
//! again begins with what it left there ([`LastSeen`]), and loads the word only where that was wrong the last time.
//!
//! # Death
//! Nobody owns a unit: who dies behind `try_wait` has used it up. Who dies between a post and its wake has
//! announced itself to the kernel before, which rings the domain's bell.
//!
//! # Source
//! sem_overview(7); Dijkstra's P and V, EWD 123 (1965).

use core::cell::Cell;

use super::queueing::QUEUED;
use crate::atomic::{AtomicU64, Ordering};

/// The largest value, as of a `sem_t`.
pub const VALUE_MAX: u32 = i32::MAX as u32;
const VALUE: u64 = 0xFFFF_FFFF;

/// The word of a counting semaphore; see the module.
#[derive(Clone, Copy, Debug)]
pub struct Counting<'a>(&'a AtomicU64);

impl<'a> Counting<'a> {
    /// The semaphore whose word is `word`; 0 is a value of 0.
    #[must_use]
    #[inline]
    pub const fn new(word: &'a AtomicU64) -> Self {
        Self(word)
    }

    /// The word now.
    #[must_use]
    #[inline]
    pub fn read(self) -> u64 {
        // Acquire: a value that is seen was posted.
        self.0.load(Ordering::Acquire)
    }

    /// The value in a word that was read.
    #[must_use]
    pub const fn value_in(word: u64) -> u32 {
        (word & VALUE) as u32
    }

    /// Whether somebody queues, in a word that was read.
    #[must_use]
    pub const fn is_queued(word: u64) -> bool {
        word & QUEUED != 0
    }

    /// Whether nobody queues, and the value is less than the largest, in a word that was read.
    #[must_use]
    #[inline]
    pub const fn may_post(word: u64) -> bool {
        word & (QUEUED | VALUE) < VALUE_MAX as u64
    }

    /// Whether nobody queues, and there is one to take, in a word that was read.
    #[must_use]
    #[inline]
    pub const fn may_take(word: u64) -> bool {
        // One comparison: 0 becomes the largest, and a word with `QUEUED` is no smaller than the bound.
        (word & (QUEUED | VALUE)).wrapping_sub(1) < QUEUED - 1
    }

    /// Raises the value by one, unless the word has changed since `found` was read.
    ///
    /// # Errors
    /// What the word holds instead. The caller looks at the limit.
    #[inline]
    pub fn try_post(self, found: u64) -> Result<(), u64> {
        // Release: publishes what was done before the post. Relaxed on failure: read again by the caller's next try.
        self.0.compare_exchange(found, found + 1, Ordering::Release, Ordering::Relaxed).map(|_| ())
    }

    /// Takes one, unless there is none or the word has changed since `found` was read.
    ///
    /// # Errors
    /// What the word holds.
    #[inline]
    pub fn try_wait(self, found: u64) -> Result<(), u64> {
        if Self::value_in(found) == 0 { Err(found) } else { self.take(found) }
    }

    /// As [`Counting::try_wait`], where there was one: as [`Counting::may_take`] said.
    ///
    /// # Errors
    /// What the word holds.
    #[inline(always)]
    pub fn take(self, found: u64) -> Result<(), u64> {
        // Acquire: meets a post's Release. Relaxed on failure: decided upon again.
        self.0
            .compare_exchange(found, found.wrapping_sub(1), Ordering::Acquire, Ordering::Relaxed)
            .map(|_| ())
    }

    /// As [`Counting::take`], of what one thread expects to find; where that is nothing to take, or wrong, of what it finds. Answers whether it took one: nobody
    /// queues, and there was one.
    #[inline(always)]
    #[must_use]
    pub fn take_at_once(self, seen: &LastSeen) -> bool {
        let take = |found| (Self::may_take(found) && self.take(found).is_ok()).then(|| found - 1);
        seen.change(|| self.read(), take)
    }

    /// As [`Counting::try_post`], as [`Counting::take_at_once`]. Answers whether it posted: nobody queues, and there was room.
    #[inline(always)]
    #[must_use]
    pub fn post_at_once(self, seen: &LastSeen) -> bool {
        let post = |found| (Self::may_post(found) && self.try_post(found).is_ok()).then(|| found + 1);
        seen.change(|| self.read(), post)
    }

    /// Takes all that there are, where nobody is left whom they were for.
    pub fn take_all(self) {
        // Relaxed: nobody goes on by them.
        self.0.fetch_and(!VALUE, Ordering::Relaxed);
    }
}

/// What a thread left in the word of the counting semaphore that it changed last: what it will find, if nobody else comes and it takes no other.
/// A guess that an exchange checks, so nothing depends on it but time.
#[derive(Debug)]
pub struct LastSeen(Cell<u64>);

impl LastSeen {
    /// Nothing was seen yet.
    #[must_use]
    pub const fn new() -> Self {
        // A word in which somebody queues is one that nothing may be done to.
        Self(Cell::new(QUEUED))
    }

    /// Does `change` to what is expected, or, where that is not possible, to what is `read`; it answers what it left.
    #[inline(always)]
    fn change(&self, read: impl Fn() -> u64, change: impl Fn(u64) -> Option<u64>) -> bool {
        let guess = self.0.get();
        if let Some(left) = change(guess) {
            self.0.set(left);
            return true;
        }
        let found = read();
        let Some(left) = change(found) else { return false };
        // Marked with `QUEUED` as one not to begin with, unless this one would have been right.
        self.0.set(if found == guess & !QUEUED { left } else { left | QUEUED });
        true
    }
}

impl Default for LastSeen {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(all(test, not(crosstie_loom)))]
mod tests {
    use super::*;

    #[test]
    fn what_a_thread_expects_is_right_or_of_no_effect() {
        let (word, other) = (AtomicU64::new(2), AtomicU64::new(7));
        let (here, there) = (Counting::new(&word), Counting::new(&other));
        let seen = LastSeen::new();
        assert!(here.take_at_once(&seen) && here.take_at_once(&seen));
        assert_eq!((seen.0.get(), here.read()), (0, 0), "right the second time, so begun with the next");
        assert!(!here.take_at_once(&seen), "there is none");
        assert!(here.post_at_once(&seen) && there.take_at_once(&seen), "wrong for another");
        assert_eq!((here.read(), there.read(), seen.0.get()), (1, 6, 6 | QUEUED));
        assert!(here.take_at_once(&seen) && here.post_at_once(&seen));
        word.store(1 | QUEUED, Ordering::Relaxed);
        assert!(!here.take_at_once(&seen) && !here.post_at_once(&seen), "somebody queues");
        assert_eq!(here.read(), 1 | QUEUED);
        word.store(u64::from(VALUE_MAX), Ordering::Relaxed);
        assert!(!here.post_at_once(&seen) && here.take_at_once(&seen) && here.post_at_once(&seen));
        assert!(!here.post_at_once(&seen), "it is full");
    }

    #[test]
    fn one_comparison_says_what_two_do() {
        let others = 1 << 32;
        for value in [0, 1, 2, VALUE_MAX - 1, VALUE_MAX, u32::MAX] {
            for bits in [0, others, QUEUED, QUEUED | others] {
                let word = u64::from(value) | bits;
                let is_queued = Counting::is_queued(word);
                assert_eq!(Counting::may_take(word), !is_queued && value > 0, "{word:#x}");
                assert_eq!(Counting::may_post(word), !is_queued && value < VALUE_MAX, "{word:#x}");
            }
        }
    }
}
