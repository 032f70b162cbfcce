//! The operations that are swept, and their broken twins.

use std::path::Path;

use crosstie::ledger::Domain;

use super::stage::TopicStage;
use crate::step::fault::Fault;
use crate::step::newcomer::Habit;
use crate::step::payload::{NEWCOMER, SENTINEL, SENTINEL_BYTES};
use crate::step::scene::{Arrival, Operation, Predecessor, Stage, Watched};
use crate::step::victim::Failure;

/// What the victim does between its marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// `TopicSender::open`; behind a dead one it recovers.
    OpenPublisher,
    /// `TopicSender::send`.
    Publish,
    /// `TopicSender::reserve`, `Loan::write_at`, `Loan::commit`.
    PublishInPlace,
    /// `TopicSender::reserve`, and dropping the loan.
    Abandon,
    /// Dropping a `TopicSender`.
    DropPublisher,
    /// `TopicReceiver::open`.
    OpenSubscriber,
    /// `TopicReceiver::recv`, a copy, the drop that acknowledges.
    Receive,
    /// Dropping a `TopicReceiver`.
    DropSubscriber,
    /// Twin: says that it has published, then commits.
    ReportThenCommit,
}

impl Act {
    /// Whether the victim has a publishing end.
    pub fn is_of_publisher(self) -> bool {
        !matches!(self, Self::OpenSubscriber | Self::Receive | Self::DropSubscriber)
    }

    /// Whether the victim enters the topic only here.
    pub fn is_open(self) -> bool {
        matches!(self, Self::OpenPublisher | Self::OpenSubscriber)
    }
}

/// Who else is there, in the judging process: always a subscriber that has to get everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Survivor {
    /// It looks after the kill.
    Awake,
    /// It sleeps when the operation starts.
    Asleep,
    /// It has read everything; a publisher sleeps because the victim has not.
    PublisherAsleep,
    /// Twin of the survivor: sleeps without watching the victim.
    Deaf,
}

/// One operation in one situation.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub name: &'static str,
    pub act: Act,
    pub survivor: Survivor,
    /// Places of the topic.
    pub places: u32,
    /// A publisher was killed between its claim and its commit.
    pub behind_dead: bool,
    /// How many messages were published before the operation starts.
    pub backlog: u32,
    /// What the newcomer does.
    pub newcomer: Habit,
    /// A broken twin, and the fault that the judge must find.
    pub twin: Option<Fault>,
}

/// Bytes of every message of a stage.
pub const MESSAGE_BYTES: usize = 300;

impl Case {
    const fn new(name: &'static str, act: Act) -> Self {
        Self {
            name,
            act,
            survivor: Survivor::Awake,
            places: 8,
            behind_dead: false,
            backlog: 1,
            newcomer: Habit::Sound,
            twin: None,
        }
    }

    const fn beside(self, survivor: Survivor) -> Self {
        Self { survivor, ..self }
    }

    const fn empty(self) -> Self {
        Self { backlog: 0, ..self }
    }

    const fn full(self) -> Self {
        Self { places: 2, backlog: 2, ..self }
    }

    const fn behind_dead(self) -> Self {
        Self { behind_dead: true, ..self }
    }

    const fn newcomer(self, newcomer: Habit) -> Self {
        Self { newcomer, ..self }
    }

    const fn twin(self, fault: Fault) -> Self {
        Self { twin: Some(fault), ..self }
    }

    /// Whether the operation publishes the message behind the backlog.
    pub fn is_publishing(&self) -> bool {
        matches!(self.act, Act::Publish | Act::PublishInPlace | Act::ReportThenCommit)
    }

    /// How long the message `number` is.
    pub fn length_of(&self, number: u32) -> Option<usize> {
        match number {
            SENTINEL | NEWCOMER => Some(SENTINEL_BYTES),
            number => (number <= self.backlog).then_some(MESSAGE_BYTES),
        }
    }
}

impl Operation for Case {
    fn name(&self) -> &str {
        self.name
    }

    fn twin(&self) -> Option<Fault> {
        self.twin
    }

    fn predecessor(&self) -> Predecessor {
        if self.behind_dead { Predecessor::AtMark } else { Predecessor::None }
    }

    fn arrivals(&self) -> &'static [Arrival] {
        Arrival::ALL
    }

    fn watched(&self, _folder: &Path, object: &str) -> Vec<Watched> {
        // The control page, the first entries of ends, the first cursors, the slots (docs/format.md).
        let pieces = [(0, 768), (4096, 128), (20_480, 512), (86_016, 2560)];
        let slots = usize::try_from(self.places).unwrap_or(usize::MAX) * 320;
        let piece = |(offset, bytes): (u64, usize)| Watched {
            file: format!("topic.{object}").into(),
            offset,
            bytes: if offset == 86_016 { bytes.min(slots) } else { bytes },
        };
        pieces.map(piece).into()
    }

    fn set(&self, domain: &'static Domain, object: &str) -> Result<Box<dyn Stage + '_>, Failure> {
        Ok(Box::new(TopicStage::set(self, domain, object)?))
    }
}

/// Every operation that is swept.
pub const CASES: &[Case] = &[
    Case::new("topic: open a publisher for a sleeping subscriber", Act::OpenPublisher)
        .empty()
        .beside(Survivor::Asleep),
    Case::new("topic: recover from a dead publisher", Act::OpenPublisher).behind_dead(),
    Case::new("topic: publish", Act::Publish),
    Case::new("topic: publish to a sleeping subscriber", Act::Publish).empty().beside(Survivor::Asleep),
    Case::new("topic: publish into a full topic", Act::Publish).full(),
    Case::new("topic: publish behind a dead claim", Act::Publish).behind_dead(),
    Case::new("topic: write in place and commit", Act::PublishInPlace),
    Case::new("topic: abandon a loan", Act::Abandon),
    Case::new("topic: drop a publisher, subscriber asleep", Act::DropPublisher)
        .empty()
        .beside(Survivor::Asleep),
    Case::new("topic: open a subscriber", Act::OpenSubscriber),
    Case::new("topic: receive", Act::Receive),
    Case::new("topic: receive, asleep until a message comes", Act::Receive).empty(),
    Case::new("topic: receive what a publisher sleeps for", Act::Receive)
        .full()
        .beside(Survivor::PublisherAsleep),
    Case::new("topic: drop a subscriber that a publisher sleeps for", Act::DropSubscriber)
        .full()
        .beside(Survivor::PublisherAsleep),
    Case::new("twin: a topic's publisher that reports before its commit", Act::ReportThenCommit)
        .twin(Fault::Lost),
    Case::new("twin: a topic's sleeper that watches nobody", Act::Publish)
        .empty()
        .beside(Survivor::Deaf)
        .twin(Fault::Hang),
    Case::new("twin: a topic's newcomer that forgets what it read", Act::Publish)
        .newcomer(Habit::Forgets)
        .twin(Fault::Lost),
];
