//! In which folder objects have their names.

use std::path::PathBuf;

use crosstie::ledger::Domain;
use pyo3::prelude::*;

use crate::refusal;

/// The domain in the folder `path`, else that of `$CROSSTIE_DOMAIN`, else the user's own.
pub fn open(py: Python<'_>, path: Option<PathBuf>) -> PyResult<&'static Domain> {
    at(path).map_err(|error| refusal::error(py, &error))
}

/// As [`open`], with the library's error.
pub fn at(path: Option<PathBuf>) -> crosstie::Result<&'static Domain> {
    match path {
        Some(path) => Domain::open(path),
        None => Domain::open_default(),
    }
}

/// Whether only this user can put anything into the domain: then what lies there may be unpickled.
#[pyfunction]
#[pyo3(name = "_is_private", signature = (domain=None))]
pub fn is_private(py: Python<'_>, domain: Option<PathBuf>) -> PyResult<bool> {
    Ok(!open(py, domain)?.directory().is_shared())
}

/// The folder of a domain.
#[pyfunction]
#[pyo3(name = "_folder", signature = (domain=None))]
pub fn folder(py: Python<'_>, domain: Option<PathBuf>) -> PyResult<&'static str> {
    Ok(open(py, domain)?.name())
}
