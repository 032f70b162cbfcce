//! What is measured: data.

use std::path::Path;

use crosstie::Result;
use crosstie_measure::compare::subject::{Mechanism, Subject as Compared};
use crosstie_measure::engine::spec::{Lane, Link, Wait};

/// The sizes in order: one line with a ring's header, one line, and one that copying rules.
pub const SIZES: [usize; 3] = [48, 64, LARGE];
/// The size at which copied and lent are told apart.
pub const LARGE: usize = 64 << 10;
/// Places of our queue, and of the peers' queues where they can be chosen.
pub const PLACES: u32 = 1024;

/// Room of the ring that is read in place, as Tachyon's bus has it for long messages: where it is more than a processor's second
/// cache, lines come from the third, which is faster for who only reads them.
const IN_PLACE_BYTES: usize = 8 << 20;

/// What a subject is beside the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The machine's own.
    Floor,
    /// Crosstie's.
    Ours,
    /// Somebody else's, between two processes.
    Peer,
    /// Between two threads of one process: the shadow of the limit, no peer.
    Threads,
}

/// How its two sides are connected.
#[derive(Clone, Copy, Debug)]
pub enum Way {
    /// As `crosstie compare` connects them.
    Compared(Compared),
    /// Crosstie's ring with the room that it has by default, waiting so.
    Ring(Wait),
    /// Crosstie's ring, read in place.
    InPlace,
    /// Crosstie's work queue.
    Queue,
    /// Crosstie's topic, which loses nothing.
    Topic,
    /// What a package of this workspace knows under this name.
    Package(&'static str, &'static str),
    /// Two threads.
    Threads(crate::threads::Shape),
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Subject {
    /// Its name in the table.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// What its ends do while there is nothing.
    pub waits: &'static str,
    /// How its sides are connected.
    pub way: Way,
    /// The sizes at which it is measured.
    pub sizes: &'static [usize],
}

const SMALL: &[usize] = &[48, 64];
const ALL: &[usize] = &SIZES;
const LARGE_ONLY: &[usize] = &[LARGE];

/// The names that targets speak of.
pub const RING: &str = "Crosstie ring, spinning";
/// As [`RING`].
pub const RING_LENT: &str = "Crosstie ring, in place";
/// As [`RING`].
pub const QUEUE: &str = "Crosstie queue, acknowledged";
/// As [`RING`].
pub const TOPIC: &str = "Crosstie topic, lossless";
/// As [`RING`].
pub const ICEORYX2: &str = "iceoryx2";
/// As [`RING`].
pub const TACHYON: &str = "Tachyon";
/// As [`RING`].
pub const ICEORYX2_LENT: &str = "iceoryx2, in place";
/// As [`RING`].
pub const BOOST: &str = "Boost message_queue";
/// As [`RING`].
pub const POSIX: &str = "POSIX message queue";
/// As [`RING`].
pub const CROSSBEAM: &str = "crossbeam-channel";
/// As [`RING`].
pub const BARE_RING: &str = "bare ring";
/// As [`RING`].
pub const CACHE_LINE: &str = "cache line";
/// As [`RING`].
pub const FUTEX_WAKE: &str = "futex wake";

/// The rows in order; what a target divides stands next to what it is divided by, as far as it goes.
pub const SUBJECTS: [Subject; 23] = [
    floor(CACHE_LINE, "spins", Compared::CacheLine, SMALL),
    floor(FUTEX_WAKE, "sleeps", Compared::FutexWake, SMALL),
    floor(BARE_RING, "spins", Compared::BareRing, ALL),
    ours(RING, "spins", Way::Ring(Wait::Spin), ALL),
    peer(TACHYON, "spins", Way::Package("peers-tachyon", "tachyon"), ALL),
    peer(ICEORYX2, "spins", Way::Package("peers-iceoryx2", "iceoryx2"), ALL),
    ours(RING_LENT, "spins", Way::InPlace, LARGE_ONLY),
    peer("Tachyon, in place", "spins", Way::Package("peers-tachyon", "tachyon-lent"), LARGE_ONLY),
    peer(ICEORYX2_LENT, "spins", Way::Package("peers-iceoryx2", "iceoryx2-lent"), LARGE_ONLY),
    ours(QUEUE, "spins, then sleeps", Way::Queue, ALL),
    ours(TOPIC, "spins, then sleeps", Way::Topic, ALL),
    ours("Crosstie ring, sleeping", "sleeps", Way::Ring(Wait::Block), ALL),
    ours("Crosstie unix", "sleeps", Way::Compared(Compared::Row(Mechanism::Unix, Wait::Block)), ALL),
    ours("Crosstie pipe", "sleeps", Way::Compared(Compared::Row(Mechanism::Pipe, Wait::Block)), ALL),
    peer("ZeroMQ, ipc", "sleeps", Way::Package("peers-zeromq", "zeromq"), ALL),
    peer("nng, ipc", "sleeps", Way::Package("peers-nng", "nng"), ALL),
    peer("ipc-channel", "sleeps", Way::Package("peers-ipc-channel", "ipc-channel"), ALL),
    peer(BOOST, "sleeps", Way::Package("peers-boost", "boost"), ALL),
    peer(POSIX, "sleeps", Way::Package(crate::posix::PACKAGE, crate::posix::WAY), SMALL),
    peer("Unix socket", "sleeps", Way::Compared(Compared::BareLoop(Mechanism::Unix)), ALL),
    peer("pipe", "sleeps", Way::Compared(Compared::BareLoop(Mechanism::Pipe)), ALL),
    threads(CROSSBEAM, "spins, then sleeps", crate::threads::Shape::Crossbeam),
    threads("rtrb", "spins", crate::threads::Shape::Rtrb),
];

const fn floor(name: &'static str, waits: &'static str, way: Compared, sizes: &'static [usize]) -> Subject {
    Subject { name, kind: Kind::Floor, waits, way: Way::Compared(way), sizes }
}

const fn ours(name: &'static str, waits: &'static str, way: Way, sizes: &'static [usize]) -> Subject {
    Subject { name, kind: Kind::Ours, waits, way, sizes }
}

const fn peer(name: &'static str, waits: &'static str, way: Way, sizes: &'static [usize]) -> Subject {
    Subject { name, kind: Kind::Peer, waits, way, sizes }
}

const fn threads(name: &'static str, waits: &'static str, shape: crate::threads::Shape) -> Subject {
    Subject { name, kind: Kind::Threads, waits, way: Way::Threads(shape), sizes: SMALL }
}

impl Subject {
    /// Whether messages go one way too, or only there and back.
    pub fn goes_one_way(&self) -> bool {
        !matches!(self.way, Way::Compared(Compared::CacheLine | Compared::FutexWake))
    }

