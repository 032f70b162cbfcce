//! A message that its sender takes back: nobody gets it, or somebody has it and it is not taken back.

use crosstie_core::queue::end::Ticket;
use crosstie_core::queue::memory::Memory;
use crosstie_core::queue::producer::{Producer, Search};
use loom::thread;

use crate::queue_memory::{Shared, byte_of, consumer, id, producer, queue, receive, send};

fn send_tracked(producer: &mut Producer<Shared>, byte: u8) -> Ticket {
    let room = producer.reserve(1, Search::Everywhere).unwrap();
    let ticket = room.ticket();
    producer.memory().write(room.place, 0, &[byte]);
    producer.commit(room, 1).unwrap();
    ticket
}

#[test]
fn what_its_sender_takes_back_nobody_gets_and_what_somebody_has_stays_sent() {
    loom::model(|| {
        let queue = queue(1, 0);
        let mut sender = producer(&queue, 0);
        let ticket = send_tracked(&mut sender, 1);
        let other = {
            let queue = queue.clone();
            thread::spawn(move || {
                let mut receiver = consumer(&queue, 1);
                let claim = receiver.claim(0).unwrap()?;
                let byte = byte_of(&receiver, &claim);
                assert!(receiver.done(claim));
                Some(byte)
            })
        };
        let is_withdrawn = sender.withdraw(ticket);
        assert!(!sender.withdraw(ticket), "once");
        // Into the same place: nobody reads there any more.
        send(&mut sender, 2);
        let got = other.join().unwrap();
        assert!(if is_withdrawn { got != Some(1) } else { got == Some(1) }, "{is_withdrawn}, {got:?}");
        let mut receiver = consumer(&queue, 2);
        if got != Some(2) {
            assert_eq!(receive(&mut receiver), (2, 1));
        }
        assert_eq!(receiver.claim(0).unwrap(), None);
    });
}

#[test]
fn a_sender_that_is_killed_behind_its_withdrawal_leaves_a_free_place() {
    loom::model(|| {
        let queue = queue(1, 0);
        let victim = {
            let queue = queue.clone();
            thread::spawn(move || {
                let mut sender = producer(&queue, 0);
                let ticket = send_tracked(&mut sender, 1);
                let is_withdrawn = sender.withdraw(ticket);
                queue.bury(id(0));
                is_withdrawn
            })
        };
        let mut receiver = consumer(&queue, 1);
        let early = receiver.claim(0).unwrap().map(|claim| {
            let byte = byte_of(&receiver, &claim);
            assert!(receiver.done(claim));
            byte
        });
        assert_eq!(early.is_none(), victim.join().unwrap());
        receiver.end().recover(|id| queue.is_alive(id)).unwrap();
        assert_eq!(receiver.claim(0).unwrap(), None);
        send(&mut producer(&queue, 2), 3);
        assert_eq!(receive(&mut receiver), (3, 1));
    });
}
