//! `LoanEnd`: room for a message, written in place; `LentEnd`: a message that is read where it lies. Both are memory by the buffer
//! protocol; as long as one is there it has the end, so that nobody else uses that.
#![expect(unsafe_code, reason = "hands out the address of a message; what is lent stays beside its end")]

use std::ffi::c_int;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crosstie::ErrorKind;
use crosstie::endpoint::{self, Payload};
use pyo3::exceptions::PyBufferError;
use pyo3::ffi;
use pyo3::prelude::*;

use crate::kept::Kept;
use crate::patience::{self, Timeout};
use crate::receiver::ReceiverEnd;
use crate::refusal;
use crate::sender::{SenderEnd, closed, send_error};

/// Where an object of Python's has its end.
pub enum Place<E> {
    Here(Kept<E>),
    /// With what was lent from it.
    Away,
    Closed,
}

/// Why an end is not to be had.
pub enum Absent {
    Lent,
    Closed,
}

impl Absent {
    pub fn raised(self, py: Python<'_>, address: &str) -> PyErr {
        match self {
            Self::Closed => closed(py, address),
            Self::Lent => {
                let text = format!("{address}: a message of this end is lent; end its `with` block first");
                refusal::exception(py, ErrorKind::Busy, &text)
            }
        }
    }
}

impl<E> Place<E> {
    pub fn of(end: E) -> Self {
        Self::Here(Kept::new(end))
    }

    pub fn with<T>(&mut self, act: impl FnOnce(&mut E) -> T) -> Result<T, Absent> {
        match self {
            Self::Here(end) => Ok(act(end.value())),
            Self::Away => Err(Absent::Lent),
            Self::Closed => Err(Absent::Closed),
        }
    }

    /// Closed from now on; the end, if it was there.
    pub fn close(&mut self) -> Result<Option<E>, Absent> {
        match std::mem::replace(self, Self::Closed) {
            Self::Here(end) => Ok(Some(end.into_inner())),
            Self::Closed => Ok(None),
            Self::Away => {
                *self = Self::Away;
                Err(Absent::Lent)
            }
        }
    }

    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Closed)
    }

    fn take(&mut self) -> Result<Kept<E>, Absent> {
        match std::mem::replace(self, Self::Away) {
            Self::Here(end) => Ok(end),
            Self::Away => Err(Absent::Lent),
            Self::Closed => {
                *self = Self::Closed;
                Err(Absent::Closed)
            }
        }
    }
}

/// An object that has an end.
pub trait Lends {
    type End;

    fn place(&self) -> MutexGuard<'_, Place<Self::End>>;
    fn told_address(&self) -> &str;
}

/// Memory that is handed out to views.
struct Handed<L> {
    /// What borrows the end; absent once it is over.
    lent: Option<L>,
    address: *mut u8,
    length: usize,
    /// How many views there are.
    views: usize,
}

// SAFETY: only who has the mutex around this hands out the address; what is lent may move to another thread, as its end may.
unsafe impl<L: Send> Send for Handed<L> {}

impl<L> Handed<L> {
    fn new(lent: L, address: *mut u8, length: usize) -> Mutex<Self> {
        Mutex::new(Self { lent: Some(lent), address, length, views: 0 })
    }

    /// Fills a view of the interpreter's, which keeps `object` alive.
    fn fill(
        &mut self,
        object: &Bound<'_, PyAny>,
        view: *mut ffi::Py_buffer,
        flags: c_int,
        is_readonly: c_int,
    ) -> PyResult<()> {
        if self.lent.is_none() {
            return Err(PyBufferError::new_err("this message is over"));
        }
        let size = ffi::Py_ssize_t::try_from(self.length).map_err(|_| PyBufferError::new_err("too large"))?;
        // SAFETY: the view is the interpreter's to fill; the memory is lent as long as `lent` is there, which `take` leaves there
        // while `views` counts this one.
        let filled = unsafe {
            ffi::PyBuffer_FillInfo(view, object.as_ptr(), self.address.cast(), size, is_readonly, flags)
        };
        if filled != 0 {
            return Err(PyErr::fetch(object.py()));
        }
        self.views += 1;
        Ok(())
    }

