//! The ring between real processes: what arrives, who is told what, and what a death leaves.
//!
//! A child is this same test binary, asked by the environment to play one role.

#[path = "ring/statistics.rs"]
mod statistics;
#[path = "ring/turns.rs"]
mod turns;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use crosstie::channel::ring::{RingOptions, RingReceiver, RingSender, WaitMode};
use crosstie::contract::{RecvError, SendError};
use crosstie::ledger::Domain;
use crosstie::{Deadline, ErrorKind};

const ROLE: &str = "CROSSTIE_TEST_ROLE";
const DOMAIN: &str = "CROSSTIE_TEST_DOMAIN";

/// A domain of the test's own, gone with it.
struct TestDomain {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl TestDomain {
    fn new() -> Self {
        let folder = tempfile::tempdir_in("/dev/shm").unwrap();
        let path = folder.path().join("domain");
        Self { _folder: folder, path }
    }

    fn open(&self) -> &'static Domain {
        Domain::open(&self.path).unwrap()
    }

    fn child(&self, role: &str) -> Role {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_process", "--nocapture", "--test-threads=1"])
            .env(ROLE, role)
            .env(DOMAIN, &self.path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Role { child }
    }
}

/// A child that plays a role; killed with the test.
struct Role {
    child: Child,
}

impl Role {
    /// Waits until the child says that it is ready; the answer keeps its output open.
    fn ready(&mut self) -> BufReader<ChildStdout> {
        let mut lines = BufReader::new(self.child.stdout.take().unwrap());
        let mut line = String::new();
        while lines.read_line(&mut line).unwrap() > 0 {
            if line.trim_end().ends_with("ready") {
                return lines;
            }
            line.clear();
        }
        panic!("the child ended without being ready");
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn options() -> RingOptions {
    RingOptions { capacity_bytes: Some(64 << 10), ..RingOptions::default() }
}

fn blocking() -> RingOptions {
    RingOptions { wait: WaitMode::Block, ..options() }
}

/// Not a test of its own: plays the role that the parent asks for.
#[test]
fn child_process() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let domain = Domain::open(Path::new(&std::env::var(DOMAIN).unwrap())).unwrap();
    let hold = || {
        println!("ready");
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).unwrap();
    };
    match role.as_str() {
        "hold-first-message" => {
            let mut receiver = RingReceiver::open(domain, "r", &options()).unwrap();
            let _message = receiver.recv(Deadline::NEVER).unwrap();
            hold();
        }
        "send-three" => {
            let mut sender = send_three(domain);
            let mut loan = sender.reserve(1000, Deadline::NEVER).unwrap();
            loan.write_at(0, &[0xEE; 1000]);
            hold();
        }
        "send-three-and-leave" => drop(send_three(domain)),
        "be-receiver" => {
            let _receiver = RingReceiver::open(domain, "r", &options()).unwrap();
            hold();
        }
        role if turns::play(role, domain, &hold) => {}
        other => panic!("no role {other}"),
    }
}

fn send_three(domain: &'static Domain) -> RingSender {
    let mut sender = RingSender::open(domain, "r", &options()).unwrap();
    for n in 0..3u8 {
        sender.send(&[n; 100], Deadline::NEVER).unwrap();
    }
    sender
}

/// Waits until a thread of this process sleeps in `futex_waitv` (system call 449).
fn wait_until_a_thread_sleeps() {
    loop {
        for task in std::fs::read_dir("/proc/self/task").unwrap().flatten() {
            let call = std::fs::read_to_string(task.path().join("syscall")).unwrap_or_default();
            if call.starts_with("449 ") {
                return;
            }
        }
        std::thread::yield_now();
    }
}

#[test]
fn what_is_sent_waits_in_the_ring_for_a_receiver_that_comes_later() {
    let domain = TestDomain::new();
    let mut sender = RingSender::open(domain.open(), "r", &options()).unwrap();
    for n in 0..100u32 {
        sender.send(&n.to_le_bytes(), Deadline::NOW).unwrap();
    }
    sender.send(b"", Deadline::NOW).unwrap();
    drop(sender);
    let mut receiver = RingReceiver::open(domain.open(), "r", &options()).unwrap();
    for n in 0..100u32 {
        assert_eq!(receiver.recv(Deadline::NOW).unwrap().to_vec(), n.to_le_bytes());
    }
    assert!(receiver.recv(Deadline::NOW).unwrap().is_empty());
    assert!(matches!(receiver.recv(Deadline::NOW), Err(RecvError::Closed)));
}

#[test]
fn an_end_is_told_once_and_the_next_receiver_waits_for_a_new_sender() {
    let domain = TestDomain::new();
    drop(RingSender::open(domain.open(), "r", &options()).unwrap());
    let mut receiver = RingReceiver::open(domain.open(), "r", &options()).unwrap();
    assert!(matches!(receiver.recv(Deadline::NOW), Err(RecvError::Empty)));
    let mut sender = RingSender::open(domain.open(), "r", &options()).unwrap();
    sender.send(b"again", Deadline::NOW).unwrap();
    sender.close();
    assert!(matches!(sender.send(b"late", Deadline::NOW), Err(SendError::Closed)));
    assert_eq!(receiver.recv(Deadline::NOW).unwrap().to_vec(), b"again");
    assert!(matches!(receiver.recv(Deadline::NOW), Err(RecvError::Closed)));
    assert!(matches!(receiver.recv(Deadline::NOW), Err(RecvError::Empty)));
}

#[test]
fn an_end_stays_behind_messages_that_are_not_acknowledged() {
    let domain = TestDomain::new();
    let domain = domain.open();
    drop(send_three(domain));
    let hold_all = || {
        let mut rx = RingReceiver::open(domain, "r", &options()).unwrap();
        while rx.recv_held(Deadline::NOW).is_ok() {}
        assert!(matches!(rx.recv_held(Deadline::NOW), Err(RecvError::Closed)));
        rx
    };
    drop(hold_all());
    let mut rx = hold_all();
    rx.acknowledge();
    assert!(matches!(rx.recv(Deadline::NOW), Err(RecvError::Empty)), "told once to who acknowledged");
}

#[test]
fn a_second_end_is_refused_and_told_who_has_it() {
    let domain = TestDomain::new();
    let mut child = domain.child("be-receiver");
    let _output = child.ready();
    let refused = RingReceiver::open(domain.open(), "r", &options()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Busy);
    assert!(refused.to_string().contains(&child.child.id().to_string()), "{refused}");
    child.kill();
    RingReceiver::open(domain.open(), "r", &options()).unwrap();
}

#[test]
fn a_message_that_a_killed_receiver_held_comes_again_and_says_so() {
    let domain = TestDomain::new();
    let mut sender = RingSender::open(domain.open(), "r", &options()).unwrap();
    sender.send(b"first", Deadline::NOW).unwrap();
    sender.send(b"second", Deadline::NOW).unwrap();
    let mut child = domain.child("hold-first-message");
    let _output = child.ready();
    child.kill();
    let mut receiver = RingReceiver::open(domain.open(), "r", &options()).unwrap();
    let first = receiver.recv(Deadline::NOW).unwrap();
    assert_eq!(first.to_vec(), b"first");
    assert!(first.is_redelivered());
    drop(first);
    let second = receiver.recv(Deadline::NOW).unwrap();
    assert_eq!(second.to_vec(), b"second");
    assert!(!second.is_redelivered());
}

#[test]
fn a_sleeping_receiver_is_woken_by_the_senders_death_after_all_whole_messages() {
    let domain = TestDomain::new();
    let mut child = domain.child("send-three");
    let _output = child.ready();
    let mut receiver = RingReceiver::open(domain.open(), "r", &blocking()).unwrap();
    for n in 0..3u8 {
        assert_eq!(receiver.recv(Deadline::NEVER).unwrap().to_vec(), [n; 100]);
    }
    assert!(matches!(receiver.recv(Deadline::NOW), Err(RecvError::Empty)));
    let killer = std::thread::spawn(move || {
        wait_until_a_thread_sleeps();
        child.kill();
    });
    assert!(matches!(receiver.recv(Deadline::NEVER), Err(RecvError::PeerDied)));
    killer.join().unwrap();
}

#[test]
fn a_sleeping_sender_is_woken_by_the_receivers_death_and_told_once() {
    let domain = TestDomain::new();
    let mut child = domain.child("be-receiver");
    let _output = child.ready();
    let mut sender = RingSender::open(domain.open(), "r", &blocking()).unwrap();
    while sender.send(&[7; 5000], Deadline::NOW).is_ok() {}
    let killer = std::thread::spawn(move || {
        wait_until_a_thread_sleeps();
        child.kill();
    });
    assert!(matches!(sender.send(&[7; 5000], Deadline::NEVER), Err(SendError::PeerDied)));
    killer.join().unwrap();
    assert!(matches!(sender.send(&[7; 5000], Deadline::NOW), Err(SendError::Full)));
}

#[test]
fn a_new_sender_goes_on_behind_the_last_message_that_a_killed_one_committed() {
    let domain = TestDomain::new();
    let mut child = domain.child("send-three");
    let _output = child.ready();
    child.kill();
    let mut sender = RingSender::open(domain.open(), "r", &options()).unwrap();
    sender.send(b"fourth", Deadline::NOW).unwrap();
    drop(sender);
    let mut receiver = RingReceiver::open(domain.open(), "r", &options()).unwrap();
    for n in 0..3u8 {
        assert_eq!(receiver.recv(Deadline::NOW).unwrap().to_vec(), [n; 100]);
    }
    assert_eq!(receiver.recv(Deadline::NOW).unwrap().to_vec(), b"fourth");
    assert!(matches!(receiver.recv(Deadline::NOW), Err(RecvError::PeerDied)), "one of the senders died");
}

#[test]
fn a_clean_end_is_not_a_death() {
    let domain = TestDomain::new();
    let mut receiver = RingReceiver::open(domain.open(), "r", &blocking()).unwrap();
    let mut child = domain.child("send-three-and-leave");
    for n in 0..3u8 {
        assert_eq!(receiver.recv(Deadline::NEVER).unwrap().to_vec(), [n; 100]);
    }
    assert!(matches!(receiver.recv(Deadline::NEVER), Err(RecvError::Closed)));
    child.child.wait().unwrap();
}

#[test]
fn another_capacity_is_refused_and_both_are_named() {
    let domain = TestDomain::new();
    let _sender = RingSender::open(domain.open(), "r", &options()).unwrap();
    let other = RingOptions { capacity_bytes: Some(128 << 10), ..RingOptions::default() };
    let refused = RingReceiver::open(domain.open(), "r", &other).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Mismatch);
    let text = refused.to_string();
    assert!(text.contains("65536") && text.contains("131072"), "{text}");
}

