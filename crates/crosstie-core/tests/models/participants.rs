//! Participants for models: the real wait records, with sleeping, waking and dying played by loom.
//!
//! A participant is killed at its n-th call of what is below the algorithm: it does nothing more, its
//! life ends, and the kernel wakes who watches it. There is no net: a lost wake-up is a deadlock, which loom reports.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;

use crosstie_core::atomic::{AtomicU32, AtomicU64, Ordering};
use crosstie_core::wait::{Check, Neighbours, NotedVisitor, Slept, Wait, Wake};
use crosstie_core::word::carry::Carry;
use crosstie_core::word::head::Head;
use crosstie_core::word::waiting::{WaitRecord, Want, look_for_waiters};
use crosstie_core::{Deadline, OwnerId};
use loom::sync::{Condvar, Mutex};

/// What a broken twin leaves out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Twin {
    AsShipped,
    /// Nobody watches anybody's life.
    WatchesNobody,
    /// Who gives up looks for waiters without the fence that orders it behind.
    LooksBeforeItGivesUp,
    /// Nobody is announced to the kernel: a death rings no bell.
    AnnouncesNothing,
}

struct Participant {
    alive: AtomicU32,
    record: WaitRecord,
    carries: Carry,
    wake: AtomicU32,
    /// Whether the kernel is to ring the bell at its death.
    announced: AtomicU32,
}

/// An object and who takes turns on it.
pub struct World {
    pub head: Head,
    /// A condition under it.
    pub condition: Head,
    /// Another, at which those who leave choose, and the choice.
    pub chosen: Head,
    pub choice: AtomicU64,
    /// What the object protects.
    pub data: AtomicU32,
    participants: Vec<Participant>,
    places: AtomicU64,
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
        let head = Head::new(patience_us);
        head.place(0, KEY);
        let condition = Head::new(0);
        condition.place(0, KEY + 1);
        let chosen = Head::new(0);
        chosen.place(0, KEY + 2);
        let one = || Participant {
            alive: AtomicU32::new(1),
            record: WaitRecord::idle(),
            carries: Carry::nothing(),
            wake: AtomicU32::new(0),
            announced: AtomicU32::new(0),
        };
        Arc::new(Self {
            head,
            condition,
            chosen,
            choice: AtomicU64::new(0),
            data: AtomicU32::new(0),
            places: AtomicU64::new(1),
            participants: (0..participants).map(|_| one()).collect(),
            sleepers: Mutex::new(Vec::new()),
            woken: Condvar::new(),
            twin,
        })
    }

    /// The kernel's part in a death: the mark, then the wake of who watches, then the bell if that was announced, which
    /// makes everyone look who waits at [`World::chosen`].
    pub fn kill(&self, index: usize) {
        self.participants[index].alive.store(0, Ordering::SeqCst);
        // Between the mark and the wake, in the kernel and in who hears the bell.
        look_for_waiters();
        let rings = self.participants[index].announced.load(Ordering::SeqCst) == 1;
        let mut sleepers = self.sleepers.lock().unwrap();
        sleepers.retain(|(_, watch)| !watch.contains(&id_of(index)));
        if rings && self.twin != Twin::AnnouncesNothing {
            let waits = |it: &Participant| it.record.place(KEY + 2).is_some();
            for (index, it) in self.participants.iter().enumerate().filter(|(_, it)| waits(it)) {
                it.wake.fetch_add(1, Ordering::Release);
                sleepers.retain(|(sleeper, _)| *sleeper != index);
            }
        }
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

/// Runs `act` as the participant `index` of `world`, killed at its `dies_at`-th step if that comes.
pub fn play(world: &Arc<World>, index: usize, dies_at: Option<u32>, act: impl FnOnce(&Me)) {
    let me = Me { world: world.clone(), index, left: Cell::new(dies_at) };
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| act(&me)));
    match outcome {
        Ok(()) => {}
        Err(payload) if payload.is::<Killed>() => world.kill(index),
        Err(payload) => panic::resume_unwind(payload),
    }
}

/// One participant.
pub struct Me {
    world: Arc<World>,
    index: usize,
    /// Steps left to live.
    left: Cell<Option<u32>>,
}

