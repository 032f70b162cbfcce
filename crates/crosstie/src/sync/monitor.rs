//! [`Monitor`]: data with their mutex and conditions in one, and no notify to forget.

mod awaited;
mod exact;
mod named;

pub use awaited::{EnterAsync, OwnedMonitorGuard};

use std::fmt;
use std::mem::{ManuallyDrop, offset_of};
use std::ops::{Deref, DerefMut};

use crosstie_core::Deadline;
use crosstie_core::layout::header::layout_hash;
use crosstie_core::word::head::{Counters, Head};

use self::exact::Queue;
use super::condvar::Condvar;
use super::mutex::{Mutex, MutexGuard};
use super::object::Object;
use super::policy::Policy;
use super::predicate::Predicate;
use super::refusal::{LockError, LockResult};
use crate::error::Result;
use crate::ledger::Identity;
use crate::ledger::waiting::Step;
use crate::shareable::Shareable;

/// Data that one at a time enters, and waits inside for them to be as it needs them.
///
/// There is no notify, so none can be forgotten. What somebody waits for is said in one of two ways:
///
/// | | as data: [`Monitor::wait_when`] | as a closure: [`Monitor::wait_while`], [`Monitor::wait_until`] |
/// |---|---|---|
/// | condition | numbers in the data, compared ([`Predicate`]) | any |
/// | a change wakes | whoever leaves looks, and wakes the first who can go on; that one wakes the next | all of them, each looks |
///
/// # Death
/// An owner that dies inside leaves it abandoned, and the next is told; if it had begun to change the data, that is the
/// first of those who wait.
///
/// # Fairness
/// Among those who enter as its [`Policy`] says, which is [`Policy::Fast`] unless it was made with another; among those who wait and can go
/// on, first come, first served.
///
/// # Cost
/// Entering and leaving: as a [`Mutex`]. A change while k wait compares k times and wakes one; of those who wait with a
/// closure it wakes all.
///
/// # Examples
/// ```
/// use crosstie::shareable::Deque;
/// use crosstie::sync::Monitor;
/// # let folder = tempfile::tempdir().unwrap();
/// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
/// let jobs = Monitor::<Deque<u64, 8>>::open_or_create_in(domain, "jobs", Deque::new)?;
/// std::thread::scope(|scope| {
///     scope.spawn(|| jobs.enter().unwrap().push_back(7));
///     let job = jobs.wait_while(|jobs| jobs.is_empty()).unwrap().pop_front();
///     assert_eq!(job, Some(7));
/// });
/// # Ok::<(), crosstie::Error>(())
/// ```
///
/// # Source
/// Brinch Hansen, "Operating System Principles", 1973; Hoare, "Monitors", CACM 1974; automatic signalling: Buhr and
/// Harji, TOPLAS 2005.
#[repr(C)]
pub struct Monitor<T> {
    mutex: Mutex<T>,
    /// Where those wait whose condition is a closure.
    changed: Condvar,
    /// Where those wait whose condition others can see.
    exact: Queue,
}

#[expect(unsafe_code, reason = "promises what an object is")]
mod promises {
    use super::{
        Condvar, Head, ManuallyDrop, Monitor, MonitorGuard, Mutex, MutexGuard, Object, Queue, Shareable,
        Step, layout_hash, named, offset_of,
    };

    impl<'a, T> MonitorGuard<'a, T> {
        /// The guard of the mutex, and the look that is owed.
        pub(super) fn into_parts(self) -> (MutexGuard<'a, T>, Option<Step>) {
            let mut this = ManuallyDrop::new(self);
            // SAFETY: `this` is neither dropped nor used again, so the guard is taken out once.
            (unsafe { ManuallyDrop::take(&mut this.guard) }, this.due)
        }
    }

