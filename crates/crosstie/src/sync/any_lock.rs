//! [`AnyLock`]: a `lock:` object of whatever type, by its word alone; what `crosstie lock NAME` takes.

use std::fmt;
use std::ops::Deref;

use crosstie_core::{Deadline, OwnerId};

use super::lock::{Access, Lock, LockGuard};
use super::lock_words::WriteTurn;
use super::mutex::{self as mutexes, Holding, Mutex};
use super::object::{self, Object};
use super::policy::Policy;
use super::refusal::{LockError, LockResult};
use super::rwlock as rwlocks;
use super::several;
use super::shared::Shared;
use super::shortcut::{ShortTurn, Shortcut, Words};
use super::taker::Taker;
use crate::error::{Error, ErrorKind, Result};
use crate::ledger::attach::{Known, latest};
use crate::ledger::command::CommandOwner;
use crate::ledger::{Domain, Identity};
use crate::os::process;

/// A lock, mutex or readers-and-writer lock by name, for who needs it held and does not touch its data: a command, or
/// a program in another language.
///
/// # Death
/// An owner's death is a flag of the guard ([`AnyLockGuard::is_abandoned`]). Of a [`Lock`] it is told once; what has
/// data stays abandoned until somebody who knows the data mends them.
///
/// # Examples
/// ```
/// use crosstie::Deadline;
/// use crosstie::sync::{Access, AnyLock, Mutex};
/// # let folder = tempfile::tempdir().unwrap();
/// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
/// let stock = Mutex::<u64>::open_or_create_in(domain, "stock", || 7)?;
/// let owner = domain.command_owner("./backup.sh")?;
/// let any = AnyLock::open_or_create_in(domain, "stock")?;
/// let guard = any.lock_for_command(&owner, Access::Exclusive, Deadline::NEVER)?;
/// assert!(stock.try_lock().is_err() && guard.is_held());
/// drop(guard);
/// assert_eq!(*stock.lock()?, 7);
/// # Ok::<(), crosstie::Error>(())
/// ```
#[derive(Clone)]
pub struct AnyLock(Kind);

#[derive(Clone)]
enum Kind {
    Bare(Shared<Lock>),
    /// A readers-and-writer lock begins with the words of a [`Lock`].
    ReadWrite(Shared<Lock>),
    /// Whatever its data are, they lie behind the words.
    Mutex(Shared<Mutex<()>>),
}

impl AnyLock {
    /// Opens the lock `name` of `domain`, of whatever type it is, or makes one without data.
    ///
    /// # Errors
    /// As [`Lock::open_or_create`]; `Mismatch` only for a type that this version does not know.
    pub fn open_or_create_in(domain: &'static Domain, name: &str) -> Result<Self> {
        match Lock::open_or_create_in(domain, name) {
            Ok(lock) => Ok(Self(Kind::Bare(lock))),
            Err(refusal) if refusal.kind() == ErrorKind::Mismatch => Self::open_typed(domain, name, refusal),
            Err(refusal) => Err(refusal),
        }
    }

    /// Opens the lock `name` of `domain`, of whatever type it is, or makes a mutex without data.
    ///
    /// # Errors
    /// As [`AnyLock::open_or_create_in`].
    ///
    /// # Examples
    /// ```
    /// use crosstie::Deadline;
    /// use crosstie::sync::{Access, AnyLock, Policy};
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
    /// let door = AnyLock::open_or_create_mutex_in(domain, "door", Policy::Fast)?;
    /// let turn = door.lend_until(Access::Exclusive, Deadline::NEVER)?;
    /// assert!(turn.is_held() && turn.token() == 1);
    /// # Ok::<(), crosstie::Error>(())
    /// ```
    pub fn open_or_create_mutex_in(domain: &'static Domain, name: &str, policy: Policy) -> Result<Self> {
        match Mutex::<()>::open_or_create_with(domain, name, policy, || ()) {
            Ok(mutex) => Ok(Self(Kind::Mutex(mutex))),
            Err(refusal) if refusal.kind() == ErrorKind::Mismatch => Self::open_or_create_in(domain, name),
            Err(refusal) => Err(refusal),
        }
    }

