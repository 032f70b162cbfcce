//! The operations that are swept, and their broken twins.

use std::path::Path;

use crosstie::ledger::Domain;

use super::stage::StartStage;
use crate::step::fault::Fault;
use crate::step::scene::{Operation, Predecessor, Stage, Stepping, Watched};
use crate::step::victim::Failure;

/// What is stepped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// The starter, from its call to the program's first instruction.
    Start,
    /// The same with a program that is not there.
    StartNothing,
    /// The starter, from its wait for a program that ends to when it has given the lock back.
    End,
    /// The child, from its first instruction to the program's.
    Child,
}

/// What is wrong with a twin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Twin {
    /// Lets the program run without writing down who has the lock now.
    HandsNothingOver,
    /// Gives the lock of a program that was killed back, as if nothing had happened.
    TellsNobody,
    /// Forgets to give the lock back, and lives on.
    KeepsTheLock,
}

/// One operation in one situation.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub name: &'static str,
    pub act: Act,
    /// Whether somebody waits for the lock before the kill.
    pub has_waiter: bool,
    pub twin: Option<(Twin, Fault)>,
}

impl Case {
    const fn new(name: &'static str, act: Act, has_waiter: bool) -> Self {
        Self { name, act, has_waiter, twin: None }
    }

    const fn twin(self, twin: Twin, fault: Fault) -> Self {
        Self { twin: Some((twin, fault)), ..self }
    }

    pub fn is(&self, twin: Twin) -> bool {
        self.twin.is_some_and(|(is, _)| is == twin)
    }
}

/// Every operation that is swept.
pub const CASES: &[Case] = &[
    Case::new("command: start", Act::Start, false),
    Case::new("command: start, a waiter", Act::Start, true),
    Case::new("command: start what is not there, a waiter", Act::StartNothing, true),
    Case::new("command: end, and give back, a waiter", Act::End, true),
    Case::new("command: the child, up to its program", Act::Child, false),
    Case::new("command: the child, up to its program, a waiter", Act::Child, true),
    Case::new("twin: a starter that hands nothing over", Act::Start, true)
        .twin(Twin::HandsNothingOver, Fault::Doubled),
    Case::new("twin: a starter that tells nobody of a killed program", Act::Child, true)
        .twin(Twin::TellsNobody, Fault::Ending),
    Case::new("twin: a starter that keeps the lock", Act::Child, true).twin(Twin::KeepsTheLock, Fault::Hang),
];

/// Where a lock begins in its file, and how much of it operations change.
const LOCK_OFFSET: u64 = 4096;
const LOCK_BYTES: usize = 256;

impl Operation for Case {
    fn name(&self) -> &str {
        self.name
    }

    fn twin(&self) -> Option<Fault> {
        self.twin.map(|(_, fault)| fault)
    }

    fn predecessor(&self) -> Predecessor {
        Predecessor::None
    }

    fn stepping(&self) -> Stepping {
        if self.act == Act::Child { Stepping::NewChild } else { Stepping::Victim }
    }

    fn watched(&self, _folder: &Path, object: &str) -> Vec<Watched> {
        vec![Watched { file: format!("lock.{object}").into(), offset: LOCK_OFFSET, bytes: LOCK_BYTES }]
    }

    fn set(&self, domain: &'static Domain, object: &str) -> Result<Box<dyn Stage + '_>, Failure> {
        Ok(Box::new(StartStage::set(self, domain, object)?))
    }
}