#[test]
fn a_message_above_the_limit_is_refused_and_the_longest_fits_exactly() {
    let domain = TestDomain::new();
    let mut sender = RingSender::open(domain.open(), "r", &options()).unwrap();
    let length = (64 << 10) - 8;
    sender.send(&vec![1; length], Deadline::NOW).unwrap();
    let refused = sender.send(&vec![1; length + 1], Deadline::NOW).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::TooLarge);
    let mut receiver = RingReceiver::open(domain.open(), "r", &options()).unwrap();
    assert_eq!(receiver.recv(Deadline::NOW).unwrap().len(), length);
}

#[test]
fn a_loan_is_written_in_place_and_a_dropped_loan_was_never_sent() {
    let domain = TestDomain::new();
    let mut sender = RingSender::open(domain.open(), "r", &options()).unwrap();
    let mut dropped = sender.reserve(500, Deadline::NOW).unwrap();
    dropped.write_at(0, &[9; 500]);
    drop(dropped);
    let mut loan = sender.reserve(500, Deadline::NOW).unwrap();
    loan.write_at(0, b"head");
    loan.write_at(4, &[5; 496]);
    loan.commit_prefix(10);
    let mut receiver = RingReceiver::open(domain.open(), "r", &options()).unwrap();
    assert_eq!(receiver.recv(Deadline::NOW).unwrap().to_vec(), b"head\x05\x05\x05\x05\x05\x05");
    assert!(matches!(receiver.recv(Deadline::NOW), Err(RecvError::Empty)));
}

