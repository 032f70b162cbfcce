//! The queue: few places, few ends, some of which are killed.

use crosstie_core::OwnerId;
use crosstie_core::atomic::{AtomicU32, Ordering};
use crosstie_core::queue::end::Fate;
use crosstie_core::queue::job::{Job, State};
use crosstie_core::queue::member::{self, Leaving, Part};
use crosstie_core::queue::memory::Memory;
use crosstie_core::queue::producer::{Producer, Search};
use crosstie_core::ring::sleepers::{Awaits, Sleepers};
use crosstie_core::ring::spsc::Barrier;
use loom::sync::Arc;
use loom::thread;

use crate::queue_memory::{Shared, byte_of, claim, consumer, id, producer, queue, receive, send, send_long};

#[test]
fn a_place_is_written_again_only_after_it_was_read() {
    loom::model(|| {
        let queue = queue(1, 0);
        let mut receiver = consumer(&queue, 0);
        let sender = {
            let queue = queue.clone();
            thread::spawn(move || {
                let mut producer = producer(&queue, 1);
                send(&mut producer, 1);
                send(&mut producer, 2);
            })
        };
        assert_eq!(receive(&mut receiver), (1, 1));
        assert_eq!(receive(&mut receiver), (2, 1));
        sender.join().unwrap();
        assert!(receiver.is_drained());
    });
}

#[test]
fn a_chunk_is_written_again_only_after_it_was_read() {
    loom::model(|| {
        let queue = queue(2, 1);
        let mut receiver = consumer(&queue, 0);
        let sender = {
            let queue = queue.clone();
            thread::spawn(move || {
                let mut producer = producer(&queue, 1);
                send_long(&mut producer, 1, 500);
                send_long(&mut producer, 2, 500);
            })
        };
        assert_eq!(receive(&mut receiver), (1, 1));
        assert_eq!(receive(&mut receiver), (2, 1));
        sender.join().unwrap();
    });
}

#[test]
fn jobs_of_two_senders_are_delivered_once_each() {
    loom::model(|| {
        let queue = queue(2, 0);
        let mut receiver = consumer(&queue, 0);
        let mut first = producer(&queue, 1);
        let sender = {
            let queue = queue.clone();
            thread::spawn(move || {
                send(&mut producer(&queue, 2), 2);
            })
        };
        send(&mut first, 1);
        sender.join().unwrap();
        let mut got = [receive(&mut receiver).0, receive(&mut receiver).0];
        got.sort_unstable();
        assert_eq!(got, [1, 2]);
        assert_eq!(receiver.claim(0).unwrap(), None);
    });
}

#[test]
fn two_receivers_share_jobs_and_what_one_took_the_other_does_not_get() {
    loom::model(|| {
        let queue = queue(2, 0);
        let mut sender = producer(&queue, 0);
        send(&mut sender, 1);
        send(&mut sender, 2);
        let other = {
            let queue = queue.clone();
            thread::spawn(move || receive(&mut consumer(&queue, 2)).0)
        };
        let mine = receive(&mut consumer(&queue, 1)).0;
        let theirs = other.join().unwrap();
        assert_eq!(mine + theirs, 3, "one job twice: {mine} and {theirs}");
    });
}

#[test]
fn a_place_that_a_killed_sender_had_taken_is_free_again_and_nothing_was_sent() {
    loom::model(|| {
        let queue = queue(1, 0);
        let mut receiver = consumer(&queue, 0);
        let victim = {
            let queue = queue.clone();
            thread::spawn(move || {
                let mut producer = producer(&queue, 1);
                let room = producer.reserve(1, Search::Everywhere).unwrap();
                producer.memory().write(room.place, 0, &[9]);
                // Killed here: written, never put in order.
                queue.bury(id(1));
            })
        };
        let mut survivor = producer(&queue, 2);
        while survivor.end().recover(|id| queue.is_alive(id)).unwrap().freed == 0 {
            thread::yield_now();
        }
        send(&mut survivor, 2);
        assert_eq!(receive(&mut receiver), (2, 1));
        victim.join().unwrap();
        assert_eq!(receiver.claim(0).unwrap(), None);
    });
}

