//! Conditions as data: whoever leaves wakes exactly who can go on, and whoever is killed, nobody sleeps on.

use std::time::Duration;

use crosstie::os::clock::deadline_in;
use crosstie::shareable::Deque;
use crosstie::sync::predicate::{at_least, equals};
use crosstie::sync::{LockError, Monitor, Policy, Shared};

use super::meetings::asleep;
use super::stage::{Actor, Stage, until, until_asleep};

fn count(stage: &Stage) -> Shared<Monitor<u64>> {
    Monitor::<u64>::open_or_create_in(stage.domain, "m", || 0).unwrap()
}

/// A process that waits.
struct Sleeper {
    actor: Actor,
    tid: u32,
}

impl Sleeper {
    /// Plays `script`, and sleeps in the ledger.
    fn of(stage: &Stage, script: &str) -> Self {
        let waited = stage.domain.waiting_count();
        let mut actor = stage.role(script, &[]);
        let tid = actor.says("tid").parse().unwrap();
        until(|| stage.domain.waiting_count() > waited);
        until_asleep(actor.pid(), tid);
        Self { actor, tid }
    }

    /// How often it has gone to sleep.
    fn sleeps(&self) -> u64 {
        let status = format!("/proc/{}/task/{}/status", self.actor.pid(), self.tid);
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).unwrap();
        line.trim().parse().unwrap()
    }

    fn says(&mut self, key: &str) -> String {
        self.actor.says(key)
    }
}

#[test]
fn a_change_wakes_the_one_that_it_lets_go_on_and_no_other() {
    let stage = Stage::new();
    let count = count(&stage);
    let mut others: Vec<_> = [7, 5, 6].map(|least| Sleeper::of(&stage, &format!("when m {least}"))).into();
    let slept: Vec<_> = others.iter().map(Sleeper::sleeps).collect();
    *count.enter().unwrap() += 4;
    *count.enter().unwrap() += 1;
    assert_eq!(others[1].says("locked"), "m clean 5");
    others[1].says("done");
    assert_eq!([0, 2].map(|other| others[other].sleeps()), [slept[0], slept[2]], "the others slept on");
    *count.enter().unwrap() = 13;
    others[0].says("done");
    others[2].says("done");
    assert_eq!(*count.enter().unwrap(), 0);
    stage.nothing_was_rescued();
}

#[test]
fn one_change_serves_as_many_as_it_reaches_first_come_first() {
    let stage = Stage::new();
    let jobs = Monitor::<Deque<u64, 8>>::open_or_create_in(stage.domain, "j", Deque::new).unwrap();
    std::thread::scope(|scope| {
        let take = || jobs.wait_when(|jobs| at_least(jobs, 1)).unwrap().pop_front().unwrap();
        let takers: Vec<_> = (0..3).map(|_| asleep(scope, take)).collect();
        let mut inside = jobs.enter().unwrap();
        (1..=3).for_each(|job| inside.push_back(job).unwrap());
        drop(inside);
        let took: Vec<_> = takers.into_iter().map(|taker| taker.join().unwrap()).collect();
        assert_eq!(took, [1, 2, 3]);
    });
    stage.nothing_was_rescued();
}

#[test]
fn conditions_as_data_and_as_closures_wait_side_by_side() {
    let stage = Stage::new();
    let count = count(&stage);
    std::thread::scope(|scope| {
        let exact = asleep(scope, || *count.wait_when(|count| equals(count, 2)).unwrap());
        let closure = asleep(scope, || *count.wait_until(|count| *count == 3).unwrap());
        for _ in 0..2 {
            *count.enter().unwrap() += 1;
        }
        assert_eq!(exact.join().unwrap(), 2);
        *count.enter().unwrap() += 1;
        assert_eq!(closure.join().unwrap(), 3);
    });
    stage.nothing_was_rescued();
}

