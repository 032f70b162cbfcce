//! `ClientTasks`, `ServerTasks`: the ends of calls for asyncio's tasks, as bytes.
//!
//! A call, and the wait for one, is a future that a task polls as it polls any other wait (`awaited`). What comes from outside is read in
//! one thread of the process, which all clients and servers share: it runs a reactor, and nothing of the interpreter's.

use std::future::{pending, poll_fn};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};
use std::{io, process, thread};

use crosstie::call::{AsyncClient, AsyncServer, CallOptions, Stopper};
use crosstie::contract::RecvError;
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use tokio::runtime::{Builder, Handle};

use crate::awaited::{Awaited, Ended};
use crate::patience::{self, Timeout};
use crate::refusal;
use crate::replies::RepliesTasks;
use crate::sender::{closed, payload};
use crate::server::{CallEnd, Taken, limited, taken};

/// The reactor of this process: made by the first who needs it, and by the first in a child of fork.
fn reactor(_py: Python<'_>) -> io::Result<Handle> {
    // Who forks has the interpreter's lock too: no child gets this one locked.
    static REACTOR: Mutex<Option<(u32, Handle)>> = Mutex::new(None);
    let mut reactor = REACTOR.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((process, handle)) = &*reactor
        && *process == process::id()
    {
        return Ok(handle.clone());
    }
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let handle = runtime.handle().clone();
    thread::Builder::new()
        .name("crosstie-reactor".to_owned())
        .spawn(move || runtime.block_on(pending::<()>()))?;
    // What a fork brought along is the parent's: it stays as it is.
    std::mem::forget(reactor.replace((process::id(), handle.clone())));
    Ok(handle)
}

/// What a process has; a child of fork leaves its parent's alone.
struct Own<T> {
    process: u32,
    end: Option<T>,
}

impl<T> Own<T> {
    fn of(end: T) -> Self {
        Self { process: process::id(), end: Some(end) }
    }

    fn take(&mut self) -> Option<T> {
        let end = self.end.take();
        if self.process == process::id() {
            return end;
        }
        std::mem::forget(end);
        None
    }

    fn get(&mut self) -> Option<&mut T> {
        self.end.as_mut().filter(|_| self.process == process::id())
    }
}

impl<T> Drop for Own<T> {
    fn drop(&mut self) {
        drop(self.take());
    }
}

/// Calls the server at `address` with bytes; crosstie.aio.Client is made of this.
#[pyclass(frozen, module = "crosstie._native")]
pub struct ClientTasks {
    client: Mutex<Own<AsyncClient<[u8], [u8]>>>,
    address: String,
}

#[pymethods]
impl ClientTasks {
    #[new]
    #[pyo3(signature = (address, *, domain=None))]
    fn new(py: Python<'_>, address: String, domain: Option<PathBuf>) -> PyResult<Self> {
        let client = patience::open(py, Timeout(None), domain, |options| {
            crosstie::Client::open_with(&address, options)
        })?;
        let reactor = reactor(py).map_err(PyOSError::new_err)?;
        let _inside = reactor.enter();
        let client = AsyncClient::new(client).map_err(|error| refusal::error(py, &error))?;
        Ok(Self { client: Mutex::new(Own::of(client)), address })
    }