#[test]
fn a_receiver_that_panics_over_a_message_gets_it_again() {
    let domain = TestDomain::new();
    let mut sender = RingSender::open(domain.open(), "r", &options()).unwrap();
    sender.send(b"poison", Deadline::NOW).unwrap();
    let ledger = domain.open();
    let panicked = std::thread::spawn(move || {
        let mut receiver = RingReceiver::open(ledger, "r", &options()).unwrap();
        let _message = receiver.recv(Deadline::NOW).unwrap();
        panic!("on purpose");
    })
    .join();
    assert!(panicked.is_err());
    let mut receiver = RingReceiver::open(domain.open(), "r", &options()).unwrap();
    assert_eq!(receiver.recv(Deadline::NOW).unwrap().to_vec(), b"poison");
}

#[test]
fn h6_a_fork_child_that_drops_inherited_ends_ends_nothing() {
    let domain = TestDomain::new();
    let mut sender = RingSender::open(domain.open(), "r", &options()).unwrap();
    let mut receiver = RingReceiver::open(domain.open(), "r", &options()).unwrap();
    sender.send(b"held over the fork", Deadline::NOW).unwrap();
    let message = receiver.recv(Deadline::NOW).unwrap();
    // SAFETY: the child only drops what it inherited, which takes no lock, and ends by _exit.
    let child = unsafe { libc::fork() };
    if child == 0 {
        drop(message);
        let sent = sender.send(b"by the child", Deadline::NOW);
        let refused = matches!(sent, Err(SendError::Failed(error)) if error.kind() == ErrorKind::Unsupported);
        drop((sender, receiver));
        // SAFETY: ends the child without running the harness's destructors.
        unsafe { libc::_exit(if refused { 0 } else { 1 }) };
    }
    let mut status = -1;
    // SAFETY: waits for the child made above; `status` outlives the call.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert_eq!(status, 0, "the child's send was not refused");
    assert_eq!(message.to_vec(), b"held over the fork");
    drop(message);
    assert_eq!(RingSender::open(domain.open(), "r", &options()).unwrap_err().kind(), ErrorKind::Busy);
    assert!(matches!(receiver.recv(Deadline::NOW), Err(RecvError::Empty)), "the child ended the sender");
    sender.send(b"by the parent", Deadline::NOW).unwrap();
    assert_eq!(receiver.recv(Deadline::NOW).unwrap().to_vec(), b"by the parent");
}

