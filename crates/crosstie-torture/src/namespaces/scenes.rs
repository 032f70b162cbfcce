//! What must hold, scene by scene, and the broken twins.

use std::fs;
use std::os::unix::fs::{FileExt, PermissionsExt, chown};

use crosstie::ErrorKind;
use crosstie::sync::{LockError, Semaphore};

use super::stage::{Outcome, Stage, Wrong, check};
use super::wrapper::Wrapper;
use crate::deadlocks::cast::Said;
use crate::deadlocks::scene::{Kind, alone};
use crate::kernel;

/// One scene.
pub struct Scene {
    pub name: &'static str,
    pub run: fn(&mut Stage) -> Outcome,
}

macro_rules! scenes {
    ($($name:literal: $run:expr),+ $(,)?) => { &[$(Scene { name: $name, run: $run }),+] };
}

pub const SCENES: &[Scene] = scenes![
    "a living holder of another PID namespace keeps its lock": |stage| kept_and_told(stage, Wrapper::Pids),
    "the same with a /proc of its own": |stage| kept_and_told(stage, Wrapper::PidsAndProc),
    "in a container that has the domain's directory": |stage| kept_and_told(stage, Wrapper::Container),
    "without /proc nobody takes part, and that is told": no_proc,
    "in a user namespace": |stage| kept_and_told(stage, Wrapper::Users),
    "in a user namespace where nobody is anybody outside": |stage| kept_and_told(stage, Wrapper::UnmappedUsers),
    "with clocks that are hours ahead": clocks,
    "two of equal pids take turns and are told apart": equal_pids,
    "two of equal pids in a deadlock: one is told": deadlock,
    "permits come back from a container that is killed": permits,
    "a waiter in a container that is killed holds nobody up": waiter,
    "a stopped container is not dead": stopped,
    "a /dev/shm of one's own is another domain": own_shm,
    "a domain of a user who does not exist here is refused": foreign,
];

/// Scenes in which something is wrong: they must fail.
pub const TWINS: &[Scene] = scenes![
    "somebody steals a living holder's lock": stolen,
    "a holder that is said to be dead, and is stopped": not_dead,
    "a directory that only looks shared": not_shared,
];

fn kept_and_told(stage: &mut Stage, wrapper: Wrapper) -> Outcome {
    let holder = stage.enters(wrapper)?;
    stage.takes(holder, Kind::Mutex, "m")?;
    stage.is_kept("m")?;
    names_the_holder(stage)?;
    stage.death_is_told("m", |cast| Ok(cast.kill(holder)?))
}

/// Who does not get the mutex is told who has it.
fn names_the_holder(stage: &Stage) -> Outcome {
    let mutex = stage.mutex("m")?;
    let refusal = mutex.try_lock().map(drop).map_err(|refusal| match refusal {
        LockError::Busy(who) => who.holders().len(),
        _ => 0,
    });
    check(refusal == Err(1), "who has it is not told")
}

fn no_proc(stage: &mut Stage) -> Outcome {
    let actor = stage.enters(Wrapper::NoProc)?;
    stage.cast.take(actor, alone(0), Kind::Mutex, "m")?;
    let said = stage.hears(actor)?;
    let is_told = matches!(&said, Said::Refused(words) if words.contains(ErrorKind::NotFound.id()));
    check(is_told, &format!("it said {said:?}"))?;
    check(stage.domain.owners().is_empty(), "it takes part all the same")
}

fn clocks(stage: &mut Stage) -> Outcome {
    kept_and_told(stage, Wrapper::Clocks)?;
    let waiter = stage.enters(Wrapper::Clocks)?;
    let mutex = stage.mutex("m")?;
    let guard = mutex.lock().map_err(crosstie::Error::from)?;
    stage.waits(waiter, alone(0), Kind::Mutex, "m")?;
    drop(guard);
    let said = stage.hears(waiter)?;
    check(said == Said::Had, &format!("it was woken to {said:?}"))
}

fn equal_pids(stage: &mut Stage) -> Outcome {
    let (one, two) = (stage.enters(Wrapper::PidsAndProc)?, stage.enters(Wrapper::PidsAndProc)?);
    check(stage.cast.pid(one) == stage.cast.pid(two), "their pids differ: the scene shows nothing")?;
    stage.takes(one, Kind::Mutex, "m")?;
    stage.waits(two, alone(0), Kind::Mutex, "m")?;
    stage.cast.kill(one)?;
    // Told of the death of its namesake.
    let said = stage.hears(two)?;
    check(
        matches!(&said, Said::Refused(words) if words.contains(ErrorKind::Abandoned.id())),
        &format!("it was told {said:?}"),
    )?;
    stage.until("the dead one is gone, and its namesake is not", || stage.domain.owners().len() == 1)
}

