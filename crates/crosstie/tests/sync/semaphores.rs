//! Semaphores of both kinds: no permit is lost or doubled, whoever dies.

use std::sync::mpsc;
use std::time::Duration;

use crosstie::os::process;
use crosstie::sync::semaphore::AcquireOwned;
use crosstie::sync::{CountingSemaphore, LockError, Semaphore};
use crosstie::{Deadline, ErrorKind};

use super::stage::{Stage, until_asleep};

#[test]
fn a_killed_holder_gives_its_permit_to_who_sleeps_first() {
    let stage = Stage::new();
    let gate = Semaphore::open_or_create_in(stage.domain, "gate", 2).unwrap();
    let mut holders: Vec<_> = (0..2).map(|_| stage.role("acquire gate; pause", &[])).collect();
    let mut indices: Vec<_> = holders.iter_mut().map(|holder| holder.says("locked")).collect();
    indices.sort();
    assert_eq!(indices, ["gate clean 0", "gate clean 1"]);
    let mut waiters = Vec::new();
    for _ in 0..2 {
        let mut waiter = stage.role("acquire gate; pause", &[]);
        let tid = waiter.says("tid").parse().unwrap();
        until_asleep(waiter.pid(), tid);
        waiters.push(waiter);
    }
    holders[0].kill();
    assert!(waiters[0].says("locked").starts_with("gate clean"), "first come, first served");
    holders[1].kill();
    assert!(waiters[1].says("locked").starts_with("gate clean"));
    assert_eq!(gate.try_acquire().unwrap_err().kind(), ErrorKind::Busy);
    drop(waiters);
    assert_eq!(gate.acquire_many(2, Deadline::NEVER).unwrap().len(), 2);
    assert_eq!(gate.counters().deaths, 4);
    stage.nothing_was_rescued();
}

#[test]
fn a_large_request_is_not_overtaken_by_small_ones() {
    let stage = Stage::new();
    let gate = Semaphore::open_or_create_in(stage.domain, "gate", 2).unwrap();
    let permit = gate.acquire().unwrap();
    let (tell, told) = mpsc::channel();
    std::thread::scope(|scope| {
        let large = scope.spawn(|| {
            tell.send(process::tid()).unwrap();
            gate.acquire_many(2, Deadline::NEVER).unwrap().len()
        });
        until_asleep(process::pid(), told.recv().unwrap());
        assert_eq!(
            gate.try_acquire().unwrap_err().kind(),
            ErrorKind::Busy,
            "one is free, but somebody waits"
        );
        drop(permit);
        assert_eq!(large.join().unwrap(), 2);
    });
    assert!(gate.try_acquire().is_ok());
    stage.nothing_was_rescued();
}

#[test]
fn a_semaphore_that_no_holder_can_give_back_is_a_deadlock_and_one_that_some_can_is_not() {
    let stage = Stage::new();
    let gate = Semaphore::open_or_create_in(stage.domain, "gate", 2).unwrap();
    let (one, _two) = (gate.acquire().unwrap(), gate.acquire().unwrap());
    let Err(LockError::Deadlock(cycle)) = gate.acquire() else { panic!("that hangs") };
    assert_eq!(cycle.cycle()[0].object, "sem:gate");
    drop(one);
    let mut holder = stage.role("acquire gate; pause", &[]);
    holder.says("locked");
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| gate.acquire().is_ok());
        while stage.domain.waiting_count() == 0 {
            std::thread::yield_now();
        }
        holder.go_on();
        assert!(waiter.join().unwrap(), "the other holder gave its own back");
    });
    stage.nothing_was_rescued();
}

