//! `MonitorEnd`: the turns and the memory of a monitor; `Stay`: one turn. crosstie.Monitor is made of them.

#![expect(
    unsafe_code,
    reason = "a stay stands beside what it borrows; hands out the address of shared memory"
)]

use std::ffi::c_int;
use std::mem::transmute;
use std::path::PathBuf;

use crosstie::os::interruption::interruptible;
use crosstie::sync::{AnyMonitor, AnyMonitorGuard, LockError, LockResult};
use crosstie::{Deadline, ErrorKind};
use pyo3::exceptions::PyBufferError;
use pyo3::ffi;
use pyo3::prelude::*;

use crate::ears::Ears;
use crate::held::{Attached, Holder, Taken};
use crate::owner::Owner;
use crate::patience::{self, Timeout};
use crate::{domain, refusal};

/// A monitor by its name and the bytes of its data, which are memory by the buffer protocol once somebody has been inside.
#[pyclass(frozen, module = "crosstie._native")]
pub struct MonitorEnd {
    // Who is inside borrows the monitor: it is dropped first.
    taken: Taken<Inside>,
    data: Attached<Option<Data>>,
    monitor: AnyMonitor,
}

#[pymethods]
impl MonitorEnd {
    #[new]
    #[pyo3(signature = (name, length, *, domain=None))]
    fn new(py: Python<'_>, name: &str, length: usize, domain: Option<PathBuf>) -> PyResult<Self> {
        let monitor = AnyMonitor::open_or_create_in(domain::open(py, domain)?, name, length)
            .map_err(|error| refusal::error(py, &error))?;
        Ok(Self { taken: Taken::by(Holder::Thread), data: Attached::new(None), monitor })
    }