fn deadlock(stage: &mut Stage) -> Outcome {
    let (one, two) = (stage.enters(Wrapper::PidsAndProc)?, stage.enters(Wrapper::Pids)?);
    stage.takes(one, Kind::Mutex, "a")?;
    stage.takes(two, Kind::Mutex, "b")?;
    stage.waits(one, alone(0), Kind::Mutex, "b")?;
    stage.cast.take(two, alone(0), Kind::Mutex, "a")?;
    let said = stage.hears(two)?;
    let Said::Deadlock(_, cycle) = &said else {
        return Err(Wrong::Fault(format!("the one that closed it said {said:?}")));
    };
    let objects: Vec<_> = cycle.iter().map(|(_, object)| object.as_str()).collect();
    check(objects == ["lock:a", "lock:b"], &format!("the cycle is {cycle:?}"))?;
    stage.cast.end(two)?;
    let said = stage.hears(one)?;
    check(said == Said::Had, &format!("the other one said {said:?}"))
}

fn permits(stage: &mut Stage) -> Outcome {
    let holder = stage.enters(Wrapper::Container)?;
    stage.takes(holder, Kind::Permits(1), "p")?;
    let semaphore = Semaphore::open_or_create_in(stage.domain, "p", 1)?;
    let busy = semaphore.try_acquire().map(drop).map_err(|refusal| refusal.kind());
    check(busy == Err(ErrorKind::Busy), "its permit was stolen")?;
    stage.cast.kill(holder)?;
    let again = semaphore.acquire_for(std::time::Duration::from_secs(3)).map(drop);
    check(again.is_ok(), "its permit did not come back")
}

fn waiter(stage: &mut Stage) -> Outcome {
    let (holder, waiter) = (stage.enters(Wrapper::Pids)?, stage.enters(Wrapper::Container)?);
    let last = stage.enters(Wrapper::PidsAndProc)?;
    stage.takes(holder, Kind::Mutex, "m")?;
    stage.waits(waiter, alone(0), Kind::Mutex, "m")?;
    stage.waits(last, alone(0), Kind::Mutex, "m")?;
    stage.cast.kill(waiter)?;
    stage.until("its wait is over", || stage.domain.waiting_count() == 1)?;
    stage.cast.end(holder)?;
    let said = stage.hears(last)?;
    check(said == Said::Had, &format!("who stood behind it said {said:?}"))
}

fn stopped(stage: &mut Stage) -> Outcome {
    let holder = stage.enters(Wrapper::PidsAndProc)?;
    stage.takes(holder, Kind::Mutex, "m")?;
    stage.signal_inside(holder, kernel::SIGSTOP)?;
    stage.is_kept("m")?;
    stage.signal_inside(holder, kernel::SIGCONT)?;
    stage.death_is_told("m", |cast| Ok(cast.kill(holder)?))
}

fn own_shm(stage: &mut Stage) -> Outcome {
    let mutex = stage.mutex("m")?;
    let guard = mutex.lock().map_err(crosstie::Error::from)?;
    let owners = stage.domain.owners().len();
    let other = stage.enters(Wrapper::OwnShm)?;
    // The same path there is another folder, and so the same name another lock.
    stage.takes(other, Kind::Mutex, "m")?;
    check(stage.domain.owners().len() == owners, "it takes part here although it is elsewhere")?;
    stage.cast.kill(other)?;
    check(guard.is_held() && guard.token() == mutex.counters().acquisitions, "it changed our lock")
}

fn foreign(stage: &mut Stage) -> Outcome {
    let folder = stage.path().with_extension("foreign");
    fs::create_dir(&folder)?;
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))?;
    if let Err(error) = chown(&folder, Some(12345), None) {
        return Err(Wrong::Skipped(format!("giving a directory to another user: {error}")));
    }
    for wrapper in [Wrapper::Users, Wrapper::UnmappedUsers] {
        let actor = stage.tries_to_enter(wrapper, &folder)?;
        let said = stage.hears(actor)?;
        let is_refused =
            matches!(&said, Said::Refused(words) if words.contains(ErrorKind::NotPermitted.id()));
        check(is_refused, &format!("behind {wrapper:?} it said {said:?}"))?;
    }
    check(fs::read_dir(&folder)?.next().is_none(), "something was made in it")
}

fn stolen(stage: &mut Stage) -> Outcome {
    let holder = stage.enters(Wrapper::Pids)?;
    stage.takes(holder, Kind::Mutex, "m")?;
    let file = fs::OpenOptions::new().write(true).open(stage.path().join("lock.m"))?;
    file.write_all_at(&[0; 8], crosstie::ledger::objects::OBJECT_OFFSET)?;
    stage.is_kept("m")
}

fn not_dead(stage: &mut Stage) -> Outcome {
    let holder = stage.enters(Wrapper::PidsAndProc)?;
    stage.takes(holder, Kind::Mutex, "m")?;
    stage.signal_inside(holder, kernel::SIGSTOP)?;
    stage.death_is_told("m", |_| Ok(()))
}

fn not_shared(stage: &mut Stage) -> Outcome {
    kept_and_told(stage, Wrapper::OwnShm)
}