#[test]
fn what_a_killed_sender_has_sent_is_delivered_once_whoever_recovers() {
    loom::model(|| {
        let queue = queue(1, 0);
        let victim = {
            let queue = queue.clone();
            thread::spawn(move || {
                send(&mut producer(&queue, 1), 1);
                queue.bury(id(1));
            })
        };
        let mut receiver = consumer(&queue, 0);
        receiver.end().recover(|id| queue.is_alive(id)).unwrap();
        assert_eq!(receive(&mut receiver), (1, 1));
        receiver.end().recover(|id| queue.is_alive(id)).unwrap();
        assert_eq!(receiver.claim(0).unwrap(), None);
        victim.join().unwrap();
    });
}

#[test]
fn a_job_that_a_killed_receiver_held_comes_again_flagged_to_one_of_two_who_recover() {
    loom::model(|| {
        let queue = queue(1, 0);
        send(&mut producer(&queue, 0), 7);
        let mut victim = consumer(&queue, 1);
        let _held = claim(&mut victim);
        queue.bury(id(1));
        let other = {
            let queue = queue.clone();
            thread::spawn(move || {
                let mut other = consumer(&queue, 3);
                other.end().recover(|id| queue.is_alive(id)).unwrap();
                other.claim(0).unwrap().map(|claim| (byte_of(&other, &claim), claim.deliveries))
            })
        };
        let mut survivor = consumer(&queue, 2);
        survivor.end().recover(|id| queue.is_alive(id)).unwrap();
        let mine = survivor.claim(0).unwrap().map(|claim| (byte_of(&survivor, &claim), claim.deliveries));
        let theirs = other.join().unwrap();
        let late = survivor.claim(0).unwrap().map(|claim| (byte_of(&survivor, &claim), claim.deliveries));
        let got: Vec<_> = [mine, theirs, late].into_iter().flatten().collect();
        assert_eq!(got, [(7, 2)]);
    });
}

#[test]
fn an_entry_that_a_killed_receiver_has_not_marked_holds_nobody_up() {
    loom::model(|| {
        let queue = queue(2, 0);
        let mut sender = producer(&queue, 0);
        send(&mut sender, 1);
        // Killed behind its claim: the word is held, the entry is not marked.
        let word = queue.job(0).load(Ordering::Acquire);
        let held = Job::from_bits(word).unwrap().delivered_to(3);
        queue.job(0).store(held.to_bits(), Ordering::Release);
        let other = {
            let queue = queue.clone();
            thread::spawn(move || consumer(&queue, 2).claim(0).unwrap().is_some())
        };
        send(&mut sender, 2);
        let mine = consumer(&queue, 1).claim(0).unwrap().is_some();
        let theirs = other.join().unwrap();
        assert!(!(mine && theirs), "one job twice");
        assert!(mine || theirs || consumer(&queue, 1).claim(0).unwrap().is_some(), "a job is lost");
    });
}

#[test]
fn a_job_whose_giver_was_killed_between_word_and_entry_is_put_back_once() {
    loom::model(|| {
        let queue = queue(1, 0);
        send(&mut producer(&queue, 0), 5);
        let mut victim = consumer(&queue, 1);
        let _held = claim(&mut victim);
        // Killed in `give_back`, behind the change of the word.
        let held = Job::from_bits(queue.job(0).load(Ordering::Acquire)).unwrap();
        let State::Held(member) = held.state else { panic!("not held: {held:?}") };
        queue.job(0).store(held.in_state(State::Offered(member)).to_bits(), Ordering::Release);
        queue.bury(id(1));
        let other = {
            let queue = queue.clone();
            thread::spawn(move || {
                let mut other = consumer(&queue, 3);
                other.end().recover(|id| queue.is_alive(id)).unwrap();
                other.claim(0).unwrap().map(|claim| claim.deliveries)
            })
        };
        let mut survivor = consumer(&queue, 2);
        survivor.end().recover(|id| queue.is_alive(id)).unwrap();
        let mine = survivor.claim(0).unwrap().map(|claim| claim.deliveries);
        let theirs = other.join().unwrap();
        let late = survivor.claim(0).unwrap().map(|claim| claim.deliveries);
        assert_eq!([mine, theirs, late].into_iter().flatten().collect::<Vec<_>>(), [2]);
    });
}

