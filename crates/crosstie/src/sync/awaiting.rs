//! [`Awaiting`]: a task that takes something for its process, and where in the program.

use std::panic::Location;
use std::sync::OnceLock;

use crosstie_core::turns::queued::Request;
use crosstie_core::word::head::Head;
use crosstie_core::word::holds::Hold;
use crosstie_core::word::waiting::Mode;
use crosstie_core::{Deadline, OwnerId};

use super::held::Noted;
use crate::error::Result;
use crate::ledger::Domain;
use crate::ledger::attach::Known;
use crate::ledger::site::Site;
use crate::ledger::task::Task;

/// A task that takes something for its process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Awaiting {
    domain: &'static Domain,
    process: Known,
    site: &'static Location<'static>,
}

impl Awaiting {
    /// Where objects of the tag `tag` are.
    pub(super) fn new(tag: u64, site: &'static Location<'static>) -> Result<Self> {
        let domain = Domain::for_tag(tag)?;
        Ok(Self { domain, process: domain.process_known()?, site })
    }

    /// In which domain.
    pub(super) fn domain(&self) -> &'static Domain {
        self.domain
    }

    /// Whose it is, once it is taken.
    pub(super) fn owner(&self) -> OwnerId {
        self.process.id
    }

    /// Gives an object on the heap its key.
    pub(super) fn name(&self, head: &Head) {
        if head.key() == 0 {
            head.name(self.domain.next_key());
        }
    }

    /// A place to wait in.
    pub(super) fn task(&self) -> Result<Task> {
        self.domain.task()
    }

    /// The place to wait in that is in `place`, where one is put if there is none.
    pub(super) fn place_in<'a>(&self, place: &'a OnceLock<Task>) -> Result<&'a Task> {
        match place.get() {
            Some(task) => Ok(task),
            None => self.task().map(|task| place.get_or_init(|| task)),
        }
    }

    /// What is asked of an object. The command under which the process runs is not named: the process does not wait.
    pub(super) fn request(&self, mode: Mode, need: u32, total: u32) -> Request {
        let site = Site::address_of(self.site);
        Request { mode, need, total, site, ..Request::exclusive(Deadline::NEVER) }
    }

    /// Notes that the process has the object of `key` in this way.
    pub(super) fn note(&self, key: u64, mode: Mode, units: u32) -> Noted {
        let hold = Hold { key, mode, units, site: Site::address_of(self.site) };
        Noted::beside_others(self.process, &hold)
    }
}
