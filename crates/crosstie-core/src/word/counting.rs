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
//! # Death
//! Nobody owns a unit: who dies behind `try_wait` has used it up. Who dies between a post and its wake has
//! announced itself to the kernel before, which rings the domain's bell.
//!
//! # Source
//! sem_overview(7); Dijkstra's P and V, EWD 123 (1965).

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

    /// Takes all that there are, where nobody is left whom they were for.
    pub fn take_all(self) {
        // Relaxed: nobody goes on by them.
        self.0.fetch_and(!VALUE, Ordering::Relaxed);
    }
}

#[cfg(all(test, not(crosstie_loom)))]
mod tests {
    use super::*;

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
