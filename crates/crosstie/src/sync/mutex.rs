//! [`Mutex`]: one at a time, between threads or between processes.

mod at_once;
mod awaited;
mod giving_up;
mod guard;
mod holding;

use std::cell::UnsafeCell;
use std::convert::Infallible;
use std::fmt;
use std::mem::offset_of;
use std::ops::Deref;
use std::panic::Location;
use std::time::Duration;

use crosstie_core::layout::header::layout_hash;
use crosstie_core::turns::mutex::{self as turns, Taken};
use crosstie_core::turns::queued::Request;
use crosstie_core::word::head::{ABANDONED, Counters, Head, POISONED};
use crosstie_core::word::mutex::MutexWord;
use crosstie_core::word::waiting::Mode;
use crosstie_core::{Deadline, OwnerId};

pub use awaited::LockAsync;
pub(super) use awaited::lock_as as lock_as_task;
pub(super) use guard::with_marks;
pub use guard::{MutexGuard, OwnedMutexGuard};
pub(super) use holding::{Holding, holder};

use super::held::{Noted, one};
use super::object::{self, Object, Wanted};
use super::policy::Policy;
use super::refusal::{LockError, LockResult, Occupied};
use super::shared::Shared;
use super::taker::Taker;
use crate::error::Result;
use crate::ledger::attach::{Known, latest, me};
use crate::ledger::order;
use crate::ledger::site::Site;
use crate::ledger::{Domain, Identity, Me};
use crate::os::clock;
use crate::shareable::Shareable;

/// A lock with the data that it protects, on the heap between threads (`Mutex::new`) or in a named
/// object between processes (`Mutex::open_or_create`); the same type, the same calls.
///
/// # Death
/// An owner that dies, by `kill -9` at any instruction or otherwise, loses the lock at once. The next
/// owner gets [`LockError::Abandoned`] with the guard, and so does every one after it until somebody
/// mends the data. A waiter that dies holds nobody up.
///
/// # Fairness
/// As its [`Policy`] says: [`Policy::Fast`] unless it was made otherwise.
///
/// # Cost
/// Without others: two atomic steps for a lock and unlock, no system call. A first lock of a thread
/// in a domain takes its slot (some 20 µs). In memory: 128 bytes beside the data.
///
/// # Examples
/// ```
/// use crosstie::sync::Mutex;
/// # let folder = tempfile::tempdir().unwrap();
/// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
/// let stock = Mutex::<u64>::open_or_create_in(domain, "stock", || 3)?;
/// {
///     let mut count = stock.lock()?;
///     *count -= 1;
/// }
/// assert_eq!(*stock.lock()?, 2);
/// # Ok::<(), crosstie::Error>(())
/// ```
///
/// # Source
/// The protocol: `crosstie_core::word::mutex`.
#[repr(C)]
pub struct Mutex<T> {
    head: Head,
    data: UnsafeCell<T>,
}

#[expect(unsafe_code, reason = "a lock makes its data safe to share")]
mod promises {
    use super::{Head, Mutex, Object, Policy, Shareable, layout_hash};

    // SAFETY: the data are reached only by the one owner of the word (core::word::mutex I1), through a
    // guard or `&mut`; so sharing the mutex only moves the data between threads.
    unsafe impl<T: Send> Sync for Mutex<T> {}

    // SAFETY: repr(C), begins with its head; T is Shareable, so it may be moved bytewise, has no drop
    // glue and is valid whatever others write.
    unsafe impl<T: Shareable> Object for Mutex<T> {
        const KIND: &'static str = "lock";
        const SHAPE: u64 = super::SHAPE;
        const LAYOUT: u64 = T::LAYOUT ^ layout_hash("mutex 3: head, data");
        const PARTS: &'static [(usize, usize)] = &Mutex::<T>::PARTS;

        fn describe() -> String {
            format!("Mutex<{}>", T::describe())
        }

        fn describe_parameter(parameter: u64) -> String {
            Policy::of_patience_us(u32::try_from(parameter).unwrap_or(u32::MAX)).to_string()
        }

        fn head(&self) -> &Head {
            &self.head
        }
    }
}

/// A mutex among the shapes of `lock:` objects.
pub(crate) const SHAPE: u64 = 1;

