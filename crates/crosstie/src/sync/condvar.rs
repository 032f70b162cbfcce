//! [`Condvar`]: waiting under a mutex for what another brings about.

mod awaited;

pub use awaited::WaitAround;

use std::fmt;

use crosstie_core::Deadline;
use crosstie_core::layout::header::layout_hash;
use crosstie_core::turns::condition as turns;
use crosstie_core::turns::queued::Request;
use crosstie_core::wait::{Refused, Wait as _};
use crosstie_core::word::head::Head;
use crosstie_core::word::waiting::Mode;

use super::mutex::{Mutex, MutexGuard};
use super::object::{self, Object, Wanted};
use super::refusal::{LockError, LockResult, domain_removed};
use super::shared::Shared;
use super::taker::Taker;
use crate::error::Result;
use crate::ledger::Domain;
use crate::os::clock;

/// How long the wait for the mutex may outlast a deadline that has passed: 1 s.
const AGAIN_NS: u64 = 1_000_000_000;

/// A condition variable, on the heap or between processes; used with one [`Mutex`] at a time.
///
/// [`Monitor`](super::Monitor) is easier to get right: it has no notify to forget.
///
/// # Death
/// A waiter that dies holds nobody up; one that was notified and dies before it has the mutex passes its
/// notification on to the next. A notifier that dies has notified, or has not; the mutex is abandoned.
///
/// # Fairness
/// First come, first notified.
///
/// # Examples
/// ```
/// use crosstie::sync::{Condvar, Mutex};
/// # let folder = tempfile::tempdir().unwrap();
/// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
/// let stock = Mutex::<u64>::open_or_create_in(domain, "stock", || 0)?;
/// let filled = Condvar::open_or_create_in(domain, "filled")?;
/// std::thread::scope(|scope| {
///     scope.spawn(|| {
///         let mut count = stock.lock().unwrap();
///         *count += 1;
///         filled.notify_one(&count).unwrap();
///     });
///     let count = filled.wait_while(stock.lock().unwrap(), |count| *count == 0).unwrap();
///     assert_eq!(*count, 1);
/// });
/// # Ok::<(), crosstie::Error>(())
/// ```
///
/// # Source
/// Hoare, "Monitors", CACM 1974; Lampson and Redell, "Experience with Processes and Monitors in Mesa", CACM 1980; the
/// protocol: `crosstie_core::turns::condition`.
#[repr(C)]
pub struct Condvar {
    head: Head,
}

#[expect(unsafe_code, reason = "promises what an object is")]
mod promises {
    use super::{Condvar, Head, Object, layout_hash};

    // SAFETY: repr(C), nothing but its head.
    unsafe impl Object for Condvar {
        const KIND: &'static str = "cond";
        const SHAPE: u64 = 1;
        const LAYOUT: u64 = layout_hash("condition 1: head");

        fn describe() -> String {
            "Condvar".to_owned()
        }

        fn head(&self) -> &Head {
            &self.head
        }
    }
}

impl Condvar {
    /// A condition variable on the heap.
    #[must_use]
    pub const fn new() -> Self {
        Self { head: Head::new(0) }
    }

    /// Opens the condition variable `name` of the default domain, or makes it.
    ///
    /// # Errors
    /// As [`Domain::open_default`].
    pub fn open_or_create(name: &str) -> Result<Shared<Self>> {
        Self::open_or_create_in(Domain::open_default()?, name)
    }

    /// As [`Condvar::open_or_create`], in `domain`.
    ///
    /// # Errors
    /// As [`Condvar::open_or_create`].
    pub fn open_or_create_in(domain: &'static Domain, name: &str) -> Result<Shared<Self>> {
        object::open_or_create(domain, name, Wanted { parameter: 0, exact: false }, Self::new)
    }

