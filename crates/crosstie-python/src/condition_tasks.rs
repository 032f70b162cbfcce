//! `ConditionTasks`: where tasks wait under a lock for what another brings about.

use std::path::PathBuf;

use crosstie::sync::condvar::WaitAround as _;
use crosstie::sync::lock::LockAsync as _;
use crosstie::sync::{Condvar, LockError, Shared};
use pyo3::prelude::*;

use crate::awaitable::AwaitableObject;
use crate::awaited::{Awaited, Ended};
use crate::had::{Given, Had, given_again};
use crate::{domain, refusal};

/// A condition for tasks; crosstie.aio.Condition is made of this.
#[pyclass(frozen, module = "crosstie._native")]
pub struct ConditionTasks {
    condition: Shared<Condvar>,
}

#[pymethods]
impl ConditionTasks {
    #[new]
    #[pyo3(signature = (name, *, domain=None))]
    fn new(py: Python<'_>, name: &str, domain: Option<PathBuf>) -> PyResult<Self> {
        let opened = Condvar::open_or_create_in(domain::open(py, domain)?, name);
        Ok(Self { condition: opened.map_err(|error| refusal::error(py, &error))? })
    }

    /// Gives back what `had` has of `lock`, waits to be notified, and takes it again, which `had` has then; cancelled, it has nothing.
    fn wait(&self, lock: &AwaitableObject, had: Py<Had>) -> PyResult<Awaited> {
        let guard = had.get().take(lock.name())?;
        let ((lock, access), condition) = (lock.lock()?, self.condition.clone());
        Ok(Awaited::of(async move {
            let (domain, give_up) = (lock.domain(), || drop(guard));
            let take_again = || lock.lock_async(access);
            // Abandoned: held all the same.
            let is_had =
                |again: &Result<_, LockError<_>>| matches!(again, Ok(_) | Err(LockError::Abandoned(_)));
            let waited = condition.wait_around_async(domain, give_up, take_again, is_had).await;
            match waited {
                Ok(again) => given_again(had, again, Given::Lock),
                Err(error) => Box::new(move |py: Python<'_>| Err(refusal::error(py, &error))) as Ended,
            }
        }))
    }

    /// Notifies the first `n` who wait; the caller has the lock, which is in this domain.
    #[pyo3(signature = (n=1))]
    fn notify(&self, py: Python<'_>, n: u32) -> PyResult<()> {
        let notified = self.condition.notify_around(self.condition.domain(), n);
        notified.map_err(|error| refusal::error(py, &error))
    }

    /// Its kind and name.
    #[getter]
    fn name(&self) -> &str {
        self.condition.name()
    }
}
