//! [`Ears`]: the signals that come while the main thread waits, also those that interrupted no sleep of it.
//!
//! A signal that arrives between the last look and the sleep, or at another thread, wakes nobody: the interpreter only
//! notes it. Of each one it also writes a byte into the descriptor of `signal.set_wakeup_fd`. A wait that listens there
//! looks once in a while ([`Cause::Tick`](crosstie::os::interruption::Cause)), and gives up its place in the queue only
//! where there is a handler to run.

use std::io::{self, Read as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crosstie::os::process;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::IntoPyDict as _;

/// The socket into which the interpreter writes; a fork child that waits makes its own.
static SOCKET: Mutex<Option<(u32, Arc<Socket>)>> = Mutex::new(None);

struct Socket {
    heard: UnixStream,
    written: UnixStream,
    /// What was read of it, for who listened before.
    signals: Mutex<Vec<u8>>,
}

/// Listens until it is dropped. Signals that came before are for `check_signals`, behind [`Ears::open`].
pub struct Ears<'py> {
    py: Python<'py>,
    /// Absent where no handlers run.
    at: Option<Listened>,
}

/// What is listened at, and who listened before: -1 is nobody.
struct Listened {
    socket: Arc<Socket>,
    before: i32,
}

impl<'py> Ears<'py> {
    /// Begins to listen, if the calling thread is the one where handlers run.
    pub fn open(py: Python<'py>) -> Self {
        let is_first = process::tid() == process::pid();
        // An interpreter for which another thread is the first refuses. Without descriptors left, a signal still ends a sleep.
        let at = is_first.then(|| Socket::of_process().ok()).flatten().and_then(|socket| {
            let before = set_wakeup(py, socket.written.as_raw_fd(), false).ok()?;
            Some(Listened { socket, before })
        });
        Self { py, at }
    }

    /// The interpreter.
    pub fn py(&self) -> Python<'py> {
        self.py
    }

    /// Whether handlers run in the calling thread.
    pub fn has_handlers(&self) -> bool {
        self.at.is_some()
    }
}

impl Drop for Ears<'_> {
    fn drop(&mut self) {
        let Some(Listened { socket, before }) = self.at.take() else { return };
        if set_wakeup(self.py, before, true).is_err() {
            // Who listened before has closed its descriptor: nobody listens now.
            let _ = set_wakeup(self.py, -1, true);
        }
        let heard = std::mem::take(&mut *socket.read());
        if before != -1 && !heard.is_empty() {
            // As the interpreter does it: what has no room there is dropped.
            let _ = self.py.import("os").and_then(|os| os.call_method1("write", (before, heard.as_slice())));
        }
    }
}

/// Whether a signal came since [`Ears::open`] of the calling thread.
pub fn have_heard() -> bool {
    Socket::of_process().is_ok_and(|socket| !socket.read().is_empty())
}

impl Socket {
    /// The calling process's.
    fn of_process() -> io::Result<Arc<Self>> {
        let pid = process::pid();
        let mut known = SOCKET.lock().unwrap_or_else(PoisonError::into_inner);
        match &*known {
            Some((of, socket)) if *of == pid => Ok(Arc::clone(socket)),
            _ => {
                let socket = Arc::new(Self::new()?);
                *known = Some((pid, Arc::clone(&socket)));
                Ok(socket)
            }
        }
    }

    fn new() -> io::Result<Self> {
        let (heard, written) = UnixStream::pair()?;
        heard.set_nonblocking(true)?;
        written.set_nonblocking(true)?;
        Ok(Self { heard, written, signals: Mutex::new(Vec::new()) })
    }

    /// The numbers of the signals that came, with those that were read before.
    fn read(&self) -> MutexGuard<'_, Vec<u8>> {
        let mut signals = self.signals.lock().unwrap_or_else(PoisonError::into_inner);
        // Would block: that is all.
        let _ = (&self.heard).read_to_end(&mut signals);
        signals
    }
}

/// Tells the interpreter where to write, and whether to complain when there is no room; answers where it wrote before.
fn set_wakeup(py: Python<'_>, fd: i32, complains: bool) -> PyResult<i32> {
    static SET: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    // Not `signal`: that is Python, and to import it runs handlers, whose exception would be lost here.
    let set =
        SET.get_or_try_init(py, || Ok::<_, PyErr>(py.import("_signal")?.getattr("set_wakeup_fd")?.unbind()))?;
    let options = [("warn_on_full_buffer", complains)].into_py_dict(py)?;
    set.bind(py).call((fd,), Some(&options))?.extract()
}