    /// What is lent, once no view of it lives.
    fn take(&mut self) -> PyResult<L> {
        if self.views > 0 {
            let text = format!("{} views of the message live: release them first", self.views);
            return Err(PyBufferError::new_err(text));
        }
        self.lent.take().ok_or_else(|| refusal::not_held("a message that is over already", false))
    }
}

/// Room for a message, as memory to write; crosstie.Loan is made of this. Dropped, it sends nothing.
#[pyclass(frozen, module = "crosstie._native")]
pub struct LoanEnd {
    handed: Mutex<Handed<Room>>,
    sender: Py<SenderEnd>,
}

/// A loan, and the end that it borrows, which goes behind it.
struct Room {
    loan: endpoint::Loan<'static>,
    end: Kept<crosstie::Sender<[u8]>>,
}

// SAFETY: a loan is memory of its sender's and nothing of a thread's; both move together.
unsafe impl Send for Room {}

impl LoanEnd {
    pub fn of(sender: &Bound<'_, SenderEnd>, length: usize, timeout: Timeout) -> PyResult<Self> {
        let (py, this, deadline) = (sender.py(), sender.get(), timeout.deadline());
        let taken = patience::sliced(py, deadline, |slice| {
            let mut place = this.place();
            let mut end = place.take()?;
            // SAFETY: the loan goes before `end` wherever both go (`Room`, and here), and nobody comes to `end` before.
            let lender = unsafe { end.lend() };
            // Where room is lent it is waited for in slices; elsewhere there is some, and the deadline is that of the commit.
            match lender.reserve(length, if this.lends { slice } else { deadline }) {
                Ok(loan) => Ok(Ok(Room { loan, end })),
                Err(refused) => {
                    *place = Place::Here(end);
                    Ok(Err(refused))
                }
            }
        })?;
        let mut room = match taken {
            Ok(Ok(room)) => room,
            Ok(Err(refused)) => return Err(send_error(py, this.told_address(), refused)),
            Err(absent) => return Err(absent.raised(py, this.told_address())),
        };
        let (address, length) = (room.loan.as_mut_ptr(), room.loan.len());
        Ok(Self { handed: Handed::new(room, address, length), sender: sender.clone().unbind() })
    }
}

#[pymethods]
impl LoanEnd {
    /// Sends what was written. BufferError, and nothing is sent, while a view of it lives.
    fn commit(&self, py: Python<'_>) -> PyResult<()> {
        let Room { loan, end } = self.handed.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        let sender = self.sender.get();
        let sent = py.detach(|| {
            let sent = loan.commit();
            *sender.place() = Place::Here(end);
            sent
        });
        sent.map_err(|refused| send_error(py, sender.told_address(), refused))
    }

    /// Sends nothing. BufferError while a view of it lives.
    fn cancel(&self) -> PyResult<()> {
        let Room { loan, end } = self.handed.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        drop(loan);
        *self.sender.get().place() = Place::Here(end);
        Ok(())
    }

    /// # Safety
    /// The interpreter calls it with a view of its own to fill.
    unsafe fn __getbuffer__(slf: Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        let mut handed = slf.get().handed.lock().unwrap_or_else(PoisonError::into_inner);
        handed.fill(slf.as_any(), view, flags, 0)
    }

    /// # Safety
    /// The interpreter calls it once for each view that it was given.
    unsafe fn __releasebuffer__(&self, _view: *mut ffi::Py_buffer) {
        self.handed.lock().unwrap_or_else(PoisonError::into_inner).views -= 1;
    }
}

