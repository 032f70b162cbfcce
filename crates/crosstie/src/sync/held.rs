//! [`Held`]: what an owner has, noted in its slot as long as it has it.

use std::panic::Location;

use crosstie_core::OwnerId;
use crosstie_core::word::head::Head;
use crosstie_core::word::holds::{Hold, HoldIndex};
use crosstie_core::word::slot::Slot;
use crosstie_core::word::waiting::Mode;

use crate::error::Result;
use crate::ledger::site::Site;
use crate::ledger::{Domain, Me};
use crate::os::process;

/// For whom something is taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owner {
    pub(super) id: OwnerId,
    slot: &'static Slot,
    /// Whether threads share the slot's table.
    is_process: bool,
}

impl Owner {
    /// The calling thread.
    #[inline]
    pub(super) fn thread(me: &Me) -> Self {
        Self { id: me.id, slot: me.slot, is_process: false }
    }

    /// The calling process.
    pub(super) fn process(domain: &'static Domain) -> Result<Self> {
        let (id, slot) = domain.process_slot()?;
        Ok(Self { id, slot, is_process: true })
    }

    /// Notes that the owner has the object of `head` in this way.
    #[inline]
    pub(super) fn note(self, head: &Head, mode: Mode, units: u32, site: &'static Location<'static>) -> Held {
        let hold = Hold { key: head.key(), mode, units, site: Site::address_of(site) };
        let table = &self.slot.holds;
        let index = if self.is_process { table.note_beside_others(&hold) } else { table.note(&hold) };
        Held { owner: self, index, epoch: process::fork_epoch() }
    }
}

/// What an owner has; the guard that holds it says when it has it no more.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) owner: Owner,
    index: HoldIndex,
    epoch: u64,
}

impl Held {
    /// Whether this process took it, rather than inherit the guard by a fork: then it does nothing
    /// (HAZARDS H6).
    #[inline]
    pub(super) fn is_ours(&self) -> bool {
        self.epoch == process::fork_epoch()
    }

    /// Takes the note out of the slot; before the object is given up.
    #[inline]
    pub(super) fn forget(&self) {
        let table = &self.owner.slot.holds;
        if self.owner.is_process {
            table.forget_beside_others(self.index);
        } else {
            table.forget(self.index);
        }
    }
}
