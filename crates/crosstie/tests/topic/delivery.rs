//! Who gets what.

use crosstie::Deadline;
use crosstie::channel::topic::{Mode, Start, TopicOptions, TopicState};
use crosstie::contract::{RecvError, SendError};

use super::stage::{Got, TestDomain, from, messages, of_mode, publish, read_all, wait_until_threads_sleep};

#[test]
fn every_subscriber_gets_every_message_of_every_publisher_in_one_order() {
    let domain = TestDomain::new();
    let options = of_mode(Mode::Lossless);
    let (mut one, mut two) = (domain.subscriber(&options), domain.subscriber(&options));
    let (mut first, mut second) = (domain.publisher(&options), domain.publisher(&options));
    for round in 0..40_u8 {
        publish(&mut first, 4 * round..4 * round + 2);
        publish(&mut second, 4 * round + 2..4 * round + 4);
        let expected = messages(4 * round..4 * round + 4);
        assert_eq!((read_all(&mut one), read_all(&mut two)), (expected.clone(), expected));
    }
}

#[test]
fn a_lossless_publisher_waits_for_who_reads_least_and_its_reading_wakes_it() {
    let domain = TestDomain::new();
    let options = of_mode(Mode::Lossless);
    let (mut quick, mut slow) = (domain.subscriber(&options), domain.subscriber(&options));
    let mut sender = domain.publisher(&options);
    publish(&mut sender, 0..8);
    assert_eq!(read_all(&mut quick), messages(0..8));
    assert!(matches!(sender.send(&[8], Deadline::NOW), Err(SendError::Full)));
    let sending = std::thread::spawn(move || {
        sender.send(&[8; 100], Deadline::NEVER).unwrap();
        sender
    });
    wait_until_threads_sleep(1);
    let first = slow.recv(Deadline::NOW).unwrap();
    assert_eq!(first.to_vec(), [0; 100]);
    assert!(!sending.is_finished(), "it overwrites what is being read");
    drop(first);
    let _sender = sending.join().unwrap();
    assert_eq!(read_all(&mut slow), messages(1..9));
    assert_eq!(domain.open().net_rescues(), 0);
}

#[test]
fn a_publisher_that_timed_out_says_who_has_not_read() {
    let domain = TestDomain::new();
    let options = of_mode(Mode::Lossless);
    let _slow = domain.subscriber(&options);
    let mut sender = domain.publisher(&options);
    publish(&mut sender, 0..8);
    let soon = crosstie::os::clock::deadline_in(std::time::Duration::from_millis(5));
    let error = sender.send(&[8], soon).unwrap_err();
    assert_eq!(error.kind(), crosstie::ErrorKind::TimedOut);
    let said = error.to_string();
    assert!(said.contains(&std::process::id().to_string()) && said.contains("last 8 messages"), "{said}");
}

#[test]
fn a_lossy_publisher_never_waits_and_a_subscriber_is_told_exactly_what_it_lost() {
    let domain = TestDomain::new();
    let options = of_mode(Mode::Lossy);
    let mut slow = domain.subscriber(&options);
    let mut sender = domain.publisher(&options);
    publish(&mut sender, 0..3);
    assert_eq!(slow.recv(Deadline::NOW).unwrap().number(), 0);
    publish(&mut sender, 3..100);
    // It goes on with the oldest that is left.
    let to = 92;
    let expected: Vec<_> = std::iter::once(Got::Lost(1, to)).chain(messages(92..100)).collect();
    assert_eq!(read_all(&mut slow), expected);
    assert_eq!(slow.lost(), to - 1);
    let state = TopicState::of(domain.open(), "t").unwrap();
    assert_eq!((state.subscribers[0].lost, state.subscribers[0].behind, state.published), (to - 1, 0, 100));
}

