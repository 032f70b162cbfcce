//! Several at once: waiting for any of them, taking all of them, changing a value whole or not at all.

use std::sync::mpsc;
use std::thread;

use crosstie::shareable::Transactional;
use crosstie::sync::several::{Reading, Writing};
use crosstie::sync::wait_any::{try_wait_any, wait_any_for};
use crosstie::sync::{
    CountingSemaphore, Event, Lock, LockError, Mutex, Reset, RwLock, Shared, lock_all, lock_all_until,
    wait_any,
};
use crosstie::{Deadline, ErrorKind};

use super::meetings::asleep;
use super::mutex::stop;
use super::stage::{Stage, until_asleep};

fn objects(stage: &Stage) -> (Shared<Event>, Shared<CountingSemaphore>) {
    let stop = Event::open_or_create_in(stage.domain, "stop", Reset::Automatic).unwrap();
    (stop, CountingSemaphore::open_or_create_in(stage.domain, "work", 0).unwrap())
}

#[test]
fn the_first_of_several_that_has_something_is_told_and_the_others_keep_theirs() {
    let stage = Stage::new();
    let (stop, work) = objects(&stage);
    let any = || wait_any(&[&*stop, &*work]).unwrap();
    thread::scope(|scope| {
        let waiter = asleep(scope, any);
        work.post().unwrap();
        assert_eq!(waiter.join().unwrap(), 1);
    });
    assert_eq!(work.value(), 0, "the unit was taken");
    work.post().unwrap();
    stop.set().unwrap();
    assert_eq!((any(), stop.is_set(), work.value()), (0, false, 1));
    assert_eq!(any(), 1);
    assert!(matches!(try_wait_any(&[&*stop, &*work]), Err(LockError::Busy(_))));
    let late = wait_any_for(&[&*stop, &*work], std::time::Duration::from_millis(2));
    assert!(matches!(late, Err(LockError::TimedOut(_))));
    assert_eq!(stage.domain.waiting_count(), 0);
}

#[test]
fn who_waits_for_one_and_who_waits_for_any_are_served_as_they_came() {
    let stage = Stage::new();
    let (stop, work) = objects(&stage);
    thread::scope(|scope| {
        let (tell, told) = mpsc::channel();
        let one = |name: &'static str| {
            let (tell, work) = (tell.clone(), work.clone());
            asleep(scope, move || {
                work.wait().unwrap();
                tell.send(name).unwrap();
            })
        };
        let first = one("first");
        let any = {
            let (tell, stop, work) = (tell.clone(), stop.clone(), work.clone());
            asleep(scope, move || {
                wait_any(&[&*stop, &*work]).unwrap();
                tell.send("any").unwrap();
            })
        };
        let last = one("last");
        for expected in ["first", "any", "last"] {
            work.post().unwrap();
            assert_eq!(told.recv().unwrap(), expected);
        }
        for thread in [first, any, last] {
            thread.join().unwrap();
        }
    });
    stage.nothing_was_rescued();
}

#[test]
fn one_that_is_killed_while_it_waits_for_any_holds_nobody_up() {
    let stage = Stage::new();
    let (_stop, work) = objects(&stage);
    for _ in 0..20 {
        let mut victim = stage.role("any stop work; say got; pause", &[]);
        let tid = victim.says("tid").parse().unwrap();
        until_asleep(victim.pid(), tid);
        thread::scope(|scope| {
            let behind = asleep(scope, || work.wait().unwrap());
            // Stopped, it is given the unit, and cannot take it.
            stop(victim.pid());
            work.post().unwrap();
            victim.kill();
            behind.join().unwrap();
        });
        assert_eq!(work.value(), 0);
    }
    stage.nothing_was_rescued();
}

#[test]
fn what_cannot_be_waited_for_together_is_told() {
    let (stage, other) = (Stage::new(), Stage::new());
    let (here, _) = objects(&stage);
    let (there, _) = objects(&other);
    let kind = |outcome: Result<usize, LockError<usize>>| outcome.unwrap_err().kind();
    assert_eq!(kind(wait_any(&[])), ErrorKind::Usage);
    assert_eq!(kind(wait_any(&[&*here, &*there])), ErrorKind::Usage);
    let many: Vec<&dyn crosstie::sync::Waitable> = vec![&*here; 8];
    assert_eq!(kind(wait_any(&many)), ErrorKind::Usage);
}

