//! Who gets what, in which order, and how often.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crosstie::channel::queue::{QueueOptions, QueueReceiver, QueueSender, QueueState};
use crosstie::contract::RecvError;
use crosstie::{Deadline, ErrorKind};

use super::stage::{TestDomain, blocking};

#[test]
fn what_is_sent_waits_for_a_receiver_and_comes_in_order() {
    let domain = TestDomain::new();
    let mut sender = domain.sender();
    for n in 0..1000_u32 {
        sender.send(&n.to_le_bytes(), Deadline::NOW).unwrap();
    }
    sender.send(b"", Deadline::NOW).unwrap();
    drop(sender);
    let receiver = domain.receiver();
    for n in 0..1000_u32 {
        let job = receiver.recv(Deadline::NOW).unwrap();
        assert_eq!((job.to_vec(), job.deliveries()), (n.to_le_bytes().to_vec(), 1));
        job.done().unwrap();
    }
    let last = receiver.recv(Deadline::NOW).unwrap();
    assert!(last.is_empty());
    last.done().unwrap();
    assert!(matches!(receiver.recv(Deadline::NOW), Err(RecvError::Closed)));
}

#[test]
fn a_job_that_is_dropped_comes_again_says_so_and_goes_before_others() {
    let domain = TestDomain::new();
    let mut sender = domain.sender();
    sender.send(b"first", Deadline::NOW).unwrap();
    sender.send(b"second", Deadline::NOW).unwrap();
    let receiver = domain.receiver();
    drop(receiver.recv(Deadline::NOW).unwrap());
    let again = receiver.recv(Deadline::NOW).unwrap();
    assert_eq!((again.to_vec(), again.deliveries(), again.is_redelivered()), (b"first".to_vec(), 2, true));
    again.done().unwrap();
    let second = receiver.recv(Deadline::NOW).unwrap();
    assert_eq!((second.to_vec(), second.is_redelivered()), (b"second".to_vec(), false));
    second.done().unwrap();
    assert!(matches!(receiver.recv(Deadline::NOW), Err(RecvError::Empty)));
    assert_eq!(QueueState::of(domain.open(), "q").unwrap().redelivered, 1);
}

#[test]
fn a_job_that_fails_three_times_is_a_dead_letter_and_the_others_go_on() {
    let domain = TestDomain::new();
    let mut sender = domain.sender();
    sender.send(b"poison", Deadline::NOW).unwrap();
    sender.send(b"food", Deadline::NOW).unwrap();
    let receiver = domain.receiver();
    for delivery in 1..=3 {
        let job = receiver.recv(Deadline::NOW).unwrap();
        assert_eq!((job.to_vec(), job.deliveries()), (b"poison".to_vec(), delivery));
        job.fail().unwrap();
    }
    let food = receiver.recv(Deadline::NOW).unwrap();
    assert_eq!(food.to_vec(), b"food");
    food.done().unwrap();
    assert!(matches!(receiver.recv(Deadline::NOW), Err(RecvError::Empty)));
    let dead_letters = || QueueState::of(domain.open(), "q").unwrap().dead_letters;
    assert_eq!(dead_letters(), 1);
    let dead = receiver.recv_dead_letter().unwrap();
    assert_eq!((dead.to_vec(), dead.deliveries()), (b"poison".to_vec(), 3));
    drop(dead);
    assert_eq!(dead_letters(), 1, "looking at a dead letter removed it");
    receiver.recv_dead_letter().unwrap().done().unwrap();
    assert_eq!(dead_letters(), 0);
    assert!(matches!(receiver.recv_dead_letter(), Err(RecvError::Empty)));
}

#[test]
fn a_job_that_is_rejected_is_a_dead_letter_at_once_and_stays_one() {
    let domain = TestDomain::new();
    domain.sender().send(b"nonsense", Deadline::NOW).unwrap();
    let receiver = domain.receiver();
    receiver.recv(Deadline::NOW).unwrap().reject().unwrap();
    drop(receiver.recv_dead_letter().unwrap());
    assert!(matches!(receiver.recv(Deadline::NOW), Err(RecvError::Closed)), "a dead letter came again");
    assert_eq!(receiver.recv_dead_letter().unwrap().deliveries(), 3);
}

#[test]
fn jobs_are_shared_and_none_comes_twice() {
    const JOBS: usize = 20_000;
    let domain = TestDomain::new();
    let ledger = domain.open();
    let small = QueueOptions { places: Some(64), ..blocking() };
    let seen: Vec<AtomicUsize> = (0..JOBS).map(|_| AtomicUsize::new(0)).collect();
    // All are there before the first is sent, so that none is told an end too early.
    let receivers: Vec<_> = (0..3).map(|_| QueueReceiver::open(ledger, "q", &small).unwrap()).collect();
    let senders: Vec<_> = (0..2).map(|_| QueueSender::open(ledger, "q", &small).unwrap()).collect();
    std::thread::scope(|scope| {
        for (which, mut sender) in senders.into_iter().enumerate() {
            scope.spawn(move || {
                for n in (which..JOBS).step_by(2) {
                    sender.send(&n.to_le_bytes(), Deadline::NEVER).unwrap();
                }
            });
        }
        for receiver in receivers {
            let seen = &seen;
            scope.spawn(move || {
                loop {
                    match receiver.recv(Deadline::NEVER) {
                        Ok(job) => {
                            let mut number = [0; 8];
                            assert_eq!(job.copy_to(&mut number), 8);
                            assert!(!job.is_redelivered());
                            seen[usize::from_le_bytes(number)].fetch_add(1, Ordering::Relaxed);
                            job.done().unwrap();
                        }
                        Err(RecvError::Closed) => break,
                        Err(other) => panic!("{other:?}"),
                    }
                }
            });
        }
    });
    assert!(seen.iter().all(|count| count.load(Ordering::Relaxed) == 1));
    assert_eq!(ledger.net_rescues(), 0);
}

