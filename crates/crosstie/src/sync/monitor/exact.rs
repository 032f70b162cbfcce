//! Waiting in a monitor with a condition that others can see, and their look at it when they leave.

use crosstie_core::Deadline;
use crosstie_core::OwnerId;
use crosstie_core::atomic::AtomicU64;
use crosstie_core::turns::chosen::{self as turns, Words};
use crosstie_core::turns::queued::Request;
use crosstie_core::wait::{Refused, Wait as _, Wake};
use crosstie_core::word::head::Head;
use crosstie_core::word::waiting::Mode;

use super::{Monitor, MonitorGuard};
use crate::ledger::Domain;
use crate::ledger::waiting::Changing;
use crate::sync::condvar::lock_again;
use crate::sync::predicate::{Predicate, is_met};
use crate::sync::refusal::{LockError, LockResult, domain_removed};
use crate::sync::taker::Taker;

/// Where they wait, and whose turn it is.
#[repr(C, align(64))]
pub(super) struct Queue {
    head: Head,
    choice: AtomicU64,
    reserved: [AtomicU64; 7],
}

const _: () = assert!(size_of::<Queue>() == 192);

impl Queue {
    pub(super) const fn new() -> Self {
        Self { head: Head::new(0), choice: AtomicU64::new(0), reserved: [const { AtomicU64::new(0) }; 7] }
    }

    pub(super) fn head(&self) -> &Head {
        &self.head
    }

    #[inline]
    pub(super) fn has_waiters(&self) -> bool {
        self.words(&self.head).has_waiters()
    }

    fn words<'a>(&'a self, mutex: &'a Head) -> Words<'a> {
        Words { head: &self.head, choice: &self.choice, mutex }
    }
}

/// A look that is owed: the kernel tells all who wait if its owner dies before.
pub(super) struct Due {
    domain: &'static Domain,
    _changing: Changing,
}

/// Whom a look has chosen, to be woken when the mutex is given up: when this is dropped.
pub(super) struct Left {
    chosen: Option<OwnerId>,
    due: Due,
}

impl Drop for Left {
    fn drop(&mut self) {
        if let Some(chosen) = self.chosen {
            Wake::nudge(&self.due.domain, chosen);
        }
    }
}

impl<T> Monitor<T> {
    fn exact_words(&self) -> Words<'_> {
        self.exact.words(self.mutex.head())
    }
}

impl<T> MonitorGuard<'_, T> {
    /// Owes those who wait a look from now on.
    #[cold]
    pub(super) fn begin(&mut self) {
        let is_held = self.guard.as_ref().is_some_and(|guard| guard.is_held());
        // A tag that leads nowhere was written by others: nobody can be found who waits here.
        let domain = if is_held { Domain::for_tag(self.monitor.mutex.tag()).ok() } else { None };
        if let (None, Some(domain)) = (&self.due, domain) {
            self.due = Some(Due { domain, _changing: domain.announce_change() });
            self.monitor.exact_words().make_due();
        }
    }

    /// Looks who can go on, if that is owed; then give the mutex up, and drop the answer.
    pub(super) fn choose(&mut self) -> Option<Left> {
        let due = self.due.take()?;
        // Of a fork child, and where it was taken away, the data are another's.
        let guard = self.guard.as_ref().filter(|guard| guard.is_held());
        let chosen = guard.and_then(|guard| {
            turns::choose(self.monitor.exact_words(), &due.domain, |needs| is_met(needs, &**guard))
        });
        Some(Left { chosen, due })
    }
}

impl<'a, T> MonitorGuard<'a, T> {
    /// Waits until the data are as `needs` says, with others inside meanwhile; as [`Monitor::wait_when`].
    ///
    /// # Errors
    /// As [`Monitor::wait_when`].
    #[track_caller]
    pub fn wait_when(self, needs: impl for<'d> FnOnce(&'d T) -> Predicate<'d>) -> LockResult<Self> {
        let waited = self.wait_when_until(needs, Deadline::NEVER);
        waited.map(|(guard, _)| guard).map_err(|refusal| refusal.map(|(guard, _)| guard))
    }

    /// As [`MonitorGuard::wait_when`], until `deadline`; answers whether that came first.
    ///
    /// # Errors
    /// As [`MonitorGuard::wait_when`]; [`LockError::TimedOut`] when another stays inside for a second beyond the
    /// deadline: then this thread is outside.
    #[track_caller]
    pub fn wait_when_until(
        mut self,
        needs: impl for<'d> FnOnce(&'d T) -> Predicate<'d>,
        deadline: Deadline,
    ) -> LockResult<(Self, bool)> {
        let needs = needs(&self).needs(&*self).map_err(LockError::Failed)?;
        if is_met(&needs, &*self) {
            return Ok((self, false));
        }
        let monitor = self.monitor;
        let taker = Taker::thread(monitor.mutex.tag(), deadline).map_err(LockError::Failed)?;
        taker.name(&monitor.exact.head);
        let place = taker.me.next_place();
        loop {
            let request = Request { note: needs, ..taker.request(Mode::Signal, 1, 1) };
            self.begin();
            let words = monitor.exact_words();
            let queued = turns::enter(words, place, &taker.me, &request);
            // Announced from here on, until this thread is inside again: its death may leave others unchosen.
            let announced = taker.domain().announce_change();
            self.leave();
            let (carried, outcome) = turns::sleep(words, &taker.me, place, queued);
            if let Err(Refused::DomainRemoved) = outcome {
                return Err(LockError::Failed(domain_removed(taker.domain())));
            }
            let is_late = outcome.is_err();
            let (guard, death) = match lock_again(&monitor.mutex, &taker, deadline) {
                Ok(guard) => (guard, None),
                Err(LockError::Abandoned(guard)) => (guard, Some(LockError::Abandoned(()))),
                Err(LockError::Poisoned(guard)) => (guard, Some(LockError::Poisoned(()))),
                Err(refusal) => return Err(refusal.map(|guard| (monitor.inside(guard), is_late))),
            };
            self = monitor.inside(guard);
            self.begin();
            carried.accept();
            drop(announced);
            if let Some(death) = death {
                return Err(death.map(|()| (self, is_late)));
            }
            if is_met(&needs, &*self) || is_late {
                let is_met = is_met(&needs, &*self);
                return Ok((self, !is_met));
            }
        }
    }

    /// Chooses, gives the mutex up, and wakes the chosen, in this order.
    pub(super) fn leave(&mut self) {
        let left = self.choose();
        self.guard = None;
        drop(left);
    }
}

impl<T> Drop for MonitorGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if self.due.is_some() {
            self.leave();
        }
    }
}
