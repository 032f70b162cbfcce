//! [`Holding`]: a mutex that is held without its data, by whom a [`Taker`] says.

use std::ops::Deref;

use crosstie_core::OwnerId;
use crosstie_core::word::head::ABANDONED;
use crosstie_core::word::mutex::MutexWord;
use crosstie_core::word::waiting::Mode;

use super::Mutex;
use crate::ledger::{Domain, Identity};
use crate::sync::held::Noted;
use crate::sync::refusal::LockError;
use crate::sync::taker::Taker;

/// Who has `mutex` now.
pub(in crate::sync) fn holder<T>(mutex: &Mutex<T>) -> Option<OwnerId> {
    MutexWord::new(&mutex.head.word).read().owner()
}

/// A mutex that is held until this is dropped. `H` is what leads to it.
#[derive(Debug)]
pub(in crate::sync) struct Holding<T, H: Deref<Target = Mutex<T>>> {
    mutex: H,
    noted: Noted,
    token: u64,
}

impl<T, H: Deref<Target = Mutex<T>>> Holding<T, H> {
    /// Takes `mutex` for whom `taker` says; the marks of its data stay.
    pub(in crate::sync) fn take<G>(mutex: H, taker: &Taker) -> Result<Self, LockError<G>> {
        let head = &mutex.head;
        taker.name(head);
        taker.note_order(head.key(), Mode::Exclusive);
        if !MutexWord::new(&head.word).try_lock(taker.owner) {
            mutex.take_as(&taker.me, taker.owner, &taker.request(Mode::Exclusive, 1, 1))?;
        }
        let noted = taker.note(head.key(), Mode::Exclusive, 1);
        let token = head.next_token();
        Ok(Self { mutex, noted, token })
    }

    /// Who has taken `mutex` already.
    pub(in crate::sync) fn noted(mutex: H, noted: Noted, token: u64) -> Self {
        Self { mutex, noted, token }
    }

    /// The fencing number of this acquisition.
    pub(in crate::sync) fn token(&self) -> u64 {
        self.token
    }

    /// Whether an owner died inside and nobody has mended the data since.
    #[inline]
    pub(in crate::sync) fn is_abandoned(&self) -> bool {
        self.mutex.head.state() & ABANDONED != 0
    }

    /// Who that was, if it is still known.
    pub(in crate::sync) fn dead_owner(&self) -> Option<Identity> {
        let head = &self.mutex.head;
        Domain::for_tag(head.tag()).ok()?.identity(head.died_last().filter(|_| self.is_abandoned())?)
    }

    /// Says that nothing is to be mended.
    pub(in crate::sync) fn mark_mended(&self) {
        self.mutex.head.unmark(ABANDONED);
    }

    /// Whether it is still held.
    pub(in crate::sync) fn is_held(&self) -> bool {
        self.noted.is_ours() && self.mutex.is_held(self.noted.owner, self.token)
    }
}

impl<T, H: Deref<Target = Mutex<T>>> Drop for Holding<T, H> {
    fn drop(&mut self) {
        if self.noted.is_ours() {
            self.noted.forget();
            self.mutex.release(self.noted.owner);
        }
    }
}
