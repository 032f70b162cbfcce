//! H1–H5: whatever ends an owner, who watches it learns of it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use crosstie::ledger::{Net, Wait};
use crosstie::os::{clock, futex, process};
use crosstie::{Deadline, OwnerId};

use super::stage::{Actor, Stage, median_us, until, until_asleep};

#[test]
fn a_kill_wakes_who_sleeps_on_word_and_life_word_whatever_the_dead_had() {
    let stage = Stage::new();
    for (mib, rounds) in [("0", 21), ("256", 5)] {
        let mut waits = Vec::new();
        for _ in 0..rounds {
            let mut owner = stage.role("owner", &[("MIB", mib)]);
            let id = owner.says_owner();
            waits.push(kill_and_measure(&stage, &mut owner, id));
        }
        println!("death to wake, {mib} MiB: p50 {:.0} µs of {rounds} (machine disturbed)", median_us(waits));
    }
    stage.nothing_was_rescued();
}

/// Kills the owner while a thread here sleeps on {word, life word}; answers how long after the kill
/// it woke.
fn kill_and_measure(stage: &Stage, owner: &mut Actor, id: OwnerId) -> u64 {
    let domain = stage.domain;
    let (tell, told) = mpsc::channel();
    let sleeper = std::thread::spawn(move || {
        tell.send(process::tid()).unwrap();
        let waited = domain.wait(&AtomicU32::new(0), 0, &[id], Deadline::NEVER);
        (waited, clock::now_ns())
    });
    until_asleep(process::pid(), told.recv().unwrap());
    let killed_ns = clock::now_ns();
    owner.kill();
    let (waited, woke_ns) = sleeper.join().unwrap();
    assert_eq!(waited, Wait::OwnerDied);
    assert!(!domain.is_alive(id));
    woke_ns - killed_ns
}

#[test]
fn a_wake_of_the_word_ends_the_sleep_while_the_owner_lives() {
    let stage = Stage::new();
    let mut owner = stage.role("owner", &[]);
    let id = owner.says_owner();
    let word = AtomicU32::new(0);
    let (tell, told) = mpsc::channel();
    std::thread::scope(|scope| {
        let sleeper = scope.spawn(|| {
            tell.send(process::tid()).unwrap();
            stage.domain.wait(&word, 0, &[id], Deadline::NEVER)
        });
        until_asleep(process::pid(), told.recv().unwrap());
        word.store(1, Ordering::Release);
        assert_eq!(futex::wake(&word, 1), 1);
        assert_eq!(sleeper.join().unwrap(), Wait::Woken);
    });
    let soon = clock::deadline_in(Duration::from_millis(5));
    assert_eq!(stage.domain.wait(&word, 1, &[id], soon), Wait::TimedOut);
    assert_eq!(stage.domain.wait(&word, 0, &[id], Deadline::NEVER), Wait::Woken);
    assert!(stage.domain.is_alive(id) && stage.domain.confirm_alive(id));
}

#[test]
fn h1_an_exec_by_a_thread_that_is_not_the_first_is_found_by_the_second_witness() {
    let stage = Stage::new();
    let mut owner = stage.role("execs", &[]);
    let id = owner.says_owner();
    let name = format!("/proc/{}/comm", owner.pid());
    until(|| std::fs::read_to_string(&name).is_ok_and(|name| name.trim() == "sleep"));
    let kernel_told = !stage.domain.is_alive(id);
    println!("the kernel's mark is {}", if kernel_told { "there" } else { "missing" });
    assert!(!stage.domain.confirm_alive(id), "the thread is gone");
    assert!(!stage.domain.is_alive(id), "and now everyone can see it");
}

#[test]
fn h1_the_net_ends_a_sleep_on_an_owner_whose_mark_is_missing() {
    let stage = Stage::new();
    let mut owner = stage.role("execs", &[]);
    let id = owner.says_owner();
    let name = format!("/proc/{}/comm", owner.pid());
    until(|| std::fs::read_to_string(&name).is_ok_and(|name| name.trim() == "sleep"));
    let kernel_told = !stage.domain.is_alive(id);
    stage.domain.set_net(Net::Spread);
    let waited = stage.domain.wait(&AtomicU32::new(0), 0, &[id], Deadline::NEVER);
    assert_eq!(waited, Wait::OwnerDied);
    assert_eq!(stage.domain.net_rescues(), u64::from(!kernel_told), "counted where the net was needed");
}

#[test]
fn h2_watchers_that_are_killed_with_the_owner_leave_no_other_asleep() {
    let stage = Stage::new();
    for round in 0..12_u64 {
        let mut owner = stage.role("owner", &[]);
        let id = owner.says_owner().to_bits().to_string();
        let mut watchers: Vec<_> = (0..3).map(|_| stage.role("watcher", &[("OWNER", &id)])).collect();
        for watcher in &mut watchers {
            let tid = watcher.says("watching").parse().unwrap();
            until_asleep(watcher.pid(), tid);
        }
        owner.kill();
        // From at once to about when the kernel's wake comes.
        let until_ns = clock::now_ns() + round * 15_000;
        until(|| clock::now_ns() >= until_ns);
        watchers[0].kill();
        for watcher in &mut watchers[1..] {
            assert!(watcher.says("woke").starts_with("OwnerDied"));
        }
    }
    stage.nothing_was_rescued();
}

#[test]
fn h4_a_kill_at_any_step_of_attaching_leaves_a_slot_that_the_next_one_takes() {
    let stage = Stage::new();
    for point in ["attach.announced", "attach.claimed", "attach.linked", "attach.published"] {
        let mut dying = stage.role("dies-at", &[("POINT", point)]);
        dying.until_ended();
        assert_eq!(stage.domain.owners().len(), 0, "{point}: a dead occupant counts as alive");
        let mut next = stage.role("owner", &[("AS_THREAD", "1")]);
        let id = next.says_owner();
        assert_eq!(id.slot(), 0, "{point}: the slot leaked");
        next.kill();
        next.until_ended();
    }
    let mut unharmed = stage.role("dies-at", &[("POINT", "none")]);
    unharmed.says("survived");
}

#[test]
fn h5_a_thread_ends_and_its_process_is_still_an_owner() {
    let stage = Stage::new();
    let domain = stage.domain;
    let (thread, process) =
        std::thread::spawn(|| (domain.thread_owner().unwrap(), domain.process_owner().unwrap()))
            .join()
            .unwrap();
    assert_eq!(domain.wait(&AtomicU32::new(0), 0, &[thread], Deadline::NEVER), Wait::OwnerDied);
    assert!(domain.is_alive(process) && domain.confirm_alive(process));
    assert_eq!(domain.process_owner().unwrap(), process);
    let identity = domain.identity(process).unwrap();
    assert_eq!(identity.pid, std::process::id());
    assert_eq!(identity.kind, crosstie::ledger::OwnerKind::Process);
}

#[test]
fn where_waitv_is_forbidden_a_death_is_seen_within_a_slice() {
    let stage = Stage::new();
    let mut owner = stage.role("owner", &[]);
    let id = owner.says_owner().to_bits().to_string();
    let mut watcher = stage.role("watcher", &[("OWNER", &id), ("FORBID_WAITV", "1")]);
    let tid = watcher.says("watching").parse().unwrap();
    until_asleep(watcher.pid(), tid);
    owner.kill();
    let woke = watcher.says("woke");
    assert!(woke.starts_with("OwnerDied") && woke.ends_with("false"), "{woke}");
    stage.nothing_was_rescued();
}
