//! Ends that wait as descriptors: what makes them ready, what a death leaves, and that waiting costs nothing.
//!
//! A child is this same test binary, asked by the environment to play one role.

#[cfg(feature = "tokio")]
#[path = "pollable/futures.rs"]
mod futures;
#[path = "pollable/stage.rs"]
mod stage;

use std::os::fd::BorrowedFd;

use crosstie::channel::queue::{QueueOptions, QueueReceiver, QueueSender};
use crosstie::channel::ring::{self, RingReceiver, RingSender};
use crosstie::channel::topic::{Mode, TopicOptions, TopicReceiver, TopicSender};
use crosstie::contract::{Readiness, RecvError, SendError};
use crosstie::os::poll::{self, Interest};
use crosstie::{Deadline, ErrorKind};

use stage::{TestDomain, options};

fn is_readable(receiver: &mut RingReceiver, deadline: Deadline) -> bool {
    poll::wait(receiver.pollable().unwrap(), Interest::Readable, deadline).unwrap()
}

fn taken(receiver: &mut RingReceiver) -> Vec<u8> {
    receiver.recv(Deadline::NOW).unwrap().to_vec()
}

#[test]
fn child_process() {
    stage::play();
}

#[test]
fn a_message_makes_the_descriptor_readable_only_for_who_has_armed_it() {
    let place = TestDomain::new();
    let mut receiver = RingReceiver::open(place.open(), "r", &options()).unwrap();
    let mut sender = RingSender::open(place.open(), "r", &options()).unwrap();
    assert_eq!(receiver.arm().unwrap(), Readiness::Armed);
    assert!(!is_readable(&mut receiver, Deadline::NOW));
    sender.send(b"one", Deadline::NOW).unwrap();
    assert!(is_readable(&mut receiver, Deadline::NEVER));
    assert_eq!(taken(&mut receiver), b"one");
    assert_eq!(receiver.arm().unwrap(), Readiness::Armed);
    assert!(!is_readable(&mut receiver, Deadline::NOW), "the byte of the first message was left");
    sender.send(b"two", Deadline::NOW).unwrap();
    assert_eq!(receiver.arm().unwrap(), Readiness::Ready);
    assert_eq!(taken(&mut receiver), b"two");
    sender.send(b"three", Deadline::NOW).unwrap();
    assert!(!is_readable(&mut receiver, Deadline::NOW), "rung although nobody waits");
}

#[test]
fn room_makes_the_descriptor_of_a_full_sender_readable() {
    let place = TestDomain::new();
    let mut receiver = RingReceiver::open(place.open(), "r", &options()).unwrap();
    let mut sender = RingSender::open(place.open(), "r", &options()).unwrap();
    let full = loop {
        if let Err(error) = sender.send(&[1; 9000], Deadline::NOW) {
            break error;
        }
    };
    assert!(matches!(full, SendError::Full));
    assert_eq!(sender.arm().unwrap(), Readiness::Armed);
    taken(&mut receiver);
    let ready = poll::wait(sender.pollable().unwrap(), Interest::Readable, Deadline::NEVER);
    assert!(ready.unwrap());
    sender.send(&[1; 9000], Deadline::NOW).unwrap();
}

#[test]
fn a_sender_that_comes_wakes_who_waits_for_nobody_yet() {
    let place = TestDomain::new();
    let mut receiver = RingReceiver::open(place.open(), "r", &options()).unwrap();
    assert_eq!(receiver.arm().unwrap(), Readiness::Armed);
    let mut child = place.child("send-three");
    child.wait_for("ready");
    assert!(is_readable(&mut receiver, Deadline::NEVER));
    for n in 0..3 {
        assert_eq!(receiver.recv(Deadline::NEVER).unwrap().to_vec(), [n; 100]);
    }
}

#[test]
fn the_death_of_the_sender_wakes_who_waits_for_a_descriptor() {
    let place = TestDomain::new();
    let mut receiver = RingReceiver::open(place.open(), "r", &options()).unwrap();
    let mut child = place.child("send-three");
    child.wait_for("ready");
    for _ in 0..3 {
        receiver.recv(Deadline::NEVER).unwrap();
    }
    assert_eq!(receiver.arm().unwrap(), Readiness::Armed);
    assert!(!is_readable(&mut receiver, Deadline::NOW));
    child.kill();
    assert!(is_readable(&mut receiver, Deadline::NEVER));
    assert!(matches!(receiver.recv(Deadline::NOW), Err(RecvError::PeerDied)));
}

