//! [`Mutex`]: one owner, whatever dies; deadlocks are named; who waits is served.

use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::Duration;

use crosstie::ledger::deadlock::Blockage;
use crosstie::os::clock;
use crosstie::sync::mutex::LockOwned;
use crosstie::sync::{LockError, Mutex, Policy};
use crosstie::{Deadline, ErrorKind};

use super::stage::{Stage, until, until_asleep};

#[test]
fn a_mutex_on_the_heap_and_a_named_one_are_the_same_type() {
    let stage = Stage::new();
    let named = Mutex::<u64>::open_or_create_in(stage.domain, "m", || 7).unwrap();
    assert_eq!(*named.lock().unwrap(), 7);
    *named.lock().unwrap() = 8;
    let again = Mutex::<u64>::open_or_create_in(stage.domain, "m", || 7).unwrap();
    assert_eq!(*again.lock().unwrap(), 8, "two handles, one object");
    let token = again.lock().unwrap().token();
    assert!(named.lock().unwrap().token() > token, "tokens grow from owner to owner");
}

#[test]
fn every_turn_of_many_processes_counts() {
    const TURNS: u64 = 2_000;
    let stage = Stage::new();
    for (name, policy) in [("fast", Policy::Fast), ("fair", Policy::Fair)] {
        let mutex = Mutex::<u64>::open_or_create_with(stage.domain, name, policy, || 0).unwrap();
        let script = format!("add {name} {TURNS}");
        let mut actors: Vec<_> = (0..4).map(|_| stage.role(&script, &[])).collect();
        for actor in &mut actors {
            actor.says("done");
        }
        assert_eq!(*mutex.lock().unwrap(), 4 * TURNS, "{policy}");
        let counters = mutex.counters();
        println!("{policy}: {counters:?}");
        assert_eq!(counters.acquisitions, 4 * TURNS + 1);
        if policy == Policy::Fair {
            assert!(counters.overtaken_most <= 3, "fair: overtaken at most N - 1 times");
        }
    }
    stage.nothing_was_rescued();
}

#[test]
fn who_waits_in_a_slot_behind_many_others_is_woken() {
    // More than one word of the ledger has bits for.
    const OTHERS: usize = 70;
    let stage = Stage::new();
    let mutex = Mutex::<u64>::open_or_create_in(stage.domain, "m", || 0).unwrap();
    let held = mutex.lock().unwrap();
    let over = Barrier::new(OTHERS + 1);
    thread::scope(|scope| {
        let others: Vec<_> = (0..OTHERS)
            .map(|_| {
                let (tell, told) = mpsc::channel();
                let over = &over;
                scope.spawn(move || {
                    tell.send(stage.domain.thread_owner().unwrap()).unwrap();
                    over.wait();
                });
                told.recv().unwrap()
            })
            .collect();
        let mut waiter = stage.role("lock m; pause", &[]);
        let tid = waiter.says("tid").parse().unwrap();
        until_asleep(waiter.pid(), tid);
        assert!(others.iter().any(|id| id.slot() >= 64), "the waiter's slot is further still");
        drop(held);
        waiter.says("locked");
        over.wait();
    });
    stage.nothing_was_rescued();
}

#[test]
fn a_killed_owner_hands_the_lock_to_who_sleeps_and_the_data_are_mended_once() {
    let stage = Stage::new();
    let mut owner = stage.role("lock m; pause", &[]);
    owner.says("locked");
    let mutex = Mutex::<u64>::open_or_create_in(stage.domain, "m", || 0).unwrap();
    let mut waiter = stage.role("lock m; unlock; lock m; pause", &[]);
    let tid = waiter.says("tid").parse().unwrap();
    until_asleep(waiter.pid(), tid);
    owner.kill();
    assert!(waiter.says("locked").starts_with("m abandoned"), "the first after the death is told");
    assert!(waiter.says("locked").starts_with("m abandoned"), "and the next, for nobody has mended");
    waiter.kill();
    waiter.until_ended();
    let mut mended = Vec::new();
    let guard = mutex.lock_or_repair(|data, who| mended.push((*data, who.unwrap().pid))).unwrap();
    assert_eq!(mended, [(0, waiter.pid())], "the last owner that died is named");
    drop(guard);
    assert!(mutex.lock().is_ok(), "mended is mended");
    stage.nothing_was_rescued();
}

