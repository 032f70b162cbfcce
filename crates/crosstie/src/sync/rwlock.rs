//! [`RwLock`]: many readers or one writer, in phases.

mod awaited;

use std::cell::UnsafeCell;
use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;
use std::mem::offset_of;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::time::Duration;

use crosstie_core::Deadline;
use crosstie_core::layout::header::layout_hash;
use crosstie_core::turns::rwlock::DRAINING;
use crosstie_core::word::head::{ABANDONED, Counters, Head, POISONED};
use crosstie_core::word::waiting::Mode;

pub use self::awaited::{OwnedReadGuard, OwnedWriteGuard, RwLockAsync};
use super::held::{Noted, Panicking, one};
use super::lock_words::{LockWords, WriteTurn};
use super::object::{self, Object, Wanted};
use super::refusal::{LockError, LockResult};
use super::shared::Shared;
use super::taker::Taker;
use crate::error::Result;
use crate::ledger::attach::Known;
use crate::ledger::{Domain, Identity};
use crate::os::clock;
use crate::shareable::Shareable;

/// Data that many read at once, or one writes: on the heap, or in a named object between processes.
///
/// # Death
/// A dead reader is as good as gone. A writer that dies leaves the data abandoned: every reader and writer is
/// told ([`LockError::Abandoned`], with the guard), until a writer mends them. So does one that still waited for
/// readers to leave: it owned the lock already, though it had written nothing.
///
/// # Fairness
/// Phase-fair: a reader waits for one writer at most, or for two where it came just as the first one left; a writer for the readers of
/// one phase and the writers that came before. To read again while a writer waits is a deadlock, and told as one.
///
/// # Cost
/// Reading without a writer: one exchange to begin, one to end, on a cell of its own. 1,216 bytes beside the
/// data; at most 64 read at once, more take turns.
///
/// # Examples
/// ```
/// use crosstie::sync::RwLock;
/// # let folder = tempfile::tempdir().unwrap();
/// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
/// let prices = RwLock::<[u64; 2]>::open_or_create_in(domain, "prices", || [3, 4])?;
/// prices.write()?[0] = 5;
/// let (one, other) = (prices.read()?, prices.read()?);
/// assert_eq!((one[0], other[1]), (5, 4));
/// # Ok::<(), crosstie::Error>(())
/// ```
///
/// # Source
/// The protocol: `crosstie_core::turns::rwlock`.
#[repr(C)]
pub struct RwLock<T> {
    words: LockWords,
    data: UnsafeCell<T>,
}

#[expect(unsafe_code, reason = "a lock makes its data safe to share")]
mod promises {
    use super::{Head, LockWords, Object, RwLock, Shareable, layout_hash, offset_of};

    // SAFETY: the data are reached by readers together or by one writer alone (core::turns::rwlock), through
    // guards or `&mut`.
    unsafe impl<T: Send + Sync> Sync for RwLock<T> {}

    // SAFETY: repr(C), begins with its head; T is Shareable.
    unsafe impl<T: Shareable + Sync> Object for RwLock<T> {
        const KIND: &'static str = "lock";
        const SHAPE: u64 = super::SHAPE;
        const LAYOUT: u64 = T::LAYOUT ^ layout_hash("rwlock 3: words 1216, data");
        const PARTS: &'static [(usize, usize)] =
            &[(0, size_of::<LockWords>()), (offset_of!(RwLock<T>, data), size_of::<T>())];

        fn describe() -> String {
            format!("RwLock<{}>", T::describe())
        }

        fn head(&self) -> &Head {
            &self.words.head
        }
    }
}

/// A lock of readers and writers among the shapes of `lock:` objects.
pub(crate) const SHAPE: u64 = 2;

impl<T> RwLock<T> {
    /// A lock on the heap.
    #[must_use]
    pub const fn new(value: T) -> Self {
        Self { words: LockWords::new(), data: UnsafeCell::new(value) }
    }

