//! The shortest way to a lock, before the wall: it calls nothing that panics, and does nothing where there is anything to be said.
#![expect(unsafe_code, reason = "pointers of the caller's")]

use crosstie::sync::{ShortTurn, Shortcut};

use super::{CROSSTIE_EXCLUSIVE, Lock, crosstie_lock, told};
use crate::handle::table::number;
use crate::handle::{self, Caller};
use crate::status::{crosstie_error, crosstie_status, succeeded};
use crate::turn::{Held, crosstie_turn};
use crate::{options, wall};

/// Takes the lock by the shortest way, if there is one and it is free; `None` where there is anything to be said or to be waited for, and then
/// nothing was done.
///
/// # Safety
/// As [`super::crosstie_lock_take`].
#[inline(always)]
pub(super) unsafe fn take_by(
    take: impl FnOnce(&Shortcut<'static>) -> Option<ShortTurn>,
    lock: *mut crosstie_lock,
    access: u32,
    turn: *mut crosstie_turn,
    error: *mut crosstie_error,
) -> Option<crosstie_status> {
    // SAFETY: it is NULL or begins with its size, as this function asks.
    if access != CROSSTIE_EXCLUSIVE || !unsafe { options::is_right(turn) } {
        return None;
    }
    let handle = number::<Lock>(lock);
    let (token, is_plain) = handle::by_shortcut(handle, |shortcut, caller| {
        Some((caller.keep_short(handle, || take(shortcut))?, shortcut.is_plain()))
    })?;
    if !is_plain {
        // SAFETY: both are as `tell_of` asks, which this function asks for.
        return Some(unsafe { tell_of(lock, turn, error) });
    }
    // SAFETY: it is NULL, or was found of a right size and can be written, which this function asks for.
    unsafe { crosstie_turn::tell_clean(turn, token) };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    Some(unsafe { succeeded(error) })
}

/// Tells what is to be told of a lock that was taken by the shortest way.
///
/// # Safety
/// As [`super::crosstie_lock_take`].
#[cold]
#[inline(never)]
unsafe fn tell_of(
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

/// Gives back what was taken last, if that was by the shortest way; `None` as of [`take_by`].
#[inline(always)]
pub(super) fn release_by(
    give_back: impl FnOnce(&Shortcut<'static>, &ShortTurn) -> bool,
    lock: *mut crosstie_lock,
) -> Option<()> {
    let handle = number::<Lock>(lock);
    handle::by_shortcut(handle, |shortcut, caller| caller.end_short(handle, |turn| give_back(shortcut, turn)))
}
