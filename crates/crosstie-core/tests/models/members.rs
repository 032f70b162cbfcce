//! The entries of a channel's ends: whoever finds that a sender's is another's, or nobody's, knows how it ended.

use crosstie_core::OwnerId;
use crosstie_core::queue::end::End;
use crosstie_core::queue::member::{self, Ends, Leaving, Part, Roster as _, Seat};
use crosstie_core::queue::memory::MEMBERS;
use crosstie_core::ring::spsc::Barrier;
use loom::thread;

use crate::queue_memory::{Shared, consumer, id, producer, queue, send};

fn enter(queue: &Shared, id: OwnerId, part: Part) -> Seat {
    member::enter(queue, id, part, |id| queue.is_alive(id)).unwrap()
}

/// Waits until somebody else has the entry of the dead `id`, or nobody; answers how many senders are told to have died then.
fn died_when_it_was_taken(queue: &Shared, entry: u16, id: OwnerId) -> u64 {
    while queue.member(entry).read().is_some_and(|(found, _)| found == id) {
        thread::yield_now();
    }
    Ends::of(queue, |id| queue.is_alive(id)).died
}

/// A queue whose last entry is that of a dead sender, and all others those of receivers that live.
fn all_taken() -> (Shared, OwnerId, u16) {
    let queue = queue(1, 0);
    for slot in 0..u32::from(MEMBERS) - 1 {
        enter(&queue, id(slot), Part::Receiver);
    }
    let dead = id(u32::from(MEMBERS) - 1);
    let seat = enter(&queue, dead, Part::Sender);
    queue.bury(dead);
    (queue, dead, seat.index)
}

#[test]
fn a_death_is_known_to_who_finds_the_entry_vacant_though_it_was_used_since() {
    loom::model(|| {
        let (queue, dead, entry) = all_taken();
        let comes_and_goes = {
            let queue = queue.clone();
            thread::spawn(move || {
                // Whom it takes for alive it does not inherit from: it comes when the entry is vacant, or not at all.
                if let Some(seat) = member::enter(&queue, id(1), Part::Receiver, |_| true) {
                    member::leave(&queue, seat, Leaving::Clean);
                }
            })
        };
        let looks = {
            let queue = queue.clone();
            thread::spawn(move || died_when_it_was_taken(&queue, entry, dead))
        };
        let mut end = End::new(queue.clone(), 0, Barrier::Fence).unwrap();
        end.recover(|id| queue.is_alive(id)).unwrap();
        assert_eq!(looks.join().unwrap(), 1, "the sender's entry is another's, and its death is not known");
        comes_and_goes.join().unwrap();
    });
}

#[test]
fn a_death_is_known_to_who_finds_that_another_has_inherited_the_entry() {
    loom::model(|| {
        let (queue, dead, entry) = all_taken();
        let looks = {
            let queue = queue.clone();
            thread::spawn(move || died_when_it_was_taken(&queue, entry, dead))
        };
        assert_eq!(enter(&queue, id(0), Part::Receiver).index, entry);
        assert_eq!(looks.join().unwrap(), 1, "the sender's entry is another's, and its death is not known");
    });
}

#[test]
fn a_clean_end_is_known_to_who_finds_the_entry_vacant() {
    loom::model(|| {
        let queue = queue(1, 0);
        let seat = enter(&queue, id(1), Part::Sender);
        let leaver = {
            let queue = queue.clone();
            thread::spawn(move || member::leave(&queue, seat, Leaving::Clean))
        };
        let ends = loop {
            let ends = Ends::of(&queue, |id| queue.is_alive(id));
            if !ends.has_sender {
                break ends;
            }
            thread::yield_now();
        };
        assert_eq!(ends.ended, 1, "a sender has gone, and nobody knows how");
        leaver.join().unwrap();
    });
}

#[test]
fn who_comes_late_goes_on_where_the_queue_is() {
    loom::model(|| {
        let queue = queue(1, 0);
        let (mut sender, mut receiver) = (producer(&queue, 0), consumer(&queue, 1));
        let late = {
            let queue = queue.clone();
            // However old what it sees of the entries, it is no broken order.
            thread::spawn(move || consumer(&queue, 2).claim(0).unwrap().is_none())
        };
        // Two laps.
        for byte in 1..=4 {
            send(&mut sender, byte);
            if let Some(claim) = receiver.claim(0).unwrap() {
                assert!(receiver.done(claim));
            } else {
                break;
            }
        }
        late.join().unwrap();
    });
}
