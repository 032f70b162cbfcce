//! The objects of the storm, each with a number.

use crosstie::ledger::Domain;
use crosstie::shareable::Shareable;
use crosstie::sync::{
    Barrier, Condvar, CountingSemaphore, Lock, Monitor, Mutex, OnDeath, Policy, RwLock, Semaphore, Shared,
    object,
};

/// An object's number in histories.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Thing {
    Fair,
    Fast,
    Data,
    Door,
    Permits,
    Count,
    Buffer,
    Bell,
    Meet,
}

pub const THINGS: [Thing; 9] = [
    Thing::Fair,
    Thing::Fast,
    Thing::Data,
    Thing::Door,
    Thing::Permits,
    Thing::Count,
    Thing::Buffer,
    Thing::Bell,
    Thing::Meet,
];

/// Permits of the semaphore.
pub const PERMITS: u32 = 3;
/// The value that the counting semaphore has when nobody uses it.
pub const COUNT: u32 = 6;
/// Parties of the barrier.
pub const PARTIES: u32 = 2;
/// The most things in the bounded buffers.
pub const ROOM: u64 = 4;
/// As many read at once.
pub const READERS: u64 = 64;

impl Thing {
    pub fn of(number: u64) -> Option<Self> {
        THINGS.get(usize::try_from(number).ok()?).copied()
    }

    /// How many may be there at once, in the units of [`super::history::Entry::units`].
    pub fn room(self) -> u64 {
        match self {
            Self::Fair | Self::Fast | Self::Buffer | Self::Bell => 1,
            Self::Data | Self::Door => READERS,
            Self::Permits => u64::from(PERMITS),
            Self::Count => u64::from(COUNT),
            Self::Meet => u64::MAX,
        }
    }
}

/// A buffer as both the monitor and the condition guard it: how many came, and how many went.
#[derive(Clone, Copy, Debug, Default, Shareable)]
#[repr(C)]
pub struct Traffic {
    pub came: u64,
    pub went: u64,
    /// How many are in it: written in the middle, so that a death shows.
    pub inside: u64,
    /// Not 0: nobody waits any more.
    pub is_closed: u64,
}

impl Traffic {
    pub fn is_torn(&self) -> bool {
        self.came.wrapping_sub(self.went) != self.inside || self.inside > ROOM
    }

    pub fn mend(&mut self) {
        // Who died may have counted one that it did not put in, or not counted one that it took out.
        self.inside = self.came.wrapping_sub(self.went).min(ROOM);
        self.went = self.came.wrapping_sub(self.inside);
    }
}

/// All objects, opened.
#[derive(Clone, Debug)]
pub struct Things {
    pub fair: Shared<Mutex<[u64; 2]>>,
    pub fast: Shared<Mutex<[u64; 2]>>,
    pub data: Shared<RwLock<[u64; 2]>>,
    pub door: Shared<Lock>,
    pub permits: Shared<Semaphore>,
    pub count: Shared<CountingSemaphore>,
    pub buffer: Shared<Monitor<Traffic>>,
    pub guarded: Shared<Mutex<Traffic>>,
    pub bell: Shared<Condvar>,
    pub meet: Shared<Barrier>,
}

/// The objects' names in the domain: kind and name.
const NAMES: [(&str, &str); 10] = [
    ("lock", "fair"),
    ("lock", "fast"),
    ("lock", "data"),
    ("lock", "door"),
    ("sem", "permits"),
    ("count", "count"),
    ("monitor", "buffer"),
    ("lock", "guarded"),
    ("cond", "bell"),
    ("barrier", "meet"),
];

impl Things {
    pub fn open(domain: &'static Domain) -> Result<Self, crosstie::Error> {
        let zero = || [0, 0];
        Ok(Self {
            fair: Mutex::open_or_create_with(domain, "fair", Policy::Fair, zero)?,
            fast: Mutex::open_or_create_with(domain, "fast", Policy::Fast, zero)?,
            data: RwLock::open_or_create_in(domain, "data", zero)?,
            door: Lock::open_or_create_in(domain, "door")?,
            permits: Semaphore::open_or_create_in(domain, "permits", PERMITS)?,
            count: CountingSemaphore::open_or_create_in(domain, "count", COUNT)?,
            buffer: Monitor::open_or_create_in(domain, "buffer", Traffic::default)?,
            guarded: Mutex::open_or_create_with(domain, "guarded", Policy::Fair, Traffic::default)?,
            bell: Condvar::open_or_create_in(domain, "bell")?,
            meet: Barrier::open_or_create_in(domain, "meet", PARTIES, OnDeath::Break)?,
        })
    }

    /// Removes them all from `domain`: nobody uses them any more.
    pub fn remove(self, domain: &'static Domain) -> Result<(), crosstie::Error> {
        drop(self);
        NAMES.iter().try_for_each(|(kind, name)| object::remove(domain, kind, name))
    }
}