#[test]
fn who_has_the_entry_of_the_dead_since_loses_nothing_to_a_slow_recovery() {
    loom::model(|| {
        let queue = queue(1, 0);
        let victim = consumer(&queue, 1);
        queue.bury(id(1));
        drop(victim);
        let slow = {
            let queue = queue.clone();
            thread::spawn(move || {
                let mut slow = consumer(&queue, 2);
                slow.end().recover(|id| queue.is_alive(id)).unwrap();
            })
        };
        let mut quick = producer(&queue, 0);
        quick.end().recover(|id| queue.is_alive(id)).unwrap();
        // It may have the entry of the dead now, and writes a place while the slow one still looks.
        let mut next = producer(&queue, 3);
        let room = next.reserve(1, Search::Everywhere).unwrap();
        next.memory().write(room.place, 0, &[4]);
        next.commit(room, 1).unwrap();
        slow.join().unwrap();
        assert_eq!(receive(&mut consumer(&queue, 1)), (4, 1));
    });
}

#[test]
fn a_sleeping_receiver_is_woken_by_a_job() {
    loom::model(|| {
        let queue = queue(1, 0);
        let mut receiver = consumer(&queue, 0);
        let sender = {
            let queue = queue.clone();
            thread::spawn(move || {
                send(&mut producer(&queue, 1), 1);
            })
        };
        let got = loop {
            if let Some(claim) = receiver.claim(0).unwrap() {
                break claim;
            }
            let seen = receiver.control().receivers().announce(Awaits::Something);
            if let Some(claim) = receiver.claim(0).unwrap() {
                break claim;
            }
            while receiver.control().receivers().word().load(Ordering::Acquire) == seen {
                thread::yield_now();
            }
        };
        assert_eq!(byte_of(&receiver, &got), 1);
        sender.join().unwrap();
    });
}

/// One who has the only place lets it go again, and says so with `tell`, while another sleeps for it.
fn a_place_is_let_go(tell: fn(&mut Producer<Shared>)) {
    loom::model(move || {
        let queue = queue(1, 0);
        let mut holder = producer(&queue, 0);
        let room = holder.reserve(1, Search::Everywhere).unwrap();
        let letting_go = thread::spawn(move || {
            holder.abandon(room);
            tell(&mut holder);
        });
        let mut sender = producer(&queue, 1);
        loop {
            let seen = sender.control().senders().announce(Awaits::Something);
            if sender.reserve(1, Search::Everywhere).is_some() {
                break;
            }
            while sender.control().senders().word().load(Ordering::Acquire) == seen {
                thread::yield_now();
            }
        }
        letting_go.join().unwrap();
    });
}

#[test]
fn a_sender_that_sleeps_for_a_place_is_woken_by_one_that_was_let_go() {
    a_place_is_let_go(|holder| {
        holder.must_wake_senders();
    });
}

#[test]
#[should_panic]
fn the_model_catches_a_sender_that_lets_a_place_go_in_silence() {
    a_place_is_let_go(|_| {});
}

/// Things that are there, and who sleeps until there are; a futex as the kernel has it.
struct Hall {
    sleepers: Sleepers,
    things: AtomicU32,
    kernel: loom::sync::Mutex<()>,
    woken: loom::sync::Condvar,
}

impl Hall {
    fn take_one(&self) -> bool {
        let take = |found: u32| found.checked_sub(1);
        self.things.fetch_update(Ordering::AcqRel, Ordering::Acquire, take).is_ok()
    }

    fn sleep_while(&self, seen: u32) {
        let held = self.kernel.lock().unwrap();
        if self.sleepers.word().load(Ordering::Acquire) == seen {
            drop(self.woken.wait(held).unwrap());
        }
    }

    fn put_one(&self) {
        self.things.fetch_add(1, Ordering::AcqRel);
        if self.sleepers.must_wake(Barrier::Fence) {
            let _held = self.kernel.lock().unwrap();
            self.woken.notify_all();
        }
    }
}

#[test]
fn of_two_sleepers_none_is_left_asleep_with_something_there() {
    loom::model(|| {
        let hall = Arc::new(Hall {
            sleepers: Sleepers::new(),
            things: AtomicU32::new(0),
            kernel: loom::sync::Mutex::new(()),
            woken: loom::sync::Condvar::new(),
        });
        let sleepers = [0, 1].map(|_| {
            let hall = Arc::clone(&hall);
            thread::spawn(move || {
                loop {
                    let seen = hall.sleepers.announce(Awaits::Something);
                    if hall.take_one() {
                        return;
                    }
                    hall.sleep_while(seen);
                }
            })
        });
        hall.put_one();
        hall.put_one();
        for sleeper in sleepers {
            sleeper.join().unwrap();
        }
    });
}

