//! H6–H8: slots are found again, reused, and counted.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::sync::Barrier;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use crosstie::ledger::Wait;
use crosstie::ledger::attach::PROCESS_SLOTS_MAX;
use crosstie::os::{clock, process};
use crosstie::{Deadline, ErrorKind, OwnerId};
use crosstie_core::layout::ledger::{BACKED_OFFSET, SLOTS, SLOTS_OFFSET};
use crosstie_core::word::slot::SLOT_BYTES;

use super::stage::{Stage, Watchdog, median_us};

#[test]
fn a_thread_has_one_slot_however_often_it_asks() {
    let stage = Stage::new();
    let me = stage.domain.thread_owner().unwrap();
    assert_eq!(stage.domain.thread_owner().unwrap(), me);
    let domain = stage.domain;
    let other = std::thread::spawn(|| domain.thread_owner().unwrap()).join().unwrap();
    assert_ne!(other, me);
}

#[test]
fn h6_a_slot_that_this_copy_forgot_is_found_again() {
    let stages: Vec<_> = (0..6).map(|_| Stage::new()).collect();
    let ids: Vec<_> = stages.iter().map(|stage| stage.domain.thread_owner().unwrap()).collect();
    let again: Vec<_> = stages.iter().map(|stage| stage.domain.thread_owner().unwrap()).collect();
    assert_eq!(ids, again, "as a second copy of the library would find it");
    assert!(stages.iter().all(|stage| stage.domain.owners().len() == 1));
}

#[test]
fn h7_two_thousand_occupants_of_a_slot_are_never_taken_for_each_other() {
    let stage = Stage::new();
    let domain = stage.domain;
    let mut ids: Vec<OwnerId> = Vec::new();
    let mut attach_ns = Vec::new();
    for _ in 0..2000 {
        let (id, took_ns) = std::thread::spawn(|| {
            let before = clock::now_ns();
            (domain.thread_owner().unwrap(), clock::now_ns() - before)
        })
        .join()
        .unwrap();
        assert_eq!(domain.wait(&AtomicU32::new(0), 0, &[id], Deadline::NEVER), Wait::OwnerDied);
        ids.push(id);
        attach_ns.push(took_ns);
    }
    println!("attach: p50 {:.0} µs of 2000 (machine disturbed)", median_us(attach_ns));
    assert!(ids.iter().all(|id| id.slot() == 0 && !domain.is_alive(*id)), "one slot, all dead");
    assert!(ids.windows(2).all(|pair| pair[0].generation() < pair[1].generation()));
    let known = ids.iter().filter(|&&id| domain.identity(id).is_some_and(|who| who.id == id)).count();
    assert_eq!(known, 257, "the last one in its slot, and 256 obituaries");
    stage.nothing_was_rescued();
}

/// Writes a ledger in which every slot but the first has a living occupant.
fn fill(stage: &Stage) {
    let ledger = OpenOptions::new().write(true).open(stage.path().join("ledger")).unwrap();
    let occupied = (1_u64 << 32) | u64::from(process::tid());
    for slot in 1..u64::from(SLOTS) {
        let at = SLOTS_OFFSET as u64 + slot * SLOT_BYTES as u64;
        ledger.write_all_at(&occupied.to_le_bytes(), at).unwrap();
    }
    ledger.write_all_at(&SLOTS.to_le_bytes(), BACKED_OFFSET as u64).unwrap();
}

#[test]
fn h8_a_full_ledger_says_how_many_and_whose() {
    let stage = Stage::new();
    let domain = stage.domain;
    let me = domain.thread_owner().unwrap();
    assert_eq!(me.slot(), 0);
    fill(&stage);
    let refused = std::thread::spawn(|| domain.thread_owner()).join().unwrap().unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NoSpace);
    let text = refused.to_string();
    assert!(text.contains("4096 of its 4096") && text.contains("1 of at most 1024"), "{text}");
    assert_eq!(domain.thread_owner().unwrap(), me, "who is in stays in");
}

#[test]
fn h8_a_process_has_no_more_than_its_share() {
    let stage = Stage::new();
    let domain = stage.domain;
    let _longer = Watchdog::of(Duration::from_secs(60));
    let share = usize::try_from(PROCESS_SLOTS_MAX).unwrap();
    let (all_in, go_home) = (Barrier::new(share + 1), Barrier::new(share + 1));
    std::thread::scope(|scope| {
        for _ in 0..share {
            let small = std::thread::Builder::new().stack_size(64 << 10);
            small
                .spawn_scoped(scope, || {
                    let attached = domain.thread_owner();
                    all_in.wait();
                    go_home.wait();
                    attached.unwrap();
                })
                .unwrap();
        }
        all_in.wait();
        let refused = domain.thread_owner();
        go_home.wait();
        let text = refused.unwrap_err().to_string();
        assert!(text.contains("1024 of at most 1024"), "{text}");
    });
    domain.thread_owner().expect("the ended threads' slots count no more");
}
