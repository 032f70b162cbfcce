//! The life word: deaths at every step, with the kernel's part played as it is written.
//!
//! The kernel here does what `kernel/futex/core.c` does: a sleeper compares and queues under the
//! bucket's lock; a dying thread's words are marked by compare-exchange without it, then one sleeper
//! is woken under it. Who is killed runs no more code of its own, only the kernel's for it. A lost
//! wake-up is a deadlock, which loom reports. There is no net.

use crosstie_core::OwnerId;
use crosstie_core::atomic::{AtomicU64, Ordering};
use crosstie_core::word::slot::{Life, LifeWord, OWNER_DIED, Occupant, Slot, TID_MASK, WAITERS};
use loom::sync::{Condvar, Mutex};
use loom::thread;
use std::sync::Arc;

/// The same in all actors: as in PID namespaces of their own, or reused.
const TID: u32 = 7;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Futex {
    Life,
    Bell,
}

/// The bucket: who sleeps on what, in order; who was woken.
#[derive(Default)]
struct Bucket {
    sleepers: Vec<(u32, Futex)>,
    woken: Vec<u32>,
}

struct World {
    life: LifeWord,
    bucket: Mutex<Bucket>,
    wakes: Condvar,
    /// What the owner wrote before it died.
    left: AtomicU64,
}

impl World {
    /// A world in which the first occupant lives.
    fn new() -> (Arc<Self>, Life) {
        let life = LifeWord::unused();
        let first = life.try_claim(life.read(), TID).expect("unused");
        (
            Arc::new(Self {
                life,
                bucket: Mutex::new(Bucket::default()),
                wakes: Condvar::new(),
                left: AtomicU64::new(0),
            }),
            first,
        )
    }

    /// `futex_waitv` on the life word and the domain's bell.
    fn sleep(&self, sleeper: u32, expected: Life) {
        let mut bucket = self.bucket.lock().unwrap();
        let now = Life::from_bits(self.life.as_atomic().load(Ordering::Relaxed));
        if now.futex() != expected.futex() {
            return;
        }
        bucket.sleepers.push((sleeper, Futex::Life));
        bucket.sleepers.push((sleeper, Futex::Bell));
        while !bucket.woken.contains(&sleeper) {
            bucket = self.wakes.wait(bucket).unwrap();
        }
        bucket.woken.retain(|&woken| woken != sleeper);
    }

    fn wake(&self, futex: Futex, count: usize) {
        let mut bucket = self.bucket.lock().unwrap();
        for _ in 0..count {
            let Some(at) = bucket.sleepers.iter().position(|&(_, on)| on == futex) else { break };
            let (sleeper, _) = bucket.sleepers.remove(at);
            bucket.sleepers.retain(|&(other, _)| other != sleeper);
            bucket.woken.push(sleeper);
        }
        self.wakes.notify_all();
    }

    fn wake_watchers(&self) {
        self.wake(Futex::Life, usize::MAX >> 1);
    }

    /// `handle_futex_death` for the life word of a thread whose TID is [`TID`].
    fn kernel_marks(&self) {
        let word = self.life.as_atomic();
        let mut now = word.load(Ordering::SeqCst);
        loop {
            let low = Life::from_bits(now).futex();
            if low & TID_MASK != TID {
                return;
            }
            let dead = (now & !0xFFFF_FFFF) | u64::from((low & WAITERS) | OWNER_DIED);
            match word.compare_exchange(now, dead, Ordering::SeqCst, Ordering::SeqCst) {
                Ok(_) if low & WAITERS != 0 => return self.wake(Futex::Life, 1),
                Ok(_) => return,
                Err(other) => now = other,
            }
        }
    }

    /// `handle_futex_death` for a pending entry that names the bell, which never holds a TID.
    fn kernel_rings(&self) {
        self.wake(Futex::Bell, 1);
    }
}

fn id_of(life: Life) -> OwnerId {
    OwnerId::new(0, u64::from(life.generation()))
}

/// Where a watcher is killed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Killed {
    BeforeItSleeps,
    WithTheWake,
    Never,
}

/// A watcher that dies leaves its wake to the bell, if it had announced itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Announced {
    Yes,
    No,
}