#[test]
fn every_length_arrives_whole_through_places_and_chunks_that_are_used_again() {
    let domain = TestDomain::new();
    let ledger = domain.open();
    let small = QueueOptions { places: Some(7), capacity_bytes: Some(16 << 10), ..QueueOptions::default() };
    let message = |n: usize| -> Vec<u8> {
        (0..n * 37 % 16_385).map(|at| u8::try_from((at * 7 + n) % 251).unwrap()).collect()
    };
    let mut sender = QueueSender::open(ledger, "q", &small).unwrap();
    let sending = std::thread::spawn(move || {
        for n in 0..1_000 {
            sender.send(&message(n), Deadline::NEVER).unwrap();
        }
    });
    let receiver = QueueReceiver::open(ledger, "q", &small).unwrap();
    let mut got = Vec::new();
    for n in 0..1_000 {
        let job = receiver.recv(Deadline::NEVER).unwrap();
        job.copy_into(&mut got);
        assert_eq!(got, message(n), "message {n}");
        job.done().unwrap();
    }
    sending.join().unwrap();
}

#[test]
fn a_slow_receiver_keeps_its_place_and_holds_nobody_up() {
    let domain = TestDomain::new();
    let small = QueueOptions { places: Some(4), ..QueueOptions::default() };
    let mut sender = domain.sender_with(&small);
    let slow = domain.receiver_with(&small);
    sender.send(b"slow", Deadline::NOW).unwrap();
    let held = slow.recv(Deadline::NOW).unwrap();
    let quick = domain.receiver_with(&small);
    for n in 0..1_000_u32 {
        sender.send(&n.to_le_bytes(), Deadline::NOW).unwrap();
        let job = quick.recv(Deadline::NOW).unwrap();
        assert_eq!(job.to_vec(), n.to_le_bytes());
        job.done().unwrap();
    }
    assert_eq!(held.to_vec(), b"slow");
    held.done().unwrap();
}

#[test]
fn a_receiver_that_has_stood_still_for_many_laps_catches_up() {
    let domain = TestDomain::new();
    let tiny = QueueOptions { places: Some(1), ..QueueOptions::default() };
    let mut sender = domain.sender_with(&tiny);
    let still = domain.receiver_with(&tiny);
    let busy = domain.receiver_with(&tiny);
    // More laps than a tag counts.
    for n in 0..200_000_u32 {
        sender.send(&n.to_le_bytes(), Deadline::NOW).unwrap();
        busy.recv(Deadline::NOW).unwrap().done().unwrap();
    }
    sender.send(b"for the other", Deadline::NOW).unwrap();
    assert_eq!(still.recv(Deadline::NOW).unwrap().to_vec(), b"for the other");
}

#[test]
fn jobs_that_are_held_are_done_together_or_come_again_together() {
    let domain = TestDomain::new();
    let mut sender = domain.sender();
    assert_eq!(sender.send_batch(&[b"a", b"b", b"c"], Deadline::NOW).unwrap(), 3);
    let receiver = domain.receiver();
    for _ in 0..3 {
        receiver.recv_held(Deadline::NOW).unwrap();
    }
    receiver.put_back();
    assert_eq!(receiver.acknowledge(), 0);
    let last = receiver.recv(Deadline::NOW).unwrap();
    assert_eq!((last.to_vec(), last.deliveries()), (b"c".to_vec(), 2));
    last.done().unwrap();
    assert!(matches!(receiver.recv(Deadline::NOW), Err(RecvError::Empty)));
}

#[test]
fn a_lease_that_ran_out_gives_the_job_to_another_and_the_late_done_fails() {
    let domain = TestDomain::new();
    // Over as soon as anybody looks.
    let leased = QueueOptions { lease: Some(Duration::from_nanos(1)), ..QueueOptions::default() };
    domain.sender_with(&leased).send(b"slow", Deadline::NOW).unwrap();
    let slow = domain.receiver_with(&leased);
    let late = slow.recv(Deadline::NOW).unwrap();
    let other = domain.receiver_with(&leased);
    let job = other.recv(Deadline::NEVER).unwrap();
    assert_eq!((job.to_vec(), job.deliveries()), (b"slow".to_vec(), 2));
    assert_eq!(late.done().unwrap_err().kind(), ErrorKind::Lost);
    job.done().unwrap();
    assert!(matches!(other.recv(Deadline::NOW), Err(RecvError::Closed)));
}

#[test]
fn a_receiver_sleeps_no_longer_than_anothers_lease() {
    let domain = TestDomain::new();
    let leased = QueueOptions { lease: Some(Duration::from_millis(20)), ..blocking() };
    let mut sender = domain.sender_with(&leased);
    sender.send(b"hangs", Deadline::NOW).unwrap();
    let hung = domain.receiver_with(&leased);
    let _never_done = hung.recv(Deadline::NOW).unwrap();
    let other = domain.receiver_with(&leased);
    assert_eq!(other.recv(Deadline::NEVER).unwrap().deliveries(), 2);
}

#[test]
fn a_receiver_that_panics_over_a_job_gives_it_back() {
    let domain = TestDomain::new();
    domain.sender().send(b"poison", Deadline::NOW).unwrap();
    let receiver = domain.receiver();
    let panicked = std::thread::spawn(move || {
        let _job = receiver.recv(Deadline::NOW).unwrap();
        panic!("on purpose");
    });
    assert!(panicked.join().is_err());
    assert_eq!(domain.receiver().recv(Deadline::NOW).unwrap().deliveries(), 2);
}