impl<T> Mutex<T> {
    /// Where its fields lie.
    pub(super) const PARTS: [(usize, usize); 2] =
        [(0, size_of::<Head>()), (offset_of!(Self, data), size_of::<T>())];

    /// A mutex on the heap, between the threads of this process, [`Policy::Fast`].
    ///
    /// # Examples
    /// ```
    /// use crosstie::sync::Mutex;
    /// static VISITS: Mutex<u64> = Mutex::new(0);
    /// # // Not in the user's own domain.
    /// # let folder = tempfile::tempdir().unwrap();
    /// # unsafe { std::env::set_var("CROSSTIE_DOMAIN", folder.path().join("d")) };
    /// *VISITS.lock()? += 1;
    /// assert_eq!(*VISITS.lock()?, 1);
    /// # Ok::<(), crosstie::Error>(())
    /// ```
    #[must_use]
    pub const fn new(value: T) -> Self {
        Self::with_policy(value, Policy::Fast)
    }

    /// A mutex on the heap of the given policy.
    #[must_use]
    pub const fn with_policy(value: T, policy: Policy) -> Self {
        Self { head: Head::new(policy.patience_us()), data: UnsafeCell::new(value) }
    }

    /// Locks, and waits for that as long as it takes.
    ///
    /// # Errors
    /// [`LockError::Abandoned`] and [`LockError::Poisoned`] with the guard; [`LockError::Deadlock`] instead of a
    /// wait that would never end, also when the calling thread has it already; [`LockError::Failed`]
    /// when the domain has no room.
    #[inline(always)]
    #[track_caller]
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        self.lock_until(Deadline::NEVER)
    }

    /// Locks if that is possible at once.
    ///
    /// # Errors
    /// [`LockError::Busy`]; as [`Mutex::lock`].
    #[inline(always)]
    #[track_caller]
    pub fn try_lock(&self) -> LockResult<MutexGuard<'_, T>> {
        self.lock_until(Deadline::NOW)
    }

    /// Locks, and waits for that for at most `timeout`.
    ///
    /// # Errors
    /// [`LockError::TimedOut`]; as [`Mutex::lock`].
    #[inline]
    #[track_caller]
    pub fn lock_for(&self, timeout: Duration) -> LockResult<MutexGuard<'_, T>> {
        self.lock_until(clock::deadline_in(timeout))
    }

    /// Locks, and waits for that until `deadline`.
    ///
    /// # Errors
    /// [`LockError::TimedOut`]; as [`Mutex::lock`]. A circle in which somebody waits with a deadline is no
    /// deadlock: it ends by itself.
    #[inline(always)]
    #[track_caller]
    pub fn lock_until(&self, deadline: Deadline) -> LockResult<MutexGuard<'_, T>> {
        let site = Location::caller();
        let me = match self.take_at_once() {
            Some(me) => me,
            None => match self.take_contended(deadline, site) {
                Ok(me) => me,
                Err(refusal) => return Err(refusal.map(|never| match never {})),
            },
        };
        self.guard(me, site)
    }

    /// Locks as [`Mutex::lock`], and lets `repair` mend the data if an owner died or panicked inside.
    ///
    /// # Errors
    /// [`LockError::Deadlock`], [`LockError::Failed`].
    ///
    /// # Panics
    /// If `repair` does; then the next owner has to mend the data.
    ///
    /// # Examples
    /// ```
    /// use crosstie::sync::Mutex;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
    /// let sums = Mutex::<[u64; 2]>::open_or_create_in(domain, "sums", || [0, 0])?;
    /// let sums = sums.lock_or_repair(|sums, _who| sums[1] = sums[0])?;
    /// assert_eq!(sums[0], sums[1]);
    /// # Ok::<(), crosstie::Error>(())
    /// ```
    #[track_caller]
    pub fn lock_or_repair(
        &self,
        repair: impl FnOnce(&mut T, Option<Identity>),
    ) -> LockResult<MutexGuard<'_, T>> {
        let mut guard = match self.lock() {
            Ok(guard) => return Ok(guard),
            Err(refusal) => refusal.into_guard()?,
        };
        let who = guard.dead_owner();
        repair(&mut guard, who);
        guard.mark_mended();
        Ok(guard)
    }

    /// The data, without locking: nobody else can have them.
    #[must_use]
    pub fn get_mut(&mut self) -> &mut T {
        self.data.get_mut()
    }

    /// The data of a mutex that nobody needs any more.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.data.into_inner()
    }

    /// What happened to it so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.head.counters()
    }

    /// Its policy.
    #[must_use]
    pub fn policy(&self) -> Policy {
        Policy::of_patience_us(self.head.patience_us())
    }

    /// Where the data are.
    #[inline]
    fn data(&self) -> *mut T {
        self.data.get()
    }

    /// Whether `owner` has it now, by the acquisition of `token`.
    #[inline]
    fn is_held(&self, owner: OwnerId, token: u64) -> bool {
        MutexWord::new(&self.head.word).read().owner() == Some(owner) && self.head.token() == token
    }

    /// The guard of a thread that has just taken the word.
    #[inline(always)]
    fn guard(&self, owner: Known, site: &'static Location<'static>) -> LockResult<MutexGuard<'_, T>> {
        let hold = Noted::alone(owner, &one(self.head.key(), Mode::Exclusive, site));
        let guard = MutexGuard::new(self, hold, self.head.next_token());
        match self.head.state() {
            0 => Ok(guard),
            state => guard::with_marks(state, guard),
        }
    }

    /// Takes the word if nobody has it or waits for it, and the thread is known.
    #[inline(always)]
    fn take_at_once(&self) -> Option<Known> {
        latest(&self.head).filter(|me| MutexWord::new(&self.head.word).try_lock(me.id))
    }

    /// Takes the word the long way. The guard is not made here, but where it stays: it need not be copied then.
    #[cold]
    #[inline(never)]
    fn take_contended(
        &self,
        deadline: Deadline,
        site: &'static Location<'static>,
    ) -> Result<Known, LockError<Infallible>> {
        let me = me(self.head.tag()).map_err(LockError::Failed)?;
        self.take(&me, me.id, deadline, site)?;
        Ok(me.known())
    }

    /// The tag of its domain.
    pub(super) fn tag(&self) -> u64 {
        self.head.tag()
    }

    /// What it begins with.
    pub(super) fn head(&self) -> &Head {
        &self.head
    }

    /// Locks for the thread of `taker`, as `request` says.
    pub(super) fn lock_as(&self, taker: &Taker, request: &Request) -> LockResult<MutexGuard<'_, T>> {
        taker.name(&self.head);
        taker.note_order(self.head.key(), Mode::Exclusive);
        if !MutexWord::new(&self.head.word).try_lock(taker.owner) {
            self.take_as(&taker.me, taker.owner, request)?;
        }
        self.guard(taker.me.known(), taker.site())
    }

    /// Takes the word for `owner`: what every way of locking ends in when it is not had at once.
    fn take<G>(
        &self,
        me: &Me,
        owner: OwnerId,
        deadline: Deadline,
        site: &'static Location<'static>,
    ) -> Result<(), LockError<G>> {
        if self.head.key() == 0 {
            self.head.name(me.domain.next_key());
        }
        order::note(me, None, (self.head.key(), Mode::Exclusive), deadline, site);
        self.take_as(
            me,
            owner,
            &Request {
                site: Site::address_of(site),
                behind: me.domain.surely_behind(),
                ..Request::exclusive(deadline)
            },
        )
    }

    fn take_as<G>(&self, me: &Me, owner: OwnerId, request: &Request) -> Result<(), LockError<G>> {
        let since = clock::now_ns();
        let taken = turns::lock(&self.head, me, owner, request);
        let Taken { abandoned_by } = taken.map_err(|refused| {
            let holder = MutexWord::new(&self.head.word).read().owner();
            LockError::refused(refused, me.domain, || {
                Occupied::now(me.domain, &self.head, holder.as_slice(), since)
            })
        })?;
        if abandoned_by.is_some() {
            self.head.mark(ABANDONED);
        }
        Ok(())
    }

    /// Says that the data need a look: a panic left them as they are.
    #[cold]
    fn poison(&self) {
        self.head.mark(POISONED);
    }
}

