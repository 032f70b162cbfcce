//! What an end refuses, and that it names both sides.

use crosstie::channel::topic::{Mode, TopicOptions, TopicReceiver, TopicSender};
use crosstie::contract::SendError;
use crosstie::ledger::Net;
use crosstie::{Deadline, ErrorKind};

use super::stage::{TestDomain, of_mode, wait_until_threads_sleep};

#[test]
fn two_opens_that_differ_are_refused_with_both_said() {
    let domain = TestDomain::new();
    let _first = domain.publisher(&TopicOptions { message_bytes_max: Some(500), ..of_mode(Mode::Lossy) });
    let differing = [
        (of_mode(Mode::Lossless), "lossy", "lossless"),
        (TopicOptions { places: Some(16), ..TopicOptions::default() }, "8", "16"),
        (TopicOptions { message_bytes_max: Some(600), ..TopicOptions::default() }, "500 bytes", "600 bytes"),
    ];
    for (options, has, asked) in differing {
        let error = TopicReceiver::open(domain.open(), "t", &options).unwrap_err();
        assert_eq!((error.kind(), error.kind().exit_code()), (ErrorKind::Mismatch, 86));
        let said = error.to_string();
        assert!(said.contains(has) && said.contains(asked), "{said}");
    }
    TopicReceiver::open(domain.open(), "t", &TopicOptions::default()).unwrap();
}

#[test]
fn a_message_above_the_limit_is_refused_and_the_next_one_is_not() {
    let domain = TestDomain::new();
    let mut sender = domain.publisher(&TopicOptions { message_bytes_max: Some(48), ..of_mode(Mode::Lossy) });
    let error = sender.send(&[0; 49], Deadline::NOW).unwrap_err();
    assert!(matches!(error, SendError::TooLarge { length: 49, limit: 48 }));
    assert_eq!(error.kind().exit_code(), 87);
    sender.send(&[0; 48], Deadline::NOW).unwrap();
    sender.close();
    assert!(matches!(sender.send(&[0], Deadline::NOW), Err(SendError::Closed)));
}

#[test]
fn what_no_topic_can_have_is_refused() {
    let domain = TestDomain::new();
    let odd = [
        TopicOptions { places: Some(1000), ..TopicOptions::default() },
        TopicOptions { places: Some(1), ..TopicOptions::default() },
        TopicOptions { places: Some(16), ..of_mode(Mode::Latest) },
        TopicOptions { message_bytes_max: Some(0), ..TopicOptions::default() },
    ];
    for options in odd {
        assert_eq!(TopicSender::open(domain.open(), "t", &options).unwrap_err().kind(), ErrorKind::Usage);
    }
}

#[test]
fn a_publisher_that_sleeps_because_others_write_in_every_place_is_woken_when_one_lets_go() {
    let domain = TestDomain::new();
    domain.open().set_net(Net::Absent);
    let options = TopicOptions { places: Some(2), ..of_mode(Mode::Lossy) };
    let mut holders = [domain.publisher(&options), domain.publisher(&options)];
    let [first, second] = holders.each_mut().map(|holder| holder.reserve(1, Deadline::NOW).unwrap());
    let mut publisher = domain.publisher(&options);
    let publishing = std::thread::spawn(move || publisher.send(b"b", Deadline::NEVER));
    wait_until_threads_sleep(1);
    drop(first);
    publishing.join().unwrap().unwrap();
    drop(second);
}
