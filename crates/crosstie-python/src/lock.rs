//! `Lock`: one at a time, or several who share; what `crosstie lock NAME` takes. `Guard`: one acquisition of it.

use std::path::PathBuf;

use crosstie::Deadline;
use crosstie::ErrorKind;
use crosstie::sync::any_lock::AnyLockGuard;
use crosstie::sync::{Access, AnyLock, LockError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::held::{Holder, Taken};
use crate::owner::Owner;
use crate::patience::{self, Timeout};
use crate::pickle::{self, Reduced};
use crate::{domain, refusal};

mod at_once;

pub use at_once::shorten;

/// A lock that was had, or why not.
pub type Taking = Result<AnyLockGuard, Box<LockError<AnyLockGuard>>>;

/// A lock between processes, by its name: the one that `crosstie lock NAME` takes.
///
/// Who is killed while it has the lock loses it at once; the next owner has it, and is told: `guard.abandoned`, and an
/// AbandonedWarning that names the dead one. First come, first served. To wait where that would never end raises
/// DeadlockError, across processes and shells.
///
/// >>> import crosstie
/// >>> with crosstie.Lock("db") as guard:
/// ...     guard.abandoned
/// False
///
/// `shared` takes it beside others who share it. `owner` is "thread", which finds deadlocks and which the taking thread
/// gives back, or "process": any thread gives it back, for thread pools and asyncio. `timeout` (seconds, a timedelta) is for
/// `with`, which raises TimedOut. `domain` is the folder in which names are looked up, the user's own by default.
///
/// Copies that were pickled are the same lock, in whatever process.
#[pyclass(frozen, weakref, module = "crosstie")]
pub struct Lock {
    // What was taken by threads borrows the lock: it is dropped first.
    taken: Taken<AnyLockGuard>,
    short: short::Place,
    pub(crate) lock: AnyLock,
    access: Access,
    timeout: Timeout,
}

#[pymethods]
impl Lock {
    #[new]
    #[pyo3(signature = (name, *, shared=false, owner=Holder::Thread, timeout=Timeout(None), domain=None), text_signature = "(name, *, shared=False, owner='thread', timeout=None, domain=None)")]
    fn new(
        py: Python<'_>,
        name: &str,
        shared: bool,
        owner: Holder,
        timeout: Timeout,
        domain: Option<PathBuf>,
    ) -> PyResult<Self> {
        let domain = domain::open(py, domain)?;
        let lock = AnyLock::open_or_create_in(domain, name).map_err(|error| refusal::error(py, &error))?;
        let access = if shared { Access::Shared } else { Access::Exclusive };
        Ok(Self { lock, access, timeout, taken: Taken::by(owner), short: short::Place::empty() })
    }

    /// Takes the lock; answers whether it was had.
    ///
    /// Waits as long as it takes, or for `timeout` seconds, or not at all if it is not `blocking`. False means that it was not
    /// had in time.
    ///
    /// >>> lock = crosstie.Lock("db")
    /// >>> lock.acquire(timeout=5)
    /// True
    /// >>> lock.release()
    #[pyo3(signature = (blocking=true, timeout=Timeout(None)), text_signature = "($self, blocking=True, timeout=None)")]
    pub fn acquire(&self, py: Python<'_>, blocking: bool, timeout: Timeout) -> PyResult<bool> {
        let deadline = patience::deadline(blocking, timeout)?;
        if self.take_short(py).is_some() {
            return Ok(true);
        }
        match self.take(py, deadline)? {
            Ok(guard) => self.keep(py, guard).map(|_| true),
            refused => patience::was_had(py, self.lock.name(), refused).map(|_| false),
        }
    }

    /// Gives the lock back: the latest that the caller took.
    pub fn release(&self, py: Python<'_>) -> PyResult<()> {
        self.give_back(py, None)
    }

    /// Whether somebody who lives has it.
    fn locked(&self) -> bool {
        self.lock.holders().iter().any(|&id| self.lock.domain().is_alive(id))
    }

    /// Who has it now.
    fn holders(&self) -> Vec<Owner> {
        let who = |&id: &_| self.lock.domain().identity(id).as_ref().map(Owner::of);
        self.lock.holders().iter().filter_map(who).collect()
    }

    pub fn __enter__(slf: &Bound<'_, Self>) -> PyResult<Guard> {
        Self::enter(slf, slf.get().timeout.deadline())
    }

    /// As `with`, for `timeout`.
    #[pyo3(name = "_enter", signature = (timeout=Timeout(None)), text_signature = "($self, timeout=None)")]
    fn enter_for(slf: &Bound<'_, Self>, timeout: Timeout) -> PyResult<Guard> {
        Self::enter(slf, timeout.deadline())
    }

    /// Its place in the order of all locks.
    #[getter]
    fn _rank(&self) -> (u64, u64) {
        self.lock.rank()
    }

    // Three that may be missing cost less than a tuple of any number.
    #[pyo3(signature = (_kind=None, _error=None, _trace=None, /), text_signature = "($self, kind=None, error=None, trace=None, /)")]
    fn __exit__(
        &self,
        py: Python<'_>,
        _kind: Option<&Bound<'_, PyAny>>,
        _error: Option<&Bound<'_, PyAny>>,
        _trace: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        self.give_back(py, None)
    }

    /// Its kind and name: "lock:db".
    #[getter]
    fn name(&self) -> &str {
        self.lock.name()
    }

    /// The folder in which it has its name.
    #[getter]
    fn domain(&self) -> &'static str {
        self.lock.domain().name()
    }

    fn __repr__(&self) -> String {
        format!("<crosstie.Lock {} in {}>", self.lock.name(), self.lock.domain().name())
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        let (py, this) = (slf.py(), slf.get());
        let keywords = PyDict::new(py);
        keywords.set_item("shared", this.access == Access::Shared)?;
        keywords.set_item("owner", this.taken.owner().name())?;
        keywords.set_item("timeout", this.timeout.seconds())?;
        keywords.set_item("domain", this.domain())?;
        pickle::by_name(slf.get_type(), this.lock.name(), keywords)
    }
}

