//! The operations that are swept, and their broken twins.

use std::path::Path;

use crosstie::ledger::Domain;

use super::stage::RingStage;
use crate::step::fault::Fault;
use crate::step::payload::{LEAD, LEAD_BYTES, SENTINEL, SENTINEL_BYTES};
use crate::step::scene::{Operation, Predecessor, Stage, Stepping, Watched};
use crate::step::victim::Failure;

/// What the victim does between its marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// `Domain::process_owner`: what the thread that keeps the slot does, from its start to its sleep.
    AttachProcess,
    /// `Domain::thread_owner`.
    AttachThread,
    /// `RingSender::open`.
    OpenSender,
    /// `RingSender::send`.
    Send,
    /// `RingSender::reserve`, `Loan::write_at`, `Loan::commit`.
    SendInPlace,
    /// `RingSender::close`.
    CloseSender,
    /// Dropping a `RingSender`.
    DropSender,
    /// `RingSender::hand_over`.
    HandOver,
    /// `RingSender::open_in_turn`, behind one that ends its turn while the victim stands in line.
    TakeTurn,
    /// Dropping a `RingSender` that waited for its turn, while nobody stands in line.
    EndTurn,
    /// The same, while somebody does.
    PassTurn,
    /// `RingReceiver::open`.
    OpenReceiver,
    /// `RingReceiver::recv`, a copy, the drop that acknowledges.
    Receive,
    /// `RingReceiver::recv_held` twice with copies, `RingReceiver::acknowledge`.
    ReceiveHeld,
    /// Dropping a `RingReceiver`.
    DropReceiver,
    /// Twin: says that it has sent, then commits.
    ReportThenCommit,
    /// Twin: commits, then writes the payload.
    CommitThenWrite,
    /// Twin: acknowledges, then copies.
    AcknowledgeThenCopy,
    /// Twin: hands a message over and puts it back.
    ReceiveTwice,
}

/// Which end of the ring the victim has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Ledger,
    Sender,
    Receiver,
}

impl Act {
    pub fn side(self) -> Side {
        match self {
            Self::AttachProcess | Self::AttachThread => Side::Ledger,
            Self::OpenSender
            | Self::Send
            | Self::SendInPlace
            | Self::CloseSender
            | Self::DropSender
            | Self::HandOver
            | Self::TakeTurn
            | Self::EndTurn
            | Self::PassTurn
            | Self::ReportThenCommit
            | Self::CommitThenWrite => Side::Sender,
            Self::OpenReceiver
            | Self::Receive
            | Self::ReceiveHeld
            | Self::DropReceiver
            | Self::AcknowledgeThenCopy
            | Self::ReceiveTwice => Side::Receiver,
        }
    }

    /// Whether the victim takes its end of the ring only here.
    pub fn is_open(self) -> bool {
        matches!(self, Self::OpenSender | Self::OpenReceiver)
    }

    /// Whether senders take turns.
    pub fn is_in_turn(self) -> bool {
        matches!(self, Self::TakeTurn | Self::EndTurn | Self::PassTurn)
    }

    /// Whether the victim says that it is done.
    pub fn is_end(self) -> bool {
        matches!(self, Self::CloseSender | Self::DropSender | Self::EndTurn | Self::DropReceiver)
    }
}

/// Who has the other end of the ring, in the judging process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Survivor {
    /// Nobody, until after the kill.
    Nobody,
    /// Somebody who looks after the kill.
    Awake,
    /// Somebody who sleeps in `recv` or `send` when the operation starts.
    Asleep,
    /// Twin of the survivor: sleeps without watching the victim.
    Deaf,
}

/// One operation in one situation. Rings have 4,096 bytes.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub name: &'static str,
    pub act: Act,
    pub survivor: Survivor,
    /// A consumed message makes the next record wrap around the end of the ring.
    pub wraps: bool,
    /// A killed predecessor had the end before; a receiver held its first message.
    pub behind_dead: bool,
    /// Lengths of the messages 0, 1, … that are in the ring when the operation starts.
    pub backlog: &'static [usize],
    /// Length of the message behind the backlog: what a sender sends in the operation, or what is
    /// sent to a receiver as soon as it fits or is waited for.
    pub message: usize,
    /// A broken twin, and the fault that the judge must find.
    pub twin: Option<Fault>,
}

impl Case {
    const fn new(name: &'static str, act: Act) -> Self {
        Self {
            name,
            act,
            survivor: Survivor::Awake,
            wraps: false,
            behind_dead: false,
            backlog: &[],
            message: 56,
            twin: None,
        }
    }

    const fn beside(self, survivor: Survivor) -> Self {
        Self { survivor, ..self }
    }

    const fn with(self, backlog: &'static [usize], message: usize) -> Self {
        Self { backlog, message, ..self }
    }

    const fn wrapping(self) -> Self {
        Self { wraps: true, ..self }
    }

    const fn behind_dead(self) -> Self {
        Self { behind_dead: true, ..self }
    }

    const fn twin(self, fault: Fault) -> Self {
        Self { twin: Some(fault), ..self }
    }

    /// Number of the message behind the backlog.
    pub fn message_number(&self) -> u32 {
        u32::try_from(self.backlog.len()).unwrap_or(u32::MAX)
    }

    /// How many messages the operation takes from the ring.
    pub fn taken(&self) -> u32 {
        match self.act {
            Act::Receive | Act::AcknowledgeThenCopy | Act::ReceiveTwice => 1,
            Act::ReceiveHeld => 2,
            _ => 0,
        }
    }