#[test]
fn a_killed_waiter_holds_nobody_up() {
    let stage = Stage::new();
    for (name, policy) in [("fast", Policy::Fast), ("fair", Policy::Fair)] {
        let mutex = Mutex::<u64>::open_or_create_with(stage.domain, name, policy, || 0).unwrap();
        let guard = mutex.lock().unwrap();
        let mut waiters: Vec<_> = (0..3).map(|_| stage.role(&format!("lock {name}; unlock"), &[])).collect();
        for waiter in &mut waiters {
            let tid = waiter.says("tid").parse().unwrap();
            until_asleep(waiter.pid(), tid);
        }
        waiters[0].kill();
        waiters[1].kill();
        drop(guard);
        assert_eq!(waiters[2].says("locked"), format!("{name} clean"));
        waiters[2].says("done");
        assert!(mutex.lock().is_ok(), "and nobody is left who has it");
    }
    stage.nothing_was_rescued();
}

#[test]
fn who_has_been_first_for_its_patience_is_next_though_it_sleeps() {
    let stage = Stage::new();
    let mutex = Mutex::<u64>::open_or_create_in(stage.domain, "m", || 0).unwrap();
    let guard = mutex.lock().unwrap();
    let mut waiter = stage.role("lock m; pause", &[]);
    let tid = waiter.says("tid").parse().unwrap();
    until(|| stage.domain.waiting_count() == 1);
    until_asleep(waiter.pid(), tid);
    // It said that it is the first before it slept.
    let patience = clock::deadline_in(Duration::from_micros(Policy::Fast.patience_us().into()));
    until(|| patience.is_over(clock::now_ns()));
    drop(guard);
    let Err(LockError::Busy(busy)) = mutex.try_lock() else { panic!("it was handed over") };
    assert_eq!(busy.holders()[0].pid, waiter.pid());
    assert_eq!(waiter.says("locked"), "m clean");
    waiter.go_on();
    waiter.says("done");
    stage.nothing_was_rescued();
}

#[test]
fn a_refused_wait_says_who_has_it() {
    let stage = Stage::new();
    let mut owner = stage.role("lock m; pause", &[]);
    owner.says("locked");
    let mutex = Mutex::<u64>::open_or_create_in(stage.domain, "m", || 0).unwrap();
    let Err(LockError::Busy(busy)) = mutex.try_lock() else { panic!("it is held") };
    assert_eq!((busy.object().as_str(), busy.holders()[0].pid), ("lock:m", owner.pid()));
    let Err(LockError::TimedOut(late)) = mutex.lock_for(Duration::from_millis(5)) else { panic!("held") };
    assert_eq!(late.holders()[0].pid, owner.pid());
    assert!(late.held_for().is_some() && late.waited() >= Duration::from_millis(5));
    println!("{late}");
    owner.go_on();
    owner.says("done");
    assert!(mutex.lock().is_ok());
}

#[test]
fn a_thread_that_locks_twice_is_told_instead_of_hanging() {
    let stage = Stage::new();
    let mutex = Mutex::<u64>::open_or_create_in(stage.domain, "m", || 0).unwrap();
    let _first = mutex.lock().unwrap();
    let Err(LockError::Deadlock(cycle)) = mutex.lock() else { panic!("that hangs") };
    let links = cycle.cycle();
    assert_eq!((cycle.length(), links.len(), links[0].object.as_str()), (1, 1, "lock:m"));
    println!("{cycle}");
    let error = crosstie::Error::from(mutex.lock().unwrap_err());
    assert!(error.to_string().contains("take it once"), "{error}");
    assert!(links[0].waits_at.is_empty() || links[0].waits_at.contains("mutex.rs"));
}

#[test]
fn two_processes_in_a_circle_get_one_answer_that_names_both() {
    let stage = Stage::new();
    let mut one = stage.role("lock a; pause; lock b; unlock; unlock", &[]);
    let mut two = stage.role("lock b; pause; lock a; unlock; unlock", &[]);
    let tid = one.says("tid").parse().unwrap();
    one.says("locked");
    two.says("locked");
    one.go_on();
    until_asleep(one.pid(), tid);
    two.go_on();
    let told = two.says("locked");
    assert!(told.starts_with("a deadlock deadlock of 2:"), "{told}");
    for wanted in [one.pid().to_string(), two.pid().to_string(), "lock:a".into(), "lock:b".into()] {
        assert!(told.contains(&wanted), "{wanted} in {told}");
    }
    assert_eq!(one.says("locked"), "b clean", "the other one goes on");
    one.says("done");
    assert_eq!(stage.domain.deadlock_reports().len(), 1);
    stage.nothing_was_rescued();
}

