//! What a caller says about one of its calls while a server has it: that it waits, and how much it took.
//!
//! It lies in the caller's own file, one for each of its calls in flight. Servers read it; so a call is cancelled, and a
//! stream is let go on, without a message to whoever has the call in hand, which the caller need not know.
//!
//! # States
//! | id | taken | meaning |
//! |---|---|---|
//! | 0 | any | nobody waits for a call here |
//! | a call's id, and 1 | 0 and more | its caller waits, and has taken replies of so much cost |
//!
//! # Invariants
//! - **I1** It is written by the caller alone.
//! - **I2** `taken` does not fall while the id stays.
//! - **I3** `changes` changes behind each change that a server may sleep for: a cancellation, and what was taken.
//!
//! # Transitions
//! | who | from → to | by |
//! |---|---|---|
//! | caller, before it sends the call | 0 → id, taken 0 | Release |
//! | caller, which took replies | taken → more; then `changes` | Release |
//! | caller, whose call is over | id → 0 | Release |
//! | caller, which waits no more | id → 0; then `changes` | Release |
//!
//! # Orderings
//! The Release of `changes` meets the Acquire of the server that is to sleep on it: it reads `changes`, then the rest, then sleeps
//! while `changes` is what it read. So what it has not seen changes what it sleeps on.
//!
//! # Progress
//! Wait-free: each is one or two steps.
//!
//! # Death
//! Of the caller: the words stay; who reads them asks whether it lives. Of a server: none, it writes nothing.
//!
//! # Source
//! Event counts: Reed and Kanodia (CACM 1979); credit by what the reader has taken: HTTP/2 (RFC 9113), WINDOW_UPDATE.

use crate::atomic::{AtomicU32, AtomicU64, Ordering};
use crate::crash_point;

/// The words of one call; zeroed memory is none.
#[derive(Debug)]
#[repr(C)]
pub struct CallWords {
    id: AtomicU32,
    changes: AtomicU32,
    taken: AtomicU64,
}

#[cfg(not(crosstie_loom))]
const _: () = assert!(size_of::<CallWords>() == 16);

impl CallWords {
    /// No call.
    #[must_use]
    pub fn new() -> Self {
        Self { id: AtomicU32::new(0), changes: AtomicU32::new(0), taken: AtomicU64::new(0) }
    }

    /// A call begins; only its caller calls this, and what follows (I1).
    pub fn open(&self, id: u32) {
        // Relaxed: published by the id.
        self.taken.store(0, Ordering::Relaxed);
        crash_point!("call.opening");
        // Release: who finds the id finds nothing taken of it (I2).
        self.id.store(id.wrapping_add(1), Ordering::Release);
    }

    /// The call is over: a server that gets it once more, because the one that answered it died behind its answer, need not do it.
    pub fn close(&self) {
        // Release: nothing more is taken of the call behind it.
        self.id.store(0, Ordering::Release);
    }

    /// Nobody waits for the call any more; the caller then wakes who sleeps on [`CallWords::changes`].
    pub fn cancel(&self) {
        self.close();
        crash_point!("call.cancelled");
        self.count_change();
    }

    /// Replies of so much cost were taken, all in all; the caller then wakes who sleeps on [`CallWords::changes`].
    pub fn take(&self, total_cost: u64) {
        // Release: the replies were taken before.
        self.taken.store(total_cost, Ordering::Release);
        crash_point!("call.taken");
        self.count_change();
    }

    fn count_change(&self) {
        // Release: who sees it sees the change before (I3).
        self.changes.fetch_add(1, Ordering::Release);
    }

    /// Whether somebody waits for the call `id`.
    pub fn is_wanted(&self, id: u32) -> bool {
        // Acquire: meets the caller's Release.
        self.id.load(Ordering::Acquire) == id.wrapping_add(1)
    }

    /// The cost of the replies that were taken.
    pub fn taken(&self) -> u64 {
        // Acquire: meets the caller's Release.
        self.taken.load(Ordering::Acquire)
    }

    /// The word to sleep on, and what it holds; read before all else (I3).
    pub fn changes(&self) -> (&AtomicU32, u32) {
        // Acquire: what is read behind it is not older.
        (&self.changes, self.changes.load(Ordering::Acquire))
    }
}

impl Default for CallWords {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(all(test, not(crosstie_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_wanted_from_when_it_is_opened_until_it_is_over() {
        let words = CallWords::new();
        assert!(!words.is_wanted(7));
        words.open(7);
        assert!(words.is_wanted(7) && !words.is_wanted(8));
        let (_, before) = words.changes();
        words.take(64);
        assert_eq!(words.taken(), 64);
        assert_ne!(words.changes().1, before, "who sleeps is told");
        words.cancel();
        assert!(!words.is_wanted(7));
        words.open(8);
        assert_eq!(words.taken(), 0);
    }
}
