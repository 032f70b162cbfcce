//! [`Taker`]: who takes something, for whom, until when, and where in the program.

use std::panic::Location;

use crosstie_core::turns::queued::Request;
use crosstie_core::word::head::Head;
use crosstie_core::word::holds::Hold;
use crosstie_core::word::slot::Slot;
use crosstie_core::word::waiting::Mode;
use crosstie_core::{Deadline, OwnerId};

use super::held::Noted;
use crate::error::Result;
use crate::ledger::attach;
use crate::ledger::attach::Known;
use crate::ledger::command::CommandOwner;
use crate::ledger::order;
use crate::ledger::site::Site;
use crate::ledger::{Domain, Me};
use crate::os::process;

/// A thread that takes something for itself, for its process, or for a command.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taker {
    pub(super) me: Me,
    pub(super) owner: OwnerId,
    slot: &'static Slot,
    /// The command whose holds count as the thread's own while it waits.
    command: Option<OwnerId>,
    /// Whether threads share the owner's table.
    shares_table: bool,
    deadline: Deadline,
    site: &'static Location<'static>,
}

impl Taker {
    /// The calling thread, for itself, where objects of the tag `tag` are.
    #[track_caller]
    pub(super) fn thread(tag: u64, deadline: Deadline) -> Result<Self> {
        Self::thread_at(tag, deadline, Location::caller())
    }

    /// The calling thread, for itself, at a place in the program that is known already.
    pub(super) fn thread_at(tag: u64, deadline: Deadline, site: &'static Location<'static>) -> Result<Self> {
        let me = attach::me(tag)?;
        Ok(Self { me, owner: me.id, slot: me.slot, command: None, shares_table: false, deadline, site })
    }

    /// The calling thread, for its process.
    #[track_caller]
    pub(super) fn process(tag: u64, deadline: Deadline) -> Result<Self> {
        let me = attach::me(tag)?;
        let Known { id: owner, slot, .. } = me.domain.process_known()?;
        Ok(Self { me, owner, slot, command: None, shares_table: true, deadline, site: Location::caller() })
    }

    /// Gives an object on the heap its key.
    pub(super) fn name(&self, head: &Head) {
        if head.key() == 0 {
            // An object on the heap belongs to the domain of its first user.
            head.name(self.me.domain.next_key());
        }
    }

    /// In which domain.
    pub(super) fn domain(&self) -> &'static Domain {
        self.me.domain
    }

    /// The calling thread, for the command of `owner`.
    #[track_caller]
    pub(super) fn command(owner: &CommandOwner, deadline: Deadline) -> Result<Self> {
        let me = attach::me(owner.domain().tag())?;
        owner.nest();
        let (owner, slot) = (owner.id(), owner.slot());
        let command = Some(owner);
        Ok(Self { me, owner, slot, command, shares_table: false, deadline, site: Location::caller() })
    }

    /// Where in the program.
    pub(super) fn site(&self) -> &'static Location<'static> {
        self.site
    }

    /// Notes, where somebody wants that, what is held while this is wanted too.
    pub(super) fn note_order(&self, key: u64, mode: Mode) {
        order::note(&self.me, self.command, (key, mode), self.deadline, self.site);
    }

    /// What is asked of an object.
    pub(super) fn request(&self, mode: Mode, need: u32, total: u32) -> Request {
        let site = Site::address_of(self.site);
        // A command has what was taken for it before; it names the one that it runs under itself.
        let behind = self.command.or_else(|| self.me.domain.surely_behind());
        Request { mode, need, total, site, behind, ..Request::exclusive(self.deadline) }
    }

    /// Notes that the owner has the object of `key` in this way.
    pub(super) fn note(&self, key: u64, mode: Mode, units: u32) -> Noted {
        let hold = Hold { key, mode, units, site: Site::address_of(self.site) };
        let noted = if self.shares_table { Noted::beside_others } else { Noted::alone };
        let owner = Known { id: self.owner, slot: self.slot, epoch: process::fork_epoch() };
        noted(owner, &hold)
    }
}
