//! The condition variable: a notification reaches one who waits, whoever is killed on the way.

use std::mem::ManuallyDrop;

use crosstie_core::Deadline;
use crosstie_core::atomic::Ordering;
use crosstie_core::turns::queued::Request;
use crosstie_core::turns::{condition, mutex};
use crosstie_core::wait::Wait;
use crosstie_core::word::mutex::MutexWord;
use crosstie_core::word::waiting::Mode;
use loom::thread;

use super::participants::{Me, Twin, World, play};

const FAIR: u32 = 0;
const FAST: u32 = 500;

fn lock(world: &World, me: &Me) {
    if !MutexWord::new(&world.head.word).try_lock(me.me()) {
        mutex::lock(&world.head, me, me.me(), &Request::exclusive(Deadline::NEVER)).unwrap();
    }
}

fn unlock(world: &World, me: &Me) {
    if !MutexWord::new(&world.head.word).try_unlock(me.me()) {
        mutex::unlock(&world.head, me, me.me());
    }
}

/// Waits for a unit of the data, as a bounded buffer's consumer does.
fn consume(world: &World, me: &Me) {
    lock(world, me);
    while world.data.load(Ordering::Relaxed) == 0 {
        let request = Request { mode: Mode::Signal, ..Request::exclusive(Deadline::NEVER) };
        let place = me.next_place();
        let queued = condition::enter(&world.condition, place, me, &request);
        unlock(world, me);
        let carried = condition::sleep(&world.condition, me, place, queued).unwrap();
        // Not dropped when the model unwinds: its atomics are gone then.
        let carried = ManuallyDrop::new(carried);
        lock(world, me);
        ManuallyDrop::into_inner(carried).accept();
    }
    world.data.store(world.data.load(Ordering::Relaxed) - 1, Ordering::Relaxed);
    unlock(world, me);
}

/// Adds a unit, and notifies one.
fn produce(world: &World, me: &Me) {
    lock(world, me);
    world.data.store(world.data.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    condition::notify(&world.condition, me, 1);
    unlock(world, me);
}

/// Participant 0 makes as many units as the others need; one of those may be killed.
fn serve(consumers: usize, units: usize, twin: Twin, dies: Option<(usize, u32)>, preemptions: usize) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(preemptions);
    model.max_branches = 10_000;
    model.check(move || {
        // The deaths are many, and a fast mutex has more to say.
        let world = World::new(consumers + 1, if dies.is_none() { FAST } else { FAIR }, twin);
        let of = move |index: usize| dies.filter(|(who, _)| *who == index).map(|(_, step)| step);
        let others: Vec<_> = (1..=consumers)
            .map(|index| {
                let world = world.clone();
                let dies_at = of(index);
                thread::spawn(move || play(&world, index, dies_at, |me| consume(&world, me)))
            })
            .collect();
        play(&world, 0, None, |me| (0..units).for_each(|_| produce(&world, me)));
        for other in others {
            other.join().unwrap();
        }
    });
}

#[test]
fn who_waits_is_notified() {
    serve(1, 1, Twin::AsShipped, None, 3);
}

#[test]
fn each_of_two_gets_the_notification_that_is_for_it() {
    serve(2, 2, Twin::AsShipped, None, 2);
}

/// It may be killed with the unit, or before it has it; there is one for the other in any case.
#[test]
fn one_killed_at_any_step_takes_no_notification_along() {
    for step in 1..=14 {
        serve(2, 2, Twin::AsShipped, Some((1, step)), 2);
    }
}

#[test]
#[should_panic(expected = "deadlock")]
fn without_watching_who_is_ahead_a_killed_one_takes_its_notification_along() {
    for step in 1..=14 {
        serve(2, 2, Twin::WatchesNobody, Some((1, step)), 2);
    }
}
