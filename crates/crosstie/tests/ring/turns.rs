//! Senders that take turns.

use std::time::Duration;

use crosstie::channel::ring::{RingOptions, RingReceiver, RingSender};
use crosstie::contract::RecvError;
use crosstie::endpoint::{Options, Receiver, Sender, Senders};
use crosstie::inspect::{Snapshot, SnapshotWait};
use crosstie::ledger::{Domain, Net};
use crosstie::os::{clock, futex};
use crosstie::{Client, Deadline, ErrorKind, Server};
use rustix::process::{Pid, Signal, kill_process};

use super::{Role, TestDomain, blocking};

/// Plays `role`, if it is one of these.
pub fn play(role: &str, domain: &'static Domain, hold: &impl Fn()) -> bool {
    // A wake-up that is lost here is not found again.
    domain.set_net(Net::Absent);
    match role {
        "send-in-turns" => {
            println!("ready");
            for _ in 0..TURNS {
                send_in_turn(domain);
            }
        }
        "wait-for-a-turn" => {
            println!("ready");
            send_in_turn(domain);
            hold();
        }
        "end-a-turn" => {
            println!("ready");
            let mut sender = RingSender::open_in_turn(domain, "r", &blocking(), Deadline::NEVER).unwrap();
            sender.send(&std::process::id().to_le_bytes(), Deadline::NEVER).unwrap();
            drop(sender);
            hold();
        }
        "give-its-turn-up" => {
            println!("ready");
            let other = RingOptions { capacity_bytes: Some(128 << 10), ..blocking() };
            let refused = RingSender::open_in_turn(domain, "r", &other, Deadline::NEVER);
            assert_eq!(refused.unwrap_err().kind(), ErrorKind::Mismatch);
            // Its end must not be what wakes anybody.
            hold();
        }
        "have-the-turn" => {
            let _sender = RingSender::open_in_turn(domain, "r", &blocking(), Deadline::NEVER).unwrap();
            hold();
        }
        _ => return false,
    }
    true
}

/// So many turns each sender takes, and so many messages it sends in one.
const TURNS: u32 = 40;
const MESSAGES_IN_TURN: u32 = 5;

/// Takes a turn, sends this process's id and a number some times, hands over.
fn send_in_turn(domain: &'static Domain) {
    let mut sender = RingSender::open_in_turn(domain, "r", &blocking(), Deadline::NEVER).unwrap();
    for n in 0..MESSAGES_IN_TURN {
        let message = [std::process::id().to_le_bytes(), n.to_le_bytes()].concat();
        sender.send(&message, Deadline::NEVER).unwrap();
    }
    sender.hand_over();
}

/// Nothing here takes that long.
fn soon() -> Deadline {
    clock::deadline_in(Duration::from_secs(30))
}

/// Waits until a thread of the process `pid` sleeps for what others do; the one that keeps its slot sleeps in another call.
fn until_it_sleeps(pid: u32) {
    let is_asleep = |task: std::io::Result<std::fs::DirEntry>| {
        let call = task.and_then(|task| std::fs::read_to_string(task.path().join("syscall")));
        call.is_ok_and(|call| call.starts_with("449 "))
    };
    // Where the kernel has no such call, there is none to be seen.
    while futex::has_waitv() && !std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().any(is_asleep) {
        std::thread::yield_now();
    }
}

/// Waits until every thread of the process `pid` is stopped: the first to see the signal stops the others, and one that sleeps could be woken before.
fn until_it_is_stopped(pid: u32) {
    let is_stopped = |task: std::io::Result<std::fs::DirEntry>| {
        let stat = std::fs::read_to_string(task.unwrap().path().join("stat")).unwrap();
        stat.rsplit(')').next().unwrap().trim_start().starts_with('T')
    };
    while !std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().all(is_stopped) {
        std::thread::yield_now();
    }
}

/// The next message of [`send_in_turn`]: whose, and its number in the turn.
fn in_turn(receiver: &mut RingReceiver) -> (u32, u32) {
    let message = receiver.recv(soon()).unwrap().to_vec();
    let half = |at: usize| u32::from_le_bytes(message[at..at + 4].try_into().unwrap());
    (half(0), half(4))
}