    /// A call of the server, which gives the reply as bytes. It is sent at the first poll.
    #[pyo3(signature = (data, timeout=Timeout(None), idempotent=false), text_signature = "($self, data, timeout=None, idempotent=False)")]
    fn call_bytes(
        &self,
        py: Python<'_>,
        data: &Bound<'_, PyAny>,
        timeout: Timeout,
        idempotent: bool,
    ) -> PyResult<Awaited> {
        let request = payload(py, data)?;
        let options = CallOptions { deadline: timeout.deadline(), idempotent };
        let mut client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(client) = client.get() else { return Err(closed(py, &self.address)) };
        let call = client.call_with(&request, options);
        let address = self.address.clone();
        Ok(Awaited::of(async move {
            let reply = call.await;
            Box::new(move |py: Python<'_>| match reply {
                Ok(reply) => Ok(PyBytes::new(py, &reply).into_any().unbind()),
                Err(refused) => Err(refusal::call_error(py, &address, refused)),
            }) as Ended
        }))
    }

    /// A call of the server that has many replies, which gives a RepliesTasks. It is sent at the first poll.
    #[pyo3(signature = (data, timeout=Timeout(None)), text_signature = "($self, data, timeout=None)")]
    fn stream_bytes(&self, py: Python<'_>, data: &Bound<'_, PyAny>, timeout: Timeout) -> PyResult<Awaited> {
        let request = payload(py, data)?;
        let mut client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(client) = client.get() else { return Err(closed(py, &self.address)) };
        let (call, address) = (client.stream(&request, timeout.deadline()), self.address.clone());
        Ok(Awaited::of(async move {
            let replies = call.await;
            Box::new(move |py: Python<'_>| match replies {
                Ok(replies) => Ok(Py::new(py, RepliesTasks::of(replies, address))?.into_any()),
                Err(refused) => Err(refusal::call_error(py, &address, refused)),
            }) as Ended
        }))
    }

    /// Ends this client; the calls in flight are told.
    fn close(&self, py: Python<'_>) {
        py.detach(|| drop(self.client.lock().unwrap_or_else(PoisonError::into_inner).take()));
    }

    /// Whether it was closed.
    #[getter]
    fn closed(&self) -> bool {
        self.client.lock().unwrap_or_else(PoisonError::into_inner).get().is_none()
    }

    /// The address.
    #[getter]
    fn address(&self) -> &str {
        &self.address
    }
}

/// A server, and who waits for a call of it.
struct Desk {
    server: Own<AsyncServer<[u8], [u8]>>,
    waiting: Option<Waker>,
}

/// Answers calls at `address` with bytes; crosstie.aio.Server is made of this.
#[pyclass(frozen, module = "crosstie._native")]
pub struct ServerTasks {
    desk: Arc<Mutex<Desk>>,
    stopper: Stopper,
    address: String,
}

#[pymethods]
impl ServerTasks {
    #[new]
    #[pyo3(signature = (address, *, domain=None, waiting_bytes_max=None))]
    fn new(
        py: Python<'_>,
        address: &str,
        domain: Option<PathBuf>,
        waiting_bytes_max: Option<usize>,
    ) -> PyResult<Self> {
        let server = patience::open(py, Timeout(None), domain, |options| {
            crosstie::Server::open_with(address, &limited(options, waiting_bytes_max))
        })?;
        let (stopper, address) = (server.stopper(), server.address().to_owned());
        let reactor = reactor(py).map_err(PyOSError::new_err)?;
        let _inside = reactor.enter();
        let server = AsyncServer::new(server).map_err(|error| refusal::error(py, &error))?;
        let desk = Desk { server: Own::of(server), waiting: None };
        Ok(Self { desk: Arc::new(Mutex::new(desk)), stopper, address })
    }

    /// A wait for the next call, which gives it. One at a time.
    fn take_call(&self) -> Awaited {
        let (desk, address) = (Arc::clone(&self.desk), self.address.clone());
        Awaited::of(async move {
            let came: Result<Taken, RecvError> = poll_fn(|context| {
                let mut desk = desk.lock().unwrap_or_else(PoisonError::into_inner);
                desk.waiting = Some(context.waker().clone());
                match desk.server.get() {
                    Some(server) => server.poll_receive(context),
                    None => Poll::Ready(Err(RecvError::Closed)),
                }
            })
            .await;
            Box::new(move |py: Python<'_>| {
                let call: CallEnd = taken(py, &address, came)?;
                Ok(Py::new(py, call)?.into_any())
            }) as Ended
        })
    }

    /// No call is given out any more: who waits for one is told Closed.
    fn stop(&self) {
        self.stopper.stop();
    }

    /// Ends this server; its clients are told. Waits for those that have not taken their replies, for a second.
    fn close(&self, py: Python<'_>) {
        self.stopper.stop();
        let (server, waiting) = {
            let mut desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
            (desk.server.take(), desk.waiting.take())
        };
        if let Some(waiting) = waiting {
            waiting.wake();
        }
        py.detach(|| drop(server));
    }

    /// Whether it was closed.
    #[getter]
    fn closed(&self) -> bool {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner).server.get().is_none()
    }

    /// The address, with what the system chose.
    #[getter]
    fn address(&self) -> &str {
        &self.address
    }
}
