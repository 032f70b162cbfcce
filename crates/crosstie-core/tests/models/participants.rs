//! Participants for models: the real wait records, with sleeping, waking and dying played by loom.
//!
//! A participant is killed at its n-th call of what is below the algorithm, or at a crash point inside: it does nothing
//! more, its life ends, and the kernel wakes who watches it. There is no net: a lost wake-up is a deadlock, which loom
//! reports.

#[path = "awaiting.rs"]
pub mod awaiting;

use std::cell::Cell;
use std::future::{Future, ready};
use std::ops::Deref;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;

use crosstie_core::atomic::{AtomicU32, AtomicU64, Ordering, fence};
use crosstie_core::crash;
use crosstie_core::wait::{Blocks, Check, Neighbours, NotedVisitor, Seen, Slept, Wait, Wake};
use crosstie_core::word::carry::Carry;
use crosstie_core::word::changes::Changes;
use crosstie_core::word::head::Head;
use crosstie_core::word::waiting::{WaitRecord, Want, look_for_waiters};
use crosstie_core::{Deadline, OwnerId};
use loom::sync::{Condvar, Mutex};
use loom::thread;

/// What a broken twin leaves out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Twin {
    AsShipped,
    /// Nobody watches anybody's life, nor tells the kernel anything.
    WatchesNobody,
    /// Who gives up looks for waiters without the fence that orders it behind.
    LooksBeforeItGivesUp,
    /// Who is about to wake others tells the kernel nothing of it.
    AnnouncesNothing,
    /// Nobody watches who has changes under way.
    WatchesNoChanger,
    /// Who goes to sleep does not compare the counts of changes.
    ComparesNoCount,
    /// Nobody wakes anybody.
    NudgesNobody,
    /// A task that is dropped gives nothing up.
    StaysWhenDropped,
}

/// Where a participant is killed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Death {
    /// At its n-th step: a call of what is below the algorithm, or [`Me::step`].
    AtStep(u32),
    /// At the first crash point of this name.
    AtPoint(&'static str),
}

struct Participant {
    alive: AtomicU32,
    record: WaitRecord,
    carries: Carry,
    changes: Changes,
    wake: AtomicU32,
}

/// An object and who takes turns on it.
pub struct World<O = Protected> {
    object: O,
    people: Arc<People>,
}

/// A mutex with what it protects.
pub struct Protected {
    pub head: Head,
    /// A condition under it.
    pub condition: Head,
    /// Another, at which those who leave choose, and the choice.
    pub chosen: Head,
    pub choice: AtomicU64,
    /// What the object protects.
    pub data: AtomicU32,
}

struct People {
    participants: Vec<Participant>,
    places: AtomicU64,
    /// No part of the model: what it says follows from who did what before.
    looks_at_clock: std::sync::atomic::AtomicU64,
    /// Who sleeps, and whom each watches.
    sleepers: Mutex<Vec<(usize, Vec<OwnerId>)>>,
    woken: Condvar,
    twin: Twin,
}

/// The model's key for the one object.
pub const KEY: u64 = 1;

pub fn id_of(index: usize) -> OwnerId {
    OwnerId::new(u32::try_from(index).unwrap(), 1)
}

fn index_of(id: OwnerId) -> usize {
    id.slot() as usize
}

impl World {
    pub fn new(participants: usize, patience_us: u32, twin: Twin) -> Arc<Self> {
        let (head, condition, chosen) = (head(patience_us, KEY), head(0, KEY + 1), head(0, KEY + 2));
        let (choice, data) = (AtomicU64::new(0), AtomicU32::new(0));
        Self::around(Protected { head, condition, chosen, choice, data }, participants, twin)
    }
}

/// A head with a key.
pub fn head(patience_us: u32, key: u64) -> Head {
    let head = Head::new(patience_us);
    head.place(0, key);
    head
}

