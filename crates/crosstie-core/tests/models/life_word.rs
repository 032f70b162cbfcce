//! The life word and the description beside it, with the kernel's part played by the model.

use std::collections::VecDeque;

use crosstie_core::OwnerId;
use crosstie_core::atomic::{AtomicU32, Ordering};
use crosstie_core::word::slot::{Life, OWNER_DIED, Occupant, Slot, TID_MASK, WAITERS};
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread::{self, ThreadId};

/// A slot, and who sleeps on the low half of its life word.
struct Shared {
    slot: Slot,
    /// In the order in which they fell asleep.
    sleepers: Mutex<VecDeque<ThreadId>>,
    woken: Condvar,
}

fn low_half(bits: u64) -> u32 {
    u32::try_from(bits & u64::from(u32::MAX)).unwrap()
}

impl Shared {
    fn new() -> Arc<Self> {
        Arc::new(Self { slot: Slot::unused(), sleepers: Mutex::new(VecDeque::new()), woken: Condvar::new() })
    }

    /// FUTEX_WAIT: compares and queues in one step, then sleeps.
    fn sleep(&self, expected: Life) {
        self.queue(expected);
        let mut sleepers = self.sleepers.lock().unwrap();
        while sleepers.contains(&thread::current().id()) {
            sleepers = self.woken.wait(sleepers).unwrap();
        }
    }

    /// The first step of FUTEX_WAIT.
    fn queue(&self, expected: Life) {
        let mut sleepers = self.sleepers.lock().unwrap();
        if low_half(self.slot.life().as_atomic().load(Ordering::SeqCst)) == expected.futex() {
            sleepers.push_back(thread::current().id());
        }
    }

    /// FUTEX_WAKE.
    fn wake(&self, count: usize) {
        let mut sleepers = self.sleepers.lock().unwrap();
        let count = count.min(sleepers.len());
        sleepers.drain(..count);
        self.woken.notify_all();
    }

    /// The end of thread `tid`, whose robust list or pending entry names the word: the mark, and one
    /// wake (`handle_futex_death`).
    fn end_thread(&self, tid: u32) {
        let word = self.slot.life().as_atomic();
        let mut found = word.load(Ordering::Relaxed);
        while low_half(found) & TID_MASK == tid {
            let marked = (found & !u64::from(TID_MASK)) | u64::from(OWNER_DIED);
            match word.compare_exchange(found, marked, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) if low_half(found) & WAITERS != 0 => return self.wake(1),
                Ok(_) => return,
                Err(now) => found = now,
            }
        }
    }

    /// What whoever waits for the occupant does: sleeps until it is dead, then wakes the others.
    fn wait_for_death(&self, id: OwnerId) {
        while let Some(life) = self.slot.life().watch(id) {
            self.sleep(life);
        }
        self.wake(usize::MAX);
    }

    /// What a claimer does: the claim, the wake of the former occupant's watchers, the description.
    fn claim(&self, tid: u32) -> Option<Life> {
        let life = self.slot.life();
        let mut own = life.try_claim(life.read(), tid)?;
        if own.has_waiters() {
            self.wake(usize::MAX);
            own = life.forget_waiters(own);
        }
        self.slot.publish(own.generation(), &occupant(tid));
        Some(own)
    }
}

/// A description all of whose words tell `tid`.
fn occupant(tid: u32) -> Occupant {
    Occupant { pid: tid, tid, start_ticks: tid.into(), attached_ns: tid.into(), ..Occupant::default() }
}

#[test]
fn a_description_is_read_whole_or_not_at_all_also_while_the_slot_changes_hands() {
    loom::model(|| {
        let shared = Shared::new();
        shared.claim(1).unwrap();
        let successor = {
            let shared = shared.clone();
            thread::spawn(move || {
                shared.end_thread(1);
                shared.claim(2).unwrap();
            })
        };
        if let Some(first) = shared.slot.occupant_of(1) {
            assert_eq!(first, occupant(1));
        }
        if let Some(second) = shared.slot.occupant_of(2) {
            assert_eq!(second, occupant(2));
        }
        successor.join().unwrap();
        assert_eq!(shared.slot.occupant_of(2), Some(occupant(2)));
    });
}

