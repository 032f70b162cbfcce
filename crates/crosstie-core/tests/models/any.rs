//! The first of several: who waits for any of them has one, and holds up nobody at the others.

use crosstie_core::Deadline;
use crosstie_core::atomic::{AtomicU32, Ordering};
use crosstie_core::turns::any::{Source, wait_for_any};
use crosstie_core::turns::counting::{post, wait_for_one};
use crosstie_core::turns::event::Reset;
use crosstie_core::turns::queued::Request;
use crosstie_core::word::counting::Counting;
use crosstie_core::word::head::Head;
use crosstie_core::word::waiting::Mode;
use loom::thread;

use super::participants::{KEY, Me, Twin, World, head, play_until};
use super::scenes::{Dies, deaths, explore, spawn};

struct Two {
    heads: [Head; 2],
    /// What was made before a unit was posted at each.
    made: [AtomicU32; 2],
}

fn two() -> Two {
    Two { heads: [head(0, KEY), head(0, KEY + 1)], made: [AtomicU32::new(0), AtomicU32::new(0)] }
}

fn request() -> Request {
    Request { mode: Mode::Signal, ..Request::exclusive(Deadline::NEVER) }
}

/// Has a unit of either.
fn take_any(it: &Two, me: &Me) {
    let source = |head| Source { head, reset: Reset::Automatic };
    let [first, second] = &it.heads;
    let passed = wait_for_any(&[source(first), source(second)], me, &request()).unwrap();
    assert_eq!(it.made[passed].load(Ordering::Relaxed), 1, "a unit without what was made for it");
}

/// Has a unit of the second.
fn take_second(it: &Two, me: &Me) {
    wait_for_one(&it.heads[1], me, &request()).unwrap();
    assert_eq!(it.made[1].load(Ordering::Relaxed), 1, "a unit without what was made for it");
}

fn give(it: &Two, me: &Me, which: usize) {
    it.made[which].store(1, Ordering::Relaxed);
    post(&it.heads[which], me, || me.announce_change(&it.heads[which])).unwrap();
}

fn value(it: &Two, which: usize) -> u32 {
    Counting::value_in(Counting::new(&it.heads[which].word).read())
}

/// One waits for either, and there is a unit at one of them.
fn serve_one(which: usize, preemptions: usize) {
    explore(preemptions, move || {
        let world = World::around(two(), 2, Twin::AsShipped);
        let taker = spawn(&world, 1, None, take_any);
        play_until(&world, 0, None, |me| give(&world, me, which));
        taker.join().unwrap();
        assert_eq!(value(&world, which), 0);
    });
}

/// One waits for either, another for the second; there are two units at the second, one after the other, or one at each.
fn serve_two(units: [usize; 2], twin: Twin, dies: Dies, preemptions: usize) {
    explore(preemptions, move || {
        let world = World::around(two(), 3, twin);
        let any = spawn(&world, 1, dies, take_any);
        let second = spawn(&world, 2, dies, take_second);
        play_until(&world, 0, None, |me| {
            for which in units {
                give(&world, me, which);
                thread::yield_now();
            }
        });
        any.join().unwrap();
        second.join().unwrap();
    });
}

const POINTS: &[&str] = &["any.passed", "queued.left"];

#[test]
fn who_waits_for_any_has_what_comes_first() {
    serve_one(0, 3);
    serve_one(1, 3);
}

#[test]
fn who_waits_for_any_and_who_waits_for_one_have_one_each() {
    serve_two([1, 1], Twin::AsShipped, None, 1);
}

#[test]
fn one_killed_at_any_step_takes_no_more_than_its_unit_along() {
    for dies in deaths(1, 10, POINTS) {
        serve_two([1, 1], Twin::AsShipped, dies, 1);
    }
}

#[test]
#[should_panic(expected = "deadlock")]
fn without_watching_who_is_ahead_a_killed_one_takes_the_wake_along() {
    for dies in deaths(1, 10, POINTS) {
        serve_two([1, 1], Twin::WatchesNobody, dies, 2);
    }
}
