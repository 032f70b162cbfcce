//! Timeouts as Python has them, and waits that a signal's handler may end.

use std::path::PathBuf;
use std::time::Duration;

use crosstie::endpoint::Options;
use crosstie::ledger::Domain;
use crosstie::os::clock;
use crosstie::os::interruption::{Cause, interruptible};
use crosstie::os::thread_pointer::thread_pointer;
use crosstie::sync::LockError;
use crosstie::{Deadline, ErrorKind};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use crate::ears::{self, Ears};
use crate::refusal;

/// How long to wait: seconds, a `datetime.timedelta`, or `None` for as long as it takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timeout(pub Option<Duration>);

impl Timeout {
    /// The instant at which it is over, from now on.
    pub fn deadline(self) -> Deadline {
        match self.0 {
            None => Deadline::NEVER,
            Some(Duration::ZERO) => Deadline::NOW,
            Some(timeout) => clock::deadline_in(timeout),
        }
    }

    /// In seconds.
    pub fn seconds(self) -> Option<f64> {
        self.0.map(|timeout| timeout.as_secs_f64())
    }
}

impl FromPyObject<'_, '_> for Timeout {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        if value.is_none() {
            return Ok(Self(None));
        }
        let seconds: f64 = match value.extract() {
            Ok(seconds) => seconds,
            Err(_) => value
                .call_method0("total_seconds")
                .and_then(|seconds| seconds.extract())
                .map_err(|_| PyTypeError::new_err("timeout: a number of seconds, a timedelta or None"))?,
        };
        // As `threading` has it.
        if seconds == -1.0 {
            return Ok(Self(None));
        }
        if seconds.is_nan() || seconds < 0.0 {
            return Err(PyValueError::new_err("timeout: a number of seconds that is not negative, or None"));
        }
        Ok(Self(Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))))
    }
}

/// Until when a call that may not block, or for `timeout`, waits.
///
/// # Errors
/// `ValueError` for a timeout of a call that does not block.
pub fn deadline(blocking: bool, timeout: Timeout) -> PyResult<Deadline> {
    match (blocking, timeout.0) {
        (true, _) => Ok(timeout.deadline()),
        (false, None) => Ok(Deadline::NOW),
        (false, Some(_)) => Err(PyValueError::new_err("timeout: not for a call that does not block")),
    }
}

/// Takes something: at once if that is possible, inside the interpreter, else as [`wait`].
///
/// # Errors
/// As [`wait`].
pub fn take<G: Send>(
    py: Python<'_>,
    domain: &Domain,
    deadline: Deadline,
    take: impl Fn(Deadline) -> Result<G, Box<LockError<G>>> + Send + Sync,
) -> PyResult<Result<G, Box<LockError<G>>>> {
    // Who only tries says nothing of an order of locks.
    if deadline.is_now() || !domain.notes_lock_order() {
        match take(Deadline::NOW) {
            Err(refused) if matches!(*refused, LockError::Busy(_)) && !deadline.is_now() => {}
            other => return Ok(other),
        }
    }
    let is_late = |taken: &Result<G, Box<LockError<G>>>| {
        taken.as_ref().is_err_and(|refused| matches!(**refused, LockError::TimedOut(_)))
    };
    wait(py, || take(deadline), is_late)
}

/// Whether something was had, where not to have it in time is an answer.
///
/// # Errors
/// The other refusals.
pub fn was_had<G>(py: Python<'_>, object: &str, taken: Result<G, Box<LockError<G>>>) -> PyResult<Option<G>> {
    match taken {
        Ok(guard) => Ok(Some(guard)),
        Err(refused) if matches!(*refused, LockError::Busy(_) | LockError::TimedOut(_)) => Ok(None),
        Err(refused) => Err(refusal::lock_error(py, object, *refused)),
    }
}

/// Waits without the interpreter's lock until `attempt` answers something that is not `is_late`, or its deadline has
/// passed. In the main thread the handlers of signals run meanwhile.
///
/// # Errors
/// What a signal's handler raises: `KeyboardInterrupt`.
pub fn wait<T: Send>(
    py: Python<'_>,
    mut attempt: impl FnMut() -> T + Send,
    is_late: impl Fn(&T) -> bool,
) -> PyResult<T> {
    loop {
        let ears = Ears::open(py);
        py.check_signals()?;
        let (answer, was_ended) = outside(&ears, &mut attempt);
        if !was_ended || !is_late(&answer) {
            return Ok(answer);
        }
    }
}

/// Waits once without the interpreter's lock; answers also whether a signal ended that.
///
/// When the interpreter has ended meanwhile, a thread never comes back from here.
pub fn outside<T: Send>(ears: &Ears<'_>, attempt: impl FnOnce() -> T + Send) -> (T, bool) {
    let has_handlers = ears.has_handlers();
    ears.py().detach(|| if has_handlers { interruptible(has_to_handle, attempt) } else { (attempt(), false) })
}

/// What an operation answered whose deadline has passed.
pub trait Late {
    /// Whether that is so.
    fn is_late(&self) -> bool;
}

/// How long a wait for a message lasts at a stretch: then signals are handled, and others may use the end.
const SLICE_NS: u64 = 50_000_000;

/// Waits for messages: at once inside the interpreter if that is possible, else outside in slices until `deadline`.
///
/// No queue has places for who waits for messages, so nothing is lost between two slices.
///
/// # Errors
/// What a signal's handler raises.
pub fn sliced<T: Late + Send>(
    py: Python<'_>,
    deadline: Deadline,
    attempt: impl Fn(Deadline) -> T + Send + Sync,
) -> PyResult<T> {
    loop {
        let slice = Deadline::at_ns(clock::now_ns()).after_ns(SLICE_NS);
        let answer = py.detach(|| attempt(slice.min(deadline)));
        if !answer.is_late() || deadline <= slice {
            return Ok(answer);
        }
        py.check_signals()?;
    }
}

/// Opens an end in `domain` within `timeout`, in slices; `open` is given what is asked for.
///
/// # Errors
/// The end's; what a signal's handler raises.
pub fn open<T: Send>(
    py: Python<'_>,
    timeout: Timeout,
    domain: Option<PathBuf>,
    open: impl Fn(&Options) -> crosstie::Result<T> + Send + Sync,
) -> PyResult<T> {
    let deadline = timeout.deadline();
    let mut options = Options { domain, ..Options::default() };
    loop {
        let slice = Deadline::at_ns(clock::now_ns()).after_ns(SLICE_NS);
        options.open_deadline = slice.min(deadline);
        match py.detach(|| open(&options)) {
            Ok(end) => return Ok(end),
            Err(late) if late.kind() == ErrorKind::TimedOut && slice < deadline => py.check_signals()?,
            Err(error) => return Err(refusal::error(py, &error)),
        }
    }
}

/// Which thread of this process, without asking the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThreadKey(usize);

impl ThreadKey {
    /// The calling thread's; another thread may get it once this one has ended.
    #[inline(always)]
    pub fn of_caller() -> Self {
        match thread_pointer() {
            Some(pointer) => Self(pointer.get()),
            None => Self::of_local(),
        }
    }

    /// Where there is no pointer.
    #[cold]
    fn of_local() -> Self {
        thread_local!(static PLACE: u8 = const { 0 });
        PLACE.with(|place| Self(std::ptr::from_ref(place).addr()))
    }
}

/// Whether the wait is to end because a handler should run.
fn has_to_handle(cause: Cause) -> bool {
    match cause {
        Cause::Signal => true,
        Cause::Tick => ears::have_heard(),
    }
}
