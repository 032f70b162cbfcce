//! Set or not: what `crosstie event` sets and waits for, for C.
#![expect(unsafe_code, reason = "pointers of the caller's")]

use std::ffi::c_char;

use crosstie::ErrorKind;
use crosstie::sync::{Event, Reset, Shared};

use crate::handle::Body;
use crate::status::{Failure, crosstie_error, crosstie_status};
use crate::time::deadline;
use crate::{place, wall};

/// An event by its name: set or not. Never look inside.
#[derive(Debug)]
pub struct crosstie_event(());

/// An event lets all through until it is cleared.
pub const CROSSTIE_EVENT_MANUAL: u32 = 0;
/// An event lets one through each time it is set.
pub const CROSSTIE_EVENT_AUTOMATIC: u32 = 1;

struct Flag(Shared<Event>);

impl Body for Flag {
    type Handle = crosstie_event;
    const NAME: &'static str = "crosstie_event";
    const KIND: u8 = 4;
}

/// Opens the event `name` of `domain` (NULL: the default domain), and makes it, not set, where it is missing: `CROSSTIE_EVENT_MANUAL` or
/// `CROSSTIE_EVENT_AUTOMATIC`.
///
/// `CROSSTIE_E_MISMATCH` when it is reset otherwise; `CROSSTIE_E_USAGE`.
///
/// Thread-safe; not async-signal-safe. Does not wait for others. The handle is the caller's, `crosstie_event_close` frees it. After a fork
/// a handle of the parent's is refused in the child, which opens its own.
///
/// # Safety
/// `name` is a text that ends in a zero, `domain` one or NULL; `event` can be written; `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_event_open(
    name: *const c_char,
    reset: u32,
    domain: *const c_char,
    event: *mut *mut crosstie_event,
    error: *mut crosstie_error,
) -> crosstie_status {
    let make = || {
        // SAFETY: it is NULL or ends in a zero, which this function asks for.
        let name = unsafe { place::text("the event's name", name) }?;
        let reset = match reset {
            CROSSTIE_EVENT_MANUAL => Reset::Manual,
            CROSSTIE_EVENT_AUTOMATIC => Reset::Automatic,
            other => {
                return Err(Failure::new(ErrorKind::Usage, format!("{other} is no way to reset an event")));
            }
        };
        // SAFETY: it is NULL or ends in a zero, which this function asks for.
        let domain = unsafe { place::domain(domain) }?;
        Ok(Flag(Event::open_or_create_in(domain, name, reset)?))
    };
    // SAFETY: both are as `wall::open` asks, which this function asks for.
    unsafe { wall::open(event, error, make) }
}

/// Sets it, and wakes whom it lets through.
///
/// Thread-safe; not async-signal-safe; a child of fork opens its own handle. Never waits. Nothing is to be freed.
///
/// # Safety
/// `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_event_set(
    event: *mut crosstie_event,
    error: *mut crosstie_error,
) -> crosstie_status {
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(event, error, |body: &Flag, _| Ok(body.0.set()?)) }
}

/// Clears it.
///
/// Thread-safe; not async-signal-safe; a child of fork opens its own handle. Never waits. Nothing is to be freed.
///
/// # Safety
/// `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_event_clear(
    event: *mut crosstie_event,
    error: *mut crosstie_error,
) -> crosstie_status {
    let work = |body: &Flag, _: &_| {
        body.0.clear();
        Ok(())
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(event, error, work) }
}

/// Waits until it is set, or until `deadline_ns`.
///
/// `CROSSTIE_E_BUSY` (it is not set), `CROSSTIE_E_TIMED_OUT`.
///
/// Thread-safe; not async-signal-safe; a child of fork opens its own handle. Blocks until the deadline. Nothing is to be freed.
///
/// # Safety
/// `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_event_wait(
    event: *mut crosstie_event,
    deadline_ns: u64,
    error: *mut crosstie_error,
) -> crosstie_status {
    let work = |body: &Flag, _: &_| Ok(body.0.wait_until(deadline(deadline_ns))?);
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(event, error, work) }
}

/// Closes the handle; the event itself stays.
///
/// `CROSSTIE_E_BUSY` while a thread is inside a call with it.
///
/// Thread-safe; not async-signal-safe; a child of fork may close its parent's handle. Never waits. Frees the handle.
///
/// # Safety
/// `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_event_close(
    event: *mut crosstie_event,
    error: *mut crosstie_error,
) -> crosstie_status {
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::close::<Flag>(event, error) }
}