#[test]
fn a_sender_killed_between_its_message_and_its_ring_leaves_nobody_waiting() {
    let place = TestDomain::new();
    let mut receiver = RingReceiver::open(place.open(), "r", &options()).unwrap();
    let mut child = place.child("die-before-the-ring");
    child.wait_for("ready");
    assert_eq!(receiver.arm().unwrap(), Readiness::Armed);
    child.say("go");
    assert!(is_readable(&mut receiver, Deadline::NEVER));
    assert_eq!(taken(&mut receiver), b"last");
    child.wait();
}

#[test]
fn what_a_killed_end_leaves_its_successor_or_the_remover_removes() {
    for is_succeeded in [true, false] {
        let place = TestDomain::new();
        let mut child = place.child("wait-armed");
        child.wait_for("ready");
        assert_eq!(place.doorbells(), ["doorbell.ring-receiver.r"]);
        child.kill();
        assert_eq!(place.doorbells().len(), 1, "nobody can have removed it");
        if is_succeeded {
            let mut receiver = RingReceiver::open(place.open(), "r", &options()).unwrap();
            assert!(place.doorbells().is_empty());
            receiver.arm().unwrap();
            assert_eq!(place.doorbells().len(), 1);
            assert_eq!(ring::remove(place.open(), "r").unwrap_err().kind(), ErrorKind::Busy);
            assert_eq!(place.doorbells().len(), 1, "taken from who waits");
            drop(receiver);
        } else {
            ring::remove(place.open(), "r").unwrap();
        }
        assert!(place.doorbells().is_empty());
    }
}

#[test]
fn a_doorbell_that_somebody_removed_is_made_again() {
    let place = TestDomain::new();
    let mut receiver = RingReceiver::open(place.open(), "r", &options()).unwrap();
    let mut sender = RingSender::open(place.open(), "r", &options()).unwrap();
    assert_eq!(receiver.arm().unwrap(), Readiness::Armed);
    std::fs::remove_file(place.path.join("doorbell.ring-receiver.r")).unwrap();
    sender.send(b"nobody can be told", Deadline::NOW).unwrap();
    assert_eq!(receiver.arm().unwrap(), Readiness::Ready);
    taken(&mut receiver);
    assert_eq!(receiver.arm().unwrap(), Readiness::Armed);
    sender.send(b"two", Deadline::NOW).unwrap();
    assert!(is_readable(&mut receiver, Deadline::NEVER));
}

#[test]
fn a_blocking_and_a_polling_wait_follow_each_other_on_one_end() {
    let place = TestDomain::new();
    let mut receiver = RingReceiver::open(place.open(), "r", &options()).unwrap();
    let mut sender = RingSender::open(place.open(), "r", &options()).unwrap();
    for n in 0..50u8 {
        assert_eq!(receiver.arm().unwrap(), Readiness::Armed);
        let sending = std::thread::spawn(move || {
            sender.send(&[n], Deadline::NEVER).unwrap();
            sender
        });
        if n % 2 == 0 {
            assert!(is_readable(&mut receiver, Deadline::NEVER));
        }
        assert_eq!(receiver.recv(Deadline::NEVER).unwrap().to_vec(), [n]);
        sender = sending.join().unwrap();
    }
}

#[test]
fn each_of_several_receivers_of_a_queue_is_woken_and_the_death_of_one_wakes_the_others() {
    let place = TestDomain::new();
    let mut sender = QueueSender::open(place.open(), "q", &QueueOptions::default()).unwrap();
    let mut receivers =
        [0, 1].map(|_| QueueReceiver::open(place.open(), "q", &QueueOptions::default()).unwrap());
    let is_readable = |receiver: &mut QueueReceiver, deadline| {
        poll::wait(receiver.pollable().unwrap(), Interest::Readable, deadline).unwrap()
    };
    for receiver in &mut receivers {
        assert_eq!(receiver.arm().unwrap(), Readiness::Armed);
        assert!(!is_readable(receiver, Deadline::NOW));
    }
    sender.send(b"one", Deadline::NOW).unwrap();
    for receiver in &mut receivers {
        assert!(is_readable(receiver, Deadline::NEVER));
    }
    let mut child = place.child("hold-a-job");
    child.wait_for("ready");
    for receiver in &mut receivers {
        assert!(matches!(receiver.recv(Deadline::NOW), Err(RecvError::Empty)));
        assert_eq!(receiver.arm().unwrap(), Readiness::Armed);
        assert!(!is_readable(receiver, Deadline::NOW));
    }
    child.kill();
    for receiver in &mut receivers {
        assert!(is_readable(receiver, Deadline::NEVER));
    }
    let job = receivers[1].recv(Deadline::NOW).unwrap();
    assert_eq!((job.to_vec(), job.deliveries()), (b"one".to_vec(), 2));
    job.done().unwrap();
    assert_eq!(place.doorbells().len(), 2);
    drop(receivers);
    assert!(place.doorbells().is_empty());
}

