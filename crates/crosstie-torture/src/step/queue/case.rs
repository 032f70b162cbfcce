//! The operations that are swept, and their broken twins.

use std::path::Path;

use crosstie::ledger::Domain;

use super::stage::QueueStage;
use crate::step::fault::Fault;
use crate::step::newcomer::Habit;
use crate::step::payload::{NEWCOMER, SENTINEL, SENTINEL_BYTES};
use crate::step::scene::{Arrival, Operation, Predecessor, Stage, Watched};
use crate::step::victim::Failure;

/// What the victim does between its marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// `QueueSender::open`.
    OpenSender,
    /// `QueueSender::send`.
    Send,
    /// `QueueSender::reserve`, `Loan::write_at`, `Loan::commit`.
    SendInPlace,
    /// `QueueSender::reserve`, and dropping the loan.
    Abandon,
    /// Dropping a `QueueSender`.
    DropSender,
    /// `QueueReceiver::open`; behind a dead one it recovers.
    OpenReceiver,
    /// `QueueReceiver::recv`, a copy, `Job::done`.
    Receive,
    /// `QueueReceiver::recv_held` twice with copies, `QueueReceiver::acknowledge`.
    ReceiveHeld,
    /// `QueueReceiver::recv`, `Job::fail`.
    Fail,
    /// `Job::done`, of a message in hand.
    Done,
    /// `Job::fail`, of a message in hand.
    GiveBack,
    /// Dropping a `QueueReceiver` that holds a message.
    DropReceiver,
    /// Twin: says that it has sent, then commits.
    ReportThenCommit,
    /// Twin: is done, then copies.
    DoneThenCopy,
    /// Twin: hands a message over and gives it back.
    ReceiveAndFail,
}

impl Act {
    /// Whether the victim has a sending end.
    pub fn is_of_sender(self) -> bool {
        matches!(
            self,
            Self::OpenSender
                | Self::Send
                | Self::SendInPlace
                | Self::Abandon
                | Self::DropSender
                | Self::ReportThenCommit
        )
    }

    /// Whether the victim enters the queue only here.
    pub fn is_open(self) -> bool {
        matches!(self, Self::OpenSender | Self::OpenReceiver)
    }
}

/// Who else is there, in the judging process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Survivor {
    /// A receiver that looks after the kill.
    Awake,
    /// A receiver that sleeps when the operation starts: no message is there, or the victim has it in hand.
    Asleep,
    /// A sender that sleeps for room.
    SenderAsleep,
    /// Twin of the survivor: sleeps without watching the victim.
    Deaf,
}

/// One operation in one situation.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub name: &'static str,
    pub act: Act,
    pub survivor: Survivor,
    /// Places of the queue.
    pub places: u32,
    /// A killed receiver held message 0.
    pub behind_dead: bool,
    /// Lengths of the messages 0, 1, … that are in the queue when the operation starts.
    pub backlog: &'static [usize],
    /// Length of the message behind the backlog: what a sender sends in the operation, or what is sent to a
    /// receiver when it is waited for.
    pub message: usize,
    /// What the newcomer does.
    pub newcomer: Habit,
    /// A broken twin, and the fault that the judge must find.
    pub twin: Option<Fault>,
}

impl Case {
    const fn new(name: &'static str, act: Act) -> Self {
        Self {
            name,
            act,
            survivor: Survivor::Awake,
            places: 4,
            behind_dead: false,
            backlog: &[],
            message: 56,
            newcomer: Habit::Sound,
            twin: None,
        }
    }

    const fn beside(self, survivor: Survivor) -> Self {
        Self { survivor, ..self }
    }

    const fn with(self, backlog: &'static [usize], message: usize) -> Self {
        Self { backlog, message, ..self }
    }