impl<O> World<O> {
    /// Participants around `object`.
    pub fn around(object: O, participants: usize, twin: Twin) -> Arc<Self> {
        let one = || Participant {
            alive: AtomicU32::new(1),
            record: WaitRecord::idle(),
            carries: Carry::nothing(),
            changes: Changes::none(),
            wake: AtomicU32::new(0),
        };
        let people = People {
            places: AtomicU64::new(1),
            looks_at_clock: std::sync::atomic::AtomicU64::new(1),
            participants: (0..participants).map(|_| one()).collect(),
            sleepers: Mutex::new(Vec::new()),
            woken: Condvar::new(),
            twin,
        };
        Arc::new(Self { object, people: Arc::new(people) })
    }

    /// How many there are.
    pub fn participants(&self) -> usize {
        self.people.participants.len()
    }
}

impl<O> Deref for World<O> {
    type Target = O;

    fn deref(&self) -> &O {
        &self.object
    }
}

impl People {
    /// The kernel's part in a death: the mark, then the wake of who watches.
    ///
    /// If the domain's bell rings, everybody who sleeps looks again.
    fn kill(&self, index: usize, rings_bell: bool) {
        self.participants[index].alive.store(0, Ordering::SeqCst);
        // Between the mark and the wake, in the kernel and in who hears the bell.
        look_for_waiters();
        let mut sleepers = self.sleepers.lock().unwrap();
        sleepers.retain(|(_, watch)| !rings_bell && !watch.contains(&id_of(index)));
        self.woken.notify_all();
    }

    fn waiters(&self, key: u64) -> impl Iterator<Item = (usize, u64)> + '_ {
        self.participants.iter().enumerate().filter_map(move |(index, it)| {
            let place = it.record.place(key).or_else(|| it.carries.place(key))?;
            (it.alive.load(Ordering::SeqCst) == 1).then_some((index, place))
        })
    }
}

/// Thrown by a participant that is killed.
struct Killed;

loom::thread_local! {
    /// The crash point at which this participant is killed.
    static DOOM: Cell<Option<&'static str>> = Cell::new(None);
}

/// Runs `act` as the participant `index` of `world`, killed at its `dies_at`-th step if that comes.
pub fn play<O>(world: &Arc<World<O>>, index: usize, dies_at: Option<u32>, act: impl FnOnce(&Me)) {
    play_until(world, index, dies_at.map(Death::AtStep), act);
}

/// As [`play`], killed where `death` says if it comes there.
pub fn play_until<O>(world: &Arc<World<O>>, index: usize, death: Option<Death>, act: impl FnOnce(&Me)) {
    let left = match death {
        Some(Death::AtStep(step)) => Some(step),
        Some(Death::AtPoint(name)) => {
            crash::install(reach);
            DOOM.with(|doom| doom.set(Some(name)));
            None
        }
        None => None,
    };
    let me = Me {
        people: world.people.clone(),
        index,
        left: Cell::new(left),
        announced: Cell::new(0),
        now_ns: Cell::new(0),
    };
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| act(&me)));
    match outcome {
        Ok(()) => {}
        Err(payload) if payload.is::<Killed>() => me.people.kill(index, me.announced.get() > 0),
        Err(payload) => panic::resume_unwind(payload),
    }
}

fn reach(name: &'static str) {
    if !std::thread::panicking() && DOOM.with(Cell::get) == Some(name) {
        panic::resume_unwind(Box::new(Killed));
    }
}

/// One participant.
pub struct Me {
    people: Arc<People>,
    index: usize,
    /// Steps left to live.
    left: Cell<Option<u32>>,
    /// Whether the kernel rings the domain's bell when it is killed.
    announced: Cell<u32>,
    /// Its clock, which a sleep with a deadline moves.
    now_ns: Cell<u64>,
}

/// Until it is dropped, the kernel knows that the participant is about to wake others.
pub struct Announced<'a> {
    me: &'a Me,
    is_told: bool,
}

impl Drop for Announced<'_> {
    fn drop(&mut self) {
        // Who is killed takes nothing back.
        if self.is_told && !std::thread::panicking() {
            self.me.announced.set(self.me.announced.get() - 1);
        }
    }
}

