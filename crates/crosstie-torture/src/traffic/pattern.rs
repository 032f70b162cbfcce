//! The channels, each with its ends.

use std::path::Path;

use crosstie::channel::queue::{QueueOptions, QueueReceiver, QueueSender};
use crosstie::channel::ring::{RingOptions, RingReceiver, RingSender};
use crosstie::ledger::{Domain, Net};
use crosstie::{Deadline, RecvError, SendError};

use super::message::WORDS_MAX;
use super::notes::LANES_MAX;
use super::worker::Failure;

/// Nobody is killed with one message in hand more often than this.
const DELIVERIES_MAX: u8 = 200;
const NAME: &str = "traffic";

/// What messages go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// One sender, one receiver.
    Ring,
    /// Two of each.
    Queue,
}

pub const PATTERNS: [Pattern; 2] = [Pattern::Ring, Pattern::Queue];

impl Pattern {
    pub fn name(self) -> &'static str {
        match self {
            Self::Ring => "ring",
            Self::Queue => "queue",
        }
    }

    pub fn of(name: &str) -> Option<Self> {
        PATTERNS.into_iter().find(|pattern| pattern.name() == name)
    }

    /// How many senders it has, and as many receivers.
    pub fn pairs(self) -> usize {
        match self {
            Self::Ring => 1,
            Self::Queue => LANES_MAX / 2,
        }
    }
}

/// The domain of a run in the folder `path`, without the net: what rests on it shows.
pub fn domain(path: &Path) -> Result<&'static Domain, Failure> {
    let domain = Domain::open(path.join("domain"))?;
    domain.set_net(Net::Absent);
    Ok(domain)
}

fn ring_options() -> RingOptions {
    RingOptions { capacity_bytes: Some(1 << 16), ..RingOptions::default() }
}

fn queue_options() -> QueueOptions {
    QueueOptions { places: Some(512), deliveries_max: Some(DELIVERIES_MAX), ..QueueOptions::default() }
}

/// A sending end.
pub enum Sender {
    Ring(RingSender),
    Queue(Box<QueueSender>),
}

impl Sender {
    pub fn open(pattern: Pattern, domain: &'static Domain) -> Result<Self, Failure> {
        Ok(match pattern {
            Pattern::Ring => Self::Ring(RingSender::open(domain, NAME, &ring_options())?),
            Pattern::Queue => Self::Queue(Box::new(QueueSender::open(domain, NAME, &queue_options())?)),
        })
    }

    /// Sends a message, however many receivers die meanwhile.
    pub fn send(&mut self, message: &[u8], deadline: Deadline) -> Result<(), Failure> {
        loop {
            let sent = match self {
                Self::Ring(ring) => ring.send(message, deadline),
                Self::Queue(queue) => queue.send(message, deadline),
            };
            match sent {
                // Told once for each receiver; nothing of the message was sent.
                Err(SendError::PeerDied | SendError::Closed) => {}
                sent => return Ok(sent?),
            }
        }
    }
}

/// A receiving end.
pub enum Receiver {
    Ring(RingReceiver),
    Queue(Box<QueueReceiver>),
}

impl Receiver {
    pub fn open(pattern: Pattern, domain: &'static Domain) -> Result<Self, Failure> {
        Ok(match pattern {
            Pattern::Ring => Self::Ring(RingReceiver::open(domain, NAME, &ring_options())?.follow()),
            Pattern::Queue => {
                Self::Queue(Box::new(QueueReceiver::open(domain, NAME, &queue_options())?.follow()))
            }
        })
    }

    /// Shows the next message to `take`, and whether it may have come before; then acknowledges it. `None` if there
    /// is none until `deadline`.
    pub fn receive<R>(
        &mut self,
        deadline: Deadline,
        take: impl FnOnce(&[u8], bool) -> R,
    ) -> Result<Option<R>, Failure> {
        let mut room = [0; WORDS_MAX * 8];
        let none = |error| match error {
            RecvError::Empty | RecvError::TimedOut => Ok(None),
            error => Err(Failure::from(error)),
        };
        match self {
            Self::Ring(ring) => match ring.recv(deadline) {
                Ok(message) => {
                    let length = message.copy_to(&mut room);
                    Ok(Some(take(&room[..length], message.is_redelivered())))
                }
                Err(error) => none(error),
            },
            Self::Queue(queue) => match queue.recv(deadline) {
                Ok(job) => {
                    let length = job.copy_to(&mut room);
                    let taken = take(&room[..length], job.is_redelivered());
                    job.done()?;
                    Ok(Some(taken))
                }
                Err(error) => none(error),
            },
        }
    }
}