/// A view keeps its loan alive: there is none now.
impl Drop for LoanEnd {
    fn drop(&mut self) {
        if let Some(Room { loan, end }) =
            self.handed.get_mut().unwrap_or_else(PoisonError::into_inner).lent.take()
        {
            drop(loan);
            *self.sender.get().place() = Place::Here(end);
        }
    }
}

/// A message that is read where it lies, as memory; crosstie.Lent is made of this. Dropped, it is received.
#[pyclass(frozen, module = "crosstie._native")]
pub struct LentEnd {
    handed: Mutex<Handed<Message>>,
    receiver: Py<ReceiverEnd>,
}

/// A message, and the end that it borrows, which goes behind it.
struct Message {
    bytes: Bytes,
    end: Kept<crosstie::Receiver<[u8]>>,
}

/// What is read.
enum Bytes {
    #[expect(dead_code, reason = "is received when it is dropped")]
    Lent(Payload<'static>),
    /// Of what lies nowhere whole.
    #[expect(dead_code, reason = "is memory for views until it is dropped")]
    Copied(Vec<u8>),
}

// SAFETY: a message is memory of its receiver's and nothing of a thread's; both move together.
unsafe impl Send for Message {}

impl LentEnd {
    pub fn of(receiver: &Bound<'_, ReceiverEnd>, timeout: Timeout) -> PyResult<Self> {
        let (py, this) = (receiver.py(), receiver.get());
        let taken = patience::sliced(py, timeout.deadline(), |slice| {
            let mut place = this.place();
            let mut end = place.take()?;
            // SAFETY: the message goes before `end` wherever both go (`Taken`, `Message`, and here), and nobody comes to `end` before.
            let lender = unsafe { end.lend() };
            match lender.recv_bytes_until(slice) {
                Ok(payload) => Ok(Ok(Taken { payload, end })),
                Err(refused) => {
                    *place = Place::Here(end);
                    Ok(Err(refused))
                }
            }
        })?;
        let Taken { payload, end } = this.answer(py, taken)?;
        let length = payload.len();
        let (bytes, address) = match payload.as_ptr() {
            Some(address) => (Bytes::Lent(payload), address.cast_mut()),
            None => {
                let mut copied = payload.to_vec();
                drop(payload);
                let address = copied.as_mut_ptr();
                (Bytes::Copied(copied), address)
            }
        };
        let handed = Handed::new(Message { bytes, end }, address, length);
        Ok(Self { handed, receiver: receiver.clone().unbind() })
    }
}

/// A message that has just come, and the end that it borrows.
struct Taken {
    payload: Payload<'static>,
    end: Kept<crosstie::Receiver<[u8]>>,
}

// SAFETY: as for `Message`, which it becomes.
unsafe impl Send for Taken {}

#[pymethods]
impl LentEnd {
    /// Says that it was read: nobody gets it again. BufferError while a view of it lives.
    fn received(&self) -> PyResult<()> {
        let Message { bytes, end } = self.handed.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        drop(bytes);
        *self.receiver.get().place() = Place::Here(end);
        Ok(())
    }

    /// # Safety
    /// The interpreter calls it with a view of its own to fill.
    unsafe fn __getbuffer__(slf: Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        let mut handed = slf.get().handed.lock().unwrap_or_else(PoisonError::into_inner);
        handed.fill(slf.as_any(), view, flags, 1)
    }

    /// # Safety
    /// The interpreter calls it once for each view that it was given.
    unsafe fn __releasebuffer__(&self, _view: *mut ffi::Py_buffer) {
        self.handed.lock().unwrap_or_else(PoisonError::into_inner).views -= 1;
    }
}

/// A view keeps its message alive: there is none now.
impl Drop for LentEnd {
    fn drop(&mut self) {
        let lent = self.handed.get_mut().unwrap_or_else(PoisonError::into_inner).lent.take();
        if let Some(Message { bytes, end }) = lent {
            drop(bytes);
            *self.receiver.get().place() = Place::Here(end);
        }
    }
}
