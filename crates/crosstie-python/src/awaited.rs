//! What a task of asyncio waits for: `Awaited`, a wait that is polled.
//!
//! No thread waits for it. The wait stands in the object's queue as a future of the library; what would wake it writes a byte into a
//! socket, at which the event loop listens. A wait that is dropped has left the queue.

use std::io::{self, Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;

use crate::refusal;

/// How what a wait gave becomes an object of Python's, or an exception.
pub type Ended = Box<dyn FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send>;

type Wait = Pin<Box<dyn Future<Output = Ended> + Send>>;

/// Wakes the event loop: a byte into a socket, which is there before anybody relies on it.
#[derive(Default)]
struct Bell {
    /// What is heard, and where it is rung.
    socket: OnceLock<(UnixStream, UnixStream)>,
}

impl Bell {
    /// Makes the socket; whether it was not there before.
    fn hang(&self) -> io::Result<bool> {
        if self.socket.get().is_some() {
            return Ok(false);
        }
        let (heard, rung) = UnixStream::pair()?;
        heard.set_nonblocking(true)?;
        rung.set_nonblocking(true)?;
        Ok(self.socket.set((heard, rung)).is_ok())
    }

    /// Takes away what was rung.
    fn hear(&self) {
        let Some((heard, _)) = self.socket.get() else { return };
        let mut bytes = [0; 64];
        // Nothing more there: that is all.
        while matches!((&mut &*heard).read(&mut bytes), Ok(read) if read > 0) {}
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        if let Some((_, rung)) = self.socket.get() {
            // Full: it has been rung, and was not heard yet.
            let _ = (&mut &*rung).write(&[1]);
        }
    }
}

/// A wait of a task: for a lock, a permit, a count, an event, a reply or a call.
#[pyclass(frozen, module = "crosstie._native")]
pub struct Awaited {
    /// Absent once it is over.
    wait: Mutex<Option<Wait>>,
    bell: Arc<Bell>,
}

#[pymethods]
impl Awaited {
    /// What it gave, or None as long as it waits.
    fn poll(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        let mut wait = self.wait.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(future) = wait.as_mut() else {
            return Err(refusal::not_held("a wait that is over", false));
        };
        let waker = Waker::from(Arc::clone(&self.bell));
        let mut context = Context::from_waker(&waker);
        self.bell.hear();
        let mut polled = future.as_mut().poll(&mut context);
        // What woke before there was a bell is found by looking again.
        if polled.is_pending() && self.bell.hang()? {
            polled = future.as_mut().poll(&mut context);
        }
        let Poll::Ready(ended) = polled else { return Ok(None) };
        *wait = None;
        drop(wait);
        ended(py).map(Some)
    }

    /// The descriptor that is readable when to poll again is worth it; behind a poll.
    fn fileno(&self) -> PyResult<i32> {
        let (heard, _) = self.bell.socket.get().ok_or_else(|| PyOSError::new_err("poll it first"))?;
        Ok(heard.as_raw_fd())
    }

    /// Waits no more: it has nothing and has left the queue.
    fn cancel(&self) {
        self.wait.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl Awaited {
    /// What `wait` gives.
    pub fn of(wait: impl Future<Output = Ended> + Send + 'static) -> Self {
        Self { wait: Mutex::new(Some(Box::pin(wait))), bell: Arc::default() }
    }
}
