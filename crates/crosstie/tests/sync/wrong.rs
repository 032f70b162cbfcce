//! What is asked for wrongly, what is left behind, and holders that do not go on: an answer with a name, and
//! never a wait beyond its deadline.

use std::mem;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use crosstie::inspect::diagnose;
use crosstie::ledger::Domain;
use crosstie::os::clock::deadline_in;
use crosstie::os::process;
use crosstie::sync::mutex::LockOwned;
use crosstie::sync::semaphore::PERMITS_MAX;
use crosstie::sync::{
    Access, Barrier, BarrierError, Condvar, CountingSemaphore, Event, Lock, LockError, Monitor, Mutex,
    OnDeath, Once, Policy, Reset, RwLock, Semaphore, object,
};
use crosstie::{Deadline, Error, ErrorKind};

use super::stage::{Stage, until, until_asleep};

const SOON: Duration = Duration::from_millis(5);

/// What each kind of object answers to who opens it under `name`.
fn open_each(domain: &'static Domain, name: &str) -> [(&'static str, Option<Error>); 10] {
    [
        ("lock", Mutex::<u64>::open_or_create_in(domain, name, || 0).err()),
        ("lock", RwLock::<u64>::open_or_create_in(domain, name, || 0).err()),
        ("lock", Lock::open_or_create_in(domain, name).err()),
        ("sem", Semaphore::open_or_create_in(domain, name, 2).err()),
        ("count", CountingSemaphore::open_or_create_in(domain, name, 0).err()),
        ("monitor", Monitor::<u64>::open_or_create_in(domain, name, || 0).err()),
        ("cond", Condvar::open_or_create_in(domain, name).err()),
        ("barrier", Barrier::open_or_create_in(domain, name, 2, OnDeath::Break).err()),
        ("once", Once::open_or_create_in(domain, name).err()),
        ("event", Event::open_or_create_in(domain, name, Reset::Manual).err()),
    ]
}

