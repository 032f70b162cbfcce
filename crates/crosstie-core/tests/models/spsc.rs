//! The ring of one producer and one consumer, in a ring of four cells.

use crosstie_core::atomic::{AtomicU32, AtomicU64, Ordering};
use crosstie_core::ring::asleep::Asleep;
use crosstie_core::ring::control::Control;
use crosstie_core::ring::memory::Memory;
use crosstie_core::ring::record::CELL_BYTES;
use crosstie_core::ring::spsc::{Barrier, Consumer, Producer};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

const CELLS: usize = 4;

/// Four cells: the first eight bytes of each are an atomic, the others a cell whose races loom sees.
struct Ring {
    control: Control,
    words: [AtomicU64; CELLS],
    bodies: [UnsafeCell<[u8; 56]>; CELLS],
}

#[derive(Clone)]
pub struct Shared(Arc<Ring>);

impl Shared {
    pub fn new() -> Self {
        Self(Arc::new(Ring {
            control: Control::new(),
            words: std::array::from_fn(|_| AtomicU64::new(0)),
            bodies: std::array::from_fn(|_| UnsafeCell::new([0; 56])),
        }))
    }
}

/// Splits a byte range of the ring into (cell, offset in the cell, length) pieces of words or bodies.
fn pieces(offset: u64, length: usize) -> Vec<(usize, usize, usize)> {
    let (mut at, mut left, mut out) = (usize::try_from(offset).unwrap(), length, Vec::new());
    while left > 0 {
        let within = at % 64;
        let end = if within < 8 { 8 } else { 64 };
        let n = left.min(end - within);
        out.push((at / 64 % CELLS, within, n));
        at += n;
        left -= n;
    }
    out
}

impl Memory for Shared {
    fn capacity_bytes(&self) -> u64 {
        CELLS as u64 * CELL_BYTES
    }
    fn control(&self) -> &Control {
        &self.0.control
    }
    fn commit_word(&self, offset: u64) -> &AtomicU64 {
        &self.0.words[usize::try_from(offset / CELL_BYTES).unwrap()]
    }
    fn write(&self, offset: u64, mut bytes: &[u8]) {
        for (cell, within, n) in pieces(offset, bytes.len()) {
            let (piece, rest) = bytes.split_at(n);
            bytes = rest;
            if within < 8 {
                let mut word = [0; 8];
                word[within..within + n].copy_from_slice(piece);
                // Relaxed: stands for plain payload bytes.
                self.0.words[cell].store(u64::from_le_bytes(word), Ordering::Relaxed);
            } else {
                self.0.bodies[cell].with_mut(|body| {
                    // SAFETY: loom itself checks that no other thread is in this cell.
                    unsafe { (&mut *body)[within - 8..within - 8 + n].copy_from_slice(piece) };
                });
            }
        }
    }
    fn read(&self, offset: u64, mut bytes: &mut [u8]) {
        for (cell, within, n) in pieces(offset, bytes.len()) {
            let (piece, rest) = std::mem::take(&mut bytes).split_at_mut(n);
            bytes = rest;
            if within < 8 {
                // Relaxed: stands for plain payload bytes.
                let word = self.0.words[cell].load(Ordering::Relaxed).to_le_bytes();
                piece.copy_from_slice(&word[within..within + n]);
            } else {
                self.0.bodies[cell].with(|body| {
                    // SAFETY: loom itself checks that no other thread writes this cell.
                    unsafe { piece.copy_from_slice(&(&*body)[within - 8..within - 8 + n]) };
                });
            }
        }
    }
}

pub fn producer(ring: &Shared) -> Producer<Shared> {
    Producer::attach(ring.clone(), Barrier::Fence).unwrap()
}

pub fn consumer(ring: &Shared) -> Consumer<Shared> {
    Consumer::attach(ring.clone(), Barrier::Fence).unwrap()
}

/// A futex in the model: returns when the word is no longer 1.
fn sleep_on(word: &AtomicU32) {
    while word.load(Ordering::Acquire) == 1 {
        thread::yield_now();
    }
}

/// Sends, sleeping while the ring is full.
fn send(producer: &mut Producer<Shared>, payload: &[u8]) {
    let length = u32::try_from(payload.len()).unwrap();
    while !producer.fits(length).unwrap() {
        producer.announce_sleep(Asleep::OnWord);
        if !producer.fits(length).unwrap() {
            sleep_on(producer.memory().control().producer_waits());
        }
    }
    producer.push(payload);
    producer.must_wake_consumer();
}

