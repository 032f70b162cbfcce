//! `Semaphore`: permits that have owners. `Permit`: one of them.

use std::path::PathBuf;

use crosstie::ErrorKind;
use crosstie::sync::semaphore::{AcquireOwned, OwnedPermit};
use crosstie::sync::{LockError, Shared};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::held::{Holder, Taken};
use crate::owner::Owner;
use crate::patience::{self, Timeout};
use crate::pickle::{self, Reduced};
use crate::{domain, refusal};

type Own = OwnedPermit<Shared<crosstie::sync::Semaphore>>;

/// So many permits between processes, by its name: what `crosstie sem NAME` takes.
///
/// A permit has an owner: it comes back by itself when the owner is killed. Each has an index, from 0, for what is
/// there several times: processors, ports. `permits` is said by all who open it; another number is a Mismatch.
///
/// >>> import crosstie
/// >>> with crosstie.Semaphore("gpu", 2) as permit:
/// ...     permit.index
/// 0
///
/// `owner`, `timeout` and `domain` are as a Lock's.
#[pyclass(frozen, weakref, module = "crosstie")]
pub struct Semaphore {
    semaphore: Shared<crosstie::sync::Semaphore>,
    timeout: Timeout,
    taken: Taken<Own>,
}

#[pymethods]
impl Semaphore {
    #[new]
    #[pyo3(signature = (name, permits=1, *, owner=Holder::Thread, timeout=Timeout(None), domain=None), text_signature = "(name, permits=1, *, owner='thread', timeout=None, domain=None)")]
    fn new(
        py: Python<'_>,
        name: &str,
        permits: u32,
        owner: Holder,
        timeout: Timeout,
        domain: Option<PathBuf>,
    ) -> PyResult<Self> {
        let domain = domain::open(py, domain)?;
        let opened = crosstie::sync::Semaphore::open_or_create_in(domain, name, permits);
        let semaphore = opened.map_err(|error| refusal::error(py, &error))?;
        Ok(Self { semaphore, timeout, taken: Taken::by(owner) })
    }

    /// Takes a permit; answers whether one was had: not at all, or not in time, is False.
    ///
    /// >>> gpu = crosstie.Semaphore("gpu", 2)
    /// >>> gpu.acquire(timeout=5)
    /// True
    /// >>> gpu.release()
    #[pyo3(signature = (blocking=true, timeout=Timeout(None)), text_signature = "($self, blocking=True, timeout=None)")]
    fn acquire(&self, py: Python<'_>, blocking: bool, timeout: Timeout) -> PyResult<bool> {
        let taken = self.take(py, patience::deadline(blocking, timeout)?)?;
        let had = patience::was_had(py, self.semaphore.name(), taken)?;
        Ok(had.map(|permit| self.taken.keep(py, permit)).is_some())
    }

    /// Gives a permit back: the latest that the caller took.
    fn release(&self, py: Python<'_>) -> PyResult<()> {
        self.give_back(py, None)
    }

    /// How many permits there are, taken or not.
    #[getter]
    fn permits(&self) -> u32 {
        self.semaphore.total()
    }

    /// Who has permits now: each index with its owner.
    fn holders(&self) -> Vec<(u32, Owner)> {
        let domain = self.semaphore.domain();
        let held = self.semaphore.held_by().into_iter();
        held.filter_map(|(index, id)| Some((index, Owner::of(&domain.identity(id)?)))).collect()
    }

    fn __enter__(slf: &Bound<'_, Self>) -> PyResult<Permit> {
        let (py, this) = (slf.py(), slf.get());
        match this.take(py, this.timeout.deadline())? {
            Ok(permit) => {
                let (index, token) = (permit.index(), permit.token());
                let number = this.taken.keep(py, permit);
                Ok(Permit { semaphore: slf.clone().unbind(), number, index, token })
            }
            Err(refused) => Err(refusal::lock_error(py, this.semaphore.name(), *refused)),
        }
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

    /// Its kind and name: "sem:gpu".
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
        format!("<crosstie.Semaphore {} of {} in {}>", self.name(), self.permits(), self.domain())
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        let this = slf.get();
        let keywords = PyDict::new(slf.py());
        keywords.set_item("permits", this.permits())?;
        keywords.set_item("owner", this.taken.owner().name())?;
        keywords.set_item("timeout", this.timeout.seconds())?;
        keywords.set_item("domain", this.domain())?;
        pickle::by_name(slf.get_type(), this.name(), keywords)
    }
}

impl Semaphore {
    fn take(
        &self,
        py: Python<'_>,
        deadline: crosstie::Deadline,
    ) -> PyResult<Result<Own, Box<LockError<Own>>>> {
        patience::take(py, self.semaphore.domain(), deadline, |deadline| {
            let taken = match self.taken.owner() {
                Holder::Thread => self.semaphore.acquire_here_until(deadline),
                Holder::Process => self.semaphore.acquire_owned_until(deadline),
            };
            taken.map_err(Box::new)
        })
    }

    fn give_back(&self, py: Python<'_>, number: Option<u64>) -> PyResult<()> {
        let permit = self.taken.take_back(py, self.semaphore.name(), number)?;
        if permit.is_held() {
            return Ok(());
        }
        let text = format!("permit {} of {} was taken away by force", permit.index(), self.semaphore.name());
        Err(refusal::exception(py, ErrorKind::Lost, &text))
    }
}

/// One permit of a semaphore: what `with crosstie.Semaphore(NAME, PERMITS) as permit` gives.
#[pyclass(frozen, module = "crosstie")]
pub struct Permit {
    semaphore: Py<Semaphore>,
    number: u64,
    /// Which of the permits it is, from 0.
    #[pyo3(get)]
    index: u32,
    /// The fencing number of this permit: larger than that of everyone who had it before.
    #[pyo3(get)]
    token: u64,
}

#[pymethods]
impl Permit {
    /// Whether it is still held: False when it was given back, was taken away by force, and in a fork child.
    #[getter]
    fn held(&self, py: Python<'_>) -> bool {
        self.semaphore.get().taken.with(py, self.number, Own::is_held).unwrap_or(false)
    }

    /// Gives the permit back before the end of the `with` block.
    fn release(&self, py: Python<'_>) -> PyResult<()> {
        self.semaphore.get().give_back(py, Some(self.number))
    }

    fn __repr__(&self) -> String {
        format!("<crosstie.Permit {} of {}>", self.index, self.semaphore.get().name())
    }
}