#[test]
fn a_name_that_is_none_is_refused_by_every_kind() {
    let stage = Stage::new();
    let long = "n".repeat(201);
    for name in ["", "a/b", "..", "a b", "ü", "a\0b", long.as_str()] {
        for (kind, refused) in open_each(stage.domain, name) {
            let refused = refused.unwrap_or_else(|| panic!("{kind}:{name} was opened"));
            assert_eq!(refused.kind(), ErrorKind::Usage, "{refused}");
            assert!(refused.to_string().starts_with(&format!("open {kind}:{name}: ")), "{refused}");
            assert_eq!(object::remove(stage.domain, kind, name).unwrap_err().kind(), ErrorKind::Usage);
        }
    }
    assert_eq!(stage.domain.objects(), []);
    let longest = "n".repeat(200);
    assert!(open_each(stage.domain, &longest).iter().any(|(_, refused)| refused.is_none()));
    assert_eq!(object::remove(stage.domain, "lock", "x").unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn another_type_is_refused_and_both_are_named() {
    let stage = Stage::new();
    let mutex = Mutex::<u64>::open_or_create_in(stage.domain, "m", || 7).unwrap();
    let others = [
        (Mutex::<u32>::open_or_create_in(stage.domain, "m", || 0).err(), "Mutex<u32>"),
        (Mutex::<[u32; 2]>::open_or_create_in(stage.domain, "m", || [0; 2]).err(), "Mutex<[u32; 2]>"),
        (RwLock::<u64>::open_or_create_in(stage.domain, "m", || 0).err(), "RwLock<u64>"),
        (Lock::open_or_create_in(stage.domain, "m").err(), "Lock"),
    ];
    for (refused, wanted) in others {
        let refused = refused.expect("it is another");
        assert_eq!(refused.kind(), ErrorKind::Mismatch);
        assert!(
            refused.to_string().contains(&format!("it is Mutex<u64>, asked for was {wanted}")),
            "{refused}"
        );
        assert!(refused.advice().contains("crosstie rm lock:m"), "{}", refused.advice());
    }
    assert_eq!(*mutex.lock().unwrap(), 7, "nobody has changed it");
    // A file under another kind's name.
    std::fs::rename(stage.path().join("lock.m"), stage.path().join("event.m")).unwrap();
    let refused = Event::open_or_create_in(stage.domain, "m", Reset::Manual).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Mismatch);
    assert!(refused.to_string().contains("it is a lock, asked for was a event"), "{refused}");
}

#[test]
fn another_parameter_is_refused_and_both_are_named() {
    let stage = Stage::new();
    let domain = stage.domain;
    Mutex::<u64>::open_or_create_with(domain, "m", Policy::Fair, || 0).unwrap();
    Barrier::open_or_create_in(domain, "b", 2, OnDeath::Break).unwrap();
    Event::open_or_create_in(domain, "e", Reset::Manual).unwrap();
    let others = [
        (Mutex::<u64>::open_or_create_with(domain, "m", Policy::Fast, || 0).err(), ["fair", "fast"]),
        (Barrier::open_or_create_in(domain, "b", 3, OnDeath::Break).err(), ["2 parties", "3 parties"]),
        (Barrier::open_or_create_in(domain, "b", 2, OnDeath::Shrink).err(), ["breaks", "shrinks"]),
        (
            Event::open_or_create_in(domain, "e", Reset::Automatic).err(),
            ["by hand", "by whom it lets through"],
        ),
    ];
    for (refused, both) in others {
        let refused = refused.expect("it is another");
        assert_eq!(refused.kind(), ErrorKind::Mismatch);
        for one in both {
            assert!(refused.to_string().contains(one), "{one} in {refused}");
        }
    }
}

#[test]
fn a_number_that_none_has_is_refused() {
    let stage = Stage::new();
    let domain = stage.domain;
    let too_many = u32::try_from(PERMITS_MAX).unwrap() + 1;
    let refused = [
        Semaphore::open_or_create_in(domain, "s", 0).err(),
        Semaphore::open_or_create_in(domain, "s", too_many).err(),
        Barrier::open_or_create_in(domain, "b", 0, OnDeath::Break).err(),
        Barrier::open_or_create_in(domain, "b", 65, OnDeath::Break).err(),
        CountingSemaphore::open_or_create_in(domain, "c", 1 << 31).err(),
    ];
    for refused in refused {
        assert_eq!(refused.expect("none has that").kind(), ErrorKind::Usage);
    }
    let gate = Semaphore::open_or_create_in(domain, "s", 3).unwrap();
    assert_eq!(gate.resize(too_many).unwrap_err().kind(), ErrorKind::Usage);
    for wrong in [0, 4, u32::MAX] {
        let refused = gate.acquire_many(wrong, Deadline::NEVER).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Usage, "{refused}");
        assert!(refused.to_string().contains("it has 3"), "{refused}");
    }
}

#[test]
fn a_semaphore_made_smaller_keeps_its_holders_and_made_larger_lets_in_who_waits() {
    let stage = Stage::new();
    let gate = Semaphore::open_or_create_in(stage.domain, "s", 3).unwrap();
    let mut held = gate.acquire_many(3, Deadline::NEVER).map(Some).unwrap();
    gate.resize(1).unwrap();
    assert_eq!(gate.held_by().len(), 3);
    assert_eq!(gate.try_acquire().unwrap_err().kind(), ErrorKind::Busy);
    drop(held.take());
    let one = gate.acquire().unwrap();
    assert_eq!(gate.try_acquire().unwrap_err().kind(), ErrorKind::Busy, "there is one now");
    let mut waiter = stage.role("acquire s; unlock", &[]);
    let tid = waiter.says("tid").parse().unwrap();
    until_asleep(waiter.pid(), tid);
    gate.resize(2).unwrap();
    assert!(waiter.says("locked").starts_with("s clean"));
    waiter.says("done");
    drop(one);
    stage.nothing_was_rescued();
}

