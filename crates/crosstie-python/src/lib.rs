//! The Python module `crosstie`: what the library has, in the forms of `threading` and `multiprocessing`.
//!
//! | file | holds |
//! |---|---|
//! | `patience` | timeouts, and waits that a signal's handler may end |
//! | `refusal` | errors as Python's exceptions |
//! | `owner` | who has something, who died, who waits for whom |
//! | `domain` | in which folder objects have their names |
//! | `lock` | `Lock` and its `Guard` |
//!
//! What needs no speed is Python, in the folder `python/crosstie`: the exceptions, and all that is built from these.
#![deny(unsafe_code)]

mod domain;
mod lock;
mod owner;
mod patience;
mod refusal;

use pyo3::prelude::*;

/// The compiled half of `crosstie`; import that.
#[pymodule]
mod _native {
    #[pymodule_export]
    use super::lock::{Guard, Lock};
    #[pymodule_export]
    use super::owner::{Blocked, Owner};
    #[pymodule_export]
    use super::refusal::error_table;

    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
