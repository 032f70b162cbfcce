//! Objects pickle by their name and domain: a copy is the same object, in whatever process.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple, PyType};

/// What `__reduce__` answers: a function and its arguments.
pub type Reduced<'py> = (Bound<'py, PyAny>, Bound<'py, PyTuple>);

/// `class(name, **keywords)`, of a whole name like `lock:db`.
pub fn by_name<'py>(
    class: Bound<'py, PyType>,
    whole: &str,
    keywords: Bound<'py, PyDict>,
) -> PyResult<Reduced<'py>> {
    let py = class.py();
    let name = whole.split_once(':').map_or(whole, |(_, name)| name);
    let arguments = (class, (name,), keywords).into_pyobject(py)?;
    Ok((py.import("copyreg")?.getattr("__newobj_ex__")?, arguments))
}