#[test]
fn what_is_told_as_lost_and_what_is_received_are_what_was_sent_however_fast_it_is_sent() {
    for places in [2, 8, 64] {
        let domain = TestDomain::new();
        let options = TopicOptions { places: Some(places), ..of_mode(Mode::Lossy) };
        let mut slow = domain.subscriber(&options);
        let mut sender = domain.publisher(&options);
        let sending = std::thread::spawn(move || {
            for n in 0..200_000_u32 {
                sender.send(&[u8::try_from(n % 251).unwrap(); 20], Deadline::NEVER).unwrap();
            }
        });
        let (mut next, mut received) = (0, 0);
        loop {
            match slow.recv(Deadline::NEVER) {
                Ok(message) => {
                    assert_eq!(message.number(), next, "what is told has no gap");
                    assert_eq!(u64::from(message.to_vec()[0]), next % 251);
                    (next, received) = (next + 1, received + 1);
                }
                Err(RecvError::Overrun { from, to }) => {
                    assert_eq!(from, next);
                    assert!(to > from);
                    next = to;
                }
                Err(RecvError::Closed) => break,
                Err(other) => panic!("{other:?}"),
            }
        }
        sending.join().unwrap();
        assert_eq!((next, slow.lost() + received), (200_000, 200_000), "{places} places");
        assert!(received >= u64::from(places), "the last ones are kept: {received}");
    }
}

#[test]
fn a_gap_that_was_found_while_it_armed_is_told_whole() {
    let domain = TestDomain::new();
    let options = of_mode(Mode::Lossy);
    let mut slow = domain.subscriber(&options);
    let mut sender = domain.publisher(&options);
    for round in 0..3 {
        publish(&mut sender, 30 * round..30 * (round + 1));
        assert_eq!(slow.arm().unwrap(), crosstie::contract::Readiness::Ready);
    }
    let got = read_all(&mut slow);
    let lost: u64 = got.iter().map(|got| if let Got::Lost(from, to) = got { to - from } else { 0 }).sum();
    let received = got.iter().filter(|got| matches!(got, Got::Message(_))).count();
    assert_eq!((lost + u64::try_from(received).unwrap(), slow.lost()), (90, lost), "{got:?}");
}

#[test]
fn what_nobody_asked_for_is_not_told_as_lost() {
    let domain = TestDomain::new();
    let mut later = domain.subscriber(&from(Mode::Lossy, Start::At(25)));
    let mut sender = domain.publisher(&of_mode(Mode::Lossy));
    publish(&mut sender, 0..30);
    assert_eq!(read_all(&mut later), messages(25..30));
    let mut early = domain.subscriber(&from(Mode::Lossy, Start::At(35)));
    publish(&mut sender, 30..50);
    let expected: Vec<_> = std::iter::once(Got::Lost(35, 42)).chain(messages(42..50)).collect();
    assert_eq!((read_all(&mut early), early.lost()), (expected, 7));
}

#[test]
fn the_latest_value_is_the_newest_whole_whoever_comes_when() {
    let domain = TestDomain::new();
    let options = of_mode(Mode::Latest);
    let mut early = domain.subscriber(&options);
    let mut sender = domain.publisher(&options);
    assert!(read_all(&mut early).is_empty());
    publish(&mut sender, 0..50);
    assert_eq!(read_all(&mut early), messages(49..50));
    publish(&mut sender, 50..52);
    assert_eq!(read_all(&mut domain.subscriber(&options)), messages(51..52), "who comes late gets it too");
    assert_eq!(read_all(&mut early), messages(51..52));
    assert!(read_all(&mut early).is_empty(), "nothing newer");
}

#[test]
fn who_comes_late_begins_where_it_asks_and_is_told_what_is_gone() {
    for mode in [Mode::Lossless, Mode::Lossy] {
        let domain = TestDomain::new();
        let mut sender = domain.publisher(&of_mode(mode));
        publish(&mut sender, 0..20);
        let begins = |start| read_all(&mut domain.subscriber(&from(mode, start)));
        assert_eq!(begins(Start::Newest), []);
        assert_eq!(begins(Start::Oldest), messages(13..20), "one place is the next message's");
        assert_eq!(begins(Start::Last(3)), messages(17..20));
        assert_eq!(begins(Start::Last(1000)), messages(13..20));
        assert_eq!(begins(Start::At(15)), messages(15..20));
        let expected: Vec<_> = std::iter::once(Got::Lost(10, 13)).chain(messages(13..20)).collect();
        assert_eq!(begins(Start::At(10)), expected);
        let mut later = domain.subscriber(&from(mode, Start::At(22)));
        publish(&mut sender, 20..24);
        assert_eq!(read_all(&mut later), messages(22..24));
    }
}

#[test]
fn a_topic_without_subscribers_holds_nobody_up_and_keeps_the_last_messages() {
    let domain = TestDomain::new();
    let mut sender = domain.publisher(&of_mode(Mode::Lossless));
    publish(&mut sender, 0..200);
    drop(sender);
    let mut receiver = domain.subscriber(&from(Mode::Lossless, Start::Oldest));
    for n in 193..200 {
        assert_eq!(receiver.recv(Deadline::NOW).unwrap().to_vec()[0], n);
    }
    assert!(matches!(receiver.recv(Deadline::NOW), Err(RecvError::Closed)));
    assert!(matches!(receiver.recv(Deadline::NOW), Err(RecvError::Empty)), "an end is told once");
}