    fn open_typed(domain: &'static Domain, name: &str, refusal: Error) -> Result<Self> {
        let segment = object::open_any_shape(domain, "lock", name)?;
        let whole = format!("lock:{name}");
        match segment.header().params[0] {
            rwlocks::SHAPE => Ok(Self(Kind::ReadWrite(Shared::new(domain, segment, whole)?))),
            mutexes::SHAPE => Ok(Self(Kind::Mutex(Shared::new(domain, segment, whole)?))),
            _ => Err(refusal),
        }
    }

    /// Locks for the calling thread, and waits until `deadline`.
    ///
    /// # Errors
    /// As [`Lock::lock_until`]; `Usage` for a mutex that is to be shared.
    ///
    /// # Death
    /// It is held until the guard is dropped, in this thread, or the thread ends.
    ///
    /// # Examples
    /// ```
    /// use crosstie::Deadline;
    /// use crosstie::sync::{Access, AnyLock, Mutex};
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
    /// let stock = Mutex::<u64>::open_or_create_in(domain, "stock", || 7)?;
    /// let any = AnyLock::open_or_create_in(domain, "stock")?;
    /// let guard = any.lock_until(Access::Exclusive, Deadline::NEVER)?;
    /// assert!(stock.try_lock().is_err());
    /// drop(guard);
    /// assert_eq!(*stock.try_lock()?, 7);
    /// # Ok::<(), crosstie::Error>(())
    /// ```
    #[track_caller]
    pub fn lock_until(&self, access: Access, deadline: Deadline) -> LockResult<AnyLockGuard> {
        self.take(access, Taker::thread(self.tag(), deadline))
    }

