//! Full, empty, too large, too many, and two that want it otherwise.

use std::time::Duration;

use crosstie::channel::queue::{FullPolicy, QueueOptions, QueueReceiver, QueueSender, QueueState};
use crosstie::contract::{RecvError, SendError};
use crosstie::ledger::Net;
use crosstie::os::clock;
use crosstie::{Deadline, ErrorKind};

use super::stage::{TestDomain, blocking, wait_until_threads_sleep};

fn of_two(full: FullPolicy) -> QueueOptions {
    QueueOptions { places: Some(2), full, ..blocking() }
}

#[test]
fn a_full_queue_blocks_refuses_or_drops_as_its_sender_asked() {
    let domain = TestDomain::new();
    let mut blocks = domain.sender_with(&of_two(FullPolicy::Block));
    assert_eq!(blocks.send_batch(&[b"a", b"b", b"c"], Deadline::NEVER).unwrap(), 2);
    assert!(matches!(blocks.send(b"c", Deadline::NOW), Err(SendError::Full)));
    let soon = clock::deadline_in(Duration::from_millis(1));
    assert!(matches!(blocks.send(b"c", soon), Err(SendError::TimedOut)));
    let mut refuses = domain.sender_with(&of_two(FullPolicy::Error));
    assert!(matches!(refuses.send(b"c", Deadline::NEVER), Err(SendError::Full)));
    let mut drops = domain.sender_with(&of_two(FullPolicy::DropNewest));
    drops.send(b"c", Deadline::NEVER).unwrap();
    let state = QueueState::of(domain.open(), "q").unwrap();
    assert_eq!((state.waiting, state.dropped), (2, 1));
}

#[test]
fn a_sender_that_sleeps_for_room_is_woken_by_done() {
    let domain = TestDomain::new();
    let mut sender = domain.sender_with(&of_two(FullPolicy::Block));
    sender.send_batch(&[b"a", b"b"], Deadline::NOW).unwrap();
    let receiver = domain.receiver();
    let job = receiver.recv(Deadline::NOW).unwrap();
    let sending = std::thread::spawn(move || sender.send(b"c", Deadline::NEVER));
    wait_until_threads_sleep(1);
    job.done().unwrap();
    sending.join().unwrap().unwrap();
    assert_eq!(domain.open().net_rescues(), 0);
}

#[test]
fn a_sender_that_sleeps_for_room_is_woken_by_a_loan_that_is_dropped() {
    let domain = TestDomain::new();
    domain.open().set_net(Net::Absent);
    let mut holder = domain.sender_with(&of_two(FullPolicy::Block));
    holder.send(b"a", Deadline::NOW).unwrap();
    let loan = holder.reserve(1, Deadline::NOW).unwrap();
    let mut sender = domain.sender_with(&of_two(FullPolicy::Block));
    let sending = std::thread::spawn(move || sender.send(b"b", Deadline::NEVER));
    wait_until_threads_sleep(1);
    drop(loan);
    sending.join().unwrap().unwrap();
}

#[test]
fn a_receiver_that_sleeps_for_a_job_is_woken_by_one() {
    let domain = TestDomain::new();
    let receiver = domain.receiver_with(&blocking());
    let receiving = std::thread::spawn(move || receiver.recv(Deadline::NEVER).unwrap().to_vec());
    wait_until_threads_sleep(1);
    domain.sender().send(b"wakes", Deadline::NOW).unwrap();
    assert_eq!(receiving.join().unwrap(), b"wakes");
}

#[test]
fn a_long_message_waits_for_chunks_side_by_side() {
    let domain = TestDomain::new();
    let small = QueueOptions { capacity_bytes: Some(8 << 10), ..QueueOptions::default() };
    let mut sender = domain.sender_with(&small);
    let receiver = domain.receiver_with(&small);
    sender.send(&[1; 5 << 10], Deadline::NOW).unwrap();
    assert!(matches!(sender.send(&[2; 5 << 10], Deadline::NOW), Err(SendError::Full)));
    sender.send(&[3; 3 << 10], Deadline::NOW).unwrap();
    sender.send(&[4; 128], Deadline::NOW).unwrap();
    receiver.recv(Deadline::NOW).unwrap().done().unwrap();
    sender.send(&[2; 5 << 10], Deadline::NOW).unwrap();
    for expected in [3, 4, 2] {
        let job = receiver.recv(Deadline::NOW).unwrap();
        assert!(job.to_vec().iter().all(|&byte| byte == expected));
        job.done().unwrap();
    }
}

