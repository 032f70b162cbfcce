//! Locking that is over in some instructions, or not begun.

use std::panic::Location;

use crosstie_core::turns::mutex::GivenUp;
use crosstie_core::word::mutex::MutexWord;
use crosstie_core::word::waiting::Mode;

use super::Mutex;
use crate::ledger::attach::Known;
use crate::sync::held::{Noted, one};

impl<T> Mutex<T> {
    /// Locks for the thread `me` if it is free and nobody waits; else does nothing. Answers what was noted, and the token.
    #[inline(always)]
    pub(in crate::sync) fn lock_at_once(
        &self,
        me: Known,
        site: &'static Location<'static>,
    ) -> Option<(Noted, u64)> {
        if !MutexWord::new(&self.head.word).try_lock(me.id) {
            return None;
        }
        let noted = Noted::alone(me, &one(self.head.key(), Mode::Exclusive, site));
        Some((noted, self.head.next_token()))
    }

    /// As [`Mutex::lock_at_once`], if it is the first that the thread has; calls nothing.
    #[inline(always)]
    pub(in crate::sync) fn lock_first(
        &self,
        me: Known,
        site: &'static Location<'static>,
    ) -> Option<(Noted, u64)> {
        if !me.slot.holds.is_first_free() || !MutexWord::new(&self.head.word).try_lock(me.id) {
            return None;
        }
        let noted = Noted::first(me, &one(self.head.key(), Mode::Exclusive, site));
        Some((noted, self.head.next_token()))
    }

    /// Gives up what [`Mutex::lock_at_once`] took, if it is still held by that acquisition and nobody waits; answers whether it did. If
    /// not, it is still to be given up, for which its note need not be there any more.
    #[inline(always)]
    pub(in crate::sync) fn unlock_at_once(&self, noted: &Noted, token: u64) -> bool {
        if !self.is_held_by_note(noted, token) && !self.is_held(noted.owner, token) {
            return false;
        }
        noted.forget();
        match self.give_up(noted.owner) {
            GivenUp::Done => true,
            GivenUp::MayBeAwaited => {
                self.wake_first();
                true
            }
            GivenUp::Not => false,
        }
    }

    /// Whether the acquisition of `token` still holds it, as its own note says, and that nobody can have taken it by force (`word::giving` I5): without a look at
    /// the word, for which a thread that has just written to it would have to wait. False where that is not known.
    #[inline(always)]
    fn is_held_by_note(&self, noted: &Noted, token: u64) -> bool {
        let head = &self.head;
        head.giving().may_store().is_some() && noted.is_of(head.key()) && head.token() == token
    }
}
