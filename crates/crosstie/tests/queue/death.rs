//! What a death leaves: at once, and without the net.

use crosstie::channel::queue::{QueueOptions, QueueState};
use crosstie::contract::RecvError;
use crosstie::{Deadline, ErrorKind};

use super::stage::{TestDomain, blocking, wait_until_threads_sleep};

#[test]
fn the_death_of_who_has_a_job_wakes_a_sleeping_receiver_which_gets_it() {
    let domain = TestDomain::new();
    let mut sender = domain.sender();
    sender.send(b"work", Deadline::NOW).unwrap();
    let mut victim = domain.child("hold one");
    let survivor = domain.receiver_with(&blocking());
    let got = std::thread::spawn(move || {
        let job = survivor.recv(Deadline::NEVER).unwrap();
        let got = (job.to_vec(), job.deliveries());
        job.done().unwrap();
        got
    });
    wait_until_threads_sleep(1);
    victim.kill();
    assert_eq!(got.join().unwrap(), (b"work".to_vec(), 2));
    assert_eq!(domain.open().net_rescues(), 0);
    drop(sender);
}

#[test]
fn a_job_that_kills_three_workers_is_a_dead_letter_and_kills_no_fourth() {
    let domain = TestDomain::new();
    let mut sender = domain.sender();
    sender.send(b"poison", Deadline::NOW).unwrap();
    for _ in 0..3 {
        domain.child("hold one").kill();
    }
    let receiver = domain.receiver();
    assert!(matches!(receiver.recv(Deadline::NOW), Err(RecvError::Empty)));
    let dead = receiver.recv_dead_letter().unwrap();
    assert_eq!((dead.to_vec(), dead.deliveries()), (b"poison".to_vec(), 3));
    dead.done().unwrap();
}

#[test]
fn all_that_a_killed_receiver_had_in_hand_comes_again_once() {
    let domain = TestDomain::new();
    let mut sender = domain.sender();
    for n in 0..12_u8 {
        sender.send(&[n], Deadline::NOW).unwrap();
    }
    domain.child("hold ten").kill();
    let receiver = domain.receiver();
    let mut got: Vec<_> = (0..12)
        .map(|_| {
            let job = receiver.recv(Deadline::NOW).unwrap();
            let got = (job.to_vec()[0], job.deliveries());
            job.done().unwrap();
            got
        })
        .collect();
    got.sort_unstable();
    let expected: Vec<_> = (0..12).map(|n| (n, if n < 10 { 2 } else { 1 })).collect();
    assert_eq!(got, expected);
    assert!(matches!(receiver.recv(Deadline::NOW), Err(RecvError::Empty)));
}

#[test]
fn a_killed_sender_has_sent_what_it_had_sent_and_no_half_message_and_is_told() {
    let domain = TestDomain::new();
    let receiver = domain.receiver_with(&blocking());
    let mut victim = domain.child("send three and write a fourth");
    for n in 0..3_u8 {
        let job = receiver.recv(Deadline::NEVER).unwrap();
        assert_eq!(job.to_vec(), [n; 100]);
        job.done().unwrap();
    }
    let told = std::thread::spawn(move || receiver.recv(Deadline::NEVER).map(|_| ()));
    wait_until_threads_sleep(1);
    victim.kill();
    assert!(matches!(told.join().unwrap(), Err(RecvError::PeerDied)));
    assert_eq!(domain.open().net_rescues(), 0);
}

#[test]
fn the_place_in_which_a_killed_sender_wrote_is_free_for_a_sender_that_sleeps() {
    let domain = TestDomain::new();
    let options = blocking();
    let mut sender = domain.sender_with(&options);
    let mut victim = domain.child("send three and write a fourth");
    while sender.send(b"fills", Deadline::NOW).is_ok() {}
    let sending = std::thread::spawn(move || sender.send(b"one more", Deadline::NEVER));
    wait_until_threads_sleep(1);
    victim.kill();
    sending.join().unwrap().unwrap();
    assert_eq!(domain.open().net_rescues(), 0);
}

#[test]
fn a_receivers_death_is_no_senders_concern() {
    let domain = TestDomain::new();
    let mut sender = domain.sender_with(&QueueOptions { places: Some(1024), ..blocking() });
    sender.send(b"work", Deadline::NOW).unwrap();
    domain.child("hold one").kill();
    while sender.send(b"fills", Deadline::NOW).is_ok() {}
    assert!(!sender.has_receiver());
    let sending = std::thread::spawn(move || sender.send(b"one more", Deadline::NEVER));
    wait_until_threads_sleep(1);
    let receiver = domain.receiver();
    assert_eq!(receiver.recv(Deadline::NEVER).unwrap().deliveries(), 2, "what came back goes first");
    receiver.recv(Deadline::NEVER).unwrap().done().unwrap();
    sending.join().unwrap().unwrap();
}

#[test]
fn who_has_what_in_hand_is_seen_and_a_living_end_keeps_the_queue() {
    let domain = TestDomain::new();
    let mut sender = domain.sender();
    sender.send(b"work", Deadline::NOW).unwrap();
    sender.send(b"more", Deadline::NOW).unwrap();
    let child = domain.child("hold one");
    let ledger = domain.open();
    let state = QueueState::of(ledger, "q").unwrap();
    assert_eq!((state.waiting, state.senders, state.receivers), (1, 1, 1));
    let owner = ledger.identity(state.in_hand[0].owner.unwrap()).unwrap();
    assert_ne!(owner.pid, std::process::id());
    drop(sender);
    let refused = crosstie::channel::queue::remove(ledger, "q").unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Busy);
    assert!(refused.to_string().contains(&format!("{}", owner.pid)), "{refused}");
    child.finish();
    crosstie::channel::queue::remove(ledger, "q").unwrap();
    assert_eq!(QueueState::of(ledger, "q").unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn a_dead_senders_place_among_the_ends_is_free_again() {
    let domain = TestDomain::new();
    let receiver = domain.receiver();
    for _ in 0..3 {
        domain.child("be a sender").kill();
        assert!(matches!(receiver.recv(Deadline::NOW), Err(RecvError::PeerDied)));
        assert!(matches!(receiver.recv(Deadline::NOW), Err(RecvError::Empty)));
    }
    assert_eq!(QueueState::of(domain.open(), "q").unwrap().senders, 0);
}
