//! [`lock_all`]: several locks at once, in one order for everybody, so that no circle can arise.

use crosstie_core::Deadline;
use crosstie_core::word::head::Head;

use super::lock::{Access, Lock, LockGuard};
use super::mutex::{Mutex, MutexGuard};
use super::refusal::{LockError, LockResult};
use super::rwlock::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use super::taker::Taker;
use crate::error::{Error, ErrorKind};

mod sealed {
    pub trait Sealed {}
}
use sealed::Sealed;

/// A lock that can be taken together with others: a [`Mutex`], a [`Lock`] (alone), a [`RwLock`] in [`Reading`] or
/// [`Writing`].
pub trait Lockable: Sealed {
    /// What holds it.
    type Guard;

    #[doc(hidden)]
    fn lockable_head(&self) -> &Head;

    #[doc(hidden)]
    fn take(self, deadline: Deadline) -> LockResult<Self::Guard>;
}

/// A [`RwLock`] that [`lock_all`] takes for reading.
pub struct Reading<'a, T>(pub &'a RwLock<T>);

/// A [`RwLock`] that [`lock_all`] takes for writing.
pub struct Writing<'a, T>(pub &'a RwLock<T>);

impl<T> Sealed for &Mutex<T> {}
impl Sealed for &Lock {}
impl<T> Sealed for Reading<'_, T> {}
impl<T> Sealed for Writing<'_, T> {}

impl<'a, T> Lockable for &'a Mutex<T> {
    type Guard = MutexGuard<'a, T>;

    fn lockable_head(&self) -> &Head {
        self.head()
    }

    #[track_caller]
    fn take(self, deadline: Deadline) -> LockResult<Self::Guard> {
        self.lock_until(deadline)
    }
}

impl<'a> Lockable for &'a Lock {
    type Guard = LockGuard<&'a Lock>;

    fn lockable_head(&self) -> &Head {
        super::object::Object::head(*self)
    }

    #[track_caller]
    fn take(self, deadline: Deadline) -> LockResult<Self::Guard> {
        self.lock_until(Access::Exclusive, deadline)
    }
}

impl<'a, T> Lockable for Reading<'a, T> {
    type Guard = RwLockReadGuard<'a, T>;

    fn lockable_head(&self) -> &Head {
        self.0.head()
    }

    #[track_caller]
    fn take(self, deadline: Deadline) -> LockResult<Self::Guard> {
        self.0.read_until(deadline)
    }
}

impl<'a, T> Lockable for Writing<'a, T> {
    type Guard = RwLockWriteGuard<'a, T>;

    fn lockable_head(&self) -> &Head {
        self.0.head()
    }

    #[track_caller]
    fn take(self, deadline: Deadline) -> LockResult<Self::Guard> {
        self.0.write_until(deadline)
    }
}

/// Several locks: a tuple of two to six, or a `Vec` of one kind.
pub trait Lockables: Sealed {
    /// The guards, as the locks were given.
    type Guards;

    #[doc(hidden)]
    fn take_all(self, deadline: Deadline) -> LockResult<Self::Guards>;
}

/// Takes all of `locks`, in an order that is the same for everybody, and waits for that as long as it takes.
///
/// # Errors
/// [`LockError::Abandoned`] or [`LockError::Poisoned`] with all the guards if that is so of one of them; each guard says
/// whether it is so of it. `Usage` (2) when one lock is there twice. As [`Mutex::lock`]; then none is held.
///
/// # Deadlock
/// Whoever takes several locks only in this way, and holds none meanwhile, is in no deadlock.
///
/// # Examples
/// ```
/// use crosstie::sync::{Mutex, lock_all};
/// # let folder = tempfile::tempdir().unwrap();
/// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
/// let from = Mutex::<i64>::open_or_create_in(domain, "from", || 100)?;
/// let to = Mutex::<i64>::open_or_create_in(domain, "to", || 0)?;
/// let (mut a, mut b) = lock_all((&*from, &*to))?;
/// *a -= 30;
/// *b += 30;
/// # Ok::<(), crosstie::Error>(())
/// ```
///
/// # Source
/// Havender, "Avoiding deadlock in multitasking systems", IBM Systems Journal, 1968.
#[track_caller]
pub fn lock_all<L: Lockables>(locks: L) -> LockResult<L::Guards> {
    locks.take_all(Deadline::NEVER)
}

/// As [`lock_all`], until `deadline`; [`Deadline::NOW`] takes them only if none has to be waited for.
///
/// # Errors
/// [`LockError::TimedOut`], [`LockError::Busy`]; as [`lock_all`].
#[track_caller]
pub fn lock_all_until<L: Lockables>(locks: L, deadline: Deadline) -> LockResult<L::Guards> {
    locks.take_all(deadline)
}

