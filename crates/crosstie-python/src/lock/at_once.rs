//! `acquire()` of a `Lock` that is free, `release()` and the end of a `with` block of one that nobody awaits.

use std::ffi::CStr;

use pyo3::ffi::Py_ssize_t;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyNone};

use super::Lock;
use crate::direct::{self, Direct};

/// Has the interpreter call them directly.
///
/// # Errors
/// The interpreter's.
pub fn shorten(py: Python<'_>) -> PyResult<()> {
    direct::shorten::<Acquire>(py)?;
    direct::shorten::<GiveBack<0>>(py)?;
    direct::shorten::<GiveBack<3>>(py)
}

struct Acquire;

impl Direct for Acquire {
    type Class = Lock;
    const NAME: &'static CStr = c"acquire";
    const ARGUMENTS: Py_ssize_t = 0;

    #[inline(always)]
    fn at_once<'py>(this: &Bound<'py, Lock>) -> Option<Bound<'py, PyAny>> {
        this.get().take_short(this.py())?;
        Some(PyBool::new(this.py(), true).to_owned().into_any())
    }

    fn long_way() -> &'static PyOnceLock<Py<PyAny>> {
        static WAY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        &WAY
    }
}

/// `release()`, or with three arguments the end of a `with` block.
struct GiveBack<const ARGUMENTS: Py_ssize_t>;

/// The ways that PyO3 made, by their arguments.
static WAYS: [PyOnceLock<Py<PyAny>>; 4] = [const { PyOnceLock::new() }; 4];

impl<const ARGUMENTS: Py_ssize_t> Direct for GiveBack<ARGUMENTS> {
    type Class = Lock;
    const NAME: &'static CStr = if ARGUMENTS == 0 { c"release" } else { c"__exit__" };
    const ARGUMENTS: Py_ssize_t = ARGUMENTS;

    #[inline(always)]
    fn at_once<'py>(this: &Bound<'py, Lock>) -> Option<Bound<'py, PyAny>> {
        let (py, lock) = (this.py(), this.get());
        let is_given_back = lock.short.give_back(py, &lock.lock, None);
        is_given_back.then(|| PyNone::get(py).to_owned().into_any())
    }

    fn long_way() -> &'static PyOnceLock<Py<PyAny>> {
        &WAYS[ARGUMENTS as usize]
    }
}
