//! Sleeping until a word changes or the owner who should change it dies.
//!
//! The sleeper watches the word, the life words of those who should change it, and the domain's bell,
//! which rings when another watcher died with the wake that was meant for all (`core::word::slot`). A
//! re-check at most a second later backs every wake-up: a net, not the mechanism. It is counted, and
//! tests run without it (HAZARDS H3).
//!
//! Only a sleeper hears the bell. Who does not sleep yet watches who had changes under way when it looked
//! (`core::word::changes`).

use std::cell::Cell;

use crosstie_core::OwnerId;
use crosstie_core::atomic::{AtomicU32, AtomicU64, Ordering};
use crosstie_core::wait::{self, Wake as _};
use crosstie_core::word::head::Head;
use crosstie_core::word::waiting::ANY_MAX;
use crosstie_core::{Deadline, crash_point};

use super::Domain;
use super::local;
use crate::os::clock;
use crate::os::futex::{self, Wakeup};
use crate::os::interruption::{self, Cause, TICK_NS};
use crate::os::robust_list::Announcement;

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
    /// A signal came, and the thread wants to be told ([`interruption`]).
    Interrupted,
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
    /// Whose bell the kernel rings if this thread dies now, and for how many of its steps.
    static RINGING: Cell<Option<(&'static Domain, u32)>> = const { Cell::new(None) };
}

/// How many lives one sleep watches; of more, it looks again every 50 ms.
pub const WATCHED_MAX: usize = futex::WIDE_MAX;

/// As many as one who waits for a lock watches: who wakes up comes back over little memory, which the sleep made cold.
const WATCHED_FEW: usize = 1;

const _: () = assert!(futex::COUNTS_MAX == ANY_MAX && WATCHED_MAX == wait::WATCHED_MAX);

impl Domain {
    /// Sleeps while `word` holds `expected`, until somebody wakes it, one of `watch` dies, or
    /// `deadline` passes.
    ///
    /// # Death
    /// The death of one of `watch` ends the sleep, whatever ends it, independent of how much memory its
    /// process had. A death before the call ends it at once.
    ///
    /// # Cost
    /// One `futex_waitv` of two words and one for each of `watch`.
    pub fn wait(
        &'static self,
        word: &AtomicU32,
        expected: u32,
        watch: &[OwnerId],
        deadline: Deadline,
    ) -> Wait {
        self.wait_while((word, expected), &[], watch, deadline)
    }

    /// As [`Domain::wait`], also while each of `counts`, at most [`futex::COUNTS_MAX`], holds what is expected.
    pub(crate) fn wait_while(
        &'static self,
        word: (&AtomicU32, u32),
        counts: &[(&AtomicU32, u32)],
        watch: &[OwnerId],
        deadline: Deadline,
    ) -> Wait {
        // Until we have told the others, our own death must not swallow the wake that was for all.
        let announced = self.announce();
        let waited = if watch.len() <= WATCHED_FEW {
            self.wait_watching::<WATCHED_FEW>(word, counts, watch, deadline)
        } else {
            self.wait_watching::<WATCHED_MAX>(word, counts, watch, deadline)
        };
        crash_point!("wait.woken");
        if waited == Wait::OwnerDied {
            for slot in watch.iter().filter_map(|id| self.slot(id.slot())) {
                if !slot.life().read().is_alive() {
                    self.wake_watchers(slot);
                }
            }
        }
        drop(announced);
        waited
    }

    /// Tells the kernel that the calling thread is about to wake others: if it dies before the answer is
    /// dropped, somebody hears the domain's bell and wakes them.
    pub(crate) fn announce(&'static self) -> Option<Announcement> {
        local::robust_list().ok().map(|list| list.announce_bell(&self.words().bell))
    }

    /// As [`Domain::announce`], for what outlives the call: the answers may be dropped in any order.
    pub(crate) fn announce_step(&'static self) -> Stepping {
        Stepping { domain: self, step: self.begin_step() }
    }