/// Runs `act` in a thread that ends with what it holds.
fn leaked(act: impl FnOnce() + Send + 'static) {
    std::thread::spawn(act).join().unwrap();
}

#[test]
fn what_a_thread_leaks_and_ends_with_is_given_back_as_after_a_death() {
    let stage = Stage::new();
    let domain = stage.domain;
    let lock = RwLock::<u64>::open_or_create_in(domain, "r", || 0).unwrap();
    let own = lock.clone();
    leaked(move || mem::forget(own.read().unwrap()));
    assert!(lock.write().is_ok(), "a dead reader has read nothing badly");
    let own = lock.clone();
    leaked(move || mem::forget(own.write().unwrap()));
    assert!(matches!(lock.read(), Err(LockError::Abandoned(_))));

    let gate = Semaphore::open_or_create_in(domain, "s", 1).unwrap();
    let own = gate.clone();
    leaked(move || mem::forget(own.acquire().unwrap()));
    assert!(gate.try_acquire().is_ok());

    let monitor = Monitor::<u64>::open_or_create_in(domain, "o", || 0).unwrap();
    let own = monitor.clone();
    leaked(move || mem::forget(own.enter().unwrap()));
    assert!(matches!(monitor.enter(), Err(LockError::Abandoned(_))));

    let barrier = Barrier::open_or_create_in(domain, "b", 2, OnDeath::Break).unwrap();
    let own = barrier.clone();
    leaked(move || assert!(matches!(own.wait_for(SOON), Err(BarrierError::Late(_)))));
    assert!(matches!(barrier.wait(), Err(BarrierError::Broken(_))), "its party will not come");

    let heap = Arc::new(Mutex::new(0_u64));
    let own = Arc::clone(&heap);
    // The heap's objects belong to the default domain, which no test may enter but in a child.
    drop((own, heap));
}

#[test]
fn what_a_process_leaks_it_keeps_until_it_ends() {
    let stage = Stage::new();
    let mutex = Mutex::<u64>::open_or_create_in(stage.domain, "m", || 0).unwrap();
    let own = mutex.clone();
    leaked(move || mem::forget(own.lock_owned_until(Deadline::NEVER).unwrap()));
    assert_eq!(mutex.lock_for(SOON).unwrap_err().kind(), ErrorKind::TimedOut, "its thread ended, it did not");
    let mut other = stage.role("own n; pause", &[]);
    other.says("locked");
    other.kill();
    let theirs = Mutex::<u64>::open_or_create_in(stage.domain, "n", || 0).unwrap();
    assert!(matches!(theirs.lock(), Err(LockError::Abandoned(_))));
}

fn signal(pid: u32, signal: &str) {
    let sent = std::process::Command::new("kill").args([signal, &pid.to_string()]).status().unwrap();
    assert!(sent.success());
}

#[test]
fn a_stopped_holder_is_not_dead_and_the_doctor_says_who_it_is() {
    let stage = Stage::new();
    let mut holder = stage.role("lock m; pause; unlock", &[]);
    holder.says("locked");
    signal(holder.pid(), "-STOP");
    until(|| stage.domain.owners().iter().any(|owner| owner.pid == holder.pid() && owner.is_stopped()));
    let mutex = Mutex::<u64>::open_or_create_in(stage.domain, "m", || 0).unwrap();
    assert_eq!(mutex.try_lock().unwrap_err().kind(), ErrorKind::Busy);
    let refused = mutex.lock_for(SOON).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::TimedOut);
    assert!(refused.to_string().contains(&holder.pid().to_string()), "{refused}");
    assert!(diagnose(stage.domain).is_empty(), "nobody waits for it now");
    let mut waiter = stage.role("lock m; unlock", &[]);
    let tid = waiter.says("tid").parse().unwrap();
    until_asleep(waiter.pid(), tid);
    let found = diagnose(stage.domain);
    let stopped = found.iter().find(|finding| finding.is_wrong).expect("somebody is stuck");
    for wanted in ["lock:m", &holder.pid().to_string(), &waiter.pid().to_string(), "is stopped"] {
        assert!(stopped.what.contains(wanted), "{wanted} in {stopped}");
    }
    assert!(stopped.advice.contains("-CONT"), "{stopped}");
    signal(holder.pid(), "-CONT");
    holder.go_on();
    assert_eq!(waiter.says("locked"), "m clean", "it was never dead");
    waiter.says("done");
    stage.nothing_was_rescued();
}