#[test]
fn a_loan_is_published_where_it_was_written_and_what_follows_comes_behind_it() {
    let domain = TestDomain::new();
    let options = of_mode(Mode::Lossless);
    let mut receiver = domain.subscriber(&options);
    let (mut first, mut second) = (domain.publisher(&options), domain.publisher(&options));
    let mut loan = first.reserve(100, Deadline::NOW).unwrap();
    loan.write_at(0, &[0; 100]);
    publish(&mut second, 1..2);
    assert_eq!(read_all(&mut receiver), []);
    loan.commit_prefix(50).unwrap();
    assert_eq!(read_all(&mut receiver), messages(0..2));
    drop(first.reserve(10, Deadline::NOW).unwrap());
    publish(&mut second, 3..4);
    assert_eq!(read_all(&mut receiver), messages(3..4), "a loan that was dropped was never published");
    std::mem::forget(first.reserve(10, Deadline::NOW).unwrap());
    publish(&mut first, 4..5);
    assert_eq!(read_all(&mut receiver), messages(4..5), "nor one that was forgotten");
}

#[test]
fn a_loan_that_others_have_lapped_is_published_whole_under_a_new_number() {
    let domain = TestDomain::new();
    let options = of_mode(Mode::Lossy);
    let (mut first, mut second) = (domain.publisher(&options), domain.publisher(&options));
    let mut loan = first.reserve(100, Deadline::NOW).unwrap();
    loan.write_at(0, &[200; 60]);
    publish(&mut second, 0..100);
    loan.write_at(60, &[200; 40]);
    loan.commit().unwrap();
    let mut late = domain.subscriber(&from(Mode::Lossy, Start::Oldest));
    let got = read_all(&mut late);
    assert_eq!(*got.last().unwrap(), Got::Message(200));
    assert_eq!(got.iter().filter(|&&got| got == Got::Message(200)).count(), 1);
}

#[test]
fn what_is_held_and_put_back_comes_again_and_what_is_acknowledged_does_not() {
    let domain = TestDomain::new();
    let options = of_mode(Mode::Lossless);
    let mut receiver = domain.subscriber(&options);
    let mut sender = domain.publisher(&options);
    publish(&mut sender, 0..4);
    let held = |receiver: &mut crosstie::channel::topic::TopicReceiver| {
        receiver.recv_held(Deadline::NOW).unwrap().to_vec()[0]
    };
    assert_eq!((held(&mut receiver), held(&mut receiver)), (0, 1));
    receiver.put_back();
    assert_eq!(held(&mut receiver), 1);
    receiver.put_all_back();
    assert_eq!(held(&mut receiver), 0);
    receiver.acknowledge();
    receiver.put_all_back();
    assert_eq!(read_all(&mut receiver), messages(1..4));
}

#[test]
fn a_sleeping_subscriber_is_woken_by_each_message() {
    let domain = TestDomain::new();
    for mode in [Mode::Lossless, Mode::Lossy, Mode::Latest] {
        let options = TopicOptions { places: None, ..of_mode(mode) };
        let domain_name = format!("{mode:?}").to_lowercase();
        let open = domain.open();
        let mut receiver =
            crosstie::channel::topic::TopicReceiver::open(open, &domain_name, &options).unwrap();
        let mut sender = crosstie::channel::topic::TopicSender::open(open, &domain_name, &options).unwrap();
        let reading = std::thread::spawn(move || {
            for n in 0..3_u8 {
                assert_eq!(receiver.recv(Deadline::NEVER).unwrap().to_vec(), [n]);
            }
            matches!(receiver.recv(Deadline::NEVER), Err(RecvError::Closed))
        });
        for n in 0..3_u8 {
            wait_until_threads_sleep(1);
            sender.send(&[n], Deadline::NOW).unwrap();
            // poll: it has read the message
            while TopicState::of(open, &domain_name).unwrap().subscribers[0].behind > 0 {
                std::thread::yield_now();
            }
        }
        wait_until_threads_sleep(1);
        drop(sender);
        assert!(reading.join().unwrap());
    }
    assert_eq!(domain.open().net_rescues(), 0);
}