    impl<T> Drop for MonitorGuard<'_, T> {
        #[inline(always)]
        fn drop(&mut self) {
            // The guard is not moved on the short way: so the short way is short.
            if self.due.is_some() || !self.guard.release_at_once() {
                // SAFETY: it is dropped, `into_parts` drops none, and nothing was released: so the guard is taken out once.
                let guard = unsafe { ManuallyDrop::take(&mut self.guard) };
                self.monitor.leave(guard, self.due);
            }
        }
    }

    // SAFETY: a shared guard only gives out shared data; what it owes to those who wait its owner alone pays.
    unsafe impl<T: Sync> Sync for MonitorGuard<'_, T> {}

    // SAFETY: repr(C), begins with its mutex's head; T is Shareable.
    unsafe impl<T: Shareable> Object for Monitor<T> {
        const KIND: &'static str = "monitor";
        const SHAPE: u64 = 1;
        const LAYOUT: u64 = T::LAYOUT ^ layout_hash("monitor 4: mutex with data, condition, head, choice");
        const PARTS: &'static [(usize, usize)] = &[
            Mutex::<T>::PARTS[0],
            Mutex::<T>::PARTS[1],
            (offset_of!(Monitor<T>, changed), size_of::<Condvar>()),
            (offset_of!(Monitor<T>, exact), size_of::<Queue>()),
        ];

        fn describe() -> String {
            format!("Monitor<{}>", T::describe())
        }

        fn describe_parameter(parameter: u64) -> String {
            named::describe(parameter)
        }

        fn head(&self) -> &Head {
            self.mutex.head()
        }

        fn place(&self, tag: u64, next_key: &mut dyn FnMut() -> u64) {
            self.mutex.head().place(tag, next_key());
            self.changed.head().place(tag, next_key());
            self.exact.head().place(tag, next_key());
        }
    }
}

impl<T> Monitor<T> {
    /// A monitor on the heap, [`Policy::Fast`].
    #[must_use]
    pub const fn new(value: T) -> Self {
        Self::with_policy(value, Policy::Fast)
    }

    /// A monitor on the heap, of the policy `policy` for those who enter.
    ///
    /// # Examples
    /// ```
    /// use crosstie::sync::{Monitor, Policy};
    /// # // Not in the user's own domain.
    /// # let folder = tempfile::tempdir().unwrap();
    /// # unsafe { std::env::set_var("CROSSTIE_DOMAIN", folder.path().join("d")) };
    /// let stock = Monitor::with_policy(0, Policy::Fair);
    /// *stock.enter()? += 1;
    /// assert_eq!(*stock.enter()?, 1);
    /// # Ok::<(), crosstie::Error>(())
    /// ```
    #[must_use]
    pub const fn with_policy(value: T, policy: Policy) -> Self {
        Self { mutex: Mutex::with_policy(value, policy), changed: Condvar::new(), exact: Queue::new() }
    }

    /// Who is next when several want to enter.
    #[must_use]
    pub fn policy(&self) -> Policy {
        self.mutex.policy()
    }