impl Lock {
    fn enter(slf: &Bound<'_, Self>, deadline: Deadline) -> PyResult<Guard> {
        let (py, this) = (slf.py(), slf.get());
        if let Some((number, token)) = this.take_short(py) {
            return Ok(Guard {
                lock: slf.clone().unbind(),
                number,
                abandoned: false,
                dead_owner: None,
                token,
            });
        }
        match this.take(py, deadline)? {
            Ok(guard) => {
                let (abandoned, token) = (guard.is_abandoned(), guard.token());
                let dead_owner = if abandoned { guard.dead_owner().as_ref().map(Owner::of) } else { None };
                let number = this.keep(py, guard)?;
                Ok(Guard { lock: slf.clone().unbind(), number, abandoned, dead_owner, token })
            }
            Err(refused) => Err(refusal::lock_error(py, this.lock.name(), *refused)),
        }
    }

    /// Takes it for the calling thread if that is over in some instructions and there is nothing to be told; answers its number and token.
    #[inline]
    fn take_short(&self, py: Python<'_>) -> Option<(u64, u64)> {
        if self.access == Access::Shared || self.taken.owner() == Holder::Process {
            return None;
        }
        self.short.take(py, &self.lock, || self.taken.next_number(py))
    }

    /// What was taken and not given back, where it can be asked.
    pub fn taken(&self, py: Python<'_>) -> &Taken<AnyLockGuard> {
        if let Some((guard, by)) = self.short.lengthen(py, &self.lock) {
            self.taken.keep_by(py, guard, by);
        }
        &self.taken
    }

    fn take(&self, py: Python<'_>, deadline: Deadline) -> PyResult<Taking> {
        patience::take(py, self.lock.domain(), deadline, |deadline| self.take_until(deadline))
    }

