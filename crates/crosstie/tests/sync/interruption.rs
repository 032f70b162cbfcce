//! A wait that asks whether it should go on: what interpreters need to handle their signals.

use std::thread;

use crosstie::os::interruption::{Cause, interruptible};
use crosstie::sync::{Access, AnyLock, Lock, LockError, Semaphore};
use crosstie::{Deadline, ErrorKind};

use super::stage::{Stage, until};

#[test]
fn a_wait_that_is_ended_answers_as_if_its_deadline_had_passed_and_leaves_the_queue() {
    let stage = Stage::new();
    let lock = Lock::open_or_create_in(stage.domain, "l").unwrap();
    let gate = Semaphore::open_or_create_in(stage.domain, "gate", 1).unwrap();
    let (guard, permit) = (lock.lock().unwrap(), gate.acquire().unwrap());
    thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            let (locked, was_ended) = interruptible(|cause| cause == Cause::Tick, || lock.lock().map(drop));
            assert!(matches!(locked, Err(LockError::TimedOut(_))), "{locked:?}");
            let (taken, was_also) = interruptible(|cause| cause == Cause::Tick, || gate.acquire().map(drop));
            assert!(matches!(taken, Err(LockError::TimedOut(_))), "{taken:?}");
            was_ended && was_also
        });
        assert!(waiter.join().unwrap());
    });
    assert_eq!(stage.domain.waiting_count(), 0);
    drop((guard, permit));
    drop(lock.lock().unwrap());
}

#[test]
fn a_wait_that_may_be_ended_still_takes_part_in_the_search_for_deadlocks() {
    let stage = Stage::new();
    let [a, b] = ["a", "b"].map(|name| Lock::open_or_create_in(stage.domain, name).unwrap());
    let has_a = a.lock().unwrap();
    let (told, was_ended) = thread::scope(|scope| {
        let other = scope.spawn(|| {
            let has_b = b.lock().unwrap();
            let (locked, was_ended) = interruptible(|_| false, || a.lock().map(drop));
            drop(has_b);
            (locked.err().map(|refusal| refusal.kind()), was_ended)
        });
        until(|| stage.domain.waiting_count() == 1);
        let mine = b.lock().map(drop).err().map(|refusal| refusal.kind());
        drop(has_a);
        let (theirs, was_ended) = other.join().unwrap();
        ([mine, theirs], was_ended)
    });
    let told: Vec<_> = told.into_iter().flatten().collect();
    assert_eq!((told, was_ended), (vec![ErrorKind::Deadlock], false));
}

#[test]
fn a_lock_of_any_type_is_taken_by_threads_and_processes() {
    let stage = Stage::new();
    let any = AnyLock::open_or_create_in(stage.domain, "l").unwrap();
    let lock = Lock::open_or_create_in(stage.domain, "l").unwrap();
    let guard = any.lock_owned_until(Access::Exclusive, Deadline::NOW).unwrap();
    assert_eq!(any.holders(), [stage.domain.process_owner().unwrap()]);
    thread::spawn(move || drop(guard)).join().unwrap();
    let shared = any.lock_until(Access::Shared, Deadline::NOW).unwrap();
    assert!(lock.try_lock(Access::Shared).is_ok());
    assert!(matches!(lock.try_lock(Access::Exclusive), Err(LockError::Busy(_))));
    drop(shared);
}