/// A watcher of `id`, as `Domain::wait` is.
fn watch(world: &World, sleeper: u32, id: OwnerId, killed: Killed, announced: Announced) {
    let dies = || {
        if announced == Announced::Yes {
            world.kernel_rings();
        }
    };
    while let Some(life) = world.life.watch(id) {
        if killed == Killed::BeforeItSleeps {
            return dies();
        }
        world.sleep(sleeper, life);
        if killed == Killed::WithTheWake {
            return dies();
        }
    }
    assert_eq!(world.left.load(Ordering::Relaxed), 1, "the dead's last write is seen");
    world.wake_watchers();
}

fn one_of_two_watchers_is_killed(killed: Killed, announced: Announced) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(move || {
        let (world, first) = World::new();
        let watchers: Vec<_> = [(1, killed), (2, Killed::Never)]
            .into_iter()
            .map(|(sleeper, killed)| {
                let world = world.clone();
                thread::spawn(move || watch(&world, sleeper, id_of(first), killed, announced))
            })
            .collect();
        world.left.store(1, Ordering::Relaxed);
        world.kernel_marks();
        for watcher in watchers {
            watcher.join().unwrap();
        }
    });
}

#[test]
fn a_death_wakes_every_watcher() {
    one_of_two_watchers_is_killed(Killed::Never, Announced::Yes);
}

#[test]
fn a_watcher_killed_with_the_wake_for_all_passes_it_on() {
    one_of_two_watchers_is_killed(Killed::WithTheWake, Announced::Yes);
}

#[test]
fn a_watcher_killed_before_it_sleeps_takes_no_wake_along() {
    one_of_two_watchers_is_killed(Killed::BeforeItSleeps, Announced::Yes);
}

/// The broken twin: without the bell the second watcher sleeps for ever.
#[test]
#[should_panic(expected = "deadlock")]
fn without_the_bell_a_killed_watcher_takes_the_wake_along() {
    one_of_two_watchers_is_killed(Killed::WithTheWake, Announced::No);
}

/// How a claimer takes the slot over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Claim {
    AsShipped,
    /// The broken twin forgets that somebody sleeps.
    DropsWaiters,
}

/// Where the claimer is killed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ClaimerKilled {
    AfterTheClaim,
    AfterTheWake,
    Never,
}

/// The occupant is dead, its kernel wake went to a watcher that is stopped; another still sleeps.
/// The claimer has the dead's TID.
fn a_slot_is_taken_over(claim: Claim, killed: ClaimerKilled) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(move || {
        let (world, first) = World::new();
        let id = id_of(first);
        world.left.store(1, Ordering::Relaxed);
        let watched = world.life.watch(id).expect("alive");
        let sleeper = {
            let world = world.clone();
            thread::spawn(move || {
                world.sleep(2, watched);
                watch(&world, 2, id, Killed::Never, Announced::Yes);
            })
        };
        // Marked; the one wake is consumed by somebody who is stopped.
        let word = world.life.as_atomic();
        word.store(
            Life::from_bits(watched.to_bits() & !u64::from(TID_MASK)).to_bits() | u64::from(OWNER_DIED),
            Ordering::SeqCst,
        );
        let found = world.life.read();
        let own = match claim {
            Claim::AsShipped => world.life.try_claim(found, TID).expect("dead"),
            Claim::DropsWaiters => {
                let own = Life::from_bits((2 << 32) | u64::from(TID));
                word.store(own.to_bits(), Ordering::SeqCst);
                own
            }
        };
        take_over(&world, own, killed);
        sleeper.join().unwrap();
        assert!(!world.life.read().is_life_of(id), "a generation never comes back");
    });
}

/// What `Domain::claim` does after its claim.
fn take_over(world: &World, own: Life, killed: ClaimerKilled) {
    if killed == ClaimerKilled::AfterTheClaim {
        return world.kernel_marks();
    }
    if own.has_waiters() {
        world.wake_watchers();
        if killed == ClaimerKilled::AfterTheWake {
            return world.kernel_marks();
        }
        world.life.forget_waiters(own);
        world.wake_watchers();
    }
}

#[test]
fn a_claimer_wakes_who_still_watches_the_dead() {
    a_slot_is_taken_over(Claim::AsShipped, ClaimerKilled::Never);
}

#[test]
fn a_claimer_killed_before_it_wakes_leaves_that_to_the_kernel() {
    a_slot_is_taken_over(Claim::AsShipped, ClaimerKilled::AfterTheClaim);
}