#[test]
fn room_makes_the_descriptor_of_a_full_queues_sender_readable() {
    let place = TestDomain::new();
    let options = QueueOptions { places: Some(64), ..QueueOptions::default() };
    let receiver = QueueReceiver::open(place.open(), "q", &options).unwrap();
    let mut sender = QueueSender::open(place.open(), "q", &options).unwrap();
    while sender.send(b"job", Deadline::NOW).is_ok() {}
    assert_eq!(sender.arm().unwrap(), Readiness::Armed);
    receiver.recv(Deadline::NOW).unwrap().done().unwrap();
    let ready = poll::wait(sender.pollable().unwrap(), Interest::Readable, Deadline::NEVER);
    assert!(ready.unwrap());
    assert_eq!(sender.arm().unwrap(), Readiness::Ready);
    sender.send(b"job", Deadline::NOW).unwrap();
}

#[test]
fn a_topics_ends_wait_for_a_message_for_room_and_for_what_is_gone() {
    let place = TestDomain::new();
    let topic = |mode| TopicOptions { mode, places: Some(4), ..TopicOptions::default() };
    let (kept, lossy) = (topic(Some(Mode::Lossless)), topic(Some(Mode::Lossy)));
    let is_readable = |fd: BorrowedFd<'_>| poll::wait(fd, Interest::Readable, Deadline::NEVER).unwrap();
    let mut receiver = TopicReceiver::open(place.open(), "kept", &kept).unwrap();
    let mut sender = TopicSender::open(place.open(), "kept", &kept).unwrap();
    assert_eq!(receiver.arm().unwrap(), Readiness::Armed);
    while sender.send(b"news", Deadline::NOW).is_ok() {}
    assert!(is_readable(receiver.pollable().unwrap()));
    assert_eq!(sender.arm().unwrap(), Readiness::Armed);
    receiver.recv(Deadline::NOW).unwrap();
    receiver.acknowledge();
    assert!(is_readable(sender.pollable().unwrap()));
    sender.send(b"news", Deadline::NOW).unwrap();

    let mut receiver = TopicReceiver::open(place.open(), "lossy", &lossy).unwrap();
    let mut sender = TopicSender::open(place.open(), "lossy", &lossy).unwrap();
    (0..9).for_each(|_| sender.send(b"news", Deadline::NOW).unwrap());
    assert_eq!(receiver.arm().unwrap(), Readiness::Ready);
    assert!(matches!(receiver.recv(Deadline::NOW), Err(RecvError::Overrun { from: 0, .. })));
}

#[test]
fn a_publisher_for_which_living_ones_left_no_place_waits_until_one_lets_its_own_go() {
    let place = TestDomain::new();
    let four = TopicOptions { mode: Some(Mode::Lossy), places: Some(4), ..TopicOptions::default() };
    let mut publishers = [(); 5].map(|()| TopicSender::open(place.open(), "t", &four).unwrap());
    let (sender, others) = publishers.split_first_mut().unwrap();
    let mut loans: Vec<_> = others.iter_mut().map(|other| other.reserve(4, Deadline::NOW).unwrap()).collect();
    assert!(matches!(sender.send(b"news", Deadline::NOW), Err(SendError::Full)));
    assert_eq!(sender.arm().unwrap(), Readiness::Armed);
    let is_readable = |sender: &mut TopicSender, deadline| {
        poll::wait(sender.pollable().unwrap(), Interest::Readable, deadline).unwrap()
    };
    assert!(!is_readable(sender, Deadline::NOW));
    drop(loans.pop());
    assert!(is_readable(sender, Deadline::NEVER));
    sender.send(b"news", Deadline::NOW).unwrap();
}

#[test]
fn a_process_that_waits_for_a_descriptor_does_not_run() {
    let place = TestDomain::new();
    let _sender = RingSender::open(place.open(), "r", &options()).unwrap();
    for role in stage::IDLE_ROLES {
        let mut child = place.child(role);
        child.wait_for("ready");
        child.wait_until_all_sleep();
        let before = child.context_switches();
        // As long as a blocking wait needs for one look of its net, and more.
        let mut other = RingReceiver::open(place.open(), "other", &options()).unwrap();
        let deadline = Deadline::at_ns(crosstie::os::clock::now_ns()).after_ns(1_200_000_000);
        assert!(matches!(other.recv(deadline), Err(RecvError::TimedOut)));
        assert_eq!(child.context_switches(), before, "{role} ran although nothing happened");
    }
}
