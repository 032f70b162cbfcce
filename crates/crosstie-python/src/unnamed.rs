//! `UnnamedEnd`: a part in what has no name; crosstie.Queue, Executor and SharedArray have one.
#![expect(unsafe_code, reason = "hands out the address of shared memory to the interpreter")]

use std::ffi::c_int;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crosstie::channel::unnamed::Unnamed;
use pyo3::exceptions::PyBufferError;
use pyo3::ffi;
use pyo3::prelude::*;

use crate::{domain, refusal};

/// A part in something without a name, until it is closed or dropped; with the last part that thing is gone.
#[pyclass(frozen, weakref, module = "crosstie._native")]
pub struct UnnamedEnd {
    part: Mutex<Option<Unnamed>>,
    /// How many views of its memory there are.
    views: Mutex<usize>,
    /// What others join it by.
    #[pyo3(get)]
    token: String,
    /// What the names of its queues begin with.
    #[pyo3(get)]
    queue: String,
    /// The domain that it is in.
    #[pyo3(get)]
    domain: String,
    /// Its file.
    #[pyo3(get)]
    path: String,
}

#[pymethods]
impl UnnamedEnd {
    /// Makes one, and sweeps what the dead have left: `what` says in a word what it is, `queues` how the names of its queues end.
    #[staticmethod]
    #[pyo3(signature = (what, *, size=0, queues=Vec::new(), domain=None))]
    fn make(
        py: Python<'_>,
        what: &str,
        size: u64,
        queues: Vec<String>,
        domain: Option<PathBuf>,
    ) -> PyResult<Self> {
        let made = py.detach(|| {
            let queues: Vec<_> = queues.iter().map(String::as_str).collect();
            Unnamed::make(domain::at(domain)?, what, size, &queues)
        });
        made.map(Self::of).map_err(|error| refusal::error(py, &error))
    }

    /// Takes part in the one of `token`; NotFound once its last participant has ended.
    #[staticmethod]
    #[pyo3(signature = (token, *, domain=None))]
    fn join(py: Python<'_>, token: &str, domain: Option<PathBuf>) -> PyResult<Self> {
        let joined = py.detach(|| Unnamed::join(domain::at(domain)?, token));
        joined.map(Self::of).map_err(|error| refusal::error(py, &error))
    }

    /// Takes no part any more; BufferError while a view lives.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let mut part = self.part();
        let views = *self.views.lock().unwrap_or_else(PoisonError::into_inner);
        if views > 0 {
            let text = format!("close {}: {views} views of it live: release them first", self.path);
            return Err(PyBufferError::new_err(text));
        }
        let left = part.take();
        drop(part);
        py.detach(|| drop(left));
        Ok(())
    }

    /// # Safety
    /// The interpreter calls it with a view of its own to fill.
    unsafe fn __getbuffer__(slf: Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        let this = slf.get();
        let part = this.part();
        let Some(part) = part.as_ref() else {
            return Err(PyBufferError::new_err(format!("{} is closed", this.path)));
        };
        let (base, size) = part.memory();
        let size = ffi::Py_ssize_t::try_from(size).map_err(|_| PyBufferError::new_err("too large"))?;
        // SAFETY: the view is the interpreter's to fill; the memory lives as long as `slf`, which the view keeps alive, and
        // `close` keeps it while `views` counts this one.
        let filled =
            unsafe { ffi::PyBuffer_FillInfo(view, slf.as_ptr(), base.as_ptr().cast(), size, 0, flags) };
        if filled != 0 {
            return Err(PyErr::fetch(slf.py()));
        }
        *this.views.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Ok(())
    }

    /// # Safety
    /// The interpreter calls it once for each view that it was given.
    unsafe fn __releasebuffer__(&self, _view: *mut ffi::Py_buffer) {
        *self.views.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
    }
}

impl UnnamedEnd {
    fn of(part: Unnamed) -> Self {
        let (token, queue, path) = (part.token().to_owned(), part.queue(), part.path());
        let domain = part.domain().name().to_owned();
        Self { part: Mutex::new(Some(part)), views: Mutex::new(0), token, queue, domain, path }
    }

    fn part(&self) -> MutexGuard<'_, Option<Unnamed>> {
        self.part.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
