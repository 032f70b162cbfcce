//! A topic of two slots and few ends, in memory whose stale values loom sees; and what its ends do.

use crosstie_core::OwnerId;
use crosstie_core::atomic::{AtomicU32, AtomicU64, Ordering};
use crosstie_core::queue::member::{self, Member, Part, Roster, Tally};
use crosstie_core::queue::memory::MEMBERS;
use crosstie_core::ring::spsc::Barrier;
use crosstie_core::topic::control::{Control, Cursor};
use crosstie_core::topic::memory::{Geometry, Memory, Mode};
use crosstie_core::topic::publisher::{Committed, Publisher};
use crosstie_core::topic::subscriber::{Look, Message, Start, Subscriber};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

const SLOTS: usize = 2;

struct Topic {
    geometry: Geometry,
    control: Control,
    members: Vec<Member>,
    cursors: Vec<Cursor>,
    words: Vec<AtomicU64>,
    extents: Vec<AtomicU64>,
    /// Payloads of two halves, which a message writes alike.
    payloads: Vec<[AtomicU64; 2]>,
    /// In each slot a byte that is written and read with the payload where nothing may be overwritten that is read: loom sees their races.
    guarded: Vec<UnsafeCell<u8>>,
    /// Who is dead, as the kernel's mark tells it.
    dead: Vec<AtomicU32>,
}

#[derive(Clone)]
pub struct Shared(Arc<Topic>);

pub fn topic(mode: Mode) -> Shared {
    let words = || (0..SLOTS).map(|_| AtomicU64::new(0)).collect();
    Shared(Arc::new(Topic {
        geometry: Geometry::new(mode, SLOTS as u64, 2).unwrap(),
        control: Control::new(),
        members: (0..MEMBERS).map(|_| Member::new()).collect(),
        cursors: (0..MEMBERS).map(|_| Cursor::new()).collect(),
        words: words(),
        extents: words(),
        payloads: (0..SLOTS).map(|_| [AtomicU64::new(0), AtomicU64::new(0)]).collect(),
        guarded: (0..SLOTS).map(|_| UnsafeCell::new(0)).collect(),
        dead: (0..MEMBERS).map(|_| AtomicU32::new(0)).collect(),
    }))
}

fn at(index: u32) -> usize {
    usize::try_from(index).unwrap()
}

impl Shared {
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
    fn cursor(&self, index: u16) -> &Cursor {
        &self.0.cursors[usize::from(index)]
    }
    fn word(&self, slot: u32) -> &AtomicU64 {
        &self.0.words[at(slot)]
    }
    fn extent(&self, slot: u32) -> &AtomicU64 {
        &self.0.extents[at(slot)]
    }
    fn write(&self, slot: u32, _: usize, bytes: &[u8]) {
        if self.0.geometry.mode == Mode::Lossless {
            self.0.guarded[at(slot)].with_mut(|_| ());
        }
        for half in &self.0.payloads[at(slot)] {
            // Relaxed: plain memory has no order of its own.
            half.store(u64::from(bytes[0]), Ordering::Relaxed);
        }
    }
    fn read(&self, slot: u32, bytes: &mut [u8]) {
        if self.0.geometry.mode == Mode::Lossless {
            self.0.guarded[at(slot)].with(|_| ());
        }
        for (byte, half) in bytes.iter_mut().zip(&self.0.payloads[at(slot)]) {
            // Relaxed: as in `write`.
            *byte = u8::try_from(half.load(Ordering::Relaxed)).unwrap();
        }
    }
}

pub fn id(slot: u32) -> OwnerId {
    OwnerId::new(slot, 1)
}

pub fn publisher(topic: &Shared, slot: u32) -> Publisher<Shared> {
    let seat = member::enter(topic, id(slot), Part::Sender, |id| topic.is_alive(id)).unwrap();
    Publisher::new(topic.clone(), seat.index, Barrier::Fence).unwrap()
}

pub fn subscriber(topic: &Shared, slot: u32, start: Start) -> Subscriber<Shared> {
    let seat = member::enter(topic, id(slot), Part::Receiver, |id| topic.is_alive(id)).unwrap();
    Subscriber::join(topic.clone(), seat.index, Barrier::Fence, start, || {}).unwrap()
}

/// Publishes a byte as soon as it may; answers its number.
pub fn publish(publisher: &mut Publisher<Shared>, byte: u8) -> u64 {
    loop {
        let topic = publisher.memory().clone();
        let Some(room) = publisher.reserve(|id| topic.is_alive(id)).unwrap() else {
            thread::yield_now();
            continue;
        };
        let number = room.number;
        topic.write(room.slot, 0, &[byte]);
        match publisher.commit(room, 2) {
            Committed::Published => return number,
            Committed::Lapped(room) => publisher.abandon(room),
        }
    }
}

/// Copies a message out; `None` if it was overwritten meanwhile.
pub fn copy(subscriber: &mut Subscriber<Shared>, message: &Message) -> Option<u8> {
    let byte = copy_unchecked(subscriber, message);
    if !subscriber.is_whole(message) {
        return None;
    }
    subscriber.take(message);
    let [first, second] = byte;
    assert_eq!(first, second, "a message is torn");
    Some(first)
}

pub fn copy_unchecked(subscriber: &Subscriber<Shared>, message: &Message) -> [u8; 2] {
    let mut halves = [0; 2];
    subscriber.memory().read(message.slot, &mut halves);
    halves
}

/// What is next, whoever is dead.
pub fn look(subscriber: &mut Subscriber<Shared>) -> Look {
    let topic = subscriber.memory().clone();
    subscriber.look(|id| topic.is_alive(id)).unwrap()
}

/// Waits for the next message, reads it where it lies, and acknowledges it.
pub fn read(subscriber: &mut Subscriber<Shared>) -> u8 {
    loop {
        match look(subscriber) {
            Look::Message(message) => {
                let byte = copy(subscriber, &message).expect("nobody overwrites what is not acknowledged");
                subscriber.acknowledge();
                return byte;
            }
            Look::Nothing => thread::yield_now(),
            Look::Lost(from, to) => panic!("{from} to {to} are lost"),
        }
    }
}