    /// Enters; TimedOut where another was inside for all of `timeout`.
    #[pyo3(signature = (timeout=Timeout(None)), text_signature = "($self, timeout=None)")]
    fn enter(slf: &Bound<'_, Self>, timeout: Timeout) -> PyResult<Stay> {
        let (py, this, deadline) = (slf.py(), slf.get(), timeout.deadline());
        let attempt = || Inside::enter(&this.monitor, deadline);
        let is_late = |entered: &Entered| matches!(entered, Err(refused) if matches!(**refused, LockError::TimedOut(_)));
        let entered = match attempt_now(&this.monitor, deadline) {
            Some(entered) => entered,
            None => patience::wait(py, attempt, is_late)?,
        };
        let mut inside = this.entered(py, entered)?;
        let data = inside.data();
        this.data.with(py, |known| *known = Some(data));
        let told = Told::of(&inside);
        // Where warnings are errors it is left with the guard.
        this.warn(py, dead(&inside))?;
        let number = this.taken.keep(py, inside);
        Ok(Stay { end: slf.clone().unbind(), number: Attached::new(number), told: Attached::new(told) })
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

/// Who is inside, or why nobody is.
type Entered = Result<Inside, Box<LockError<()>>>;

impl MonitorEnd {
    fn entered(&self, py: Python<'_>, entered: Entered) -> PyResult<Inside> {
        entered.map_err(|refused| refusal::lock_error(py, self.monitor.name(), *refused))
    }

    fn warn(&self, py: Python<'_>, dead: Option<String>) -> PyResult<()> {
        dead.map_or(Ok(()), |who| refusal::warn_abandoned(py, self.monitor.name(), &who))
    }
}

/// Who died inside, in words.
fn dead(inside: &Inside) -> Option<String> {
    let who = || inside.0.dead_owner().map_or("somebody".to_owned(), |who| who.to_string());
    inside.0.is_abandoned().then(who)
}

/// At once, where that is possible and all that is asked; who only tries says nothing of an order of locks.
fn attempt_now(monitor: &AnyMonitor, deadline: Deadline) -> Option<Entered> {
    if !deadline.is_now() && monitor.domain().notes_lock_order() {
        return None;
    }
    let entered = Inside::enter(monitor, Deadline::NOW);
    let is_occupied = entered.as_ref().is_err_and(|refused| matches!(**refused, LockError::Busy(_)));
    (!is_occupied || deadline.is_now()).then_some(entered)
}

/// What who is inside is told.
struct Told {
    dead_owner: Option<Owner>,
    is_abandoned: bool,
    token: u64,
}

impl Told {
    fn of(inside: &Inside) -> Self {
        let is_abandoned = inside.0.is_abandoned();
        let dead_owner = if is_abandoned { inside.0.dead_owner().as_ref().map(Owner::of) } else { None };
        Self { dead_owner, is_abandoned, token: inside.0.token() }
    }
}

/// One turn inside of a monitor: what `monitor.guard` is.
#[pyclass(frozen, module = "crosstie")]
pub struct Stay {
    end: Py<MonitorEnd>,
    number: Attached<u64>,
    told: Attached<Told>,
}

#[pymethods]
impl Stay {
    /// Whether somebody died inside, and nobody has said since that the data are whole: they may be half changed.
    #[getter]
    fn abandoned(&self, py: Python<'_>) -> bool {
        self.told.with(py, |told| told.is_abandoned)
    }

    /// Who that was, if it is still known.
    #[getter]
    fn dead_owner(&self, py: Python<'_>) -> Option<Owner> {
        self.told.with(py, |told| told.dead_owner.clone())
    }

    /// The fencing number: larger than that of everyone inside before.
    #[getter]
    fn token(&self, py: Python<'_>) -> u64 {
        self.told.with(py, |told| told.token)
    }

    /// Whether this is inside still: False when it left, was put out by force, and in a fork child.
    #[getter]
    fn held(&self, py: Python<'_>) -> bool {
        let is_held = |inside: &Inside| inside.0.is_held();
        self.end.get().taken.with(py, self.number(py), is_held).unwrap_or(false)
    }

    /// Whether the caller is inside by this.
    fn _is_callers(&self, py: Python<'_>) -> bool {
        self.end.get().taken.is_callers_number(py, self.number(py))
    }

    /// Says that the data are whole again: the next one is not told that somebody died.
    fn mark_mended(&self, py: Python<'_>) -> PyResult<()> {
        let mut inside = self.take_back(py)?;
        inside.0.mark_mended();
        self.keep(py, inside);
        Ok(())
    }

    /// Waits, outside meanwhile, until somebody has been inside who may have changed the data, or for `timeout`.
    #[pyo3(signature = (timeout=Timeout(None)), text_signature = "($self, timeout=None)")]
    fn wait(&self, py: Python<'_>, timeout: Timeout) -> PyResult<()> {
        let (inside, deadline, end) = (self.take_back(py)?, timeout.deadline(), self.end.get());
        let ears = Ears::open(py);
        if let Err(raised) = py.check_signals() {
            self.keep(py, inside);
            return Err(raised);
        }
        let (waited, _) = patience::outside(&ears, || inside.wait(&end.monitor, deadline));
        let mut inside = end.entered(py, waited)?;
        // Those who wait are told that this thread may change the data from now on.
        let _ = inside.data();
        let (told, dead) = (Told::of(&inside), dead(&inside));
        let is_known = self.told.with(py, |known| std::mem::replace(known, told).is_abandoned);
        self.keep(py, inside);
        end.warn(py, dead.filter(|_| !is_known))
    }

    /// Leaves. RuntimeError where the caller is not inside; Lost where it was put out by force meanwhile.
    fn leave(&self, py: Python<'_>) -> PyResult<()> {
        let inside = self.take_back(py)?;
        if inside.0.is_held() {
            return Ok(());
        }
        let name = self.end.get().monitor.name();
        let text =
            format!("{name}: this was put out by force while it was inside with token {}", self.token(py));
        Err(refusal::exception(py, ErrorKind::Lost, &text))
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        let how = if self.abandoned(py) { ", abandoned" } else { "" };
        format!("<crosstie.Stay in {}, token {}{how}>", self.end.get().monitor.name(), self.token(py))
    }
}

impl Stay {
    fn number(&self, py: Python<'_>) -> u64 {
        self.number.with(py, |number| *number)
    }

    fn take_back(&self, py: Python<'_>) -> PyResult<Inside> {
        let end = self.end.get();
        end.taken.take_back(py, end.monitor.name(), Some(self.number(py)))
    }

    fn keep(&self, py: Python<'_>, inside: Inside) {
        let number = self.end.get().taken.keep(py, inside);
        self.number.with(py, |known| *known = number);
    }
}

/// A stay of a thread, which stands beside the monitor that it borrows.
struct Inside(AnyMonitorGuard<'static>);

// SAFETY: it goes back to the thread that took it only: `Taken` of `Holder::Thread` gives nobody else what it keeps and forgets what
// goes with another thread, and `patience` brings to the caller what was taken for it, in its own thread.
unsafe impl Send for Inside {}

/// Where the data lie.
pub struct Data(*mut u64);

// SAFETY: an address in a mapping of the process's; what lies there others change at any time.
unsafe impl Send for Data {}

impl Data {
    pub fn of(data: &mut [u64]) -> Self {
        Self(data.as_mut_ptr())
    }

    pub fn address(&self) -> *mut u64 {
        self.0
    }
}

/// Fills `view` with `bytes` bytes at `data` for `owner`, or raises where nobody has been inside.
///
/// # Safety
/// `view` is the interpreter's to fill; so many bytes are mapped at `data` as long as `owner` lives.
pub unsafe fn lend(
    owner: &Bound<'_, PyAny>,
    data: Option<*mut u64>,
    bytes: usize,
    view: *mut ffi::Py_buffer,
    flags: c_int,
) -> PyResult<()> {
    let Some(data) = data else {
        return Err(PyBufferError::new_err("nobody has been inside by this object"));
    };
    let size = ffi::Py_ssize_t::try_from(bytes).map_err(|_| PyBufferError::new_err("too large"))?;
    // SAFETY: the caller says that `view` is to be filled and that the bytes are there as long as `owner`, which the view keeps alive.
    let filled = unsafe { ffi::PyBuffer_FillInfo(view, owner.as_ptr(), data.cast(), size, 0, flags) };
    if filled == 0 { Ok(()) } else { Err(PyErr::fetch(owner.py())) }
}

impl Inside {
    /// Enters `monitor`, which [`MonitorEnd`] keeps until it has dropped this.
    fn enter(monitor: &AnyMonitor, deadline: Deadline) -> Entered {
        Self::of(monitor.enter_until(deadline))
    }

    fn of(entered: LockResult<AnyMonitorGuard<'_>>) -> Entered {
        let guard = entered.or_else(LockError::into_guard).map_err(|refused| Box::new(refused.map(drop)))?;
        // SAFETY: only the lifetime is another. It borrows the mapped object, which lives as long as the `AnyMonitor`, wherever that
        // moves; `MonitorEnd` drops what was taken before that.
        Ok(Self(unsafe { transmute::<AnyMonitorGuard<'_>, AnyMonitorGuard<'static>>(guard) }))
    }

    /// Where the data lie; those who wait are told of a change.
    fn data(&mut self) -> Data {
        Data::of(self.0.data())
    }

    /// Waits for a change in `monitor`, which this is of. Who waited comes back inside, whatever ended the wait.
    fn wait(self, monitor: &AnyMonitor, deadline: Deadline) -> Entered {
        match Self::of(self.0.wait_change_until(deadline)) {
            Err(late) if matches!(*late, LockError::TimedOut(_) | LockError::Busy(_)) => {
                interruptible(|_| false, || Self::enter(monitor, Deadline::NEVER)).0
            }
            other => other,
        }
    }
}
