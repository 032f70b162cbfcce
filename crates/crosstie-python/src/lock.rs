//! `Lock`: one at a time, or several who share; what `crosstie lock NAME` takes. `Guard`: one acquisition of it.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crosstie::Deadline;
use crosstie::ErrorKind;
use crosstie::os::process;
use crosstie::sync::any_lock::AnyLockGuard;
use crosstie::sync::{Access, AnyLock, LockError};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::owner::Owner;
use crate::patience::{self, ThreadKey, Timeout};
use crate::{domain, refusal};

/// Who has what is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// The calling thread, until it gives it back or ends.
    Thread,
    /// The process: any of its threads gives it back.
    Process,
}

impl Holder {
    pub fn name(self) -> &'static str {
        match self {
            Self::Thread => "thread",
            Self::Process => "process",
        }
    }
}

impl FromPyObject<'_, '_> for Holder {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        match value.extract()? {
            "thread" => Ok(Self::Thread),
            "process" => Ok(Self::Process),
            other => Err(PyValueError::new_err(format!("owner: \"thread\" or \"process\", not {other:?}"))),
        }
    }
}

/// A lock that was had, or why not.
type Taking = Result<AnyLockGuard, Box<LockError<AnyLockGuard>>>;

/// One acquisition.
struct Held {
    guard: AnyLockGuard,
    number: u64,
    thread: ThreadKey,
    epoch: u64,
}

impl Held {
    /// Whether a fork brought it here: then it is the parent's, and does nothing.
    fn is_inherited(&self) -> bool {
        !process::is_fork_epoch(self.epoch)
    }
}

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
    lock: AnyLock,
    access: Access,
    owner: Holder,
    timeout: Timeout,
    /// What was taken through this object, the latest last.
    held: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    list: Vec<Held>,
    count: u64,
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
        Ok(Self { lock, access, owner, timeout, held: Mutex::default() })
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
    fn acquire(&self, py: Python<'_>, blocking: bool, timeout: Timeout) -> PyResult<bool> {
        if !blocking && timeout.0.is_some() {
            return Err(PyValueError::new_err("timeout: not for a call that does not block"));
        }
        let deadline = if blocking { timeout.deadline() } else { Deadline::NOW };
        match self.take(py, deadline)? {
            Ok(guard) => self.keep(py, guard).map(|_| true),
            Err(refused) if matches!(*refused, LockError::Busy(_) | LockError::TimedOut(_)) => Ok(false),
            Err(refused) => Err(refusal::lock_error(py, self.lock.name(), *refused)),
        }
    }

    /// Gives the lock back: the latest that the caller took.
    fn release(&self, py: Python<'_>) -> PyResult<()> {
        self.give_back(py, |_| true)
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

    fn __enter__(slf: &Bound<'_, Self>) -> PyResult<Guard> {
        let (py, this) = (slf.py(), slf.get());
        match this.take(py, this.timeout.deadline())? {
            Ok(guard) => {
                let (abandoned, token) = (guard.is_abandoned(), guard.token());
                let (number, dead_owner) = this.keep(py, guard)?;
                Ok(Guard { lock: slf.clone().unbind(), number, abandoned, dead_owner, token })
            }
            Err(refused) => Err(refusal::lock_error(py, this.lock.name(), *refused)),
        }
    }

    #[pyo3(signature = (*_exception), text_signature = "($self, *exception)")]
    fn __exit__(&self, py: Python<'_>, _exception: &Bound<'_, PyTuple>) -> PyResult<()> {
        self.give_back(py, |_| true)
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

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let (py, this) = (slf.py(), slf.get());
        let keywords = PyDict::new(py);
        keywords.set_item("shared", this.access == Access::Shared)?;
        keywords.set_item("owner", this.owner.name())?;
        keywords.set_item("timeout", this.timeout.seconds())?;
        keywords.set_item("domain", this.domain())?;
        let name = this.lock.name().trim_start_matches("lock:");
        let arguments = (slf.get_type(), (name,), keywords).into_pyobject(py)?;
        Ok((py.import("copyreg")?.getattr("__newobj_ex__")?, arguments))
    }
}

