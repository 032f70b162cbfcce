//! `CountingSemaphore`: the textbook's, anyone waits and anyone posts.

use std::path::PathBuf;

use crosstie::sync::Shared;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::patience::{self, Timeout};
use crate::pickle::{self, Reduced};
use crate::{domain, refusal};

/// A number between processes, by its name: `post` makes it larger, `wait` waits until it is not 0 and makes it smaller.
///
/// The textbook's semaphore (sem_post, sem_wait): nobody owns anything, so who is killed between its wait and its post
/// has taken one away for ever. For what has to come back take a Semaphore. The shell has `crosstie post` and `crosstie wait`.
///
/// >>> import crosstie
/// >>> items = crosstie.CountingSemaphore("items")
/// >>> items.post()
/// >>> items.wait(timeout=5)
/// True
///
/// `value` is the number at the beginning, said by who makes it.
#[pyclass(frozen, weakref, module = "crosstie")]
pub struct CountingSemaphore {
    semaphore: Shared<crosstie::sync::CountingSemaphore>,
}

#[pymethods]
impl CountingSemaphore {
    #[new]
    #[pyo3(signature = (name, value=0, *, domain=None))]
    fn new(py: Python<'_>, name: &str, value: u32, domain: Option<PathBuf>) -> PyResult<Self> {
        let domain = domain::open(py, domain)?;
        let opened = crosstie::sync::CountingSemaphore::open_or_create_in(domain, name, value);
        Ok(Self { semaphore: opened.map_err(|error| refusal::error(py, &error))? })
    }

    /// Waits until the number is not 0, and makes it smaller by 1; False if that was not in time.
    #[pyo3(signature = (timeout=Timeout(None)), text_signature = "($self, timeout=None)")]
    fn wait(&self, py: Python<'_>, timeout: Timeout) -> PyResult<bool> {
        self.acquire(py, true, timeout)
    }

    /// Makes the number larger by `count`, and wakes as many who wait.
    #[pyo3(signature = (count=1))]
    fn post(&self, py: Python<'_>, count: u32) -> PyResult<()> {
        (0..count).try_for_each(|_| self.semaphore.post()).map_err(|error| refusal::error(py, &error))
    }

    /// As `wait`, in the words of threading.Semaphore.
    #[pyo3(signature = (blocking=true, timeout=Timeout(None)), text_signature = "($self, blocking=True, timeout=None)")]
    fn acquire(&self, py: Python<'_>, blocking: bool, timeout: Timeout) -> PyResult<bool> {
        let deadline = patience::deadline(blocking, timeout)?;
        let taken = patience::take(py, self.semaphore.domain(), deadline, |deadline| {
            self.semaphore.wait_until(deadline).map_err(Box::new)
        })?;
        Ok(patience::was_had(py, self.semaphore.name(), taken)?.is_some())
    }

    /// As `post`, in the words of threading.Semaphore.
    #[pyo3(signature = (n=1))]
    fn release(&self, py: Python<'_>, n: u32) -> PyResult<()> {
        self.post(py, n)
    }

    /// The number now.
    #[getter]
    fn value(&self) -> u32 {
        self.semaphore.value()
    }

    fn __enter__(&self, py: Python<'_>) -> PyResult<bool> {
        self.acquire(py, true, Timeout(None))
    }

    #[pyo3(signature = (*_exception), text_signature = "($self, *exception)")]
    fn __exit__(&self, py: Python<'_>, _exception: &Bound<'_, PyTuple>) -> PyResult<()> {
        self.post(py, 1)
    }

    /// Its kind and name: "count:items".
    #[getter]
    fn name(&self) -> &str {
        self.semaphore.name()
    }

    /// The folder in which it has its name.
    #[getter]
    fn domain(&self) -> &'static str {
        self.semaphore.domain().name()
    }

    fn __repr__(&self) -> String {
        format!("<crosstie.CountingSemaphore {} in {}>", self.name(), self.domain())
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        let keywords = PyDict::new(slf.py());
        keywords.set_item("domain", slf.get().domain())?;
        pickle::by_name(slf.get_type(), slf.get().name(), keywords)
    }
}
