//! `Server`: the end that answers, as bytes; `CallEnd`: a call in hand.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use crosstie::ErrorKind;
use crosstie::call::{Call, Refusal, ReplyStream, Stopper};
use crosstie::contract::{RecvError, SendError};
use crosstie::endpoint::Options;
use crosstie::os::clock;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyIterator};

use crate::capabilities::Capabilities;
use crate::patience::{self, Timeout};
use crate::refusal;
use crate::replies::{ReplyStreamEnd, told};
use crate::sender::{closed, payload, send_error};

type End = crosstie::Server<[u8], [u8]>;
pub type Taken = Call<[u8], [u8]>;

/// How often the thread that serves looks for signals.
const LOOK: Duration = Duration::from_millis(50);

/// Answers calls at `address` with bytes; crosstie.Server is made of this.
#[pyclass(frozen, weakref, subclass, module = "crosstie._native")]
pub struct ServerEnd {
    /// Threads take calls beside each other; it ends when the last has come back.
    open: Mutex<Option<Arc<Open>>>,
    address: String,
}

/// A server, and what stops it: both go when it is closed.
struct Open {
    end: End,
    stopper: Stopper,
}

#[pymethods]
impl ServerEnd {
    #[new]
    #[pyo3(signature = (address, *, timeout=Timeout(None), domain=None, waiting_bytes_max=None), text_signature = "(address, *, timeout=None, domain=None, waiting_bytes_max=None)")]
    fn new(
        py: Python<'_>,
        address: &str,
        timeout: Timeout,
        domain: Option<PathBuf>,
        waiting_bytes_max: Option<usize>,
    ) -> PyResult<Self> {
        let end = patience::open(py, timeout, domain, |options| {
            End::open_with(address, &limited(options, waiting_bytes_max))
        })?;
        let (stopper, address) = (end.stopper(), end.address().to_owned());
        Ok(Self { open: Mutex::new(Some(Arc::new(Open { end, stopper }))), address })
    }

    /// Takes the next call; waits while there is none.
    #[pyo3(signature = (timeout=Timeout(None)), text_signature = "($self, timeout=None)")]
    fn take_call(&self, py: Python<'_>, timeout: Timeout) -> PyResult<CallEnd> {
        let open = self.open(py)?;
        let came =
            patience::sliced(py, timeout.deadline(), |deadline| Came(open.end.receive_until(deadline)))?;
        taken(py, &self.address, came.0)
    }

    /// Answers each call with the bytes that `answer(data)` returns, or each of many where that is an iterator, or refuses it with what that
    /// raises, in `workers` threads, until stop(), or until a signal's handler raises.
    #[pyo3(signature = (answer, workers=1))]
    fn serve_bytes(&self, py: Python<'_>, answer: Py<PyAny>, workers: usize) -> PyResult<()> {
        let open = self.open(py)?;
        let work = &|call: Taken| {
            // Of what cannot be sent the caller was told.
            let _ = if call.takes_stream() {
                call.answer_stream(|request, replies| {
                    Python::attach(|py| streamed(answer.bind(py), &request, replies))
                })
            } else {
                call.answer(|request| Python::attach(|py| answered(answer.bind(py), &request)))
            };
        };
        let (served, raised) = py.detach(|| {
            std::thread::scope(|threads| {
                let (done, ended) = mpsc::channel();
                let open = &open;
                let serving = threads.spawn(move || {
                    let served = open.end.serve_calls(workers, work);
                    // Nobody listens only where the other thread has stopped already.
                    let _ = done.send(());
                    served
                });
                let mut raised = None;
                while ended.recv_timeout(LOOK) == Err(mpsc::RecvTimeoutError::Timeout) {
                    if raised.is_none()
                        && let Err(error) = Python::attach(|py| py.check_signals())
                    {
                        raised = Some(error);
                        open.stopper.stop();
                    }
                }
                (serving.join(), raised)
            })
        });
        if let Some(raised) = raised {
            return Err(raised);
        }
        let served = served.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        served.map_err(|error| refusal::error(py, &error))
    }

