//! Tickets: in which order waits were published, as far as it matters to a deadlock.
//!
//! # States
//! | word | says |
//! |---|---|
//! | t | t tickets were taken |
//!
//! # Invariants
//! - **I1** Whoever takes a ticket behind publishing a wait sees every wait whose ticket is smaller. So of the members of a circle the one with
//!   the largest ticket sees them all, and each circle has one that gives up (HAZARDS H10).
//!
//! # Transitions
//! | from → to | who | ordering | why |
//! |---|---|---|---|
//! | t → t + 1 ([`Tickets::next`]) | who has published a wait | AcqRel | I1 |
//!
//! # Orderings
//! The Release half publishes the wait to whoever takes a later ticket, the Acquire half shows those of all smaller ones: each of
//! the steps between continues the release of the one before.
//!
//! # Progress
//! Wait-free: one fetch-and-add.
//!
//! # Death
//! Of who has taken a ticket and not written it down: nobody else has it, and none is missed. A record without a ticket is in no circle.
//!
//! # Source
//! HAZARDS H9, H10; Lamport's bakery, whose numbers order those who come.

use crate::atomic::{AtomicU64, Ordering};

/// How many tickets were taken; see the module. Zeroed memory says none.
#[derive(Debug)]
#[repr(transparent)]
pub struct Tickets(AtomicU64);

impl Tickets {
    /// None was taken.
    #[must_use]
    pub fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// The next one, from 1; never given twice.
    #[must_use]
    pub fn next(&self) -> u64 {
        // AcqRel: the waits published before smaller tickets were taken are visible, and this one is to larger ones (I1).
        self.0.fetch_add(1, Ordering::AcqRel).wrapping_add(1)
    }
}

impl Default for Tickets {
    fn default() -> Self {
        Self::new()
    }
}
