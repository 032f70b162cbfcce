//! Names, texts and domains as C hands them in.
#![expect(unsafe_code, reason = "reads texts of the caller's")]

use std::ffi::{CStr, OsStr, c_char};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use crosstie::ErrorKind;
use crosstie::ledger::Domain;
use crosstie::sync::{PosixSemaphore, any_counting};

use crate::handle;
use crate::status::{Failure, answer, crosstie_error, crosstie_status};

/// The text at `text`.
///
/// # Safety
/// It is NULL or ends in a zero, and stays as it is while it is used.
pub(crate) unsafe fn text<'a>(what: &str, text: *const c_char) -> Result<&'a str, Failure> {
    if text.is_null() {
        return Err(Failure::new(ErrorKind::Usage, format!("NULL in the place of {what}")));
    }
    // SAFETY: it ends in a zero, as this function asks.
    let bytes = unsafe { CStr::from_ptr(text) };
    bytes.to_str().map_err(|_| Failure::new(ErrorKind::Usage, format!("{what} is not UTF-8: {bytes:?}")))
}

/// The domain in the directory `path`; NULL or an empty text: that of `$CROSSTIE_DOMAIN`, else the user's own.
///
/// # Safety
/// As [`text`].
pub(crate) unsafe fn domain(path: *const c_char) -> Result<&'static Domain, Failure> {
    // SAFETY: it is NULL or ends in a zero, as this function asks.
    Ok(domain_at(unsafe { self::path(path) })?)
}

/// The domain in the directory `path`; the default one where there is none.
pub(crate) fn domain_at(path: Option<PathBuf>) -> crosstie::Result<&'static Domain> {
    path.map_or_else(Domain::open_default, Domain::open)
}

/// The path at `path`; NULL and an empty text are none.
///
/// # Safety
/// As [`text`].
pub(crate) unsafe fn path(path: *const c_char) -> Option<PathBuf> {
    // SAFETY: it is not NULL, and ends in a zero, as this function asks.
    let path = (!path.is_null()).then(|| unsafe { CStr::from_ptr(path) })?;
    (!path.is_empty()).then(|| PathBuf::from(OsStr::from_bytes(path.to_bytes())))
}

/// Where a function writes the handle that it makes: NULL until it has one.
///
/// # Safety
/// `to` is NULL or can be written.
pub(crate) unsafe fn begin<T>(to: *mut *mut T) -> Result<(), Failure> {
    if to.is_null() {
        return Err(Failure::new(ErrorKind::Usage, "NULL in the place of where the handle goes".to_owned()));
    }
    // SAFETY: it can be written, as this function asks.
    unsafe { to.write(std::ptr::null_mut()) };
    Ok(())
}

/// Writes `answer` where the caller wants `what`.
///
/// # Safety
/// `to` is NULL or can be written.
pub(crate) unsafe fn put<T>(what: &str, to: *mut T, answer: T) -> Result<(), Failure> {
    if to.is_null() {
        return Err(Failure::new(ErrorKind::Usage, format!("NULL in the place of where {what} goes")));
    }
    // SAFETY: it is not NULL, and can be written, as this function asks.
    unsafe { to.write(answer) };
    Ok(())
}

/// Removes the object `kind:name` ("lock:db", "sem:gpu") that nobody has open: of `domain`, or of the default domain where that is NULL. Of "posix:/name" the
/// name goes, whoever has it open.
///
/// `CROSSTIE_E_BUSY` while a living process has it open, `CROSSTIE_E_NOT_FOUND` when there is none.
///
/// Thread-safe; not async-signal-safe; as before a fork after it. Does not wait for others. Nothing is to be freed.
///
/// # Safety
/// `object` is a text that ends in a zero, `domain` one or NULL; `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_remove(
    object: *const c_char,
    domain: *const c_char,
    error: *mut crosstie_error,
) -> crosstie_status {
    let work = || {
        handle::without_handle(|| {
            // SAFETY: it is NULL or ends in a zero, which this function asks for.
            let object = unsafe { text("the object's name", object) }?;
            let (kind, name) = object.split_once(':').ok_or_else(|| {
                Failure::new(ErrorKind::Usage, format!("{object} says no kind"))
                    .advise("write it as ls does: lock:NAME")
            })?;
            if any_counting::is_posix(object) {
                return Ok(PosixSemaphore::unlink(object)?);
            }
            // SAFETY: it is NULL or ends in a zero, which this function asks for.
            let domain = unsafe { self::domain(domain) }?;
            Ok(crosstie::sync::object::remove(domain, kind, name)?)
        })
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { answer(error, work) }
}
