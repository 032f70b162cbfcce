//! `MonitorTasks`: the turns and the memory of a monitor, for tasks.
#![expect(unsafe_code, reason = "hands out the address of shared memory to the interpreter")]

use std::ffi::c_int;
use std::path::PathBuf;

use crosstie::sync::{AnyMonitor, LockResult, OwnedAnyMonitorGuard};
use pyo3::ffi;
use pyo3::prelude::*;

use crate::awaited::{Awaited, Ended};
use crate::had::{Given, Had, given, given_again};
use crate::held::Attached;
use crate::monitor::{Data, lend};
use crate::{domain, refusal};

/// A monitor by its name and the bytes of its data, for tasks; crosstie.aio.Monitor is made of this.
#[pyclass(frozen, module = "crosstie._native")]
pub struct MonitorTasks {
    data: Attached<Option<Data>>,
    monitor: AnyMonitor,
}

#[pymethods]
impl MonitorTasks {
    #[new]
    #[pyo3(signature = (name, length, *, domain=None))]
    fn new(py: Python<'_>, name: &str, length: usize, domain: Option<PathBuf>) -> PyResult<Self> {
        let monitor = AnyMonitor::open_or_create_in(domain::open(py, domain)?, name, length)
            .map_err(|error| refusal::error(py, &error))?;
        Ok(Self { data: Attached::new(None), monitor })
    }

    /// Waits for being inside, which gives a Had.
    fn enter(slf: Py<Self>) -> Awaited {
        let entering = slf.get().monitor.enter_async();
        Awaited::of(async move {
            let entered = entering.await;
            met(slf, entered, |entered| given(entered, Given::Inside))
        })
    }

    /// Waits for being inside again, as `had` is then.
    fn enter_again(slf: Py<Self>, had: Py<Had>) -> Awaited {
        let entering = slf.get().monitor.enter_async();
        Awaited::of(async move {
            let entered = entering.await;
            met(slf, entered, |entered| given_again(had, entered, Given::Inside))
        })
    }

    /// Waits, outside meanwhile, until somebody has been inside who may have changed the data; cancelled, it is outside.
    fn wait(slf: Py<Self>, had: Py<Had>) -> PyResult<Awaited> {
        let Given::Inside(inside) = had.get().take(slf.get().monitor.name())? else {
            return Err(refusal::not_held(slf.get().monitor.name(), false));
        };
        let waiting = inside.wait_change_async();
        Ok(Awaited::of(async move {
            let entered = waiting.await;
            met(slf, entered, |entered| given_again(had, entered, Given::Inside))
        }))
    }

    /// # Safety
    /// The interpreter calls it with a view of its own to fill.
    unsafe fn __getbuffer__(slf: Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        let this = slf.get();
        let data = this.data.with(slf.py(), |data| data.as_ref().map(Data::address));
        // SAFETY: the view is the interpreter's to fill; as many bytes lie at `data` as long as the monitor is mapped, which is as long as
        // `slf` lives, and the view keeps that alive.
        unsafe { lend(slf.as_any(), data, this.monitor.bytes(), view, flags) }
    }

    /// Its kind and name: "monitor:stock".
    #[getter]
    fn name(&self) -> &str {
        self.monitor.name()
    }

    /// The folder in which it has its name.
    #[getter]
    fn domain(&self) -> &'static str {
        self.monitor.domain().name()
    }
}

/// Ends a wait for being inside, and notes where the data lie.
fn met(
    monitor: Py<MonitorTasks>,
    entered: LockResult<OwnedAnyMonitorGuard>,
    ended: impl FnOnce(LockResult<OwnedAnyMonitorGuard>) -> Ended,
) -> Ended {
    let mut data = None;
    let mut look = |mut inside: OwnedAnyMonitorGuard| {
        // Those who wait are told that this process may change the data from now on.
        data = Some(Data::of(inside.data()));
        inside
    };
    let entered = match entered {
        Ok(inside) => Ok(look(inside)),
        Err(refused) => Err(refused.map(look)),
    };
    let ended = ended(entered);
    Box::new(move |py| {
        if data.is_some() {
            monitor.get().data.with(py, |known| *known = data);
        }
        ended(py)
    })
}
