//! `Sender`: the end that messages go into, as bytes.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crosstie::contract::{Readiness, SendError};
use crosstie::endpoint::Loan;
use crosstie::{Deadline, ErrorKind};
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyBufferError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::capabilities::Capabilities;
use crate::loan::{Absent, Lends, LoanEnd, Place};
use crate::patience::{self, Timeout};
use crate::refusal;

type End = crosstie::Sender<[u8]>;

/// Sends bytes to `address`; crosstie.Sender is made of this.
#[pyclass(frozen, weakref, subclass, module = "crosstie._native")]
pub struct SenderEnd {
    end: Mutex<Place<End>>,
    address: String,
    /// Whether room for messages is lent where they lie.
    #[pyo3(get)]
    pub lends: bool,
}

#[pymethods]
impl SenderEnd {
    #[new]
    #[pyo3(signature = (address, *, timeout=Timeout(None), domain=None), text_signature = "(address, *, timeout=None, domain=None)")]
    fn new(py: Python<'_>, address: String, timeout: Timeout, domain: Option<PathBuf>) -> PyResult<Self> {
        let end = patience::open(py, timeout, domain, |options| End::open_with(&address, options))?;
        let lends = end.caps().is_zero_copy;
        Ok(Self { end: Mutex::new(Place::of(end)), address, lends })
    }

    /// Sends one message of bytes; waits while there is no room.
    ///
    /// Raises TimedOut, Closed when the receiver has ended, PeerDied when it was killed, TooLarge.
    #[pyo3(signature = (data, timeout=Timeout(None)), text_signature = "($self, data, timeout=None)")]
    fn send_bytes(&self, py: Python<'_>, data: &Bound<'_, PyAny>, timeout: Timeout) -> PyResult<()> {
        let bytes = payload(py, data)?;
        let sent = patience::sliced(py, timeout.deadline(), |deadline| {
            self.with(|end| end.send_until(&bytes, deadline))
        })?;
        match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(refused)) => Err(send_error(py, &self.address, refused)),
            Err(absent) => Err(absent.raised(py, &self.address)),
        }
    }

    /// Sends several buffers as one message, each written to its place in the room for it; waits while there is none.
    #[pyo3(signature = (parts, timeout=Timeout(None)), text_signature = "($self, parts, timeout=None)")]
    fn send_parts(&self, py: Python<'_>, parts: Vec<PyBuffer<u8>>, timeout: Timeout) -> PyResult<()> {
        if parts.iter().any(|part| !part.is_c_contiguous()) {
            return Err(PyBufferError::new_err("a part of a message has to be contiguous"));
        }
        let length = parts.iter().map(|part| part.len_bytes()).sum();
        let deadline = timeout.deadline();
        loop {
            // Whether there is room is waited for without the interpreter; what others may change meanwhile is copied with it.
            let room = patience::sliced(py, deadline, |deadline| {
                self.with(|end| end.reserve(length, deadline).map(drop))
            })?;
            let sent = match room {
                Ok(Ok(())) => self.with(|end| {
                    let mut loan = end.reserve(length, Deadline::NOW)?;
                    write(py, &mut loan, &parts);
                    loan.commit()
                }),
                refused => refused,
            };
            match sent {
                Ok(Ok(())) => return Ok(()),
                // Another thread had the room.
                Ok(Err(SendError::Full)) if !deadline.is_now() => {}
                Ok(Err(refused)) => return Err(send_error(py, &self.address, refused)),
                Err(absent) => return Err(absent.raised(py, &self.address)),
            }
        }
    }

    /// Sends several messages in order; waits while there is no room for the first. Answers how many were sent: behind those what kept the
    /// next from it is told to the next call.
    #[pyo3(signature = (messages, timeout=Timeout(None)), text_signature = "($self, messages, timeout=None)")]
    fn send_batch(
        &self,
        py: Python<'_>,
        messages: Vec<Bound<'_, PyAny>>,
        timeout: Timeout,
    ) -> PyResult<usize> {
        let payloads = messages.iter().map(|message| payload(py, message)).collect::<PyResult<Vec<_>>>()?;
        let messages: Vec<&[u8]> = payloads.iter().map(|payload| &**payload).collect();
        if messages.is_empty() {
            return Ok(0);
        }
        let sent = patience::sliced(py, timeout.deadline(), |deadline| {
            self.with(|end| end.send_batch(&messages, deadline))
        })?;
        match sent {
            Ok(Ok(count)) => Ok(count),
            Ok(Err(refused)) => Err(send_error(py, &self.address, refused)),
            Err(absent) => Err(absent.raised(py, &self.address)),
        }
    }

    /// Lends room for a message of so many bytes; waits while there is none.
    #[pyo3(signature = (length, timeout=Timeout(None)), text_signature = "($self, length, timeout=None)")]
    fn reserve(slf: &Bound<'_, Self>, length: usize, timeout: Timeout) -> PyResult<LoanEnd> {
        LoanEnd::of(slf, length, timeout)
    }

    /// Says that this end is done: the receiver gets everything, then a clean end.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let end = py.detach(|| self.end.lock().unwrap_or_else(PoisonError::into_inner).close());
        match end.map(|end| end.map(|end| py.detach(|| end.close()))) {
            Ok(None | Some(Ok(()))) => Ok(()),
            Ok(Some(Err(refused))) => Err(send_error(py, &self.address, refused)),
            Err(absent) => Err(absent.raised(py, &self.address)),
        }
    }

    /// Ends as a death does: the receiver gets everything, then PeerDied. Another may take its place at once.
    fn break_off(&self, py: Python<'_>) -> PyResult<()> {
        let end = py.detach(|| self.end.lock().unwrap_or_else(PoisonError::into_inner).close());
        let end = end.map_err(|absent| absent.raised(py, &self.address))?;
        py.detach(|| end.map(End::break_off));
        Ok(())
    }

    /// The descriptor to poll while this end is armed, and whether for room to write.
    fn pollable(&self, py: Python<'_>) -> PyResult<(i32, bool)> {
        use std::os::fd::AsRawFd;
        let found = self.with(|end| {
            let (fd, interest) = end.pollable()?;
            Ok((fd.as_raw_fd(), interest == crosstie::os::poll::Interest::Writable))
        });
        found.map_err(|absent| absent.raised(py, &self.address))?.map_err(|error| refusal::error(py, &error))
    }

    /// Makes the descriptor ready as soon as a message may be sent; True if it may be now.
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

    /// The address.
    #[getter]
    fn address(&self) -> &str {
        &self.address
    }
}

