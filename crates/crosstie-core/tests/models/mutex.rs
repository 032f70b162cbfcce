//! The mutex: one owner at a time, nobody sleeps on a free one, whoever is killed.

use std::sync::Arc;

use crosstie_core::atomic::Ordering;
use crosstie_core::turns::mutex::{lock, unlock};
use crosstie_core::turns::queued::Request;
use crosstie_core::wait::Wait;
use crosstie_core::word::mutex::MutexWord;
use crosstie_core::{Deadline, OwnerId};
use loom::thread;

use super::participants::{Me, Twin, World, id_of, play};

const FAIR: u32 = 0;
const FAST: u32 = 500;
/// Of a first in the queue that is late at the second look at the clock.
const HASTY: u32 = 1;

/// Locks, as the library does; answers whether the owner before had died inside.
fn lock_it(world: &World, me: &Me) -> Option<OwnerId> {
    if MutexWord::new(&world.head.word).try_lock(me.me()) {
        return None;
    }
    lock(&world.head, me, me.me(), &Request::exclusive(Deadline::NEVER)).unwrap().abandoned_by
}

fn unlock_it(world: &World, me: &Me) {
    if !MutexWord::new(&world.head.word).try_unlock(me.me()) {
        unlock(&world.head, me, me.me());
    }
}

/// A turn: the data are 0 outside every turn, unless an owner died inside.
fn turn(world: &World, me: &Me) {
    let died = lock_it(world, me);
    let before = world.data.load(Ordering::Relaxed);
    assert!(before == 0 || died.is_some(), "two owners at once, or a death that nobody told");
    world.data.store(1, Ordering::Relaxed);
    thread::yield_now();
    world.data.store(0, Ordering::Relaxed);
    unlock_it(world, me);
}

/// Participant 0 has the mutex; the others come while it gives it up; one of them may be killed.
fn take_turns(
    participants: usize,
    patience_us: u32,
    twin: Twin,
    dies: Option<(usize, u32)>,
    preemptions: usize,
) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(preemptions);
    model.check(move || {
        let world = World::new(participants, patience_us, twin);
        assert!(MutexWord::new(&world.head.word).try_lock(id_of(0)));
        let of = move |index: usize| dies.filter(|(who, _)| *who == index).map(|(_, step)| step);
        let others: Vec<_> = (1..participants)
            .map(|index| {
                let world: Arc<World> = world.clone();
                let dies_at = of(index);
                thread::spawn(move || play(&world, index, dies_at, |me| turn(&world, me)))
            })
            .collect();
        play(&world, 0, of(0), |me| unlock_it(&world, me));
        for other in others {
            other.join().unwrap();
        }
        let word = MutexWord::new(&world.head.word).read();
        let is_dead = |id: OwnerId| dies.is_some_and(|(who, _)| id_of(who) == id);
        assert!(word.owner().is_none_or(is_dead), "owned by one who is done");
    });
}

#[test]
fn two_take_turns() {
    for patience in [FAIR, FAST, HASTY] {
        take_turns(2, patience, Twin::AsShipped, None, 3);
    }
}

#[test]
fn three_take_turns() {
    for patience in [FAIR, FAST, HASTY] {
        take_turns(3, patience, Twin::AsShipped, None, 2);
    }
}

/// Every step at which the owner that gives up may be killed.
#[test]
fn an_owner_killed_while_it_gives_up_leaves_nobody_asleep() {
    for patience in [FAIR, FAST, HASTY] {
        for step in 1..=5 {
            take_turns(2, patience, Twin::AsShipped, Some((0, step)), 3);
        }
    }
}

/// Every step at which one of two that wait may be killed.
#[test]
fn a_waiter_killed_at_any_step_takes_no_wake_along() {
    for patience in [FAIR, FAST, HASTY] {
        for step in 1..=10 {
            take_turns(3, patience, Twin::AsShipped, Some((1, step)), 1);
        }
    }
}

#[test]
#[should_panic(expected = "deadlock")]
fn without_watching_who_is_ahead_a_killed_waiter_takes_the_wake_along() {
    for step in 1..=10 {
        take_turns(3, FAST, Twin::WatchesNobody, Some((1, step)), 2);
    }
}

#[test]
#[should_panic(expected = "deadlock")]
fn without_the_fence_who_gives_up_misses_who_has_just_come() {
    take_turns(3, FAST, Twin::LooksBeforeItGivesUp, None, 3);
}
