//! Queueing: this thread's part in every wait, over the records in the slots.
//!
//! An object has no list of who waits for it. Whoever needs to know looks through the slots that wait
//! (a bit a slot) at their records; so nobody who dies can cut a list, and a queue costs an object
//! nothing.

use std::future::{Future, ready};

use crosstie_core::atomic::{Ordering, spin_loop};
use crosstie_core::wait::{
    Blocks, Check, Neighbours, NotedVisitor, Seen as Look, Slept, Wait as Waits, Wake,
};
use crosstie_core::word::holds::Hold;
use crosstie_core::word::slot::Slot;
use crosstie_core::word::waiting::{ANY_MAX, Seen, Want, look_for_waiters};
use crosstie_core::{Deadline, OwnerId, crash_point};

use super::deadlock::Deadlock;
use super::{Domain, Me, Wait};
use crate::os::{clock, futex, membarrier};

/// How often a participant looks at an object again before it queues, some microseconds in all.
const SPINS: u32 = 4;
/// From one such look to the next: so long that who has the object can go on with its lines undisturbed.
const PAUSES: u32 = 32;

impl Wake for &'static Domain {
    fn now_ns(&self) -> u64 {
        clock::now_ns()
    }

    fn is_alive(&self, id: OwnerId) -> bool {
        Domain::is_alive(self, id)
    }

    fn first(&self, key: u64) -> Option<OwnerId> {
        look_for_waiters();
        (*self).waiters(key).min_by_key(|(_, place)| *place).map(|(id, _)| id)
    }

    fn first_of_phase(&self, key: u64, phase: u64) -> Option<OwnerId> {
        let waits = self.waits().filter(|(_, _, seen)| seen.want.key == key && seen.want.note[0] != phase);
        waits.min_by_key(|(_, _, seen)| seen.want.queue).map(|(id, _, _)| id)
    }

    fn each(&self, key: u64, visit: &mut dyn FnMut(OwnerId)) {
        for (id, _) in self.waiters(key) {
            visit(id);
        }
    }

    fn each_noted(&self, key: u64, visit: &mut NotedVisitor<'_>) {
        look_for_waiters();
        for (id, slot) in (*self).waiting() {
            // In this order: who carries took it up before its wait was withdrawn (`word::carry` I2).
            match slot.waiting.read().filter(|seen| seen.want.key == key) {
                Some(seen) => visit(id, seen.want.queue, Some(&seen.want.note)),
                None => {
                    if let Some(place) = slot.carries.place(key) {
                        visit(id, place, None);
                    }
                }
            }
        }
    }

    fn waits_for(&self, id: OwnerId, key: u64) -> bool {
        look_for_waiters();
        self.slot(id.slot()).is_some_and(|slot| slot.waiting.is_at(key)) && Domain::is_alive(self, id)
    }

    fn nudge(&self, id: OwnerId) {
        let Some(slot) = (*self).slot(id.slot()) else { return };
        crash_point!("queue.before-nudge");
        let keeper = slot.nudge();
        crash_point!("queue.nudged");
        match keeper {
            None => drop(futex::wake(slot.wake_word(), u32::MAX)),
            Some(keeper) => self.nudge_through(keeper, slot),
        }
    }
}

impl Wake for Me {
    fn now_ns(&self) -> u64 {
        clock::now_ns()
    }

    fn is_alive(&self, id: OwnerId) -> bool {
        self.domain.is_alive(id)
    }

    fn first(&self, key: u64) -> Option<OwnerId> {
        Wake::first(&self.domain, key)
    }

    fn first_of_phase(&self, key: u64, phase: u64) -> Option<OwnerId> {
        self.domain.first_of_phase(key, phase)
    }

    fn each(&self, key: u64, visit: &mut dyn FnMut(OwnerId)) {
        self.domain.each(key, visit);
    }

    fn each_noted(&self, key: u64, visit: &mut NotedVisitor<'_>) {
        self.domain.each_noted(key, visit);
    }

    fn waits_for(&self, id: OwnerId, key: u64) -> bool {
        Wake::waits_for(&self.domain, id, key)
    }

    fn nudge(&self, id: OwnerId) {
        Wake::nudge(&self.domain, id);
    }
}

impl Waits for Me {
    type Cycle = Deadlock;

    fn me(&self) -> OwnerId {
        self.id
    }

    fn spins(&self) -> u32 {
        SPINS
    }

    fn fence_all(&self) -> bool {
        membarrier::global_expedited()
    }

    fn pause(&self) {
        for _ in 0..PAUSES {
            spin_loop();
        }
    }

    fn next_place(&self) -> u64 {
        self.part().next_place()
    }

    fn enter(&self, want: &Want) {
        self.part().enter(want);
    }

    fn leave(&self) {
        self.part().leave();
    }

    fn carry(&self, key: u64, place: u64) {
        self.part().carry(key, place);
    }

    fn put_down(&self) {
        self.part().put_down();
    }

    fn neighbours(&self, key: u64, queue: u64) -> Neighbours {
        self.part().neighbours(key, queue)
    }

    fn wake_word(&self) -> u32 {
        self.part().wake_word()
    }

    fn changers(&self, key: u64, visit: &mut dyn FnMut(OwnerId)) {
        self.part().changers(key, visit);
    }

    #[inline]
    fn sleep(&self, seen: &Look<'_>, watch: &[OwnerId], deadline: Deadline) -> impl Future<Output = Slept> {
        ready(self.sleep_on_words(seen, watch, deadline))
    }