    /// Enters, and waits for that as long as it takes.
    ///
    /// # Errors
    /// As [`Mutex::lock`]; to enter again from inside is a deadlock, and told.
    #[inline(always)]
    #[track_caller]
    pub fn enter(&self) -> LockResult<MonitorGuard<'_, T>> {
        self.enter_until(Deadline::NEVER)
    }

    /// Enters, and waits for that until `deadline`.
    ///
    /// # Errors
    /// As [`Mutex::lock_until`].
    #[inline(always)]
    #[track_caller]
    pub fn enter_until(&self, deadline: Deadline) -> LockResult<MonitorGuard<'_, T>> {
        match self.mutex.lock_until(deadline) {
            Ok(guard) => Ok(self.inside(guard)),
            Err(refusal) => Err(refusal.map(|guard| self.inside_after_death(guard))),
        }
    }

    /// Enters, and waits inside until the data are as `needs` says of them: whoever leaves then wakes this thread, and
    /// nobody wakes it in vain but a death.
    ///
    /// `needs` is asked once; it compares fields of the data with numbers of its own.
    ///
    /// # Errors
    /// As [`Monitor::enter`]; [`LockError::Failed`] of kind `Usage` for what lies outside the data, and for more than
    /// [`COMPARISONS_MAX`](super::predicate::COMPARISONS_MAX) comparisons.
    ///
    /// # Death
    /// Who is killed between a change and its look at who waits makes all who wait so look; the first goes in.
    ///
    /// # Fairness
    /// Of those who can go on, first come, first woken. One that enters meanwhile may take away what another was woken
    /// for; that one keeps its place.
    ///
    /// # Examples
    /// ```
    /// use crosstie::shareable::Deque;
    /// use crosstie::sync::Monitor;
    /// use crosstie::sync::predicate::at_least;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
    /// let jobs = Monitor::<Deque<u64, 8>>::open_or_create_in(domain, "jobs", Deque::new)?;
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| jobs.enter().unwrap().push_back(7));
    ///     let job = jobs.wait_when(|jobs| at_least(jobs, 1)).unwrap().pop_front();
    ///     assert_eq!(job, Some(7));
    /// });
    /// # Ok::<(), crosstie::Error>(())
    /// ```
    #[track_caller]
    pub fn wait_when(
        &self,
        needs: impl for<'d> FnOnce(&'d T) -> Predicate<'d>,
    ) -> LockResult<MonitorGuard<'_, T>> {
        self.enter()?.wait_when(needs)
    }

    /// Enters, and waits inside as long as `condition` is true.
    ///
    /// # Errors
    /// As [`Monitor::enter`].
    #[track_caller]
    pub fn wait_while(&self, condition: impl FnMut(&mut T) -> bool) -> LockResult<MonitorGuard<'_, T>> {
        self.enter()?.wait_while(condition)
    }

    /// Enters, and waits inside until `condition` is true.
    ///
    /// # Errors
    /// As [`Monitor::enter`].
    #[track_caller]
    pub fn wait_until(&self, mut condition: impl FnMut(&mut T) -> bool) -> LockResult<MonitorGuard<'_, T>> {
        self.wait_while(move |data| !condition(data))
    }

    #[inline(always)]
    fn inside<'a>(&'a self, guard: MutexGuard<'a, T>) -> MonitorGuard<'a, T> {
        MonitorGuard { monitor: self, guard: ManuallyDrop::new(guard), told: 0, due: None }
    }

    /// What an owner died over may be what others wait for.
    #[cold]
    fn inside_after_death<'a>(&'a self, guard: MutexGuard<'a, T>) -> MonitorGuard<'a, T> {
        let due = self.owe_if_held(&guard, None);
        let mut inside = self.inside(guard);
        inside.due = due;
        inside
    }

    #[inline(always)]
    fn has_waiters(&self) -> bool {
        self.changed.has_waiters() || self.exact.has_waiters()
    }

    /// Wakes those who wait, before the first change: they queue for the mutex, where the owner's death wakes them too.
    /// Answers the look that is owed to the others from now on.
    #[cold]
    fn tell(&self, due: Option<Step>) -> Option<Step> {
        // A tag that leads nowhere was written by others: nobody can be found who waits here.
        let _ = self.changed.notify_in(self.mutex.tag(), u32::MAX);
        if self.exact.has_waiters() { self.owe(due) } else { due }
    }

    /// What happened to it so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.mutex.counters()
    }
}

/// The data of a [`Monitor`], as long as this thread is inside.
// No field has a drop of its own, and nothing that is called on the short way gets hold of the guard: so it stays in registers.
pub struct MonitorGuard<'a, T> {
    monitor: &'a Monitor<T>,
    /// Taken out when this is dropped, or in [`MonitorGuard::into_parts`].
    guard: ManuallyDrop<MutexGuard<'a, T>>,
    /// Whether those who wait were told that this thread changes the data; a word, for the copies.
    told: u64,
    /// There while this thread owes those who wait with a condition as data a look.
    due: Option<Step>,
}

impl<'a, T> MonitorGuard<'a, T> {
    /// Waits as long as `condition` is true, with others inside meanwhile.
    ///
    /// # Errors
    /// As [`Mutex::lock`], about being inside again.
    #[track_caller]
    pub fn wait_while(self, condition: impl FnMut(&mut T) -> bool) -> LockResult<Self> {
        let waited = self.wait_while_until(condition, Deadline::NEVER);
        waited.map(|(guard, _)| guard).map_err(|refusal| refusal.map(|(guard, _)| guard))
    }