    /// Gives the mutex up, waits for a notification, and takes the mutex again. It may return without one.
    ///
    /// # Errors
    /// As [`Mutex::lock`], about taking the mutex again.
    #[track_caller]
    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        let waited = self.wait_until(guard, Deadline::NEVER);
        waited.map(|(guard, _)| guard).map_err(|refusal| refusal.map(|(guard, _)| guard))
    }

    /// As [`Condvar::wait`], until `deadline`; answers whether it came before a notification.
    ///
    /// # Errors
    /// As [`Mutex::lock`], about taking the mutex again. For that there is one second more: if its owner
    /// does not give it up until then, [`LockError::TimedOut`] says who that is, and the caller is outside.
    #[track_caller]
    pub fn wait_until<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline: Deadline,
    ) -> LockResult<(MutexGuard<'a, T>, bool)> {
        self.wait_until_then(guard, deadline, || ())
    }

    /// As [`Condvar::wait_until`]; `then` is called once the mutex is given up.
    #[track_caller]
    pub(super) fn wait_until_then<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline: Deadline,
        then: impl FnOnce(),
    ) -> LockResult<(MutexGuard<'a, T>, bool)> {
        let mutex = guard.owner_mutex();
        let taker = Taker::thread(mutex.tag(), deadline).map_err(LockError::Failed)?;
        taker.name(&self.head);
        let request = taker.request(Mode::Signal, 1, 1);
        let place = taker.me.next_place();
        let queued = turns::enter(&self.head, place, &taker.me, &request);
        drop(guard);
        then();
        let outcome = turns::sleep(&self.head, &taker.me, place, queued);
        if let Err(Refused::DomainRemoved) = outcome {
            return Err(LockError::Failed(domain_removed(taker.domain())));
        }
        let is_late = outcome.is_err();
        let guard = lock_again(mutex, &taker, deadline);
        if let (Ok(carried), Ok(_) | Err(LockError::Abandoned(_) | LockError::Poisoned(_))) =
            (outcome, &guard)
        {
            carried.accept();
        }
        guard.map(|guard| (guard, is_late)).map_err(|refusal| refusal.map(|guard| (guard, false)))
    }

    /// As [`Condvar::wait_until`], for who has the lock in another way than by a [`MutexGuard`]: `give_up` gives it up once the
    /// caller is queued, `take_again` takes it again, and `is_had` says of its answer whether that succeeded. The lock is one
    /// of `domain`.
    ///
    /// # Errors
    /// As [`Domain::me`](crate::ledger::Domain::me); `NotFound` when the domain is gone.
    ///
    /// # Examples
    /// ```
    /// use crosstie::Deadline;
    /// use crosstie::sync::{Condvar, Lock};
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
    /// let lock = Lock::open_or_create_in(domain, "l")?;
    /// let condition = Condvar::open_or_create_in(domain, "c")?;
    /// let guard = lock.lock()?;
    /// let give_up = || drop(guard);
    /// let waited = condition.wait_around(domain, Deadline::NOW, give_up, || lock.lock(), Result::is_ok)?;
    /// assert!(waited.0.is_ok() && waited.1, "nobody notified");
    /// # Ok::<(), crosstie::Error>(())
    /// ```
    #[track_caller]
    pub fn wait_around<R>(
        &self,
        domain: &'static Domain,
        deadline: Deadline,
        give_up: impl FnOnce(),
        take_again: impl FnOnce() -> R,
        is_had: impl FnOnce(&R) -> bool,
    ) -> Result<(R, bool)> {
        let taker = Taker::thread(domain.tag(), deadline)?;
        taker.name(&self.head);
        let request = taker.request(Mode::Signal, 1, 1);
        let place = taker.me.next_place();
        let queued = turns::enter(&self.head, place, &taker.me, &request);
        give_up();
        let outcome = turns::sleep(&self.head, &taker.me, place, queued);
        if let Err(Refused::DomainRemoved) = outcome {
            return Err(domain_removed(taker.domain()));
        }
        let is_late = outcome.is_err();
        let again = take_again();
        if let (Ok(carried), true) = (outcome, is_had(&again)) {
            carried.accept();
        }
        Ok((again, is_late))
    }

    /// Notifies the first `count` who wait; the caller has the lock with which they wait, one of `domain`.
    ///
    /// # Errors
    /// `Corrupt` when somebody wrote over it.
    pub fn notify_around(&self, domain: &'static Domain, count: u32) -> Result<()> {
        if self.has_waiters() { self.notify_in(domain.tag(), count) } else { Ok(()) }
    }

    /// Waits until `condition` is false.
    ///
    /// # Errors
    /// As [`Condvar::wait`].
    #[track_caller]
    pub fn wait_while<'a, T>(
        &self,
        mut guard: MutexGuard<'a, T>,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> LockResult<MutexGuard<'a, T>> {
        while condition(&mut guard) {
            guard = self.wait(guard)?;
        }
        Ok(guard)
    }

    /// Notifies the first who waits; the caller has the mutex.
    ///
    /// # Errors
    /// `Corrupt` when somebody wrote over it.
    pub fn notify_one<T>(&self, guard: &MutexGuard<'_, T>) -> Result<()> {
        self.notify(guard, 1)
    }

    /// Notifies everyone who waits; the caller has the mutex.
    ///
    /// # Errors
    /// `Corrupt` when somebody wrote over it.
    pub fn notify_all<T>(&self, guard: &MutexGuard<'_, T>) -> Result<()> {
        self.notify(guard, u32::MAX)
    }

    fn notify<T>(&self, guard: &MutexGuard<'_, T>, count: u32) -> Result<()> {
        if self.has_waiters() { self.notify_in(guard.owner_mutex().tag(), count) } else { Ok(()) }
    }

    #[inline(always)]
    pub(super) fn has_waiters(&self) -> bool {
        turns::has_waiters(&self.head)
    }

    /// Notifies those who wait with a mutex of the tag `tag`, whose owner calls it.
    pub(super) fn notify_in(&self, tag: u64, count: u32) -> Result<()> {
        // Who waits is where the mutex is: a condition on the heap may serve a named one.
        let domain = Domain::for_tag(tag)?;
        let announced = domain.announce_change(&self.head);
        turns::notify(&self.head, &domain, count);
        drop(announced);
        Ok(())
    }
}

/// Takes the mutex again after a wait until `deadline`.
pub(super) fn lock_again<'a, T>(
    mutex: &'a Mutex<T>,
    taker: &Taker,
    deadline: Deadline,
) -> LockResult<MutexGuard<'a, T>> {
    let mut request = Request { deadline: Deadline::NEVER, ..taker.request(Mode::Exclusive, 1, 1) };
    if !deadline.is_never() {
        request.deadline = deadline.max(Deadline::at_ns(clock::now_ns()).after_ns(AGAIN_NS));
    }
    mutex.lock_as(taker, &request)
}

impl Default for Condvar {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condvar").finish_non_exhaustive()
    }
}
