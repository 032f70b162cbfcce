//! `Client`: the end that calls, as bytes.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crosstie::Deadline;
use crosstie::call::{CallError, CallOptions};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::capabilities::Capabilities;
use crate::patience::{self, Timeout};
use crate::refusal;
use crate::replies::RepliesEnd;
use crate::sender::{closed, payload};

type End = crosstie::Client<[u8], [u8]>;

/// Calls the server at `address` with bytes; crosstie.Client is made of this.
#[pyclass(frozen, weakref, subclass, module = "crosstie._native")]
pub struct ClientEnd {
    /// Threads call beside each other; a call in flight outlives the closing.
    end: Mutex<Option<Arc<End>>>,
    address: String,
}

#[pymethods]
impl ClientEnd {
    #[new]
    #[pyo3(signature = (address, *, timeout=Timeout(None), domain=None), text_signature = "(address, *, timeout=None, domain=None)")]
    fn new(py: Python<'_>, address: String, timeout: Timeout, domain: Option<PathBuf>) -> PyResult<Self> {
        let end = patience::open(py, timeout, domain, |options| End::open_with(&address, options))?;
        Ok(Self { end: Mutex::new(Some(Arc::new(end))), address })
    }

    /// Sends a request of bytes and waits for its reply.
    #[pyo3(signature = (data, timeout=Timeout(None), idempotent=false), text_signature = "($self, data, timeout=None, idempotent=False)")]
    fn call_bytes<'py>(
        &self,
        py: Python<'py>,
        data: &Bound<'py, PyAny>,
        timeout: Timeout,
        idempotent: bool,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let request = payload(py, data)?;
        let end = self.end.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let end = end.ok_or_else(|| closed(py, &self.address))?;
        let call = CallOptions { deadline: timeout.deadline(), idempotent };
        let told = |refused| refusal::call_error(py, &self.address, refused);
        let mut pending = py.detach(|| end.start(&request, call)).map_err(told)?;
        // It waits until the call's own deadline, so that a circle is found: what a signal ends is the look, not the call.
        let reply = patience::wait(
            py,
            || pending.reply_until(Deadline::NEVER),
            |reply| matches!(reply, Err(CallError::Pending)),
        );
        Ok(PyBytes::new(py, &reply?.map_err(told)?))
    }

    /// Sends a request of bytes that has many replies; `timeout` is for all of them together.
    #[pyo3(signature = (data, timeout=Timeout(None)), text_signature = "($self, data, timeout=None)")]
    fn stream_bytes(
        &self,
        py: Python<'_>,
        data: &Bound<'_, PyAny>,
        timeout: Timeout,
    ) -> PyResult<RepliesEnd> {
        let request = payload(py, data)?;
        let end = self.end.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let end = end.ok_or_else(|| closed(py, &self.address))?;
        let replies = py.detach(|| end.stream(&request, timeout.deadline()));
        let replies = replies.map_err(|refused| refusal::call_error(py, &self.address, refused))?;
        Ok(RepliesEnd::of(replies, self.address.clone()))
    }

    /// Ends this client.
    fn close(&self, py: Python<'_>) {
        py.detach(|| drop(self.end.lock().unwrap_or_else(PoisonError::into_inner).take()));
    }

    /// What calls over its mechanism can, and the largest request of this end.
    fn caps(&self, py: Python<'_>) -> PyResult<Capabilities> {
        let end = self.end.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(Capabilities::of(end.ok_or_else(|| closed(py, &self.address))?.caps()))
    }

    /// Whether it was closed.
    #[getter]
    fn closed(&self) -> bool {
        self.end.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// The address.
    #[getter]
    fn address(&self) -> &str {
        &self.address
    }
}