/// Receives, sleeping while the ring is empty.
fn receive(consumer: &mut Consumer<Shared>) -> Vec<u8> {
    let record = loop {
        if let Some(record) = consumer.poll(None) {
            break record;
        }
        consumer.announce_sleep(Asleep::OnWord);
        if consumer.peek().unwrap().is_none() {
            sleep_on(consumer.memory().control().consumer_waits());
        }
    };
    let mut payload = vec![0; record.payload_bytes as usize];
    consumer.memory().read(consumer.payload_offset(record), &mut payload);
    consumer.ack(record);
    consumer.must_wake_producer();
    payload
}

/// A payload over two cells whose second cell begins with a forged commit word of the next lap.
fn forgery() -> Vec<u8> {
    let mut payload = vec![9; 72];
    let next_lap_tag: u64 = 2;
    payload[56..64].copy_from_slice(&((next_lap_tag << 32) | 8).to_le_bytes());
    payload
}

#[test]
fn messages_arrive_in_order_through_a_full_ring_and_no_sleeper_is_left() {
    loom::model(|| {
        let ring = Shared::new();
        let sender = {
            let ring = ring.clone();
            thread::spawn(move || {
                let mut producer = producer(&ring);
                for n in 1..=3u8 {
                    send(&mut producer, &[n; 72]);
                }
            })
        };
        let mut consumer = consumer(&ring);
        for n in 1..=3u8 {
            assert_eq!(receive(&mut consumer), [n; 72]);
        }
        sender.join().unwrap();
        assert_eq!(consumer.peek().unwrap(), None);
    });
}

#[test]
fn payload_bytes_that_look_like_a_commit_word_never_become_a_message() {
    loom::model(|| {
        let ring = Shared::new();
        let (mut first, mut reader) = (producer(&ring), consumer(&ring));
        send(&mut first, &[1; 8]);
        send(&mut first, &forgery()); // cells 1, 2: the forged word lies in cell 2
        send(&mut first, &[3; 8]); // cell 3
        for _ in 0..3 {
            receive(&mut reader);
        }
        let sender = thread::spawn(move || {
            send(&mut first, &[4; 72]); // cells 0, 1 of lap 2: the next head is the forged cell
        });
        assert_eq!(receive(&mut reader), [4; 72]);
        assert_eq!(reader.peek().unwrap(), None, "a forged word was taken for a message");
        sender.join().unwrap();
    });
}

#[test]
fn a_producer_killed_before_its_commit_leaves_no_trace_and_its_successor_goes_on() {
    loom::model(|| {
        let ring = Shared::new();
        let victim = {
            let ring = ring.clone();
            thread::spawn(move || {
                let mut producer = producer(&ring);
                send(&mut producer, &[1; 8]);
                assert!(producer.fits(72).unwrap());
                let offset = producer.reserve(72);
                producer.memory().write(offset, &forgery());
                // Killed here: written, never committed, nobody woken.
            })
        };
        let mut reader = consumer(&ring);
        assert_eq!(receive(&mut reader), [1; 8]);
        assert_eq!(reader.peek().unwrap(), None);
        victim.join().unwrap();
        send(&mut producer(&ring), &[2; 8]);
        assert_eq!(receive(&mut reader), [2; 8]);
        assert_eq!(reader.peek().unwrap(), None);
    });
}

#[test]
fn a_message_that_a_killed_consumer_held_comes_again() {
    loom::model(|| {
        let ring = Shared::new();
        let sender = {
            let ring = ring.clone();
            thread::spawn(move || {
                let mut producer = producer(&ring);
                send(&mut producer, &[1; 72]);
                send(&mut producer, &[2; 72]);
                send(&mut producer, &[3; 72]);
            })
        };
        let mut victim = consumer(&ring);
        receive(&mut victim);
        while victim.peek().unwrap().is_none() {
            thread::yield_now();
        }
        drop(victim); // Killed with the second message in hand.
        let mut successor = consumer(&ring);
        assert_eq!(receive(&mut successor), [2; 72]);
        assert_eq!(receive(&mut successor), [3; 72]);
        sender.join().unwrap();
    });
}