#[test]
fn runs_of_one_length_broken_off_loans_and_forged_words_never_make_a_message() {
    let domain = TestDomain::new();
    let small = RingOptions { capacity_bytes: Some(4096), ..RingOptions::default() };
    let mut sender = RingSender::open(domain.open(), "r", &small).unwrap();
    let mut receiver = RingReceiver::open(domain.open(), "r", &small).unwrap();
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next_random = |below: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % below
    };
    let mut position = 0;
    for _ in 0..600 {
        let length = [8, 56, 64, 130, 248, 500][usize::try_from(next_random(6)).unwrap()];
        for _ in 0..next_random(80) {
            // Words that would commit 8 bytes at any cell of this lap or of the next.
            let lap = position / 4096 + 1 + next_random(2);
            let forged: Vec<u8> =
                std::iter::repeat_n(((lap << 32) | 8).to_le_bytes(), 128).flatten().collect();
            if next_random(8) == 0 {
                let mut dropped = sender.reserve(1000, Deadline::NOW).unwrap();
                dropped.write_at(0, &forged[..1000]);
            }
            sender.send(&forged[..length], Deadline::NOW).unwrap();
            position += (length as u64 + 8).next_multiple_of(64);
            assert_eq!(receiver.recv(Deadline::NOW).unwrap().to_vec(), forged[..length]);
            assert!(matches!(receiver.recv(Deadline::NOW), Err(RecvError::Empty)), "a forged message");
        }
    }
}

#[test]
fn every_length_and_forged_contents_arrive_through_many_laps() {
    let domain = TestDomain::new();
    let ledger = domain.open();
    let small = RingOptions { capacity_bytes: Some(4096), ..RingOptions::default() };
    // Contents that look like the commit words of many laps.
    let message =
        |n: u64| -> Vec<u8> { (0..n % 500).flat_map(|lap| ((lap << 32) | 8).to_le_bytes()).collect() };
    let sending = small.clone();
    let sender = std::thread::spawn(move || {
        let mut sender = RingSender::open(ledger, "r", &sending).unwrap();
        for n in 0..20_000 {
            sender.send(&message(n), Deadline::NEVER).unwrap();
        }
    });
    let mut receiver = RingReceiver::open(ledger, "r", &small).unwrap();
    let mut got = Vec::new();
    for n in 0..20_000 {
        receiver.recv(Deadline::NEVER).unwrap().copy_into(&mut got);
        assert_eq!(got, message(n), "message {n}");
    }
    assert!(matches!(receiver.recv(Deadline::NEVER), Err(RecvError::Closed)));
    sender.join().unwrap();
}
