//! Many replies to one call: `RepliesEnd` and `RepliesTasks` take them, `ReplyStreamEnd` gives them.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};

use crosstie::call::{AsyncReplies, CallError, Refusal, Replies, ReplyStream};
use crosstie::contract::SendError;
use crosstie::os::clock;
use crosstie::{Deadline, ErrorKind};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::awaited::{Awaited, Ended};
use crate::patience::{self, Timeout};
use crate::refusal;
use crate::sender::{payload, send_error};

/// The replies to a call, as they come; crosstie.Replies is made of this. Dropped before their end, the call is cancelled.
#[pyclass(frozen, module = "crosstie._native")]
pub struct RepliesEnd {
    /// Absent behind the end.
    replies: Mutex<Option<Replies<[u8]>>>,
    address: String,
}

impl RepliesEnd {
    pub fn of(replies: Replies<[u8]>, address: String) -> Self {
        Self { replies: Mutex::new(Some(replies)), address }
    }
}

#[pymethods]
impl RepliesEnd {
    /// Waits for the next reply as bytes; None behind the last one.
    fn next_bytes<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let next = patience::wait(
            py,
            || {
                let mut replies = self.replies.lock().unwrap_or_else(PoisonError::into_inner);
                replies.as_mut().and_then(|replies| replies.next_until(Deadline::NEVER))
            },
            |next| matches!(next, Some(Err(CallError::Pending))),
        )?;
        match next {
            Some(Ok(reply)) => Ok(Some(PyBytes::new(py, &reply))),
            None => {
                self.close(py);
                Ok(None)
            }
            Some(Err(refused)) => {
                self.close(py);
                Err(refusal::call_error(py, &self.address, refused))
            }
        }
    }

    /// Takes no more: the call is cancelled, unless it is over.
    fn close(&self, py: Python<'_>) {
        py.detach(|| drop(self.replies.lock().unwrap_or_else(PoisonError::into_inner).take()));
    }
}

/// The replies to a call of a task; crosstie.aio.Replies is made of this. Dropped before their end, the call is cancelled.
#[pyclass(frozen, module = "crosstie._native")]
pub struct RepliesTasks {
    taken: Arc<Mutex<Taken>>,
    address: String,
}

/// Replies of which some may have been taken, and who waits for the next.
struct Taken {
    /// Absent once they were closed.
    replies: Option<AsyncReplies<[u8]>>,
    waiting: Option<Waker>,
}

impl RepliesTasks {
    pub fn of(replies: AsyncReplies<[u8]>, address: String) -> Self {
        Self { taken: Arc::new(Mutex::new(Taken { replies: Some(replies), waiting: None })), address }
    }
}

#[pymethods]
impl RepliesTasks {
    /// A wait for the next reply, which gives it as bytes, or False behind the last one. One at a time.
    fn next_bytes(&self) -> Awaited {
        let (taken, address) = (Arc::clone(&self.taken), self.address.clone());
        Awaited::of(async move {
            let next = std::future::poll_fn(|context| {
                let mut taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
                taken.waiting = Some(context.waker().clone());
                match taken.replies.as_mut() {
                    Some(replies) => pin!(replies.next()).poll(context),
                    None => Poll::Ready(None),
                }
            })
            .await;
            Box::new(move |py: Python<'_>| match next {
                Some(Ok(reply)) => Ok(PyBytes::new(py, &reply).into_any().unbind()),
                None => Ok(false.into_pyobject(py)?.to_owned().into_any().unbind()),
                Some(Err(refused)) => Err(refusal::call_error(py, &address, refused)),
            }) as Ended
        })
    }

    /// Takes no more: the call is cancelled, unless it is over. Who waits for a reply is told that there is none.
    fn close(&self) {
        let (replies, waiting) = {
            let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
            (taken.replies.take(), taken.waiting.take())
        };
        drop(replies);
        if let Some(waiting) = waiting {
            waiting.wake();
        }
    }
}

/// Many replies to a call in hand; crosstie.ReplyStream is made of this. Dropped before its end, the call is refused behind those that were sent.
#[pyclass(frozen, module = "crosstie._native")]
pub struct ReplyStreamEnd {
    /// Absent behind the end.
    stream: Mutex<Option<ReplyStream<[u8]>>>,
}

impl ReplyStreamEnd {
    pub fn of(stream: ReplyStream<[u8]>) -> Self {
        Self { stream: Mutex::new(Some(stream)) }
    }
}

/// How long a wait for room lasts at a stretch: then signals are handled.
const SLICE_NS: u64 = 50_000_000;

#[pymethods]
impl ReplyStreamEnd {
    /// Sends the next reply as bytes; waits while the client is 256 KiB behind. Closed when nobody takes them any more.
    #[pyo3(signature = (data, timeout=Timeout(None)), text_signature = "($self, data, timeout=None)")]
    fn send_bytes(&self, py: Python<'_>, data: &Bound<'_, PyAny>, timeout: Timeout) -> PyResult<()> {
        let (reply, deadline) = (payload(py, data)?, timeout.deadline());
        loop {
            let slice = Deadline::at_ns(clock::now_ns()).after_ns(SLICE_NS).min(deadline);
            let sent = py.detach(|| {
                let mut stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
                stream.as_mut().map(|stream| stream.send_until(&reply, slice))
            });
            match sent {
                None => return Err(refusal::not_held("a call that is answered already", false)),
                Some(Ok(())) => return Ok(()),
                Some(Err(SendError::TimedOut)) if slice < deadline => py.check_signals()?,
                Some(Err(refused)) => return Err(send_error(py, "the caller", refused)),
            }
        }
    }

    /// Says that there are no more; waits until the client's side has room for all of them.
    fn end(&self, py: Python<'_>) -> PyResult<()> {
        let Some(stream) = self.stream.lock().unwrap_or_else(PoisonError::into_inner).take() else {
            return Err(refusal::not_held("a call that is answered already", false));
        };
        py.detach(|| stream.end()).map_err(|refused| send_error(py, "the caller", refused))
    }

    /// Says that there are no more because something went wrong: the caller gets the error of that id with this text.
    #[pyo3(signature = (why, id="negative", code=None))]
    fn refuse(&self, py: Python<'_>, why: &str, id: &str, code: Option<u32>) -> PyResult<()> {
        let refusal = told(why, id, code)?;
        if let Some(stream) = self.stream.lock().unwrap_or_else(PoisonError::into_inner).take() {
            py.detach(|| stream.refuse(&refusal));
        }
        Ok(())
    }

    /// Whether it has ended, or the call was refused.
    #[getter]
    fn closed(&self) -> bool {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// Whether nobody takes the replies any more.
    #[getter]
    fn cancelled(&self) -> bool {
        let stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        stream.as_ref().is_some_and(ReplyStream::is_cancelled)
    }
}

/// The refusal of that id.
pub fn told(why: &str, id: &str, code: Option<u32>) -> PyResult<Refusal> {
    let kind = ErrorKind::ALL.iter().find(|kind| kind.id() == id);
    let kind = *kind.ok_or_else(|| PyValueError::new_err(format!("id: no error has the id {id:?}")))?;
    let refusal = Refusal::of_kind(kind, why);
    Ok(match code {
        Some(code) => refusal.with_code(code),
        None => refusal,
    })
}
