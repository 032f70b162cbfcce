//! `Event`: set or not.

use std::path::PathBuf;

use crosstie::sync::Shared;
use crosstie::sync::event::Reset;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::patience::{self, Timeout};
use crate::pickle::{self, Reduced};
use crate::{domain, refusal};

/// Something that happens, between processes, by its name: while it is set, who waits goes on.
///
/// With `reset` "manual" it lets all through until it is cleared, as threading.Event; with "auto" it lets one through,
/// which clears it. The shell has `crosstie event set|clear|wait NAME`.
///
/// >>> import crosstie
/// >>> ready = crosstie.Event("ready")
/// >>> ready.set()
/// >>> ready.wait(timeout=5), ready.is_set()
/// (True, True)
/// >>> ready.clear()
#[pyclass(frozen, weakref, module = "crosstie")]
pub struct Event {
    event: Shared<crosstie::sync::Event>,
}

#[pymethods]
impl Event {
    #[new]
    #[pyo3(signature = (name, *, reset="manual", domain=None))]
    fn new(py: Python<'_>, name: &str, reset: &str, domain: Option<PathBuf>) -> PyResult<Self> {
        let reset = match reset {
            "manual" => Reset::Manual,
            "auto" => Reset::Automatic,
            other => {
                return Err(PyValueError::new_err(format!("reset: \"manual\" or \"auto\", not {other:?}")));
            }
        };
        let opened = crosstie::sync::Event::open_or_create_in(domain::open(py, domain)?, name, reset);
        Ok(Self { event: opened.map_err(|error| refusal::error(py, &error))? })
    }

    /// Sets it, and lets through who waits.
    fn set(&self, py: Python<'_>) -> PyResult<()> {
        self.event.set().map_err(|error| refusal::error(py, &error))
    }

    /// Clears it.
    fn clear(&self) {
        self.event.clear();
    }

    /// Whether it is set now.
    fn is_set(&self) -> bool {
        self.event.is_set()
    }

    /// Waits until it is set; False if that was not in time.
    #[pyo3(signature = (timeout=Timeout(None)), text_signature = "($self, timeout=None)")]
    fn wait(&self, py: Python<'_>, timeout: Timeout) -> PyResult<bool> {
        let taken = patience::take(py, self.event.domain(), timeout.deadline(), |deadline| {
            self.event.wait_until(deadline).map_err(Box::new)
        })?;
        Ok(patience::was_had(py, self.event.name(), taken)?.is_some())
    }

    /// "manual" or "auto".
    #[getter]
    fn reset(&self) -> &'static str {
        match self.event.reset() {
            Reset::Manual => "manual",
            Reset::Automatic => "auto",
        }
    }

    /// Its kind and name: "event:ready".
    #[getter]
    fn name(&self) -> &str {
        self.event.name()
    }

    /// The folder in which it has its name.
    #[getter]
    fn domain(&self) -> &'static str {
        self.event.domain().name()
    }

    fn __repr__(&self) -> String {
        format!("<crosstie.Event {} in {}>", self.name(), self.domain())
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        let keywords = PyDict::new(slf.py());
        keywords.set_item("reset", slf.get().reset())?;
        keywords.set_item("domain", slf.get().domain())?;
        pickle::by_name(slf.get_type(), slf.get().name(), keywords)
    }
}