#[test]
fn another_number_of_permits_is_refused_and_both_are_named() {
    let stage = Stage::new();
    let gate = Semaphore::open_or_create_in(stage.domain, "gate", 2).unwrap();
    let refused = Semaphore::open_or_create_in(stage.domain, "gate", 3).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Mismatch);
    assert!(refused.to_string().contains("2 permits, asked for were 3"), "{refused}");
    gate.resize(3).unwrap();
    assert!(Semaphore::open_or_create_in(stage.domain, "gate", 3).is_ok());
    for wrong in [0, 1025] {
        assert_eq!(
            Semaphore::open_or_create_in(stage.domain, "x", wrong).unwrap_err().kind(),
            ErrorKind::Usage
        );
    }
    let more = gate.acquire_many(4, Deadline::NOW).err().unwrap();
    assert_eq!(more.kind(), ErrorKind::Usage);
}

#[test]
fn a_permit_of_the_process_moves_between_threads() {
    let stage = Stage::new();
    let gate = Semaphore::open_or_create_in(stage.domain, "gate", 1).unwrap();
    let permit = gate.acquire_owned_until(Deadline::NEVER).unwrap();
    assert!(permit.is_held() && permit.token() == 1);
    std::thread::spawn(move || drop(permit)).join().unwrap();
    assert!(gate.try_acquire().is_ok());
}

#[test]
fn anyone_posts_and_who_waited_first_gets_it() {
    let stage = Stage::new();
    let count = CountingSemaphore::open_or_create_in(stage.domain, "full", 0).unwrap();
    let mut waiters = Vec::new();
    for _ in 0..3 {
        let mut waiter = stage.role("wait_one full", &[]);
        let tid = waiter.says("tid").parse().unwrap();
        until_asleep(waiter.pid(), tid);
        waiters.push(waiter);
    }
    waiters[0].kill();
    waiters[0].until_ended();
    count.post().unwrap();
    waiters[1].says("locked");
    let mut poster = stage.role("post full", &[]);
    poster.says("done");
    waiters[2].says("locked");
    assert_eq!(count.value(), 0);
    assert_eq!(count.wait_for(Duration::from_millis(2)).unwrap_err().kind(), ErrorKind::TimedOut);
    stage.nothing_was_rescued();
}

#[test]
fn who_creates_a_semaphore_beside_others_knows_whether_it_made_it() {
    let stage = Stage::new();
    for round in 0..200 {
        let name = format!("slots{round}");
        let together = std::sync::Barrier::new(4);
        let created: usize = std::thread::scope(|scope| {
            let create = |value| {
                together.wait();
                match CountingSemaphore::create_in(stage.domain, &name, value) {
                    Ok(made) => {
                        assert_eq!(made.value(), value, "who made it gave it its value");
                        1
                    }
                    Err(error) => {
                        assert_eq!(
                            (error.kind(), error.object()),
                            (ErrorKind::AlreadyExists, &*format!("count:{name}"))
                        );
                        0
                    }
                }
            };
            let creators = [1, 2, 3].map(|value| scope.spawn(move || create(value)));
            together.wait();
            let opened = CountingSemaphore::open_or_create_in(stage.domain, &name, 0).unwrap().value();
            let created = creators.into_iter().map(|creator| creator.join().unwrap()).sum();
            assert_eq!(created, usize::from(opened > 0), "of those who create it, one at most has");
            created
        });
        assert!(created <= 1);
    }
}

#[test]
fn a_counting_semaphore_at_its_limit_refuses_the_post() {
    let stage = Stage::new();
    let count = CountingSemaphore::open_or_create_in(stage.domain, "full", i32::MAX as u32).unwrap();
    assert_eq!(count.post().unwrap_err().kind(), ErrorKind::TooLarge);
    count.wait().unwrap();
    count.post().unwrap();
}

#[test]
fn a_deadlock_over_permits_names_everybody_who_has_some() {
    let stage = Stage::new();
    let units = Semaphore::open_or_create_in(stage.domain, "units", 3).unwrap();
    let all = std::sync::Barrier::new(3);
    let borrow = || {
        let _some = units.acquire().unwrap();
        all.wait();
        // Who is told gives its permit back, so the others go on.
        match units.acquire() {
            Ok(_more) => 0,
            Err(LockError::Deadlock(told)) => told.length(),
            Err(other) => panic!("{other}"),
        }
    };
    let told = std::thread::scope(|scope| {
        let borrowers: Vec<_> = (0..3).map(|_| scope.spawn(borrow)).collect();
        borrowers.into_iter().map(|borrower| borrower.join().unwrap()).max()
    });
    assert_eq!(told, Some(3));
    stage.nothing_was_rescued();
}