    fn deadlock(&self) -> Check<Deadlock> {
        self.domain.check_deadlock(*self)
    }
}

impl Blocks for Me {}

/// A participant's part in all queues: its slot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) id: OwnerId,
    pub(super) domain: &'static Domain,
    pub(super) slot: &'static Slot,
}

impl Part {
    #[inline]
    pub(super) fn next_place(&self) -> u64 {
        self.domain.words().next_place()
    }

    #[inline]
    pub(super) fn enter(&self, want: &Want) {
        let words = self.domain.words();
        words.set_waiting(self.id.slot(), true);
        crash_point!("queue.marked");
        self.slot.waiting.publish(want);
    }

    #[inline]
    pub(super) fn leave(&self) {
        self.slot.waiting.withdraw();
        if !self.slot.carries.is_carried() {
            self.domain.words().set_waiting(self.id.slot(), false);
        }
    }

    #[inline]
    pub(super) fn carry(&self, key: u64, place: u64) {
        self.slot.carries.take_up(key, place);
    }

    #[inline]
    pub(super) fn put_down(&self) {
        self.slot.carries.put_down();
        self.domain.words().set_waiting(self.id.slot(), false);
    }

    #[inline]
    pub(super) fn neighbours(&self, key: u64, queue: u64) -> Neighbours {
        let mut around = Neighbours::default();
        let (mut nearest_ahead, mut nearest_behind) = (0, u64::MAX);
        for (id, place) in self.domain.waiters(key) {
            if place < queue {
                around.ahead_count += 1;
                if around.ahead.is_none() || place > nearest_ahead {
                    (around.ahead, nearest_ahead) = (Some(id), place);
                }
            } else if place > queue && place < nearest_behind {
                (around.behind, nearest_behind) = (Some(id), place);
            }
        }
        // Whether those ahead live was read before, the object is read after.
        look_for_waiters();
        around
    }

    #[inline]
    pub(super) fn wake_word(&self) -> u32 {
        // Acquire: meets the Release in `nudge`; what the nudge is about is visible.
        self.slot.wake_word().load(Ordering::Acquire)
    }

    #[inline]
    pub(super) fn changers(&self, key: u64, visit: &mut dyn FnMut(OwnerId)) {
        for (id, slot) in self.domain.of_slots(self.domain.words().changing_slots()) {
            if id != self.id && slot.changes.concerns(key) {
                visit(id);
            }
        }
        // Who lives was read before, the object is read after.
        look_for_waiters();
    }
}

impl Me {
    #[inline]
    fn part(&self) -> Part {
        Part { id: self.id, domain: self.domain, slot: self.slot }
    }

    fn sleep_on_words(&self, seen: &Look<'_>, watch: &[OwnerId], deadline: Deadline) -> Slept {
        let word = self.slot.wake_word();
        let (mut counts, mut count) = ([(word, seen.wake); ANY_MAX], 0);
        for (place, change) in counts.iter_mut().zip(seen.changes()) {
            *place = change;
            count += 1;
        }
        match self.domain.wait_while((word, seen.wake), &counts[..count], watch, deadline) {
            Wait::Woken | Wait::OwnerDied => Slept::Awake,
            Wait::TimedOut => Slept::TimedOut,
            Wait::Interrupted => Slept::Interrupted,
            Wait::DomainRemoved => Slept::DomainRemoved,
        }
    }
}

impl Domain {
    /// Everyone alive who waits for `key`, with their place in its queue.
    pub(crate) fn waiters(&'static self, key: u64) -> impl Iterator<Item = (OwnerId, u64)> {
        self.waiting().filter_map(move |(id, slot)| {
            // In this order: who carries took it up before its wait was withdrawn (`word::carry` I2).
            let place = slot.waiting.place(key).or_else(|| slot.carries.place(key))?;
            Some((id, place))
        })
    }

    /// What `id` holds, as its table says.
    pub(crate) fn holds_of(&'static self, id: OwnerId) -> Vec<Hold> {
        self.slot(id.slot()).map_or_else(Vec::new, |slot| slot.holds.read().collect())
    }

    /// Takes the object of `key` out of `id`'s table: it was taken away by force.
    pub(crate) fn strike_hold(&'static self, id: OwnerId, key: u64) {
        if let Some(slot) = self.slot(id.slot()) {
            slot.holds.strike(key);
        }
    }

    /// How many participants wait now.
    #[must_use]
    pub fn waiting_count(&'static self) -> usize {
        self.waits().count()
    }

    /// Everyone alive who waits for anything, with what was read of their wait.
    pub(crate) fn waits(&'static self) -> impl Iterator<Item = (OwnerId, &'static Slot, Seen)> {
        self.waiting().filter_map(|(id, slot)| Some((id, slot, slot.waiting.read()?)))
    }

    fn waiting(&'static self) -> impl Iterator<Item = (OwnerId, &'static Slot)> {
        self.of_slots(self.words().waiting_slots())
    }

    /// Who lives in the slots of these numbers.
    fn of_slots(
        &'static self,
        numbers: impl Iterator<Item = u32>,
    ) -> impl Iterator<Item = (OwnerId, &'static Slot)> {
        numbers.filter_map(|number| {
            let slot = self.slot(number)?;
            let life = slot.life().read();
            life.is_alive().then(|| (OwnerId::new(number, u64::from(life.generation())), slot))
        })
    }
}
