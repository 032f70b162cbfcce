//! What a [`Desk`] says of itself in the ledger, for proofs of deadlocks and for who looks.

use std::sync::Arc;

use super::super::taken::Taken;
use super::{Desk, State};
use crate::ledger::Domain;
use crate::ledger::calls::Busy;
use crate::ledger::sign::{Sign, WAITING_MAX};
use crate::os::random;

impl Desk {
    /// Who takes no part in the domain serves all the same.
    pub(super) fn put_up_sign(&self) -> Option<Arc<Sign>> {
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
        sign.set_counts(state.busy_count, state.queue.len());
        if state.busy_count < state.busy_max {
            return;
        }
        for taken in state.queue.iter_mut().take(WAITING_MAX).filter(|taken| taken.waiting.is_none()) {
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
