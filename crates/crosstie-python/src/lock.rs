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
    pub(crate) taken: Taken<AnyLockGuard>,
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
        Ok(Self { lock, access, timeout, taken: Taken::by(owner) })
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
        let taken = self.take(py, patience::deadline(blocking, timeout)?)?;
        match taken {
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
            self.warn(py, &guard)?;
        }
        Ok(self.taken.keep(py, guard))
    }

    #[cold]
    fn warn(&self, py: Python<'_>, guard: &AnyLockGuard) -> PyResult<()> {
        let who = guard.dead_owner().map_or("its last owner".to_owned(), |who| who.to_string());
        let text = format!("{} was abandoned: {who} died while it had it", self.lock.name());
        let category = refusal::class(py, "AbandonedWarning")?;
        py.import("warnings")?.call_method1("warn", (text, category, 1))?;
        Ok(())
    }

    /// Gives back the caller's latest acquisition, or that of `number`.
    pub fn give_back(&self, py: Python<'_>, number: Option<u64>) -> PyResult<()> {
        let guard = self.taken.take_back(py, self.lock.name(), number)?;
        if guard.is_held() { Ok(()) } else { Err(self.lost(py, &guard)) }
    }

    #[cold]
    fn lost(&self, py: Python<'_>, guard: &AnyLockGuard) -> PyErr {
        let text =
            format!("{} was taken away by force while this had token {}", self.lock.name(), guard.token());
        refusal::exception(py, ErrorKind::Lost, &text)
    }
}

/// Locks for a thread, whose guards borrow the lock that stands beside them.
#[expect(unsafe_code, reason = "a guard stands in the same object as what it borrows")]
mod lent {
    use crosstie::Deadline;
    use crosstie::sync::any_lock::AnyTurn;
    use crosstie::sync::{Access, AnyLock, LockResult};

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
        self.lock.get().taken.with(py, self.number, AnyLockGuard::is_held).unwrap_or(false)
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