#[test]
fn who_sees_that_the_last_sender_has_left_sees_all_that_it_sent_and_how_it_ended() {
    loom::model(|| {
        let queue = queue(1, 0);
        let mut receiver = consumer(&queue, 0);
        let seat = member::enter(&queue, id(1), Part::Sender, |_| true).unwrap();
        let sender = {
            let queue = queue.clone();
            thread::spawn(move || {
                send(&mut Producer::new(queue.clone(), seat.index, Barrier::Fence).unwrap(), 1);
                member::leave(&queue, seat, Leaving::Clean);
            })
        };
        let ends = member::Ends::of(&queue, |_| true);
        if !ends.has_sender {
            assert_eq!((ends.ended, ends.died), (1, 0));
            assert!(receiver.claim(0).unwrap().is_some(), "an end before the last message");
        }
        sender.join().unwrap();
    });
}

#[test]
fn a_death_is_told_however_many_recover_from_it() {
    loom::model(|| {
        let queue = queue(1, 0);
        drop(producer(&queue, 1));
        queue.bury(id(1));
        let other = {
            let queue = queue.clone();
            thread::spawn(move || {
                consumer(&queue, 2).end().recover(|id| queue.is_alive(id)).unwrap();
            })
        };
        let mut receiver = consumer(&queue, 0);
        receiver.end().recover(|id| queue.is_alive(id)).unwrap();
        let ends = member::Ends::of(&queue, |id| queue.is_alive(id));
        assert_eq!((ends.has_sender, ends.ended, ends.died), (false, 1, 1));
        other.join().unwrap();
        let ends = member::Ends::of(&queue, |id| queue.is_alive(id));
        assert_eq!((ends.ended, ends.died), (1, 1), "told twice");
    });
}

#[test]
fn a_job_that_is_given_back_comes_again_and_the_late_done_of_its_former_holder_fails() {
    loom::model(|| {
        let queue = queue(1, 0);
        send(&mut producer(&queue, 0), 3);
        let mut first = consumer(&queue, 1);
        let held = claim(&mut first);
        let other = {
            let queue = queue.clone();
            thread::spawn(move || receive(&mut consumer(&queue, 2)))
        };
        first.give_back(held, Fate::Again).unwrap();
        assert!(!first.done(held), "done after it was given back");
        assert_eq!(other.join().unwrap(), (3, 2));
    });
}

#[test]
#[should_panic]
fn the_model_catches_a_receiver_that_is_done_before_it_has_read() {
    loom::model(|| {
        let queue = queue(1, 0);
        let mut receiver = consumer(&queue, 0);
        let sender = {
            let queue = queue.clone();
            thread::spawn(move || {
                let mut producer = producer(&queue, 1);
                send(&mut producer, 1);
                send(&mut producer, 2);
            })
        };
        let claim = claim(&mut receiver);
        receiver.done(claim);
        byte_of(&receiver, &claim);
        sender.join().unwrap();
    });
}

#[test]
#[should_panic]
fn the_model_catches_a_recovery_from_the_death_of_somebody_who_lives() {
    loom::model(|| {
        let queue = queue(1, 0);
        send(&mut producer(&queue, 0), 7);
        let mut living = consumer(&queue, 1);
        let held = claim(&mut living);
        let other = {
            let queue = queue.clone();
            thread::spawn(move || {
                let mut other = consumer(&queue, 2);
                other.end().recover(|id| id != OwnerId::new(1, 1)).unwrap();
                other.claim(0).unwrap().is_some()
            })
        };
        let is_mine = living.done(held);
        assert!(!(is_mine && other.join().unwrap()), "one job was done twice");
        assert!(is_mine, "a job was taken from somebody who lives");
    });
}

#[test]
#[should_panic]
fn the_model_catches_a_receiver_that_sleeps_without_looking_again() {
    loom::model(|| {
        let queue = queue(1, 0);
        let mut receiver = consumer(&queue, 0);
        let sender = {
            let queue = queue.clone();
            thread::spawn(move || send(&mut producer(&queue, 1), 1))
        };
        if receiver.claim(0).unwrap().is_none() {
            let seen = receiver.control().receivers().announce(Awaits::Something);
            while receiver.control().receivers().word().load(Ordering::Acquire) == seen {
                thread::yield_now();
            }
        }
        sender.join().unwrap();
    });
}