impl Me {
    /// One more step; the last ends it all. Answers false to the dead, whose guards still unwind.
    fn step(&self) -> bool {
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

    /// Whether the kernel is to ring the bell if it dies.
    pub fn announce(&self, announced: bool) {
        if self.step() {
            self.own().announced.store(u32::from(announced), Ordering::SeqCst);
        }
    }

    fn own(&self) -> &Participant {
        &self.world.participants[self.index]
    }
}

impl Wake for Me {
    fn is_alive(&self, id: OwnerId) -> bool {
        self.world.participants[index_of(id)].alive.load(Ordering::SeqCst) == 1
    }

    fn first(&self, key: u64) -> Option<OwnerId> {
        if !self.step() {
            return None;
        }
        if self.world.twin != Twin::LooksBeforeItGivesUp {
            look_for_waiters();
        }
        self.world.waiters(key).min_by_key(|(_, place)| *place).map(|(index, _)| id_of(index))
    }

    fn first_of_phase(&self, key: u64, phase: u64) -> Option<OwnerId> {
        let of_phase = |it: &&Participant| {
            let seen = it.record.read();
            let waits = seen.is_some_and(|seen| seen.want.key == key && seen.want.note[0] != phase);
            waits && it.alive.load(Ordering::SeqCst) == 1
        };
        self.world.participants.iter().position(|it| of_phase(&it)).map(id_of)
    }

    fn each(&self, key: u64, visit: &mut dyn FnMut(OwnerId)) {
        for (index, _) in self.world.waiters(key) {
            visit(id_of(index));
        }
    }

    fn each_noted(&self, key: u64, visit: &mut NotedVisitor<'_>) {
        if std::thread::panicking() {
            return;
        }
        look_for_waiters();
        for (index, it) in self.world.participants.iter().enumerate() {
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
        let it = &self.world.participants[index_of(id)];
        it.record.place(key).is_some() && it.alive.load(Ordering::SeqCst) == 1
    }

    fn nudge(&self, id: OwnerId) {
        if !self.step() {
            return;
        }
        self.world.participants[index_of(id)].wake.fetch_add(1, Ordering::Release);
        if !self.step() {
            return;
        }
        let mut sleepers = self.world.sleepers.lock().unwrap();
        sleepers.retain(|(index, _)| *index != index_of(id));
        self.world.woken.notify_all();
    }
}

impl Wait for Me {
    type Cycle = ();

    fn me(&self) -> OwnerId {
        id_of(self.index)
    }

    fn now_ns(&self) -> u64 {
        0
    }

    fn spins(&self) -> u32 {
        0
    }

    fn next_place(&self) -> u64 {
        self.world.places.fetch_add(1, Ordering::Relaxed)
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
        let mut ahead: Vec<_> = self.world.waiters(key).filter(|(_, place)| *place < queue).collect();
        ahead.sort_by_key(|(_, place)| *place);
        around.ahead_count = ahead.len() as u64;
        around.ahead = ahead.last().map(|(index, _)| id_of(*index));
        let behind =
            self.world.waiters(key).filter(|(_, place)| *place > queue).min_by_key(|(_, place)| *place);
        around.behind = behind.map(|(index, _)| id_of(index));
        look_for_waiters();
        around
    }

    fn wake_word(&self) -> u32 {
        self.own().wake.load(Ordering::Acquire)
    }

    fn sleep(&self, seen: u32, watch: &[OwnerId], _deadline: Deadline) -> Slept {
        self.step();
        let watch = if self.world.twin == Twin::WatchesNobody { &[] } else { watch };
        let mut sleepers = self.world.sleepers.lock().unwrap();
        let is_called = self.own().wake.load(Ordering::SeqCst) != seen;
        if !is_called && watch.iter().all(|&id| self.is_alive(id)) {
            sleepers.push((self.index, watch.to_vec()));
            while sleepers.iter().any(|(index, _)| *index == self.index) {
                sleepers = self.world.woken.wait(sleepers).unwrap();
            }
        }
        drop(sleepers);
        self.step();
        Slept::Awake
    }

    fn deadlock(&self) -> Check<()> {
        Check::None
    }
}
