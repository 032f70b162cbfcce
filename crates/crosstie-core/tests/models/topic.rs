//! The topic: two slots, few ends, some of which are killed.

use crosstie_core::atomic::Ordering;
use crosstie_core::queue::member::{Ends, Roster};
use crosstie_core::ring::sleepers::Awaits;
use crosstie_core::topic::memory::{Memory, Mode};
use crosstie_core::topic::publisher::Committed;
use crosstie_core::topic::subscriber::{Look, Start};
use loom::thread;

use crate::topic_memory::{
    Shared, copy, copy_unchecked, id, look, publish, publisher, read, subscriber, topic,
};

/// A thread that publishes these bytes.
fn publishing(topic: &Shared, slot: u32, bytes: &'static [u8]) -> thread::JoinHandle<()> {
    let topic = topic.clone();
    thread::spawn(move || {
        let mut publisher = publisher(&topic, slot);
        for &byte in bytes {
            publish(&mut publisher, byte);
        }
    })
}

#[test]
fn what_may_be_overwritten_is_read_whole_or_not_at_all() {
    loom::model(|| {
        let topic = topic(Mode::Lossy);
        let mut reader = subscriber(&topic, 0, Start::Newest);
        let writing = publishing(&topic, 1, &[1, 2, 3]);
        let mut next = 0;
        for _ in 0..2 {
            match look(&mut reader) {
                Look::Message(message) => {
                    if let Some(byte) = copy(&mut reader, &message) {
                        assert_eq!((u64::from(byte), message.number), (next + 1, next));
                        next += 1;
                    }
                }
                Look::Lost(from, to) => {
                    assert_eq!(from, next);
                    next = to;
                }
                Look::Nothing => {}
            }
        }
        writing.join().unwrap();
    });
}

#[test]
fn a_slot_of_a_lossless_topic_is_written_again_only_after_everybody_has_read_it() {
    loom::model(|| {
        let topic = topic(Mode::Lossless);
        let mut reader = subscriber(&topic, 0, Start::Newest);
        let writing = publishing(&topic, 1, &[1, 2, 3]);
        for byte in 1..=3 {
            assert_eq!(read(&mut reader), byte);
        }
        writing.join().unwrap();
    });
}

#[test]
fn who_joins_while_others_publish_gets_everything_from_where_it_begins() {
    loom::model(|| {
        let topic = topic(Mode::Lossless);
        let mut first = publisher(&topic, 1);
        publish(&mut first, 1);
        let writing = thread::spawn(move || {
            publish(&mut first, 2);
            publish(&mut first, 3);
            publish(&mut first, 4);
        });
        let mut reader = subscriber(&topic, 0, Start::Oldest);
        // Numbers from 0 stand for bytes from 1.
        for byte in u8::try_from(reader.next()).unwrap() + 1..=4 {
            assert_eq!(read(&mut reader), byte);
        }
        writing.join().unwrap();
    });
}

#[test]
fn messages_of_two_publishers_have_a_number_each_and_come_in_that_order() {
    loom::model(|| {
        let topic = topic(Mode::Lossy);
        let mut reader = subscriber(&topic, 0, Start::Newest);
        let mut second = publisher(&topic, 2);
        let writing = publishing(&topic, 1, &[1]);
        let number = publish(&mut second, 2);
        writing.join().unwrap();
        let both = [read(&mut reader), read(&mut reader)];
        assert_eq!(both, if number == 0 { [2, 1] } else { [1, 2] });
        assert_eq!(look(&mut reader), Look::Nothing);
    });
}

#[test]
fn a_number_that_a_killed_publisher_had_claimed_is_passed_over_and_its_death_is_told() {
    loom::model(|| {
        let topic = topic(Mode::Lossless);
        let mut reader = subscriber(&topic, 0, Start::Newest);
        let mut victim = publisher(&topic, 1);
        let dying = {
            let topic = topic.clone();
            thread::spawn(move || {
                let room = victim.reserve(|id| topic.is_alive(id)).unwrap().unwrap();
                topic.write(room.slot, 0, &[9]);
                // Killed here: written, never committed.
                topic.bury(id(1));
            })
        };
        let mut survivor = publisher(&topic, 2);
        publish(&mut survivor, 2);
        // Whoever meets it first takes the claim back, or passes over it.
        survivor.recover(|id| topic.is_alive(id));
        assert_eq!(read(&mut reader), 2);
        dying.join().unwrap();
        survivor.recover(|id| topic.is_alive(id));
        assert_eq!(look(&mut reader), Look::Nothing);
        let ends = Ends::of(&topic, |id| topic.is_alive(id));
        assert_eq!((ends.has_sender, ends.died), (true, 1));
    });
}

