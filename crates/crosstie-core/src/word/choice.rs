//! Whose turn it is among those who wait until the data under a mutex are as each of them needs.
//!
//! Who waits says what it needs in the notes of its wait record, so that whoever leaves can tell who could go on, and
//! chooses the first of those. The choice is a place in the queue, not a participant: a place is given once.
//!
//! # States
//! | value | meaning |
//! |---|---|
//! | 0 | of those who wait, nobody can go on |
//! | a place | the first whose needs were met when the last owner of the mutex left stands there; it is on its way |
//! | all ones | due: the owner of the mutex changes the data, and chooses when it leaves |
//!
//! # Invariants
//! - **I1** It is written by the owner of the mutex alone.
//! - **I2** It is due before the data change, and chosen anew behind the last change, before the mutex is given up.
//! - **I3** Who makes it due, and who waits, has announced itself to the kernel, until it has woken whom it chose or is
//!   inside: its death makes everyone who waits look.
//!
//! # Transitions
//! | from → to | who | ordering | why |
//! |---|---|---|---|
//! | any → due ([`Choice::make_due`]) | owner | Release | I2: who finds it due looks whether the owner lives |
//! | any → place, 0 ([`Choice::choose`]) | owner | Release, then fence | the chosen may die or leave meanwhile: see below |
//!
//! # Orderings
//! The mutex orders all who write. Who sleeps reads it behind its wake word, whose Release follows the choice. A chosen
//! one that leaves without the mutex withdraws its record, fences, and looks who stays; who chooses writes, fences, and
//! looks whether the chosen is still there: one of the two sees the other.
//!
//! # Progress
//! Wait-free: each is one step.
//!
//! # Death
//! Of an owner: it stays due, or chosen by the one before; I3 makes everyone look, and the first in the queue goes in and
//! chooses. Of the chosen: nobody stands at its place any more; the same.
//!
//! # Source
//! Automatic signalling and its relay: Hung and Garg, "AutoSynch", PLDI 2013; conditions as data, because no process can
//! run the closure of another: docs/decisions/0014.

use crate::atomic::{AtomicU64, Ordering};

/// The choice; see the module. Zeroed memory is nobody.
#[derive(Clone, Copy, Debug)]
pub struct Choice<'a>(&'a AtomicU64);

/// What a choice says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chosen {
    /// Nobody can go on.
    Nobody,
    /// The one at this place.
    Place(u64),
    /// The owner of the mutex has yet to choose.
    Due,
}

impl<'a> Choice<'a> {
    /// The choice in `word`.
    #[must_use]
    pub const fn new(word: &'a AtomicU64) -> Self {
        Self(word)
    }

    /// Whose turn it is.
    #[must_use]
    pub fn read(self) -> Chosen {
        // Acquire: who finds it due, or chosen, finds what its writer did before.
        match self.0.load(Ordering::Acquire) {
            0 => Chosen::Nobody,
            u64::MAX => Chosen::Due,
            place => Chosen::Place(place),
        }
    }

    /// Says that the data are about to change; only the owner of the mutex calls it (I1).
    pub fn make_due(self) {
        // Release: what the owner did before, its announcement among it, comes first (I3).
        self.0.store(u64::MAX, Ordering::Release);
    }

    /// Chooses a place, or nobody; only the owner of the mutex calls it, behind its last change (I2). Then look whether the
    /// chosen is still there: that look fences.
    pub fn choose(self, place: Option<u64>) {
        // Release: the change comes before the choice.
        self.0.store(place.unwrap_or(0), Ordering::Release);
    }
}