#[test]
fn senders_of_several_processes_take_turns_and_no_end_is_told_between_them() {
    let domain = TestDomain::new();
    let mut receiver = RingReceiver::open(domain.open(), "r", &blocking()).unwrap();
    let mut senders: Vec<_> = (0..3).map(|_| domain.child("send-in-turns")).collect();
    let mut turns = std::collections::HashMap::new();
    for _ in 0..TURNS * 3 {
        let (who, first) = in_turn(&mut receiver);
        assert_eq!(first, 0, "a turn began in another one");
        for n in 1..MESSAGES_IN_TURN {
            assert_eq!(in_turn(&mut receiver), (who, n), "a message of another in a turn");
        }
        *turns.entry(who).or_insert(0) += 1;
    }
    assert!(turns.len() == 3 && turns.values().all(|&count| count == TURNS), "{turns:?}");
    assert!(matches!(receiver.recv(Deadline::NOW), Err(RecvError::Empty)), "an end was told");
    for sender in &mut senders {
        assert!(sender.child.wait().unwrap().success());
    }
}

#[test]
fn who_waits_for_its_turn_gets_it_by_a_hand_over_an_end_and_a_death() {
    let domain = TestDomain::new();
    let ledger = domain.open();
    let mut receiver = RingReceiver::open(ledger, "r", &blocking()).unwrap();
    // Handed over: the receiver is told nothing.
    let first = RingSender::open_in_turn(ledger, "r", &blocking(), Deadline::NEVER).unwrap();
    let mut second = domain.child("wait-for-a-turn");
    let _ready = second.ready();
    let now = RingSender::open_in_turn(ledger, "r", &blocking(), Deadline::NOW);
    assert_eq!(now.unwrap_err().kind(), ErrorKind::TimedOut);
    first.hand_over();
    assert_eq!(in_turn(&mut receiver), (second.child.id(), 0));
    (1..MESSAGES_IN_TURN).for_each(|n| assert_eq!(in_turn(&mut receiver), (second.child.id(), n)));
    // One that came without waiting for a turn is waited for, and its end is told.
    let plain = loop {
        // The second has sent, and is about to hand over.
        match RingSender::open(ledger, "r", &blocking()) {
            Err(error) if error.kind() == ErrorKind::Busy => std::thread::yield_now(),
            opened => break opened.unwrap(),
        }
    };
    let mut third = domain.child("wait-for-a-turn");
    let _ready = third.ready();
    until_it_sleeps(third.child.id());
    drop(plain);
    // Told, unless the next had come before the receiver looked.
    let first = receiver.recv(soon()).map(|message| message.to_vec());
    assert!(matches!(first, Ok(_) | Err(RecvError::Closed)), "{first:?}");
    let told = match first {
        Ok(message) => (u32::from_le_bytes(message[..4].try_into().unwrap()), 0),
        Err(_) => in_turn(&mut receiver),
    };
    assert_eq!(told, (third.child.id(), 0));
    (1..MESSAGES_IN_TURN).for_each(|n| assert_eq!(in_turn(&mut receiver), (third.child.id(), n)));
    // A sender that is killed holds nobody up, and its death is told.
    let mut killed = domain.child("have-the-turn");
    let _ready = killed.ready();
    let mut fourth = domain.child("wait-for-a-turn");
    let _ready = fourth.ready();
    killed.kill();
    let mut has_died = false;
    let mut got = Vec::new();
    while got.len() < MESSAGES_IN_TURN as usize || !has_died {
        match receiver.recv(Deadline::NEVER) {
            Ok(message) => got.push(message.to_vec()),
            Err(RecvError::PeerDied) => has_died = true,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(got.iter().all(|message| message[..4] == fourth.child.id().to_le_bytes()));
}

/// A child that plays `role` and is stopped while it stands in line, and its output, without which it would end.
fn stopped_in_line(domain: &TestDomain, role: &str) -> (Role, impl Sized + use<>) {
    let mut next = domain.child(role);
    let output = next.ready();
    until_it_sleeps(next.child.id());
    signal(&next, Signal::STOP);
    until_it_is_stopped(next.child.id());
    (next, output)
}

fn signal(role: &Role, signal: Signal) {
    kill_process(Pid::from_child(&role.child), signal).unwrap();
}

/// What a receiver of its own thread is told next, behind `change`, which happens while it sleeps.
fn told_asleep(ledger: &'static Domain, mut receiver: RingReceiver, change: impl FnOnce()) -> RecvError {
    let deadline = soon();
    std::thread::scope(|scope| {
        let told = scope.spawn(move || receiver.recv(deadline).map(drop).unwrap_err());
        let is_asleep = || Snapshot::of(ledger).waits.iter().any(SnapshotWait::is_at_channel);
        while !is_asleep() && !told.is_finished() {
            std::thread::yield_now();
        }
        assert!(!told.is_finished(), "told before anything happened");
        change();
        let told = told.join().unwrap();
        assert!(!deadline.is_over(clock::now_ns()), "nobody woke it");
        told
    })
}

#[test]
fn the_end_of_those_who_take_turns_is_told_when_nobody_stands_in_line() {
    let domain = TestDomain::new();
    let ledger = domain.open();
    ledger.set_net(Net::Absent);
    let mut receiver = RingReceiver::open(ledger, "r", &blocking()).unwrap();
    let mut first = RingSender::open_in_turn(ledger, "r", &blocking(), Deadline::NEVER).unwrap();
    let mut second = domain.child("end-a-turn");
    let _ready = second.ready();
    until_it_sleeps(second.child.id());
    first.send(b"first", Deadline::NEVER).unwrap();
    drop(first);
    assert_eq!(receiver.recv(soon()).unwrap().to_vec(), b"first");
    assert_eq!(receiver.recv(soon()).unwrap().to_vec(), second.child.id().to_le_bytes());
    assert!(matches!(receiver.recv(soon()), Err(RecvError::Closed)));
    assert!(matches!(receiver.recv(Deadline::NOW), Err(RecvError::Empty)), "told twice");
}

#[test]
fn a_receiver_that_waits_for_the_next_in_line_is_told_the_end_when_that_one_is_killed() {
    let domain = TestDomain::new();
    let ledger = domain.open();
    ledger.set_net(Net::Absent);
    let mut receiver = RingReceiver::open(ledger, "r", &blocking()).unwrap();
    let first = RingSender::open_in_turn(ledger, "r", &blocking(), Deadline::NEVER).unwrap();
    let (mut next, _output) = stopped_in_line(&domain, "end-a-turn");
    drop(first);
    let told = receiver.recv(Deadline::NOW).map(|message| message.to_vec());
    assert!(matches!(told, Err(RecvError::Empty)), "{told:?} before the last in line");
    // Who comes only now waits for the next, too.
    drop(receiver);
    let receiver = RingReceiver::open(ledger, "r", &blocking()).unwrap();
    let told = told_asleep(ledger, receiver, || next.kill());
    assert!(matches!(told, RecvError::Closed), "{told}");
}

#[test]
fn a_receiver_that_waits_for_the_next_in_line_is_told_the_end_when_that_one_gives_up() {
    let domain = TestDomain::new();
    let ledger = domain.open();
    ledger.set_net(Net::Absent);
    let receiver = RingReceiver::open(ledger, "r", &blocking()).unwrap();
    let first = RingSender::open_in_turn(ledger, "r", &blocking(), Deadline::NEVER).unwrap();
    let (next, _output) = stopped_in_line(&domain, "give-its-turn-up");
    drop(first);
    let told = told_asleep(ledger, receiver, || signal(&next, Signal::CONT));
    assert!(matches!(told, RecvError::Closed), "{told}");
}

#[test]
fn an_address_is_enough_to_take_turns() {
    let domain = TestDomain::new();
    let turns = "ring:r?senders=turns";
    let options =
        |open_deadline| Options { domain: Some(domain.path.clone()), open_deadline, ..Options::default() };
    let open = |address, deadline| Sender::<str>::open_with(address, &options(deadline));
    let mut first = open(turns, Deadline::NEVER).unwrap();
    assert!(first.caps().has_many_senders);
    assert_eq!(open(turns, Deadline::NOW).unwrap_err().kind(), ErrorKind::TimedOut);
    assert_eq!(open("ring:r", Deadline::NEVER).unwrap_err().kind(), ErrorKind::Busy);
    first.send("one").unwrap();
    let mut receiver = Receiver::<str>::open_with(turns, &options(Deadline::NEVER)).unwrap();
    assert_eq!(receiver.caps(), first.caps());
    drop(first);
    let by_option = Options { senders: Senders::Turns, ..options(Deadline::NOW) };
    let second = Sender::<str>::open_with("ring:r", &by_option).unwrap();
    assert!(second.caps().has_many_senders);
    second.close().unwrap();
    assert_eq!(receiver.recv_until(soon()).unwrap(), "one");
    assert!(matches!(receiver.recv_until(soon()), Err(RecvError::Closed)));
    drop(receiver);
    let plain = open("ring:r", Deadline::NEVER).unwrap();
    assert!(!plain.caps().has_many_senders);
    // A call has to find who is there to take its reply.
    let any = options(Deadline::NOW);
    assert_eq!(Client::<str, str>::open_with(turns, &any).unwrap_err().kind(), ErrorKind::Usage);
    assert_eq!(Server::<str, str>::open_with(turns, &any).unwrap_err().kind(), ErrorKind::Usage);
}
