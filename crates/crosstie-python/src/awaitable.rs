//! `AwaitableObject`: an object for which tasks wait.

use std::path::PathBuf;

use crosstie::sync::event::Reset;
use crosstie::sync::lock::LockAsync as _;
use crosstie::sync::semaphore::AcquireAsync as _;
use crosstie::sync::{Access, CountingSemaphore, Event, Lock, Semaphore, Shared};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use crate::awaited::Awaited;
use crate::had::{Given, Had, given, given_again};
use crate::{domain, refusal};

/// An object of whose kind tasks wait.
enum Kind {
    Lock(Shared<Lock>, Access),
    Semaphore(Shared<Semaphore>),
    Count(Shared<CountingSemaphore>),
    Event(Shared<Event>),
}

/// An object for which tasks wait; the classes of crosstie.aio are made of this.
#[pyclass(frozen, module = "crosstie._native")]
pub struct AwaitableObject {
    kind: Kind,
}

#[pymethods]
impl AwaitableObject {
    /// `kind` is "lock", "shared", "sem", "count" or "event"; `number` the permits, the value, or 1 for an event that lets one through.
    #[new]
    #[pyo3(signature = (kind, name, number=0, *, domain=None))]
    fn new(py: Python<'_>, kind: &str, name: &str, number: u32, domain: Option<PathBuf>) -> PyResult<Self> {
        let domain = domain::open(py, domain)?;
        let kind = match kind {
            "lock" => Lock::open_or_create_in(domain, name).map(|lock| Kind::Lock(lock, Access::Exclusive)),
            "shared" => Lock::open_or_create_in(domain, name).map(|lock| Kind::Lock(lock, Access::Shared)),
            "sem" => Semaphore::open_or_create_in(domain, name, number).map(Kind::Semaphore),
            "count" => CountingSemaphore::open_or_create_in(domain, name, number).map(Kind::Count),
            "event" => {
                let reset = if number == 0 { Reset::Manual } else { Reset::Automatic };
                Event::open_or_create_in(domain, name, reset).map(Kind::Event)
            }
            other => return Err(PyValueError::new_err(format!("kind: not {other:?}"))),
        };
        Ok(Self { kind: kind.map_err(|error| refusal::error(py, &error))? })
    }

    /// Begins to wait.
    fn wait(&self) -> Awaited {
        match &self.kind {
            Kind::Lock(lock, access) => {
                let (lock, access) = (lock.clone(), *access);
                Awaited::of(async move { given(lock.lock_async(access).await, Given::Lock) })
            }
            Kind::Semaphore(semaphore) => {
                let semaphore = semaphore.clone();
                Awaited::of(async move { given(semaphore.acquire_async().await, Given::Permit) })
            }
            Kind::Count(count) => {
                let count = count.clone();
                Awaited::of(async move { given(count.wait_async().await, |()| Given::Nothing) })
            }
            Kind::Event(event) => {
                let event = event.clone();
                Awaited::of(async move { given(event.wait_async().await, |()| Given::Nothing) })
            }
        }
    }

    /// Waits for the lock that `had` was of, so that `had` has it again.
    fn wait_again(&self, had: Py<Had>) -> PyResult<Awaited> {
        let (lock, access) = self.lock()?;
        Ok(Awaited::of(async move { given_again(had, lock.lock_async(access).await, Given::Lock) }))
    }

    /// The folder in which it has its name.
    #[getter]
    fn domain(&self) -> &'static str {
        match &self.kind {
            Kind::Lock(lock, _) => lock.domain().name(),
            Kind::Semaphore(semaphore) => semaphore.domain().name(),
            Kind::Count(count) => count.domain().name(),
            Kind::Event(event) => event.domain().name(),
        }
    }

    /// Its kind and name.
    #[getter]
    pub fn name(&self) -> &str {
        match &self.kind {
            Kind::Lock(lock, _) => lock.name(),
            Kind::Semaphore(semaphore) => semaphore.name(),
            Kind::Count(count) => count.name(),
            Kind::Event(event) => event.name(),
        }
    }
}

impl AwaitableObject {
    /// Of a lock: itself, and how it is taken.
    pub fn lock(&self) -> PyResult<(Shared<Lock>, Access)> {
        match &self.kind {
            Kind::Lock(lock, access) => Ok((lock.clone(), *access)),
            _ => Err(PyTypeError::new_err("lock: a lock")),
        }
    }
}
