//! Monitors, conditions, barriers, events and things done once: whoever dies, the others go on.

use std::sync::mpsc;
use std::time::Duration;

use crosstie::os::process;
use crosstie::shareable::Deque;
use crosstie::sync::{
    Barrier, BarrierError, Condvar, Event, LazyShared, LockError, Monitor, Mutex, OnDeath, Once, Reset,
};
use crosstie::{Deadline, ErrorKind};

use super::stage::{Stage, until_asleep};

/// Runs `act` in a thread and waits until it sleeps.
pub fn asleep<'s, 'e, T: Send + 's>(
    scope: &'s std::thread::Scope<'s, 'e>,
    act: impl FnOnce() -> T + Send + 's,
) -> std::thread::ScopedJoinHandle<'s, T> {
    let (tell, told) = mpsc::channel();
    let thread = scope.spawn(move || {
        tell.send(process::tid()).unwrap();
        act()
    });
    until_asleep(process::pid(), told.recv().unwrap());
    thread
}

#[test]
fn a_bounded_buffer_between_processes_loses_and_doubles_nothing() {
    const ITEMS: u64 = 500;
    let stage = Stage::new();
    let buffer = Monitor::<Deque<u64, 4>>::open_or_create_in(stage.domain, "b", Deque::new).unwrap();
    let mut actors: Vec<_> = (0..2).map(|_| stage.role(&format!("produce b {ITEMS}"), &[])).collect();
    let mut sum = 0;
    for _ in 0..2 * ITEMS {
        let mut inside = buffer.wait_while(|queue| queue.is_empty()).unwrap();
        sum += inside.pop_front().unwrap();
    }
    actors.iter_mut().for_each(|actor| drop(actor.says("done")));
    assert_eq!(sum, 2 * (1..=ITEMS).sum::<u64>());
    assert!(buffer.enter().unwrap().is_empty());
    stage.nothing_was_rescued();
}

#[test]
fn to_enter_a_monitor_again_from_inside_is_told() {
    let stage = Stage::new();
    let monitor = Monitor::<u64>::open_or_create_in(stage.domain, "m", || 0).unwrap();
    let _inside = monitor.enter().unwrap();
    assert!(matches!(monitor.enter(), Err(LockError::Deadlock(_))));
}

#[test]
fn a_wait_inside_a_monitor_ends_at_its_deadline() {
    let stage = Stage::new();
    let monitor = Monitor::<u64>::open_or_create_in(stage.domain, "m", || 0).unwrap();
    let soon = crosstie::os::clock::deadline_in(Duration::from_millis(3));
    let (inside, late) = monitor.enter().unwrap().wait_while_until(|n| *n == 0, soon).unwrap();
    assert!(late && *inside == 0);
}

#[test]
fn a_killed_waiter_passes_its_notification_on() {
    let stage = Stage::new();
    let mutex = Mutex::<u64>::open_or_create_in(stage.domain, "m", || 0).unwrap();
    let filled = Condvar::open_or_create_in(stage.domain, "c").unwrap();
    let mut first = stage.role("await c m", &[]);
    let tid = first.says("tid").parse().unwrap();
    until_asleep(first.pid(), tid);
    let mut second = stage.role("await c m", &[]);
    let tid = second.says("tid").parse().unwrap();
    until_asleep(second.pid(), tid);
    // It is notified while this thread has the mutex, and is killed before it can have it.
    let guard = mutex.lock().unwrap();
    filled.notify_one(&guard).unwrap();
    first.kill();
    first.until_ended();
    drop(guard);
    assert_eq!(second.says("locked"), "m clean 0", "the notification was passed on");
    second.says("done");
    stage.nothing_was_rescued();
}

#[test]
fn a_barrier_lets_all_through_together_and_again() {
    let stage = Stage::new();
    let barrier = Barrier::open_or_create_in(stage.domain, "b", 3, OnDeath::Break).unwrap();
    let mut actors: Vec<_> = (0..2).map(|_| stage.role("meet b 20", &[])).collect();
    let led = (0..20).filter(|_| barrier.wait().unwrap()).count();
    assert!(led <= 20);
    actors.iter_mut().for_each(|actor| drop(actor.says("done")));
    stage.nothing_was_rescued();
}