#[test]
fn who_sees_a_death_can_tell_who_died_and_so_can_the_next_claimer() {
    loom::model(|| {
        let shared = Shared::new();
        let victim = {
            let shared = shared.clone();
            thread::spawn(move || {
                shared.claim(1).unwrap();
                shared.end_thread(1);
            })
        };
        thread::yield_now(); // so that some runs begin with the death
        let life = shared.slot.life().read();
        if life.generation() == 1 && !life.is_alive() {
            assert_eq!(shared.slot.occupant_of(1), Some(occupant(1)));
            assert!(shared.slot.life().try_claim(life, 2).is_some());
            assert_eq!(shared.slot.former(), Some((1, occupant(1))));
        }
        victim.join().unwrap();
    });
}

#[test]
fn who_sees_a_death_that_a_witness_marked_can_tell_who_died() {
    loom::model(|| {
        let shared = Shared::new();
        let proof = Arc::new(AtomicU32::new(0));
        let victim = {
            let (shared, proof) = (shared.clone(), proof.clone());
            thread::spawn(move || {
                shared.claim(1).unwrap();
                proof.store(1, Ordering::Release); // gone without the kernel's mark (H1)
            })
        };
        let witness = {
            let shared = shared.clone();
            thread::spawn(move || {
                if proof.load(Ordering::Acquire) == 1 {
                    let witnessed = shared.slot.life().read();
                    shared.slot.life().bury(witnessed);
                }
            })
        };
        thread::yield_now(); // so that some runs begin with the death
        let life = shared.slot.life().read();
        if life.generation() == 1 && !life.is_alive() {
            assert_eq!(shared.slot.occupant_of(1), Some(occupant(1)));
        }
        victim.join().unwrap();
        witness.join().unwrap();
    });
}

#[test]
fn all_who_wait_for_a_death_learn_of_it_although_the_kernel_wakes_one() {
    loom::model(|| {
        let shared = Shared::new();
        let id = OwnerId::new(0, shared.claim(1).unwrap().generation().into());
        let watchers: Vec<_> = (0..2)
            .map(|_| {
                let shared = shared.clone();
                thread::spawn(move || shared.wait_for_death(id))
            })
            .collect();
        shared.end_thread(1);
        for watcher in watchers {
            watcher.join().unwrap();
        }
    });
}

#[test]
fn watchers_learn_of_a_death_also_if_the_slot_is_claimed_before_they_wake() {
    loom::model(|| {
        let shared = Shared::new();
        let id = OwnerId::new(0, shared.claim(1).unwrap().generation().into());
        let watcher = {
            let shared = shared.clone();
            thread::spawn(move || shared.wait_for_death(id))
        };
        shared.end_thread(1);
        shared.claim(2);
        watcher.join().unwrap();
    });
}

#[test]
fn watchers_learn_of_a_death_also_if_the_claimer_is_killed_before_it_woke_them() {
    loom::model(|| {
        let shared = Shared::new();
        let id = OwnerId::new(0, shared.claim(1).unwrap().generation().into());
        let watchers: Vec<_> = (0..2)
            .map(|_| {
                let shared = shared.clone();
                thread::spawn(move || shared.wait_for_death(id))
            })
            .collect();
        shared.end_thread(1);
        let life = shared.slot.life();
        if life.try_claim(life.read(), 2).is_some() {
            shared.end_thread(2); // Killed here: its pending entry names the word.
        }
        for watcher in watchers {
            watcher.join().unwrap();
        }
    });
}

#[test]
fn of_two_claimers_one_gets_the_slot() {
    loom::model(|| {
        let shared = Shared::new();
        let other = {
            let shared = shared.clone();
            thread::spawn(move || shared.claim(1).is_some())
        };
        let mine = shared.claim(2).is_some();
        let others = other.join().unwrap();
        assert!(mine || others);
        let life = shared.slot.life().read();
        assert!(mine != others || life.generation() == 2, "two owners of one generation");
    });
}

#[test]
fn the_model_catches_a_claim_that_forgets_the_watchers() {
    let left_asleep = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let seen = left_asleep.clone();
    loom::model(move || {
        let shared = Shared::new();
        let id = OwnerId::new(0, shared.claim(1).unwrap().generation().into());
        let watcher = {
            let shared = shared.clone();
            thread::spawn(move || {
                if let Some(life) = shared.slot.life().watch(id) {
                    shared.queue(life);
                }
            })
        };
        // A broken claimer: it takes the word without WAITERS, and wakes nobody.
        shared.slot.life().as_atomic().store((2 << 32) | 2, Ordering::Release);
        watcher.join().unwrap();
        let is_left = !shared.sleepers.lock().unwrap().is_empty();
        seen.fetch_or(is_left, std::sync::atomic::Ordering::Relaxed);
    });
    assert!(left_asleep.load(std::sync::atomic::Ordering::Relaxed), "the sleeper was not seen");
}