#[test]
fn a_slot_that_was_let_go_is_written_by_the_next_only_behind_what_was_written_there() {
    loom::model(|| {
        let topic = topic(Mode::Lossless);
        let mut first = publisher(&topic, 1);
        let room = first.reserve(|_| true).unwrap().unwrap();
        let letting_go = {
            let topic = topic.clone();
            thread::spawn(move || {
                topic.write(room.slot, 0, &[1]);
                first.abandon(room);
            })
        };
        let mut second = publisher(&topic, 2);
        publish(&mut second, 2);
        // It lies where the other one writes, or is passed on to the next slot.
        let number = publish(&mut second, 3);
        assert!(number == 2 || number == 3, "{number}");
        letting_go.join().unwrap();
    });
}

#[test]
fn the_slot_of_a_killed_publisher_is_of_use_again_whoever_recovers() {
    loom::model(|| {
        let topic = topic(Mode::Lossy);
        let mut victim = publisher(&topic, 1);
        let _claim = victim.reserve(|_| true).unwrap().unwrap();
        topic.bury(id(1));
        let recovering = {
            let topic = topic.clone();
            thread::spawn(move || {
                let mut other = publisher(&topic, 3);
                other.recover(|id| topic.is_alive(id));
                publish(&mut other, 3);
            })
        };
        let mut survivor = publisher(&topic, 2);
        survivor.recover(|id| topic.is_alive(id));
        publish(&mut survivor, 2);
        recovering.join().unwrap();
        // Numbers 0 to 2 are given out; each slot is nobody's.
        let late = subscriber(&topic, 0, Start::Newest);
        assert_eq!(late.tail().unwrap(), 3);
        assert_eq!(publish(&mut survivor, 4), 3);
        assert_eq!(publish(&mut survivor, 5), 4);
    });
}

#[test]
fn the_death_of_who_has_not_read_releases_a_publisher() {
    loom::model(|| {
        let topic = topic(Mode::Lossless);
        let _victim = subscriber(&topic, 0, Start::Newest);
        let mut sender = publisher(&topic, 1);
        publish(&mut sender, 1);
        publish(&mut sender, 2);
        let dying = {
            let topic = topic.clone();
            thread::spawn(move || topic.bury(id(0)))
        };
        assert_eq!(publish(&mut sender, 3), 2);
        dying.join().unwrap();
    });
}

#[test]
fn a_publisher_that_was_lapped_publishes_under_a_new_number_and_nobody_writes_where_it_writes() {
    loom::model(|| {
        let topic = topic(Mode::Lossy);
        let mut slow = publisher(&topic, 1);
        let room = slow.reserve(|_| true).unwrap().unwrap();
        let quick = publishing(&topic, 2, &[2, 4]);
        topic.write(room.slot, 0, &[1]);
        let is_published = match slow.commit(room, 2) {
            Committed::Published => true,
            Committed::Lapped(room) => {
                slow.abandon(room);
                false
            }
        };
        quick.join().unwrap();
        let mut reader = subscriber(&topic, 0, Start::Last(2));
        let mut newest = None;
        while let Look::Message(message) = look(&mut reader) {
            newest = copy(&mut reader, &message);
        }
        assert_eq!(newest, Some(4), "is_published: {is_published}");
    });
}

#[test]
fn the_latest_value_is_whole_and_no_older_than_the_last_one_seen() {
    loom::model(|| {
        let topic = topic(Mode::Latest);
        let mut reader = subscriber(&topic, 0, Start::Newest);
        let writing = publishing(&topic, 1, &[1, 2]);
        let mut last = 0;
        if let Look::Message(message) = look(&mut reader)
            && let Some(byte) = copy(&mut reader, &message)
        {
            // Numbers from 0 stand for bytes from 1.
            assert_eq!(u64::from(byte), message.number + 1);
            last = byte;
        }
        writing.join().unwrap();
        let newest = match look(&mut reader) {
            Look::Message(message) => copy(&mut reader, &message).unwrap(),
            other => {
                assert_eq!((other, last), (Look::Nothing, 2));
                last
            }
        };
        assert_eq!(newest, 2);
    });
}

