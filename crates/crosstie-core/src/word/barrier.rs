//! The parties of a barrier: a seat each, which says who has it and in which generation they have come.
//!
//! # States
//! | seat's owner | arrived | state |
//! |---|---|---|
//! | 0 | any | nobody has it |
//! | an owner | generation or less | awaited |
//! | an owner | generation + 1 | has come |
//! | a dead owner | generation or less | will never come: the barrier breaks, or shrinks |
//!
//! The word: bits 0 to 31 the generation, bit 63 broken.
//!
//! # Invariants
//! - **I1** Only its owner writes `arrived`, and only before the generation that it names is over.
//! - **I2** The generation grows by one exchange, made by anyone who has seen all seats filled and come.
//!
//! # Transitions
//! | from → to | who | ordering | why |
//! |---|---|---|---|
//! | awaited → has come ([`Seat::arrive`]) | owner | Release, then SeqCst fence | who looks after its own arrival sees the others' |
//! | generation g → g + 1 ([`advance`]) | whoever saw all | AcqRel | what every party did before is visible behind it |
//! | whole → broken ([`break_it`]) | whoever saw a dead party | AcqRel | I2 |
//!
//! # Orderings
//! Each arrival's Release meets the Acquire of the looks; the exchange of the generation carries them all to
//! whoever sees the new generation.
//!
//! # Progress
//! The last to arrive sees all others, because each looks behind a fence after its own arrival.
//!
//! # Death
//! Everyone who waits watches every party. One that is killed after it has come counts as come; one that is killed
//! before breaks or shrinks the barrier. Who saw all and dies before the exchange leaves it to those who watch it.
//!
//! # Source
//! pthread_barrier_wait(3p); Python's threading.Barrier for breaking; Hensgen, Finkel and Manber, 1988.

use super::permits::Permit;
use super::waiting::look_for_waiters;
use crate::OwnerId;
use crate::atomic::{AtomicU64, Ordering};

/// The barrier is of no more use until it is reset.
pub const BROKEN: u64 = 1 << 63;
const GENERATION: u64 = 0xFFFF_FFFF;

/// A party's seat.
#[derive(Debug)]
#[repr(C)]
pub struct Seat {
    /// Who has it.
    pub party: Permit,
    arrived: AtomicU64,
    reserved: AtomicU64,
}

impl Seat {
    /// An empty seat.
    #[cfg(not(crosstie_loom))]
    #[must_use]
    pub const fn empty() -> Self {
        Self { party: Permit::free(), arrived: AtomicU64::new(0), reserved: AtomicU64::new(0) }
    }

    /// An empty seat.
    #[cfg(crosstie_loom)]
    #[must_use]
    pub fn empty() -> Self {
        Self { party: Permit::free(), arrived: AtomicU64::new(0), reserved: AtomicU64::new(0) }
    }

    /// Says that its owner has come in generation `generation`; then look at the others.
    pub fn arrive(&self, generation: u32) {
        // Release: what the party did before is visible to who sees it come (I1).
        self.arrived.store(u64::from(generation) + 1, Ordering::Release);
        look_for_waiters();
    }

    /// Takes the arrival back, by who gives up waiting.
    pub fn withdraw(&self) {
        // Relaxed: nothing was done.
        self.arrived.store(0, Ordering::Relaxed);
    }

    /// Who has the seat, and whether they have come in generation `generation`.
    #[must_use]
    pub fn look(&self, generation: u32) -> Option<(OwnerId, bool)> {
        // Acquire: meets the Release in `arrive`.
        let has_come = self.arrived.load(Ordering::Acquire) == u64::from(generation) + 1;
        Some((self.party.owner()?, has_come))
    }
}

/// The generation and whether it is broken.
#[must_use]
pub fn read(word: &AtomicU64) -> (u32, bool) {
    // Acquire: who sees a generation sees what came before it.
    let found = word.load(Ordering::Acquire);
    ((found & GENERATION) as u32, found & BROKEN != 0)
}

/// Ends generation `generation`; answers whether this call did.
pub fn advance(word: &AtomicU64, generation: u32) -> bool {
    let next = u64::from(generation.wrapping_add(1));
    // AcqRel: all arrivals before, all that follows behind. Relaxed on failure: another did it.
    word.compare_exchange(u64::from(generation), next, Ordering::AcqRel, Ordering::Relaxed).is_ok()
}

/// Breaks generation `generation`; answers whether this call did.
pub fn break_it(word: &AtomicU64, generation: u32) -> bool {
    let found = u64::from(generation);
    // AcqRel: as `advance`. Relaxed on failure: another ended or broke it.
    word.compare_exchange(found, found | BROKEN, Ordering::AcqRel, Ordering::Relaxed).is_ok()
}

/// Makes a broken barrier whole, in a new generation; answers whether it was broken.
pub fn mend(word: &AtomicU64) -> bool {
    // Acquire: as `read`.
    let found = word.load(Ordering::Acquire);
    let next = (found & GENERATION).wrapping_add(1) & GENERATION;
    // AcqRel: as `advance`. Relaxed on failure: another did it.
    found & BROKEN != 0 && word.compare_exchange(found, next, Ordering::AcqRel, Ordering::Relaxed).is_ok()
}