    /// As [`Domain::announce_step`], until [`Domain::end_step`].
    ///
    /// The kernel looks at one word: if this thread has steps to be told of in another domain already, the bell of this one
    /// stays silent, and the answer says so.
    fn begin_step(&'static self) -> Step {
        let count = match RINGING.get() {
            None => 0,
            Some((domain, count)) if std::ptr::eq(domain, self) => count,
            Some(_) => return Step::Silent,
        };
        if count == 0 {
            match self.announce() {
                Some(announced) => announced.keep(),
                None => return Step::Silent,
            }
        }
        RINGING.set(Some((self, count.saturating_add(1))));
        Step::Ringing
    }

    /// Ends what [`Domain::begin_step`] began.
    fn end_step(&'static self, step: Step) {
        if step == Step::Silent {
            return;
        }
        let left = RINGING.get().map_or(0, |(_, count)| count.saturating_sub(1));
        RINGING.set((left > 0).then_some((self, left)));
        if left == 0
            && let Ok(list) = local::robust_list()
        {
            list.retract();
        }
    }

    /// Says that the calling thread is about to change the object of `head`, for which others wait: if it dies before the answer
    /// is dropped, they all look at the object (`core::word::changes`).
    ///
    /// A thread that gets no place in the ledger is missed only by those who sleep.
    pub(crate) fn announce_change(&'static self, head: &Head) -> Changing {
        Changing { domain: self, step: self.begin_change(head) }
    }

    /// As [`Domain::announce_change`], until [`Domain::end_change`].
    pub(crate) fn begin_change(&'static self, head: &Head) -> Step {
        let step = self.begin_step();
        if let Ok(me) = self.me()
            && me.slot.changes.begin(head.key())
        {
            self.words().set_changing(me.id.slot(), true);
        }
        crash_point!("changing.said");
        head.count_change();
        crash_point!("changing.counted");
        if step == Step::Silent {
            // Nothing will tell those who sleep: awake, they see who makes the change, and watch that one.
            self.each(head.key(), &mut |waiter| self.nudge(waiter));
        }
        step
    }