    /// Whether the operation sends the message behind the backlog.
    pub fn is_sending(&self) -> bool {
        matches!(self.act, Act::Send | Act::SendInPlace | Act::ReportThenCommit | Act::CommitThenWrite)
    }

    /// How long the message `number` is.
    pub fn length_of(&self, number: u32) -> Option<usize> {
        match number {
            LEAD => Some(LEAD_BYTES),
            SENTINEL => Some(SENTINEL_BYTES),
            number if number == self.message_number() => Some(self.message),
            number => self.backlog.get(usize::try_from(number).ok()?).copied(),
        }
    }
}

/// The ring with its header.
const RING_BYTES: usize = 8192;
/// Where the lock lies at which senders stand in line.
const LINE_OFFSET: u64 = 4096;
const LINE_BYTES: usize = 1280;

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

    fn stepping(&self) -> Stepping {
        if self.act == Act::AttachProcess { Stepping::NewThread } else { Stepping::Victim }
    }

    fn watched(&self, _folder: &Path, object: &str) -> Vec<Watched> {
        let ring = Watched { file: format!("ring.{object}").into(), offset: 0, bytes: RING_BYTES };
        let line =
            Watched { file: format!("lock.ring.{object}").into(), offset: LINE_OFFSET, bytes: LINE_BYTES };
        if self.act.is_in_turn() { vec![ring, line] } else { vec![ring] }
    }

    fn set(&self, domain: &'static Domain, object: &str) -> Result<Box<dyn Stage + '_>, Failure> {
        Ok(Box::new(RingStage::set(self, domain, object)?))
    }
}

/// A ring of 4,096 bytes is full of these.
const FULL: &[usize] = &[1000; 4];

/// Every operation that is swept.
pub const CASES: &[Case] = &[
    Case::new("attach a process", Act::AttachProcess),
    Case::new("attach a thread", Act::AttachThread),
    Case::new("open a sender of a new ring", Act::OpenSender).beside(Survivor::Nobody),
    Case::new("open a sender for a sleeping receiver", Act::OpenSender).beside(Survivor::Asleep),
    Case::new("open a sender behind a dead one", Act::OpenSender).with(&[56, 1000], 56).behind_dead(),
    Case::new("send one cell", Act::Send).with(&[40], 56),
    Case::new("send many cells", Act::Send).with(&[40], 1000),
    Case::new("send around the end of the ring", Act::Send).with(&[], 1000).wrapping(),
    Case::new("send to a sleeping receiver", Act::Send).beside(Survivor::Asleep),
    Case::new("send into a full ring", Act::Send).with(FULL, 1000),
    Case::new("write in place and commit", Act::SendInPlace).with(&[40], 300),
    Case::new("close a sender", Act::CloseSender).with(&[40], 56),
    Case::new("close a sender, receiver asleep", Act::CloseSender).beside(Survivor::Asleep),
    Case::new("drop a sender", Act::DropSender).with(&[40], 56),
    Case::new("hand the sending end over", Act::HandOver).with(&[40], 56),
    Case::new("hand the sending end over, receiver asleep", Act::HandOver).beside(Survivor::Asleep),
    Case::new("take over the sender's role in turn", Act::TakeTurn),
    Case::new("take over the sender's role in turn, receiver asleep", Act::TakeTurn).beside(Survivor::Asleep),
    Case::new("end a turn, nobody in line", Act::EndTurn).beside(Survivor::Asleep).with(&[40], 56),
    Case::new("pass the sender's role on to one in line", Act::PassTurn).with(&[40], 56),
    Case::new("pass the sender's role on to one in line, receiver asleep", Act::PassTurn)
        .beside(Survivor::Asleep),
    Case::new("open a receiver of a new ring", Act::OpenReceiver).beside(Survivor::Nobody),
    Case::new("open a receiver for a sleeping sender", Act::OpenReceiver)
        .beside(Survivor::Asleep)
        .with(FULL, 1000),
    Case::new("open a receiver behind a dead one", Act::OpenReceiver).with(&[56, 1000], 56).behind_dead(),
    Case::new("receive one cell", Act::Receive).with(&[56, 40], 56),
    Case::new("receive many cells", Act::Receive).with(&[1000, 40], 56),
    Case::new("receive around the end of the ring", Act::Receive).with(&[1000, 40], 56).wrapping(),
    Case::new("receive from a sleeping sender", Act::Receive).beside(Survivor::Asleep).with(FULL, 1000),
    Case::new("receive, asleep until a message comes", Act::Receive),
    Case::new("receive two held, acknowledge both", Act::ReceiveHeld).with(&[56, 300, 40], 56),
    Case::new("drop a receiver", Act::DropReceiver).with(&[56, 40], 56),
    Case::new("drop a receiver, sender asleep", Act::DropReceiver).beside(Survivor::Asleep).with(FULL, 1000),
    Case::new("twin: a sender that reports before its commit", Act::ReportThenCommit)
        .with(&[40], 300)
        .twin(Fault::Lost),
    Case::new("twin: a sender that commits before it has written", Act::CommitThenWrite)
        .with(&[40], 300)
        .twin(Fault::Torn),
    Case::new("twin: a receiver that acknowledges before its copy", Act::AcknowledgeThenCopy)
        .with(&[56, 40], 56)
        .twin(Fault::Lost),
    Case::new("twin: a receiver that keeps what it handed over", Act::ReceiveTwice)
        .with(&[56, 40], 56)
        .twin(Fault::Doubled),
    Case::new("twin: one in line that watches nobody", Act::PassTurn)
        .beside(Survivor::Deaf)
        .twin(Fault::Hang),
    Case::new("twin: a sleeper that watches nobody", Act::Send).beside(Survivor::Deaf).twin(Fault::Hang),
];
