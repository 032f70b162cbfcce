//! What both ends of a channel share.
#![expect(unsafe_code, reason = "pointers of the caller's")]

use std::ffi::c_char;

use crosstie::endpoint::Options;
use crosstie::{Error, ErrorKind, RecvError, SendError};

use crate::options;
use crate::place;
use crate::status::Failure;
use crate::time::deadline;

/// How an end of a channel is opened. Begin it with `CROSSTIE_END_OPTIONS_INIT`. What a mechanism has of its own stands in the address:
/// "ring:frames?capacity=1MiB", "queue:jobs?lease=30s".
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct crosstie_end_options {
    /// sizeof(crosstie_end_options), set by the caller.
    pub size: usize,
    /// The directory of its domain, for shared memory; NULL: `$CROSSTIE_DOMAIN`, else the user's own.
    pub domain: *const c_char,
    /// Until when to wait for the other side where opening waits for it: an instant as everywhere, but 0 waits without end.
    pub open_deadline_ns: u64,
    /// Of a server: what calls that wait for a worker may take, in bytes, and those of one client a quarter of that; more are refused as
    /// `CROSSTIE_E_BUSY`. 0: 256 MiB.
    pub waiting_bytes_max: usize,
}

// SAFETY: repr(C), begins with its size, numbers and a pointer only.
unsafe impl options::Sized for crosstie_end_options {
    const NAME: &'static str = "crosstie_end_options";
    const BYTES_FIRST: usize = 24;
    const ZERO: Self =
        Self { size: size_of::<Self>(), domain: std::ptr::null(), open_deadline_ns: 0, waiting_bytes_max: 0 };
}

/// What is asked of an end.
///
/// # Safety
/// `from` is NULL or begins with its size, and its texts end in a zero.
pub(crate) unsafe fn read(from: *const crosstie_end_options) -> Result<Options, Failure> {
    // SAFETY: it is NULL or begins with its size, as this function asks.
    let asked = unsafe { options::read(from) }?;
    let mut options = Options::default();
    if asked.open_deadline_ns != 0 {
        options.open_deadline = deadline(asked.open_deadline_ns);
    }
    if asked.waiting_bytes_max != 0 {
        options.waiting_bytes_max = asked.waiting_bytes_max;
    }
    // SAFETY: it is NULL or ends in a zero, as this function asks.
    options.domain = unsafe { place::path(asked.domain) };
    Ok(options)
}

impl From<SendError> for Failure {
    #[cold]
    fn from(refusal: SendError) -> Self {
        match refusal {
            SendError::Failed(error) | SendError::Malformed(error) | SendError::HeldUp(error) => error.into(),
            other => Error::new("send", "a message", other.kind()).because(other.to_string()).into(),
        }
    }
}

impl From<RecvError> for Failure {
    #[cold]
    fn from(refusal: RecvError) -> Self {
        match refusal {
            RecvError::Failed(error) | RecvError::Malformed(error) => error.into(),
            other => Error::new("receive", "a message", other.kind()).because(other.to_string()).into(),
        }
    }
}

/// The bytes at `data`.
///
/// # Safety
/// `data` leads to `bytes` bytes that stay as they are during this call; it may be NULL if there are none.
pub(crate) unsafe fn bytes<'a>(data: *const std::ffi::c_void, bytes: usize) -> Result<&'a [u8], Failure> {
    if bytes == 0 {
        return Ok(&[]);
    }
    if data.is_null() || isize::try_from(bytes).is_err() {
        let text = format!("{bytes} bytes at {data:?} are no message");
        return Err(Failure::new(ErrorKind::Usage, text));
    }
    // SAFETY: it is not NULL, and as many bytes are there, as this function asks.
    Ok(unsafe { std::slice::from_raw_parts(data.cast::<u8>(), bytes) })
}

/// The room at `data`.
///
/// # Safety
/// `data` leads to `bytes` bytes that the caller alone has during this call; it may be NULL if there are none.
pub(crate) unsafe fn room<'a>(data: *mut std::ffi::c_void, bytes: usize) -> Result<&'a mut [u8], Failure> {
    if bytes == 0 {
        return Ok(&mut []);
    }
    if data.is_null() || isize::try_from(bytes).is_err() {
        let text = format!("{bytes} bytes at {data:?} are no room");
        return Err(Failure::new(ErrorKind::Usage, text));
    }
    // SAFETY: it is not NULL, and as many bytes are there, as this function asks.
    Ok(unsafe { std::slice::from_raw_parts_mut(data.cast::<u8>(), bytes) })
}
