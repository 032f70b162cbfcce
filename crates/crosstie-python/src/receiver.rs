//! `Receiver`: the end that messages come out of, as bytes; `JobEnd`: a message of a queue in hand.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use crosstie::contract::{Readiness, RecvError};
use crosstie::endpoint::{JobTicket, Outcome};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::capabilities::Capabilities;
use crate::loan::{Absent, Lends, LentEnd, Place};
use crate::patience::{self, Timeout};
use crate::refusal;

type End = crosstie::Receiver<[u8]>;

/// Receives bytes from `address`; crosstie.Receiver is made of this.
#[pyclass(frozen, weakref, subclass, module = "crosstie._native")]
pub struct ReceiverEnd {
    end: Mutex<Place<End>>,
    address: String,
}

#[pymethods]
impl ReceiverEnd {
    #[new]
    #[pyo3(signature = (address, *, timeout=Timeout(None), domain=None), text_signature = "(address, *, timeout=None, domain=None)")]
    fn new(py: Python<'_>, address: String, timeout: Timeout, domain: Option<PathBuf>) -> PyResult<Self> {
        let end = patience::open(py, timeout, domain, |options| End::open_with(&address, options))?;
        Ok(Self { end: Mutex::new(Place::of(end)), address })
    }

    /// Receives one message as bytes; waits while there is none.
    ///
    /// Raises TimedOut, Closed once every sender said that it is done, PeerDied when one was killed, both behind
    /// everything that was sent.
    #[pyo3(signature = (timeout=Timeout(None)), text_signature = "($self, timeout=None)")]
    fn recv_bytes<'py>(&self, py: Python<'py>, timeout: Timeout) -> PyResult<Bound<'py, PyBytes>> {
        let received =
            patience::sliced(py, timeout.deadline(), |deadline| self.with(|end| end.recv_until(deadline)))?;
        self.answer(py, received).map(|bytes| PyBytes::new(py, &bytes))
    }

    /// Takes the next message of a queue into hand, until it is settled.
    #[pyo3(signature = (timeout=Timeout(None)), text_signature = "($self, timeout=None)")]
    fn take_job(slf: &Bound<'_, Self>, timeout: Timeout) -> PyResult<JobEnd> {
        let (py, this) = (slf.py(), slf.get());
        let taken =
            patience::sliced(py, timeout.deadline(), |deadline| this.with(|end| end.take_job(deadline)))?;
        let (bytes, ticket) = this.answer(py, taken)?;
        let deliveries = ticket.deliveries();
        Ok(JobEnd {
            receiver: slf.clone().unbind(),
            data: PyBytes::new(py, &bytes).unbind(),
            deliveries,
            ticket: Mutex::new(Some(ticket)),
        })
    }

    /// Receives one message where it lies; waits while there is none.
    #[pyo3(signature = (timeout=Timeout(None)), text_signature = "($self, timeout=None)")]
    fn recv_lent(slf: &Bound<'_, Self>, timeout: Timeout) -> PyResult<LentEnd> {
        LentEnd::of(slf, timeout)
    }

    /// The next dead letter of a queue, which it removes; None if there is none.
    fn dead_letter<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let found = self.with(|end| end.recv_dead_letter().map(|letter| letter.to_vec()));
        match found {
            Ok(Err(RecvError::Empty)) => Ok(None),
            other => self.answer(py, other).map(|bytes| Some(PyBytes::new(py, &bytes))),
        }
    }

    /// Ends this end.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let closed = py.detach(|| self.end.lock().unwrap_or_else(PoisonError::into_inner).close().map(drop));
        closed.map_err(|absent| absent.raised(py, &self.address))
    }

    /// The descriptor to poll for reading while this end is armed.
    fn pollable(&self, py: Python<'_>) -> PyResult<i32> {
        use std::os::fd::AsRawFd;
        let found = self.with(|end| end.pollable().map(|fd| fd.as_raw_fd()));
        found.map_err(|absent| absent.raised(py, &self.address))?.map_err(|error| refusal::error(py, &error))
    }

    /// Makes the descriptor readable as soon as something may be received; True if it may be now.
    fn arm(&self, py: Python<'_>) -> PyResult<bool> {
        let armed = self.with(End::arm).map_err(|absent| absent.raised(py, &self.address))?;
        armed.map(|readiness| readiness == Readiness::Ready).map_err(|error| refusal::error(py, &error))
    }

    /// What its mechanism can, and the largest message of this end.
    fn caps(&self, py: Python<'_>) -> PyResult<Capabilities> {
        let caps = self.with(|end| Capabilities::of(end.caps()));
        caps.map_err(|absent| absent.raised(py, &self.address))
    }

    /// Whether it was closed.
    #[getter]
    fn closed(&self) -> bool {
        self.end.lock().unwrap_or_else(PoisonError::into_inner).is_closed()
    }

    /// The address, with what the system chose.
    #[getter]
    fn address(&self) -> String {
        let told = self.with(|end| end.address().map(str::to_owned)).ok().flatten();
        told.unwrap_or_else(|| self.address.clone())
    }
}

