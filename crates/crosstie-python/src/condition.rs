//! `Condition`: waiting under a lock for what another brings about.

use crosstie::Deadline;
use crosstie::os::clock;
use crosstie::os::interruption::interruptible;
use crosstie::sync::{Condvar, Shared};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::ears::Ears;
use crate::lock::{Guard, Lock};
use crate::patience::{self, Timeout};
use crate::pickle::Reduced;
use crate::refusal;

/// Waiting under a lock, between processes, for what another brings about, as threading.Condition.
///
/// A waiter that is killed holds nobody up; one that was notified and is killed before it has the lock passes its
/// notification on. `lock` is the Lock of the same name unless another is given, which a thread has to own.
///
/// >>> import crosstie
/// >>> filled = crosstie.Condition("stock")
/// >>> with filled:
/// ...     filled.wait_for(lambda: True, timeout=5)
/// True
#[pyclass(frozen, weakref, module = "crosstie")]
pub struct Condition {
    condition: Shared<Condvar>,
    lock: Py<Lock>,
}

#[pymethods]
impl Condition {
    #[new]
    #[pyo3(signature = (name, lock=None, *, domain=None))]
    fn new(
        py: Python<'_>,
        name: &str,
        lock: Option<Bound<'_, Lock>>,
        domain: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let lock = match lock {
            Some(lock) => lock,
            None => {
                let keywords = PyDict::new(py);
                keywords.set_item("domain", domain)?;
                py.get_type::<Lock>().call((name,), Some(&keywords))?.cast_into()?
            }
        };
        // Who waits is where the lock is.
        let opened = Condvar::open_or_create_in(lock.get().lock.domain(), name);
        Ok(Self { condition: opened.map_err(|error| refusal::error(py, &error))?, lock: lock.unbind() })
    }

    /// Takes the lock, as Lock.acquire.
    #[pyo3(signature = (blocking=true, timeout=Timeout(None)), text_signature = "($self, blocking=True, timeout=None)")]
    fn acquire(&self, py: Python<'_>, blocking: bool, timeout: Timeout) -> PyResult<bool> {
        self.lock.get().acquire(py, blocking, timeout)
    }

    /// Gives the lock back.
    fn release(&self, py: Python<'_>) -> PyResult<()> {
        self.lock.get().release(py)
    }

    /// Gives the lock back, waits to be notified, and takes it again; False if nobody notified in time.
    #[pyo3(signature = (timeout=Timeout(None)), text_signature = "($self, timeout=None)")]
    fn wait(&self, py: Python<'_>, timeout: Timeout) -> PyResult<bool> {
        self.wait_until(py, timeout.deadline())
    }

    /// Waits until `predicate()` is true; answers it, false if it was not so in time.
    #[pyo3(signature = (predicate, timeout=Timeout(None)), text_signature = "($self, predicate, timeout=None)")]
    fn wait_for<'py>(
        &self,
        py: Python<'py>,
        predicate: &Bound<'py, PyAny>,
        timeout: Timeout,
    ) -> PyResult<Bound<'py, PyAny>> {
        let deadline = timeout.deadline();
        loop {
            let answer = predicate.call0()?;
            if answer.is_truthy()? || deadline.is_over(clock::now_ns()) {
                return Ok(answer);
            }
            self.wait_until(py, deadline)?;
        }
    }

    /// Notifies the first `n` who wait; the caller has the lock.
    #[pyo3(signature = (n=1))]
    fn notify(&self, py: Python<'_>, n: u32) -> PyResult<()> {
        let lock = self.lock.get();
        if !lock.taken(py).is_callers(py) {
            return Err(self.not_held("notify", lock));
        }
        self.condition.notify_around(lock.lock.domain(), n).map_err(|error| refusal::error(py, &error))
    }

    /// Notifies everyone who waits; the caller has the lock.
    fn notify_all(&self, py: Python<'_>) -> PyResult<()> {
        self.notify(py, u32::MAX)
    }

    /// The lock.
    #[getter]
    fn lock(&self, py: Python<'_>) -> Py<Lock> {
        self.lock.clone_ref(py)
    }

    /// Its kind and name: "cond:stock".
    #[getter]
    fn name(&self) -> &str {
        self.condition.name()
    }

    fn __enter__(&self, py: Python<'_>) -> PyResult<Guard> {
        Lock::__enter__(self.lock.bind(py))
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
        self.release(py)
    }

    fn __repr__(&self) -> String {
        format!("<crosstie.Condition {} under {}>", self.name(), self.lock.get().lock.name())
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        let (py, this) = (slf.py(), slf.get());
        let name = this.name().split_once(':').map_or("", |(_, name)| name);
        let arguments = (name, this.lock.clone_ref(py)).into_pyobject(py)?;
        Ok((slf.get_type().into_any(), arguments))
    }
}

impl Condition {
    /// Who would do `operation` has not the lock.
    fn not_held(&self, operation: &str, lock: &Lock) -> PyErr {
        let (condition, lock) = (self.condition.name(), lock.lock.name());
        PyRuntimeError::new_err(format!(
            "{operation} {condition}: the caller does not have {lock}; take it first"
        ))
    }

    fn wait_until(&self, py: Python<'_>, deadline: Deadline) -> PyResult<bool> {
        let lock = self.lock.get();
        if !lock.taken(py).is_callers(py) {
            return Err(self.not_held("wait at", lock));
        }
        let mut guard = lock.taken(py).take_back(py, lock.lock.name(), None)?;
        loop {
            let ears = Ears::open(py);
            if let Err(raised) = py.check_signals() {
                lock.keep(py, guard)?;
                return Err(raised);
            }
            let (waited, was_ended) = patience::outside(&ears, || {
                self.condition.wait_around(
                    lock.lock.domain(),
                    deadline,
                    || drop(guard),
                    // Who waits comes back with the lock, whatever ended the wait.
                    || interruptible(|_| false, || lock.take_until(Deadline::NEVER)).0,
                    Result::is_ok,
                )
            });
            let (again, is_late) = waited.map_err(|error| refusal::error(py, &error))?;
            let taken = again.map_err(|refused| refusal::lock_error(py, lock.lock.name(), *refused))?;
            if was_ended && is_late {
                guard = taken;
                continue;
            }
            lock.keep(py, taken)?;
            return Ok(!is_late);
        }
    }
}