#[test]
fn a_party_that_dies_breaks_a_barrier_at_once_and_is_named() {
    let stage = Stage::new();
    let barrier = Barrier::open_or_create_in(stage.domain, "b", 2, OnDeath::Break).unwrap();
    let mut other = stage.role("meet b 1; pause", &[]);
    barrier.wait().unwrap();
    let pid = process::tid();
    let waiting = std::thread::scope(|scope| {
        let killer = scope.spawn(move || {
            until_asleep(process::pid(), pid);
            other.kill();
            other
        });
        let waiting = barrier.wait();
        (waiting, killer.join().unwrap())
    });
    let (waiting, other) = waiting;
    let Err(BarrierError::Broken(Some(who))) = waiting else { panic!("{waiting:?}") };
    assert_eq!(who.pid, other.pid());
    assert!(barrier.is_broken() && barrier.reset().unwrap() && !barrier.is_broken());
    assert!(matches!(barrier.wait_for(Duration::from_millis(2)), Err(BarrierError::Late(_))));
}

#[test]
fn an_event_lets_all_through_or_one() {
    let stage = Stage::new();
    let all = Event::open_or_create_in(stage.domain, "all", Reset::Manual).unwrap();
    let one = Event::open_or_create_in(stage.domain, "one", Reset::Automatic).unwrap();
    std::thread::scope(|scope| {
        let waiters = [asleep(scope, || all.wait()), asleep(scope, || all.wait())];
        all.set().unwrap();
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap().unwrap());
        let first = asleep(scope, || one.wait());
        let second = asleep(scope, || one.wait());
        one.set().unwrap();
        first.join().unwrap().unwrap();
        assert!(!one.is_set(), "the one that it let through has reset it");
        one.set().unwrap();
        second.join().unwrap().unwrap();
    });
    assert_eq!(one.wait_for(Duration::from_millis(2)).unwrap_err().kind(), ErrorKind::TimedOut);
    assert_eq!(
        Event::open_or_create_in(stage.domain, "one", Reset::Manual).unwrap_err().kind(),
        ErrorKind::Mismatch
    );
    stage.nothing_was_rescued();
}

#[test]
fn who_dies_doing_it_once_is_replaced() {
    let stage = Stage::new();
    let once = Once::open_or_create_in(stage.domain, "o").unwrap();
    let mut dies = stage.role("once o; pause", &[]);
    dies.says("said");
    dies.kill();
    let mut retries = None;
    assert!(once.call(|before| retries = Some(before)).unwrap());
    assert_eq!(retries, Some(1), "it is told that another has tried");
    assert!(!once.call(|_| ()).unwrap());
    let lazy = LazyShared::<[u64; 2]>::open_or_create_in(stage.domain, "l").unwrap();
    assert_eq!(lazy.get_or_make(|_| [4, 5]).unwrap(), &[4, 5]);
    assert!(lazy.make_until(|_| [0, 0], Deadline::NOW).is_ok_and(|made| !made));
    stage.nothing_was_rescued();
}

#[test]
fn a_death_inside_a_monitor_wakes_who_waits_there() {
    let stage = Stage::new();
    let monitor = Monitor::<u64>::open_or_create_in(stage.domain, "m", || 0).unwrap();
    let wait =
        || monitor.wait_while(|count| *count == 0).map(|count| *count).map_err(|refusal| refusal.kind());
    std::thread::scope(|scope| {
        let waiters = [0, 1].map(|_| asleep(scope, wait));
        let own = monitor.clone();
        // Its thread ends inside, in the middle of a change.
        scope.spawn(move || {
            let mut inside = own.enter().unwrap();
            *inside = 1;
            std::mem::forget(inside);
        });
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), Err(ErrorKind::Abandoned), "nobody has mended the data");
        }
    });
    stage.nothing_was_rescued();
}

#[test]
fn two_who_alternate_inside_a_monitor_lose_no_wake_up() {
    const TURNS: u64 = 5_000;
    let stage = Stage::new();
    let monitor = Monitor::<u64>::open_or_create_in(stage.domain, "m", || 0).unwrap();
    std::thread::scope(|scope| {
        for own in [0, 1] {
            let monitor = monitor.clone();
            scope.spawn(move || {
                // Neither leaves between its change and its next wait.
                let mut inside = monitor.enter().unwrap();
                for _ in 0..TURNS {
                    inside = inside.wait_while(|turn| *turn % 2 != own).unwrap();
                    *inside += 1;
                }
            });
        }
    });
    assert_eq!(*monitor.enter().unwrap(), 2 * TURNS);
    stage.nothing_was_rescued();
}