/// Sleeps as a subscriber does until something is there, and answers it.
fn sleep_until_message(
    topic: &Shared,
    reader: &mut crosstie_core::topic::subscriber::Subscriber<Shared>,
) -> u8 {
    loop {
        if let Look::Message(message) = look(reader) {
            return copy(reader, &message).unwrap();
        }
        let sleepers = topic.control().subscribers();
        let seen = sleepers.announce(Awaits::Something);
        if let Look::Message(message) = look(reader) {
            return copy(reader, &message).unwrap();
        }
        // The kernel's: it sleeps while the word is as it was and who it watches lives.
        while sleepers.word().load(Ordering::Acquire) == seen
            && topic.member(1).read().is_some_and(|(id, _)| topic.is_alive(id))
        {
            thread::yield_now();
        }
    }
}

#[test]
fn a_sleeping_subscriber_is_woken_by_a_message_also_if_its_publisher_dies_before_the_wake() {
    loom::model(|| {
        let topic = topic(Mode::Lossless);
        let mut reader = subscriber(&topic, 0, Start::Newest);
        let mut victim = publisher(&topic, 1);
        let dying = {
            let topic = topic.clone();
            thread::spawn(move || {
                publish(&mut victim, 1);
                // Killed between its commit and its wake.
                topic.bury(id(1));
            })
        };
        assert_eq!(sleep_until_message(&topic, &mut reader), 1);
        dying.join().unwrap();
    });
}

#[test]
fn a_sleeping_subscriber_is_woken_when_a_number_before_its_message_is_abandoned() {
    loom::model(|| {
        let topic = topic(Mode::Lossless);
        let mut reader = subscriber(&topic, 0, Start::Newest);
        let mut first = publisher(&topic, 1);
        let room = first.reserve(|_| true).unwrap().unwrap();
        publish(&mut publisher(&topic, 2), 2);
        let abandoning = thread::spawn(move || {
            first.abandon(room);
            first.must_wake_subscribers();
        });
        assert_eq!(sleep_until_message(&topic, &mut reader), 2);
        abandoning.join().unwrap();
    });
}

#[test]
#[should_panic]
fn the_model_catches_a_subscriber_that_does_not_look_at_the_word_behind_its_copy() {
    loom::model(|| {
        let topic = topic(Mode::Lossy);
        let mut reader = subscriber(&topic, 0, Start::Newest);
        publish(&mut publisher(&topic, 2), 1);
        let writing = publishing(&topic, 1, &[2, 3]);
        if let Look::Message(message) = look(&mut reader) {
            let [first, second] = copy_unchecked(&reader, &message);
            assert_eq!(first, second, "torn");
        }
        writing.join().unwrap();
    });
}

#[test]
#[should_panic]
fn the_model_catches_a_subscriber_that_acknowledges_before_it_reads() {
    loom::model(|| {
        let topic = topic(Mode::Lossless);
        let mut reader = subscriber(&topic, 0, Start::Newest);
        let mut first = publisher(&topic, 2);
        publish(&mut first, 1);
        publish(&mut first, 2);
        let writing = publishing(&topic, 1, &[3]);
        let Look::Message(message) = look(&mut reader) else { panic!("it was published") };
        reader.take(&message);
        reader.acknowledge();
        let read = copy_unchecked(&reader, &message);
        writing.join().unwrap();
        assert_eq!(read, [1, 1]);
    });
}

#[test]
#[should_panic]
fn the_model_catches_a_subscriber_that_passes_over_the_claim_of_somebody_who_lives() {
    loom::model(|| {
        let topic = topic(Mode::Lossless);
        let mut reader = subscriber(&topic, 0, Start::Newest);
        let mut living = publisher(&topic, 1);
        let room = living.reserve(|_| true).unwrap().unwrap();
        let writing = thread::spawn(move || {
            let _ = living.commit(room, 2);
        });
        // Twin: it takes publisher 1 for dead.
        let _ = reader.look(|other| other != id(1));
        writing.join().unwrap();
        assert_eq!(reader.next(), 0, "its message is lost");
    });
}

#[test]
#[should_panic]
fn the_model_catches_an_abandoned_number_whose_publisher_wakes_nobody() {
    loom::model(|| {
        let topic = topic(Mode::Lossless);
        let mut reader = subscriber(&topic, 0, Start::Newest);
        let mut first = publisher(&topic, 1);
        let room = first.reserve(|_| true).unwrap().unwrap();
        publish(&mut publisher(&topic, 2), 2);
        let abandoning = thread::spawn(move || first.abandon(room));
        assert_eq!(sleep_until_message(&topic, &mut reader), 2);
        abandoning.join().unwrap();
    });
}
