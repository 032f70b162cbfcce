//! `ls`: what `crosstie ls` lists.

use std::path::PathBuf;

use crosstie::inspect::Snapshot;
use pyo3::prelude::*;

use crate::domain;

/// What is in the domain: a dict for each object, with its name and kind, what it stands at ("value", None for what is only had or not), who
/// has it ("held_by"), who waits ("waiting", first come first), and why nobody can open it ("damage"). The fields are those of
/// ``crosstie ls --json``.
///
/// >>> import crosstie
/// >>> items = crosstie.CountingSemaphore("listed", 7)
/// >>> [(found["value"], found["damage"]) for found in crosstie.ls() if found["name"] == "count:listed"]
/// [({'count': 7}, None)]
#[pyfunction]
#[pyo3(signature = (*, domain=None))]
pub fn ls<'py>(py: Python<'py>, domain: Option<PathBuf>) -> PyResult<Bound<'py, PyAny>> {
    let domain = domain::open(py, domain)?;
    let objects = py.detach(|| {
        let snapshot = Snapshot::of(domain);
        let objects: Vec<_> = snapshot.objects.iter().map(|object| object.json(&snapshot)).collect();
        format!("[{}]", objects.join(", "))
    });
    py.import("json")?.call_method1("loads", (objects,))
}