    /// Ends the serving, from any thread or a signal's handler; calls in hand are still answered.
    fn stop(&self) {
        if let Some(open) = &*self.open.lock().unwrap_or_else(PoisonError::into_inner) {
            open.stopper.stop();
        }
    }

    /// Ends this server; its clients are told.
    fn close(&self, py: Python<'_>) {
        self.stop();
        py.detach(|| drop(self.open.lock().unwrap_or_else(PoisonError::into_inner).take()));
    }

    /// What calls over its mechanism can.
    fn caps(&self, py: Python<'_>) -> PyResult<Capabilities> {
        Ok(Capabilities::of(self.open(py)?.end.caps()))
    }

    /// Whether it was closed.
    #[getter]
    fn closed(&self) -> bool {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// The address, with what the system chose.
    #[getter]
    fn address(&self) -> &str {
        &self.address
    }
}

/// The options, with what calls that wait for a worker may take.
pub fn limited(options: &Options, waiting_bytes_max: Option<usize>) -> Options {
    Options { waiting_bytes_max: waiting_bytes_max.unwrap_or(options.waiting_bytes_max), ..options.clone() }
}

impl ServerEnd {
    fn open(&self, py: Python<'_>) -> PyResult<Arc<Open>> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner).clone();
        open.ok_or_else(|| closed(py, &self.address))
    }
}

/// A call that came to a server at `address`, or why none came.
pub fn taken(py: Python<'_>, address: &str, came: Result<Taken, RecvError>) -> PyResult<CallEnd> {
    match came {
        Ok(call) => Ok(CallEnd::of(py, call)),
        Err(RecvError::Failed(error) | RecvError::Malformed(error)) => Err(refusal::error(py, &error)),
        Err(other) => {
            Err(refusal::exception(py, other.kind(), &format!("take a call at {address}: {other}")))
        }
    }
}

/// The reply to a request, or the refusal that an exception is.
fn answered(answer: &Bound<'_, PyAny>, request: &[u8]) -> Result<Vec<u8>, Refusal> {
    let py = answer.py();
    let reply = answer.call1((PyBytes::new(py, request),)).map_err(|raised| refused(py, &raised))?;
    if reply.cast::<PyIterator>().is_ok() {
        let why = "the server has many replies, the caller takes one: call it with stream()";
        return Err(Refusal::of_kind(ErrorKind::Mismatch, why));
    }
    payload(py, &reply).map(Cow::into_owned).map_err(|raised| refused(py, &raised))
}

/// Sends the replies to a request, as they come, or the one that there is; else the refusal that an exception is.
fn streamed(
    answer: &Bound<'_, PyAny>,
    request: &[u8],
    replies: &mut ReplyStream<[u8]>,
) -> Result<(), Refusal> {
    let py = answer.py();
    let mut send = |reply: PyResult<Bound<'_, PyAny>>| {
        let reply = reply.map_err(|raised| refused(py, &raised))?;
        let bytes = payload(py, &reply).map_err(|raised| refused(py, &raised))?;
        match py.detach(|| replies.send(&bytes)) {
            Ok(()) => Ok(true),
            // Nobody takes them any more: what makes them is let go.
            Err(SendError::Closed | SendError::TimedOut) => Ok(false),
            Err(error) => Err(Refusal::of_kind(error.kind(), error.to_string())),
        }
    };
    let reply = answer.call1((PyBytes::new(py, request),)).map_err(|raised| refused(py, &raised))?;
    let Ok(many) = reply.cast::<PyIterator>() else { return send(Ok(reply)).map(drop) };
    for reply in many {
        if !send(reply)? {
            break;
        }
    }
    Ok(())
}

