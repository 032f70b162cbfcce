//! What every function with a handle does: the handle is checked, a panic ends, the status is answered.
#![expect(unsafe_code, reason = "writes the handle where C wants it")]

use crate::handle::{self, Body, Caller};
use crate::place;
use crate::status::{Failure, answer, crosstie_error, crosstie_status};

/// Makes what `make` answers, and writes its handle to `to`.
///
/// # Safety
/// `to` is NULL or can be written; `error` is NULL or the caller's own.
pub(crate) unsafe fn open<B: Body>(
    to: *mut *mut B::Handle,
    error: *mut crosstie_error,
    make: impl FnOnce() -> Result<B, Failure>,
) -> crosstie_status {
    let work = || {
        handle::without_handle(|| {
            // SAFETY: it is NULL or can be written, which this function asks for.
            unsafe { place::begin(to) }?;
            let made = handle::open(make()?)?;
            // SAFETY: `begin` found that it is not NULL, and it can be written, which this function asks for.
            unsafe { to.write(made) };
            Ok(())
        })
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { answer(error, work) }
}

/// Lets `work` have what `handle` leads to, and the calling thread.
///
/// # Safety
/// `error` is NULL or the caller's own.
#[inline]
pub(crate) unsafe fn call<B: Body>(
    handle: *mut B::Handle,
    error: *mut crosstie_error,
    work: impl FnOnce(&B, &'static Caller) -> Result<(), Failure>,
) -> crosstie_status {
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { answer(error, || handle::with::<B, _>(handle, work)) }
}

/// Closes `handle`.
///
/// # Safety
/// `error` is NULL or the caller's own.
pub(crate) unsafe fn close<B: Body>(handle: *mut B::Handle, error: *mut crosstie_error) -> crosstie_status {
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { answer(error, || handle::close::<B>(handle)) }
}

/// Takes what `handle` leads to out of it, which is closed then, for `how` to end it with what `make` makes; where that is nothing, it stays open.
///
/// # Safety
/// `error` is NULL or the caller's own.
pub(crate) unsafe fn take<B: Body, T>(
    handle: *mut B::Handle,
    error: *mut crosstie_error,
    make: impl FnOnce() -> Result<T, Failure>,
    how: impl FnOnce(B, T) -> Result<(), Failure>,
) -> crosstie_status {
    let work = || {
        let made = make()?;
        handle::take(handle, |body| how(body, made))
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { answer(error, work) }
}