    /// Reads, and waits for that as long as it takes.
    ///
    /// # Errors
    /// As [`Mutex::lock`](super::Mutex::lock).
    #[inline(always)]
    #[track_caller]
    pub fn read(&self) -> LockResult<RwLockReadGuard<'_, T>> {
        self.read_until(Deadline::NEVER)
    }

    /// Reads if that is possible at once.
    ///
    /// # Errors
    /// [`LockError::Busy`]; as [`RwLock::read`].
    #[track_caller]
    pub fn try_read(&self) -> LockResult<RwLockReadGuard<'_, T>> {
        self.read_until(Deadline::NOW)
    }

    /// Reads, and waits for that for at most `timeout`.
    ///
    /// # Errors
    /// [`LockError::TimedOut`]; as [`RwLock::read`].
    #[track_caller]
    pub fn read_for(&self, timeout: Duration) -> LockResult<RwLockReadGuard<'_, T>> {
        self.read_until(clock::deadline_in(timeout))
    }

    /// Reads, and waits for that until `deadline`.
    ///
    /// # Errors
    /// [`LockError::TimedOut`]; as [`RwLock::read`].
    #[inline(always)]
    #[track_caller]
    pub fn read_until(&self, deadline: Deadline) -> LockResult<RwLockReadGuard<'_, T>> {
        let site = Location::caller();
        let head = &self.words.head;
        let (me, cell, saw_death) = match self.words.read_at_once() {
            Some((me, cell)) => (me, cell, false),
            None => match self.read_contended(deadline, site) {
                Ok(taken) => taken,
                Err(refusal) => return Err(refusal.map(|never| match never {})),
            },
        };
        let hold = Noted::alone(me, &one(head.key() | DRAINING, Mode::Shared, site));
        let guard = RwLockReadGuard { lock: self, cell, hold, not_send: PhantomData };
        let state = head.state();
        if state == 0 && !saw_death {
            return Ok(guard);
        }
        self.marked(guard, saw_death || state & ABANDONED != 0)
    }

    /// Takes a reader's cell the long way; answers whether a writer had died inside. It is noted where the guard is
    /// made, and stays.
    #[cold]
    #[inline(never)]
    fn read_contended(
        &self,
        deadline: Deadline,
        site: &'static Location<'static>,
    ) -> Result<(Known, u32, bool), LockError<Infallible>> {
        let taker = Taker::thread_at(self.words.head.tag(), deadline, site).map_err(LockError::Failed)?;
        let (cell, saw_death) = self.words.take_cell(&taker)?;
        Ok((taker.me.known(), cell, saw_death))
    }

    #[cold]
    fn marked<'a>(
        &'a self,
        guard: RwLockReadGuard<'a, T>,
        is_abandoned: bool,
    ) -> LockResult<RwLockReadGuard<'a, T>> {
        if is_abandoned {
            Err(LockError::Abandoned(guard))
        } else if self.words.head.state() & POISONED != 0 {
            Err(LockError::Poisoned(guard))
        } else {
            Ok(guard)
        }
    }

    /// Writes, and waits for that as long as it takes.
    ///
    /// # Errors
    /// As [`Mutex::lock`](super::Mutex::lock).
    #[track_caller]
    pub fn write(&self) -> LockResult<RwLockWriteGuard<'_, T>> {
        self.write_until(Deadline::NEVER)
    }

    /// Writes if that is possible at once.
    ///
    /// # Errors
    /// [`LockError::Busy`]; as [`RwLock::write`].
    #[track_caller]
    pub fn try_write(&self) -> LockResult<RwLockWriteGuard<'_, T>> {
        self.write_until(Deadline::NOW)
    }

    /// Writes, and waits for that for at most `timeout`.
    ///
    /// # Errors
    /// [`LockError::TimedOut`]; as [`RwLock::write`].
    #[track_caller]
    pub fn write_for(&self, timeout: Duration) -> LockResult<RwLockWriteGuard<'_, T>> {
        self.write_until(clock::deadline_in(timeout))
    }

    /// Writes, and waits for that until `deadline`.
    ///
    /// # Errors
    /// [`LockError::TimedOut`]; as [`RwLock::write`].
    #[inline]
    #[track_caller]
    pub fn write_until(&self, deadline: Deadline) -> LockResult<RwLockWriteGuard<'_, T>> {
        let turn = self.words.write_by_thread(deadline, Location::caller())?;
        let guard =
            RwLockWriteGuard { lock: self, turn, was_panicking: Panicking::now(), not_send: PhantomData };
        super::mutex::with_marks(self.words.head.state(), guard)
    }

    /// What it begins with.
    pub(super) fn head(&self) -> &Head {
        &self.words.head
    }

    /// What happened to it so far; acquisitions are the writers'.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.words.head.counters()
    }
}

