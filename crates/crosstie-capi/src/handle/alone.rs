//! `Alone`: what one thread at a time uses.
//!
//! A lock would cost two locked instructions a call, and the second waits until the message that was just sent has left the processor:
//! longer than all the rest. But an end mostly has one user. So whoever comes first may use it from then on without asking, for a call says
//! where it is anyway (`caller`); whoever comes second lets the kernel fence that one, looks whether it is inside, and from then on all ask
//! a lock.
//!
//! Invariants: I1 while `user` is a caller, that one uses it, inside of a call with its handle; else who has `turn` does.
//! I2 `user` is written by who has `turn`: from nobody to the first, and from the first to `MANY` when that is not inside.
#![expect(unsafe_code, reason = "one thread at a time has what is kept here")]

use std::cell::UnsafeCell;
use std::ops::{Deref, DerefMut};
use std::ptr;
use std::sync::{Mutex, MutexGuard, TryLockError};

use crosstie::ErrorKind;
use crosstie_core::atomic::{AtomicPtr, Ordering};

use super::Caller;
use crate::status::Failure;

/// What one thread at a time uses; a second one is refused, and does not wait for the first.
pub(crate) struct Alone<T> {
    /// The one caller that has used it; NULL: none has. `MANY`: several have.
    user: AtomicPtr<Caller>,
    turn: Mutex<()>,
    value: UnsafeCell<T>,
}

// SAFETY: the value is reached by one thread at a time (I1), and may move between threads.
unsafe impl<T: Send> Sync for Alone<T> {}

/// No address of a caller.
const MANY: *mut Caller = ptr::without_provenance_mut(1);

impl<T> Alone<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { user: AtomicPtr::new(ptr::null_mut()), turn: Mutex::new(()), value: UnsafeCell::new(value) }
    }

    pub(crate) fn into_inner(self) -> T {
        self.value.into_inner()
    }

    /// The value, for `caller`, which is inside of a call with its handle and asks once in it.
    ///
    /// # Errors
    /// `Busy` while another thread has it; `name` is what the message calls it.
    #[inline]
    pub(crate) fn of(&self, caller: &Caller, name: &str) -> Result<Using<'_, T>, Failure> {
        // Relaxed: its own word, or another's; who takes it from this caller fences it first (I2).
        let turn = if ptr::eq(self.user.load(Ordering::Relaxed), caller) {
            None
        } else {
            self.shared(caller, name)?
        };
        Ok(Using { alone: self, _turn: turn })
    }

    #[cold]
    fn shared(&self, caller: &Caller, name: &str) -> Result<Option<MutexGuard<'_, ()>>, Failure> {
        let turn = match self.turn.try_lock() {
            Ok(turn) => turn,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Err(busy(name)),
        };
        let user = self.user.load(Ordering::Relaxed); // Relaxed: written under `turn` (I2).
        if user.is_null() {
            self.user.store(ptr::from_ref(caller).cast_mut(), Ordering::Relaxed); // Relaxed: as above.
            return Ok(None);
        }
        if user != MANY {
            self.user.store(MANY, Ordering::Relaxed); // Relaxed: the fences behind it order it.
            // SAFETY: callers are never freed (`caller` I3).
            if unsafe { &*user }.is_inside_as(caller) {
                self.user.store(user, Ordering::Relaxed); // Relaxed: it was never gone for that one.
                return Err(busy(name));
            }
        }
        Ok(Some(turn))
    }
}

#[cold]
fn busy(name: &str) -> Failure {
    Failure::new(ErrorKind::Busy, format!("another thread is inside a call with this {name}"))
        .advise("give each thread an end of its own, or take turns")
}

/// Until it is dropped, this thread alone uses the value.
pub(crate) struct Using<'a, T> {
    alone: &'a Alone<T>,
    _turn: Option<MutexGuard<'a, ()>>,
}

impl<T> Deref for Using<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: this thread alone has it (I1).
        unsafe { &*self.alone.value.get() }
    }
}

impl<T> DerefMut for Using<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this thread alone has it (I1), and asked once in its call.
        unsafe { &mut *self.alone.value.get() }
    }
}