    /// Takes it without the interpreter.
    pub fn take_until(&self, deadline: Deadline) -> Taking {
        match self.taken.owner() {
            Holder::Thread => lent::take(&self.lock, self.access, deadline),
            Holder::Process => self.lock.lock_owned_until(self.access, deadline).map_err(Box::new),
        }
    }

    /// Notes an acquisition, and answers its number; warns if the owner before died.
    #[inline]
    pub fn keep(&self, py: Python<'_>, guard: AnyLockGuard) -> PyResult<u64> {
        if guard.is_abandoned() {
            // Where warnings are errors the lock is given back with the guard.
            let who = guard.dead_owner().map_or("its last owner".to_owned(), |who| who.to_string());
            refusal::warn_abandoned(py, self.lock.name(), &who)?;
        }
        Ok(self.taken.keep(py, guard))
    }

    /// Gives back the caller's latest acquisition, or that of `number`.
    pub fn give_back(&self, py: Python<'_>, number: Option<u64>) -> PyResult<()> {
        if self.short.give_back(py, &self.lock, number) {
            return Ok(());
        }
        let guard = self.taken(py).take_back(py, self.lock.name(), number)?;
        if guard.is_held() { Ok(()) } else { Err(self.lost(py, &guard)) }
    }

    #[cold]
    fn lost(&self, py: Python<'_>, guard: &AnyLockGuard) -> PyErr {
        let text =
            format!("{} was taken away by force while this had token {}", self.lock.name(), guard.token());
        refusal::exception(py, ErrorKind::Lost, &text)
    }
}

/// What was taken and not given back is given back now, where that can be.
impl Drop for Lock {
    fn drop(&mut self) {
        if let Some((guard, by)) = self.short.lengthen_alone(&self.lock) {
            self.taken.keep_alone(guard, by);
        }
    }
}

/// Locks for a thread, whose guards borrow the lock that stands beside them.
#[expect(unsafe_code, reason = "a guard stands in the same object as what it borrows")]
mod lent {
    use crosstie::sync::any_lock::AnyTurn;
    use crosstie::sync::{Access, AnyLock, LockResult, ShortTurn};
    use crosstie::{Deadline, OwnerId};

    use super::{AnyLockGuard, Taking};

