//! `Recent`: the locks that a thread took lately, and its shortest way to each.
//!
//! From a handle to the words of a lock the table leads in four loads, each of which needs what the one before it answered. Here
//! they stand beside each other, in a line of the thread's own. That the handle is open still is asked each time.
#![expect(unsafe_code, reason = "a way is followed while its handle is open")]

use std::cell::UnsafeCell;
use std::mem::MaybeUninit;

use crosstie::sync::Shortcut;
use crosstie_core::atomic::{AtomicU64, Ordering};

use super::table::Place;

/// Handles that are opened one after the other do not meet here.
const WAYS: usize = 8;

/// Reached by its own thread alone, inside of a call (`caller` I1).
pub(crate) struct Recent([UnsafeCell<Way>; WAYS]);

/// A way to one lock.
#[repr(align(64))]
struct Way {
    handle: u64,
    /// The word of the handle's place in the table; [`NOWHERE`]: there is no way here.
    word: &'static AtomicU64,
    /// What that word says while the handle is open.
    live: u64,
    shortcut: MaybeUninit<Shortcut<'static>>,
}

/// Says for ever that nothing is open there: the shortest way need not ask whether it has a place to look at.
static NOWHERE: AtomicU64 = AtomicU64::new(0);

impl Way {
    fn none() -> Self {
        Self { handle: 0, word: &NOWHERE, live: 1, shortcut: MaybeUninit::uninit() }
    }
}

impl Recent {
    pub(super) fn none() -> Self {
        Self(std::array::from_fn(|_| UnsafeCell::new(Way::none())))
    }

    #[inline(always)]
    fn way(&self, handle: u64) -> *mut Way {
        // Behind the bit that every handle has stands its place in the table.
        self.0[(handle >> 1) as usize % WAYS].get()
    }

    /// The way to the lock of `handle`, while that is open; one that a fork brought along leads nowhere by itself ([`Shortcut`]).
    #[inline(always)]
    pub(super) fn to(&self, handle: u64) -> Option<&Shortcut<'static>> {
        // SAFETY: only this thread reaches it (`caller` I1), and it writes none while it follows one.
        let way = unsafe { &*self.way(handle) };
        // Acquire: as in `table::with`, whose check this is, against what was found then.
        if way.handle != handle || way.word.load(Ordering::Acquire) != way.live {
            return None;
        }
        // SAFETY: it was written with the place; and the lock that it borrows is there while the handle is open (`table` I1).
        Some(unsafe { way.shortcut.assume_init_ref() })
    }

    /// Remembers the way to the lock of `handle`, whose place says `live`.
    pub(super) fn remember(
        &self,
        handle: u64,
        place: &'static Place,
        live: u64,
        shortcut: MaybeUninit<Shortcut<'static>>,
    ) {
        // SAFETY: only this thread reaches it (`caller` I1), and it follows none meanwhile.
        unsafe { self.way(handle).write(Way { handle, word: &place.word, live, shortcut }) };
    }

    /// Forgets all ways: another thread is to come here, or another process.
    pub(super) fn forget(&self) {
        for way in &self.0 {
            // SAFETY: only this thread reaches it, or there is no live handle yet (`caller` I1).
            unsafe { way.get().write(Way::none()) };
        }
    }
}