    /// As [`MonitorGuard::wait_while`], until `deadline`; answers whether that came first.
    ///
    /// # Errors
    /// As [`MonitorGuard::wait_while`]; [`LockError::TimedOut`] when another stays inside for a second
    /// beyond the deadline: then this thread is outside.
    #[track_caller]
    pub fn wait_while_until(
        mut self,
        mut condition: impl FnMut(&mut T) -> bool,
        deadline: Deadline,
    ) -> LockResult<(Self, bool)> {
        let monitor = self.monitor;
        let mut late = false;
        loop {
            let goes_on = !condition(&mut self.guard);
            if late || goes_on {
                return Ok((self, late && !goes_on));
            }
            let (guard, due) = self.into_parts();
            let left = monitor.choose(&guard, due);
            match monitor.changed.wait_until_then(guard, deadline, move || drop(left)) {
                Ok((guard, is_late)) => {
                    late = is_late;
                    self = monitor.inside(guard);
                }
                Err(refusal) => {
                    let inside = |(guard, is_late)| (monitor.inside_after_death(guard), is_late);
                    return Err(refusal.map(inside));
                }
            }
        }
    }

    /// Waits for a notification of `condition`, an explicit one of this monitor, with others inside meanwhile; it may return
    /// without one. For who wants to say whom to wake: [`MonitorGuard::wait_while`] needs no notification.
    ///
    /// # Errors
    /// As [`Mutex::lock`], about being inside again.
    ///
    /// # Death
    /// As [`Condvar`]: a notification whose receiver is killed before it is inside passes on to the next.
    ///
    /// # Examples
    /// ```
    /// use crosstie::sync::{Condvar, Monitor};
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
    /// let count = Monitor::<u64>::open_or_create_in(domain, "count", || 0)?;
    /// let risen = Condvar::open_or_create_in(domain, "count-risen")?;
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| {
    ///         let mut inside = count.enter().unwrap();
    ///         *inside += 1;
    ///         inside.notify_one(&risen).unwrap();
    ///     });
    ///     let mut inside = count.enter().unwrap();
    ///     while *inside == 0 {
    ///         inside = inside.wait_on(&risen).unwrap();
    ///     }
    /// });
    /// # Ok::<(), crosstie::Error>(())
    /// ```
    #[track_caller]
    pub fn wait_on(self, condition: &Condvar) -> LockResult<Self> {
        let monitor = self.monitor;
        let (guard, due) = self.into_parts();
        let left = monitor.choose(&guard, due);
        match condition.wait_until_then(guard, Deadline::NEVER, move || drop(left)) {
            Ok((guard, _)) => Ok(monitor.inside(guard)),
            Err(refusal) => Err(refusal.map(|(guard, _)| monitor.inside_after_death(guard))),
        }
    }

    /// Notifies the first who waits on `condition`.
    ///
    /// # Errors
    /// As [`Condvar::notify_one`].
    pub fn notify_one(&self, condition: &Condvar) -> Result<()> {
        condition.notify_one(&self.guard)
    }

    /// Notifies everyone who waits on `condition`.
    ///
    /// # Errors
    /// As [`Condvar::notify_all`].
    pub fn notify_all(&self, condition: &Condvar) -> Result<()> {
        condition.notify_all(&self.guard)
    }

    /// The fencing number of this stay.
    #[must_use]
    pub fn token(&self) -> u64 {
        self.guard.token()
    }

    /// Whether an owner died inside and nobody has mended the data since.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        self.guard.is_abandoned()
    }

    /// Who died last inside, if nobody has mended the data since.
    #[must_use]
    pub fn dead_owner(&self) -> Option<Identity> {
        self.guard.dead_owner()
    }

    /// Whether this thread is still inside: false when it was put out by force, and in a fork child.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.guard.is_held()
    }

    /// Says that the data are whole again, after an owner died or panicked inside.
    pub fn mark_mended(&mut self) {
        self.guard.mark_mended();
    }
}

impl<T> Deref for MonitorGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> DerefMut for MonitorGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        if self.told == 0 {
            self.told = 1;
            if self.monitor.has_waiters() && self.guard.is_held() {
                self.due = self.monitor.tell(self.due);
            }
        }
        &mut self.guard
    }
}

impl<T: fmt::Debug> fmt::Debug for MonitorGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// What a guard is in, for who has to name it.
pub type MonitorResult<'a, T> = Result<MonitorGuard<'a, T>, LockError<MonitorGuard<'a, T>>>;