impl<T> Mutex<T> {
    /// Opens the mutex `name` of the default domain, or makes it with the data that `init` answers;
    /// [`Policy::Fast`].
    ///
    /// # Errors
    /// [`Mismatch`](crate::ErrorKind::Mismatch) (86) when it holds another type, both named; as [`Domain::open_default`].
    pub fn open_or_create(name: &str, init: impl FnOnce() -> T) -> Result<Shared<Self>>
    where
        T: Shareable,
    {
        Self::open_or_create_in(Domain::open_default()?, name, init)
    }

    /// As [`Mutex::open_or_create`], in `domain`.
    ///
    /// # Errors
    /// As [`Mutex::open_or_create`].
    pub fn open_or_create_in(
        domain: &'static Domain,
        name: &str,
        init: impl FnOnce() -> T,
    ) -> Result<Shared<Self>>
    where
        T: Shareable,
    {
        let wanted = Wanted { parameter: u64::from(Policy::Fast.patience_us()), exact: false };
        object::open_or_create(domain, name, wanted, || Self::new(init()))
    }

    /// As [`Mutex::open_or_create_in`], of the policy `policy`.
    ///
    /// # Errors
    /// As [`Mutex::open_or_create`]; `Mismatch` when it was made with another policy.
    pub fn open_or_create_with(
        domain: &'static Domain,
        name: &str,
        policy: Policy,
        init: impl FnOnce() -> T,
    ) -> Result<Shared<Self>>
    where
        T: Shareable,
    {
        let wanted = Wanted { parameter: u64::from(policy.patience_us()), exact: true };
        object::open_or_create(domain, name, wanted, || Self::with_policy(init(), policy))
    }