/// Sends, asking only for the credit that the consumer publishes lazily.
fn send_on_credit(producer: &mut Producer<Shared>, payload: &[u8]) {
    while !producer.fits_lazily(u32::try_from(payload.len()).unwrap()).unwrap() {
        thread::yield_now();
    }
    producer.push(payload);
    producer.must_wake_consumer();
}

#[test]
fn credit_is_given_only_for_what_has_been_read_also_by_a_consumer_that_has_taken_over() {
    loom::model(|| {
        let ring = Shared::new();
        let sender = {
            let ring = ring.clone();
            thread::spawn(move || {
                let mut producer = producer(&ring);
                for n in 1..=3u8 {
                    send_on_credit(&mut producer, &[n; 72]);
                }
            })
        };
        let mut first = consumer(&ring);
        let record = loop {
            if let Some(record) = first.poll(None) {
                break record;
            }
            thread::yield_now();
        };
        first.memory().read(first.payload_offset(record), &mut [0; 72]);
        first.ack(record);
        drop(first); // Killed before its wake, and so before its fence.
        let mut successor = consumer(&ring);
        assert_eq!(receive(&mut successor), [2; 72]);
        assert_eq!(receive(&mut successor), [3; 72]);
        sender.join().unwrap();
    });
}

#[test]
fn a_producer_that_takes_over_overwrites_only_what_has_been_read() {
    loom::model(|| {
        let ring = Shared::new();
        let mut first = producer(&ring);
        send(&mut first, &[1; 72]);
        send(&mut first, &[2; 72]);
        drop(first);
        let receiver = {
            let ring = ring.clone();
            thread::spawn(move || {
                let mut consumer = consumer(&ring);
                for n in 1..=3u8 {
                    assert_eq!(receive(&mut consumer), [n; 72]);
                }
            })
        };
        thread::yield_now(); // so that some runs begin with messages acknowledged
        send(&mut producer(&ring), &[3; 72]);
        receiver.join().unwrap();
    });
}

#[test]
fn messages_that_are_held_are_acknowledged_together_or_come_again_together() {
    loom::model(|| {
        let ring = Shared::new();
        let sender = {
            let ring = ring.clone();
            thread::spawn(move || {
                let mut producer = producer(&ring);
                for n in 1..=3u8 {
                    send(&mut producer, &[n; 72]);
                }
            })
        };
        let victim = consumer(&ring);
        let first = loop {
            match victim.peek().unwrap() {
                Some(record) => break record,
                None => thread::yield_now(),
            }
        };
        while victim.poll(Some(first)).is_none() {
            thread::yield_now();
        }
        drop(victim); // Killed with two messages in hand.
        let mut successor = consumer(&ring);
        let first = successor.peek().unwrap().unwrap();
        let second = successor.peek_behind(first).unwrap().unwrap();
        for (n, record) in [(1, first), (2, second)] {
            let mut payload = [0; 72];
            successor.memory().read(successor.payload_offset(record), &mut payload);
            assert_eq!(payload, [n; 72]);
        }
        successor.ack(second);
        successor.must_wake_producer();
        assert_eq!(receive(&mut successor), [3; 72]);
        sender.join().unwrap();
    });
}

#[test]
#[should_panic]
fn the_model_catches_a_consumer_that_sleeps_without_looking_again() {
    loom::model(|| {
        let ring = Shared::new();
        let sender = {
            let ring = ring.clone();
            thread::spawn(move || send(&mut producer(&ring), &[1; 8]))
        };
        let mut consumer = consumer(&ring);
        if consumer.peek().unwrap().is_none() {
            consumer.announce_sleep(Asleep::OnWord);
            sleep_on(consumer.memory().control().consumer_waits());
        }
        sender.join().unwrap();
    });
}

#[test]
#[should_panic]
fn the_model_catches_a_consumer_that_acknowledges_before_it_has_read() {
    loom::model(|| {
        let ring = Shared::new();
        let sender = {
            let ring = ring.clone();
            thread::spawn(move || {
                let mut producer = producer(&ring);
                for n in 1..=3u8 {
                    send(&mut producer, &[n; 72]);
                }
            })
        };
        let mut consumer = consumer(&ring);
        for _ in 0..3 {
            let record = loop {
                if let Some(record) = consumer.peek().unwrap() {
                    break record;
                }
                thread::yield_now();
            };
            consumer.ack(record);
            consumer.must_wake_producer();
            let mut payload = [0; 72];
            consumer.memory().read(consumer.payload_offset(record), &mut payload);
        }
        sender.join().unwrap();
    });
}
