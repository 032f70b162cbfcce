//! `CountingSemaphore`: the textbook's, anyone waits and anyone posts.

use std::path::PathBuf;

use crosstie::sync::{AnyCountingSemaphore, LockError, LockResult, PosixSemaphore};
use crosstie::{Deadline, ErrorKind};
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
/// `value` is the number at the beginning, said by who makes it. With `posix:/name` it is the C library's, which any C program has by
/// sem_open("/name"): whoever is awake takes it, and nobody can be told who waits.
#[pyclass(frozen, weakref, module = "crosstie")]
pub struct CountingSemaphore {
    semaphore: AnyCountingSemaphore,
    /// Its kind and name.
    name: String,
}

#[pymethods]
impl CountingSemaphore {
    #[new]
    #[pyo3(signature = (name, value=0, *, domain=None))]
    fn new(py: Python<'_>, name: &str, value: u32, domain: Option<PathBuf>) -> PyResult<Self> {
        Self::of(py, AnyCountingSemaphore::open_or_create_in(|| domain::at(domain), name, value))
    }

    /// One that is not there yet, with this number; AlreadyExists where it is.
    ///
    /// >>> import crosstie
    /// >>> slots = crosstie.CountingSemaphore.create("slots", 8)
    /// >>> crosstie.CountingSemaphore.create("slots", 8)  # doctest: +ELLIPSIS
    /// Traceback (most recent call last):
    /// crosstie.errors.AlreadyExists: ...
    #[staticmethod]
    #[pyo3(signature = (name, value=0, *, domain=None))]
    fn create(py: Python<'_>, name: &str, value: u32, domain: Option<PathBuf>) -> PyResult<Self> {
        Self::of(py, AnyCountingSemaphore::create_in(|| domain::at(domain), name, value))
    }

    /// Takes the name of a `posix:/name` away; who has it open keeps it. Others go with `crosstie.remove("count:NAME")`.
    #[staticmethod]
    fn unlink(py: Python<'_>, name: &str) -> PyResult<()> {
        PosixSemaphore::unlink(name).map_err(|error| refusal::error(py, &error))
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
        let taken = match &self.semaphore {
            AnyCountingSemaphore::Crosstie(semaphore) => {
                patience::take(py, semaphore.domain(), deadline, |deadline| {
                    semaphore.wait_until(deadline).map_err(Box::new)
                })?
            }
            // It has no queue, so that nothing is lost between two looks for signals.
            posix @ AnyCountingSemaphore::Posix(_) => {
                let wait = |deadline: Deadline| Waited(posix.wait_until(deadline));
                patience::sliced(py, deadline, wait)?.0.map_err(Box::new)
            }
        };
        match taken {
            Err(refused) if matches!(refused.kind(), ErrorKind::Busy | ErrorKind::TimedOut) => Ok(false),
            taken => Ok(patience::was_had(py, &self.name, taken)?.is_some()),
        }
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
        &self.name
    }

    /// The folder in which it has its name; None for a `posix:/name`, which is the machine's.
    #[getter]
    fn domain(&self) -> Option<&'static str> {
        match &self.semaphore {
            AnyCountingSemaphore::Crosstie(semaphore) => Some(semaphore.domain().name()),
            AnyCountingSemaphore::Posix(_) => None,
        }
    }

    fn __repr__(&self) -> String {
        let place = self.domain().map_or(String::new(), |domain| format!(" in {domain}"));
        format!("<crosstie.CountingSemaphore {}{place}>", self.name)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        let (this, keywords) = (slf.get(), PyDict::new(slf.py()));
        let Some(domain) = this.domain() else {
            // Behind the kind stands the address as a whole.
            return pickle::by_name(slf.get_type(), &format!("count:{}", this.name), keywords);
        };
        keywords.set_item("domain", domain)?;
        pickle::by_name(slf.get_type(), &this.name, keywords)
    }
}

impl CountingSemaphore {
    fn of(py: Python<'_>, opened: crosstie::Result<AnyCountingSemaphore>) -> PyResult<Self> {
        let semaphore = opened.map_err(|error| refusal::error(py, &error))?;
        let name = match &semaphore {
            AnyCountingSemaphore::Crosstie(semaphore) => semaphore.name().to_owned(),
            AnyCountingSemaphore::Posix(semaphore) => format!("posix:{}", semaphore.name()),
        };
        Ok(Self { semaphore, name })
    }
}

/// What came of a wait for a POSIX semaphore.
struct Waited(LockResult<()>);

impl patience::Late for Waited {
    fn is_late(&self) -> bool {
        self.0
            .as_ref()
            .is_err_and(|refused| matches!(LockError::kind(refused), ErrorKind::Busy | ErrorKind::TimedOut))
    }
}
