//! What an owner has, noted in its slot as long as it has it.

use std::panic::Location;

use crosstie_core::OwnerId;
use crosstie_core::word::head::Head;
use crosstie_core::word::holds::{Hold, HoldIndex};
use crosstie_core::word::slot::Slot;
use crosstie_core::word::waiting::Mode;

use crate::error::Result;
use crate::ledger::site::Site;
use crate::ledger::{Domain, Me, attach};
use crate::os::process;

/// What a thread has: its entry in the thread's table.
#[derive(Clone, Copy, Debug)]
pub(super) struct ThreadHold(HoldIndex);

impl ThreadHold {
    /// Notes that the thread of `slot` has the object of `key` in this way.
    #[inline]
    pub(super) fn note(slot: &Slot, key: u64, mode: Mode, site: &'static Location<'static>) -> Self {
        Self(slot.holds.note(&Hold { key, mode, units: 1, site: Site::address_of(site) }))
    }

    /// Takes the note out, before the object is given up; answers who gives it up. `None` in a fork child,
    /// whose inherited guard does nothing (HAZARDS H6).
    #[inline]
    pub(super) fn forget(self, head: &Head) -> Option<OwnerId> {
        let (id, slot) = match attach::latest(head.tag()) {
            Some(known) => known,
            None => Self::find(head)?,
        };
        slot.holds.forget(self.0);
        Some(id)
    }

    /// A guard that was dropped after its thread used other domains; in a fork child there is nobody.
    #[cold]
    fn find(head: &Head) -> Option<(OwnerId, &'static Slot)> {
        let domain = Domain::for_tag(head.tag()).ok()?;
        let id = domain.thread_owner_if_any()?;
        Some((id, domain.slot(id.slot())?))
    }
}

/// What a process has, whichever of its threads took it.
#[derive(Debug)]
pub(super) struct ProcessHold {
    pub(super) owner: OwnerId,
    slot: &'static Slot,
    index: HoldIndex,
    epoch: u64,
}

impl ProcessHold {
    /// The calling process as an owner where `me` takes part.
    pub(super) fn owner(me: &Me) -> Result<(OwnerId, &'static Slot)> {
        me.domain.process_slot()
    }

    /// Notes that the process has the object of `head` in this way.
    pub(super) fn note(
        (owner, slot): (OwnerId, &'static Slot),
        head: &Head,
        mode: Mode,
        units: u32,
        site: &'static Location<'static>,
    ) -> Self {
        let hold = Hold { key: head.key(), mode, units, site: Site::address_of(site) };
        let index = slot.holds.note_beside_others(&hold);
        Self { owner, slot, index, epoch: process::fork_epoch() }
    }

    /// Whether this process took it, rather than inherit it by a fork: then it does nothing (HAZARDS H6).
    pub(super) fn is_ours(&self) -> bool {
        self.epoch == process::fork_epoch()
    }

    /// Takes the note out, before the object is given up.
    pub(super) fn forget(&self) {
        self.slot.holds.forget_beside_others(self.index);
    }
}
