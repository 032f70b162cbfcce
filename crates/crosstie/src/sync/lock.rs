//! [`Lock`]: a lock without data, alone or shared; what `crosstie lock NAME` makes.

mod awaited;

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::panic::Location;
use std::time::Duration;

use crosstie_core::layout::header::layout_hash;
use crosstie_core::word::head::{ABANDONED, Counters, Head};
use crosstie_core::{Deadline, OwnerId};

pub use self::awaited::LockAsync;
use super::lock_words::{LockWords, ReadTurn, WriteTurn};
use super::object::{self, Object, Wanted};
use super::refusal::{LockError, LockResult};
use super::shared::Shared;
use super::taker::Taker;
use crate::error::Result;
use crate::ledger::{Domain, Identity};
use crate::os::clock;

/// Whether a lock is wanted alone or beside others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Access {
    /// Alone.
    #[default]
    Exclusive,
    /// Beside others who share it.
    Shared,
}

/// A lock without data, for what lies elsewhere: a file, a device, a service. One object for Rust and the
/// shell.
///
/// # Death
/// An owner's death is a flag of the next guard ([`LockGuard::is_abandoned`]), told once. Who dies while it waits
/// for those who share it to leave counts as an owner.
///
/// # Fairness
/// As [`RwLock`](super::RwLock): in phases, exclusive owners in the order in which they came.
///
/// # Examples
/// ```
/// use crosstie::sync::lock::{Access, Lock};
/// # let folder = tempfile::tempdir().unwrap();
/// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
/// let db = Lock::open_or_create_in(domain, "db")?;
/// let guard = db.lock()?;
/// assert!(db.try_lock(Access::Shared).is_err());
/// assert!(!guard.is_abandoned() && guard.token() > 0);
/// # Ok::<(), crosstie::Error>(())
/// ```
#[repr(C)]
pub struct Lock {
    words: LockWords,
}

#[expect(unsafe_code, reason = "promises what an object is")]
mod promises {
    use super::{Head, Lock, Object, layout_hash};

    // SAFETY: repr(C), begins with its head, atomics only.
    unsafe impl Object for Lock {
        const KIND: &'static str = "lock";
        const SHAPE: u64 = super::SHAPE;
        const LAYOUT: u64 = layout_hash("lock 3: words 1216");

        fn describe() -> String {
            "Lock".to_owned()
        }

        fn head(&self) -> &Head {
            &self.words.head
        }
    }
}

/// A lock without data among the shapes of `lock:` objects.
pub(crate) const SHAPE: u64 = 3;

impl Lock {
    /// A lock on the heap.
    #[must_use]
    pub const fn new() -> Self {
        Self { words: LockWords::new() }
    }

    /// Opens the lock `name` of the default domain, or makes it.
    ///
    /// # Errors
    /// `Mismatch` when it protects data, of a named type; as [`Domain::open_default`].
    pub fn open_or_create(name: &str) -> Result<Shared<Self>> {
        Self::open_or_create_in(Domain::open_default()?, name)
    }

    /// As [`Lock::open_or_create`], in `domain`.
    ///
    /// # Errors
    /// As [`Lock::open_or_create`].
    pub fn open_or_create_in(domain: &'static Domain, name: &str) -> Result<Shared<Self>> {
        object::open_or_create(domain, name, Wanted { parameter: 0, exact: false }, Self::new)
    }

    /// Locks alone, and waits for that as long as it takes.
    ///
    /// # Errors
    /// [`LockError::Deadlock`], [`LockError::Failed`].
    #[inline]
    #[track_caller]
    pub fn lock(&self) -> LockResult<LockGuard<&Self>> {
        self.lock_until(Access::Exclusive, Deadline::NEVER)
    }

    /// Locks beside others who share it.
    ///
    /// # Errors
    /// As [`Lock::lock`].
    #[inline]
    #[track_caller]
    pub fn lock_shared(&self) -> LockResult<LockGuard<&Self>> {
        self.lock_until(Access::Shared, Deadline::NEVER)
    }

    /// Locks if that is possible at once.
    ///
    /// # Errors
    /// [`LockError::Busy`]; as [`Lock::lock`].
    #[track_caller]
    pub fn try_lock(&self, access: Access) -> LockResult<LockGuard<&Self>> {
        self.lock_until(access, Deadline::NOW)
    }

    /// Locks, and waits for that for at most `timeout`.
    ///
    /// # Errors
    /// [`LockError::TimedOut`]; as [`Lock::lock`].
    #[track_caller]
    pub fn lock_for(&self, access: Access, timeout: Duration) -> LockResult<LockGuard<&Self>> {
        self.lock_until(access, clock::deadline_in(timeout))
    }

    /// Locks, and waits for that until `deadline`.
    ///
    /// # Errors
    /// [`LockError::TimedOut`]; as [`Lock::lock`].
    #[inline]
    #[track_caller]
    pub fn lock_until(&self, access: Access, deadline: Deadline) -> LockResult<LockGuard<&Self>> {
        let site = Location::caller();
        let turn = match access {
            Access::Shared => Turn::Read(self.words.read_until(deadline, site)?),
            Access::Exclusive => Turn::Write(self.words.write_by_thread(deadline, site)?),
        };
        Ok(LockGuard::of_turn(self, turn).told_once())
    }

    /// What it is made of.
    #[inline(always)]
    pub(super) fn words(&self) -> &LockWords {
        &self.words
    }

    /// Who has it now.
    #[must_use]
    pub fn holders(&self) -> Vec<OwnerId> {
        self.words.holders()
    }

    /// What happened to it so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.words.head.counters()
    }
}

