//! Where `futex_waitv` is forbidden (a seccomp filter) or missing everything still works, in slices.
#![expect(unsafe_code, reason = "installs the filter")]

use std::path::Path;

use crosstie::Deadline;
use crosstie::channel::ring::{RingOptions, RingReceiver, RingSender, WaitMode};
use crosstie::contract::{RecvError, SendError};
use crosstie::ledger::Net;
use crosstie::os::{futex, process};

use crate::judge::{Actor, Folder, Watchdog, domain};

/// Messages of `LENGTH` that fit the ring at once, and that the receiver takes before it is killed.
const FIT: usize = 16;
const TAKEN: usize = 8;
const LENGTH: usize = 4000;

fn options() -> RingOptions {
    RingOptions { capacity_bytes: Some(64 << 10), wait: WaitMode::Block, ..RingOptions::default() }
}

#[test]
fn a_receiver_in_slices_gets_what_is_sent_and_is_told_the_senders_death() {
    let (folder, _watchdog) = (Folder::new(), Watchdog::new());
    let mut receiver = Actor::start("receives in slices", &folder);
    let tid = receiver.heard("ready ");
    receiver.until_asleep(&tid);
    let mut sender = Actor::start("sends one and holds", &folder);
    sender.heard("sent");
    assert_eq!(receiver.heard("got "), "hello");
    receiver.until_asleep(&tid);
    sender.kill();
    assert_eq!(receiver.heard("told "), "PeerDied");
}

#[test]
fn a_sender_in_slices_goes_on_when_there_is_room_and_is_told_the_receivers_death() {
    let (folder, _watchdog) = (Folder::new(), Watchdog::new());
    let mut receiver = Actor::start("receives some and holds", &folder);
    receiver.heard("ready");
    let mut sender = Actor::start("sends in slices", &folder);
    let tid = sender.heard("ready ");
    sender.until_asleep(&tid);
    receiver.tell();
    receiver.heard("taken");
    sender.heard(&format!("sent {}", FIT + TAKEN));
    sender.until_asleep(&tid);
    receiver.kill();
    assert_eq!(sender.heard("told "), "PeerDied");
}

fn read_line() {
    std::io::stdin().read_line(&mut String::new()).unwrap();
}

pub fn receives(folder: &Path) {
    forbid_waitv(libc::EPERM);
    domain(folder).set_net(Net::Absent);
    let mut rx = RingReceiver::open(domain(folder), "r", &options()).unwrap();
    println!("ready {}", process::tid());
    let first = rx.recv(Deadline::NEVER).unwrap().to_vec();
    println!("got {}", String::from_utf8(first).unwrap());
    assert!(!futex::has_waitv(), "the filter is not there");
    match rx.recv(Deadline::NEVER) {
        Err(RecvError::PeerDied) => println!("told PeerDied"),
        Err(error) => println!("told {error}"),
        Ok(_) => println!("told nothing"),
    }
}

pub fn sends(folder: &Path) {
    forbid_waitv(libc::ENOSYS);
    domain(folder).set_net(Net::Absent);
    let mut tx = RingSender::open(domain(folder), "r", &options()).unwrap();
    println!("ready {}", process::tid());
    for sent in 1.. {
        match tx.send(&[7; LENGTH], Deadline::NEVER) {
            Ok(()) => println!("sent {sent}"),
            Err(SendError::PeerDied) => return println!("told PeerDied"),
            Err(error) => return println!("told {error}"),
        }
    }
}

pub fn sends_one_and_holds(folder: &Path) {
    let mut tx = RingSender::open(domain(folder), "r", &options()).unwrap();
    tx.send(b"hello", Deadline::NEVER).unwrap();
    println!("sent");
    read_line();
}

pub fn receives_some_and_holds(folder: &Path) {
    let mut rx = RingReceiver::open(domain(folder), "r", &options()).unwrap();
    println!("ready");
    read_line();
    for _ in 0..TAKEN {
        assert_eq!(rx.recv(Deadline::NEVER).unwrap().len(), LENGTH);
    }
    println!("taken");
    read_line();
}

/// From now on `futex_waitv` answers `errno` in this thread and those that it starts.
fn forbid_waitv(errno: i32) {
    const LOAD_NUMBER: u16 = 0x20;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    let waitv = u32::try_from(libc::SYS_futex_waitv).unwrap();
    let step = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    let mut steps = [
        step(LOAD_NUMBER, 0, 0, 0),
        step(JUMP_IF_EQUAL, 0, 1, waitv),
        step(RETURN, 0, 0, libc::SECCOMP_RET_ERRNO | errno.unsigned_abs()),
        step(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: 4, filter: steps.as_mut_ptr() };
    // SAFETY: a flag of this thread.
    let granted = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    assert_eq!(granted, 0);
    // SAFETY: the program and its steps live until the call returns.
    let set = unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) };
    assert_eq!(set, 0, "{}", std::io::Error::last_os_error());
}
