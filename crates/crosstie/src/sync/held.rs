//! What an owner has, noted in its slot as long as it has it.

use std::panic::Location;
use std::thread;

use crosstie_core::OwnerId;
use crosstie_core::atomic::{Ordering, compiler_fence};
use crosstie_core::word::holds::{Hold, HoldIndex};
use crosstie_core::word::slot::Slot;
use crosstie_core::word::waiting::Mode;

use crate::ledger::attach::Known;
use crate::ledger::site::Site;
use crate::os::process;

/// Something that an owner has, noted in its slot. Who it is stands here too, so that giving up waits for no look.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Noted {
    pub(super) owner: OwnerId,
    slot: &'static Slot,
    index: HoldIndex,
    epoch: u64,
}

impl Noted {
    /// Notes that the thread or command of `slot` has something; nobody else writes its table.
    #[inline(always)]
    pub(super) fn alone(Known { id, slot, epoch }: Known, hold: &Hold) -> Self {
        Self { owner: id, slot, index: slot.holds.note(hold), epoch }
    }

    /// Notes that the process of `slot` has something, beside its other threads.
    pub(super) fn beside_others(Known { id, slot, epoch }: Known, hold: &Hold) -> Self {
        Self { owner: id, slot, index: slot.holds.note_beside_others(hold), epoch }
    }

    /// As [`Noted::alone`], of what is the first that the thread has.
    #[inline(always)]
    pub(super) fn first(me: Known, hold: &Hold) -> Self {
        Self::at(me, me.slot.holds.note_first(hold))
    }

    /// As [`Noted::alone`] of each, of what are the first two that the thread has.
    #[inline(always)]
    pub(super) fn first_two(me: Known, holds: [&Hold; 2]) -> [Self; 2] {
        me.slot.holds.note_first_two(holds).map(|index| Self::at(me, index))
    }

    /// What was noted for a thread at `index`.
    #[inline(always)]
    pub(super) fn at(Known { id, slot, epoch }: Known, index: HoldIndex) -> Self {
        Self { owner: id, slot, index, epoch }
    }

    /// Where in the owner's table.
    #[inline(always)]
    pub(super) fn index(&self) -> HoldIndex {
        self.index
    }

    /// Whether it is still noted, of the object of `key`; of one beyond the table that is not known.
    #[inline(always)]
    pub(super) fn is_of(&self, key: u64) -> bool {
        self.slot.holds.is_noted(self.index, key)
    }

    /// Whether this process took it, rather than inherit it by a fork: then it does nothing (HAZARDS H6).
    #[inline(always)]
    pub(super) fn is_ours(&self) -> bool {
        process::is_fork_epoch(self.epoch)
    }

    /// Takes the note out, before the object is given up: who takes it away by force, and has fenced this process, finds the note as long
    /// as nothing that follows has begun.
    #[inline(always)]
    pub(super) fn forget(&self) {
        self.slot.holds.forget(self.index);
        // SeqCst: the note is out before the object's words are read; the forcer's membarrier supplies the processor's fence.
        compiler_fence(Ordering::SeqCst);
    }
}

/// Whether a thread was in a panic when it took something. A word, as all in a guard: parts of one, where a guard is copied,
/// cost more than a lock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Panicking(u64);

impl Panicking {
    #[inline(always)]
    pub(super) fn now() -> Self {
        Self(u64::from(thread::panicking()))
    }

    /// Whether a panic has begun since.
    #[inline(always)]
    pub(super) fn has_begun(self) -> bool {
        thread::panicking() && self.0 == 0
    }
}

/// One unit of the object of `key`, taken at `site`.
#[inline(always)]
pub(super) fn one(key: u64, mode: Mode, site: &'static Location<'static>) -> Hold {
    Hold { key, mode, units: 1, site: Site::address_of(site) }
}
