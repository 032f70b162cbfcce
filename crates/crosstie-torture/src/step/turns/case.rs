//! An operation in a situation.

use std::path::Path;

use crosstie::ledger::Domain;

use super::stage::TurnStage;
use super::thing::{Thing, Way};
use super::twin::Twin;
use crate::step::fault::Fault;
use crate::step::scene::{Operation, Predecessor, Stage, Watched};
use crate::step::victim::Failure;

/// What the victim does between its marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Opens the object, which nobody has made.
    Open,
    /// Tries to take what is free.
    Try,
    /// Tries to take what another has.
    TryHeld,
    /// Takes what is free.
    Take,
    /// Takes what another has, which gives it as soon as the victim sleeps.
    Await,
    /// Waits for what another has, until its deadline.
    Outwait,
    /// Gives what it has.
    Give,
    /// Transfers what it has to the judge's process.
    Transfer,
    /// Accepts what was transferred to its process.
    Accept,
    /// Takes, changes the data, gives.
    Change,
    /// Drops its handle.
    Drop,
}

impl Act {
    /// Whether the victim has it when the operation has returned.
    pub fn takes(self) -> bool {
        matches!(self, Self::Try | Self::Take | Self::Await | Self::Accept)
    }

    /// Whether the victim has had it when the operation has returned.
    pub fn gives(self) -> bool {
        matches!(self, Self::Give | Self::Transfer | Self::Change)
    }

    /// Whether another has it when the operation starts.
    pub fn is_contended(self) -> bool {
        matches!(self, Self::TryHeld | Self::Await | Self::Outwait)
    }
}

/// Who wants it beside the victim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// Nobody, until after the kill.
    Nobody,
    /// Somebody who wants it after the kill.
    Awake,
    /// Somebody who sleeps when the operation starts: before the victim, if that waits too.
    Ahead,
    /// Somebody who comes as soon as the victim sleeps.
    Behind,
    /// Twin of the survivor: sleeps as [`Beside::Ahead`], and watches nobody.
    Deaf,
}

/// Who died before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dead {
    Nobody,
    /// An owner, inside.
    Owner,
    /// One that waited.
    Waiter,
}

/// One operation in one situation.
#[derive(Clone, Debug)]
pub struct Case {
    pub name: String,
    pub thing: Thing,
    pub act: Act,
    pub way: Way,
    /// The way of everybody else.
    pub others: Way,
    pub beside: Beside,
    pub dead: Dead,
    /// A broken twin, and the fault that the judge must find.
    pub twin: Option<(Twin, Fault)>,
}

impl Case {
    pub fn is(&self, twin: Twin) -> bool {
        self.twin.is_some_and(|(is, _)| is == twin)
    }

    /// Whether somebody died before as an owner. A writer that waits for readers to leave owns the lock.
    pub fn has_dead_owner(&self) -> bool {
        let waits_as_owner = self.thing.has_readers() && self.way == Way::One;
        self.dead == Dead::Owner || self.dead == Dead::Waiter && waits_as_owner
    }
}

/// Where an object begins in its file, and how much of it operations change.
const OBJECT_OFFSET: u64 = 4096;
const OBJECT_BYTES: usize = 1536;

impl Operation for Case {
    fn name(&self) -> &str {
        &self.name
    }

    fn twin(&self) -> Option<Fault> {
        self.twin.map(|(_, fault)| fault)
    }

    fn predecessor(&self) -> Predecessor {
        match self.dead {
            Dead::Nobody => Predecessor::None,
            Dead::Owner => Predecessor::AtMark,
            Dead::Waiter => Predecessor::Asleep,
        }
    }

    fn watched(&self, _folder: &Path, object: &str) -> Vec<Watched> {
        let watched = |(kind, name): &(&str, String)| Watched {
            file: format!("{kind}.{name}").into(),
            offset: OBJECT_OFFSET,
            bytes: OBJECT_BYTES,
        };
        self.thing.objects(object).iter().map(watched).collect()
    }

    fn set(&self, domain: &'static Domain, object: &str) -> Result<Box<dyn Stage + '_>, Failure> {
        Ok(Box::new(TurnStage::set(self, domain, object)?))
    }
}