/// Until it is dropped, those who wait know besides that the participant changes an object.
pub struct Changing<'a> {
    me: &'a Me,
    _announced: Announced<'a>,
}

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.me.own().changes.end();
        }
    }
}

impl Me {
    /// One more step; the last ends it all. Answers false to the dead, whose guards still unwind.
    pub fn step(&self) -> bool {
        if std::thread::panicking() {
            return false;
        }
        match self.left.get() {
            None => true,
            Some(0 | 1) => panic::resume_unwind(Box::new(Killed)),
            Some(left) => {
                self.left.set(Some(left - 1));
                true
            }
        }
    }

    /// Tells the kernel that it is about to wake others.
    pub fn announce(&self) -> Announced<'_> {
        let is_told = !matches!(self.people.twin, Twin::AnnouncesNothing | Twin::WatchesNobody);
        self.announced.set(self.announced.get() + u32::from(is_told));
        Announced { me: self, is_told }
    }

    /// Says that it is about to change the object of `head`.
    pub fn announce_change(&self, head: &Head) -> Changing<'_> {
        let announced = self.announce();
        if !std::thread::panicking() {
            self.own().changes.begin(head.key());
            head.count_change();
        }
        Changing { me: self, _announced: announced }
    }

    fn own(&self) -> &Participant {
        &self.people.participants[self.index]
    }
}

impl Wake for Me {
    fn now_ns(&self) -> u64 {
        // Relaxed: a clock that goes on by a microsecond whenever somebody looks at it; it orders nothing.
        let ticks = 1_000 * self.people.looks_at_clock.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        ticks.max(self.now_ns.get())
    }

    fn is_alive(&self, id: OwnerId) -> bool {
        self.people.participants[index_of(id)].alive.load(Ordering::SeqCst) == 1
    }

    fn first(&self, key: u64) -> Option<OwnerId> {
        if !self.step() {
            return None;
        }
        if self.people.twin != Twin::LooksBeforeItGivesUp {
            look_for_waiters();
        }
        self.people.waiters(key).min_by_key(|(_, place)| *place).map(|(index, _)| id_of(index))
    }

    fn first_of_phase(&self, key: u64, phase: u64) -> Option<OwnerId> {
        let of_phase = |it: &&Participant| {
            let seen = it.record.read();
            let waits = seen.is_some_and(|seen| seen.want.key == key && seen.want.note[0] != phase);
            waits && it.alive.load(Ordering::SeqCst) == 1
        };
        self.people.participants.iter().position(|it| of_phase(&it)).map(id_of)
    }

    fn each(&self, key: u64, visit: &mut dyn FnMut(OwnerId)) {
        for (index, _) in self.people.waiters(key) {
            visit(id_of(index));
        }
    }

    fn each_noted(&self, key: u64, visit: &mut NotedVisitor<'_>) {
        if std::thread::panicking() {
            return;
        }
        look_for_waiters();
        for (index, it) in self.people.participants.iter().enumerate() {
            let seen = it.record.read().filter(|seen| seen.want.key == key);
            let note = seen.map(|seen| seen.want.note);
            let place = seen.map(|seen| seen.want.queue).or_else(|| it.carries.place(key));
            if let (Some(place), 1) = (place, it.alive.load(Ordering::SeqCst)) {
                visit(id_of(index), place, note.as_ref());
            }
        }
    }

    fn waits_for(&self, id: OwnerId, key: u64) -> bool {
        look_for_waiters();
        let it = &self.people.participants[index_of(id)];
        it.record.place(key).is_some() && it.alive.load(Ordering::SeqCst) == 1
    }

    fn nudge(&self, id: OwnerId) {
        if !self.step() || self.people.twin == Twin::NudgesNobody {
            return;
        }
        self.people.participants[index_of(id)].wake.fetch_add(1, Ordering::Release);
        if !self.step() {
            return;
        }
        let mut sleepers = self.people.sleepers.lock().unwrap();
        sleepers.retain(|(index, _)| *index != index_of(id));
        self.people.woken.notify_all();
    }
}