    /// The package whose program runs its sides; `None`: this one's.
    pub fn package(&self) -> Option<&'static str> {
        match self.way {
            Way::Package(package, _) if package != crate::posix::PACKAGE => Some(package),
            _ => None,
        }
    }

    /// How two processes are connected, with whatever that takes in `folder`, which is empty; `None` for threads.
    ///
    /// # Errors
    /// No room.
    pub fn lane(&self, payload_bytes: usize, folder: &Path) -> Result<Option<Lane>> {
        let rings = || Link::Addresses { there: "ring:there".to_owned(), back: "ring:back".to_owned() };
        Ok(match self.way {
            Way::Compared(compared) => Some(compared.lane(payload_bytes, folder)?),
            Way::Ring(wait) => Some(Lane::Crosstie {
                link: rings(),
                wait,
                domain: Some(folder.to_owned()),
                capacity_bytes: None,
            }),
            Way::InPlace => Some(Lane::InPlace {
                link: rings(),
                domain: folder.to_owned(),
                capacity_bytes: IN_PLACE_BYTES,
            }),
            Way::Queue => Some(Lane::Queue { domain: folder.to_owned(), wait: None, places: PLACES }),
            Way::Topic => {
                // As many long messages as iceoryx2 keeps.
                let places = if payload_bytes == LARGE { PLACES / 16 } else { PLACES };
                Some(Lane::Topic { domain: folder.to_owned(), wait: None, places })
            }
            Way::Package(_, way) => Some(Lane::Foreign { way: way.to_owned(), folder: folder.to_owned() }),
            Way::Threads(_) => None,
        })
    }
}
