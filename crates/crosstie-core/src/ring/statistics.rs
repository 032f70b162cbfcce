//! What has happened in a ring so far, for who only looks.
//!
//! Nothing in the ring depends on it, and nothing else is read by it.
//!
//! # States
//! Numbers that only grow, from 0.
//!
//! # Invariants
//! - **I1** What an end has done is written by the holder of its role alone, so that a load and a store count one more.
//! - **I2** Deaths are added by whoever ends the role of somebody dead: its successor, or the other end that has told it.
//!
//! # Transitions
//! | who | what | by |
//! |---|---|---|
//! | producer, behind each commit | messages and bytes, more | store (I1) |
//! | an end that has slept | waits, the longest of them | store (I1) |
//! | who ends the role of somebody dead | deaths, one more | fetch_add (I2) |
//!
//! # Orderings
//! All Relaxed: no count publishes anything. Who looks may see one of them before another.
//!
//! # Progress
//! Wait-free.
//!
//! # Death
//! | dies | a survivor finds |
//! |---|---|
//! | a producer between a commit and its count | one message less than were sent |
//! | who ends a dead one's role, before its count | one death less |
//!
//! # Source
//! Counters of one writer: Linux's per-CPU statistics.

use super::control::Line;
use crate::atomic::{AtomicU64, Ordering};

/// The counts of a ring, 256 bytes; zeroed memory is a ring in which nothing has happened.
#[derive(Debug)]
#[repr(C, align(128))]
pub struct Statistics {
    messages: AtomicU64,
    bytes: AtomicU64,
    producer: Waits,
    consumer: Line<Waits>,
}

/// What an end has waited for, and how often its holder died.
#[derive(Debug)]
#[repr(C)]
pub struct Waits {
    count: AtomicU64,
    longest_ns: AtomicU64,
    deaths: AtomicU64,
}

/// What was read of [`Waits`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waited {
    /// How often it slept until the other end had done something.
    pub count: u64,
    /// The longest of these waits, in nanoseconds.
    pub longest_ns: u64,
    /// How many of its holders died.
    pub deaths: u64,
}

#[cfg(not(crosstie_loom))]
const _: () = {
    assert!(size_of::<Statistics>() == 256);
    assert!(core::mem::offset_of!(Statistics, producer) == 16);
    assert!(core::mem::offset_of!(Statistics, consumer) == 128);
};

impl Statistics {
    /// Messages that were sent, and the bytes in them.
    pub fn sent(&self) -> (u64, u64) {
        // Relaxed: a count publishes nothing; both.
        (self.messages.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }

    /// The producer has committed `messages` with `bytes` in them.
    #[inline(always)]
    pub fn count_sent(&self, messages: u64, bytes: u64) {
        grow(&self.messages, messages);
        grow(&self.bytes, bytes);
    }

    /// What the producers have waited for.
    pub fn producer(&self) -> &Waits {
        &self.producer
    }

    /// What the consumers have waited for.
    pub fn consumer(&self) -> &Waits {
        &self.consumer.0
    }
}

impl Waits {
    /// What it is now.
    pub fn read(&self) -> Waited {
        // Relaxed: as in `sent`; all of them.
        let [count, longest_ns, deaths] =
            [&self.count, &self.longest_ns, &self.deaths].map(|word| word.load(Ordering::Relaxed));
        Waited { count, longest_ns, deaths }
    }

    /// The holder has slept for `waited_ns`.
    pub fn count_wait(&self, waited_ns: u64) {
        grow(&self.count, 1);
        // Relaxed: one writer (I1), and no data.
        if waited_ns > self.longest_ns.load(Ordering::Relaxed) {
            // Relaxed: as above.
            self.longest_ns.store(waited_ns, Ordering::Relaxed);
        }
    }

    /// A holder has died.
    pub fn count_death(&self) {
        // Relaxed: a count publishes nothing.
        self.deaths.fetch_add(1, Ordering::Relaxed);
    }
}

/// Adds, as the only writer.
#[inline(always)]
fn grow(count: &AtomicU64, by: u64) {
    // Relaxed: one writer (I1), and no data; both.
    count.store(count.load(Ordering::Relaxed).wrapping_add(by), Ordering::Relaxed);
}
