//! `Region`: raw POSIX shared memory through the buffer protocol.
#![expect(unsafe_code, reason = "hands out the address of shared memory to the interpreter")]

use std::ffi::c_int;
use std::sync::{Mutex, PoisonError};

use pyo3::exceptions::PyBufferError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::refusal;

/// Raw shared memory by its POSIX name, as shm_open has it in C: `/my_region`.
///
/// It has the buffer protocol: memoryview and numpy.frombuffer see the memory itself. It has no owner and no lock: take
/// turns with a Lock. While such a view lives it cannot be closed (BufferError). The shell has `crosstie region`.
///
/// >>> import crosstie
/// >>> with crosstie.Region("/crosstie-example", 4096) as region:
/// ...     view = memoryview(region)
/// ...     view[:5] = b"hello"
/// ...     bytes(view[:5])
/// ...     view.release()
/// b'hello'
/// >>> crosstie.Region.unlink("/crosstie-example")
///
/// With `size` it is made where it is missing, and has to have that size; without, it has to exist.
#[pyclass(frozen, weakref, module = "crosstie")]
pub struct Region {
    region: Mutex<Option<crosstie::region::Region>>,
    /// How many views there are.
    views: Mutex<usize>,
    name: String,
    size: usize,
}

#[pymethods]
impl Region {
    #[new]
    #[pyo3(signature = (name, size=None))]
    fn new(py: Python<'_>, name: String, size: Option<u64>) -> PyResult<Self> {
        let opened = match size {
            Some(size) => crosstie::region::Region::open_or_create(&name, size),
            None => crosstie::region::Region::open(&name),
        };
        let region = opened.map_err(|error| refusal::error(py, &error))?;
        let (_, size) = region.as_ptr().map_err(|error| refusal::error(py, &error))?;
        Ok(Self { region: Mutex::new(Some(region)), views: Mutex::new(0), name, size })
    }

    /// Takes the name away; who has the region open keeps it.
    #[staticmethod]
    fn unlink(py: Python<'_>, name: &str) -> PyResult<()> {
        crosstie::region::Region::unlink(name).map_err(|error| refusal::error(py, &error))
    }

    /// Unmaps it; BufferError while a view lives.
    fn close(&self) -> PyResult<()> {
        let views = *self.views.lock().unwrap_or_else(PoisonError::into_inner);
        if views > 0 {
            let text = format!("close {}: {views} views of it live: release them first", self.name);
            return Err(PyBufferError::new_err(text));
        }
        self.region.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(())
    }

    /// Its size in bytes, as it was when it was opened.
    #[getter]
    fn size(&self) -> usize {
        self.size
    }

    /// Its name.
    #[getter]
    fn name(&self) -> &str {
        &self.name
    }

    fn __len__(&self) -> usize {
        self.size
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (*_exception), text_signature = "($self, *exception)")]
    fn __exit__(&self, _exception: &Bound<'_, PyTuple>) -> PyResult<()> {
        self.close()
    }

    fn __repr__(&self) -> String {
        format!("<crosstie.Region {} of {} bytes>", self.name, self.size)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (String,))> {
        Ok((slf.get_type().into_any(), (slf.get().name.clone(),)))
    }

    /// # Safety
    /// The interpreter calls it with a view of its own to fill.
    unsafe fn __getbuffer__(slf: Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        let this = slf.get();
        let region = this.region.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(region) = region.as_ref() else {
            return Err(PyBufferError::new_err(format!("{} is closed", this.name)));
        };
        let (base, size) = region.as_ptr().map_err(|error| refusal::error(slf.py(), &error))?;
        let size = ffi::Py_ssize_t::try_from(size).map_err(|_| PyBufferError::new_err("too large"))?;
        // SAFETY: the view is the interpreter's to fill; the mapping lives as long as `slf`, which the view keeps alive, and
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
