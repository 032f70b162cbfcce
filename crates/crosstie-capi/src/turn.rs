//! What who takes a turn is told: [`crosstie_turn`].
#![expect(unsafe_code, reason = "a struct of the caller's")]

use std::ffi::c_char;
use std::mem::offset_of;

use crosstie::ledger::Identity;
use crosstie::sync::{Access, AnyLockGuard, AnyMonitorGuard, OnceTurn, Permit, ShortTurn};

use crate::options;
use crate::status::cut;

/// In `crosstie_turn.flags`: the last owner died while it had it, so that what it protects may be half done. It is held all the same.
pub const CROSSTIE_ABANDONED: u32 = 1;

/// Bytes of the name of a dead owner in a `crosstie_turn`, the zero at its end among them.
pub const CROSSTIE_WHO_BYTES: usize = 48;

/// What who takes a turn is told; the caller's own. Begin it with `CROSSTIE_TURN_INIT`; it may be NULL where it is asked for, and
/// then an owner's death is not told.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct crosstie_turn {
    /// sizeof(crosstie_turn), set by the caller.
    pub size: usize,
    /// The fencing number: larger than that of every exclusive owner before.
    pub token: u64,
    /// `CROSSTIE_ABANDONED`, or 0.
    pub flags: u32,
    /// Of a semaphore, which permit it is, from 0; else 0.
    pub index: u32,
    /// Of `CROSSTIE_ABANDONED`, the process that died; 0 where that is not known any more.
    pub dead_pid: u32,
    /// 0.
    pub reserved: u32,
    /// Of `CROSSTIE_ABANDONED`, who died, in words.
    pub dead_who: [c_char; CROSSTIE_WHO_BYTES],
}

// SAFETY: repr(C), begins with its size, numbers only.
unsafe impl options::Sized for crosstie_turn {
    const NAME: &'static str = "crosstie_turn";
    const BYTES_FIRST: usize = 80;
    const ZERO: Self = Self {
        size: size_of::<Self>(),
        token: 0,
        flags: 0,
        index: 0,
        dead_pid: 0,
        reserved: 0,
        dead_who: [0; CROSSTIE_WHO_BYTES],
    };
}

const _: () = assert!(size_of::<crosstie_turn>() == 80);

impl crosstie_turn {
    /// The turn of `token`, whose owner before died.
    #[cold]
    pub(crate) fn after_death(token: u64, who: Option<&Identity>) -> Self {
        let dead_who = cut(&who.map_or_else(|| "its last owner".to_owned(), Identity::to_string));
        let dead_pid = who.map_or(0, |who| who.pid);
        Self { token, flags: CROSSTIE_ABANDONED, dead_pid, dead_who, ..<Self as options::Sized>::ZERO }
    }

    /// The turn of `token`; `death` says who died before it, as far as that is known.
    pub(crate) fn of(token: u64, death: Option<Option<&Identity>>) -> Self {
        death.map_or_else(|| Self::clean(token), |who| Self::after_death(token, who))
    }

    /// The permit `index` of `token`.
    pub(crate) fn of_permit(token: u64, index: u32) -> Self {
        Self { index, ..Self::clean(token) }
    }

    /// Writes it to `to`; of one that no death came before only what it says.
    ///
    /// # Safety
    /// As [`options::write`].
    #[inline]
    pub(crate) unsafe fn tell(&self, to: *mut Self) {
        if self.flags != 0 || self.index != 0 {
            // SAFETY: `to` is as this function asks.
            return unsafe { options::write(to, self) };
        }
        // SAFETY: `to` is as this function asks.
        unsafe { Self::tell_clean(to, self.token) };
    }

    /// Writes the turn of `token`, which no death came before, to `to`.
    ///
    /// # Safety
    /// As [`options::write`].
    #[inline(always)]
    pub(crate) unsafe fn tell_clean(to: *mut Self, token: u64) {
        if to.is_null() {
            return;
        }
        let says = Clean { token, flags: 0, index: 0, dead_pid: 0, reserved: 0, dead_who: 0 };
        let place = to.cast::<u8>().wrapping_add(offset_of!(Self, token)).cast::<Clean>();
        // SAFETY: whatever its size is, it is at least that of the first version, which has room for this; it can be written.
        unsafe { place.write_unaligned(says) };
    }

    /// The turn of `token`.
    #[inline]
    pub(crate) fn clean(token: u64) -> Self {
        Self { token, ..<Self as options::Sized>::ZERO }
    }
}

/// What stands behind the size of a [`crosstie_turn`], up to the first byte of its text.
#[repr(C)]
struct Clean {
    token: u64,
    flags: u32,
    index: u32,
    dead_pid: u32,
    reserved: u32,
    dead_who: c_char,
}

const _: () = assert!(offset_of!(crosstie_turn, dead_who) == 8 + offset_of!(Clean, dead_who));

/// What a thread has by a handle.
pub(crate) enum Held {
    /// A lock, and whether beside others.
    Lock(AnyLockGuard, Access),
    /// A lock alone, by the shortest way.
    Short(ShortTurn),
    /// A permit.
    Permit(Permit<'static>),
    /// Something that is being done once.
    Once(OnceTurn<'static>),
    /// A stay in a monitor.
    Inside(AnyMonitorGuard<'static>),
    /// What is given up while its thread waits to be notified.
    Away,
}
