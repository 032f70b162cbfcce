//! A ledger in a /dev/shm that fills up later: whatever is touched then for the first time is an
//! answer or `NoSpace`, never SIGBUS, which would end the process without a word.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::process::Command;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Barrier};
use std::thread;

use crosstie::channel::ring::{RingOptions, RingSender};
use crosstie::ledger::{Domain, Wait};
use crosstie::os::clock;
use crosstie::{Deadline, Error, ErrorKind, OwnerId, Result};
use crosstie_core::layout::ledger::{BACKED_OFFSET, SLOTS};

use super::roles::{domain, say};
use super::world::with_own_shm;

const FILLER: &str = "/dev/shm/filler";

/// Takes every page that is left.
fn fill() {
    fs::write(FILLER, vec![1; 64 << 20]).expect_err("it is smaller");
    fs::write("/dev/shm/more", [1]).expect_err("not a page is left");
}

/// Takes part as a thread of its own, which then ends.
fn attach(domain: &'static Domain) -> Result<OwnerId> {
    thread::spawn(|| domain.thread_owner()).join().expect("it answers")
}

fn assert_no_space<T>(answer: Result<T>) {
    let told: Error = answer.map(drop).expect_err("there is no room");
    assert_eq!(told.kind(), ErrorKind::NoSpace, "{told}");
    assert!(told.advice().contains("remount,size="), "{told}: {}", told.advice());
}

/// Reads all that can be read: counters, obituaries, and slots of any number, used or not.
fn read_all(domain: &'static Domain) {
    let _ = (domain.owners(), domain.net_rescues(), domain.has_name());
    for slot in (0..SLOTS).step_by(3).chain([SLOTS - 1]) {
        for generation in [0, 1] {
            let id = OwnerId::new(slot, generation);
            let _ = (domain.is_alive(id), domain.confirm_alive(id), domain.identity(id));
        }
    }
    let nobody = OwnerId::new(SLOTS - 1, 1);
    let waited = domain.wait(&AtomicU32::new(0), 0, &[nobody], Deadline::at_ns(clock::now_ns()));
    assert_eq!(waited, Wait::OwnerDied);
}

/// The role of another process that comes when all is full.
pub fn comes_late() {
    let domain = domain();
    read_all(domain);
    say("late", attach(domain).map_or_else(|error| format!("{:?}", error.kind()), |_| "Attached".to_owned()));
}

/// What a process that comes now is told.
fn late_comer() -> String {
    let own = std::env::current_exe().expect("this program");
    let out = Command::new(own)
        .args(["roles::play", "--exact", "--nocapture"])
        .env("CROSSTIE_TEST_ROLE", "comes-late")
        .output()
        .expect("it starts");
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(out.status.success(), "{}: {text}{}", out.status, String::from_utf8_lossy(&out.stderr));
    text.split("@late ")
        .nth(1)
        .and_then(|told| told.split_whitespace().next())
        .expect("it says so")
        .to_owned()
}

/// The role: takes part while /dev/shm fills up.
pub fn shm_full_later() {
    let domain = domain();
    // Nobody has taken part yet: no slot has its space.
    fill();
    read_all(domain);
    assert_no_space(attach(domain));
    assert_eq!(late_comer(), "NoSpace");
    // With room for a page, three take part and one of them dies.
    fs::remove_file(FILLER).expect("removed");
    let (here, done) = (Arc::new(Barrier::new(3)), Arc::new(Barrier::new(3)));
    let stay = |_| {
        let (here, done) = (here.clone(), done.clone());
        thread::spawn(move || {
            domain.thread_owner().expect("a place");
            here.wait();
            done.wait();
        })
    };
    let staying: Vec<_> = (0..2).map(stay).collect();
    here.wait();
    let dead = attach(domain).expect("a place");
    fill();
    read_all(domain);
    // The dead one's place is taken over and its obituary written; what is left of the page is taken.
    assert_eq!(late_comer(), "Attached");
    let keeper = domain.process_owner().expect("a place");
    assert!(domain.is_alive(keeper) && !domain.is_alive(dead));
    assert!(domain.identity(dead).is_some(), "it is remembered");
    assert_no_space(RingSender::open(domain, "jobs", &RingOptions::default()));
    let last = thread::spawn(move || {
        domain.thread_owner().expect("the last place of the page");
        assert_no_space(attach(domain));
        assert_eq!(late_comer(), "NoSpace");
    });
    last.join().expect("as told");
    // A peer says that every slot has its space.
    let ledger =
        OpenOptions::new().write(true).open(domain.directory().path().join("ledger")).expect("it is there");
    ledger.write_all_at(&SLOTS.to_le_bytes(), BACKED_OFFSET as u64).expect("written");
    read_all(domain);
    late_comer();
    done.wait();
    staying.into_iter().for_each(|thread| thread.join().expect("it stayed"));
    say("survived", "");
}

#[test]
fn a_dev_shm_that_fills_up_later_is_an_error_and_never_a_sigbus() {
    // Room for the ledger's header, the directory and some pages of slots.
    let Some(text) = with_own_shm("shm-full-later", "256k") else { return };
    assert!(text.contains("@survived"), "{text}");
}
