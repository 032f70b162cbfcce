//! The operations that are swept, and their broken twins.

use std::path::Path;

use crosstie::channel::WaitMode;
use crosstie::endpoint::Options;
use crosstie::ledger::Domain;

use super::stage::CallStage;
use crate::step::fault::Fault;
use crate::step::scene::{Operation, Predecessor, Stage, Watched};
use crate::step::victim::Failure;

/// What carries the calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Queue,
    Ring,
}

/// What the victim does between its marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// `Client::open`.
    OpenClient,
    /// `Client::call`.
    Call,
    /// Dropping a `Pending`.
    Cancel,
    /// Dropping a `Client` whose call was answered.
    DropClient,
    /// Twin: says that it has its reply, then calls.
    ReportThenCall,
    /// `Server::open`.
    OpenServer,
    /// `Server::receive`.
    Take,
    /// `Call::reply`.
    Answer,
    /// Dropping a `Server` whose client waits for nothing.
    DropServer,
    /// Twin: says that it has answered, then answers.
    ReportThenAnswer,
    /// Twin: answers with another call's reply.
    AnswerAnother,
}

impl Act {
    /// Whether the victim calls; else it serves.
    pub fn is_of_client(self) -> bool {
        matches!(self, Self::OpenClient | Self::Call | Self::Cancel | Self::DropClient | Self::ReportThenCall)
    }

    /// Whether the victim's call was answered before its operation starts, or the survivor's by the victim.
    pub fn is_behind_a_reply(self) -> bool {
        matches!(self, Self::DropClient | Self::DropServer)
    }
}

/// The survivor, in the judging process: a server beside a client that is killed, or a client beside a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Survivor {
    /// It comes in when it is needed, or after the kill.
    Awake,
    /// It sleeps when the operation starts.
    Asleep,
    /// A server that keeps the victim's call until nobody waits for it.
    Keeping,
    /// Twin of a client: sleeps without watching its server.
    Deaf,
    /// Twin of a client: lets be done again what is to be done once.
    Repeating,
}

/// One operation in one situation.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub name: &'static str,
    pub way: Way,
    pub act: Act,
    pub survivor: Survivor,
    /// The survivor's call may be done twice.
    pub is_idempotent: bool,
    /// A broken twin, and the fault that the judge must find.
    pub twin: Option<Fault>,
}

/// Bytes of every request and reply.
pub const MESSAGE_BYTES: usize = 300;
/// Places of a queue of calls.
const PLACES: u32 = 4;

impl Case {
    const fn new(name: &'static str, way: Way, act: Act) -> Self {
        Self { name, way, act, survivor: Survivor::Awake, is_idempotent: false, twin: None }
    }

    const fn beside(self, survivor: Survivor) -> Self {
        Self { survivor, ..self }
    }

    const fn idempotent(self) -> Self {
        Self { is_idempotent: true, ..self }
    }

    const fn twin(self, fault: Fault) -> Self {
        Self { twin: Some(fault), ..self }
    }

    pub fn address(&self, object: &str) -> String {
        match self.way {
            Way::Queue => format!("queue:{object}"),
            Way::Ring => format!("ring:{object}"),
        }
    }

    /// The options of every end here: sleeps at once, so that sweeps meet the sleeping paths.
    pub fn options(&self, domain: &Domain) -> Options {
        let places = (self.way == Way::Queue).then_some(PLACES);
        let capacity_bytes = (self.way == Way::Ring).then_some(4096);
        let domain = Some(domain.directory().path().to_owned());
        Options { domain, places, capacity_bytes, wait: WaitMode::Block, ..Options::default() }
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
        Predecessor::None
    }

