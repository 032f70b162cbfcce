//! `Barrier`: whoever comes waits for all.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crosstie::sync::barrier::{self, Join as _};
use crosstie::sync::{BarrierError, OnDeath, Shared};
use crosstie::{Error, ErrorKind};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::awaited::{Awaited, Ended};
use crate::patience::{self, Timeout};
use crate::pickle::{self, Reduced};
use crate::{domain, refusal};

/// A meeting place for `parties` threads of whatever processes, by its name: whoever comes waits until all are there.
///
/// When a party that has come before dies, it breaks (`on_death` "break", BrokenBarrier names the dead one), or goes on
/// with one less ("shrink"). The shell has `crosstie barrier NAME -n PARTIES`.
///
/// >>> import crosstie
/// >>> crosstie.Barrier("phase", 1).wait()
/// 0
#[pyclass(frozen, weakref, module = "crosstie")]
pub struct Barrier {
    barrier: Shared<crosstie::sync::Barrier>,
    on_death: OnDeath,
}

#[pymethods]
impl Barrier {
    #[new]
    #[pyo3(signature = (name, parties, *, on_death="break", domain=None))]
    fn new(
        py: Python<'_>,
        name: &str,
        parties: u32,
        on_death: &str,
        domain: Option<PathBuf>,
    ) -> PyResult<Self> {
        let on_death = match on_death {
            "break" => OnDeath::Break,
            "shrink" => OnDeath::Shrink,
            other => {
                return Err(PyValueError::new_err(format!(
                    "on_death: \"break\" or \"shrink\", not {other:?}"
                )));
            }
        };
        let domain = domain::open(py, domain)?;
        let opened = crosstie::sync::Barrier::open_or_create_in(domain, name, parties, on_death);
        Ok(Self { barrier: opened.map_err(|error| refusal::error(py, &error))?, on_death })
    }

    /// Waits until all have come; 0 for one of them, 1 for the others.
    ///
    /// Raises TimedOut, after which the caller counts as not come, and BrokenBarrier.
    #[pyo3(signature = (timeout=Timeout(None)), text_signature = "($self, timeout=None)")]
    fn wait(&self, py: Python<'_>, timeout: Timeout) -> PyResult<u32> {
        let deadline = timeout.deadline();
        let is_late = |passed: &Result<bool, BarrierError>| matches!(passed, Err(BarrierError::Late(_)));
        passed(py, patience::wait(py, || self.barrier.wait_until(deadline), is_late)?)
    }

    /// One more party, which is no thread.
    fn _join(&self, py: Python<'_>) -> PyResult<Party> {
        let party = self.barrier.join().map_err(|error| refusal::error(py, &error))?;
        Ok(Party { barrier: self.barrier.clone(), party: Arc::new(Mutex::new(Some(party))) })
    }

    /// Gives the calling thread's place up: another may be a party instead.
    fn leave(&self, py: Python<'_>) -> PyResult<()> {
        self.barrier.leave().map_err(|error| refusal::error(py, &error))
    }

    /// Makes a broken barrier whole; answers whether it was broken.
    fn reset(&self, py: Python<'_>) -> PyResult<bool> {
        self.barrier.reset().map_err(|error| refusal::error(py, &error))
    }

    /// Whether it is broken.
    #[getter]
    fn broken(&self) -> bool {
        self.barrier.is_broken()
    }

    /// How many come.
    #[getter]
    fn parties(&self) -> u32 {
        self.barrier.parties()
    }

    /// Its kind and name: "barrier:phase".
    #[getter]
    fn name(&self) -> &str {
        self.barrier.name()
    }

    /// The folder in which it has its name.
    #[getter]
    fn domain(&self) -> &'static str {
        self.barrier.domain().name()
    }

    fn __repr__(&self) -> String {
        format!("<crosstie.Barrier {} of {} in {}>", self.name(), self.parties(), self.domain())
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        let this = slf.get();
        let keywords = PyDict::new(slf.py());
        keywords.set_item("parties", this.parties())?;
        keywords.set_item("on_death", if this.on_death == OnDeath::Break { "break" } else { "shrink" })?;
        keywords.set_item("domain", this.domain())?;
        pickle::by_name(slf.get_type(), this.name(), keywords)
    }
}

/// What a wait gives: 0 for the one who leads, 1 for the others.
fn passed(py: Python<'_>, passed: Result<bool, BarrierError>) -> PyResult<u32> {
    match passed {
        Ok(leads) => Ok(u32::from(!leads)),
        Err(BarrierError::Failed(error)) => Err(refusal::error(py, &error)),
        Err(error @ BarrierError::Broken(_)) => {
            let class = refusal::class(py, "BrokenBarrier")?;
            Err(PyErr::from_value(class.call1((error.to_string(),))?))
        }
        Err(ref late @ BarrierError::Late(ref who)) => {
            Err(refusal::occupied_as(py, ErrorKind::TimedOut, who, &late.to_string()))
        }
        Err(other) => Err(refusal::error(py, &Error::from(other))),
    }
}

/// A party of a barrier that is a task; crosstie.aio.Barrier is made of these. Dropped, it gives its place up.
#[pyclass(frozen, module = "crosstie._native")]
pub struct Party {
    barrier: Shared<crosstie::sync::Barrier>,
    /// Absent while it waits: cancelled then, it is none any more.
    party: Arc<Mutex<Option<barrier::Party<Shared<crosstie::sync::Barrier>>>>>,
}

#[pymethods]
impl Party {
    /// Waits until all have come, which gives 0 for one of them and 1 for the others. Cancelled, it counts as not come, unless all had.
    fn wait(&self, py: Python<'_>) -> PyResult<Awaited> {
        let party = self.party.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut party = match party {
            Some(party) => party,
            None => self.barrier.join().map_err(|error| refusal::error(py, &error))?,
        };
        let place = Arc::clone(&self.party);
        Ok(Awaited::of(async move {
            let met = party.wait_async().await;
            *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(party);
            Box::new(move |py: Python<'_>| Ok(passed(py, met)?.into_pyobject(py)?.into_any().unbind()))
                as Ended
        }))
    }
}