    /// As [`AnyLock::lend_until`]; the guard is dropped before `lock`, which the caller sees to: [`super::Lock`] keeps both, and drops it
    /// first.
    #[inline]
    pub(super) fn take(lock: &AnyLock, access: Access, deadline: Deadline) -> Taking {
        let taken = lock.lend_until(access, deadline);
        // SAFETY: only the lifetime is another. It borrows the mapped object, which lives as long as the `AnyLock`, wherever
        // that moves; `Lock` drops what was taken before that.
        let taken =
            unsafe { std::mem::transmute::<LockResult<AnyTurn<'_>>, LockResult<AnyLockGuard>>(taken) };
        taken.map_err(Box::new)
    }

    /// As [`AnyLock::guard`], likewise.
    pub(super) fn guard(lock: &AnyLock, turn: ShortTurn, owner: OwnerId) -> Option<AnyLockGuard> {
        let guard = lock.guard(turn, owner).ok()?;
        // SAFETY: only the lifetime is another, as above.
        Some(unsafe { std::mem::transmute::<AnyTurn<'_>, AnyLockGuard>(guard) })
    }
}

/// The shortest way: what a thread took alone is two numbers, which nobody puts together to a guard before somebody asks for more.
mod short {
    use crosstie::OwnerId;
    use crosstie::sync::{AnyLock, AnyLockGuard, ShortTurn};
    use pyo3::Python;

    use super::lent;
    use crate::held::{Attached, By};

    /// What was taken the shortest way, of one that has one owner at a time.
    pub(super) struct Place(Attached<Option<Short>>);

    struct Short {
        turn: Movable,
        owner: OwnerId,
        by: By,
    }

    /// A turn that another thread may see, which then makes a guard of it for its owner.
    struct Movable(ShortTurn);

    #[expect(unsafe_code, reason = "two numbers move with the object that they stand in")]
    // SAFETY: it is two numbers without a drop; the thread that took it gives it back (`give_back`), every other makes a guard that
    // says whose it is.
    unsafe impl Send for Movable {}

    impl Place {
        pub(super) fn empty() -> Self {
            Self(Attached::new(None))
        }

        /// Takes `lock`, if nothing stands here and nothing is to be told; answers its number and token.
        #[inline]
        pub(super) fn take(
            &self,
            py: Python<'_>,
            lock: &AnyLock,
            number: impl FnOnce() -> u64,
        ) -> Option<(u64, u64)> {
            let shortcut = lock.shortcut().filter(|shortcut| shortcut.is_plain())?;
            let (owner, is_empty) = (shortcut.owner(), self.0.with(py, |short| short.is_none()));
            let turn = if is_empty { shortcut.take() } else { None }?;
            if !shortcut.is_plain() {
                // An owner died since that look.
                give_up_as_it_was(lock, turn, owner);
                return None;
            }
            let (by, token) = (By::caller(number()), turn.token());
            self.0.with(py, |short| *short = Some(Short { turn: Movable(turn), owner, by }));
            Some((by.number, token))
        }

        /// Gives back what the caller took, or that of `number`; `false` where there is more to be said.
        #[inline]
        pub(super) fn give_back(&self, py: Python<'_>, lock: &AnyLock, number: Option<u64>) -> bool {
            let Some(shortcut) = lock.shortcut() else { return false };
            self.0.with(py, |place| {
                let is_given_back = place.as_ref().is_some_and(|short| {
                    short.owner == shortcut.owner()
                        && number.is_none_or(|number| number == short.by.number)
                        && shortcut.give_back(&short.turn.0)
                });
                if is_given_back {
                    *place = None;
                }
                is_given_back
            })
        }

        /// What stands here, as a guard.
        #[inline]
        pub(super) fn lengthen(&self, py: Python<'_>, lock: &AnyLock) -> Option<(AnyLockGuard, By)> {
            as_guard(self.0.with(py, Option::take), lock)
        }

        /// As [`Place::lengthen`], of who has the object alone.
        pub(super) fn lengthen_alone(&mut self, lock: &AnyLock) -> Option<(AnyLockGuard, By)> {
            as_guard(self.0.alone().take(), lock)
        }
    }

    #[cold]
    #[inline(never)]
    fn give_up_as_it_was(lock: &AnyLock, turn: ShortTurn, owner: OwnerId) {
        drop(lent::guard(lock, turn, owner));
    }

    #[inline]
    fn as_guard(short: Option<Short>, lock: &AnyLock) -> Option<(AnyLockGuard, By)> {
        let Short { turn: Movable(turn), owner, by } = short?;
        Some((lent::guard(lock, turn, owner)?, by))
    }
}

/// One acquisition of a lock: what `with crosstie.Lock(NAME) as guard` gives.
#[pyclass(frozen, module = "crosstie")]
pub struct Guard {
    lock: Py<Lock>,
    number: u64,
    /// Whether the owner before died while it had the lock: what it protects may be half done.
    #[pyo3(get)]
    abandoned: bool,
    /// Who that was, if it is still known.
    #[pyo3(get)]
    dead_owner: Option<Owner>,
    /// The fencing number: larger than that of every exclusive owner before.
    #[pyo3(get)]
    token: u64,
}

#[pymethods]
impl Guard {
    /// Whether it is still held: False when it was given back, was taken away by force, and in a fork child.
    #[getter]
    fn held(&self, py: Python<'_>) -> bool {
        self.lock.get().taken(py).with(py, self.number, AnyLockGuard::is_held).unwrap_or(false)
    }

    /// Gives the lock back before the end of the `with` block.
    fn release(&self, py: Python<'_>) -> PyResult<()> {
        self.lock.get().give_back(py, Some(self.number))
    }

    fn __repr__(&self) -> String {
        let how = if self.abandoned { ", abandoned" } else { "" };
        format!("<crosstie.Guard of {}, token {}{how}>", self.lock.get().name(), self.token)
    }
}
