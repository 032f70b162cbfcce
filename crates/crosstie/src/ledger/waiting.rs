//! Sleeping until a word changes or the owner who should change it dies.
//!
//! The sleeper watches three futexes: the word, the owner's life word, and the slot's bell, which
//! rings when another watcher died with the wake that was meant for all (`core::word::slot`). A
//! re-check at most a second later backs every wake-up: a net, not the mechanism. It is counted, and
//! tests run without it (HAZARDS H3).

use std::cell::Cell;

use crosstie_core::OwnerId;
use crosstie_core::atomic::{AtomicU32, Ordering};
use crosstie_core::word::slot::Slot;
use crosstie_core::{Deadline, crash_point};

use super::Domain;
use super::local;
use crate::os::futex::{self, Wakeup};
use crate::os::{clock, directory};

/// How long a sleep lasts before the net looks: 1 s.
const NET_NS: u64 = 1_000_000_000;

/// Why [`Domain::wait`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// The word changed, somebody woke it, or for no reason: look at it again.
    Woken,
    /// The watched owner is dead. It may have changed the word before: look at it once more.
    OwnerDied,
    /// The deadline passed.
    TimedOut,
    /// The domain's name no longer leads to its ledger: whoever comes now is in another world.
    DomainRemoved,
}

/// Whether a periodic re-check backs the wake-ups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Net {
    /// It does: always, but in tests.
    Spread,
    /// It does not: what hangs now is a lost wake-up.
    Absent,
}

thread_local! {
    /// When this thread's net looks next; sleeps that are shorter add up to it.
    static NET_DUE_NS: Cell<u64> = const { Cell::new(0) };
}

impl Domain {
    /// Sleeps while `word` holds `expected`, until somebody wakes it, `watch` dies, or `deadline`
    /// passes.
    ///
    /// # Death
    /// `watch`'s death ends the sleep, whatever ends it, independent of how much memory its process
    /// had. A death before the call ends it at once.
    ///
    /// # Cost
    /// One `futex_waitv` of three words.
    pub fn wait(
        &'static self,
        word: &AtomicU32,
        expected: u32,
        watch: Option<OwnerId>,
        deadline: Deadline,
    ) -> Wait {
        let Some(id) = watch else { return self.wait_alone(word, expected, deadline) };
        let Some(slot) = self.slot(id.slot()) else { return Wait::OwnerDied };
        let list = local::robust_list().ok();
        // Until we have told the others, our own death must not swallow the wake that was for all.
        let announced = list.map(|list| list.announce_watcher(&slot.robust));
        let waited = self.wait_watching(word, expected, (id, slot), deadline);
        crash_point!("wait.woken");
        if waited == Wait::OwnerDied {
            self.wake_watchers(slot);
        }
        drop(announced);
        waited
    }

    /// Whether the net is spread in this process.
    #[must_use]
    pub fn net(&self) -> Net {
        // Relaxed: a setting.
        if self.net_absent.load(Ordering::Relaxed) == 0 { Net::Spread } else { Net::Absent }
    }

    /// Spreads the net in this process, or takes it away: for tests that no lost wake-up may pass.
    pub fn set_net(&self, net: Net) {
        // Relaxed: a setting.
        self.net_absent.store(u32::from(net == Net::Absent), Ordering::Relaxed);
    }

    /// How often in this domain the net found what a wake-up should have told.
    #[must_use]
    pub fn net_rescues(&'static self) -> u64 {
        self.words().net_rescues()
    }

    fn wait_watching(
        &'static self,
        word: &AtomicU32,
        expected: u32,
        (id, slot): (OwnerId, &'static Slot),
        deadline: Deadline,
    ) -> Wait {
        loop {
            let Some(life) = slot.life().watch(id) else { return Wait::OwnerDied };
            let until = self.net_until(deadline);
            silence(&slot.robust.bell);
            let wakeup = futex::wait_beside_all(
                (word, expected),
                (slot.life().as_atomic(), life.to_bits()),
                (&slot.robust.bell, 0),
                until,
            );
            let died = !slot.life().read().is_life_of(id);
            match wakeup {
                _ if died && wakeup != Wakeup::TimedOut => return Wait::OwnerDied,
                Wakeup::Changed => return Wait::Woken,
                Wakeup::Woken if futex::has_waitv() || is_changed(word, expected) => return Wait::Woken,
                // The end of a slice: nothing but the words that were just looked at.
                Wakeup::Woken => {}
                Wakeup::TimedOut => {}
            }
            let now = clock::now_ns();
            if let Some(found) = self.look(now, is_changed(word, expected), Some(id)) {
                return found;
            }
            if deadline.is_over(now) {
                return if died { Wait::OwnerDied } else { Wait::TimedOut };
            }
        }
    }

    fn wait_alone(&'static self, word: &AtomicU32, expected: u32, deadline: Deadline) -> Wait {
        loop {
            let wakeup = futex::wait(word, expected, self.net_until(deadline));
            if wakeup != Wakeup::TimedOut {
                return Wait::Woken;
            }
            let now = clock::now_ns();
            if let Some(found) = self.look(now, is_changed(word, expected), None) {
                return found;
            }
            if deadline.is_over(now) {
                return Wait::TimedOut;
            }
        }
    }

    /// When the next sleep ends at the latest.
    fn net_until(&self, deadline: Deadline) -> Deadline {
        if self.net() == Net::Absent || deadline.is_now() {
            return deadline;
        }
        let now = clock::now_ns();
        let mut due = NET_DUE_NS.get();
        // Long past: this thread has not slept lately.
        if due.saturating_add(NET_NS) < now {
            due = now.saturating_add(NET_NS);
            NET_DUE_NS.set(due);
        }
        Deadline::at_ns(due).min(deadline)
    }

    /// The net: asks, when it is due, what no wake-up told.
    fn look(&'static self, now: u64, is_changed: bool, watch: Option<OwnerId>) -> Option<Wait> {
        if self.net() == Net::Absent || now < NET_DUE_NS.get() {
            return None;
        }
        NET_DUE_NS.set(now.saturating_add(NET_NS));
        let found = if watch.is_some_and(|id| !self.confirm_alive(id)) {
            Wait::OwnerDied
        } else if is_changed {
            Wait::Woken
        } else if directory::stat(self.segment().file()).is_ok_and(|ledger| ledger.links == 0) {
            return Some(Wait::DomainRemoved);
        } else {
            return None;
        };
        self.words().count_net_rescue();
        Some(found)
    }
}

/// The bell only rings: it always holds 0. What somebody wrote into it would end every sleep at once.
fn silence(bell: &AtomicU32) {
    // Relaxed: a value that nobody reads but the kernel, to compare it.
    if bell.load(Ordering::Relaxed) != 0 {
        // Relaxed: as above.
        bell.store(0, Ordering::Relaxed);
    }
}

fn is_changed(word: &AtomicU32, expected: u32) -> bool {
    // Relaxed: a hint; the caller re-reads the word with its own ordering.
    word.load(Ordering::Relaxed) != expected
}
