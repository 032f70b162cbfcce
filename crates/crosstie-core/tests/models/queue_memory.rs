//! A queue of few places and few ends, in memory whose races loom sees; and what its ends do.

use crosstie_core::OwnerId;
use crosstie_core::atomic::{AtomicU32, AtomicU64, Ordering};
use crosstie_core::queue::consumer::{Claim, Consumer};
use crosstie_core::queue::control::Control;
use crosstie_core::queue::member::{self, Member, Part, Roster, Tally};
use crosstie_core::queue::memory::{Geometry, MEMBERS, Memory, Place};
use crosstie_core::queue::order::Order;
use crosstie_core::queue::producer::{Producer, Search};
use crosstie_core::ring::spsc::Barrier;
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

struct Queue {
    geometry: Geometry,
    control: Control,
    members: Vec<Member>,
    jobs: Vec<AtomicU64>,
    extents: Vec<AtomicU64>,
    delivered: Vec<AtomicU64>,
    orders: [Vec<AtomicU64>; 2],
    chunks: Vec<AtomicU64>,
    /// Payloads of one byte, whose races loom sees.
    in_line: Vec<UnsafeCell<u8>>,
    pooled: Vec<UnsafeCell<u8>>,
    /// Who is dead, as the kernel's mark tells it.
    dead: Vec<AtomicU32>,
}

#[derive(Clone)]
pub struct Shared(Arc<Queue>);

fn words(count: u32) -> Vec<AtomicU64> {
    (0..count).map(|_| AtomicU64::new(0)).collect()
}

pub fn queue(jobs: u64, chunks: u64) -> Shared {
    let geometry = Geometry::new(jobs, chunks, 3, 0).unwrap();
    Shared(Arc::new(Queue {
        geometry,
        control: Control::new(),
        members: (0..MEMBERS).map(|_| Member::new()).collect(),
        jobs: words(geometry.jobs),
        extents: words(geometry.jobs),
        delivered: words(geometry.jobs),
        orders: [words(geometry.order_slots()), words(geometry.order_slots())],
        chunks: words(geometry.chunks),
        in_line: (0..geometry.jobs).map(|_| UnsafeCell::new(0)).collect(),
        pooled: (0..geometry.chunks).map(|_| UnsafeCell::new(0)).collect(),
        dead: (0..MEMBERS).map(|_| AtomicU32::new(0)).collect(),
    }))
}

fn at(index: u32) -> usize {
    usize::try_from(index).unwrap()
}

impl Shared {
    fn cell(&self, place: Place) -> &UnsafeCell<u8> {
        match place {
            Place::InLine { job } => &self.0.in_line[at(job)],
            Place::Pooled { first_chunk } => &self.0.pooled[at(first_chunk)],
        }
    }

    /// The kernel's mark; the victim does nothing after it.
    pub fn bury(&self, id: OwnerId) {
        self.0.dead[at(id.slot())].store(1, Ordering::Release);
    }

    pub fn is_alive(&self, id: OwnerId) -> bool {
        self.0.dead[at(id.slot())].load(Ordering::Acquire) == 0
    }
}

impl Roster for Shared {
    fn member(&self, index: u16) -> &Member {
        &self.0.members[usize::from(index)]
    }
    fn tally(&self) -> &Tally {
        self.0.control.tally()
    }
}

impl Memory for Shared {
    fn geometry(&self) -> Geometry {
        self.0.geometry
    }
    fn control(&self) -> &Control {
        &self.0.control
    }
    fn job(&self, job: u32) -> &AtomicU64 {
        &self.0.jobs[at(job)]
    }
    fn extent(&self, job: u32) -> &AtomicU64 {
        &self.0.extents[at(job)]
    }
    fn delivered_at(&self, job: u32) -> &AtomicU64 {
        &self.0.delivered[at(job)]
    }
    fn order(&self, order: Order, slot: u32) -> &AtomicU64 {
        &self.0.orders[order.index()][at(slot)]
    }
    fn chunk(&self, chunk: u32) -> &AtomicU64 {
        &self.0.chunks[at(chunk)]
    }
    fn write(&self, place: Place, _: usize, bytes: &[u8]) {
        // SAFETY: loom itself checks that no other thread is in this cell.
        self.cell(place).with_mut(|cell| unsafe { *cell = bytes[0] });
    }
    fn read(&self, place: Place, bytes: &mut [u8]) {
        // SAFETY: loom itself checks that no other thread writes this cell.
        self.cell(place).with(|cell| bytes[0] = unsafe { *cell });
    }
}

pub fn id(slot: u32) -> OwnerId {
    OwnerId::new(slot, 1)
}

pub fn producer(queue: &Shared, slot: u32) -> Producer<Shared> {
    let seat = member::enter(queue, id(slot), Part::Sender, |id| queue.is_alive(id)).unwrap();
    Producer::new(queue.clone(), seat.index, Barrier::Fence).unwrap()
}

pub fn consumer(queue: &Shared, slot: u32) -> Consumer<Shared> {
    let seat = member::enter(queue, id(slot), Part::Receiver, |id| queue.is_alive(id)).unwrap();
    Consumer::new(queue.clone(), seat.index, Barrier::Fence).unwrap()
}

/// Sends one byte once there is room for `length` of them; answers whether a receiver is to be woken.
pub fn send_long(producer: &mut Producer<Shared>, byte: u8, length: u32) -> bool {
    let room = loop {
        match producer.reserve(length, Search::Everywhere) {
            Some(room) => break room,
            None => thread::yield_now(),
        }
    };
    producer.memory().write(room.place, 0, &[byte]);
    producer.commit(room, length).unwrap();
    producer.must_wake_receivers()
}

pub fn send(producer: &mut Producer<Shared>, byte: u8) -> bool {
    send_long(producer, byte, 1)
}

pub fn byte_of(consumer: &Consumer<Shared>, claim: &Claim) -> u8 {
    let mut bytes = [0];
    consumer.memory().read(claim.place, &mut bytes);
    bytes[0]
}

/// Waits for a job.
pub fn claim(consumer: &mut Consumer<Shared>) -> Claim {
    loop {
        if let Some(claim) = consumer.claim(0).unwrap() {
            return claim;
        }
        thread::yield_now();
    }
}

/// Takes a job, reads it, and is done with it.
pub fn receive(consumer: &mut Consumer<Shared>) -> (u8, u8) {
    let claim = claim(consumer);
    let byte = byte_of(consumer, &claim);
    assert!(consumer.done(claim));
    (byte, claim.deliveries)
}