#[test]
fn a_permit_goes_to_another_process_which_finds_it_without_being_told() {
    let stage = Stage::new();
    let gate = Semaphore::open_or_create_in(stage.domain, "gate", 1).unwrap();
    let own = stage.domain.process_owner().unwrap().to_bits();
    let mut giver = stage.role(&format!("give gate {own}; abort"), &[]);
    giver.until_ended();
    assert_eq!(gate.try_acquire().unwrap_err().kind(), ErrorKind::Busy, "it is this process's");
    let permit = gate.accept().unwrap().expect("it was transferred");
    assert!(permit.is_held() && gate.accept().unwrap().is_none());
    let token = permit.token();
    // And on to the next, which holds it until it ends.
    let mut next = stage.role("process; pause; accept gate; say has-it; abort", &[]);
    permit.transfer_to(next.says_owner()).unwrap();
    next.go_on();
    assert_eq!(next.says("accepted"), "0");
    next.until_ended();
    assert!(gate.acquire().unwrap().token() > token + 1, "each acceptance has a larger number");
    stage.nothing_was_rescued();
}

#[test]
fn a_process_that_dies_before_it_accepts_leaves_the_permit_to_who_sleeps_for_it() {
    let stage = Stage::new();
    let gate = Semaphore::open_or_create_in(stage.domain, "gate", 1).unwrap();
    let mut receiver = stage.role("process; pause", &[]);
    let to = receiver.says_owner();
    let permit = gate.acquire().unwrap();
    let mut waiter = stage.role("acquire gate", &[]);
    let tid = waiter.says("tid").parse().unwrap();
    until_asleep(waiter.pid(), tid);
    permit.transfer_to(to).unwrap();
    assert_eq!(gate.held_by(), [(0, to)]);
    // The waiter watched this thread; it has to watch the receiver now.
    receiver.kill();
    assert_eq!(waiter.says("locked"), "gate clean 0");
    waiter.says("done");
    assert_eq!(gate.counters().deaths, 1);
    stage.nothing_was_rescued();
}

#[test]
fn all_permits_of_a_request_go_together() {
    let stage = Stage::new();
    let gate = Semaphore::open_or_create_in(stage.domain, "gate", 3).unwrap();
    let own = stage.domain.process_owner().unwrap();
    gate.acquire_many(2, Deadline::NEVER).unwrap().transfer_to(own).unwrap();
    let permits: Vec<_> = std::iter::from_fn(|| gate.accept().unwrap()).collect();
    assert_eq!(permits.len(), 2);
    assert!(gate.try_acquire().is_ok(), "the third is free");
    drop(permits);
    assert_eq!(gate.acquire_many(3, Deadline::NOW).unwrap().len(), 3);
}

#[test]
fn a_permit_is_kept_where_there_is_no_process_to_give_it_to() {
    let stage = Stage::new();
    let gate = Semaphore::open_or_create_in(stage.domain, "gate", 1).unwrap();
    let mut other = stage.role("process; pause", &[]);
    let gone = other.says_owner();
    other.kill();
    other.until_ended();
    let permit = gate.acquire().unwrap();
    let refused = permit.transfer_to(stage.domain.thread_owner().unwrap()).unwrap_err();
    assert_eq!(refused.error.kind(), ErrorKind::Usage, "{refused}");
    let refused = refused.permit.transfer_to(gone).unwrap_err();
    assert_eq!(refused.error.kind(), ErrorKind::PeerDied, "{refused}");
    assert!(refused.permit.is_held());
}
