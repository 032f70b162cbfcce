//! What a ring says of what has happened in it.

use std::time::Duration;

use crosstie::Deadline;
use crosstie::channel::ring::{RingReceiver, RingSender, RingState};
use crosstie::contract::RecvError;
use crosstie::inspect::{Snapshot, SnapshotWait};
use crosstie::ledger::Domain;

use super::{TestDomain, blocking};

fn state(domain: &'static Domain) -> RingState {
    RingState::of(domain, "r").unwrap()
}

/// Does `change` while another thread sleeps in `wait`.
fn asleep<T: Send>(domain: &'static Domain, wait: impl FnOnce() -> T + Send, change: impl FnOnce()) -> T {
    std::thread::scope(|scope| {
        let waiting = scope.spawn(wait);
        let is_asleep = || Snapshot::of(domain).waits.iter().any(SnapshotWait::is_at_channel);
        while !is_asleep() && !waiting.is_finished() {
            std::thread::yield_now();
        }
        change();
        waiting.join().unwrap()
    })
}

#[test]
fn a_ring_counts_every_message_by_whichever_way_it_was_sent() {
    let domain = TestDomain::new();
    let ledger = domain.open();
    let mut sender = RingSender::open(ledger, "r", &blocking()).unwrap();
    assert_eq!((state(ledger).sent, state(ledger).sent_bytes), (0, 0));
    sender.send(&[1; 100], Deadline::NOW).unwrap();
    assert_eq!(sender.send_batch(&[b"ab", b"", b"cde"], Deadline::NOW).unwrap(), 3);
    sender.reserve(20, Deadline::NOW).unwrap().commit_prefix(7);
    drop(sender.reserve(20, Deadline::NOW).unwrap());
    assert_eq!((state(ledger).sent, state(ledger).sent_bytes), (5, 112));
    drop(sender);
    // The next sender goes on counting.
    RingSender::open(ledger, "r", &blocking()).unwrap().send(b"x", Deadline::NOW).unwrap();
    let found = state(ledger);
    assert_eq!((found.sent, found.sent_bytes), (6, 113));
    assert_eq!((found.sender_waits.count, found.sender_waits.deaths), (0, 0));
}

#[test]
fn a_ring_counts_who_slept_and_for_how_long() {
    let domain = TestDomain::new();
    let ledger = domain.open();
    let mut sender = RingSender::open(ledger, "r", &blocking()).unwrap();
    let mut receiver = RingReceiver::open(ledger, "r", &blocking()).unwrap();
    let got = asleep(
        ledger,
        || receiver.recv(Deadline::NEVER).unwrap().to_vec(),
        || sender.send(b"woken", Deadline::NOW).unwrap(),
    );
    assert_eq!(got, b"woken");
    let found = state(ledger);
    assert_eq!((found.receiver_waits.count, found.sender_waits.count), (1, 0));
    assert!(found.receiver_waits.longest > Duration::ZERO);
    while sender.send(&[0; 1000], Deadline::NOW).is_ok() {}
    asleep(
        ledger,
        || sender.send(&[0; 1000], Deadline::NEVER).unwrap(),
        || while receiver.recv(Deadline::NOW).is_ok() {},
    );
    let found = state(ledger);
    assert_eq!((found.receiver_waits.count, found.sender_waits.count), (1, 1));
    assert!(found.sender_waits.longest > Duration::ZERO);
}

#[test]
fn a_ring_counts_each_death_once() {
    let domain = TestDomain::new();
    let ledger = domain.open();
    let mut receiver = RingReceiver::open(ledger, "r", &blocking()).unwrap();
    // One that is told by the other end, one that is replaced by a successor.
    for told in [true, false] {
        let mut killed = domain.child("send-three");
        let _ready = killed.ready();
        killed.kill();
        (0..3).for_each(|_| drop(receiver.recv(Deadline::NEVER).unwrap()));
        if told {
            assert!(matches!(receiver.recv(Deadline::NEVER), Err(RecvError::PeerDied)));
        }
    }
    drop(RingSender::open(ledger, "r", &blocking()).unwrap());
    assert!(matches!(receiver.recv(Deadline::NEVER), Err(RecvError::PeerDied)), "still to be told");
    assert_eq!((state(ledger).sent, state(ledger).sender_waits.deaths), (6, 2));
    drop(receiver);
    let mut killed = domain.child("be-receiver");
    let _ready = killed.ready();
    killed.kill();
    assert_eq!(state(ledger).receiver_waits.deaths, 0, "nobody has seen it");
    let _successor = RingReceiver::open(ledger, "r", &blocking()).unwrap();
    assert_eq!(state(ledger).receiver_waits.deaths, 1);
}