/// Writes the parts one behind the other.
fn write(py: Python<'_>, loan: &mut Loan<'_>, parts: &[PyBuffer<u8>]) {
    let mut offset = 0;
    for part in parts {
        lent::write(py, loan, offset, part);
        offset += part.len_bytes();
    }
}

/// The memory of buffers.
#[expect(unsafe_code, reason = "reads memory that the interpreter lends, and that others may write")]
mod lent {
    use std::cell::Cell;

    use super::{Loan, PyBuffer, Python};

    /// So much is copied at a time: what others change meanwhile is copied as it was at some moment, byte by byte.
    const CHUNK_BYTES: usize = 4096;

    pub(super) fn write(_py: Python<'_>, loan: &mut Loan<'_>, offset: usize, part: &PyBuffer<u8>) {
        // Contiguous: the caller has seen to it.
        let Some(cells) = part.as_slice_ptr() else { return };
        // SAFETY: `part` keeps its memory where it is, and lives longer; a `Cell` of a byte is one, and who has the
        // interpreter's lock, which `_py` proves, is alone with it.
        let cells = unsafe { &*(cells.as_ptr() as *const [Cell<u8>]) };
        let mut chunk = [0; CHUNK_BYTES];
        for (index, cells) in cells.chunks(CHUNK_BYTES).enumerate() {
            let chunk = &mut chunk[..cells.len()];
            for (to, from) in chunk.iter_mut().zip(cells) {
                *to = from.get();
            }
            loan.write_at(offset + index * CHUNK_BYTES, chunk);
        }
    }
}

/// The bytes of a message: those of a `bytes` themselves, a copy of any other buffer, which others may change meanwhile.
pub fn payload<'a>(py: Python<'_>, data: &'a Bound<'_, PyAny>) -> PyResult<Cow<'a, [u8]>> {
    match data.cast::<PyBytes>() {
        Ok(bytes) => Ok(Cow::Borrowed(bytes.as_bytes())),
        Err(_) => Ok(Cow::Owned(PyBuffer::<u8>::get(data)?.to_vec(py)?)),
    }
}

impl SenderEnd {
    fn with<T>(&self, act: impl FnOnce(&mut End) -> T) -> Result<T, Absent> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner).with(act)
    }
}

impl Lends for SenderEnd {
    type End = End;

    fn place(&self) -> MutexGuard<'_, Place<End>> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn told_address(&self) -> &str {
        &self.address
    }
}

impl<T> patience::Late for Result<Result<T, SendError>, Absent> {
    fn is_late(&self) -> bool {
        matches!(self, Ok(Err(SendError::TimedOut | SendError::Full)))
    }
}

/// What was used after it was closed.
pub fn closed(py: Python<'_>, address: &str) -> PyErr {
    refusal::exception(py, ErrorKind::Usage, &format!("{address}: this end was closed"))
}

/// A message was not sent.
pub fn send_error(py: Python<'_>, address: &str, refused: SendError) -> PyErr {
    match refused {
        SendError::Failed(error) | SendError::Malformed(error) | SendError::HeldUp(error) => {
            refusal::error(py, &error)
        }
        other => refusal::exception(py, other.kind(), &format!("send to {address}: {other}")),
    }
}