macro_rules! tuples {
    ($($lock:ident $guard:ident $index:tt),+) => {
        impl<$($lock: Lockable),+> Sealed for ($($lock,)+) {}

        impl<$($lock: Lockable),+> Lockables for ($($lock,)+) {
            type Guards = ($($lock::Guard,)+);

            #[track_caller]
            fn take_all(self, deadline: Deadline) -> LockResult<Self::Guards> {
                let heads = [$(self.$index.lockable_head()),+];
                let order = order(&heads).map_err(LockError::Failed)?;
                let mut locks = ($(Some(self.$index),)+);
                let mut mark = Mark::Clean;
                $(let mut $guard = None;)+
                for index in order {
                    match index {
                        $($index => if let Some(lock) = locks.$index.take() {
                            mark.keep(lock.take(deadline), &mut $guard)?;
                        })+
                        _ => {}
                    }
                }
                let guards = match ($($guard,)+) {
                    ($(Some($guard),)+) => Some(($($guard,)+)),
                    _ => None,
                };
                mark.hand_over(guards)
            }
        }
    };
}

tuples!(A a 0, B b 1);
tuples!(A a 0, B b 1, C c 2);
tuples!(A a 0, B b 1, C c 2, D d 3);
tuples!(A a 0, B b 1, C c 2, D d 3, E e 4);
tuples!(A a 0, B b 1, C c 2, D d 3, E e 4, F f 5);

impl<L: Lockable> Sealed for Vec<L> {}

impl<L: Lockable> Lockables for Vec<L> {
    type Guards = Vec<L::Guard>;

    #[track_caller]
    fn take_all(self, deadline: Deadline) -> LockResult<Self::Guards> {
        let heads: Vec<&Head> = self.iter().map(Lockable::lockable_head).collect();
        let order = order(&heads).map_err(LockError::Failed)?;
        let mut locks: Vec<Option<L>> = self.into_iter().map(Some).collect();
        let mut guards: Vec<Option<L::Guard>> = locks.iter().map(|_| None).collect();
        let mut mark = Mark::Clean;
        for index in order {
            if let Some(lock) = locks[index].take() {
                mark.keep(lock.take(deadline), &mut guards[index])?;
            }
        }
        mark.hand_over(guards.into_iter().collect())
    }
}

/// The place of the object of `head`, which has its key, in that order.
pub(super) fn rank(head: &Head) -> (u64, u64) {
    (head.tag(), head.key())
}

/// The indices of `heads` in the order in which they are taken.
fn order(heads: &[&Head]) -> Result<Vec<usize>, Error> {
    for head in heads.iter().filter(|head| head.key() == 0) {
        // On the heap, and never used: its key is its place in the order.
        Taker::thread(head.tag(), Deadline::NOW)?.name(head);
    }
    let mut order: Vec<usize> = (0..heads.len()).collect();
    let rank_of = |&index: &usize| rank(heads[index]);
    order.sort_unstable_by_key(rank_of);
    if order.windows(2).any(|pair| rank_of(&pair[0]) == rank_of(&pair[1])) {
        return Err(Error::new("lock", "several", ErrorKind::Usage)
            .because("one of them is there twice")
            .advise("name each lock once"));
    }
    Ok(order)
}

/// The worst that was met on the way, with which the guards are handed over.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Mark {
    Clean,
    Poisoned,
    Abandoned,
}

impl Mark {
    /// Keeps a guard and notes how it was had.
    fn keep<G, H>(&mut self, taken: LockResult<G>, kept: &mut Option<G>) -> Result<(), LockError<H>> {
        let (guard, mark) = match taken {
            Ok(guard) => (guard, Self::Clean),
            Err(LockError::Poisoned(guard)) => (guard, Self::Poisoned),
            Err(LockError::Abandoned(guard)) => (guard, Self::Abandoned),
            Err(LockError::Busy(who)) => return Err(LockError::Busy(who)),
            Err(LockError::TimedOut(who)) => return Err(LockError::TimedOut(who)),
            Err(LockError::Deadlock(cycle)) => return Err(LockError::Deadlock(cycle)),
            Err(LockError::Failed(error)) => return Err(LockError::Failed(error)),
        };
        *self = mark.max(*self);
        *kept = Some(guard);
        Ok(())
    }

    fn hand_over<G>(self, guards: Option<G>) -> LockResult<G> {
        // invariant: every lock was taken once, so every guard was kept.
        let guards = guards.expect("all guards");
        match self {
            Self::Clean => Ok(guards),
            Self::Poisoned => Err(LockError::Poisoned(guards)),
            Self::Abandoned => Err(LockError::Abandoned(guards)),
        }
    }
}