    /// Locks for the calling thread as [`AnyLock::lock_until`], with a guard that borrows the lock: what costs least.
    ///
    /// # Errors
    /// As [`AnyLock::lock_until`].
    ///
    /// # Death
    /// As [`AnyLock::lock_until`].
    #[inline]
    #[track_caller]
    pub fn lend_until(&self, access: Access, deadline: Deadline) -> LockResult<AnyTurn<'_>> {
        let taker = Taker::thread(self.tag(), deadline).map_err(LockError::Failed)?;
        match &self.0 {
            Kind::Bare(lock) => bare(Way::Lent(&**lock), access, &taker),
            Kind::ReadWrite(lock) => beside_data(Way::Lent(&**lock), access, &taker),
            Kind::Mutex(mutex) => one_at_a_time(Way::Lent(&**mutex), mutex.name(), access, &taker),
        }
    }

    /// Locks for the calling process, and waits until `deadline`; the guard may move between threads.
    ///
    /// # Errors
    /// As [`AnyLock::lock_until`].
    ///
    /// # Death
    /// It is held until the guard is dropped or the *process* ends.
    #[track_caller]
    pub fn lock_owned_until(&self, access: Access, deadline: Deadline) -> LockResult<AnyLockGuard> {
        self.take(access, Taker::process(self.tag(), deadline))
    }

    /// Locks for the command of `owner`, and waits until `deadline`.
    ///
    /// # Errors
    /// As [`Lock::lock_until`]; `Usage` for a mutex that is to be shared.
    ///
    /// # Death
    /// It is held until the guard is dropped, or the command's program and who started it have both ended.
    #[track_caller]
    pub fn lock_for_command(
        &self,
        owner: &CommandOwner,
        access: Access,
        deadline: Deadline,
    ) -> LockResult<AnyLockGuard> {
        self.take(access, Taker::command(owner, deadline))
    }

    /// Its kind and name: `lock:stock`.
    #[must_use]
    pub fn name(&self) -> &str {
        match &self.0 {
            Kind::Bare(lock) | Kind::ReadWrite(lock) => lock.name(),
            Kind::Mutex(mutex) => mutex.name(),
        }
    }

    /// The domain in which it has its name.
    #[must_use]
    pub fn domain(&self) -> &'static Domain {
        match &self.0 {
            Kind::Bare(lock) | Kind::ReadWrite(lock) => lock.domain(),
            Kind::Mutex(mutex) => mutex.domain(),
        }
    }

    /// Who has it now.
    #[must_use]
    pub fn holders(&self) -> Vec<OwnerId> {
        match &self.0 {
            Kind::Bare(lock) | Kind::ReadWrite(lock) => lock.holders(),
            Kind::Mutex(mutex) => mutexes::holder(mutex).into_iter().collect(),
        }
    }

    /// The shortest way in which the calling thread takes it alone; `None` where this thread is new here, or notes in which
    /// order it takes locks.
    #[inline(always)]
    #[must_use]
    pub fn shortcut(&self) -> Option<Shortcut<'_>> {
        let (words, head) = match &self.0 {
            Kind::Bare(lock) | Kind::ReadWrite(lock) => (Words::Lock(lock.words()), lock.head()),
            Kind::Mutex(mutex) => (Words::Mutex(mutex), mutex.head()),
        };
        latest(head).map(|me| Shortcut::new(words, me))
    }

    /// What the thread that is `owner` took by a [`Shortcut`] of this lock, as a guard. Where another thread drops it, it is given back there.
    ///
    /// # Errors
    /// `Corrupt` where the domain knows no such owner.
    ///
    /// # Examples
    /// ```
    /// use crosstie::sync::AnyLock;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
    /// let db = AnyLock::open_or_create_in(domain, "db")?;
    /// let owner = domain.thread_owner()?;
    /// let turn = db.shortcut().and_then(|shortcut| shortcut.take()).unwrap();
    /// let guard = db.guard(turn, owner)?;
    /// assert!(guard.is_held() && guard.token() == 1);
    /// # Ok::<(), crosstie::Error>(())
    /// ```
    pub fn guard(&self, turn: ShortTurn, owner: OwnerId) -> Result<AnyTurn<'_>> {
        let slot = self.domain().slot(owner.slot()).ok_or_else(|| {
            Error::new("keep", self.name(), ErrorKind::Corrupt).because("the domain knows no such owner")
        })?;
        let noted = turn.noted(Known { id: owner, slot, epoch: process::fork_epoch() });
        let token = turn.token();
        Ok(match &self.0 {
            Kind::Bare(lock) | Kind::ReadWrite(lock) => {
                AnyTurn::of(LockGuard::of_writer(Way::Lent(&**lock), WriteTurn { noted, token }))
            }
            Kind::Mutex(mutex) => AnyTurn(Held::Mutex(Holding::noted(Way::Lent(&**mutex), noted[0], token))),
        })
    }

    /// Its place in the order in which everybody takes several locks ([`lock_all`](super::lock_all)); no other lock has it.
    ///
    /// # Examples
    /// ```
    /// use crosstie::sync::AnyLock;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
    /// let (a, b) = (AnyLock::open_or_create_in(domain, "a")?, AnyLock::open_or_create_in(domain, "b")?);
    /// assert_ne!(a.rank(), b.rank());
    /// assert_eq!(a.rank(), AnyLock::open_or_create_in(domain, "a")?.rank());
    /// # Ok::<(), crosstie::Error>(())
    /// ```
    #[must_use]
    pub fn rank(&self) -> (u64, u64) {
        match &self.0 {
            Kind::Bare(lock) | Kind::ReadWrite(lock) => several::rank(lock.head()),
            Kind::Mutex(mutex) => several::rank(mutex.head()),
        }
    }

    #[inline]
    fn tag(&self) -> u64 {
        match &self.0 {
            Kind::Bare(lock) | Kind::ReadWrite(lock) => lock.head().tag(),
            Kind::Mutex(mutex) => mutex.head().tag(),
        }
    }

    fn take(&self, access: Access, taker: Result<Taker>) -> LockResult<AnyLockGuard> {
        let taker = &taker.map_err(LockError::Failed)?;
        match &self.0 {
            Kind::Bare(lock) => bare(Way::Kept(lock.clone()), access, taker),
            Kind::ReadWrite(lock) => beside_data(Way::Kept(lock.clone()), access, taker),
            Kind::Mutex(mutex) => one_at_a_time(Way::Kept(mutex.clone()), mutex.name(), access, taker),
        }
    }
}