    const fn full(self) -> Self {
        Self { places: 2, backlog: &[40, 40], ..self }
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

    /// Number of the message behind the backlog.
    pub fn message_number(&self) -> u32 {
        u32::try_from(self.backlog.len()).unwrap_or(u32::MAX)
    }

    /// How many messages the operation takes into hand.
    pub fn taken(&self) -> u32 {
        match self.act {
            Act::Receive | Act::Done | Act::DoneThenCopy | Act::ReceiveAndFail => 1,
            Act::ReceiveHeld => 2,
            _ => 0,
        }
    }

    /// Whether the operation sends the message behind the backlog.
    pub fn is_sending(&self) -> bool {
        matches!(self.act, Act::Send | Act::SendInPlace | Act::ReportThenCommit)
    }

    /// How long the message `number` is.
    pub fn length_of(&self, number: u32) -> Option<usize> {
        match number {
            SENTINEL | NEWCOMER => Some(SENTINEL_BYTES),
            number if number == self.message_number() => Some(self.message),
            number => self.backlog.get(usize::try_from(number).ok()?).copied(),
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
        // The control page, the first entries of ends, the words, the payloads, the chunks (docs/format.md).
        let pieces = [(0, 1152), (4096, 128), (20_480, 512), (24_576, 512), (28_672, 4096)];
        let piece = |(offset, bytes)| Watched { file: format!("queue.{object}").into(), offset, bytes };
        pieces.map(piece).into()
    }

    fn set(&self, domain: &'static Domain, object: &str) -> Result<Box<dyn Stage + '_>, Failure> {
        Ok(Box::new(QueueStage::set(self, domain, object)?))
    }
}

/// Every operation that is swept.
pub const CASES: &[Case] = &[
    Case::new("queue: open a sender for a sleeping receiver", Act::OpenSender).beside(Survivor::Asleep),
    Case::new("queue: send in line", Act::Send).with(&[40], 56),
    Case::new("queue: send in chunks", Act::Send).with(&[1000], 2000),
    Case::new("queue: send to a sleeping receiver", Act::Send).beside(Survivor::Asleep),
    Case::new("queue: send into a full queue", Act::Send).full(),
    Case::new("queue: write in place and commit", Act::SendInPlace).with(&[40], 300),
    Case::new("queue: abandon a loan", Act::Abandon).with(&[40], 300),
    Case::new("queue: drop a sender", Act::DropSender).with(&[40], 56),
    Case::new("queue: drop a sender, receiver asleep", Act::DropSender).beside(Survivor::Asleep),
    Case::new("queue: open a receiver", Act::OpenReceiver).with(&[40], 56),
    Case::new("queue: recover from a dead receiver", Act::OpenReceiver).with(&[56, 1000], 56).behind_dead(),
    Case::new("queue: receive in line", Act::Receive).with(&[56, 40], 56),
    Case::new("queue: receive in chunks", Act::Receive).with(&[1000, 40], 56),
    Case::new("queue: be done beside a sleeping receiver", Act::Done)
        .with(&[56], 56)
        .beside(Survivor::Asleep),
    Case::new("queue: receive from a sleeping sender", Act::Receive).full().beside(Survivor::SenderAsleep),
    Case::new("queue: receive, asleep until a message comes", Act::Receive),
    Case::new("queue: receive two held, acknowledge both", Act::ReceiveHeld).with(&[56, 300, 40], 56),
    Case::new("queue: give a job back", Act::Fail).with(&[56, 300], 56),
    Case::new("queue: give a job back to a sleeping receiver", Act::GiveBack)
        .with(&[56], 56)
        .beside(Survivor::Asleep),
    Case::new("queue: drop a receiver that holds a job", Act::DropReceiver).with(&[56, 40], 56),
    Case::new("twin: a queue's sender that reports before its commit", Act::ReportThenCommit)
        .with(&[40], 300)
        .twin(Fault::Lost),
    Case::new("twin: a queue's receiver that is done before its copy", Act::DoneThenCopy)
        .with(&[56, 40], 56)
        .twin(Fault::Lost),
    Case::new("twin: a queue's receiver that gives back what it handed over", Act::ReceiveAndFail)
        .with(&[56, 40], 56)
        .twin(Fault::Doubled),
    Case::new("twin: a queue's sleeper that watches nobody", Act::Send)
        .beside(Survivor::Deaf)
        .twin(Fault::Hang),
    Case::new("twin: a queue's newcomer that forgets what it took", Act::Send)
        .with(&[40], 300)
        .newcomer(Habit::Forgets)
        .twin(Fault::Lost),
    Case::new("twin: a queue's newcomer that keeps room which it does not use", Act::Send)
        .with(&[40], 300)
        .newcomer(Habit::Keeps)
        .twin(Fault::Lost),
];