impl Default for Lock {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lock").finish_non_exhaustive()
    }
}

enum Turn {
    Read(ReadTurn),
    Write(WriteTurn),
}

/// Who has a lock: the thread that took it. A guard of it stays there.
#[derive(Debug)]
pub struct ByThread(PhantomData<*mut ()>);

/// Who has a lock: the process. A guard of it may move between threads, and across awaits.
#[derive(Debug)]
pub struct ByProcess(());

/// A [`Lock`] that is held until this is dropped. `H` is what leads to the lock, `O` says who has it.
///
/// What a thread has ends with that thread, so no other can give it back, for the guard cannot be sent there:
///
/// ```compile_fail,E0277
/// use crosstie::sync::lock::{Lock, LockGuard};
/// fn give_back_elsewhere(guard: LockGuard<&'static Lock>) {
///     std::thread::spawn(move || drop(guard));
/// }
/// ```
///
/// What the process has can:
///
/// ```
/// use crosstie::Deadline;
/// use crosstie::sync::lock::{Access, Lock, LockOwned};
/// # let folder = tempfile::tempdir().unwrap();
/// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
/// let db = Lock::open_or_create_in(domain, "db")?;
/// let guard = db.lock_owned_until(Access::Exclusive, Deadline::NEVER)?;
/// std::thread::spawn(move || drop(guard)).join().unwrap();
/// assert!(db.try_lock(Access::Exclusive).is_ok());
/// # Ok::<(), crosstie::Error>(())
/// ```
pub struct LockGuard<H: Deref<Target = Lock>, O = ByThread> {
    owner: PhantomData<O>,
    lock: H,
    turn: Turn,
    token: u64,
    died: Option<OwnerId>,
    is_abandoned: bool,
}

impl<H: Deref<Target = Lock>, O> LockGuard<H, O> {
    /// Takes `lock` for whom `taker` says; an owner's death is told once.
    pub(crate) fn take(lock: H, access: Access, taker: &Taker) -> LockResult<Self> {
        Ok(Self::take_beside_data(lock, access, taker)?.told_once())
    }

    /// Nothing is to be mended here: the next owner is told, and then it is over.
    #[inline]
    fn told_once(self) -> Self {
        if self.is_abandoned && matches!(self.turn, Turn::Write(_)) {
            self.lock.words.head.unmark(ABANDONED);
        }
        self
    }

    /// Takes `lock`, which may stand before data whose marks stay as they are.
    pub(super) fn take_beside_data(lock: H, access: Access, taker: &Taker) -> LockResult<Self> {
        let words = &lock.words;
        let turn = match access {
            Access::Shared => Turn::Read(words.read(taker)?),
            Access::Exclusive => Turn::Write(words.write(taker)?),
        };
        Ok(Self::of_turn(lock, turn))
    }

    /// Who writes by `turn`.
    pub(super) fn of_writer(lock: H, turn: WriteTurn) -> Self {
        Self::of_turn(lock, Turn::Write(turn))
    }

    #[inline]
    fn of_turn(lock: H, turn: Turn) -> Self {
        let words = &lock.words;
        let token = match &turn {
            Turn::Read(_) => words.head.token(),
            Turn::Write(turn) => turn.token,
        };
        let is_abandoned = match &turn {
            Turn::Read(turn) => turn.is_abandoned,
            Turn::Write(_) => words.is_abandoned(),
        };
        let died = words.head.died_last().filter(|_| is_abandoned);
        Self { owner: PhantomData, lock, turn, token, died, is_abandoned }
    }

    /// Whether the owner before died while it had the lock: what it protects may be half done.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        self.is_abandoned
    }

    /// Who that was, if it is still known.
    #[must_use]
    pub fn dead_owner(&self) -> Option<Identity> {
        Domain::for_tag(self.lock.words.head.tag()).ok()?.identity(self.died?)
    }

    /// The fencing number: larger than that of every exclusive owner before; for those who share it, that of the last.
    #[must_use]
    pub fn token(&self) -> u64 {
        self.token
    }

    /// Says that the data that lie behind the words are whole again.
    pub(super) fn mark_mended(&mut self) {
        self.lock.words.head.unmark(ABANDONED);
        self.is_abandoned = false;
    }

    /// Whether it is still held: false when it was taken away by force, and in a fork child.
    #[must_use]
    pub fn is_held(&self) -> bool {
        match &self.turn {
            Turn::Read(turn) => self.lock.words.is_reading(turn),
            Turn::Write(turn) => self.lock.words.is_writing(turn),
        }
    }
}

impl<H: Deref<Target = Lock>, O> Drop for LockGuard<H, O> {
    #[inline]
    fn drop(&mut self) {
        match &self.turn {
            Turn::Read(turn) => self.lock.words.stop_reading(turn),
            Turn::Write(turn) => self.lock.words.stop_writing(turn),
        }
    }
}

/// Locking for the whole process.
pub trait LockOwned: Deref<Target = Lock> + Clone {
    /// Locks for the calling process, and waits until `deadline`; the guard may move between threads.
    ///
    /// # Errors
    /// As [`Lock::lock_until`].
    #[track_caller]
    fn lock_owned_until(&self, access: Access, deadline: Deadline) -> LockResult<LockGuard<Self, ByProcess>> {
        let taker = Taker::process(self.words.head.tag(), deadline).map_err(LockError::Failed)?;
        LockGuard::take(self.clone(), access, &taker)
    }
}

impl<H: Deref<Target = Lock> + Clone> LockOwned for H {}

impl<H: Deref<Target = Lock>, O> fmt::Debug for LockGuard<H, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockGuard").field("token", &self.token()).finish_non_exhaustive()
    }
}
