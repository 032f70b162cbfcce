//! What one cell of a run measures, and how its two sides are connected.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::Path;

use crosstie::{Error, Result};

use crate::engine::spec::{Lane, Link, Wait};
use crate::floor::bare_ring::Cut;
use crate::floor::lines::SharedLines;
use crate::floor::{cache_line, futex_wake};

/// The mechanisms, by the names that they have in a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mechanism {
    /// A pipe between relatives.
    Pipe,
    /// A named pipe.
    Fifo,
    /// The ring in shared memory.
    Shm,
    /// The work queue in shared memory, each message done before the next.
    Queue,
    /// The topic in shared memory, which loses nothing here.
    Topic,
    /// A Unix stream socket.
    Unix,
    /// A Unix socket that keeps packets apart.
    UnixPacket,
    /// TCP, over loopback.
    Tcp,
    /// UDP, over loopback.
    Udp,
}

impl Mechanism {
    /// All of them, in the order in which they are measured.
    pub const ALL: [Self; 9] = [
        Self::Shm,
        Self::Queue,
        Self::Topic,
        Self::Pipe,
        Self::Fifo,
        Self::Unix,
        Self::UnixPacket,
        Self::Tcp,
        Self::Udp,
    ];

    /// The name in a report.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pipe => "pipe",
            Self::Fifo => "fifo",
            Self::Shm => "shm",
            Self::Queue => "queue",
            Self::Topic => "topic",
            Self::Unix => "unix",
            Self::UnixPacket => "unixpacket",
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }

    /// Whether it is a mechanism of the kernel, with a bare loop of reads and writes beside it.
    #[must_use]
    pub fn has_bare_loop(self) -> bool {
        !matches!(self, Self::Shm | Self::Queue | Self::Topic)
    }

    /// Why a payload of this size is not for this mechanism.
    #[must_use]
    pub fn refusal(self, payload_bytes: usize) -> Option<&'static str> {
        (self == Self::Udp && payload_bytes > DATAGRAM_BYTES_MAX).then_some("n/a: above 65,507 bytes")
    }
}

/// The largest datagram of UDP over IPv4.
const DATAGRAM_BYTES_MAX: usize = 65_507;

/// Places of a queue or a topic for a payload: as many as a ring of [`ring_bytes`] holds, from 4 to 1,024.
#[must_use]
pub fn places(payload_bytes: usize) -> u32 {
    let held = ring_bytes(payload_bytes) / (payload_bytes + 64);
    u32::try_from(held.clamp(4, 1_024).next_power_of_two()).unwrap_or(4)
}

/// What a cell measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// One cache line there and back.
    CacheLine,
    /// Two processes waking each other.
    FutexWake,
    /// A message lent in place, whatever its size.
    HandOver,
    /// The ring without any check.
    BareRing,
    /// Reads and writes on the mechanism's kernel object, and nothing else.
    BareLoop(Mechanism),
    /// The mechanism, as Crosstie offers it.
    Row(Mechanism, Wait),
}

/// Bytes of a ring, ours or the bare one, for a payload: 256 KiB, or room for three messages.
#[must_use]
pub fn ring_bytes(payload_bytes: usize) -> usize {
    (256 << 10).max((payload_bytes + 64).next_power_of_two() * 2)
}

impl Subject {
    /// Whether messages go one way too, or only there and back.
    #[must_use]
    pub fn goes_one_way(self) -> bool {
        matches!(self, Self::BareRing | Self::BareLoop(_) | Self::Row(..))
    }

    /// Whether it is measured in both regimes of a ring: kept up, and full.
    #[must_use]
    pub fn has_regimes(self) -> bool {
        matches!(self, Self::BareRing | Self::Row(Mechanism::Shm, Wait::Spin))
    }

    /// The mechanism that is measured, if it is one.
    #[must_use]
    pub fn mechanism(self) -> Option<Mechanism> {
        match self {
            Self::BareLoop(mechanism) | Self::Row(mechanism, _) => Some(mechanism),
            Self::CacheLine | Self::FutexWake | Self::HandOver | Self::BareRing => None,
        }
    }

    /// How two sides are connected, with whatever files that takes in `folder`, which is empty.
    ///
    /// # Errors
    /// No room, or no free port.
    pub fn lane(self, payload_bytes: usize, folder: &Path) -> Result<Lane> {
        let shared = |lines| -> Result<String> {
            let path = folder.join("lines");
            SharedLines::create(&path, lines)?;
            Ok(path.display().to_string())
        };
        Ok(match self {
            Self::CacheLine => Lane::CacheLine { path: shared(cache_line::LINES)? },
            Self::FutexWake => Lane::FutexWake { path: shared(futex_wake::LINES)? },
            Self::HandOver => Lane::HandOver {
                link: link(Mechanism::Shm, folder)?,
                domain: folder.to_owned(),
                capacity_bytes: ring_bytes(payload_bytes),
            },
            Self::BareRing => {
                let capacity_bytes = ring_bytes(payload_bytes);
                let path = shared(Cut::of(capacity_bytes, payload_bytes).lines())?;
                Lane::BareRing { path, capacity_bytes }
            }
            Self::BareLoop(mechanism) => Lane::BareLoop { link: link(mechanism, folder)? },
            Self::Row(Mechanism::Queue, wait) => {
                Lane::Queue { domain: folder.to_owned(), wait: Some(wait), places: places(payload_bytes) }
            }
            Self::Row(Mechanism::Topic, wait) => {
                Lane::Topic { domain: folder.to_owned(), wait: Some(wait), places: places(payload_bytes) }
            }
            Self::Row(mechanism, wait) => Lane::Crosstie {
                link: link(mechanism, folder)?,
                wait,
                domain: (mechanism == Mechanism::Shm).then(|| folder.to_owned()),
                capacity_bytes: (mechanism == Mechanism::Shm).then(|| ring_bytes(payload_bytes)),
            },
        })
    }
}

/// Two addresses of a mechanism that nobody uses.
fn link(mechanism: Mechanism, folder: &Path) -> Result<Link> {
    let name = mechanism.name();
    let file = |direction| format!("{name}:{}/{direction}", folder.display());
    Ok(match mechanism {
        Mechanism::Pipe => Link::Pipe,
        Mechanism::Shm | Mechanism::Queue | Mechanism::Topic => {
            Link::Addresses { there: "ring:there".to_owned(), back: "ring:back".to_owned() }
        }
        Mechanism::Fifo | Mechanism::Unix | Mechanism::UnixPacket => {
            Link::Addresses { there: file("there"), back: file("back") }
        }
        Mechanism::Tcp | Mechanism::Udp => {
            let [there, back] = free_ports(mechanism)
                .map_err(|error| Error::os("find a free port", format!("{name}:127.0.0.1"), error))?;
            let address = |port| format!("{name}:127.0.0.1:{port}");
            Link::Addresses { there: address(there), back: address(back) }
        }
    })
}

/// Two ports that were free just now.
fn free_ports(mechanism: Mechanism) -> std::io::Result<[u16; 2]> {
    let any = (Ipv4Addr::LOCALHOST, 0);
    if mechanism == Mechanism::Udp {
        let sockets = [UdpSocket::bind(any)?, UdpSocket::bind(any)?];
        return Ok([sockets[0].local_addr()?.port(), sockets[1].local_addr()?.port()]);
    }
    let sockets = [TcpListener::bind(any)?, TcpListener::bind(any)?];
    Ok([sockets[0].local_addr()?.port(), sockets[1].local_addr()?.port()])
}