impl ReceiverEnd {
    fn with<T>(&self, act: impl FnOnce(&mut End) -> T) -> Result<T, Absent> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner).with(act)
    }

    pub(crate) fn answer<T>(
        &self,
        py: Python<'_>,
        received: Result<Result<T, RecvError>, Absent>,
    ) -> PyResult<T> {
        match received {
            Ok(Ok(message)) => Ok(message),
            Ok(Err(RecvError::Failed(error) | RecvError::Malformed(error))) => {
                Err(refusal::error(py, &error))
            }
            Ok(Err(other)) => {
                let text = format!("receive from {}: {other}", self.address);
                let raised = refusal::exception(py, other.kind(), &text);
                Err(match other {
                    RecvError::Overrun { from, to } => refusal::of_lost(py, raised, from, to),
                    _ => raised,
                })
            }
            Err(absent) => Err(absent.raised(py, &self.address)),
        }
    }
}

impl Lends for ReceiverEnd {
    type End = End;

    fn place(&self) -> MutexGuard<'_, Place<End>> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn told_address(&self) -> &str {
        &self.address
    }
}

impl<T> patience::Late for Result<Result<T, RecvError>, Absent> {
    fn is_late(&self) -> bool {
        matches!(self, Ok(Err(RecvError::TimedOut | RecvError::Empty)))
    }
}

/// A message of a queue in hand; crosstie.Job is made of this.
#[pyclass(frozen, subclass, module = "crosstie._native")]
pub struct JobEnd {
    receiver: Py<ReceiverEnd>,
    /// The message's bytes.
    #[pyo3(get)]
    data: Py<PyBytes>,
    /// How often it was delivered, this time included.
    #[pyo3(get)]
    deliveries: u32,
    ticket: Mutex<Option<JobTicket>>,
}

#[pymethods]
impl JobEnd {
    /// Says what has become of it: "done", "failed" (it is delivered again) or "rejected" (a dead letter). Once.
    fn settle(&self, py: Python<'_>, outcome: &str) -> PyResult<()> {
        let outcome = match outcome {
            "done" => Outcome::Done,
            "failed" => Outcome::Failed,
            "rejected" => Outcome::Rejected,
            other => {
                let text = format!("outcome: \"done\", \"failed\" or \"rejected\", not {other:?}");
                return Err(pyo3::exceptions::PyValueError::new_err(text));
            }
        };
        let Some(ticket) = self.ticket.lock().unwrap_or_else(PoisonError::into_inner).take() else {
            return Err(refusal::not_held("a job that is settled already", false));
        };
        let receiver = self.receiver.get();
        let settled = py.detach(|| receiver.with(|end| end.settle(ticket, outcome)));
        settled
            .map_err(|absent| absent.raised(py, &receiver.address))?
            .map_err(|error| refusal::error(py, &error))
    }

    /// Whether it is settled.
    #[getter]
    fn settled(&self) -> bool {
        self.ticket.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }
}

/// Dropped unsettled, it is delivered again.
impl Drop for JobEnd {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket.get_mut().unwrap_or_else(PoisonError::into_inner).take() else {
            return;
        };
        // Where somebody waits with the end just now, the ticket is settled when the end is closed.
        let mut end = match self.receiver.get().end.try_lock() {
            Ok(end) => end,
            Err(TryLockError::Poisoned(end)) => end.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        let _ = end.with(|end| end.settle(ticket, Outcome::Failed));
    }
}
