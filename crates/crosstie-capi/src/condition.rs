//! Waiting under a lock for what another brings about, for C.
#![expect(unsafe_code, reason = "pointers of the caller's")]

use std::ffi::c_char;

use crosstie::ErrorKind;
use crosstie::sync::{Condvar, Shared};

use crate::handle::table::number;
use crate::handle::{self, Body};
use crate::lock::{Lock, crosstie_lock};
use crate::status::{Failure, crosstie_error, crosstie_status};
use crate::time::deadline;
use crate::turn::crosstie_turn;
use crate::{options, place, wall};

/// A condition by its name, as `pthread_cond_t`, for waiting under a lock until somebody notifies. `crosstie_monitor` has no notify to forget.
/// Never look inside.
#[derive(Debug)]
pub struct crosstie_condition(());

/// Everyone who waits, of `crosstie_condition_notify`.
pub const CROSSTIE_ALL: u32 = u32::MAX;

struct Condition(Shared<Condvar>);

impl Body for Condition {
    type Handle = crosstie_condition;
    const NAME: &'static str = "crosstie_condition";
    const KIND: u8 = 11;
}

/// Opens the condition `name` of `domain` (NULL: the default domain), and makes it where it is missing: that of the lock under which is waited.
///
/// `CROSSTIE_E_USAGE` for a name that is none; `CROSSTIE_E_NOT_PERMITTED`, `CROSSTIE_E_NO_SPACE`.
///
/// Thread-safe; not async-signal-safe. Does not wait for others. The handle is the caller's, `crosstie_condition_close` frees it. After a
/// fork a handle of the parent's is refused in the child, which opens its own.
///
/// # Safety
/// `name` is a text that ends in a zero, `domain` one or NULL; `condition` can be written; `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_condition_open(
    name: *const c_char,
    domain: *const c_char,
    condition: *mut *mut crosstie_condition,
    error: *mut crosstie_error,
) -> crosstie_status {
    let make = || {
        // SAFETY: it is NULL or ends in a zero, which this function asks for.
        let name = unsafe { place::text("the condition's name", name) }?;
        // SAFETY: it is NULL or ends in a zero, which this function asks for.
        let domain = unsafe { place::domain(domain) }?;
        Ok(Condition(Condvar::open_or_create_in(domain, name)?))
    };
    // SAFETY: both are as `wall::open` asks, which this function asks for.
    unsafe { wall::open(condition, error, make) }
}

/// Gives up `lock`, which this thread has alone, waits to be notified until `deadline_ns`, and takes it again. It may return without a
/// notification: look in a loop whether what was waited for is there.
///
/// `CROSSTIE_OK` and `CROSSTIE_E_TIMED_OUT` (nobody notified in time): the lock is held again, and `turn` is told as by `crosstie_lock_take`, an owner's death
/// too. After `CROSSTIE_E_USAGE` (it is not held by this handle, or is shared, or `CROSSTIE_OWNER_PROCESS`) it is as before. After every other status it
/// is not held: it could not be taken again.
///
/// Thread-safe; not async-signal-safe; a child of fork opens its own handles. Blocks until the deadline, and then for the lock as long as that takes.
/// Who is killed while it waits holds nobody up, and a notification that it had goes to the next. Nothing is to be freed.
///
/// # Safety
/// `turn` is NULL or begins with its size and can be written; `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_condition_wait(
    condition: *mut crosstie_condition,
    lock: *mut crosstie_lock,
    deadline_ns: u64,
    turn: *mut crosstie_turn,
    error: *mut crosstie_error,
) -> crosstie_status {
    let work = |body: &Condition, caller: &handle::Caller| {
        // SAFETY: it is NULL or begins with its size, which this function asks for.
        unsafe { options::check(turn) }?;
        let under = handle::by_turn::<Lock>(lock, caller)?;
        let (told, is_late) = under.wait_at(&body.0, number::<Lock>(lock), caller, deadline(deadline_ns))?;
        // SAFETY: `check` found its size right, and it can be written, which this function asks for.
        unsafe { told.tell(turn) };
        if is_late {
            let text = format!("wait at {}: nobody notified in time; the lock is held", body.0.name());
            return Err(Failure::new(ErrorKind::TimedOut, text));
        }
        Ok(())
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(condition, error, work) }
}

/// Notifies the first `count` who wait, or `CROSSTIE_ALL`. The caller has `lock`, under which they wait.
///
/// `CROSSTIE_E_USAGE` when this thread does not have it by this handle.
///
/// Thread-safe; not async-signal-safe; a child of fork opens its own handles. Never waits. Nothing is to be freed.
///
/// # Safety
/// `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_condition_notify(
    condition: *mut crosstie_condition,
    lock: *mut crosstie_lock,
    count: u32,
    error: *mut crosstie_error,
) -> crosstie_status {
    let work = |body: &Condition, caller: &handle::Caller| {
        handle::by_turn::<Lock>(lock, caller)?.notify_at(&body.0, count)
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(condition, error, work) }
}

/// Closes the handle; the condition itself stays.
///
/// `CROSSTIE_E_BUSY` while a thread is inside a call with it.
///
/// Thread-safe; not async-signal-safe; a child of fork may close its parent's handle. Never waits. Frees the handle.
///
/// # Safety
/// `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_condition_close(
    condition: *mut crosstie_condition,
    error: *mut crosstie_error,
) -> crosstie_status {
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::close::<Condition>(condition, error) }
}
