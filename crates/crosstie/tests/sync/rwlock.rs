//! [`RwLock`] and [`Lock`]: many readers or one writer, in phases, whoever dies.

use std::time::Duration;

use crosstie::os::process;
use crosstie::sync::{Access, AnyLock, Lock, LockError, RwLock};
use crosstie::{Deadline, ErrorKind};

use super::stage::{Stage, until_asleep};

#[test]
fn nobody_writes_while_somebody_reads() {
    let stage = Stage::new();
    let lock = RwLock::<u64>::open_or_create_in(stage.domain, "r", || 0).unwrap();
    let mut actors: Vec<_> = (0..4).map(|_| stage.role("read_add r 400", &[])).collect();
    for actor in &mut actors {
        actor.says("done");
    }
    assert_eq!(*lock.read().unwrap(), 400);
    stage.nothing_was_rescued();
}

#[test]
fn a_killed_reader_does_not_hold_up_the_writer() {
    let stage = Stage::new();
    let lock = RwLock::<u64>::open_or_create_in(stage.domain, "r", || 0).unwrap();
    let mut readers: Vec<_> = (0..2).map(|_| stage.role("read r; pause", &[])).collect();
    readers.iter_mut().for_each(|reader| drop(reader.says("locked")));
    let mut writer = stage.role("write r; unlock", &[]);
    let tid = writer.says("tid").parse().unwrap();
    until_asleep(writer.pid(), tid);
    assert_eq!(lock.try_read().unwrap_err().kind(), ErrorKind::Busy, "a writer waits: nobody begins to read");
    readers[0].kill();
    readers[1].go_on();
    assert_eq!(writer.says("locked"), "r clean 0");
    writer.says("done");
    assert!(lock.try_read().is_ok());
    stage.nothing_was_rescued();
}

#[test]
fn a_killed_writer_leaves_the_data_abandoned_for_readers_too() {
    let stage = Stage::new();
    let lock = RwLock::<u64>::open_or_create_in(stage.domain, "r", || 0).unwrap();
    let mut writer = stage.role("write r; pause", &[]);
    writer.says("locked");
    let mut reader = stage.role("read r; pause", &[]);
    let tid = reader.says("tid").parse().unwrap();
    until_asleep(reader.pid(), tid);
    writer.kill();
    assert!(reader.says("locked").starts_with("r abandoned"));
    reader.kill();
    let Err(LockError::Abandoned(mut guard)) = lock.write() else { panic!("abandoned") };
    assert_eq!(guard.dead_owner().unwrap().pid, writer.pid());
    assert_eq!(lock.counters().deaths, 1, "two have found it out, one has died");
    guard.mark_mended();
    drop(guard);
    assert!(lock.read().is_ok());
    stage.nothing_was_rescued();
}

#[test]
fn who_waited_to_read_reads_before_the_next_writer() {
    let stage = Stage::new();
    let lock = RwLock::<u64>::open_or_create_in(stage.domain, "r", || 0).unwrap();
    let first = lock.write().unwrap();
    let mut next = stage.role("write r; pause", &[]);
    let tid = next.says("tid").parse().unwrap();
    until_asleep(next.pid(), tid);
    let mut reader = stage.role("read r; pause", &[]);
    let tid = reader.says("tid").parse().unwrap();
    until_asleep(reader.pid(), tid);
    drop(first);
    assert_eq!(reader.says("locked"), "r clean 0", "it came after the writer, and its phase comes first");
    reader.go_on();
    assert_eq!(next.says("locked"), "r clean 0");
    stage.nothing_was_rescued();
}

#[test]
fn to_read_again_while_a_writer_waits_is_told_as_the_deadlock_that_it_is() {
    let stage = Stage::new();
    let lock = RwLock::<u64>::open_or_create_in(stage.domain, "r", || 0).unwrap();
    let first = lock.read().unwrap();
    let mut writer = stage.role("write r; unlock", &[]);
    let tid = writer.says("tid").parse().unwrap();
    until_asleep(writer.pid(), tid);
    let Err(LockError::Deadlock(cycle)) = lock.read() else { panic!("that hangs") };
    println!("{cycle}");
    assert_eq!(cycle.length(), 2);
    drop(first);
    assert_eq!(writer.says("locked"), "r clean 0");
    writer.says("done");
    let _reader = lock.read().unwrap();
    assert!(
        matches!(lock.write(), Err(LockError::Deadlock(_))),
        "a reader that wants to write waits for itself"
    );
    assert!(lock.try_read().is_ok(), "and leaves nothing behind");
    stage.nothing_was_rescued();
}

#[test]
fn a_lock_without_data_tells_a_death_once() {
    let stage = Stage::new();
    let lock = Lock::open_or_create_in(stage.domain, "db").unwrap();
    let own = lock.clone();
    std::thread::spawn(move || std::mem::forget(own.lock().unwrap())).join().unwrap();
    let guard = lock.lock().unwrap();
    assert!(guard.is_abandoned() && guard.dead_owner().is_some() && guard.is_held());
    assert_eq!(
        lock.lock_for(Access::Shared, Duration::from_millis(2)).unwrap_err().kind(),
        ErrorKind::TimedOut
    );
    drop(guard);
    assert!(!lock.lock_shared().unwrap().is_abandoned());
    stage.nothing_was_rescued();
}

#[test]
fn what_a_command_has_counts_while_more_is_taken_for_it() {
    let stage = Stage::new();
    let open = |name| Lock::open_or_create_in(stage.domain, name).unwrap();
    // Two locks crosswise; and one on which a reader reads again while a command is about to write.
    for access in [Access::Exclusive, Access::Shared] {
        let (first, second) = (open("first"), open("second"));
        let held = second.lock_until(access, Deadline::NEVER).unwrap();
        std::thread::scope(|scope| {
            let (tell, told) = std::sync::mpsc::channel();
            let domain = stage.domain;
            let any = |name| AnyLock::open_or_create_in(domain, name).unwrap();
            let (own_first, own_second) = (any("first"), any("second"));
            let starter = scope.spawn(move || {
                let owner = domain.command_owner("job").unwrap();
                let taken = own_first.lock_for_command(&owner, Access::Exclusive, Deadline::NEVER).unwrap();
                tell.send(process::tid()).unwrap();
                let more = own_second.lock_for_command(&owner, Access::Exclusive, Deadline::NEVER);
                let outcome = more.map(drop).map_err(|refusal| refusal.kind());
                drop(taken);
                outcome
            });
            until_asleep(process::pid(), told.recv().unwrap());
            let wanted = if access == Access::Exclusive { &first } else { &second };
            let Err(LockError::Deadlock(cycle)) = wanted.lock_until(access, Deadline::NEVER) else {
                panic!("that hangs");
            };
            assert_eq!(cycle.length(), 2, "{cycle}");
            drop(held);
            assert_eq!(starter.join().unwrap(), Ok(()), "the other one goes on");
        });
    }
    stage.nothing_was_rescued();
}