#[test]
fn a_claimer_killed_between_wake_and_forgetting_loses_nobody() {
    a_slot_is_taken_over(Claim::AsShipped, ClaimerKilled::AfterTheWake);
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_claim_that_drops_waiters_loses_them() {
    a_slot_is_taken_over(Claim::DropsWaiters, ClaimerKilled::AfterTheClaim);
}

/// A witness that marks a death late, beside the kernel's mark and a successor with the same TID.
fn a_late_witness(bury: fn(&LifeWord, Life) -> bool) {
    loom::model(move || {
        let (world, first) = World::new();
        let witness = {
            let world = world.clone();
            thread::spawn(move || bury(&world.life, first))
        };
        world.kernel_marks();
        let successor = world.life.try_claim(world.life.read(), TID).expect("dead");
        witness.join().unwrap();
        assert!(world.life.read().is_life_of(id_of(successor)), "an innocent was buried");
    });
}

#[test]
fn a_late_witness_never_buries_the_successor() {
    a_late_witness(LifeWord::bury);
}

/// The broken twin looks at the kernel's half alone.
#[test]
#[should_panic(expected = "an innocent was buried")]
fn a_witness_that_compares_the_tid_buries_the_successor() {
    a_late_witness(|word, witnessed| {
        let word = word.as_atomic();
        let now = word.load(Ordering::SeqCst);
        let same = Life::from_bits(now).futex() == witnessed.futex();
        let dead = (now & !0xFFFF_FFFF) | u64::from(OWNER_DIED);
        same && word.compare_exchange(now, dead, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    });
}

#[test]
fn two_claimers_never_both_have_the_slot() {
    loom::model(|| {
        let life = Arc::new(LifeWord::unused());
        let claimers: Vec<_> = [3, 4]
            .map(|tid| {
                let life = life.clone();
                thread::spawn(move || life.try_claim(life.read(), tid))
            })
            .into();
        let lives: Vec<_> = claimers.into_iter().filter_map(|claimer| claimer.join().unwrap()).collect();
        assert_eq!(lives, [life.read()]);
    });
}

fn occupant(mark: u32) -> Occupant {
    let same = u64::from(mark);
    Occupant {
        pid: mark,
        tid: mark,
        start_ticks: same,
        namespaces: same,
        process: same,
        uid: mark,
        kind: mark,
        attached_ns: same,
        command: [mark.to_le_bytes()[0]; 16],
        child_pid: mark,
        child_witness: mark,
        child_start_ticks: same,
    }
}

#[test]
fn a_description_is_read_whole_or_not_at_all() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(2);
    model.check(|| {
        let slot = Arc::new(Slot::unused());
        slot.publish(1, &occupant(1));
        let reader = {
            let slot = slot.clone();
            thread::spawn(move || {
                for generation in [1, 2] {
                    if let Some(found) = slot.occupant_of(generation) {
                        assert_eq!(found, occupant(generation), "torn");
                    }
                }
            })
        };
        slot.publish(2, &occupant(2));
        reader.join().unwrap();
    });
}

/// A command's slot is described again when its child is known: the same generation, other words.
#[test]
fn a_description_that_is_written_anew_is_read_whole_or_not_at_all() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(2);
    model.check(|| {
        let slot = Arc::new(Slot::unused());
        slot.publish(1, &occupant(1));
        let reader = {
            let slot = slot.clone();
            thread::spawn(move || {
                if let Some(found) = slot.occupant_of(1) {
                    assert!(found == occupant(1) || found == occupant(2), "torn");
                }
            })
        };
        slot.publish(1, &occupant(2));
        reader.join().unwrap();
        assert_eq!(slot.occupant_of(1), Some(occupant(2)));
    });
}

/// The next claimer, who learnt of the death from the word alone, finds the dead's description.
#[test]
fn a_claimer_finds_who_was_there_before() {
    loom::model(|| {
        let slot = Arc::new(Slot::unused());
        let first = slot.life().try_claim(slot.life().read(), 3).expect("unused");
        let claimer = {
            let slot = slot.clone();
            thread::spawn(move || {
                let found = slot.life().read();
                if slot.life().try_claim(found, 4).is_some() {
                    assert_eq!(slot.former(), Some((1, occupant(1))));
                    slot.publish(2, &occupant(2));
                }
            })
        };
        slot.publish(1, &occupant(1));
        assert!(slot.life().bury(first));
        claimer.join().unwrap();
        assert_ne!(slot.occupant_of(2).unwrap_or(occupant(2)), occupant(1));
    });
}