// The bound is each function's, so that the compiler says of a type why it may not be shared.
impl<T> RwLock<T> {
    /// Opens the lock `name` of the default domain, or makes it with the data that `init` answers.
    ///
    /// # Errors
    /// As [`Mutex::open_or_create`](super::Mutex::open_or_create).
    pub fn open_or_create(name: &str, init: impl FnOnce() -> T) -> Result<Shared<Self>>
    where
        T: Shareable + Sync,
    {
        Self::open_or_create_in(Domain::open_default()?, name, init)
    }

    /// As [`RwLock::open_or_create`], in `domain`.
    ///
    /// # Errors
    /// As [`RwLock::open_or_create`].
    pub fn open_or_create_in(
        domain: &'static Domain,
        name: &str,
        init: impl FnOnce() -> T,
    ) -> Result<Shared<Self>>
    where
        T: Shareable + Sync,
    {
        object::open_or_create(domain, name, Wanted { parameter: 0, exact: false }, || Self::new(init()))
    }
}

/// The data of a [`RwLock`], read by this thread until it is dropped.
pub struct RwLockReadGuard<'a, T> {
    lock: &'a RwLock<T>,
    cell: u32,
    hold: Noted,
    not_send: PhantomData<*mut ()>,
}

/// The data of a [`RwLock`], written by this thread until it is dropped.
pub struct RwLockWriteGuard<'a, T> {
    lock: &'a RwLock<T>,
    turn: WriteTurn,
    was_panicking: Panicking,
    not_send: PhantomData<*mut ()>,
}

impl<T> RwLockWriteGuard<'_, T> {
    /// The fencing number of this acquisition: larger than that of every writer before.
    #[must_use]
    pub fn token(&self) -> u64 {
        self.turn.token
    }

    /// Whether it is still held: false when it was taken away by force (`crosstie unlock --force`), and in a fork
    /// child.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.lock.words.is_writing(&self.turn)
    }

    /// Who died last while it wrote, if nobody has mended the data since.
    #[must_use]
    pub fn dead_owner(&self) -> Option<Identity> {
        let head = &self.lock.words.head;
        let domain = Domain::for_tag(head.tag()).ok()?;
        domain.identity(head.died_last().filter(|_| self.lock.words.is_abandoned())?)
    }

    /// Says that the data are whole again.
    pub fn mark_mended(&mut self) {
        self.lock.words.head.unmark(ABANDONED | POISONED);
    }
}

#[expect(unsafe_code, reason = "who holds a guard may reach the data in its way")]
mod access {
    use super::{Deref, DerefMut, RwLockReadGuard, RwLockWriteGuard};

    impl<T> Deref for RwLockReadGuard<'_, T> {
        type Target = T;

        fn deref(&self) -> &T {
            // SAFETY: a reader has its cell, and no writer goes on before it is given back (core::turns::rwlock).
            unsafe { &*self.lock.data.get() }
        }
    }

    impl<T> Deref for RwLockWriteGuard<'_, T> {
        type Target = T;

        fn deref(&self) -> &T {
            // SAFETY: a writer owns the word and has seen all readers leave (core::turns::rwlock).
            unsafe { &*self.lock.data.get() }
        }
    }

    impl<T> DerefMut for RwLockWriteGuard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            // SAFETY: as `deref`, and `self` is borrowed alone.
            unsafe { &mut *self.lock.data.get() }
        }
    }
}

impl<T> Drop for RwLockReadGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if self.hold.is_ours() {
            self.hold.forget();
            self.lock.words.give_up_reading(self.hold.owner, self.cell);
        }
    }
}

impl<T> Drop for RwLockWriteGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if self.was_panicking.has_begun() && self.turn.is_ours() {
            self.lock.words.head.mark(POISONED);
        }
        self.lock.words.stop_writing(&self.turn);
    }
}

impl<T: fmt::Debug> fmt::Debug for RwLockReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: fmt::Debug> fmt::Debug for RwLockWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
