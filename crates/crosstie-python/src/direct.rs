//! Methods that the interpreter calls with nothing between.
//!
//! What PyO3 puts between (its count of calls, its look at deferred references, the wall before a panic, the list of arguments) costs
//! more than a lock. Called as usual, a method is tried at once here; whatever that leaves goes to the method as PyO3 made it.

use std::ffi::CStr;

use pyo3::PyClass;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::pyclass::boolean_struct::True;
use pyo3::sync::PyOnceLock;

pub use calls::shorten;

/// A method of a class of PyO3's that is mostly over in some instructions.
pub trait Direct {
    /// Whose method it is.
    type Class: PyClass<Frozen = True> + Sync;
    /// Its name in Python.
    const NAME: &'static CStr;
    /// With how many arguments it is tried, at which it does not look.
    const ARGUMENTS: ffi::Py_ssize_t;

    /// Does it and answers; `None` where there is more to be done or to be said: then it has done nothing. Does not
    /// panic, for no wall is before it.
    fn at_once<'py>(this: &Bound<'py, Self::Class>) -> Option<Bound<'py, PyAny>>;

    /// Where the method is kept that PyO3 made.
    fn long_way() -> &'static PyOnceLock<Py<PyAny>>;
}

#[expect(unsafe_code, reason = "is called by the interpreter, which promises what its pointers are")]
mod calls {
    use std::ffi::CString;
    use std::{iter, ptr, slice};

    use pyo3::exceptions::PyRuntimeError;
    use pyo3::ffi::PyObject;
    use pyo3::types::{PyDict, PyString, PyTuple};

    use super::*;

    /// Puts the shortest way of `D` before the method that PyO3 made; its signature and text stay.
    ///
    /// # Errors
    /// The interpreter's.
    pub fn shorten<D: Direct>(py: Python<'_>) -> PyResult<()> {
        let (class, name) = (py.get_type::<D::Class>(), D::NAME.to_string_lossy());
        let name = PyString::new(py, &name);
        let method = class.getattr(&name)?;
        let text = |name| method.getattr(name)?.extract::<Option<String>>().map(Option::unwrap_or_default);
        let doc = format!("{name}{}\n--\n\n{}", text("__text_signature__")?, text("__doc__")?);
        let doc = CString::new(doc)?;
        if D::long_way().set(py, method.unbind()).is_err() {
            return Ok(());
        }
        let definition = Box::into_raw(Box::new(ffi::PyMethodDef {
            ml_name: D::NAME.as_ptr(),
            ml_meth: ffi::PyMethodDefPointer { PyCFunctionFastWithKeywords: call::<D> },
            ml_flags: ffi::METH_FASTCALL | ffi::METH_KEYWORDS,
            ml_doc: doc.into_raw(),
        }));
        // SAFETY: the class is a type, and the definition, whose flags are those of `call`, is never freed.
        let method = unsafe { ffi::PyDescr_NewMethod(class.as_type_ptr(), definition) };
        // SAFETY: the interpreter answers a new reference, or NULL with an exception.
        class.setattr(name, unsafe { Bound::from_owned_ptr_or_err(py, method) }?)
    }

    /// What the interpreter calls.
    ///
    /// # Safety
    /// As a method of `D::Class`, by METH_FASTCALL | METH_KEYWORDS.
    unsafe extern "C" fn call<D: Direct>(
        this: *mut PyObject,
        arguments: *const *mut PyObject,
        count: ffi::Py_ssize_t,
        names: *mut PyObject,
    ) -> *mut PyObject {
        // SAFETY: the interpreter calls with its lock.
        let py = unsafe { Python::assume_attached() };
        // SAFETY: the interpreter lends the object whose method it is, as long as the call takes.
        let this = unsafe { Borrowed::from_ptr(py, this) };
        if count == D::ARGUMENTS && names.is_null() {
            // SAFETY: a method's descriptor calls it for an instance of its class only.
            let this = unsafe { this.cast_unchecked::<D::Class>() };
            if let Some(answer) = D::at_once(&this) {
                return answer.into_ptr();
            }
        }
        // SAFETY: they are as the interpreter gave them, which this function asks for.
        let answer = unsafe { call_long::<D>(&this, arguments, count, names) };
        answer.map_or_else(
            |error| {
                error.restore(py);
                ptr::null_mut()
            },
            Bound::into_ptr,
        )
    }

    /// Calls the method that PyO3 made.
    ///
    /// # Safety
    /// As [`call`].
    #[cold]
    unsafe fn call_long<'py, D: Direct>(
        this: &Bound<'py, PyAny>,
        arguments: *const *mut PyObject,
        count: ffi::Py_ssize_t,
        names: *mut PyObject,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = this.py();
        // SAFETY: it is NULL, or an object that the interpreter lends as long as the call takes.
        let names = unsafe { Bound::from_borrowed_ptr_or_opt(py, names) };
        let names = names.map(Bound::cast_into::<PyTuple>).transpose()?;
        let count = usize::try_from(count)?;
        let arguments = match count + names.as_ref().map_or(0, |names| names.len()) {
            0 => &[],
            // SAFETY: so many stand there, those with names last, as long as the call takes.
            all_count => unsafe { slice::from_raw_parts(arguments, all_count) },
        };
        // SAFETY: the interpreter lends each of them, as long as the call takes.
        let lent = |&argument: &*mut PyObject| unsafe { Bound::from_borrowed_ptr(py, argument) };
        let (given, named) = arguments.split_at(count);
        let positional = iter::once(this.clone()).chain(given.iter().map(lent));
        let keywords = PyDict::new(py);
        for (name, argument) in names.iter().flatten().zip(named) {
            keywords.set_item(name, lent(argument))?;
        }
        let method =
            D::long_way().get(py).ok_or_else(|| PyRuntimeError::new_err("there is no such method"))?;
        method.bind(py).call(PyTuple::new(py, positional.collect::<Vec<_>>())?, Some(&keywords))
    }
}
