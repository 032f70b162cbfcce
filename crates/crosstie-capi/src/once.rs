//! Done once, whoever dies doing it: what `crosstie once NAME -- CMD` does, for C.
#![expect(unsafe_code, reason = "pointers of the caller's; a turn stays beside what it is of")]

use std::ffi::c_char;
use std::mem::transmute;

use crosstie::ErrorKind;
use crosstie::sync::{Once, OnceTurn, Shared};

use crate::handle::table::number;
use crate::handle::{Body, Caller};
use crate::status::{Failure, crosstie_error, crosstie_status};
use crate::time::deadline;
use crate::turn::{Held, crosstie_turn};
use crate::{options, place, wall};

/// Something that is done once, by whoever comes first. Never look inside.
#[derive(Debug)]
pub struct crosstie_once(());

struct Doing(Shared<Once>);

impl Body for Doing {
    type Handle = crosstie_once;
    const NAME: &'static str = "crosstie_once";
    const KIND: u8 = 12;
}

impl Doing {
    fn ended(&self, handle: u64, caller: &Caller) -> Result<Held, Failure> {
        let turn = caller.away(handle);
        if turn.is_some() {
            caller.gone(handle);
        }
        turn.ok_or_else(|| {
            let text = format!("this thread is not doing {} by this handle", self.0.name());
            Failure::new(ErrorKind::Usage, text).advise("crosstie_once_begin")
        })
    }
}

/// Opens `name` of `domain` (NULL: the default domain), and makes it, not done, where it is missing.
///
/// `CROSSTIE_E_USAGE` for a name that is none; `CROSSTIE_E_NOT_PERMITTED`, `CROSSTIE_E_NO_SPACE`.
///
/// Thread-safe; not async-signal-safe. Does not wait for others. The handle is the caller's, `crosstie_once_close` frees it. After a fork a
/// handle of the parent's is refused in the child, which opens its own.
///
/// # Safety
/// `name` is a text that ends in a zero, `domain` one or NULL; `once` can be written; `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_once_open(
    name: *const c_char,
    domain: *const c_char,
    once: *mut *mut crosstie_once,
    error: *mut crosstie_error,
) -> crosstie_status {
    let make = || {
        // SAFETY: it is NULL or ends in a zero, which this function asks for.
        let name = unsafe { place::text("the name", name) }?;
        // SAFETY: it is NULL or ends in a zero, which this function asks for.
        let domain = unsafe { place::domain(domain) }?;
        Ok(Doing(Once::open_or_create_in(domain, name)?))
    };
    // SAFETY: both are as `wall::open` asks, which this function asks for.
    unsafe { wall::open(once, error, make) }
}

/// Asks whether it is to be done, and waits until `deadline_ns` for another that is at it. Writes 1 to `is_ours` where this thread is to do it now
/// and then say `crosstie_once_done` or `crosstie_once_give_up`; 0 where it is done.
///
/// `turn` says `CROSSTIE_ABANDONED` where the last who began it died before it was done. `CROSSTIE_E_BUSY`, `CROSSTIE_E_TIMED_OUT`: another is at it, named in
/// `error`; `CROSSTIE_E_DEADLOCK`, also for who is at it already.
///
/// Thread-safe; not async-signal-safe; a child of fork has none of its parent's turns. Blocks until the deadline. Nothing is to be freed.
///
/// # Safety
/// `is_ours` can be written; `turn` is NULL or begins with its size and can be written; `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_once_begin(
    once: *mut crosstie_once,
    deadline_ns: u64,
    is_ours: *mut u32,
    turn: *mut crosstie_turn,
    error: *mut crosstie_error,
) -> crosstie_status {
    let work = |body: &Doing, caller: &Caller| {
        // SAFETY: it is NULL or begins with its size, which this function asks for.
        unsafe { options::check(turn) }?;
        // SAFETY: it is NULL or can be written, which this function asks for.
        unsafe { place::put("whether it is to be done", is_ours, 0) }?;
        caller.has_room()?;
        let Some(begun) = body.0.begin_until(deadline(deadline_ns))? else { return Ok(()) };
        let death = begun.is_abandoned().then(|| begun.dead_owner());
        let told = crosstie_turn::of(begun.token(), death);
        // SAFETY: the turn borrows what `body` has. The caller keeps it by this handle, and a handle by which somebody
        // has a turn is not closed (`handle::table` I1).
        let begun = unsafe { transmute::<OnceTurn<'_>, OnceTurn<'static>>(begun) };
        caller.keep(number::<Doing>(once), Held::Once(begun));
        // SAFETY: `check` found its size right, and it can be written, which this function asks for.
        unsafe { told.tell(turn) };
        // SAFETY: it is not NULL, as the first `put` found, and can be written, which this function asks for.
        unsafe { place::put("whether it is to be done", is_ours, 1) }
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(once, error, work) }
}

/// Says that it is done, for ever: whoever waits goes on, nobody does it again.
///
/// `CROSSTIE_E_USAGE` when this thread is not doing it; `CROSSTIE_E_LOST` when it was taken away by force meanwhile: then it is not said to be done.
///
/// Thread-safe; not async-signal-safe; a child of fork has none of its parent's turns. Never waits. Nothing is to be freed.
///
/// # Safety
/// `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_once_done(
    once: *mut crosstie_once,
    error: *mut crosstie_error,
) -> crosstie_status {
    let work = |body: &Doing, caller: &Caller| match body.ended(number::<Doing>(once), caller)? {
        Held::Once(turn) if turn.is_held() => {
            turn.done();
            Ok(())
        }
        _ => {
            let text = format!("{} was taken away by force while it was done", body.0.name());
            Err(Failure::new(ErrorKind::Lost, text).advise("another may have done it at the same time"))
        }
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(once, error, work) }
}

/// Says that it could not be done: the next who asks does it.
///
/// `CROSSTIE_E_USAGE` when this thread is not doing it.
///
/// Thread-safe; not async-signal-safe; a child of fork has none of its parent's turns. Never waits. Nothing is to be freed.
///
/// # Safety
/// `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_once_give_up(
    once: *mut crosstie_once,
    error: *mut crosstie_error,
) -> crosstie_status {
    let work = |body: &Doing, caller: &Caller| body.ended(number::<Doing>(once), caller).map(drop);
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(once, error, work) }
}

/// Closes the handle; whether it is done stays.
///
/// `CROSSTIE_E_BUSY` while a thread is doing it by this handle, or is inside a call with it.
///
/// Thread-safe; not async-signal-safe; a child of fork may close its parent's handle. Never waits. Frees the handle.
///
/// # Safety
/// `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_once_close(
    once: *mut crosstie_once,
    error: *mut crosstie_error,
) -> crosstie_status {
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::close::<Doing>(once, error) }
}
