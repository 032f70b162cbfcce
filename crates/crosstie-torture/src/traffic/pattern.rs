//! The channels, each with its ends.

use std::path::Path;

use crosstie::channel::queue::{QueueOptions, QueueReceiver, QueueSender};
use crosstie::channel::ring::{RingOptions, RingReceiver, RingSender};
use crosstie::channel::topic::{Mode, Start, TopicOptions, TopicSender};
use crosstie::ledger::{Domain, Net};
use crosstie::{Deadline, RecvError, SendError};

use super::message::WORDS_MAX;
use super::notes::LANES_MAX;
use super::worker::Failure;

/// Nobody is killed with one message in hand more often than this.
const DELIVERIES_MAX: u8 = 200;
/// Of the channel in the domain.
pub const NAME: &str = "traffic";

/// What messages go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// One sender, one receiver.
    Ring,
    /// Two of each.
    Queue,
    /// Two publishers, two subscribers; nothing may be lost.
    Topic,
    /// The same, and publishers wait for nobody.
    LossyTopic,
    /// The same, and only the newest message counts.
    LatestTopic,
}

pub const PATTERNS: [Pattern; 5] =
    [Pattern::Ring, Pattern::Queue, Pattern::Topic, Pattern::LossyTopic, Pattern::LatestTopic];

impl Pattern {
    pub fn name(self) -> &'static str {
        match self {
            Self::Ring => "ring",
            Self::Queue => "queue",
            Self::Topic => "topic",
            Self::LossyTopic => "lossy-topic",
            Self::LatestTopic => "latest-topic",
        }
    }

    pub fn of(name: &str) -> Option<Self> {
        PATTERNS.into_iter().find(|pattern| pattern.name() == name)
    }

    /// How many senders it has, and as many receivers.
    pub fn pairs(self) -> usize {
        match self {
            Self::Ring => 1,
            Self::Queue | Self::Topic | Self::LossyTopic | Self::LatestTopic => LANES_MAX / 2,
        }
    }

    /// Whether every receiver gets everything.
    pub fn is_topic(self) -> bool {
        matches!(self, Self::Topic | Self::LossyTopic | Self::LatestTopic)
    }

    /// Whether who reads too slowly loses some.
    pub fn loses(self) -> bool {
        matches!(self, Self::LossyTopic | Self::LatestTopic)
    }

    /// Whether it says what was lost.
    pub fn tells_losses(self) -> bool {
        self == Self::LossyTopic
    }

    /// A twin is wrong about one message in so many: of the latest value most are never looked at.
    pub fn wrong_every(self) -> u64 {
        if self == Self::LatestTopic { 8 } else { 1000 }
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

/// The options of every end of a topic.
pub fn topic_options(pattern: Pattern) -> TopicOptions {
    TopicOptions {
        mode: Some(match pattern {
            Pattern::LatestTopic => Mode::Latest,
            Pattern::LossyTopic => Mode::Lossy,
            _ => Mode::Lossless,
        }),
        // The latest value has its own number of them.
        places: (pattern != Pattern::LatestTopic).then_some(512),
        message_bytes_max: Some(WORDS_MAX * 8),
        start: Start::Oldest,
        ..TopicOptions::default()
    }
}

/// A sending end.
pub enum Sender {
    Ring(RingSender),
    Queue(Box<QueueSender>),
    Topic(Box<TopicSender>),
}

impl Sender {
    pub fn open(pattern: Pattern, domain: &'static Domain) -> Result<Self, Failure> {
        Ok(match pattern {
            Pattern::Ring => Self::Ring(RingSender::open(domain, NAME, &ring_options())?),
            Pattern::Queue => Self::Queue(Box::new(QueueSender::open(domain, NAME, &queue_options())?)),
            Pattern::Topic | Pattern::LossyTopic | Pattern::LatestTopic => {
                Self::Topic(Box::new(TopicSender::open(domain, NAME, &topic_options(pattern))?))
            }
        })
    }

    /// Sends a message, however many receivers die meanwhile.
    pub fn send(&mut self, message: &[u8], deadline: Deadline) -> Result<(), Failure> {
        loop {
            let sent = match self {
                Self::Ring(ring) => ring.send(message, deadline),
                Self::Queue(queue) => queue.send(message, deadline),
                Self::Topic(topic) => topic.send(message, deadline),
            };
            match sent {
                // Told once for each receiver; nothing of the message was sent.
                Err(SendError::PeerDied | SendError::Closed) => {}
                sent => return Ok(sent?),
            }
        }
    }
}

/// A receiving end of a channel that gives a message to one receiver.
pub enum Receiver {
    Ring(Box<RingReceiver>),
    Queue(Box<QueueReceiver>),
}

impl Receiver {
    pub fn open(pattern: Pattern, domain: &'static Domain) -> Result<Self, Failure> {
        Ok(match pattern {
            Pattern::Ring => {
                Self::Ring(Box::new(RingReceiver::open(domain, NAME, &ring_options())?.follow()))
            }
            Pattern::Queue => {
                Self::Queue(Box::new(QueueReceiver::open(domain, NAME, &queue_options())?.follow()))
            }
            Pattern::Topic | Pattern::LossyTopic | Pattern::LatestTopic => {
                return Err("a topic gives it to all".into());
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