impl Lock {
    /// Takes it, at once if that is possible, else outside the interpreter.
    fn take(&self, py: Python<'_>, deadline: Deadline) -> PyResult<Taking> {
        // Who only tries says nothing of an order of locks.
        if deadline.is_now() || !self.lock.domain().notes_lock_order() {
            match self.take_until(Deadline::NOW) {
                Err(refused) if matches!(*refused, LockError::Busy(_)) && !deadline.is_now() => {}
                other => return Ok(other),
            }
        }
        patience::wait(py, || self.take_until(deadline), Self::is_late)
    }

    fn is_late(taken: &Taking) -> bool {
        taken.as_ref().is_err_and(|refused| matches!(**refused, LockError::TimedOut(_)))
    }

    fn take_until(&self, deadline: Deadline) -> Taking {
        let taken = match self.owner {
            Holder::Thread => self.lock.lock_until(self.access, deadline),
            Holder::Process => self.lock.lock_owned_until(self.access, deadline),
        };
        taken.map_err(Box::new)
    }

    /// Notes an acquisition; warns if the owner before died.
    fn keep(&self, py: Python<'_>, guard: AnyLockGuard) -> PyResult<(u64, Option<Owner>)> {
        let mut died = None;
        if guard.is_abandoned() {
            died = guard.dead_owner().as_ref().map(Owner::of);
            let who = guard.dead_owner().map_or("its last owner".to_owned(), |who| who.to_string());
            let text = format!("{} was abandoned: {who} died while it had it", self.lock.name());
            // Where warnings are errors the lock is given back with the guard.
            let category = refusal::class(py, "AbandonedWarning")?;
            py.import("warnings")?.call_method1("warn", (text, category, 1))?;
        }
        let mut held = self.held();
        held.list.retain(|held| !held.is_inherited());
        held.count += 1;
        let number = held.count;
        held.list.push(Held { guard, number, thread: ThreadKey::of_caller(), epoch: process::fork_epoch() });
        Ok((number, died))
    }

    /// Gives back the caller's latest acquisition that `is_it`.
    fn give_back(&self, py: Python<'_>, is_it: impl Fn(&Held) -> bool) -> PyResult<()> {
        let mut held = self.held();
        let thread = ThreadKey::of_caller();
        let is_callers = |held: &Held| self.owner == Holder::Process || held.thread == thread;
        let found =
            held.list.iter().rposition(|held| is_it(held) && (held.is_inherited() || is_callers(held)));
        let given = found.map(|at| held.list.remove(at));
        drop(held);
        match given {
            Some(held) if held.is_inherited() => Err(refusal::not_held(self.lock.name(), true)),
            Some(held) if held.guard.is_held() => Ok(()),
            Some(held) => Err(refusal::exception(
                py,
                ErrorKind::Lost,
                &format!(
                    "{} was taken away by force while this had token {}",
                    self.lock.name(),
                    held.guard.token()
                ),
            )),
            None => Err(refusal::not_held(self.lock.name(), false)),
        }
    }

    /// Nobody holds this for longer than a step, and never outside the interpreter.
    fn held(&self) -> MutexGuard<'_, Taken> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Taken and not given back: it is given back now where that can be told from, else when the thread ends.
impl Drop for Lock {
    fn drop(&mut self) {
        let taken = self.held.get_mut().unwrap_or_else(PoisonError::into_inner);
        let thread = ThreadKey::of_caller();
        for held in taken.list.drain(..) {
            if self.owner == Holder::Thread && held.thread != thread && !held.is_inherited() {
                // Another thread's: its end gives it back, as an owner's death.
                std::mem::forget(held.guard);
            }
        }
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
    fn held(&self) -> bool {
        let held = self.lock.get().held();
        held.list.iter().any(|held| held.number == self.number && held.guard.is_held())
    }

    /// Gives the lock back before the end of the `with` block.
    fn release(&self, py: Python<'_>) -> PyResult<()> {
        self.lock.get().give_back(py, |held| held.number == self.number)
    }

    fn __repr__(&self) -> String {
        let how = if self.abandoned { ", abandoned" } else { "" };
        format!("<crosstie.Guard of {}, token {}{how}>", self.lock.get().name(), self.token)
    }
}
