//! A lock taken away by force: who waits goes on, who had it can know, and comes too late.

use std::sync::Barrier;
use std::thread;

use crosstie::os::process;
use crosstie::sync::{Access, AnyLock, Lock, LockError, Mutex, Policy, RwLock, force};
use crosstie::{Deadline, ErrorKind};

use super::stage::{Stage, until_asleep};

#[test]
fn who_waits_goes_on_and_who_had_it_comes_too_late() {
    for policy in [Policy::Fair, Policy::Fast] {
        let stage = Stage::new();
        let mutex = Mutex::<u64>::open_or_create_with(stage.domain, "m", policy, || 0).unwrap();
        let lost = mutex.lock().unwrap();
        let mut waiter = stage.role("lock m; pause; unlock", &[]);
        let tid = waiter.says("tid").parse().unwrap();
        until_asleep(waiter.pid(), tid);
        let taken = force::take_away(stage.domain, "m").unwrap();
        assert_eq!(taken.owners[0].pid, std::process::id());
        assert!(!lost.is_held() && lost.token() == taken.token_lost);
        assert!(waiter.says("locked").starts_with("m abandoned"), "its data may be half changed");
        drop(lost);
        assert_eq!(mutex.try_lock().unwrap_err().kind(), ErrorKind::Busy, "what comes late gives nothing up");
        waiter.go_on();
        waiter.says("done");
        let Err(LockError::Abandoned(guard)) = mutex.lock() else { panic!("nobody has mended it") };
        assert!(guard.is_held() && guard.token() > taken.token_lost);
        assert_eq!(guard.dead_owner().unwrap().pid, std::process::id(), "who lost it is known");
        drop(guard);
        stage.nothing_was_rescued();
    }
}

/// Without a guard, as C and Python take it: what says that a turn is not over is a note and a number, not the lock's word.
#[test]
fn a_turn_that_was_lost_or_given_back_is_not_given_back_again() {
    let stage = Stage::new();
    let fast = AnyLock::open_or_create_mutex_in(stage.domain, "m", Policy::Fast).unwrap();
    let shared = AnyLock::open_or_create_in(stage.domain, "db").unwrap();
    let owner = stage.domain.thread_owner().unwrap();
    for (name, lock) in [("m", fast), ("db", shared)] {
        let shortcut = lock.shortcut().unwrap();
        // Often enough that a mutex is given up by stores.
        for _ in 0..2000 {
            let turn = shortcut.take().unwrap();
            if shortcut.give_back(&turn) {
                assert!(!shortcut.give_back(&turn), "{name}");
            } else {
                drop(lock.guard(turn, owner).unwrap());
            }
        }
        let lost = shortcut.take().unwrap();
        let taken = force::take_away(stage.domain, name).unwrap();
        assert_eq!(taken.token_lost, lost.token(), "{name}");
        let (has, comes_late) = (Barrier::new(2), Barrier::new(2));
        thread::scope(|scope| {
            scope.spawn(|| {
                // Of a mutex it is told who lost it.
                let turn = lock.lock_until(Access::Exclusive, Deadline::NEVER);
                has.wait();
                comes_late.wait();
                let turn = turn.or_else(LockError::into_guard).unwrap();
                assert!(turn.is_held(), "{name}: what comes late gives nothing up");
            });
            has.wait();
            assert!(!shortcut.give_back(&lost), "{name}");
            comes_late.wait();
        });
    }
    stage.nothing_was_rescued();
}

#[test]
fn a_lock_is_taken_from_its_writer_or_from_all_its_readers() {
    let stage = Stage::new();
    let db = Lock::open_or_create_in(stage.domain, "db").unwrap();
    let lost = db.lock().unwrap();
    assert_eq!(force::take_away(stage.domain, "db").unwrap().owners.len(), 1);
    assert!(!lost.is_held());
    drop(lost);
    let (one, two) = (db.lock_shared().unwrap(), db.lock_shared().unwrap());
    assert!(one.is_held() && two.is_held() && !one.is_abandoned(), "nobody died");
    let own = db.clone();
    let writer =
        std::thread::spawn(move || own.lock().map(|guard| (guard.token(), guard.is_held())).unwrap());
    while stage.domain.waiting_count() == 0 {
        std::thread::yield_now();
    }
    let taken = force::take_away(stage.domain, "db").unwrap();
    assert_eq!(taken.owners.len(), 2);
    assert!(!one.is_held() && !two.is_held());
    assert!(one.token() == taken.token_lost && two.token() == taken.token_lost);
    let (token, is_held) = writer.join().unwrap();
    assert!(token > taken.token_lost && is_held, "who waited for them goes on with its token");
    let now = db.try_lock(Access::Exclusive).unwrap();
    drop((one, two));
    assert!(now.is_held());
    stage.nothing_was_rescued();
}

#[test]
fn readers_that_queued_behind_the_writer_read_once_it_is_gone() {
    let stage = Stage::new();
    let lock = RwLock::<u64>::open_or_create_in(stage.domain, "r", || 0).unwrap();
    let lost = lock.write().unwrap();
    let mut reader = stage.role("read r; pause", &[]);
    let tid = reader.says("tid").parse().unwrap();
    until_asleep(reader.pid(), tid);
    assert!(lost.is_held());
    force::take_away(stage.domain, "r").unwrap();
    assert!(!lost.is_held());
    assert!(reader.says("locked").starts_with("r abandoned"));
    drop(lost);
    assert_eq!(lock.try_write().unwrap_err().kind(), ErrorKind::Busy);
    stage.nothing_was_rescued();
}

#[test]
fn a_lock_that_was_lost_makes_no_false_deadlock() {
    let stage = Stage::new();
    let [a, b] = ["a", "b"].map(|name| Mutex::<u64>::open_or_create_in(stage.domain, name, || 0).unwrap());
    let lost = a.lock().unwrap();
    force::take_away(stage.domain, "a").unwrap();
    let mut now = stage.role("lock a; pause; unlock", &[]);
    now.says("locked");
    let mut between = stage.role("lock b; pause; lock a; unlock; unlock", &[]);
    let tid = between.says("tid").parse().unwrap();
    between.says("locked");
    between.go_on();
    until_asleep(between.pid(), tid);
    // This thread waits for `b`, whose owner waits for `a`: which this thread only had.
    let (own, me) = (process::pid(), process::tid());
    let helper = std::thread::spawn(move || {
        until_asleep(own, me);
        now.go_on();
        now.says("done");
    });
    assert!(b.lock().is_ok());
    helper.join().unwrap();
    between.says("done");
    drop(lost);
    stage.nothing_was_rescued();
}

#[test]
fn what_nobody_has_cannot_be_taken_away() {
    let stage = Stage::new();
    let refused = |name: &str| force::take_away(stage.domain, name).unwrap_err();
    assert_eq!(refused("none").kind(), ErrorKind::NotFound);
    assert_eq!(refused("a/b").kind(), ErrorKind::Usage);
    let db = Lock::open_or_create_in(stage.domain, "db").unwrap();
    assert!(refused("db").to_string().contains("it is free"));
    let own = db.clone();
    std::thread::spawn(move || std::mem::forget(own.lock().unwrap())).join().unwrap();
    let error = refused("db");
    assert_eq!(error.kind(), ErrorKind::Negative);
    assert!(error.to_string().contains("its owner is dead"), "{error}");
    assert!(db.lock().unwrap().is_abandoned(), "the death is still told");
}
