//! What a desk says of its calls and workers in the ledger, for proofs of deadlocks.

use std::sync::Arc;

use super::super::taken::Taken;
use super::{Desk, State};
use crate::ledger::Domain;
use crate::ledger::calls::Busy;
use crate::ledger::sign::{Sign, WAITING_MAX};
use crate::os::random;

impl Desk {
    /// A pool of so many workers begins, or ends with 0.
    ///
    /// # Errors
    /// Why so many cannot wait.
    pub(in crate::call::server) fn set_pool(&self, workers: usize) -> crate::Result<()> {
        if workers > 0 && !self.door.is_shared() {
            self.sign.get_or_init(|| self.put_up_sign());
        }
        let mut state = self.lock();
        state.busy_max = workers;
        self.say_workers(&state);
        drop(state);
        self.door.prepare(workers)
    }

    /// Who takes no part in the domain serves all the same.
    fn put_up_sign(&self) -> Option<Arc<Sign>> {
        let domain = match &self.domain {
            Some(path) => Domain::open(path),
            None => Domain::open_default(),
        };
        Sign::put_up(domain.ok()?, random::word().ok()?, self.address()).ok()
    }

    pub(super) fn sign(&self) -> Option<&Arc<Sign>> {
        self.sign.get()?.as_ref()
    }

    pub(super) fn say_workers(&self, state: &State) {
        if let Some(sign) = self.sign() {
            sign.set_workers((!state.is_mixed).then_some(state.busy_max));
        }
    }

    /// How many calls are in hand and how many wait; while all workers are busy, which ones do.
    pub(super) fn say_waiting(&self, state: &mut State) {
        let Some(sign) = self.sign() else { return };
        let (waiting, bytes) = state.line.counts();
        sign.set_counts(state.busy_count, waiting, bytes);
        if state.busy_count < state.busy_max {
            return;
        }
        for taken in state.line.iter_mut().take(WAITING_MAX).filter(|taken| taken.waiting.is_none()) {
            taken.waiting = sign.say_waiting(taken.ticket);
        }
    }

    /// Notes in the ledger that the calling thread, one of a pool, does a call, and no other one until the answer is dropped.
    pub(in crate::call::server) fn busy(&self, taken: &Taken) -> Option<Busy> {
        match &taken.hand {
            Some(hand) => hand.busy(),
            None => self.sign()?.busy(taken.ticket),
        }
    }
}