#[test]
fn a_deadlock_is_told_as_it_was_whatever_became_of_the_others_since() {
    let stage = Stage::new();
    let open = |name| Mutex::<u64>::open_or_create_in(stage.domain, name, || 0).unwrap();
    let (first, second) = (open("first"), open("second"));
    let has_first = first.lock().unwrap();
    let mut other = stage.role("lock second; lock first; unlock; unlock", &[]);
    let (pid, tid) = (other.pid(), other.says("tid").parse().unwrap());
    assert_eq!(other.says("locked"), "second clean");
    until_asleep(pid, tid);
    let (Err(LockError::Deadlock(told)), Err(LockError::Busy(busy))) = (second.lock(), second.try_lock())
    else {
        panic!("the other one waits for ever")
    };
    drop(has_first);
    assert_eq!(other.says("locked"), "first clean", "it goes on");
    other.says("done");
    other.until_ended();
    // Another takes its slot over, and has and wants other things.
    let mut next = stage.role("lock third; pause", &[]);
    assert_eq!(next.says("locked"), "third clean");
    let links = told.cycle();
    let who = |link: &Blockage| (link.who.as_ref().map_or(0, |who| who.pid), link.object.clone());
    let own = std::process::id();
    assert_eq!(
        links.iter().map(who).collect::<Vec<_>>(),
        [(own, "lock:second".to_owned()), (pid, "lock:first".to_owned())]
    );
    assert_eq!(busy.holders()[0].pid, pid);
    let dead = [&links[1].waits_at, &links[0].taken_at];
    assert_eq!(dead, ["", ""], "where it waited, and took what it had, can be read no more");
    assert!(links[1].taken_at.is_empty() || links[1].taken_at.contains("mutex.rs"));
    let bare = told.without_places();
    assert!(bare.cycle().iter().all(|link| link.waits_at.is_empty() && link.taken_at.is_empty()));
    next.go_on();
    next.says("done");
}

#[test]
fn what_the_process_owns_outlives_its_threads() {
    let stage = Stage::new();
    let mutex = Mutex::<u64>::open_or_create_in(stage.domain, "m", || 0).unwrap();
    let own = mutex.clone();
    let guard = std::thread::spawn(move || own.lock_owned().unwrap()).join().unwrap();
    assert!(guard.is_held());
    assert_eq!(mutex.try_lock().unwrap_err().kind(), ErrorKind::Busy);
    std::thread::spawn(move || drop(guard)).join().unwrap();
    assert!(mutex.try_lock().is_ok());
    let heap = Arc::new(Mutex::new(0_u64));
    drop(heap);
}

#[test]
fn a_thread_that_ends_with_a_leaked_guard_is_a_dead_owner() {
    let stage = Stage::new();
    let mutex = Mutex::<u64>::open_or_create_in(stage.domain, "m", || 0).unwrap();
    let own = mutex.clone();
    std::thread::spawn(move || std::mem::forget(own.lock().unwrap())).join().unwrap();
    assert!(matches!(mutex.lock(), Err(LockError::Abandoned(_))));
}

#[test]
fn a_panic_inside_poisons_and_is_told_apart_from_a_death() {
    let stage = Stage::new();
    let mutex = Mutex::<u64>::open_or_create_in(stage.domain, "m", || 0).unwrap();
    let own = mutex.clone();
    let panicked = std::thread::spawn(move || {
        let _guard = own.lock().unwrap();
        panic!("on purpose");
    });
    assert!(panicked.join().is_err());
    let Err(LockError::Poisoned(mut guard)) = mutex.lock() else { panic!("poisoned") };
    guard.mark_mended();
    drop(guard);
    assert!(mutex.lock().is_ok());
}

#[test]
fn another_type_under_the_same_name_is_refused_and_both_are_named() {
    let stage = Stage::new();
    Mutex::<u64>::open_or_create_in(stage.domain, "m", || 0).unwrap();
    let refused = Mutex::<[u64; 2]>::open_or_create_in(stage.domain, "m", || [0, 0]).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Mismatch);
    let text = refused.to_string();
    assert!(text.contains("Mutex<u64>") && text.contains("Mutex<[u64; 2]>"), "{text}");
    let wrong = Mutex::<u64>::open_or_create_in(stage.domain, "a/b", || 0).unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::Usage);
}

#[test]
fn a_stopped_owner_is_not_dead() {
    let stage = Stage::new();
    let mut owner = stage.role("lock m; pause", &[]);
    owner.says("locked");
    stop(owner.pid());
    let mutex = Mutex::<u64>::open_or_create_in(stage.domain, "m", || 0).unwrap();
    assert_eq!(mutex.lock_for(Duration::from_millis(20)).unwrap_err().kind(), ErrorKind::TimedOut);
    owner.kill();
    until(|| mutex.lock_until(Deadline::NEVER).is_err_and(|refusal| refusal.kind() == ErrorKind::Abandoned));
}

/// SIGSTOP: it lives and does nothing.
pub fn stop(pid: u32) {
    let stopped = std::process::Command::new("kill").args(["-STOP", &pid.to_string()]).status().unwrap();
    assert!(stopped.success());
    let stat = || std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    until(|| stat().rsplit(')').next().is_some_and(|rest| rest.starts_with(" T")));
}
