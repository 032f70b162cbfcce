//! [`Published`]: a place for what is made once and kept for the life of the process.
//!
//! No lock: a fork in the middle of somebody's lock would leave it locked in the child for ever.
#![expect(unsafe_code, reason = "turns the stored address back into the reference that it was")]

use std::ptr;

use crosstie_core::atomic::{AtomicPtr, Ordering};

/// Holds a `&'static T`, or nothing yet.
#[derive(Debug)]
pub(super) struct Published<T: Sync + 'static>(AtomicPtr<T>);

impl<T: Sync + 'static> Published<T> {
    pub(super) const fn nothing() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    pub(super) fn get(&self) -> Option<&'static T> {
        // Acquire: pairs with the Release in `replace`; the value was complete before.
        let stored = self.0.load(Ordering::Acquire);
        // SAFETY: null, or the address of a `&'static T` that `replace` stored.
        unsafe { stored.as_ref() }
    }

    /// Puts `new` where `current` was, or answers false because somebody else was first.
    pub(super) fn replace(&self, current: Option<&'static T>, new: &'static T) -> bool {
        let expected = current.map_or(ptr::null_mut(), |current| ptr::from_ref(current).cast_mut());
        let new = ptr::from_ref(new).cast_mut();
        // Release: publishes the value. Relaxed on failure: the caller looks again.
        self.0.compare_exchange(expected, new, Ordering::Release, Ordering::Relaxed).is_ok()
    }
}
