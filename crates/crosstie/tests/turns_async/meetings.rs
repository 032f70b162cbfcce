//! Parties of a barrier that are tasks: beside threads, dropped at every point, and in processes that are killed.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use crosstie::sync::barrier::{Barrier, Join as _, OnDeath};
use crosstie::sync::{BarrierError, Shared};

use super::stage::{TestDomain, begun, run};

fn barrier_for(place: &TestDomain, parties: u32, on_death: OnDeath) -> Shared<Barrier> {
    Barrier::open_or_create_in(place.open(), "for", parties, on_death).unwrap()
}

#[test]
fn tasks_and_threads_meet_again_and_again() {
    const ROUNDS: usize = 200;
    let place = TestDomain::new();
    let barrier = barrier_for(&place, 5, OnDeath::Break);
    let (arrived, leaders) = &(AtomicUsize::new(0), AtomicUsize::new(0));
    let come = |round: usize| {
        arrived.fetch_add(1, Relaxed);
        move |leads: bool| {
            leaders.fetch_add(usize::from(leads), Relaxed);
            assert!(arrived.load(Relaxed) >= 5 * (round + 1), "met before all had come");
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| (0..ROUNDS).for_each(|round| come(round)(barrier.wait().unwrap())));
        }
        run(async {
            let task = || async {
                let mut party = barrier.join().unwrap();
                for round in 0..ROUNDS {
                    let behind = come(round);
                    behind(party.wait_async().await.unwrap());
                }
            };
            tokio::join!(task(), task(), task());
        });
    });
    assert_eq!(leaders.load(Relaxed), ROUNDS);
    assert_eq!(place.open().waiting_count(), 0);
}

#[test]
fn a_wait_that_is_dropped_counts_as_not_come() {
    let place = TestDomain::new();
    let barrier = barrier_for(&place, 2, OnDeath::Break);
    let mut party = barrier.join().unwrap();
    drop(begun(party.wait_async()));
    assert_eq!(place.open().waiting_count(), 0, "it stands in a queue");
    let late = barrier.wait_for(Duration::from_millis(20));
    assert!(matches!(late, Err(BarrierError::Late(_))), "met one that has gone: {late:?}");
    let again = begun(party.wait_async());
    assert!(barrier.wait().unwrap(), "who comes last leads");
    assert!(!run(again).unwrap());
}

#[test]
fn a_wait_that_is_dropped_when_all_had_come_has_taken_part() {
    let place = TestDomain::new();
    let barrier = barrier_for(&place, 2, OnDeath::Break);
    let mut party = barrier.join().unwrap();
    let met = begun(party.wait_async());
    assert!(barrier.wait().unwrap());
    drop(met);
    // The next meeting is a new one.
    let next = begun(party.wait_async());
    assert!(barrier.wait().unwrap());
    assert!(!run(next).unwrap());
}

#[test]
fn a_party_that_is_dropped_gives_its_seat_up() {
    let place = TestDomain::new();
    let barrier = barrier_for(&place, 2, OnDeath::Break);
    let (mut stays, mut goes) = (barrier.join().unwrap(), barrier.join().unwrap());
    for _ in 0..5 {
        let (one, other) = run(async { tokio::join!(stays.wait_async(), goes.wait_async()) });
        assert_ne!(one.unwrap(), other.unwrap());
        let mut next = barrier.join().unwrap();
        assert!(run(next.wait_async()).is_err(), "there were two seats");
        goes = next;
    }
}

#[test]
fn the_death_of_a_party_that_has_not_come_reaches_the_task_that_waits() {
    let place = TestDomain::new();
    let it = place.objects();
    let mut child = place.child("meet-once-and-sit");
    let (mut one, mut other) = (it.barrier.join().unwrap(), it.barrier.join().unwrap());
    run(async {
        let (one, other) = tokio::join!(one.wait_async(), other.wait_async());
        assert!(one.is_ok() && other.is_ok());
    });
    child.wait_for("met");
    let waits = begun(one.wait_async());
    std::thread::scope(|scope| {
        scope.spawn(|| child.kill());
        let told = run(waits);
        assert!(matches!(told, Err(BarrierError::Broken(Some(_)))), "{told:?}");
    });
    assert!(matches!(run(other.wait_async()), Err(BarrierError::Broken(_))), "it is broken for all who come");
    assert!(it.barrier.reset().unwrap());
}

#[test]
fn a_party_that_was_killed_behind_its_arrival_has_come() {
    let place = TestDomain::new();
    let it = place.objects();
    let mut child = place.child("come-and-wait");
    place.until_waiting(1);
    child.kill();
    let (mut one, mut other) = (it.barrier.join().unwrap(), it.barrier.join().unwrap());
    run(async {
        let (one, other) = tokio::join!(one.wait_async(), other.wait_async());
        assert_ne!(one.unwrap(), other.unwrap());
    });
}