    /// The rings, or the queues and the clients' boards that are there; nobody else knows what a client makes later.
    fn watched(&self, folder: &Path, object: &str) -> Vec<Watched> {
        if self.way == Way::Ring {
            let files = ["calls", "replies"].map(|way| format!("ring.{object}.{way}"));
            return files.map(|file| Watched { file: file.into(), offset: 0, bytes: 8192 }).into();
        }
        // As in the queue's own list; of a board its owner and its first calls (docs/format.md).
        let pieces = [(0, 1152), (4096, 128), (20_480, 512), (24_576, 512), (28_672, 4096)];
        let queue = |file: &str| pieces.map(|(offset, bytes)| Watched { file: file.into(), offset, bytes });
        let mut watched = Vec::from(queue(&format!("queue.{object}.calls")));
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        for file in entries.filter_map(|entry| entry.file_name().into_string().ok()) {
            if file.starts_with(&format!("queue.{object}.replies.")) {
                watched.extend(queue(&file));
            } else if file.starts_with(&format!("client.{object}.")) {
                let piece = |(offset, bytes)| Watched { file: file.clone().into(), offset, bytes };
                watched.extend([(4096, 8), (8192, 64)].map(piece));
            }
        }
        watched
    }

    fn set(&self, domain: &'static Domain, object: &str) -> Result<Box<dyn Stage + '_>, Failure> {
        Ok(Box::new(CallStage::set(self, domain, object)?))
    }
}

use self::Act::{Answer, Call, Cancel, DropClient, DropServer, OpenClient, OpenServer, Take};
use self::Survivor::{Asleep, Deaf, Keeping, Repeating};
use self::Way::{Queue, Ring};

/// Every operation that is swept.
pub const CASES: &[Case] = &[
    Case::new("call, queue: open a client", Queue, OpenClient),
    Case::new("call, queue: call", Queue, Call),
    Case::new("call, queue: call a sleeping server", Queue, Call).beside(Asleep),
    Case::new("call, queue: wait for a server that has the call in hand", Queue, Call).beside(Keeping),
    Case::new("call, queue: cancel", Queue, Cancel),
    Case::new("call, queue: drop a client, server asleep", Queue, DropClient).beside(Asleep),
    Case::new("call, queue: open a server, a call waits", Queue, OpenServer),
    Case::new("call, queue: take a call", Queue, Take),
    Case::new("call, queue: take a call, asleep until it comes", Queue, Take).beside(Asleep),
    Case::new("call, queue: take a call that may be done again", Queue, Take).idempotent(),
    Case::new("call, queue: answer", Queue, Answer),
    Case::new("call, queue: answer a call that may be done again", Queue, Answer).idempotent(),
    Case::new("call, queue: drop a server", Queue, DropServer),
    Case::new("call, ring: open a client", Ring, OpenClient),
    Case::new("call, ring: call", Ring, Call),
    Case::new("call, ring: call a sleeping server", Ring, Call).beside(Asleep),
    Case::new("call, ring: wait for a server that has the call in hand", Ring, Call).beside(Keeping),
    Case::new("call, ring: cancel", Ring, Cancel),
    Case::new("call, ring: drop a client, server asleep", Ring, DropClient).beside(Asleep),
    Case::new("call, ring: open a server, a call waits", Ring, OpenServer),
    Case::new("call, ring: take a call", Ring, Take),
    Case::new("call, ring: take a call, asleep until it comes", Ring, Take).beside(Asleep),
    Case::new("call, ring: take a call that may be done again", Ring, Take).idempotent(),
    Case::new("call, ring: answer", Ring, Answer),
    Case::new("call, ring: answer a call that may be done again", Ring, Answer).idempotent(),
    Case::new("call, ring: drop a server", Ring, DropServer),
    Case::new("twin: a client that reports before it calls", Queue, Act::ReportThenCall).twin(Fault::Lost),
    Case::new("twin: a server that reports before it answers", Ring, Act::ReportThenAnswer).twin(Fault::Lost),
    Case::new("twin: a server that answers with another call's reply", Queue, Act::AnswerAnother)
        .twin(Fault::Torn),
    Case::new("twin: a caller that has its call done twice", Queue, Take)
        .beside(Repeating)
        .twin(Fault::Doubled),
    Case::new("twin: a caller that watches nobody", Ring, Take).beside(Deaf).twin(Fault::Hang),
];
