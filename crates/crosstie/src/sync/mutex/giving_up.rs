//! Giving a mutex up.

use crosstie_core::OwnerId;
use crosstie_core::turns::mutex::{self as turns, GivenUp};
use crosstie_core::word::mutex::MutexWord;

use super::Mutex;
use crate::ledger::Domain;
use crate::os::membarrier;

impl<T> Mutex<T> {
    /// Gives the mutex up.
    #[inline]
    pub(super) fn release(&self, owner: OwnerId) {
        match self.give_up(owner) {
            GivenUp::Done => {}
            GivenUp::MayBeAwaited => self.wake_first(),
            GivenUp::Not => self.release_contended(owner),
        }
    }

    #[inline(always)]
    pub(super) fn give_up(&self, owner: OwnerId) -> GivenUp {
        turns::give_up(&self.head, owner, membarrier::is_registered())
    }

    #[cold]
    pub(super) fn wake_first(&self) {
        if let Ok(domain) = Domain::for_tag(self.head.tag()) {
            turns::wake_first(&self.head, &domain);
        }
    }

    #[cold]
    fn release_contended(&self, owner: OwnerId) {
        let Ok(domain) = Domain::for_tag(self.head.tag()) else {
            // A tag that leads nowhere was written by others: nobody can be found who waits here.
            let _ = MutexWord::new(&self.head.word).try_unlock(owner);
            return;
        };
        let may_allow = turns::may_allow_stores(&self.head, owner);
        if may_allow && membarrier::is_registered() {
            turns::allow_stores(&self.head, &domain);
        }
        turns::unlock(&self.head, &domain, owner);
        if may_allow {
            membarrier::register_soon();
        }
    }
}
