//! What a death leaves: at once, and without the net.

use crosstie::channel::topic::{Mode, Start, TopicState};
use crosstie::contract::RecvError;
use crosstie::{Deadline, ErrorKind};

use super::stage::{TestDomain, from, messages, of_mode, publish, read_all, wait_until_threads_sleep};

#[test]
fn the_death_of_who_reads_least_releases_a_sleeping_publisher() {
    let domain = TestDomain::new();
    let options = of_mode(Mode::Lossless);
    let mut victim = domain.child("subscribe and never read");
    let mut sender = domain.publisher(&options);
    publish(&mut sender, 0..8);
    let sending = std::thread::spawn(move || sender.send(&[8; 100], Deadline::NEVER));
    wait_until_threads_sleep(1);
    victim.kill();
    sending.join().unwrap().unwrap();
    assert_eq!(domain.open().net_rescues(), 0);
}

#[test]
fn a_killed_publishers_messages_are_read_its_half_written_one_is_passed_over_and_it_is_told() {
    let domain = TestDomain::new();
    let options = of_mode(Mode::Lossless);
    let mut receiver = domain.subscriber(&options);
    let mut victim = domain.child("publish three and write a fourth");
    assert_eq!(read_all(&mut receiver), messages(0..3));
    let told = std::thread::spawn(move || (receiver.recv(Deadline::NEVER).map(|_| ()), receiver));
    wait_until_threads_sleep(1);
    victim.kill();
    let (told, mut receiver) = told.join().unwrap();
    assert!(matches!(told, Err(RecvError::PeerDied)));
    // It sleeps beside the entry of the dead, which only a publisher makes vacant.
    let reading = std::thread::spawn(move || receiver.recv(Deadline::NEVER).unwrap().to_vec());
    wait_until_threads_sleep(1);
    let mut next = domain.publisher(&options);
    publish(&mut next, 3..4);
    assert_eq!(reading.join().unwrap(), [3; 100]);
    assert_eq!(TopicState::of(domain.open(), "t").unwrap().publishers.len(), 1);
    assert_eq!(domain.open().net_rescues(), 0);
}

#[test]
fn others_messages_behind_a_claim_are_read_when_its_publisher_dies() {
    let domain = TestDomain::new();
    let options = of_mode(Mode::Lossless);
    let mut receiver = domain.subscriber(&options);
    let mut victim = domain.child("publish three and write a fourth");
    let mut other = domain.publisher(&options);
    publish(&mut other, 3..6);
    assert_eq!(read_all(&mut receiver), messages(0..3), "in order");
    let reading = std::thread::spawn(move || {
        let first = receiver.recv(Deadline::NEVER).unwrap().to_vec()[0];
        (first, read_all(&mut receiver))
    });
    wait_until_threads_sleep(1);
    victim.kill();
    assert_eq!(reading.join().unwrap(), (3, messages(4..6)));
    // The slot is of use again: around it goes, for a late subscriber too.
    publish(&mut other, 6..30);
    assert_eq!(read_all(&mut domain.subscriber(&from(Mode::Lossless, Start::Last(4)))), messages(26..30));
    assert_eq!(domain.open().net_rescues(), 0);
}

#[test]
fn the_place_of_a_subscriber_that_is_dead_or_has_left_is_free_again() {
    let domain = TestDomain::new();
    let options = of_mode(Mode::Lossless);
    for _ in 0..3 {
        domain.child("subscribe and never read").kill();
        domain.child("subscribe and never read").finish();
        let mut sender = domain.publisher(&options);
        publish(&mut sender, 0..20);
    }
    let state = TopicState::of(domain.open(), "t").unwrap();
    assert!(state.subscribers.is_empty() && state.publishers.is_empty(), "{state:?}");
    crosstie::channel::topic::remove(domain.open(), "t").unwrap();
    assert_eq!(TopicState::of(domain.open(), "t").unwrap_err().kind(), ErrorKind::NotFound);
}
