//! Whoever comes waits for all: what `crosstie barrier NAME` waits at, for C.
#![expect(unsafe_code, reason = "pointers of the caller's")]

use std::ffi::c_char;

use crosstie::sync::{Barrier, BarrierError, OnDeath, Shared};
use crosstie::{Error, ErrorKind};

use crate::handle::Body;
use crate::status::{Failure, crosstie_error, crosstie_status};
use crate::time::deadline;
use crate::{place, wall};

/// A barrier by its name. Never look inside.
#[derive(Debug)]
pub struct crosstie_barrier(());

/// When a party dies the barrier breaks: all who wait are told, until it is reset.
pub const CROSSTIE_BARRIER_BREAKS: u32 = 0;
/// When a party dies the others go on without it.
pub const CROSSTIE_BARRIER_SHRINKS: u32 = 1;

struct Meeting(Shared<Barrier>);

impl Body for Meeting {
    type Handle = crosstie_barrier;
    const NAME: &'static str = "crosstie_barrier";
    const KIND: u8 = 5;
}

/// Opens the barrier `name` of `domain` (NULL: the default domain) for `parties` threads, and makes it where it is missing; what becomes of it when
/// one dies: `CROSSTIE_BARRIER_BREAKS` or `CROSSTIE_BARRIER_SHRINKS`.
///
/// `CROSSTIE_E_MISMATCH` when it is for others; `CROSSTIE_E_USAGE`.
///
/// Thread-safe; not async-signal-safe. Does not wait for others. The handle is the caller's, `crosstie_barrier_close` frees it. After a
/// fork a handle of the parent's is refused in the child, which opens its own.
///
/// # Safety
/// `name` is a text that ends in a zero, `domain` one or NULL; `barrier` can be written; `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_barrier_open(
    name: *const c_char,
    parties: u32,
    on_death: u32,
    domain: *const c_char,
    barrier: *mut *mut crosstie_barrier,
    error: *mut crosstie_error,
) -> crosstie_status {
    let make = || {
        // SAFETY: it is NULL or ends in a zero, which this function asks for.
        let name = unsafe { place::text("the barrier's name", name) }?;
        let on_death = match on_death {
            CROSSTIE_BARRIER_BREAKS => OnDeath::Break,
            CROSSTIE_BARRIER_SHRINKS => OnDeath::Shrink,
            other => {
                return Err(Failure::new(
                    ErrorKind::Usage,
                    format!("{other} is nothing that a barrier does on a death"),
                ));
            }
        };
        // SAFETY: it is NULL or ends in a zero, which this function asks for.
        let domain = unsafe { place::domain(domain) }?;
        Ok(Meeting(Barrier::open_or_create_in(domain, name, parties, on_death)?))
    };
    // SAFETY: both are as `wall::open` asks, which this function asks for.
    unsafe { wall::open(barrier, error, make) }
}

/// Waits until all parties have come, or until `deadline_ns`. Writes 1 to `leads` for one of them, 0 for the others; it may be NULL.
///
/// `CROSSTIE_E_TIMED_OUT`, also for `CROSSTIE_TRY`: the caller counts as not come. `CROSSTIE_E_PEER_DIED`: a party died before it came, and `error`
/// names it; `crosstie_barrier_reset`.
///
/// Thread-safe; not async-signal-safe; a child of fork opens its own handle. Blocks until the deadline. Nothing is to be freed.
///
/// # Safety
/// `leads` is NULL or can be written; `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_barrier_wait(
    barrier: *mut crosstie_barrier,
    deadline_ns: u64,
    leads: *mut u32,
    error: *mut crosstie_error,
) -> crosstie_status {
    let work = |body: &Meeting, _: &_| {
        let is_leader = body.0.wait_until(deadline(deadline_ns)).map_err(|refusal| match refusal {
            BarrierError::Failed(error) => Failure::from(error),
            other => Failure::from(Error::from(other)),
        })?;
        if !leads.is_null() {
            // SAFETY: it is not NULL, and can be written, which this function asks for.
            unsafe { leads.write(u32::from(is_leader)) };
        }
        Ok(())
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(barrier, error, work) }
}

/// Makes a broken barrier whole again: the places of the dead are empty.
///
/// Thread-safe; not async-signal-safe; a child of fork opens its own handle. Never waits. Nothing is to be freed.
///
/// # Safety
/// `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_barrier_reset(
    barrier: *mut crosstie_barrier,
    error: *mut crosstie_error,
) -> crosstie_status {
    let work = |body: &Meeting, _: &_| Ok(body.0.reset().map(drop)?);
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(barrier, error, work) }
}

/// Closes the handle; the barrier itself stays.
///
/// `CROSSTIE_E_BUSY` while a thread is inside a call with it.
///
/// Thread-safe; not async-signal-safe; a child of fork may close its parent's handle. Never waits. Frees the handle.
///
/// # Safety
/// `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_barrier_close(
    barrier: *mut crosstie_barrier,
    error: *mut crosstie_error,
) -> crosstie_status {
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::close::<Meeting>(barrier, error) }
}
