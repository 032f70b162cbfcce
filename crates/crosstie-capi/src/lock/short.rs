//! The shortest way to a lock, before the wall: it calls nothing that panics, and does nothing where there is anything to be said.
#![expect(unsafe_code, reason = "pointers of the caller's")]

use crosstie::sync::{ShortTurn, Shortcut};

use super::{CROSSTIE_EXCLUSIVE, Lock, crosstie_lock, release_long, take_long, told};
use crate::handle::table::number;
use crate::handle::{Caller, OnWay};
use crate::status::{crosstie_error, crosstie_status, succeeded};
use crate::turn::{Held, crosstie_turn};
use crate::{options, wall};

/// The shortest way to the lock, if the calling thread may take it there and be told of it; `None` where there is anything to be said.
///
/// # Safety
/// As [`super::crosstie_lock_take`].
#[inline(always)]
pub(super) unsafe fn way(lock: *mut crosstie_lock, access: u32, turn: *mut crosstie_turn) -> Option<OnWay> {
    // SAFETY: it is NULL or begins with its size, as this function asks.
    if access != CROSSTIE_EXCLUSIVE || !unsafe { options::is_right(turn) } {
        return None;
    }
    OnWay::enter(number::<Lock>(lock))
}

/// Takes the lock by its shortest way, if it is free; gives the way back where there is anything to be said or to be waited for, and then
/// nothing was done.
///
/// # Safety
/// As [`super::crosstie_lock_take`], of which [`way`] found `way`.
#[inline(always)]
unsafe fn take_by(
    way: OnWay,
    take: impl FnOnce(&Shortcut<'static>) -> Option<ShortTurn>,
    lock: *mut crosstie_lock,
    turn: *mut crosstie_turn,
    error: *mut crosstie_error,
) -> Result<crosstie_status, OnWay> {
    let Some(token) = way.caller().keep_short(number::<Lock>(lock), || take(way.shortcut())) else {
        return Err(way);
    };
    let is_plain = way.shortcut().is_plain();
    drop(way);
    if !is_plain {
        // SAFETY: both are as `tell_of` asks, which this function asks for.
        return Ok(unsafe { tell_of(lock, turn, error) });
    }
    // SAFETY: it is NULL, or was found of a right size and can be written, which this function asks for.
    unsafe { crosstie_turn::tell_clean(turn, token) };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    Ok(unsafe { succeeded(error) })
}

/// As [`super::crosstie_lock_take`], of a mutex; on `way`.
///
/// # Safety
/// As [`super::crosstie_lock_take`], of which [`way`] found `way`.
#[inline(never)]
pub(super) unsafe extern "C" fn take_mutex(
    way: OnWay,
    lock: *mut crosstie_lock,
    deadline_ns: u64,
    turn: *mut crosstie_turn,
    error: *mut crosstie_error,
) -> crosstie_status {
    // SAFETY: both are as `take_by` asks, which this function asks for.
    match unsafe { take_by(way, Shortcut::take_first, lock, turn, error) } {
        Ok(status) => status,
        // SAFETY: both are as `take_next` asks, which this function asks for.
        Err(way) => unsafe { take_next(way, lock, deadline_ns, turn, error) },
    }
}

/// As [`take_mutex`] and [`take_lock`], of what is not free, or not the first that the thread has. It stands apart, so that the shortest way has nothing to
/// prepare for it.
///
/// # Safety
/// As [`super::crosstie_lock_take`], of which [`way`] found `way`.
#[inline(never)]
unsafe extern "C" fn take_next(
    way: OnWay,
    lock: *mut crosstie_lock,
    deadline_ns: u64,
    turn: *mut crosstie_turn,
    error: *mut crosstie_error,
) -> crosstie_status {
    // SAFETY: both are as `take_by` asks, which this function asks for.
    match unsafe { take_by(way, Shortcut::take, lock, turn, error) } {
        Ok(status) => status,
        Err(way) => {
            drop(way);
            // SAFETY: both are as `take_long` asks, which this function asks for.
            unsafe { take_long(lock, CROSSTIE_EXCLUSIVE, deadline_ns, turn, error) }
        }
    }
}

/// As [`super::crosstie_lock_take`], of a lock that can be shared, alone; on `way`.
///
/// # Safety
/// As [`super::crosstie_lock_take`], of which [`way`] found `way`.
#[inline(never)]
pub(super) unsafe extern "C" fn take_lock(
    way: OnWay,
    lock: *mut crosstie_lock,
    deadline_ns: u64,
    turn: *mut crosstie_turn,
    error: *mut crosstie_error,
) -> crosstie_status {
    // SAFETY: both are as `take_by` asks, which this function asks for.
    match unsafe { take_by(way, Shortcut::take_first_lock, lock, turn, error) } {
        Ok(status) => status,
        // SAFETY: both are as `take_next` asks, which this function asks for.
        Err(way) => unsafe { take_next(way, lock, deadline_ns, turn, error) },
    }
}

/// Tells what is to be told of a lock that was taken by the shortest way.
///
/// # Safety
/// As [`super::crosstie_lock_take`].
#[cold]
#[inline(never)]
unsafe extern "C" fn tell_of(
    lock: *mut crosstie_lock,
    turn: *mut crosstie_turn,
    error: *mut crosstie_error,
) -> crosstie_status {
    let work = |body: &Lock, caller: &'static Caller| {
        body.lengthen(number::<Lock>(lock), caller)?;
        let told = caller.look(number::<Lock>(lock), |held| match held {
            Held::Lock(guard, _) => told(guard),
            // By a handle of a lock only locks are taken.
            _ => <crosstie_turn as options::Sized>::ZERO,
        });
        if let Some(told) = told {
            // SAFETY: its size was found right, and it can be written, which this function asks for.
            unsafe { told.tell(turn) };
        }
        Ok(())
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(lock, error, work) }
}

