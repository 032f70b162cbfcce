//! A consumer that waits at a doorbell: take the bytes out, announce, look, wait.

use crosstie_core::ring::asleep::{Asleep, Doorbell};
use crosstie_core::ring::spsc::{Consumer, Producer};
use loom::sync::{Arc, Mutex};
use loom::thread;

use super::spsc::{Shared, consumer, producer};

/// What the consumer's `epoll` sees, under the kernel's own lock.
#[derive(Default)]
struct Kernel {
    bytes: u32,
    /// Whether the producer's process has ended.
    has_ended: bool,
}

type Polled = Arc<Mutex<Kernel>>;

const DOORBELL: Asleep = Asleep::AtDoorbell(Doorbell::of(7));

/// When the bytes of before are taken out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Empties {
    First,
    /// The twin's way: behind the last look.
    Last,
}

/// Whether the end of the producer's process ends a wait.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Watches {
    Process,
    /// The twin's way.
    Nobody,
}

fn wait(polled: &Polled, watches: Watches) {
    loop {
        {
            let kernel = polled.lock().unwrap();
            if kernel.bytes > 0 || (kernel.has_ended && watches == Watches::Process) {
                return;
            }
        }
        thread::yield_now();
    }
}

fn await_one(consumer: &mut Consumer<Shared>, polled: &Polled, empties: Empties, watches: Watches) {
    let empty = || polled.lock().unwrap().bytes = 0;
    let record = loop {
        if let Some(record) = consumer.peek().unwrap() {
            break record;
        }
        if empties == Empties::First {
            empty();
        }
        consumer.announce_sleep(DOORBELL);
        if consumer.peek().unwrap().is_none() {
            if empties == Empties::Last {
                empty();
            }
            wait(polled, watches);
        }
    };
    consumer.ack(record);
}

/// Sends; killed before its ring if it does not ring.
fn send(producer: &mut Producer<Shared>, polled: &Polled, rings: bool) {
    producer.push(&[1; 8]);
    if let Some(asleep) = producer.must_wake_consumer()
        && rings
    {
        assert_eq!(asleep, DOORBELL);
        polled.lock().unwrap().bytes += 1;
    }
}

/// As many messages as `rings` says, each with its ring or killed before it, then the process ends.
fn scene(rings: &'static [bool], empties: Empties, watches: Watches) {
    loom::model(move || {
        let (ring, polled) = (Shared::new(), Polled::default());
        let sender = {
            let (ring, polled) = (ring.clone(), Arc::clone(&polled));
            thread::spawn(move || {
                let mut producer = producer(&ring);
                rings.iter().for_each(|&rings| send(&mut producer, &polled, rings));
                polled.lock().unwrap().has_ended = true;
            })
        };
        let mut consumer = consumer(&ring);
        for _ in rings {
            await_one(&mut consumer, &polled, empties, watches);
        }
        sender.join().unwrap();
    });
}

#[test]
fn who_empties_the_doorbell_announces_itself_and_looks_misses_no_message() {
    scene(&[true, true], Empties::First, Watches::Nobody);
}

#[test]
fn a_producer_killed_before_its_ring_leaves_nobody_at_the_doorbell() {
    scene(&[true, false], Empties::First, Watches::Process);
}

#[test]
#[should_panic]
fn the_model_catches_a_doorbell_that_is_emptied_behind_the_last_look() {
    scene(&[true], Empties::Last, Watches::Nobody);
}

#[test]
#[should_panic]
fn the_model_catches_a_wait_at_a_doorbell_that_watches_nobody() {
    scene(&[false], Empties::First, Watches::Nobody);
}