#[test]
fn a_deadline_is_of_the_clock_that_nobody_sets() {
    // futex_waitv(2): waiters, how many, flags, timeout, clock.
    const CLOCK_MONOTONIC: &str = "0x1";
    let stage = Stage::new();
    if !crosstie::os::futex::has_waitv() {
        println!("SKIPPED: no futex_waitv, whose clock could be seen");
        return;
    }
    let mutex = Mutex::<u64>::open_or_create_in(stage.domain, "m", || 0).unwrap();
    let guard = mutex.lock().unwrap();
    let (tell, told) = mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            tell.send(process::tid()).unwrap();
            mutex.lock_for(Duration::from_secs(3600)).map(drop).unwrap();
        });
        let tid: u32 = told.recv().unwrap();
        until_asleep(process::pid(), tid);
        let call = std::fs::read_to_string(format!("/proc/self/task/{tid}/syscall")).unwrap();
        let words: Vec<_> = call.split(' ').collect();
        assert_eq!((words[0], words[5]), ("449", CLOCK_MONOTONIC), "{call}");
        assert_ne!(words[4], "0x0", "it has a deadline");
        drop(guard);
    });
}

#[test]
fn clocks_of_another_time_namespace_move_no_deadline_and_kill_nobody() {
    let stage = Stage::new();
    let wrapper = ["unshare", "--user", "--map-root-user", "--fork", "--kill-child", "--time"];
    let ahead = ["--monotonic", "1000000", "--boottime", "1000000"];
    let elsewhere: Vec<_> = wrapper.iter().chain(&ahead).copied().collect();
    let Some(mut holder) = stage.role_behind(&elsewhere, "lock m; pause; unlock", &[]) else { return };
    holder.says("locked");
    let mutex = Mutex::<u64>::open_or_create_in(stage.domain, "m", || 0).unwrap();
    for owner in stage.domain.owners() {
        assert!(stage.domain.confirm_alive(owner.id), "{owner} lives, whatever its clocks say");
    }
    assert_eq!(mutex.lock_for(SOON).unwrap_err().kind(), ErrorKind::TimedOut);
    // Whether it is stopped nobody here can tell: by its start it is another one.
    let owners = stage.domain.owners();
    let other = owners.iter().find(|owner| owner.pid != process::pid()).expect("the holder takes part");
    signal(other.pid, "-STOP");
    until(|| process::task(other.pid, other.tid).unwrap().is_stopped);
    assert!(!other.is_stopped());
    signal(other.pid, "-CONT");
    let Some(mut late) = stage.role_behind(&elsewhere, "lock_for m", &[]) else { return };
    assert!(late.says("locked").starts_with("m timed-out"), "50 ms are 50 ms there too");
    holder.go_on();
    holder.says("done");
    assert!(mutex.lock().is_ok());
}

#[test]
fn a_barrier_with_a_party_missing_says_how_many_have_come() {
    let stage = Stage::new();
    let barrier = Barrier::open_or_create_in(stage.domain, "b", 3, OnDeath::Break).unwrap();
    let mut other = stage.role("meet b 1", &[]);
    let tid = other.says("tid").parse().unwrap();
    until_asleep(other.pid(), tid);
    let late = barrier.wait_for(SOON).unwrap_err();
    assert_eq!(late.kind(), ErrorKind::TimedOut);
    assert!(late.to_string().contains("barrier:b") && late.to_string().contains("1 wait there"), "{late}");
}

