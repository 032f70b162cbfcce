//! The parties of a barrier: a seat each, which says who has it and in which generation they have come.
//!
//! # States
//! | seat's owner | arrived | state |
//! |---|---|---|
//! | 0 | any | nobody has it |
//! | an owner | of another owner or generation | awaited |
//! | an owner | its own, of the generation | has come |
//! | a dead owner | of another owner or generation | will never come: the barrier breaks, or shrinks |
//!
//! The word: bits 0 to 31 the generation, bits 32 to 62 how many arrivals were taken back in it, bit 63 broken. A
//! generation: bits 0 to 11 how often the barrier was made whole, from 12 on how often all have come. An arrival: the
//! generation's bits 0 to 19, and 44 bits of who came.
//!
//! # Invariants
//! - **I1** Only its owner writes `arrived`, and only before the generation that it names is over.
//! - **I2** The generation grows by one exchange, made by anyone who has seen all seats filled and come since it read
//!   the word.
//! - **I3** Who takes an arrival back counts that in the word behind it, unless the generation is over: then the arrival
//!   counted. So nobody ends a generation by an arrival that was taken back.
//! - **I4** An arrival is its owner's. Who gets the seat of one that has come and died has not come by that.
//! - **I5** While a party waits, all have come at most once more: in its own generation. So the generation tells it
//!   whether they did, however often the barrier was broken and made whole since.
//!
//! # Transitions
//! | from → to | who | ordering | why |
//! |---|---|---|---|
//! | awaited → has come ([`Seat::arrive`]) | owner | Release, then SeqCst fence | who looks after its own arrival sees the others' |
//! | generation → one meeting later ([`advance`]) | whoever saw all | AcqRel | what every party did before is visible behind it |
//! | whole → broken ([`break_it`]) | whoever saw a dead party | AcqRel | I2 |
//! | broken → whole, in a new generation ([`mend`]) | anyone | AcqRel | I5 |
//! | has come → awaited ([`Seat::withdraw`], [`call_off`]) | who gives up waiting | AcqRel | I3 |
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
//! One that comes for the first time is watched by nobody who sleeps already: it makes them all look again, and until
//! then the kernel knows of it (the domain's bell). One killed between withdrawal and `call_off` has not come.
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
const ONE_CALLED_OFF: u64 = 1 << 32;
const CALLED_OFF: u64 = BROKEN - ONE_CALLED_OFF;

/// Of a generation: once more all have come.
const ONE_MEETING: u32 = 1 << 12;
/// Of a generation: how often the barrier was made whole.
const MENDS: u32 = ONE_MEETING - 1;

/// A time between two changes of the parties' state as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generation(u32);

impl Generation {
    /// Whether all came in it, as `later` shows, which one of its parties has read since it came.
    #[must_use]
    pub const fn is_met(self, later: Self) -> bool {
        self.0 & !MENDS != later.0 & !MENDS
    }

    /// That `party` has come in it: never 0.
    const fn arrival(self, party: OwnerId) -> u64 {
        const GENERATION_BITS: u32 = 20;
        (party.to_bits() << GENERATION_BITS) | (self.0 as u64 & ((1 << GENERATION_BITS) - 1))
    }
}

/// What the word held when it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found(u64);

impl Found {
    /// The generation.
    #[must_use]
    pub const fn generation(self) -> Generation {
        Generation((self.0 & GENERATION) as u32)
    }

    /// Whether it is broken.
    #[must_use]
    pub const fn is_broken(self) -> bool {
        self.0 & BROKEN != 0
    }
}

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

    /// Says that its owner `me` has come in `generation`; then look at the others.
    pub fn arrive(&self, me: OwnerId, generation: Generation) {
        // Release: what the party did before is visible to who sees it come (I1).
        self.arrived.store(generation.arrival(me), Ordering::Release);
        look_for_waiters();
    }

    /// Takes the arrival back, by who gives up waiting; then [`call_off`].
    pub fn withdraw(&self) {
        // Relaxed: the exchange of the word behind it carries it (I3).
        self.arrived.store(0, Ordering::Relaxed);
    }

    /// Who has the seat, and whether they have come in `generation`.
    #[must_use]
    pub fn look(&self, generation: Generation) -> Option<(OwnerId, bool)> {
        let party = self.party.owner()?;
        // Acquire: meets the Release in `arrive`.
        Some((party, self.arrived.load(Ordering::Acquire) == generation.arrival(party)))
    }
}

/// The word now: read it before the seats.
#[must_use]
pub fn read(word: &AtomicU64) -> Found {
    // Acquire: who sees a generation sees what came before it, and the arrivals that were taken back (I3).
    Found(word.load(Ordering::Acquire))
}

/// Ends the generation of `found`, behind which all were seen to have come; answers whether this call did.
pub fn advance(word: &AtomicU64, found: Found) -> bool {
    let next = u64::from(found.generation().0.wrapping_add(ONE_MEETING));
    // AcqRel: all arrivals before, all that follows behind. Relaxed on failure: the word is read again.
    word.compare_exchange(found.0, next, Ordering::AcqRel, Ordering::Relaxed).is_ok()
}

/// Breaks the generation of `found`; answers whether this call did.
pub fn break_it(word: &AtomicU64, found: Found) -> bool {
    // AcqRel: as `advance`. Relaxed on failure: the word is read again.
    word.compare_exchange(found.0, found.0 | BROKEN, Ordering::AcqRel, Ordering::Relaxed).is_ok()
}

/// Counts that the caller has taken its arrival in `generation` back; answers whether that was in time: not all had come.
#[must_use]
pub fn call_off(word: &AtomicU64, generation: Generation) -> bool {
    let mut found = read(word);
    // At most as many rounds as parties take an arrival back or end the generation meanwhile.
    while found.generation() == generation {
        let count = (found.0 & CALLED_OFF).wrapping_add(ONE_CALLED_OFF) & CALLED_OFF;
        // AcqRel: the withdrawal comes before what the next look finds (I3). Acquire on failure: as `read`.
        match word.compare_exchange(
            found.0,
            found.0 & !CALLED_OFF | count,
            Ordering::AcqRel,
            Ordering::Acquire,
        ) {
            Ok(_) => return true,
            Err(now) => found = Found(now),
        }
    }
    !generation.is_met(found.generation())
}

/// Makes a broken barrier whole, in a new generation; answers whether it was broken.
pub fn mend(word: &AtomicU64) -> bool {
    // Acquire: as `read`.
    let found = Found(word.load(Ordering::Acquire));
    let Generation(broken) = found.generation();
    let next = u64::from(broken & !MENDS | broken.wrapping_add(1) & MENDS);
    // AcqRel: as `advance`. Relaxed on failure: another did it.
    found.is_broken() && word.compare_exchange(found.0, next, Ordering::AcqRel, Ordering::Relaxed).is_ok()
}
