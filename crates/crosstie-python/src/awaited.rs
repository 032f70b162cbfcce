//! What a task of asyncio waits for: `Awaited`, a wait that is polled, and `Had`, what it gave.
//!
//! No thread waits for it. The wait stands in the object's queue as a future of the library; what would wake it writes a byte into a
//! socket, at which the event loop listens. A wait that is dropped has left the queue.

use std::io::{self, Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use crosstie::sync::event::Reset;
use crosstie::sync::lock::{ByProcess, LockAsync as _};
use crosstie::sync::semaphore::{AcquireAsync as _, OwnedPermit};
use crosstie::sync::{
    Access, CountingSemaphore, Event, Lock, LockError, LockGuard, LockResult, Semaphore, Shared,
};
use crosstie::{Error, ErrorKind};
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;

use crate::owner::Owner;
use crate::{domain, refusal};

/// What a wait gave.
enum Given {
    Lock(LockGuard<Shared<Lock>, ByProcess>),
    Permit(OwnedPermit<Shared<Semaphore>>),
    Nothing,
}

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

/// What a wait gave: it is the process's until it is given back.
#[pyclass(frozen, module = "crosstie._native")]
pub struct Had {
    given: Mutex<Given>,
    /// Of a lock: whether the owner before died while it had it.
    #[pyo3(get)]
    abandoned: bool,
    /// Who that was, if it is still known.
    #[pyo3(get)]
    dead_owner: Option<Owner>,
    /// Of a lock or a permit: the fencing number.
    #[pyo3(get)]
    token: u64,
    /// Of a permit: which of them it is.
    #[pyo3(get)]
    index: u32,
}

#[pymethods]
impl Had {
    /// Whether it is still held.
    #[getter]
    fn held(&self) -> bool {
        match &*self.given.lock().unwrap_or_else(PoisonError::into_inner) {
            Given::Lock(guard) => guard.is_held(),
            Given::Permit(permit) => permit.is_held(),
            Given::Nothing => false,
        }
    }

    /// Gives it back.
    fn release(&self, py: Python<'_>) -> PyResult<()> {
        let given = std::mem::replace(
            &mut *self.given.lock().unwrap_or_else(PoisonError::into_inner),
            Given::Nothing,
        );
        let is_held = match &given {
            Given::Lock(guard) => guard.is_held(),
            Given::Permit(permit) => permit.is_held(),
            Given::Nothing => return Err(refusal::not_held("what was given back already", false)),
        };
        if is_held {
            return Ok(());
        }
        Err(refusal::exception(
            py,
            ErrorKind::Lost,
            "it was taken away by force, or is a parent's behind a fork",
        ))
    }
}

impl Had {
    fn of(given: Given) -> Self {
        let mut this = Self {
            given: Mutex::new(Given::Nothing),
            abandoned: false,
            dead_owner: None,
            token: 0,
            index: 0,
        };
        match &given {
            Given::Lock(guard) => {
                this.abandoned = guard.is_abandoned();
                this.dead_owner = guard.dead_owner().as_ref().map(Owner::of);
                this.token = guard.token();
            }
            Given::Permit(permit) => (this.token, this.index) = (permit.token(), permit.index()),
            Given::Nothing => {}
        }
        this.given = Mutex::new(given);
        this
    }
}

/// An object of whose kind tasks wait.
enum Kind {
    Lock(Shared<Lock>, Access),
    Semaphore(Shared<Semaphore>),
    Count(Shared<CountingSemaphore>),
    Event(Shared<Event>),
}

/// An object for which tasks wait; the classes of crosstie.aio are made of this.
#[pyclass(frozen, module = "crosstie._native")]
pub struct AwaitableObject {
    kind: Kind,
}

#[pymethods]
impl AwaitableObject {
    /// `kind` is "lock", "shared", "sem", "count" or "event"; `number` the permits, or the value.
    #[new]
    #[pyo3(signature = (kind, name, number=0, *, domain=None))]
    fn new(py: Python<'_>, kind: &str, name: &str, number: u32, domain: Option<PathBuf>) -> PyResult<Self> {
        let domain = domain::open(py, domain)?;
        let kind = match kind {
            "lock" => Lock::open_or_create_in(domain, name).map(|lock| Kind::Lock(lock, Access::Exclusive)),
            "shared" => Lock::open_or_create_in(domain, name).map(|lock| Kind::Lock(lock, Access::Shared)),
            "sem" => Semaphore::open_or_create_in(domain, name, number).map(Kind::Semaphore),
            "count" => CountingSemaphore::open_or_create_in(domain, name, number).map(Kind::Count),
            "event" => Event::open_or_create_in(domain, name, Reset::Manual).map(Kind::Event),
            other => return Err(PyValueError::new_err(format!("kind: not {other:?}"))),
        };
        Ok(Self { kind: kind.map_err(|error| refusal::error(py, &error))? })
    }

    /// Begins to wait.
    fn wait(&self) -> Awaited {
        match &self.kind {
            Kind::Lock(lock, access) => {
                let (lock, access) = (lock.clone(), *access);
                Awaited::of(async move { given(lock.lock_async(access).await, Given::Lock) })
            }
            Kind::Semaphore(semaphore) => {
                let semaphore = semaphore.clone();
                Awaited::of(async move { given(semaphore.acquire_async().await, Given::Permit) })
            }
            Kind::Count(count) => {
                let count = count.clone();
                Awaited::of(async move { given(count.wait_async().await, |()| Given::Nothing) })
            }
            Kind::Event(event) => {
                let event = event.clone();
                Awaited::of(async move { given(event.wait_async().await, |()| Given::Nothing) })
            }
        }
    }

    /// Its kind and name.
    #[getter]
    fn name(&self) -> &str {
        match &self.kind {
            Kind::Lock(lock, _) => lock.name(),
            Kind::Semaphore(semaphore) => semaphore.name(),
            Kind::Count(count) => count.name(),
            Kind::Event(event) => event.name(),
        }
    }
}

/// What a wait for an object gives. It is never late, and no deadlock is told in it.
fn given<G>(answer: LockResult<G>, of: impl Fn(G) -> Given) -> Ended {
    // Abandoned: held all the same, and the guard says so.
    let given = answer.or_else(LockError::into_guard).map(of).map_err(Error::from);
    Box::new(move |py| match given {
        Ok(given) => Ok(Py::new(py, Had::of(given))?.into_any()),
        Err(error) => Err(refusal::error(py, &error)),
    })
}
