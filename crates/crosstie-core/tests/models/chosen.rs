//! Waiting for what the data say: whoever leaves chooses, and no death leaves one asleep that could go on.

use std::mem::ManuallyDrop;

use crosstie_core::Deadline;
use crosstie_core::atomic::Ordering;
use crosstie_core::turns::chosen::{self, Words};
use crosstie_core::turns::mutex;
use crosstie_core::turns::queued::Request;
use crosstie_core::wait::{Wait, Wake};
use crosstie_core::word::mutex::MutexWord;
use crosstie_core::word::waiting::{Mode, NOTE_WORDS};
use loom::thread;

use super::participants::{Changing, Me, Twin, World, play};

const FAST: u32 = 500;

fn words(world: &World) -> Words<'_> {
    Words { head: &world.chosen, choice: &world.choice, mutex: &world.head }
}

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

/// Says that a look is owed; as long as the answer lives, all who wait can know.
fn begin<'a>(world: &World, me: &'a Me) -> Changing<'a> {
    let due = me.announce_change(&world.chosen);
    words(world).make_due();
    due
}

/// Chooses, gives the mutex up, wakes the chosen: the look that was owed.
fn leave(world: &World, me: &Me, due: Changing<'_>) {
    let data = u64::from(world.data.load(Ordering::Relaxed));
    let chosen = chosen::choose(words(world), me, |note| data >= note[0]);
    unlock(world, me);
    if let Some(id) = chosen {
        me.nudge(id);
    }
    drop(due);
}

/// Waits until the data are `least` or more; leaves them as they are.
fn await_least(world: &World, me: &Me, least: u64) {
    lock(world, me);
    let place = me.next_place();
    let mut due = None;
    while u64::from(world.data.load(Ordering::Relaxed)) < least {
        let mut note = [0; NOTE_WORDS];
        note[0] = least;
        let request = Request { mode: Mode::Signal, note, ..Request::exclusive(Deadline::NEVER) };
        let owed = due.take().unwrap_or_else(|| begin(world, me));
        let queued = chosen::enter(words(world), place, me, &request);
        let announced = me.announce();
        leave(world, me, owed);
        let (carried, outcome) = chosen::sleep(words(world), me, place, queued);
        outcome.unwrap();
        // Not dropped when the model unwinds: its atomics are gone then.
        let carried = ManuallyDrop::new(carried);
        lock(world, me);
        due = Some(begin(world, me));
        ManuallyDrop::into_inner(carried).accept();
        drop(announced);
    }
    match due {
        Some(due) => leave(world, me, due),
        None => unlock(world, me),
    }
}

fn add(world: &World, me: &Me) {
    lock(world, me);
    let due = words(world).has_waiters().then(|| begin(world, me));
    world.data.store(world.data.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    match due {
        Some(due) => leave(world, me, due),
        None => unlock(world, me),
    }
}

/// Participant 0 adds as much as the others wait for; one of those may be killed.
fn serve(least: &'static [u64], twin: Twin, dies: Option<(usize, u32)>, preemptions: usize) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(preemptions);
    model.max_branches = 20_000;
    model.check(move || {
        let world = World::new(least.len() + 1, FAST, twin);
        let of = move |index: usize| dies.filter(|(who, _)| *who == index).map(|(_, step)| step);
        let others: Vec<_> = (1..)
            .zip(least)
            .map(|(index, &least)| {
                let world = world.clone();
                let dies_at = of(index);
                thread::spawn(move || play(&world, index, dies_at, |me| await_least(&world, me, least)))
            })
            .collect();
        let enough = least.iter().copied().max().unwrap();
        play(&world, 0, of(0), |me| (0..enough).for_each(|_| add(&world, me)));
        for other in others {
            other.join().unwrap();
        }
    });
}

#[test]
fn who_waits_is_woken_by_the_change_that_it_waits_for() {
    serve(&[1], Twin::AsShipped, None, 3);
}

#[test]
fn one_change_serves_two_one_after_the_other() {
    serve(&[1, 1], Twin::AsShipped, None, 2);
}

#[test]
fn a_chosen_one_killed_at_any_step_leaves_nobody_asleep() {
    for step in 1..=20 {
        serve(&[1, 1], Twin::AsShipped, Some((1, step)), 2);
    }
}

/// What it has added reaches who waits for it, or it has added nothing: then another one adds.
#[test]
fn an_adder_killed_at_any_step_leaves_nobody_asleep_that_could_go_on() {
    for step in 1..=10 {
        let mut model = loom::model::Builder::new();
        model.preemption_bound = Some(1);
        model.max_branches = 20_000;
        model.check(move || {
            let world = World::new(3, FAST, Twin::AsShipped);
            let others: Vec<_> = [Some(step), None]
                .into_iter()
                .zip([1, 2])
                .map(|(dies_at, index)| {
                    let world = world.clone();
                    thread::spawn(move || play(&world, index, dies_at, |me| add(&world, me)))
                })
                .collect();
            play(&world, 0, None, |me| await_least(&world, me, 1));
            for other in others {
                other.join().unwrap();
            }
        });
    }
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_choice_whose_count_nobody_compares_is_killed_with_the_chosen() {
    for step in 1..=20 {
        serve(&[1, 1], Twin::ComparesNoCount, Some((1, step)), 2);
    }
}

#[test]
#[should_panic(expected = "deadlock")]
fn without_an_announcement_a_killed_one_leaves_another_asleep() {
    for step in 1..=20 {
        serve(&[1, 1], Twin::AnnouncesNothing, Some((1, step)), 2);
    }
}