    /// Opens the mutex `name` of `domain`, which must exist.
    ///
    /// # Errors
    /// `NotFound`; as [`Mutex::open_or_create`].
    pub fn open_in(domain: &'static Domain, name: &str) -> Result<Shared<Self>>
    where
        T: Shareable,
    {
        object::open(domain, name, Wanted { parameter: 0, exact: false })
    }
}

/// Locking for the whole process: the guard may move between threads and across awaits.
pub trait LockOwned<T>: Deref<Target = Mutex<T>> + Clone {
    /// Locks for the calling process, and waits for that until `deadline`.
    ///
    /// No deadlock is told in which such a lock takes part: any thread of the process could give it up.
    ///
    /// # Errors
    /// As [`Mutex::lock_until`].
    ///
    /// # Death
    /// It is held until the guard is dropped or the *process* ends, whichever of its threads do.
    ///
    /// # Examples
    /// ```
    /// use crosstie::Deadline;
    /// use crosstie::sync::mutex::{LockOwned, Mutex};
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
    /// let stock = Mutex::<u64>::open_or_create_in(domain, "stock", || 3)?;
    /// let guard = stock.lock_owned_until(Deadline::NEVER)?;
    /// std::thread::spawn(move || drop(guard)).join().unwrap();
    /// assert_eq!(*stock.lock()?, 3);
    /// # Ok::<(), crosstie::Error>(())
    /// ```
    #[track_caller]
    fn lock_owned_until(&self, deadline: Deadline) -> LockResult<OwnedMutexGuard<T, Self>> {
        let site = Location::caller();
        let mutex: &Mutex<T> = self;
        let me = me(mutex.head.tag()).map_err(LockError::Failed)?;
        let process = me.domain.process_known().map_err(LockError::Failed)?;
        mutex.take(&me, process.id, deadline, site)?;
        let hold = Noted::beside_others(process, &one(mutex.head.key(), Mode::Exclusive, site));
        let guard = OwnedMutexGuard::new(self.clone(), hold, mutex.head.next_token());
        guard::with_marks(mutex.head.state(), guard)
    }

    /// As [`LockOwned::lock_owned_until`], as long as it takes.
    ///
    /// # Errors
    /// As [`Mutex::lock`].
    #[track_caller]
    fn lock_owned(&self) -> LockResult<OwnedMutexGuard<T, Self>> {
        self.lock_owned_until(Deadline::NEVER)
    }
}

impl<T, H: Deref<Target = Mutex<T>> + Clone> LockOwned<T> for H {}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for Mutex<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

/// Shows no data: they may change under the look.
impl<T> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutex").field("policy", &self.policy()).finish_non_exhaustive()
    }
}