#[test]
fn a_wait_inside_a_monitor_ends_though_its_owner_does_not_let_go() {
    let stage = Stage::new();
    let mutex = Mutex::<u64>::open_or_create_with(stage.domain, "m", Policy::Fair, || 0).unwrap();
    let changed = Condvar::open_or_create_in(stage.domain, "c").unwrap();
    let guard = mutex.lock().unwrap();
    let mut inside = stage.role("lock m; pause", &[]);
    let tid = inside.says("tid").parse().unwrap();
    until_asleep(inside.pid(), tid);
    // It is handed the mutex, which is fair, as this thread begins to wait, and keeps it.
    let refused = changed.wait_until(guard, deadline_in(SOON)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::TimedOut);
    assert!(refused.to_string().contains(&inside.pid().to_string()), "{refused}");
    assert_eq!(stage.domain.waiting_count(), 0);
}

#[test]
fn a_wait_in_a_domain_that_is_removed_ends_with_the_reason() {
    let stage = Stage::new();
    let mutex = Mutex::<u64>::open_or_create_in(stage.domain, "m", || 0).unwrap();
    let gate = Lock::open_or_create_in(stage.domain, "l").unwrap();
    let _holder = (mutex.lock().unwrap(), gate.lock().unwrap());
    stage.domain.set_net(crosstie::ledger::Net::Spread);
    std::fs::remove_dir_all(stage.path()).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let refused = mutex.lock().map(drop).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::NotFound);
            assert!(refused.to_string().contains("it was removed"), "{refused}");
        });
        scope.spawn(|| {
            let refused = gate.lock_until(Access::Shared, Deadline::NEVER).map(drop).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::NotFound);
        });
    });
}

#[test]
fn a_request_for_several_permits_ends_at_its_deadline_beside_a_dead_holder() {
    let stage = Stage::new();
    let gate = Semaphore::open_or_create_in(stage.domain, "gate", 2).unwrap();
    let mut lives = stage.role("acquire gate; pause", &[]);
    let mut dies = stage.role("acquire gate; pause", &[]);
    lives.says("locked");
    dies.says("locked");
    dies.kill();
    dies.until_ended();
    assert_eq!(gate.acquire_many(2, deadline_in(SOON)).unwrap_err().kind(), ErrorKind::TimedOut);
    lives.go_on();
    lives.says("done");
    assert_eq!(gate.acquire_many(2, deadline_in(SOON)).unwrap().len(), 2);
}

#[test]
fn a_reader_for_whom_no_cell_is_free_ends_at_its_deadline_beside_a_dead_writer() {
    let stage = Stage::new();
    let lock = RwLock::<u64>::open_or_create_in(stage.domain, "r", || 0).unwrap();
    let left = std::sync::Arc::new(std::sync::RwLock::new(()));
    let leave = left.write().unwrap();
    let readers: Vec<_> = (0..64)
        .map(|_| {
            let (lock, left) = (lock.clone(), std::sync::Arc::clone(&left));
            let (tell, told) = std::sync::mpsc::channel();
            let thread = std::thread::spawn(move || {
                let guard = lock.read().unwrap();
                tell.send(()).unwrap();
                drop(left.read().unwrap());
                drop(guard);
            });
            told.recv().unwrap();
            thread
        })
        .collect();
    let mut writer = stage.role("write r; pause", &[]);
    let tid = writer.says("tid").parse().unwrap();
    super::stage::until_asleep(writer.pid(), tid);
    writer.kill();
    writer.until_ended();
    assert_eq!(lock.read_for(SOON).unwrap_err().kind(), ErrorKind::TimedOut);
    drop(leave);
    readers.into_iter().for_each(|reader| reader.join().unwrap());
}