#[test]
fn a_message_above_the_limit_is_refused_and_the_longest_fits_exactly() {
    let domain = TestDomain::new();
    let small = QueueOptions { capacity_bytes: Some(4 << 10), ..QueueOptions::default() };
    let mut sender = domain.sender_with(&small);
    sender.send(&[1; 4 << 10], Deadline::NOW).unwrap();
    let refused = sender.send(&[1; (4 << 10) + 1], Deadline::NOW).unwrap_err();
    assert!(matches!(refused, SendError::TooLarge { length: 4097, limit: 4096 }));
    let timid = domain.receiver_with(&QueueOptions { message_bytes_max: 1000, ..small.clone() });
    assert!(matches!(timid.recv(Deadline::NOW), Err(RecvError::TooLarge { length: 4096, limit: 1000 })));
    let job = domain.receiver_with(&small);
    let job = job.recv(Deadline::NOW).unwrap();
    assert_eq!((job.len(), job.deliveries()), (4 << 10, 2));
    job.done().unwrap();
}

#[test]
fn other_parameters_are_refused_and_both_are_named() {
    let domain = TestDomain::new();
    let _sender = domain.sender();
    let lease = Some(Duration::from_secs(1));
    for (other, found, wanted) in [
        (QueueOptions { places: Some(2048), ..QueueOptions::default() }, "1024 places", "2048"),
        (
            QueueOptions { capacity_bytes: Some(2 << 20), ..QueueOptions::default() },
            "1048576 bytes",
            "2097152",
        ),
        (QueueOptions { deliveries_max: Some(5), ..QueueOptions::default() }, "3 deliveries", "5"),
        (QueueOptions { lease, ..QueueOptions::default() }, "0 ns of lease", "1000000000"),
    ] {
        let refused = QueueReceiver::open(domain.open(), "q", &other).unwrap_err();
        assert_eq!((refused.kind(), refused.kind().exit_code()), (ErrorKind::Mismatch, 86));
        let text = refused.to_string();
        assert!(text.contains(found) && text.contains(wanted), "{text}");
    }
}

#[test]
fn what_no_queue_can_have_is_not_understood() {
    let domain = TestDomain::new();
    for wrong in [
        QueueOptions { places: Some(0), ..QueueOptions::default() },
        QueueOptions { places: Some(u32::MAX), ..QueueOptions::default() },
        QueueOptions { capacity_bytes: Some(1000), ..QueueOptions::default() },
        QueueOptions { capacity_bytes: Some(usize::MAX - 1023), ..QueueOptions::default() },
        QueueOptions { deliveries_max: Some(0), ..QueueOptions::default() },
    ] {
        let refused = QueueSender::open(domain.open(), "q", &wrong).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Usage, "{refused}");
    }
}

#[test]
fn a_receiver_has_no_more_in_hand_than_its_credit() {
    let domain = TestDomain::new();
    domain.sender().send_batch(&[b"a", b"b", b"c"], Deadline::NOW).unwrap();
    let receiver = domain.receiver_with(&QueueOptions { credit: 2, ..blocking() });
    let first = receiver.recv(Deadline::NEVER).unwrap();
    let _second = receiver.recv(Deadline::NEVER).unwrap();
    assert!(matches!(receiver.recv(Deadline::NEVER), Err(RecvError::Empty)));
    first.done().unwrap();
    assert_eq!(receiver.recv(Deadline::NEVER).unwrap().to_vec(), b"c");
}

#[test]
fn a_loan_is_written_in_place_and_one_that_is_dropped_or_forgotten_was_never_sent() {
    let domain = TestDomain::new();
    let small = QueueOptions { places: Some(2), capacity_bytes: Some(1 << 10), ..QueueOptions::default() };
    let mut sender = domain.sender_with(&small);
    let mut dropped = sender.reserve(500, Deadline::NOW).unwrap();
    dropped.write_at(0, &[9; 500]);
    drop(dropped);
    std::mem::forget(sender.reserve(500, Deadline::NOW).unwrap());
    let mut loan = sender.reserve(500, Deadline::NOW).unwrap();
    loan.write_at(0, b"head");
    loan.write_at(4, &[5; 496]);
    loan.commit_prefix(10).unwrap();
    sender.send(b"both places are free", Deadline::NOW).unwrap();
    let receiver = domain.receiver_with(&small);
    assert_eq!(receiver.recv(Deadline::NOW).unwrap().to_vec(), b"head\x05\x05\x05\x05\x05\x05");
}

#[test]
fn a_job_whose_guard_was_forgotten_goes_to_others_when_its_receiver_leaves() {
    let domain = TestDomain::new();
    domain.sender().send(b"work", Deadline::NOW).unwrap();
    let forgetful = domain.receiver();
    std::mem::forget(forgetful.recv(Deadline::NOW).unwrap());
    drop(forgetful);
    assert_eq!(domain.receiver().recv(Deadline::NOW).unwrap().deliveries(), 2);
}

#[test]
fn there_are_as_many_ends_as_seats() {
    let domain = TestDomain::new();
    let receivers: Vec<_> = (0..1024).map(|_| domain.receiver()).collect();
    let refused = QueueSender::open(domain.open(), "q", &QueueOptions::default()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NoSpace);
    assert!(refused.to_string().contains("1024 ends"), "{refused}");
    drop(receivers);
    domain.sender();
}
