//! `Once`: done once, whoever dies doing it.

use std::path::PathBuf;

use crosstie::ErrorKind;
use crosstie::sync::Shared;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::patience::{self, Timeout};
use crate::pickle::{self, Reduced};
use crate::{domain, refusal};

/// Something that is to be done once, by whichever process comes first; the others wait for it.
///
/// Who is killed doing it, or raises, has not done it: the next one does. The shell has `crosstie once NAME -- CMD`.
///
/// >>> import crosstie
/// >>> once = crosstie.Once("init-db")
/// >>> once.call(lambda: print("doing it"))
/// doing it
/// True
/// >>> once.call(lambda: print("again")), once.done
/// (False, True)
#[pyclass(frozen, weakref, module = "crosstie")]
pub struct Once {
    once: Shared<crosstie::sync::Once>,
}

#[pymethods]
impl Once {
    #[new]
    #[pyo3(signature = (name, *, domain=None))]
    fn new(py: Python<'_>, name: &str, domain: Option<PathBuf>) -> PyResult<Self> {
        let opened = crosstie::sync::Once::open_or_create_in(domain::open(py, domain)?, name);
        Ok(Self { once: opened.map_err(|error| refusal::error(py, &error))? })
    }

    /// Calls `function` unless it was done before; answers whether this call did it.
    ///
    /// Waits for another that is at it; raises what `function` raises, and TimedOut.
    #[pyo3(signature = (function, *, timeout=Timeout(None)), text_signature = "($self, function, *, timeout=None)")]
    fn call(&self, py: Python<'_>, function: &Bound<'_, PyAny>, timeout: Timeout) -> PyResult<bool> {
        let (deadline, function) = (timeout.deadline(), function.clone().unbind());
        let call = || Python::attach(|py| function.call0(py).map(drop));
        let run = || {
            self.once.run_until(deadline, || {
                let called = call();
                (called.is_ok(), called)
            })
        };
        let is_late = |ran: &crosstie::Result<Option<PyResult<()>>>| {
            ran.as_ref().is_err_and(|error| error.kind() == ErrorKind::TimedOut)
        };
        match patience::wait(py, run, is_late)? {
            Ok(None) => Ok(false),
            Ok(Some(called)) => called.map(|()| true),
            Err(error) => Err(refusal::error(py, &error)),
        }
    }

    /// Whether it is done.
    #[getter]
    fn done(&self) -> bool {
        self.once.get().is_some()
    }

    /// Its kind and name: "once:init-db".
    #[getter]
    fn name(&self) -> &str {
        self.once.name()
    }

    /// The folder in which it has its name.
    #[getter]
    fn domain(&self) -> &'static str {
        self.once.domain().name()
    }

    fn __repr__(&self) -> String {
        format!("<crosstie.Once {} in {}>", self.name(), self.domain())
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        let keywords = PyDict::new(slf.py());
        keywords.set_item("domain", slf.get().domain())?;
        pickle::by_name(slf.get_type(), slf.get().name(), keywords)
    }
}