/// Gives back what was taken last by `lock`, if that was by the shortest way; gives the way back where there is anything to be said, as
/// [`take_by`].
///
/// # Safety
/// `error` is NULL or the caller's own.
#[inline(always)]
unsafe fn release_by(
    way: OnWay,
    give_back: impl FnOnce(&Shortcut<'static>, &ShortTurn) -> bool,
    lock: *mut crosstie_lock,
    error: *mut crosstie_error,
) -> Result<crosstie_status, OnWay> {
    match way.caller().end_short(number::<Lock>(lock), |turn| give_back(way.shortcut(), turn)) {
        // SAFETY: `error` is NULL or the caller's own, which this function asks for.
        Some(()) => Ok(unsafe { succeeded(error) }),
        None => Err(way),
    }
}

/// As [`super::crosstie_lock_release`], of a mutex; on `way`.
///
/// # Safety
/// `error` is NULL or the caller's own.
#[inline(never)]
pub(super) unsafe extern "C" fn release_mutex(
    way: OnWay,
    lock: *mut crosstie_lock,
    error: *mut crosstie_error,
) -> crosstie_status {
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    match unsafe { release_by(way, Shortcut::give_back_mutex, lock, error) } {
        Ok(status) => status,
        Err(way) => {
            drop(way);
            // SAFETY: `error` is NULL or the caller's own, which this function asks for.
            unsafe { release_long(lock, error) }
        }
    }
}

/// As [`super::crosstie_lock_release`], of a lock that can be shared; on `way`.
///
/// # Safety
/// `error` is NULL or the caller's own.
#[inline(never)]
pub(super) unsafe extern "C" fn release_lock(
    way: OnWay,
    lock: *mut crosstie_lock,
    error: *mut crosstie_error,
) -> crosstie_status {
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    match unsafe { release_by(way, Shortcut::give_back_lock, lock, error) } {
        Ok(status) => status,
        Err(way) => {
            drop(way);
            // SAFETY: `error` is NULL or the caller's own, which this function asks for.
            unsafe { release_long(lock, error) }
        }
    }
}