#[test]
fn who_takes_all_at_once_is_in_no_deadlock_whatever_order_they_name() {
    let stage = Stage::new();
    let open = |name| Mutex::<u64>::open_or_create_in(stage.domain, name, || 0).unwrap();
    let (a, b) = (open("a"), open("b"));
    let mut actors: Vec<_> =
        ["a b", "b a"].iter().map(|names| stage.role(&format!("both {names} 500"), &[])).collect();
    actors.iter_mut().for_each(|actor| drop(actor.says("done")));
    let (one, other) = lock_all((&*b, &*a)).unwrap();
    assert_eq!((*one, *other), (1000, 1000));
    assert!(matches!(
        lock_all_until((&*a, &*b), Deadline::NOW),
        Err(LockError::Busy(_)) | Err(LockError::Deadlock(_))
    ));
}

#[test]
fn who_waits_for_the_first_in_the_order_holds_none_of_the_others() {
    let stage = Stage::new();
    let open = |name| Mutex::<u64>::open_or_create_in(stage.domain, name, || 0).unwrap();
    let (first, second) = (open("first"), open("second"));
    let held = first.lock().unwrap();
    thread::scope(|scope| {
        let waiter = asleep(scope, || drop(lock_all((&*second, &*first)).unwrap()));
        assert!(second.try_lock().is_ok(), "it was named first, and is taken last");
        drop(held);
        waiter.join().unwrap();
    });
}

#[test]
fn locks_of_every_kind_are_taken_together_and_one_alone_only_once() {
    let stage = Stage::new();
    let mutex = Mutex::<u64>::open_or_create_in(stage.domain, "m", || 1).unwrap();
    let lock = Lock::open_or_create_in(stage.domain, "l").unwrap();
    let read = RwLock::<u64>::open_or_create_in(stage.domain, "r", || 2).unwrap();
    let write = RwLock::<u64>::open_or_create_in(stage.domain, "w", || 3).unwrap();
    {
        let all = lock_all((&*mutex, &*lock, Reading(&*read), Writing(&*write)));
        let (m, l, r, mut w) = all.unwrap();
        assert!(l.token() > 0);
        *w += *m + *r;
    }
    assert_eq!(*write.read().unwrap(), 6);
    assert!(
        matches!(lock_all((&*mutex, &*mutex)), Err(LockError::Failed(error)) if error.kind() == ErrorKind::Usage)
    );
    assert!(mutex.try_lock().is_ok(), "nothing is held behind a refusal");
    let several: Vec<_> = lock_all(vec![&*mutex]).unwrap();
    assert_eq!(*several[0], 1);
}

#[test]
fn one_that_was_abandoned_is_told_with_all_the_guards() {
    let stage = Stage::new();
    let open = |name| Mutex::<u64>::open_or_create_in(stage.domain, name, || 0).unwrap();
    let (sound, left) = (open("sound"), open("left"));
    let mut victim = stage.role("lock left; abort", &[]);
    victim.says("locked");
    victim.until_ended();
    let Err(LockError::Abandoned((sound, left))) = lock_all((&*sound, &*left)) else { panic!("not told") };
    assert!(!sound.is_abandoned() && left.is_abandoned());
}

#[test]
fn a_value_is_as_it_was_committed_last_whenever_its_owner_is_killed() {
    let stage = Stage::new();
    let cell = Mutex::<Transactional<[u64; 64]>>::open_or_create_in(stage.domain, "t", || {
        Transactional::new([0; 64])
    })
    .unwrap();
    let mut seen = 0;
    for _ in 0..30 {
        let mut victim = stage.role("transact t", &[]);
        victim.says("said");
        victim.kill();
        victim.until_ended();
        let guard = cell.lock_or_repair(|_, _| ()).unwrap();
        let value = **guard;
        assert!(value.iter().all(|&word| word == value[0]), "whole: {value:?}");
        assert!(value[0] >= seen, "nothing committed is lost");
        seen = value[0];
    }
    assert!(seen > 0);
}
