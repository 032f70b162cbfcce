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
use crate::ledger::waiting::Step;
use crate::sync::condvar::lock_again;
use crate::sync::mutex::MutexGuard;
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

/// Whom a look has chosen, to be woken when the mutex is given up: when this is dropped.
pub(super) struct Left {
    domain: &'static Domain,
    chosen: Option<OwnerId>,
    due: Step,
}

impl Drop for Left {
    fn drop(&mut self) {
        if let Some(chosen) = self.chosen {
            Wake::nudge(&self.domain, chosen);
        }
        self.domain.end_change(self.due);
    }
}

impl<T> Monitor<T> {
    pub(super) fn exact_words(&self) -> Words<'_> {
        self.exact.words(self.mutex.head())
    }

    /// Owes those who wait a look from now on, if it does not yet; the caller has the mutex.
    pub(super) fn owe(&self, due: Option<Step>) -> Option<Step> {
        if due.is_some() {
            return due;
        }
        // A tag that leads nowhere was written by others: nobody can be found who waits here.
        let begun = Domain::for_tag(self.mutex.tag()).ok()?.begin_change(&self.exact.head);
        self.exact_words().make_due();
        Some(begun)
    }

    /// As [`Monitor::owe`]; in a fork child, and where it was taken away, the data are another's.
    pub(super) fn owe_if_held(&self, guard: &MutexGuard<'_, T>, due: Option<Step>) -> Option<Step> {
        if guard.is_held() { self.owe(due) } else { due }
    }

    /// Looks who can go on, if that is owed; then give the mutex up, and drop the answer.
    pub(super) fn choose(&self, guard: &MutexGuard<'_, T>, due: Option<Step>) -> Option<Left> {
        let due = due?;
        let domain = Domain::for_tag(self.mutex.tag()).ok()?;
        Some(self.choose_by(guard.is_held().then_some(&**guard), domain, due))
    }

    /// As [`Monitor::choose`], by the data, if they are the caller's.
    pub(super) fn choose_by(&self, data: Option<&T>, domain: &'static Domain, due: Step) -> Left {
        let choose = |data| turns::choose(self.exact_words(), &domain, |needs| is_met(needs, data));
        Left { domain, chosen: data.and_then(choose), due }
    }

    /// Chooses, gives the mutex up, and wakes the chosen, in this order.
    #[cold]
    pub(super) fn leave(&self, guard: MutexGuard<'_, T>, due: Option<Step>) {
        let left = self.choose(&guard, due);
        drop(guard);
        drop(left);
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
            let (guard, due) = self.into_parts();
            let due = monitor.owe_if_held(&guard, due);
            let words = monitor.exact_words();
            let queued = turns::enter(words, place, &taker.me, &request);
            // Announced from here on, until this thread is inside again: its death may leave others unchosen.
            let announced = taker.domain().announce_step();
            monitor.leave(guard, due);
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
            self.due = monitor.owe_if_held(&self.guard, None);
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
}