    /// Ends what [`Domain::begin_change`] began.
    pub(crate) fn end_change(&'static self, step: Step) {
        // A fork child has begun nothing: the slot that it remembers is its parent's.
        if let Some(me) = local::remembered(self)
            && me.slot.changes.end()
        {
            self.words().set_changing(me.id.slot(), false);
        }
        self.end_step(step);
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

    fn wait_watching<const ROOM: usize>(
        &'static self,
        word: (&AtomicU32, u32),
        counts: &[(&AtomicU32, u32)],
        watch: &[OwnerId],
        deadline: Deadline,
    ) -> Wait {
        let bell = &self.words().bell;
        let nobody = AtomicU64::new(0);
        loop {
            let mut lives = [(&nobody, 0); ROOM];
            let Some(watched) = self.watch_all(watch, &mut lives) else { return Wait::OwnerDied };
            let sliced = watched < watch.len();
            let until = self.look_again_at(deadline, sliced);
            silence(bell);
            let wakeup = futex::wait_beside_all(word, &lives[..watched], (bell, 0), counts, until);
            if wakeup == Wakeup::LastWoken {
                self.hear_bell();
            }
            let died = watch.iter().any(|&id| !self.is_alive(id));
            match wakeup {
                _ if died && wakeup != Wakeup::TimedOut => return Wait::OwnerDied,
                Wakeup::Changed | Wakeup::LastWoken => return Wait::Woken,
                Wakeup::Interrupted if interruption::should_end(Cause::Signal) => return Wait::Interrupted,
                Wakeup::TimedOut if interruption::should_end(Cause::Tick) => return Wait::Interrupted,
                Wakeup::Woken | Wakeup::Interrupted if futex::has_waitv() || is_changed(word, counts) => {
                    return Wait::Woken;
                }
                // The end of a slice: nothing but the words that were just looked at.
                Wakeup::Woken | Wakeup::Interrupted => {}
                Wakeup::TimedOut if sliced && died => return Wait::OwnerDied,
                Wakeup::TimedOut => {}
            }
            let now = clock::now_ns();
            if let Some(found) = self.look(now, is_changed(word, counts), watch) {
                return found;
            }
            if deadline.is_over(now) {
                return if died { Wait::OwnerDied } else { Wait::TimedOut };
            }
            // The end of a slice: somebody is watched whose end no life word tells.
            if sliced && wakeup == Wakeup::TimedOut {
                return Wait::Woken;
            }
        }
    }

    /// When a sleep until `deadline` ends at the latest: who watches somebody whose end no life word tells, or is to be asked
    /// whether it goes on, looks again soon.
    fn look_again_at(&self, deadline: Deadline, sliced: bool) -> Deadline {
        let slice = match (sliced, interruption::is_asked()) {
            (true, _) => futex::SLICE_NS,
            (false, true) => TICK_NS,
            (false, false) => return self.net_until(deadline),
        };
        self.net_until(deadline).min(Deadline::at_ns(clock::now_ns()).after_ns(slice))
    }

    /// Puts the life words of `watch` into `lives`; answers how many, or `None` if one is dead. Of more
    /// than find a place, and of those whose end no life word tells, there are none: look again soon.
    pub(super) fn watch_all(
        &'static self,
        watch: &[OwnerId],
        lives: &mut [(&AtomicU64, u64)],
    ) -> Option<usize> {
        let mut watched = 0;
        for id in watch {
            let slot = self.slot(id.slot())?;
            match slot.life().watch(*id) {
                Some(life) => {
                    if let Some(place) = lives.get_mut(watched) {
                        *place = (slot.life().as_atomic(), life.to_bits());
                        watched += 1;
                    }
                }
                None if self.is_alive(*id) => {}
                None => return None,
            }
        }
        Some(watched)
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
    fn look(&'static self, now: u64, is_changed: bool, watch: &[OwnerId]) -> Option<Wait> {
        if self.net() == Net::Absent || now < NET_DUE_NS.get() {
            return None;
        }
        NET_DUE_NS.set(now.saturating_add(NET_NS));
        let found = if watch.iter().any(|&id| !self.confirm_alive(id)) {
            Wait::OwnerDied
        } else if is_changed {
            Wait::Woken
        } else if self.leads_elsewhere() {
            return Some(Wait::DomainRemoved);
        } else {
            // What the sleeper waits for only it can see.
            return Some(Wait::Woken);
        };
        self.words().count_net_rescue();
        Some(found)
    }
}

/// A change for which others wait; see [`Domain::announce_change`].
pub(crate) struct Changing {
    domain: &'static Domain,
    step: Step,
}

impl Drop for Changing {
    fn drop(&mut self) {
        self.domain.end_change(self.step);
    }
}

/// A step on the way to what others wait for; see [`Domain::announce_step`].
pub(crate) struct Stepping {
    domain: &'static Domain,
    step: Step,
}

impl Drop for Stepping {
    fn drop(&mut self) {
        self.domain.end_step(self.step);
    }
}

/// Whether a death meanwhile is told by the bell; see [`Domain::begin_step`].
// A word, for the guards that have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub(crate) enum Step {
    Ringing,
    Silent,
}

/// The bell only rings: it always holds 0. What somebody wrote into it would end every sleep at once.
pub(super) fn silence(bell: &AtomicU32) {
    // Relaxed: a value that nobody reads but the kernel, to compare it.
    if bell.load(Ordering::Relaxed) != 0 {
        // Relaxed: as above.
        bell.store(0, Ordering::Relaxed);
    }
}

fn is_changed(word: (&AtomicU32, u32), counts: &[(&AtomicU32, u32)]) -> bool {
    // Relaxed: a hint; the caller re-reads the words with its own ordering.
    counts.iter().chain([&word]).any(|(word, expected)| word.load(Ordering::Relaxed) != *expected)
}