#[test]
fn who_changes_the_data_and_then_waits_wakes_whom_the_change_lets_go_on() {
    let stage = Stage::new();
    let count = count(&stage);
    std::thread::scope(|scope| {
        let forth = asleep(scope, || {
            let mut inside = count.wait_when(|count| equals(count, 1)).unwrap();
            *inside = 2;
        });
        let mut inside = count.enter().unwrap();
        *inside = 1;
        // In each of the three ways of waiting inside.
        let mut inside = inside.wait_when(|count| equals(count, 2)).unwrap();
        forth.join().unwrap();
        *inside = 0;
        drop(inside);
        let forth = asleep(scope, || *count.wait_when(|count| equals(count, 1)).unwrap() = 2);
        let mut inside = count.enter().unwrap();
        *inside = 1;
        drop(inside.wait_while(|count| *count != 2));
        forth.join().unwrap();
    });
    stage.nothing_was_rescued();
}

#[test]
fn an_owner_killed_behind_its_change_makes_those_who_wait_look() {
    let stage = Stage::new();
    let count = count(&stage);
    let mut first = Sleeper::of(&stage, "when m 9");
    let mut second = Sleeper::of(&stage, "when m 2");
    let mut changer = stage.role("enter m 2; pause", &[]);
    changer.says("inside");
    changer.kill();
    assert!(first.says("locked").starts_with("m abandoned"), "the first is told of the death");
    // It was told, and left; the data have what the second needs, abandoned or not.
    first.says("done");
    assert!(second.says("locked").starts_with("m abandoned"));
    second.says("done");
    drop(count.enter().unwrap_err());
    stage.nothing_was_rescued();
}

#[test]
fn a_chosen_one_killed_before_it_is_inside_leaves_its_turn_to_the_next() {
    let stage = Stage::new();
    // Fair: who queues to enter first is first.
    let count = Monitor::<u64>::open_or_create_with(stage.domain, "m", Policy::Fair, || 0).unwrap();
    let mut first = Sleeper::of(&stage, "when m 1");
    let mut second = Sleeper::of(&stage, "when m 1");
    let mut inside = count.enter().unwrap();
    *inside += 1;
    // It queues for the monitor, which goes to it first.
    let mut other = Sleeper::of(&stage, "enter m; pause");
    let slept = first.sleeps();
    drop(inside);
    other.says("inside");
    // Woken, it queues for the monitor.
    until(|| first.sleeps() > slept);
    first.actor.kill();
    first.actor.until_ended();
    other.actor.go_on();
    assert_eq!(second.says("locked"), "m clean 1");
    second.says("done");
    stage.nothing_was_rescued();
}

#[test]
fn one_who_leaves_two_monitors_crosswise_is_still_announced_in_the_second() {
    let stage = Stage::new();
    let mut one = Sleeper::of(&stage, "when m 1");
    let mut other = Sleeper::of(&stage, "when n 1");
    let mut both = stage.role("cross m n", &[]);
    both.says("inside");
    assert_eq!(one.says("locked"), "m clean 1");
    both.kill();
    assert!(other.says("locked").starts_with("n abandoned"));
    other.says("done");
    stage.nothing_was_rescued();
}

#[test]
fn a_wait_for_what_never_comes_ends_at_its_deadline() {
    let stage = Stage::new();
    let count = count(&stage);
    let soon = deadline_in(Duration::from_millis(3));
    let (inside, is_late) = count.enter().unwrap().wait_when_until(|n| equals(n, 7), soon).unwrap();
    assert!(is_late && *inside == 0);
    drop(inside);
    // It has gone: whoever comes is not behind it.
    let (inside, is_late) = count.enter().unwrap().wait_when_until(|n| equals(n, 0), soon).unwrap();
    assert!(!is_late);
    drop(inside);
}

#[test]
fn a_condition_on_what_is_not_in_the_data_is_refused() {
    let stage = Stage::new();
    static ELSEWHERE: u64 = 0;
    let count = count(&stage);
    let refused = count.wait_when(|_| equals(&ELSEWHERE, 1));
    let Err(LockError::Failed(error)) = refused else { panic!("{refused:?}") };
    assert!(error.to_string().contains("not in the monitor's data"), "{error}");
}
