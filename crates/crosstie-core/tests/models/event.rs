//! The event: set, it lets all through, or one; whoever is killed on the way.

use crosstie_core::Deadline;
use crosstie_core::atomic::{AtomicU32, Ordering};
use crosstie_core::turns::event::{Reset, is_set, set, wait_for};
use crosstie_core::turns::queued::Request;
use crosstie_core::word::head::Head;
use crosstie_core::word::waiting::Mode;

use super::participants::{KEY, Me, Twin, World, head, play_until};
use super::scenes::{Dies, deaths, explore, spawn};

struct Event {
    head: Head,
    reset: Reset,
    /// What was done before it was set.
    done: AtomicU32,
}

fn event(reset: Reset) -> Event {
    Event { head: head(0, KEY), reset, done: AtomicU32::new(0) }
}

fn pass(it: &Event, me: &Me) {
    let request = Request { mode: Mode::Signal, ..Request::exclusive(Deadline::NEVER) };
    wait_for(&it.head, me, it.reset, &request).unwrap();
    assert_eq!(it.done.load(Ordering::Relaxed), 1, "passed before it was set");
}

fn bring_about(it: &Event, me: &Me) {
    it.done.store(1, Ordering::Relaxed);
    set(&it.head, me, it.reset, || me.announce_change(&it.head));
}

/// Passes, and sets it for the next whom it lets through.
fn pass_on(it: &Event, me: &Me) {
    pass(it, me);
    bring_about(it, me);
}

/// Two wait, of whom one may be killed with the event: then participant 3 sets it again.
fn let_through(reset: Reset, twin: Twin, dies: Dies, preemptions: usize) {
    explore(preemptions, move || {
        let world = World::around(event(reset), 4, twin);
        let first = spawn(&world, 1, dies, pass_on);
        let second = spawn(&world, 2, dies, pass_on);
        play_until(&world, 0, None, |me| bring_about(&world, me));
        first.join().unwrap();
        if !is_set(&world.head) {
            play_until(&world, 3, None, |me| bring_about(&world, me));
        }
        second.join().unwrap();
        assert!(reset == Reset::Automatic || is_set(&world.head), "reset by one whom it let through");
    });
}

/// One waits; who sets it is killed. If it is not set, participant 2 sets it.
fn replace_setter(reset: Reset, twin: Twin, dies: Dies, preemptions: usize) {
    explore(preemptions, move || {
        let world = World::around(event(reset), 3, twin);
        let waiter = spawn(&world, 1, None, pass);
        let setter = spawn(&world, 0, dies, bring_about);
        setter.join().unwrap();
        if !is_set(&world.head) {
            play_until(&world, 2, None, |me| bring_about(&world, me));
        }
        waiter.join().unwrap();
    });
}

const BOTH: [Reset; 2] = [Reset::Manual, Reset::Automatic];
const POINTS: &[&str] = &["event.set", "queued.left"];

#[test]
fn who_waits_passes_when_it_is_set() {
    for reset in BOTH {
        replace_setter(reset, Twin::AsShipped, None, 3);
    }
    for reset in BOTH {
        let_through(reset, Twin::AsShipped, None, 1);
    }
}

#[test]
fn a_waiter_killed_at_any_step_holds_up_nobody() {
    for dies in deaths(1, 10, POINTS) {
        for reset in BOTH {
            let_through(reset, Twin::AsShipped, dies, 1);
        }
    }
}

#[test]
fn a_setter_killed_at_any_step_leaves_nobody_asleep_beside_a_set_event() {
    for dies in deaths(0, 6, POINTS) {
        for reset in BOTH {
            replace_setter(reset, Twin::AsShipped, dies, 2);
        }
    }
}

#[test]
#[should_panic(expected = "deadlock")]
fn without_watching_who_is_ahead_a_killed_waiter_takes_the_wake_along() {
    for dies in deaths(1, 10, POINTS) {
        let_through(Reset::Automatic, Twin::WatchesNobody, dies, 1);
    }
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_setter_that_announces_nothing_is_killed_with_the_wake() {
    for dies in deaths(0, 6, POINTS) {
        replace_setter(Reset::Manual, Twin::AnnouncesNothing, dies, 3);
    }
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_setter_whom_nobody_watches_is_killed_with_the_wake() {
    for dies in deaths(0, 6, POINTS) {
        replace_setter(Reset::Manual, Twin::WatchesNoChanger, dies, 3);
    }
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_setter_whose_count_nobody_compares_is_killed_with_the_wake() {
    for dies in deaths(0, 6, POINTS) {
        replace_setter(Reset::Manual, Twin::ComparesNoCount, dies, 3);
    }
}