/// The refusal that an exception is: its text, and of a crosstie.Error its kind.
fn refused(py: Python<'_>, raised: &PyErr) -> Refusal {
    let value = raised.value(py);
    let text =
        format!("{}: {value}", value.get_type().qualname().map_or(String::new(), |name| name.to_string()));
    let error = refusal::class(py, "Error").is_ok_and(|class| raised.is_instance(py, &class));
    let id: Option<String> = error.then(|| value.getattr("id").ok()?.extract().ok()).flatten();
    let kind = ErrorKind::ALL.iter().find(|kind| id.as_deref() == Some(kind.id()));
    Refusal::of_kind(kind.copied().unwrap_or(ErrorKind::Negative), text)
}

/// What came of waiting for a call.
struct Came(Result<Taken, RecvError>);

impl patience::Late for Came {
    fn is_late(&self) -> bool {
        matches!(self.0, Err(RecvError::TimedOut | RecvError::Empty))
    }
}

/// A call in hand; crosstie.Call is made of this. Dropped unanswered, its caller is told.
#[pyclass(frozen, subclass, module = "crosstie._native")]
pub struct CallEnd {
    /// The request's bytes.
    #[pyo3(get)]
    data: Py<PyBytes>,
    /// The caller's process id, where the mechanism tells it.
    #[pyo3(get)]
    client_pid: Option<u32>,
    /// Whether to do it twice is as good as once, as the caller said.
    #[pyo3(get)]
    idempotent: bool,
    /// Whether another server may have done it already.
    #[pyo3(get)]
    repeated: bool,
    call: Mutex<Option<Taken>>,
}

#[pymethods]
impl CallEnd {
    /// Answers with bytes. That nobody waits for them any more is no error.
    fn reply_bytes(&self, py: Python<'_>, data: &Bound<'_, PyAny>) -> PyResult<()> {
        let reply = payload(py, data)?;
        let call = self.take()?;
        let sent = py.detach(|| call.reply(&reply));
        sent.map_err(|refused| send_error(py, "the caller", refused))
    }

    /// Answers that there is no reply, and why: the caller gets the error of that id with this text.
    #[pyo3(signature = (why, id="negative", code=None))]
    fn refuse(&self, py: Python<'_>, why: &str, id: &str, code: Option<u32>) -> PyResult<()> {
        let refusal = told(why, id, code)?;
        let call = self.take()?;
        py.detach(|| call.refuse(&refusal));
        Ok(())
    }

    /// Begins to answer with many replies; Mismatch where the caller takes one, which is told the same.
    fn stream(&self, py: Python<'_>) -> PyResult<ReplyStreamEnd> {
        let stream = self.take()?.stream();
        stream.map(ReplyStreamEnd::of).map_err(|refused| send_error(py, "the caller", refused))
    }

    /// Whether the caller takes many replies.
    #[getter]
    fn takes_stream(&self) -> bool {
        self.with(Call::takes_stream).unwrap_or(false)
    }

    /// Whether it was answered.
    #[getter]
    fn answered(&self) -> bool {
        self.with(|_| ()).is_none()
    }

    /// Whether nobody waits for the reply any more: the caller gave up or died.
    #[getter]
    fn cancelled(&self) -> bool {
        self.with(Call::is_cancelled).unwrap_or(false)
    }

    /// For how many seconds the caller still waits; None for as long as it takes.
    #[getter]
    fn remaining(&self) -> Option<f64> {
        let deadline = self.with(Call::deadline)?;
        let left = || Duration::from_nanos(deadline.left_ns(clock::now_ns())).as_secs_f64();
        (!deadline.is_never()).then(left)
    }
}

impl CallEnd {
    fn of(py: Python<'_>, call: Taken) -> Self {
        Self {
            data: PyBytes::new(py, call.request()).unbind(),
            client_pid: call.client_pid(),
            idempotent: call.is_idempotent(),
            repeated: call.is_repeated(),
            call: Mutex::new(Some(call)),
        }
    }

    fn take(&self) -> PyResult<Taken> {
        let call = self.call.lock().unwrap_or_else(PoisonError::into_inner).take();
        call.ok_or_else(|| refusal::not_held("a call that is answered already", false))
    }

    fn with<T>(&self, look: impl FnOnce(&Taken) -> T) -> Option<T> {
        self.call.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(look)
    }
}
