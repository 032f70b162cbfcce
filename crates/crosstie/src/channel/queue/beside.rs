//! [`Beside`]: what ends a receiver's wait beside a message.

use std::sync::Arc;

use crosstie_core::atomic::{AtomicU32, Ordering};
use crosstie_core::queue::member::{Part, Roster};
use crosstie_core::{Deadline, OwnerId};

use super::shared::Shared;

/// What ends a receiver's wait beside a message.
pub(crate) trait Beside {
    /// A word that changes when it may have come, and what it holds; read before all else.
    fn word(&self) -> Option<(&AtomicU32, u32)>;

    /// Whether it has come.
    fn has_come(&self) -> bool;

    /// Whose death makes it come.
    fn lives(&self) -> Vec<OwnerId>;

    /// The waiter is about to sleep: until when at most; `None` if it has come after all.
    fn before_sleep(&self, until: Deadline) -> Option<Deadline> {
        Some(until)
    }
}

/// Nothing.
pub(super) struct Nothing;

impl Beside for Nothing {
    fn word(&self) -> Option<(&AtomicU32, u32)> {
        None
    }

    fn has_come(&self) -> bool {
        false
    }

    fn lives(&self) -> Vec<OwnerId> {
        Vec::new()
    }
}

/// Who receives from a queue, as one of its senders sees it: somebody came, went or died, or what somebody had in
/// hand came back.
pub(crate) struct Receivers {
    shared: Arc<Shared>,
    /// What the senders' word held when the sender looked last.
    seen: AtomicU32,
}

impl Receivers {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        // Nobody's value: the sender has yet to look.
        let seen = AtomicU32::new(shared.changes().wrapping_sub(1));
        Self { shared: Arc::clone(shared), seen }
    }

    /// The sender looks now: what comes from here on is new.
    pub(crate) fn look(&self) {
        // Relaxed: this end's own note; `changes` orders what is read behind it.
        self.seen.store(self.shared.changes(), Ordering::Relaxed);
    }

    /// Those who live, once each.
    pub(crate) fn living(&self) -> Vec<OwnerId> {
        let mut living = Vec::new();
        for id in self.shared.seats_of(Part::Receiver) {
            if !living.contains(&id) && self.shared.is_alive(id) {
                living.push(id);
            }
        }
        living
    }
}

impl Beside for Receivers {
    fn word(&self) -> Option<(&AtomicU32, u32)> {
        Some((self.shared.senders_word()?, self.shared.changes()))
    }

    fn has_come(&self) -> bool {
        // Relaxed: as in `look`.
        self.seen.load(Ordering::Relaxed) != self.shared.changes()
            || self.shared.seats_of(Part::Receiver).iter().any(|&id| !self.shared.is_alive(id))
    }

    fn lives(&self) -> Vec<OwnerId> {
        self.living()
    }
}

/// Ends one wait of a receiver of its queue, each time that it is rung.
pub(crate) struct QueueBell {
    shared: Arc<Shared>,
    /// How often it was rung and not heard.
    rung: AtomicU32,
}

impl QueueBell {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        Self { shared: Arc::clone(shared), rung: AtomicU32::new(0) }
    }

    /// Ends a wait: one that is going on, or the next.
    pub(crate) fn ring(&self) {
        // Release: `rouse_all` fences between it and the sleeper's announcement, which the sleeper makes before it
        // looks here once more.
        self.rung.fetch_add(1, Ordering::Release);
        self.shared.rouse_all();
    }

    /// Whether it was rung; so often less then.
    pub(crate) fn hear(&self) -> bool {
        let one_less = |rung: u32| rung.checked_sub(1);
        // Acquire: meets the ringer's Release. Relaxed: nothing was rung.
        self.rung.fetch_update(Ordering::Acquire, Ordering::Relaxed, one_less).is_ok()
    }

    /// Whether it was rung and not heard.
    pub(crate) fn is_rung(&self) -> bool {
        // Acquire: as `hear`.
        self.rung.load(Ordering::Acquire) != 0
    }
}

impl Shared {
    /// What changes whenever somebody comes, goes, or brings back what the dead have left.
    fn changes(&self) -> u32 {
        // Acquire: the members that are read behind it are not older than the last change that it tells.
        self.senders_word().map_or(0, |word| word.load(Ordering::Acquire))
    }

    /// Who has a seat as `part`, dead or alive, as often as they have one.
    pub(crate) fn seats_of(&self, part: Part) -> Vec<OwnerId> {
        let cells = self.cells();
        crosstie_core::queue::member::each(&cells)
            .filter_map(|(index, _)| cells.member(index).read())
            .filter_map(|(id, its)| (its == part).then_some(id))
            .collect()
    }
}