impl Wait for Me {
    type Cycle = ();

    fn me(&self) -> OwnerId {
        id_of(self.index)
    }

    fn spins(&self) -> u32 {
        0
    }

    fn fence_all(&self) -> bool {
        if self.step() {
            // The owners have a fence of their own in a model.
            fence(Ordering::SeqCst);
        }
        self.step()
    }

    fn next_place(&self) -> u64 {
        self.people.places.fetch_add(1, Ordering::Relaxed)
    }

    fn enter(&self, want: &Want) {
        if self.step() {
            self.own().record.publish(want);
            self.step();
        }
    }

    fn leave(&self) {
        if self.step() {
            self.own().record.withdraw();
        }
    }

    fn carry(&self, key: u64, place: u64) {
        if self.step() {
            self.own().carries.take_up(key, place);
        }
    }

    fn put_down(&self) {
        if self.step() {
            self.own().carries.put_down();
        }
    }

    fn neighbours(&self, key: u64, queue: u64) -> Neighbours {
        let mut around = Neighbours::default();
        if std::thread::panicking() {
            return around;
        }
        let mut ahead: Vec<_> = self.people.waiters(key).filter(|(_, place)| *place < queue).collect();
        ahead.sort_by_key(|(_, place)| *place);
        around.ahead_count = ahead.len() as u64;
        around.ahead = ahead.last().map(|(index, _)| id_of(*index));
        let behind =
            self.people.waiters(key).filter(|(_, place)| *place > queue).min_by_key(|(_, place)| *place);
        around.behind = behind.map(|(index, _)| id_of(index));
        look_for_waiters();
        around
    }

    fn wake_word(&self) -> u32 {
        self.own().wake.load(Ordering::Acquire)
    }

    fn changers(&self, key: u64, visit: &mut dyn FnMut(OwnerId)) {
        if std::thread::panicking() || self.people.twin == Twin::WatchesNoChanger {
            return;
        }
        for (index, it) in self.people.participants.iter().enumerate() {
            let is_other = index != self.index && it.alive.load(Ordering::SeqCst) == 1;
            if is_other && it.changes.concerns(key) {
                visit(id_of(index));
            }
        }
        look_for_waiters();
    }

    fn sleep(&self, seen: &Seen<'_>, watch: &[OwnerId], deadline: Deadline) -> impl Future<Output = Slept> {
        ready(self.sleep_blocked(seen, watch, deadline))
    }

    /// The dead do nothing more.
    fn is_present(&self) -> bool {
        !std::thread::panicking()
    }

    fn deadlock(&self) -> Check<()> {
        Check::None
    }
}

impl Blocks for Me {}

impl Me {
    /// With a deadline it sleeps no longer than others take to act once.
    fn sleep_blocked(&self, seen: &Seen<'_>, watch: &[OwnerId], deadline: Deadline) -> Slept {
        self.step();
        if !deadline.is_never() {
            thread::yield_now();
            self.now_ns.set(deadline.as_ns());
            return Slept::TimedOut;
        }
        let watch = if self.people.twin == Twin::WatchesNobody { &[] } else { watch };
        let mut sleepers = self.people.sleepers.lock().unwrap();
        let is_other = |(count, held): (&AtomicU32, u32)| count.load(Ordering::SeqCst) != held;
        let is_counted = self.people.twin != Twin::ComparesNoCount && seen.changes().any(is_other);
        let is_called = is_counted || is_other((&self.own().wake, seen.wake));
        if !is_called && watch.iter().all(|&id| self.is_alive(id)) {
            sleepers.push((self.index, watch.to_vec()));
            while sleepers.iter().any(|(index, _)| *index == self.index) {
                sleepers = self.people.woken.wait(sleepers).unwrap();
            }
        }
        drop(sleepers);
        self.step();
        Slept::Awake
    }
}
