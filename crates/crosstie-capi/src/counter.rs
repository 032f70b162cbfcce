//! The textbook's semaphore, without owners: what `crosstie post NAME` and `crosstie wait NAME` use, for C.
#![expect(unsafe_code, reason = "pointers of the caller's")]

use std::ffi::c_char;

use crosstie::sync::AnyCountingSemaphore;

use crate::handle::Body;
use crate::status::{crosstie_error, crosstie_status};
use crate::time::deadline;
use crate::{place, wall};

/// A counting semaphore by its name, as `sem_t`, or a `sem_t` itself ("posix:/name"): anyone waits, anyone posts, and nobody owns what was taken, so nothing comes back when
/// a process dies. Where that matters: `crosstie_semaphore`. Never look inside.
#[derive(Debug)]
pub struct crosstie_counter(());

struct Counter(AnyCountingSemaphore);

impl Body for Counter {
    type Handle = crosstie_counter;
    const NAME: &'static str = "crosstie_counter";
    const KIND: u8 = 3;
}

/// Opens the counting semaphore `name` of `domain` (NULL: the default domain), and makes it with the value `value` where it is missing. "posix:/name" is
/// the one that other programs open by `sem_open("/name")`, in no domain; of that nobody is served in order, and `error` cannot say who waits.
///
/// `CROSSTIE_E_USAGE` for a name or value that is none.
///
/// Thread-safe; not async-signal-safe. Does not wait for others. The handle is the caller's, `crosstie_counter_close` frees it. After a
/// fork a handle of the parent's is refused in the child, which opens its own.
///
/// # Safety
/// `name` is a text that ends in a zero, `domain` one or NULL; `counter` can be written; `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_counter_open(
    name: *const c_char,
    value: u32,
    domain: *const c_char,
    counter: *mut *mut crosstie_counter,
    error: *mut crosstie_error,
) -> crosstie_status {
    let make = || {
        // SAFETY: it is NULL or ends in a zero, which this function asks for.
        let name = unsafe { place::text("the semaphore's name", name) }?;
        // SAFETY: it is NULL or ends in a zero, which this function asks for.
        let domain = unsafe { place::path(domain) };
        let domain = || place::domain_at(domain);
        Ok(Counter(AnyCountingSemaphore::open_or_create_in(domain, name, value)?))
    };
    // SAFETY: both are as `wall::open` asks, which this function asks for.
    unsafe { wall::open(counter, error, make) }
}

/// As `crosstie_counter_open`, of a counting semaphore that is not there yet: the value is the one that this caller says.
///
/// `CROSSTIE_E_ALREADY_EXISTS`; `CROSSTIE_E_USAGE`.
///
/// Thread-safe; not async-signal-safe. Does not wait for others. The handle is the caller's, `crosstie_counter_close` frees it. After a
/// fork a handle of the parent's is refused in the child, which opens its own.
///
/// # Safety
/// `name` is a text that ends in a zero, `domain` one or NULL; `counter` can be written; `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_counter_create(
    name: *const c_char,
    value: u32,
    domain: *const c_char,
    counter: *mut *mut crosstie_counter,
    error: *mut crosstie_error,
) -> crosstie_status {
    let make = || {
        // SAFETY: it is NULL or ends in a zero, which this function asks for.
        let name = unsafe { place::text("the semaphore's name", name) }?;
        // SAFETY: it is NULL or ends in a zero, which this function asks for.
        let domain = unsafe { place::path(domain) };
        let domain = || place::domain_at(domain);
        Ok(Counter(AnyCountingSemaphore::create_in(domain, name, value)?))
    };
    // SAFETY: both are as `wall::open` asks, which this function asks for.
    unsafe { wall::open(counter, error, make) }
}

/// Adds one, and wakes the first who waits.
///
/// `CROSSTIE_E_TOO_LARGE` at 2147483647: nothing was added.
///
/// Thread-safe; not async-signal-safe; a child of fork opens its own handle. Never waits. Nothing is to be freed.
///
/// # Safety
/// `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_counter_post(
    counter: *mut crosstie_counter,
    error: *mut crosstie_error,
) -> crosstie_status {
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(counter, error, |body: &Counter, _| Ok(body.0.post()?)) }
}

/// Takes one, and waits for it until `deadline_ns`.
///
/// `CROSSTIE_E_BUSY`, `CROSSTIE_E_TIMED_OUT`.
///
/// Thread-safe; not async-signal-safe; a child of fork opens its own handle. Blocks until the deadline. Nothing is to be freed.
///
/// # Safety
/// `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_counter_wait(
    counter: *mut crosstie_counter,
    deadline_ns: u64,
    error: *mut crosstie_error,
) -> crosstie_status {
    let work = |body: &Counter, _: &_| Ok(body.0.wait_until(deadline(deadline_ns))?);
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(counter, error, work) }
}

/// Writes the value of now to `value`; it may change at once.
///
/// Thread-safe; not async-signal-safe; a child of fork opens its own handle. Never waits. Nothing is to be freed.
///
/// # Safety
/// `value` can be written; `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_counter_value(
    counter: *mut crosstie_counter,
    value: *mut u32,
    error: *mut crosstie_error,
) -> crosstie_status {
    let work = |body: &Counter, _: &_| {
        // SAFETY: it is NULL or can be written, which this function asks for.
        unsafe { place::put("the value", value, body.0.value()) }
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(counter, error, work) }
}

/// Closes the handle; the semaphore itself stays.
///
/// `CROSSTIE_E_BUSY` while a thread is inside a call with it.
///
/// Thread-safe; not async-signal-safe; a child of fork may close its parent's handle. Never waits. Frees the handle.
///
/// # Safety
/// `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_counter_close(
    counter: *mut crosstie_counter,
    error: *mut crosstie_error,
) -> crosstie_status {
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::close::<Counter>(counter, error) }
}