/// Takes a lock without data; an owner's death is told once.
#[inline]
fn bare<'a>(lock: Way<'a, Lock>, access: Access, taker: &Taker) -> LockResult<AnyTurn<'a>> {
    LockGuard::take(lock, access, taker).map(AnyTurn::of).map_err(|refusal| refusal.map(AnyTurn::of))
}

fn beside_data<'a>(lock: Way<'a, Lock>, access: Access, taker: &Taker) -> LockResult<AnyTurn<'a>> {
    let taken = LockGuard::take_beside_data(lock, access, taker);
    taken.map(AnyTurn::of).map_err(|refusal| refusal.map(AnyTurn::of))
}

#[inline]
fn one_at_a_time<'a>(
    mutex: Way<'a, Mutex<()>>,
    name: &str,
    access: Access,
    taker: &Taker,
) -> LockResult<AnyTurn<'a>> {
    if access == Access::Shared {
        return Err(LockError::Failed(
            Error::new("lock", name, ErrorKind::Usage)
                .because("it is a mutex: it has one owner at a time, and cannot be shared")
                .advise("take it alone, or make it a readers-and-writer lock"),
        ));
    }
    Holding::take(mutex, taker).map(|held| AnyTurn(Held::Mutex(held)))
}

/// What leads to a lock: lent by who keeps it, or kept by the guard.
#[derive(Debug)]
enum Way<'a, O: Object> {
    Lent(&'a O),
    Kept(Shared<O>),
}

impl<O: Object> Deref for Way<'_, O> {
    type Target = O;

    #[inline]
    fn deref(&self) -> &O {
        match self {
            Self::Lent(object) => object,
            Self::Kept(object) => object,
        }
    }
}

impl fmt::Debug for AnyLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnyLock").finish_non_exhaustive()
    }
}

/// Whoever the taker was: a thread, the process, a command. Nothing in the type says it.
#[derive(Debug)]
enum ByAny {}

/// An [`AnyLock`] that is held until this is dropped; it keeps the lock open.
pub type AnyLockGuard = AnyTurn<'static>;

/// An [`AnyLock`] that is held until this is dropped.
#[derive(Debug)]
pub struct AnyTurn<'a>(Held<'a>);

#[derive(Debug)]
enum Held<'a> {
    Lock(LockGuard<Way<'a, Lock>, ByAny>),
    Mutex(Holding<(), Way<'a, Mutex<()>>>),
}

impl<'a> AnyTurn<'a> {
    #[inline]
    fn of(guard: LockGuard<Way<'a, Lock>, ByAny>) -> Self {
        Self(Held::Lock(guard))
    }

    /// Whether an owner died while it had the lock, and nobody has been told or has mended the data since.
    #[inline]
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        match &self.0 {
            Held::Lock(guard) => guard.is_abandoned(),
            Held::Mutex(held) => held.is_abandoned(),
        }
    }

    /// Who that was, if it is still known.
    #[must_use]
    pub fn dead_owner(&self) -> Option<Identity> {
        match &self.0 {
            Held::Lock(guard) => guard.dead_owner(),
            Held::Mutex(held) => held.dead_owner(),
        }
    }

    /// Says that what the lock protects is whole again, after an owner died inside.
    pub fn mark_mended(&mut self) {
        match &mut self.0 {
            Held::Lock(guard) => guard.mark_mended(),
            Held::Mutex(held) => held.mark_mended(),
        }
    }

    /// The fencing number: larger than that of every exclusive owner before.
    #[inline]
    #[must_use]
    pub fn token(&self) -> u64 {
        match &self.0 {
            Held::Lock(guard) => guard.token(),
            Held::Mutex(held) => held.token(),
        }
    }

    /// Whether it is still held: false when it was taken away by force, and in a fork child.
    #[inline]
    #[must_use]
    pub fn is_held(&self) -> bool {
        match &self.0 {
            Held::Lock(guard) => guard.is_held(),
            Held::Mutex(held) => held.is_held(),
        }
    }
}
